"""Score every candidate recipe with each laboratory left out in turn: the table from which the recipe is chosen.

    python data_scripts/rebuild/select_recipe.py --data DIR --out results/selection
    python data_scripts/rebuild/select_recipe.py --out results/selection

DIR holds prepared sets of acevedo_20, raabin, jhu_21, chula and bccd. Each is once the unseen laboratory; the other
four train, in five coarse classes, on the first of five folds: ``selection.csv``, a row per laboratory, training and
way of prediction. Without --data: `small_cnn` is trained on two simulated laboratories and scored in 24 that are drawn
at random: ``selection_simulated.csv``. What stands in a table is not computed again. The rule by which one candidate is
chosen was written down before the first run: docs/recipe_selection/rule.md.
"""

import copy
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors

from wbc_tutorial import models
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import CLASSES, COARSE_CLASSES
from wbc_tutorial.data.folds import folds
from wbc_tutorial.data.processors import usable_processors
from wbc_tutorial.data.random_laboratories import random_laboratory
from wbc_tutorial.data.simulated import load_simulated
from wbc_tutorial.evaluation.adaptation import adapt_batch_norm, label_spreading, t3a_head
from wbc_tutorial.evaluation.calibration import calibrate, class_mix
from wbc_tutorial.evaluation.metrics import summary
from wbc_tutorial.experiments.benchmarks import BENCHMARKS, Benchmark
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.features import extract
from wbc_tutorial.training.loop import fit
from wbc_tutorial.training.retraining import retrain_classifier
from wbc_tutorial.transforms.augmentation import stain_augment
from wbc_tutorial.transforms.normalisation import optical_density

LABORATORIES = ("acevedo_20", "raabin", "jhu_21", "chula", "bccd")
REFERENCE = ("plain", "plain")
"""ERM, one view of each image."""

INDUCTIVE = ("plain", "tta", "tta+even_mix")
"""The first ways of `predictions`: each image is named by itself."""

ALLOWED_LOSS = 0.02

RANDOM = range(200, 224)
"""Seeds of the simulated laboratories."""

MOST = 2000
"""Images of one laboratory that are scored, drawn at random; smaller laboratories are scored whole."""

STRONG = "stain_augment_strong"
TRAININGS: dict[str, dict] = {
    "plain": {},
    "stain_augment": {"recipe": "stain_augment"},
    "strong": {"recipe": STRONG},
    "strong+class_balanced": {"recipe": f"{STRONG},class_balanced"},
    "strong+od_rescale": {"recipe": f"{STRONG},od_rescale"},
    "strong+od_rescale+class_balanced": {"recipe": f"{STRONG},od_rescale,class_balanced"},
    "strong+white_balance": {"recipe": f"{STRONG},white_balance"},
    "strong+reinhard": {"recipe": f"{STRONG},reinhard"},
    "strong+grayscale": {"recipe": f"{STRONG},grayscale"},
    "strong+double_steps": {"recipe": f"{STRONG},double_steps"},
    "strong+ema": {"recipe": f"{STRONG},ema"},
    "stain_augment+swap": {"swap": True},
    "strong+swap": {"recipe": STRONG, "swap": True},
    "strong+head": {"recipe": STRONG, "head": True},
    "coral": {"method": "coral"},
    "dann": {"method": "dann"},
    "boda": {"method": "boda"},
    "boda_authors": {"method": "boda_authors"},
    "boda_scaled": {"method": "boda_scaled"},
    "boda_plus": {"method": "boda", "head": True},
    "strong+coral": {"recipe": STRONG, "method": "coral"},
    "strong+boda_scaled": {"recipe": STRONG, "method": "boda_scaled"},
}
"""What each candidate changes in training; the rest is ERM with the benchmark's own settings."""


def stain_swap(images: Tensor, generator: torch.Generator, *, share: float = 0.5) -> Tensor:
    """Give a `share` of the images the mean and spread of optical density of another image of the batch (per channel).

    ``OD' = m' + s' (OD - m) / s``; the other image is drawn at random and may come from another laboratory. Source: the
    colour transfer of Reinhard et al. 2001 in optical density, used as an augmentation across laboratories as in SADA.
    """
    n = len(images)
    other = torch.randperm(n, generator=generator).to(images.device)
    touched = (torch.rand(n, 1, 1, 1, generator=generator) < share).to(images.device)
    density = optical_density(images)
    mean = density.mean((2, 3), keepdim=True)
    spread = density.std((2, 3), keepdim=True).clamp_min(1e-3)
    moved = (mean[other] + (density - mean) * (spread[other] / spread)).clamp_min(0).neg().exp()
    return torch.where(touched, moved, images)


def _swap_first(after: Callable[[Tensor, torch.Generator], Tensor]) -> Callable[[Tensor, torch.Generator], Tensor]:
    return lambda images, generator: after(stain_swap(images, generator), generator)


