"""Train on 1, 2, 4, 8 and 16 laboratories drawn at random, always on 800 images, and score in eight others.

    python data_scripts/rebuild/how_many_laboratories.py --out results/laboratories

Every laboratory is simulated: stain, lamp, lens, camera and magnification are drawn by dice, the mix of classes is the
same in all. So only the number of looks in training differs. ERM, `small_cnn`, 500 batches of 48 images. Trainings that
--out holds already are not repeated. When all are there, writes ``laboratories.csv`` and ``laboratories.json`` into
``wbc_tutorial/experiments/results``; notebook 12 draws them. About 10 minutes on two quiet processors.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors

import wbc_tutorial
from wbc_tutorial.course import environment
from wbc_tutorial.data.cell_images import CellImages, concatenate
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.processors import usable_processors
from wbc_tutorial.data.random_laboratories import random_laboratory
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import tables
from wbc_tutorial.models import small_cnn
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit

TARGET = Path(tables.__file__).parent / "results"
TRAINING_MIX = (40, 70, 50, 80, 50, 60, 50, 70, 150, 70, 80, 15, 15)
"""800 training images by class, long-tailed; a laboratory of n gets a share of 1 / n of each."""

TESTED = 20
"""Images of each class that are kept for validation, and that an unseen laboratory has."""

KNOWN, UNSEEN = tuple(range(16)), tuple(range(100, 108))
"""Seeds of the laboratories that may train, and of those that never do."""

DRAWS = {1: 8, 2: 8, 4: 6, 8: 6, 16: 4}
"""Training laboratories -> how many sets of them are drawn; with all 16 only the start of the network differs."""

BATCH, STEPS = 48, 500


def whole(seed: int) -> CellImages:
    """Draw all images of a training laboratory."""
    return random_laboratory(seed, tuple(n + TESTED for n in TRAINING_MIX))


def tested(seed: int) -> CellImages:
    """Draw an unseen laboratory."""
    return random_laboratory(seed, (TESTED,) * len(CLASSES))


@lru_cache
def drawn() -> tuple[dict[int, CellImages], dict[int, CellImages]]:
    """Draw all laboratories, on every processor there is: seed -> images."""
    with ProcessPoolExecutor(max_workers=min(usable_processors(), 8)) as pool:
        known, unseen = list(pool.map(whole, KNOWN)), list(pool.map(tested, UNSEEN))
    return dict(zip(KNOWN, known, strict=True)), dict(zip(UNSEEN, unseen, strict=True))


def share(cells: CellImages, part: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of one laboratory that train, 1 / `parts` of each class, and those that validate."""
    train, validate = [], []
    for c in range(len(cells.classes)):
        rows = np.flatnonzero(cells.labels == c)
        validate.append(rows[part:TESTED:parts])
        train.append(rows[TESTED + part :: parts])
    return np.concatenate(train), np.concatenate(validate)


def chosen_laboratories(n: int, draw: int) -> list[int]:
    """Draw `n` of the known laboratories."""
    return sorted(np.random.default_rng([n, draw]).choice(KNOWN, n, replace=False).tolist())


def rows_of(n: int, draw: int, steps: int = STEPS) -> list[dict]:
    """Train on n laboratories and score on their other images and in the unseen laboratories."""
    known, unseen = drawn()
    names = chosen_laboratories(n, draw)
    parts = [(known[name], *share(known[name], k, n)) for k, name in enumerate(names)]
    train = concatenate([cells.subset(rows) for cells, rows, _ in parts])
    validation = concatenate([cells.subset(rows) for cells, _, rows in parts])
    seed_everything(draw)
    model = small_cnn(n_classes=len(CLASSES))
    history = fit(model, train, steps=steps, per_domain=BATCH // n, seed=draw, progress=None)
    facts = {"benchmark": "laboratories", "method": "erm", "n_laboratories": n, "draw": draw, "fold": draw, "seed": 0}
    facts |= {"laboratories": "+".join(map(str, names)), "n_training": len(train)}
    after = {"seconds_per_step": history.seconds_per_step, "backbone": "small_cnn", "steps": steps}
    after |= {"version": wbc_tutorial.__version__}
    return [facts | scored | after for scored in scores(model, validation, unseen)]


def scores(model, validation: CellImages, unseen: dict[int, CellImages]) -> Iterator[dict]:
    """Yield F1 on the known laboratories together, and in each unseen one."""
    sets = {"known": ("in_domain", validation)}
    sets |= {cells.domain_names[0]: ("unseen", cells) for cells in unseen.values()}
    for domain, (split, cells) in sets.items():
        f1 = f1_scores(cells.labels, predict(model, cells).argmax(axis=1), len(CLASSES))
        yield {"domain": domain, "split": split, "n_images": len(cells), "f1_micro": f1.micro, "f1_macro": f1.macro}


def provenance(rows: pd.DataFrame, n_threads: int) -> dict:
    """Say where the rows come from."""
    return {
        "command": "python data_scripts/rebuild/how_many_laboratories.py --out results/laboratories",
        "settings": {"training_images": sum(TRAINING_MIX), "batch": BATCH, "steps": int(rows.steps.max())},
        "methods": ["erm"],
        "draws": {str(n): draws for n, draws in DRAWS.items()},
        "last_run_ended": datetime.now(UTC).isoformat(timespec="minutes"),
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "numpy", "scipy", "pillow")},
        "threads": n_threads,
    }


def main(arguments: list[str] | None = None) -> None:
    """Compute what is missing, then write the two files."""
    parser = OneLineParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the finished trainings")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    n_threads = environment.use_threads()
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "trainings.csv"
    done = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["n_laboratories", "draw"])
    for n, draws in DRAWS.items():
        for draw in range(draws):
            if ((done.n_laboratories == n) & (done.draw == draw)).any():
                continue
            rows = pd.DataFrame(rows_of(n, draw, given.steps))
            rows.to_csv(path, mode="a", header=not path.exists(), index=False, float_format="%.6f")
            known, unseen = (rows[rows.split == split].f1_macro.mean() for split in ("in_domain", "unseen"))
            print(f"{n:2} laboratories, draw {draw}: F1-macro {known:.3f} known, {unseen:.3f} unseen", flush=True)
    rows = pd.read_csv(path)
    given.target.mkdir(parents=True, exist_ok=True)
    rows.to_csv(given.target / "laboratories.csv", index=False, float_format="%.6f")
    facts = json.dumps(provenance(rows, n_threads), indent=2)
    (given.target / "laboratories.json").write_text(facts + "\n", encoding="utf-8")
    print(f"{len(rows)} rows written to {given.target / 'laboratories.csv'}")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
