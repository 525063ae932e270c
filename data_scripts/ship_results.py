"""Rebuild the results that the package ships, or add to them: run the ledger in full, then keep its rows.

    python data_scripts/ship_results.py simulated --out results/simulated
    python data_scripts/ship_results.py open5 --data DIR --out results/open5

Runs that the ledger in --out holds already are not repeated. Writes ``wbc_tutorial/results/<benchmark>.csv`` (rows),
``<benchmark>_confusion.csv`` (images by true and predicted class) and ``<benchmark>.json`` (where they come from).
"""

import argparse
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from problems import BadInput, OneLineParser, one_line_errors

from wbc_tutorial import environment, experiments, tables

TARGET = Path(tables.__file__).parent / "results"
METHODS = ["erm", "coral", "dann", "boda", "boda_plus"]
SEEDS = {"simulated": (0, 1, 2), "open5": (0,)}
DROPPED = ["peak_memory_mb"]  # of the whole process, which ran many trainings


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()


def provenance(settings: experiments.Settings, seeds: tuple[int, ...], out: Path, n_threads: int) -> dict:
    """Say what the rows depend on, and when and where they were made."""
    times = sorted(path.stat().st_mtime for path in (out / "predictions").glob("*.npz"))
    first, last = (datetime.fromtimestamp(t, UTC).isoformat(timespec="minutes") for t in (times[0], times[-1]))
    data = " --data DIR" if settings.data else ""
    return {
        "command": f"python data_scripts/ship_results.py {settings.benchmark}{data} --out {Path('results') / out.name}",
        "settings": json.loads((out / "settings.json").read_text()),
        "methods": METHODS,
        "folds": experiments.N_FOLDS,
        "seeds": list(seeds),
        "first_run_ended": first,
        "last_run_ended": last,
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "torchvision", "numpy", "scikit-learn")},
        "processor": processor(),
        "threads": n_threads,
    }


def confusions(out: Path) -> pd.DataFrame:
    """Count images by method, split, laboratory, true and predicted class, over all folds and seeds."""
    parts = []
    for path in sorted((out / "predictions").glob("*.npz")):
        with np.load(path, allow_pickle=False) as run:
            names = run["classes"]
            columns = {"split": np.where(run["unseen"], "unseen", "in_domain"), "domain": run["domains"]}
            columns |= {"truth": names[run["truth"]], "predicted": names[run["logits"].argmax(axis=1)]}
        parts.append(pd.DataFrame({"method": path.stem.split("-fold")[0], **columns}))
    rows = pd.concat(parts)
    return rows.groupby(list(rows.columns), sort=True).size().rename("n_images").reset_index()


def main(arguments: list[str] | None = None) -> None:
    """Run, write the two files, and say where they are."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("benchmark", choices=list(SEEDS))
    parser.add_argument("--data", metavar="DIR", help="prepared images, for open5")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the ledger")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    n_threads = environment.use_threads()
    seeds = SEEDS[given.benchmark]
    try:
        settings = experiments.Settings(given.benchmark, given.data, steps=given.steps)
        rows = experiments.run(settings, METHODS, n_folds=experiments.N_FOLDS, seeds=seeds, out=given.out)
    except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
        raise BadInput(str(error)) from error
    given.target.mkdir(parents=True, exist_ok=True)
    path = given.target / f"{given.benchmark}.csv"
    rows.drop(columns=DROPPED).to_csv(path, index=False, float_format="%.6f")
    confusions(given.out).to_csv(given.target / f"{given.benchmark}_confusion.csv", index=False)
    facts = provenance(settings, seeds, given.out, n_threads)
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + os.linesep)
    print(f"{len(rows)} rows written to {path}")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
