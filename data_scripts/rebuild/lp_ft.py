"""Train a foundation model on after its linear probe (LP-FT), to compare it with the probe in an unseen laboratory.

    python data_scripts/rebuild/lp_ft.py --data DIR --out results/lp_ft

A linear probe is trained on frozen features, as for ``fine13_features``. Then all layers are trained, and the head
starts from the probe's: a head that starts at random would pull the features away from what they know (Kumar et al.,
"Fine-tuning can distort pretrained features and underperform out-of-distribution", ICLR 2022). The learning rate is the
one of `RATES` with the highest F1-macro on validation images of the first fold. Five folds train with it, and only
these are scored in the unseen laboratories. Trainings that --out holds are not repeated. Writes ``lp_ft.csv`` and
``lp_ft.json`` into ``wbc_tutorial/experiments/results``. A graphics card is advised.
"""

import argparse
import json
import sys
from pathlib import Path

import pandas as pd
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors
from rebuild.benchmark_runs import loaded, processor, where_and_when

import wbc_tutorial
from wbc_tutorial import models
from wbc_tutorial.course import environment
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.folds import folds
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit

TARGET = Path(tables.__file__).parent / "results"
RATES = (1e-5, 3e-5, 1e-4)
"""Adam's peak rates of the second stage, from which the first fold's validation images choose."""


def whole(probe: models.Classifier) -> models.Classifier:
    """Return the network whose features a linear probe reads, and the probe, as one network that can be trained."""
    backbone = nn.Sequential(probe.trunk.trainable(), *probe.backbone)
    model = models.Classifier(backbone, probe.n_features, probe.n_classes, (0.0,) * 3, (1.0,) * 3)
    model.head = probe.head
    return model


def rows_of(settings: Settings, cells: CellImages, fold: int, rate: float, *, unseen: bool) -> list[dict]:
    """Train the probe, then all layers; score validation images and, if asked for, the unseen laboratories."""
    benchmark = settings.benchmark
    known = cells.of_domain(*benchmark.train)
    train, validation = map(known.subset, folds(known, benchmark.n_folds)[fold])
    parts = {"in_domain": validation} | ({"unseen": cells.of_domain(*benchmark.unseen)} if unseen else {})
    seed_everything(fold)
    probe = models.build(settings.backbone, len(cells.classes))
    options = settings.fit_options("erm", train.counts, probe.n_features)
    fit(probe, train, seed=fold, progress=None, **options)
    model = whole(probe)
    options |= {"learning_rate": rate, "frozen_batch_norm": True}  # the probe's standardisation stays
    history = fit(model, train, seed=fold, progress=None, **options)
    facts = {"benchmark": benchmark.name, "method": "lp_ft", "learning_rate": rate, "fold": fold, "seed": 0}
    facts |= {"seconds_per_step": history.seconds_per_step, "steps": settings.total_steps}
    rows = []
    for split, part in parts.items():
        f1 = f1_scores(part.labels, predict(model, part).argmax(axis=1), len(part.classes))
        scores = {"f1_micro": f1.micro, "f1_macro": f1.macro}
        rows.append(facts | {"split": split, "domain": "+".join(part.domain_names)} | scores)
    return [row | {"version": wbc_tutorial.__version__} for row in rows]


def kept(path: Path, settings: Settings, cells: CellImages, fold: int, rate: float, *, unseen: bool) -> pd.DataFrame:
    """Return the rows of a training, which `path` holds or takes."""
    if not path.exists():
        rows = pd.DataFrame(rows_of(settings, cells, fold, rate, unseen=unseen))
        rows.to_csv(path, index=False)
        print(f"{path.stem}: F1-macro {', '.join(f'{score:.3f}' for score in rows.f1_macro)}", flush=True)
    return pd.read_csv(path)


def main(arguments: list[str] | None = None) -> None:
    """Choose the rate, train the folds, and write the two files."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("--data", required=True, metavar="DIR", help="prepared images of fine13")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the finished trainings")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--benchmark", default="fine13", help=argparse.SUPPRESS)
    parser.add_argument("--backbone", default="dinov2_s14_linear", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    n_threads = environment.use_threads()
    settings, cells = loaded(given)
    given.out.mkdir(parents=True, exist_ok=True)
    trials = pd.concat(kept(given.out / f"rate{rate:g}.csv", settings, cells, 0, rate, unseen=False) for rate in RATES)
    rate = float(trials.learning_rate.iloc[trials.f1_macro.argmax()])
    runs = pd.concat(
        kept(given.out / f"fold{fold}.csv", settings, cells, fold, rate, unseen=True)
        for fold in range(settings.benchmark.n_folds)
    )
    given.target.mkdir(parents=True, exist_ok=True)
    rows = pd.concat([trials.assign(stage="trial"), runs.assign(stage="chosen")])
    rows.to_csv(given.target / "lp_ft.csv", index=False, float_format="%.6g")
    facts = {
        "command": "python data_scripts/rebuild/lp_ft.py --data DIR --out results/lp_ft",
        "settings": settings.identity() | {"rates": list(RATES), "chosen": rate},
        "image_size": cells.images.shape[-1],
        "processor": processor(settings),
        **where_and_when(n_threads),
    }
    (given.target / "lp_ft.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    print(f"{len(rows)} rows written to {given.target / 'lp_ft.csv'}")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