def train(
    cells: CellImages,
    name: str,
    benchmark: Benchmark,
    *,
    seed: int = 0,
    rate: float | None = None,
    trained: dict | None = None,
):
    """Train one candidate of `TRAININGS` on these cells; return the network.

    `rate` is Adam's peak rate; None = that of ``high_lr``. `trained` keeps the networks of one benchmark and seed: a
    re-trained classifier starts from the one it belongs to.
    """
    change = TRAININGS[name]
    trained = {} if trained is None else trained
    before = tuple(item for item in change.items() if item[0] != "head")
    if before not in trained:
        trained[before] = _trained(cells, change, benchmark, seed, rate)
    model = copy.deepcopy(trained[before])
    if change.get("head"):
        retrain_classifier(model, cells, seed=seed)
    return model


def _trained(cells: CellImages, change: dict, benchmark: Benchmark, seed: int, rate: float | None):
    settings = Settings(benchmark, recipe=f"high_lr,{change.get('recipe', '')}")
    seed_everything(seed)
    model = settings.recipe.prepare(models.build(settings.backbone, len(cells.classes)))
    options = settings.fit_options(change.get("method", "erm"), cells.counts, model.n_features)
    if rate:
        options["learning_rate"] = rate
    if change.get("swap"):
        options["augmentation"] = _swap_first(options.get("augmentation", stain_augment))
    fit(model, cells, seed=seed, progress=None, **options)
    return model


