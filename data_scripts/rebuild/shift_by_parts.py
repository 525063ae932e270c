r"""Which part of a laboratory costs which method how much: dyes, light, lens and sensor, each exchanged alone.

    python data_scripts/rebuild/ship_results.py simulated --out results/simulated
    python -m wbc_tutorial --methods erm --folds 5 --out results/recipe \
           --recipe od_rescale,stain_augment_strong,class_balanced,tta,even_mix
    python data_scripts/rebuild/shift_by_parts.py results/simulated results/recipe

The saved networks of these results name the same fresh cells of the ten classes that sim_acevedo has: first as
sim_acevedo photographs them, then with one part of sim_mll at a time, then with all four. Cells of this seed took part
in no training. Writes ``simulated_parts.csv`` (a row for each method, recipe, fold, seed and part) and
``simulated_parts.json`` into ``wbc_tutorial/experiments/results``. About five minutes on one quiet processor.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import BadInput, one_line_errors
from rebuild.benchmark_runs import where_and_when

from wbc_tutorial.course import environment
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.data.simulator import LOOK_PARTS, LOOKS, exchanged, simulate_cell
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.recipes import Recipe
from wbc_tutorial.experiments.saved_models import load_model

TARGET = Path(tables.__file__).parent / "results"
KNOWN, UNSEEN = "sim_acevedo", "sim_mll"
METHODS = ("erm", "coral", "dann", "boda", "boda_plus", "erm_plus")
CELLS_SEED = 3


def photographed(each: int) -> dict[str, CellImages]:
    """Return the same cells, `each` of every class of the known laboratory, with each part exchanged."""
    known, unseen = LOOKS[KNOWN], LOOKS[UNSEEN]
    looks = {"none": known} | {part: exchanged(known, unseen, part) for part in LOOK_PARTS}
    looks["all four"] = exchanged(known, unseen, *LOOK_PARTS)
    classes = np.flatnonzero(np.asarray(LABORATORIES[KNOWN].counts))
    labels = np.repeat(classes, each)
    found = {}
    for part, look in tqdm(looks.items(), desc="photographs"):
        pictures = [
            simulate_cell(KNOWN, CLASSES[c], i, seed=CELLS_SEED, look=look) for c in classes for i in range(each)
        ]
        images = np.stack(pictures).transpose(0, 3, 1, 2)
        found[part] = CellImages(images, labels, np.zeros(len(labels), int), CLASSES, (KNOWN,))
    return found


def scored(path: Path, cells: dict[str, CellImages]) -> list[dict]:
    """Return a row for each part: what the saved network at `path` makes of these cells."""
    model = load_model(path)
    method, fold, seed = path.stem.replace("fold", "").replace("seed", "").split("-")
    options = Recipe(model.recipe).predict_options(known=False)
    rows = []
    for part, images in cells.items():
        said = predict(model, images, **options).argmax(axis=1)
        f1 = f1_scores(images.labels, said, len(CLASSES))
        run = {"method": method, "recipe": str(Recipe(model.recipe)), "fold": int(fold), "seed": int(seed)}
        rows.append(run | {"part": part, "n_images": len(images), "f1_micro": f1.micro, "f1_macro": f1.macro})
    return rows


def main(arguments: list[str] | None = None) -> None:
    """Photograph, score all networks, and write the two files."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("results", nargs="+", type=Path, metavar="DIR", help="results folders with their models")
    parser.add_argument("--each", type=int, default=40, metavar="N", help="cells of each class (default: 40)")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    n_threads = environment.use_threads()
    paths = [path for folder in given.results for path in sorted((folder / "models").glob("*.pt"))]
    paths = [path for path in paths if path.stem.split("-")[0] in METHODS]
    if not paths:
        raise BadInput(f"no saved networks in {', '.join(map(str, given.results))}: run the first two commands above")
    cells = photographed(given.each)
    rows = pd.DataFrame([row for path in tqdm(paths, desc="networks") for row in scored(path, cells)])
    path = given.target / "simulated_parts.csv"
    rows.to_csv(path, index=False, float_format="%.6f")
    command = "python data_scripts/rebuild/shift_by_parts.py results/simulated results/recipe"
    facts = {"command": command, "cells_of_each_class": given.each, "seed_of_the_cells": CELLS_SEED}
    path.with_suffix(".json").write_text(
        json.dumps(facts | where_and_when(n_threads), indent=2) + "\n", encoding="utf-8"
    )
    print(f"{len(rows)} rows written to {path}")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
