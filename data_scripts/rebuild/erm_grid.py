"""A grid of learning rate and batch-norm momentum for ERM, scored on validation images of known laboratories alone.

    python data_scripts/rebuild/erm_grid.py --data DIR --out results/grid

The benchmark is open5, first fold. Settings that --out holds are not run again. When all are there, writes
``docs/recipe_selection/erm_grid.csv``, from which docs/leave_one_laboratory_out.md takes the rate of its methods.
"""

import argparse
import itertools
import sys
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors
from rebuild.benchmark_runs import loaded
from rebuild.tune_methods import SEED_OF_TRIALS, Ledger, scores, trained

from wbc_tutorial.course import environment
from wbc_tutorial.data.folds import folds

TARGET = Path(__file__).resolve().parents[2] / "docs" / "recipe_selection" / "erm_grid.csv"
RATES, MOMENTA = (1e-4, 3e-4, 1e-3, 3e-3), (0.01, 0.1)


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, then write the table."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("--data", required=True, metavar="DIR", help="prepared images of open5")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the finished trainings")
    parser.add_argument("--benchmark", default="open5", help=argparse.SUPPRESS)
    parser.add_argument("--backbone", help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    environment.use_threads()
    settings, cells = loaded(given)
    known = cells.of_domain(*settings.benchmark.train)
    train, validation = map(known.subset, folds(known, settings.benchmark.n_folds)[0])
    given.out.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(given.out / "grid.jsonl")
    for rate, momentum in itertools.product(RATES, MOMENTA):
        facts = {"learning_rate": rate, "bn_momentum": momentum}
        if ledger.has(**facts):
            continue
        of_erm = {"learning_rate_factor": rate / settings.peak_rate, "bn_momentum": momentum}
        model = trained(settings, "erm", train, own={}, of_erm=of_erm, seed=1000 * SEED_OF_TRIALS)
        (scored,) = scores(model, {"in_domain": validation})
        ledger.add([facts | {name: scored[name] for name in ("f1_micro", "f1_macro")}])
        print(f"learning rate {rate:g}, momentum {momentum:g}: F1-macro {scored['f1_macro']:.3f}", flush=True)
    pd.DataFrame(ledger.rows).to_csv(given.target, index=False, float_format="%.6f")
    print(f"{len(ledger.rows)} rows written to {given.target}")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