def predictions(model, unseen: CellImages, validation: CellImages) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the name of each way of prediction, its logits of the validation images and of the unseen laboratory."""
    _, known_plain = extract(model, validation)
    yield "plain", known_plain, extract(model, unseen)[1]
    _, known = extract(model, validation, tta=True)
    scale, bias, shares = calibrate(known, validation.labels)

    def calibrated(logits):
        return torch.log_softmax(torch.as_tensor(logits * scale + bias), dim=1).numpy()

    def remixed(logits, *, held_back=1e-6):
        even = calibrated(logits) - np.log(shares)
        return even + np.log(class_mix(even, held_back=held_back, expected=shares))

    for norm in ("", "adabn_mixed", "adabn_balanced"):
        adapted = model
        if norm:
            how = {"share": 0.5, "class_balanced": norm == "adabn_balanced"}
            adapted = adapt_batch_norm(copy.deepcopy(model), unseen, **how)
        features, logits = extract(adapted, unseen, tta=True)
        first = f"tta+{norm}" if norm else "tta"
        yield first, known, logits
        if not norm:
            even = calibrated(known) - np.log(shares)
            yield f"{first}+even_mix", even, calibrated(logits) - np.log(shares)
        yield f"{first}+class_mix", known, remixed(logits)
        yield f"{first}+class_mix_held_back", known, remixed(logits, held_back=100.0)
        z, scores = torch.as_tensor(features), torch.as_tensor(logits)
        prototypes = t3a_head(copy.deepcopy(adapted.head).cpu(), z, scores)(z).detach().numpy()
        yield f"{first}+t3a", known, prototypes
        yield f"{first}+t3a+label_spreading", known, label_spreading(features, prototypes)


def some(cells: CellImages, seed: int = 0) -> CellImages:
    """Draw `MOST` images at random; all where there are no more."""
    return cells.subset(np.sort(np.random.default_rng(seed).permutation(len(cells))[:MOST]))


def left_out(laboratory: str) -> Benchmark:
    """Return the benchmark in which this laboratory is unseen and the four others train, 64 images a batch."""
    rest = tuple(name for name in LABORATORIES if name != laboratory)
    return Benchmark(f"without-{laboratory}", rest, (laboratory,), COARSE_CLASSES, per_domain=16)


def rows_of(
    cells: CellImages,
    laboratory: str,
    training: str,
    fold: int = 0,
    *,
    n_ways: int | None = None,
    rate: float | None = None,
    trained: dict | None = None,
) -> list[dict]:
    """Train one candidate without one laboratory; return its scores by the first ways of prediction, or all."""
    benchmark = left_out(laboratory)
    known, unseen = cells.of_domain(*benchmark.train), some(cells.of_domain(laboratory))
    train_rows, validation_rows = folds(known, benchmark.n_folds)[fold]
    validation = some(known.subset(validation_rows))
    model = train(known.subset(train_rows), training, benchmark, seed=fold, rate=rate, trained=trained)
    facts = {"laboratory": laboratory, "fold": fold, "training": training}
    return [facts | scored for scored in scores(model, unseen, validation, n_ways=n_ways)]


def scores(model, unseen: CellImages, validation: CellImages, *, n_ways: int | None = None) -> list[dict]:
    """Score the first ways of prediction, or all, on the unseen laboratory and on images of the known ones."""
    kept = ("f1_micro", "f1_macro", "f1_macro_min10", "n_images")
    shots = validation.counts.sum(axis=0)
    rows = []
    for way, known_logits, logits in islice(predictions(model, unseen, validation), n_ways):
        here = summary(unseen.labels, logits, shots)
        there = summary(validation.labels, known_logits, shots)
        known = {f"known_{name}": there[name] for name in kept}
        rows.append({"prediction": way} | {name: here[name] for name in kept} | known)
    return rows


def random_counts(seed: int) -> list[int]:
    """Draw how many images of each class a laboratory has: 60 to 2,000 in all, a mix with common and rare classes."""
    generator = np.random.default_rng([seed, 27])
    n = int(np.exp(generator.uniform(np.log(60), np.log(2000))))
    return generator.multinomial(n, generator.dirichlet(np.full(len(CLASSES), 0.7))).tolist()


def drawn(seed: int) -> CellImages:
    """Draw one laboratory: its look, its magnification, its mix and its number of images."""
    return random_laboratory(seed, random_counts(seed))


def simulated_rows(training: str, laboratories: list[CellImages]) -> list[dict]:
    """Train one candidate on the two simulated training laboratories; score it image by image in all of these."""
    benchmark = BENCHMARKS["simulated"]
    known = load_simulated(benchmark.train)
    train_rows, validation_rows = folds(known, benchmark.n_folds)[0]
    validation = known.subset(validation_rows)
    model = train(known.subset(train_rows), training, benchmark)
    rows = []
    for cells in laboratories:
        facts = {"laboratory": cells.domain_names[0], "fold": 0, "training": training}
        rows += [facts | scored for scored in scores(model, cells, validation, n_ways=len(INDUCTIVE))]
    return rows


def compared(real: pd.DataFrame, simulated: pd.DataFrame) -> pd.DataFrame:
    """Apply the rule: a line per candidate with its scores, and whether it may be chosen; the best ones first.

    Columns: ``real``, ``simulated`` (mean F1-macro over classes with ten images or more), ``score`` (mean of the two),
    ``worst_real`` (lowest difference to ERM among the real laboratories), ``known`` (difference on known laboratories),
    ``worst_simulated`` (mean of the six lowest differences), ``harmless``, ``inductive``. Candidates that were not
    scored in simulated laboratories have NaN there, and ``harmless`` speaks of the real ones alone.
    """
    candidate = ["training", "prediction"]
    by_lab = real.pivot_table("f1_macro_min10", candidate, "laboratory")
    drawn_by_lab = simulated.pivot_table("f1_macro_min10", candidate, "laboratory").reindex(by_lab.index)
    known = real.groupby(candidate).known_f1_macro.mean()
    worst = drawn_by_lab.sub(drawn_by_lab.loc[REFERENCE]).apply(lambda line: line.nsmallest(6).mean(), axis=1)
    table = pd.DataFrame({"real": by_lab.mean(axis=1), "simulated": drawn_by_lab.mean(axis=1)})
    table["score"] = table.mean(axis=1, skipna=False)
    table["worst_real"] = by_lab.sub(by_lab.loc[REFERENCE]).min(axis=1)
    table["known"] = known - known[REFERENCE]
    table["worst_simulated"] = worst
    table["harmless"] = (table[["worst_real", "known", "worst_simulated"]].fillna(0) >= -ALLOWED_LOSS).all(axis=1)
    table["inductive"] = table.index.get_level_values("prediction").isin(INDUCTIVE)
    return table.sort_values(["score", "real"], ascending=False)


def main(arguments: list[str] | None = None) -> None:
    """Compute what is missing in the table."""
    parser = OneLineParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="DIR", help="prepared sets of the five laboratories; without: simulated ones")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the table")
    parser.add_argument("--only", nargs="+", choices=list(TRAININGS), default=list(TRAININGS), metavar="TRAINING")
    parser.add_argument("--learning-rate", type=float, metavar="R", help="Adam's peak rate (default: that of high_lr)")
    parser.add_argument("--ways", type=int, metavar="N", help="score the first N ways of prediction (default: all)")
    given = parser.parse_args(arguments)
    given.out.mkdir(parents=True, exist_ok=True)
    if given.data is None:
        with ProcessPoolExecutor(max_workers=usable_processors()) as pool:
            laboratories = list(pool.map(drawn, RANDOM))
        jobs = {("", name): partial(simulated_rows, name, laboratories) for name in given.only}
    else:
        cells = replace(left_out("bccd"), name="all").load(given.data)
        networks: dict[str, dict] = {lab: {} for lab in LABORATORIES}
        jobs = {
            (lab, name): partial(
                rows_of, cells, lab, name, n_ways=given.ways, rate=given.learning_rate, trained=networks[lab]
            )
            for lab in LABORATORIES
            for name in given.only
        }
    path = given.out / ("selection_simulated.csv" if given.data is None else "selection.csv")
    done = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["laboratory", "training"])
    for (laboratory, training), work in jobs.items():
        if ((done.training == training) & done.laboratory.str.contains(laboratory)).any():
            continue
        rows = pd.DataFrame(work())
        rows.to_csv(path, mode="a", header=not path.exists(), index=False, float_format="%.6f")
        print(f"{laboratory or 'simulated'}, {training}: F1-macro {rows.f1_macro.mean():.3f}", flush=True)


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
