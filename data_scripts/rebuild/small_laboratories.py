"""What recipes that use a laboratory's images together do in small and skewed laboratories, against image by image.

    python data_scripts/rebuild/small_laboratories.py

The network that the package brings along (ERM) names the cells of eight laboratories that are drawn at random, with 60,
120 and 240 images each: of 13 classes alike, of a clinic's mix, and with 90 % of one class. ``class_mix`` is compared
with ``even_mix``, its image-by-image part. Prints the mean difference of F1-macro, which docs/results.md shows. About
two minutes on one quiet processor.
"""

import copy
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors

from wbc_tutorial.course.networks import trained_network
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.folds import folds
from wbc_tutorial.data.random_laboratories import random_laboratory
from wbc_tutorial.data.simulated import load_simulated
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.calibration import balance_head
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.recipes import Recipe
from wbc_tutorial.models import Classifier

RECIPES = ("adabn_balanced", "t3a", "label_spreading", "adabn_balanced,t3a,tta,label_spreading", "class_mix")
SEEDS, SIZES = tuple(range(300, 308)), (60, 120, 240)
CLINIC = (0.01, 0.03, 0.01, 0.01, 0.01, 0.01, 0.01, 0.03, 0.55, 0.07, 0.22, 0.02, 0.02)
"""Shares of the classes in a blood count of a clinic."""


def mixes(n: int, seed: int) -> dict[str, list[int]]:
    """Return how many images of each class the laboratory has, for each kind of mix."""
    skewed = [max(1, round(0.1 * n / 12))] * len(CLASSES)
    skewed[np.random.default_rng(seed).integers(len(CLASSES))] = round(0.9 * n)
    clinic = [max(1, round(n * share)) for share in CLINIC]
    return {"alike": [n // len(CLASSES)] * len(CLASSES), "a clinic's": clinic, "90 % of one class": skewed}


@cache
def networks() -> dict[bool, Classifier]:
    """Return the network as it is, and with a head that answers for an even mix."""
    model, known = trained_network("erm"), load_simulated(BENCHMARKS["simulated"].train)
    _, validation = folds(known)[0]
    return {False: model, True: balance_head(copy.deepcopy(model), known.subset(validation))}


def differences(seed: int, n: int) -> list[dict]:
    """Score one laboratory under each mix with each recipe, against the same network image by image."""
    found = []
    for mix, counts in mixes(n, seed).items():
        cells = random_laboratory(seed, tuple(counts))

        def f1(model, cells=cells, **options) -> float:
            return f1_scores(cells.labels, predict(model, cells, **options).argmax(axis=1), len(CLASSES)).macro

        plain = {even: f1(model) for even, model in networks().items()}
        for recipe in map(Recipe, RECIPES):
            options = recipe.predict_options(known=False) | {"step_back": False}
            gain = f1(networks()[recipe.even_mix], **options) - plain[recipe.even_mix]
            found.append({"recipe": str(recipe), "mix": mix, "images": n, "seed": seed, "gain": gain})
    return found


def main(arguments: list[str] | None = None) -> None:
    """Score all laboratories and print the table."""
    parser = OneLineParser(description=__doc__.splitlines()[0])
    parser.add_argument("--laboratories", type=int, default=len(SEEDS), metavar="N", help="default: 8")
    given = parser.parse_args(arguments)
    seeds = SEEDS[: given.laboratories]
    rows = pd.DataFrame([row for seed in seeds for n in SIZES for row in differences(seed, n)])
    print(rows.pivot_table("gain", ["recipe", "mix"], "images", sort=False).round(3).to_string())


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
