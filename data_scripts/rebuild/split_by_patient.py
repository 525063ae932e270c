"""How optimistic is a split by image? One laboratory, cut once by patient and once by image, the same network on both.

    python data_scripts/rebuild/split_by_patient.py --data DIR --backbone small_cnn --out results/patients
    python data_scripts/rebuild/split_by_patient.py --data DIR --backbone dinov2_s14_linear --out results/patients

Each cut has five folds. A patient's cells look alike (one stain, one slide, one illness): where some of them train and
others validate, a network is asked about patients that it has met. Folds that --out holds already are not repeated.
Writes all that --out holds into ``wbc_tutorial/experiments/results/patients.csv``.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import BadInput, one_line_errors

import wbc_tutorial
from wbc_tutorial.course import environment
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.folds import folds
from wbc_tutorial.data.prepared import load_prepared
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import tables
from wbc_tutorial.models import build
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit

TARGET = Path(tables.__file__).parent / "results" / "patients.csv"
STEPS, BATCH, RATE = 500, 48, 2e-3


def cuts(cells: CellImages) -> dict[str, list]:
    """Return the folds by patient and by image."""
    if len(set(cells.groups)) < 10:
        raise BadInput("the set knows fewer than ten patients: nothing to compare")
    return {"patients": folds(cells), "images": folds(replace(cells, groups=None))}


def score(cells: CellImages, split: tuple, backbone: str, fold: int, steps: int) -> dict:
    """Train on one part and score on the other."""
    seed_everything(fold)
    model = build(backbone, len(cells.classes))
    part, rest = map(cells.subset, split)
    fit(model, part, steps=steps, per_domain=BATCH, learning_rate=RATE, seed=fold, progress=f"fold {fold}")
    f1 = f1_scores(rest.labels, predict(model, rest).argmax(axis=1), len(cells.classes))
    known = np.isin(rest.groups, part.groups).mean()
    return {"n_images": len(rest), "of_known_patients": known, "f1_micro": f1.micro, "f1_macro": f1.macro}


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, then write the rows."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("--data", required=True, metavar="DIR", help="the prepared set of one laboratory")
    parser.add_argument("--backbone", default="small_cnn", metavar="NAME", help="default: small_cnn")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the finished folds")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    environment.use_threads()
    try:
        cells = load_prepared(given.data)
    except (ValueError, FileNotFoundError) as error:
        raise BadInput(str(error)) from error
    given.out.mkdir(parents=True, exist_ok=True)
    for cut, parts in cuts(cells).items():
        for fold, split in enumerate(parts):
            path = given.out / f"{given.backbone}-{cut}-fold{fold}.csv"
            if path.exists():
                continue
            facts = {"laboratory": cells.domain_names[0], "backbone": given.backbone, "cut_by": cut, "fold": fold}
            found = facts | score(cells, split, given.backbone, fold, given.steps)
            row = pd.DataFrame([found | {"steps": given.steps, "version": wbc_tutorial.__version__}])
            row.to_csv(path, index=False, float_format="%.6f")
            print(f"{given.backbone}, by {cut}, fold {fold}: F1-macro {found['f1_macro']:.3f}", flush=True)
    rows = pd.concat([pd.read_csv(path) for path in sorted(given.out.glob("*-fold*.csv"))])
    rows.to_csv(given.target, index=False)
    print(rows.groupby(["backbone", "cut_by"]).f1_macro.agg(["mean", "std"]).round(3).to_string())


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
