"""Do simulated cells of rare and missing classes help real ones? ERM on fine13, with and without them, on five folds.

    python data_scripts/rebuild/simulated_beside_real.py --data DIR --out results/beside

The design was written before the first run. A class of which some training laboratory has fewer than `FEW` images gets
`PER_CLASS` simulated cells from each of five laboratories drawn at random: stain, light, optics, magnification. They
train as one more laboratory: a batch holds as many real images as without them, and as many simulated ones as of a real
laboratory. Everything else is the benchmark's. Folds that --out holds are not repeated. Writes ``beside.csv`` and
``beside.json``, or files of another --name, into ``wbc_tutorial/experiments/results``; the runs without simulated cells
are those of ``fine13``, or of ``fine13_112`` for images prepared at 112 px (``--name beside_112``).
"""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors
from rebuild.benchmark_runs import loaded, processor, where_and_when

import wbc_tutorial
from wbc_tutorial import models
from wbc_tutorial.course import environment
from wbc_tutorial.data.cell_images import CellImages, concatenate
from wbc_tutorial.data.folds import folds
from wbc_tutorial.data.random_laboratories import random_laboratory
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit

TARGET = Path(tables.__file__).parent / "results"
FEW, PER_CLASS, SEEDS = 150, 40, range(400, 405)


def rare_classes(train: CellImages) -> list[int]:
    """Return the classes of which some laboratory has fewer than `FEW` training images."""
    return np.flatnonzero((train.counts < FEW).any(axis=0)).tolist()


def simulated(classes: list[int], like: CellImages) -> CellImages:
    """Draw cells of these classes from five random laboratories, as one laboratory of the size of `like`."""
    wanted = [PER_CLASS * (number in classes) for number in range(len(like.classes))]
    drawn = concatenate([random_laboratory(seed, wanted, size=like.images.shape[-1]) for seed in SEEDS])
    drawn = replace(drawn, um_per_px=like.um_per_px)  # each was drawn with a magnification of its own
    return replace(drawn, domains=0 * drawn.domains, domain_names=("simulated",))


def rows_of(settings: Settings, cells: CellImages, fold: int) -> list[dict]:
    """Train one fold with simulated cells beside it; score it on known and unseen real ones."""
    benchmark = settings.benchmark
    known, unseen = (cells.of_domain(*names) for names in (benchmark.train, benchmark.unseen))
    train, validation = map(known.subset, folds(known, benchmark.n_folds)[fold])
    rare = rare_classes(train)
    together = concatenate([train, simulated(rare, train)])
    seed_everything(fold)
    model = models.build(settings.backbone, len(cells.classes))
    options = settings.fit_options("erm", together.counts, model.n_features)
    fit(model, together, seed=fold, progress=None, **options)
    facts = {"benchmark": benchmark.name, "method": "erm", "simulated_classes": len(rare), "fold": fold, "seed": 0}
    rows = []
    for split, part in {"in_domain": validation, "unseen": unseen}.items():
        predicted = predict(model, part).argmax(axis=1)
        f1 = f1_scores(part.labels, predicted, len(part.classes))
        right = {f"recall_{group}": np.nan for group in ("rare", "other")}
        for group, here in (("rare", np.isin(part.labels, rare)), ("other", ~np.isin(part.labels, rare))):
            classes = np.unique(part.labels[here])
            right[f"recall_{group}"] = np.mean([(predicted == part.labels)[part.labels == c].mean() for c in classes])
        scores = {"f1_micro": f1.micro, "f1_macro": f1.macro} | right
        rows.append(facts | {"split": split, "domain": "+".join(part.domain_names)} | scores)
    return [row | {"steps": settings.total_steps, "version": wbc_tutorial.__version__} for row in rows]


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, then write the two files."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("--data", required=True, metavar="DIR", help="prepared images of fine13")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the finished folds")
    parser.add_argument("--name", default="beside", help="of the files that are written")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--benchmark", default="fine13", help=argparse.SUPPRESS)
    parser.add_argument("--backbone", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    n_threads = environment.use_threads()
    settings, cells = loaded(given)
    given.out.mkdir(parents=True, exist_ok=True)
    for fold in range(settings.benchmark.n_folds):
        path = given.out / f"fold{fold}.csv"
        if not path.exists():
            rows = pd.DataFrame(rows_of(settings, cells, fold))
            rows.to_csv(path, index=False, float_format="%.6f")
            print(f"fold {fold}: F1-macro {', '.join(f'{score:.3f}' for score in rows.f1_macro)}", flush=True)
    rows = pd.concat([pd.read_csv(given.out / f"fold{fold}.csv") for fold in range(settings.benchmark.n_folds)])
    given.target.mkdir(parents=True, exist_ok=True)
    path = given.target / f"{given.name}.csv"
    rows.to_csv(path, index=False, float_format="%.6f")
    other = "" if given.name == "beside" else f" --name {given.name}"
    facts = {
        "command": f"python data_scripts/rebuild/simulated_beside_real.py --data DIR --out results/{given.name}{other}",
        "settings": settings.identity() | {"few": FEW, "per_class": PER_CLASS, "seeds": list(SEEDS)},
        "image_size": cells.images.shape[-1],
        "processor": processor(settings),
        **where_and_when(n_threads),
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"{len(rows)} rows written to {path}")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
