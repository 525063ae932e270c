"""Rebuild the results that the package ships, or add to them: run the ledgers in full, then keep their rows.

    python data_scripts/rebuild/ship_results.py simulated --out results/simulated
    python data_scripts/rebuild/ship_results.py simulated_variants --out results/simulated_variants
    python data_scripts/rebuild/ship_results.py simulated_ablation --out results/simulated_ablation
    python data_scripts/rebuild/ship_results.py open5 --data DIR --out results/open5

and so simulated_third_recipe, open5_selection, open5_fourth_selection, open5_first_recipe, open5_second_recipe,
open5_third_recipe and open5_ablation.

Runs that a ledger in --out holds already are not repeated. Writes ``wbc_tutorial/results/<name>.csv`` (rows),
``<name>_confusion.csv`` (images by true and predicted class) and ``<name>.json`` (where they come from).
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from real_sets.problems import BadInput, OneLineParser, one_line_errors

from wbc_tutorial.course import environment
from wbc_tutorial.experiments import ablation, runner, tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.recipes import (
    CANDIDATES,
    CHOSEN,
    FIRST_CHOICE,
    PASSED_OVER,
    ROUNDS,
    SECOND_CHOICE,
    THIRD_CHOICE,
    training_part,
)

TARGET = Path(tables.__file__).parent / "results"
FIVE, BODA = ("erm", "coral", "dann", "boda", "boda_plus"), ("boda", "boda_plus")
DROPPED = ["peak_memory_mb"]  # of the whole process, which ran many trainings


@dataclass(frozen=True)
class Part:
    """One ledger: a recipe, the methods it runs around, how many folds, and the laboratory left out, if any."""

    recipe: tuple[str, ...] = ()
    methods: tuple[str, ...] = FIVE
    folds: int = runner.N_FOLDS
    leave_out: str | None = None

    @property
    def label(self) -> str:
        """Folder of the ledger, among those of the shipment."""
        return "+".join(self.recipe or ("none",)) + (f"-without-{self.leave_out}" if self.leave_out else "")


@dataclass(frozen=True)
class Shipment:
    """Ledgers of one benchmark that are shipped together; `steps`: None = the benchmark's own."""

    benchmark: str
    parts: tuple[Part, ...]
    seeds: tuple[int, ...] = (0,)
    steps: int | None = None


def _ablation(full: tuple[str, ...], erm: Sequence, boda: Sequence = ()) -> tuple[Part, ...]:
    """Return the parts of an ablation on real cells, from the recipes that each method runs beside the full one.

    Five folds with ERM and three with BoDA where the full recipe's training serves, one where another is needed.
    """
    parts = []
    for method, recipes, folds in (("erm", erm, runner.N_FOLDS), ("boda", boda, 3)):
        for recipe in [full, *(each for each in recipes if each != full)]:
            same = training_part(recipe) == training_part(full)
            parts.append(Part(recipe, (method,), folds if same else 1))
    return tuple(parts)


def _simulated(full: tuple[str, ...], others: tuple[str, ...] = (), without: Container = ()) -> tuple[Part, ...]:
    """Return the parts of an ablation on simulated cells: two folds with ERM and of the whole; of BoDA's others one."""
    alone = [recipe for recipe in ablation.recipes_of(full, others) if recipe and recipe not in without]
    boda = [recipe for recipe in ablation.recipes_of(full) if recipe in alone and recipe != full]
    erm = tuple(Part(recipe, ("erm",), folds=2) for recipe in alone)
    return (*erm, Part(full, ("boda",), folds=2), *(Part(recipe, ("boda",), folds=1) for recipe in boda))


def _left_out(candidates: tuple[tuple[str, ...], ...]) -> tuple[Part, ...]:
    """Return the parts of a selection: each candidate with ERM, leaving out each training laboratory in turn."""
    laboratories = BENCHMARKS["open5"].train
    return tuple(Part(recipe, ("erm",), folds=1, leave_out=lab) for recipe in candidates for lab in laboratories)


THREE_ROUNDS = list(ROUNDS)[2]
FIRST = [recipe for recipe in ablation.recipes_of(FIRST_CHOICE) if len(recipe) > 1]
SECOND = [*filter(None, ablation.recipes_of(SECOND_CHOICE)), PASSED_OVER]
THIRD = [recipe for recipe in ablation.recipes_of(THIRD_CHOICE) if recipe and recipe not in SECOND]
THIRD_BODA = [recipe for recipe in THIRD if training_part(recipe) == training_part(THIRD_CHOICE)]
WHOLE = [recipe for recipe in ablation.recipes_of(CHOSEN) if recipe]
FOURTH = [recipe for recipe in WHOLE if len(recipe) > 1 or recipe not in (*SECOND, *THIRD)]
SHIPMENTS = {
    "simulated": Shipment("simulated", (Part(),), seeds=(0, 1, 2)),
    "simulated_variants": Shipment(
        "simulated", (Part((), ("erm", "erm_plus")), Part(("mean_scale",), BODA), Part(("macro",), BODA))
    ),
    "simulated_third_recipe": Shipment("simulated", _simulated(THIRD_CHOICE, ablation.OTHERS)),
    "simulated_ablation": Shipment("simulated", _simulated(CHOSEN, without=ablation.recipes_of(THIRD_CHOICE))),
    "open5": Shipment("open5", (Part(),)),
    "open5_selection": Shipment("open5", _left_out(CANDIDATES[:THREE_ROUNDS]), steps=300),
    "open5_fourth_selection": Shipment("open5", _left_out(CANDIDATES[THREE_ROUNDS:]), steps=300),
    "open5_first_recipe": Shipment("open5", _ablation(FIRST_CHOICE, FIRST)),
    "open5_second_recipe": Shipment("open5", _ablation(SECOND_CHOICE, SECOND)),
    "open5_third_recipe": Shipment("open5", _ablation(THIRD_CHOICE, THIRD, boda=THIRD_BODA)),
    "open5_ablation": Shipment("open5", _ablation(CHOSEN, FOURTH, boda=WHOLE)),
}
"""By name. The ablations do not run again what is shipped already: the rows without a recipe, of ``simulated`` and
``open5``; on simulated cells what the third choice has run, and on real ones most ingredients alone with ERM."""


def processor() -> str:
    """Name of the processor, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()


def provenance(name: str, folders: list[Path], data: str | None, n_threads: int) -> dict:
    """Say what the rows depend on, and when and where they were made."""
    times = sorted(path.stat().st_mtime for folder in folders for path in (folder / "predictions").glob("*.npz"))
    first, last = (datetime.fromtimestamp(t, UTC).isoformat(timespec="minutes") for t in (times[0], times[-1]))
    settings = [json.loads((folder / "settings.json").read_text()) for folder in folders]
    return {
        "command": f"python data_scripts/rebuild/ship_results.py {name}{' --data DIR' * bool(data)} --out results/{name}",
        "settings": settings[0] | {key: [each.get(key) for each in settings] for key in ("recipe", "leave_out")},
        "methods": sorted({method for part in SHIPMENTS[name].parts for method in part.methods}),
        "folds": max(part.folds for part in SHIPMENTS[name].parts),
        "seeds": list(SHIPMENTS[name].seeds),
        "first_run_ended": first,
        "last_run_ended": last,
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "torchvision", "numpy", "scikit-learn")},
        "processor": processor(),
        "threads": n_threads,
    }


def confusions(folder: Path, tested: str) -> pd.DataFrame:
    """Count images by method, split, laboratory, true and predicted class, over all folds and seeds.

    `tested` names the split of the laboratories that were not trained on: ``"unseen"`` or ``"left_out"``.
    """
    parts = []
    for path in sorted((folder / "predictions").glob("*.npz")):
        with np.load(path, allow_pickle=False) as run:
            names = run["classes"]
            columns = {"split": np.where(run["unseen"], tested, "in_domain"), "domain": run["domains"]}
            columns |= {"truth": names[run["truth"]], "predicted": names[run["logits"].argmax(axis=1)]}
        parts.append(pd.DataFrame({"method": path.stem.split("-fold")[0], **columns}))
    rows = pd.concat(parts)
    return rows.groupby(list(rows.columns), sort=True).size().rename("n_images").reset_index()


def main(arguments: list[str] | None = None) -> None:
    """Run, write the three files, and say where they are."""
    parser = OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(SHIPMENTS))
    parser.add_argument("--data", metavar="DIR", help="prepared images, for open5 and what begins so")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the ledgers")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    n_threads, shipment = environment.use_threads(), SHIPMENTS[given.name]
    rows, counts, folders, trained = [], [], [], {}
    for part in shipment.parts:
        folders.append(given.out / part.label if len(shipment.parts) > 1 else given.out)
        try:
            steps = given.steps or shipment.steps
            settings = Settings(
                shipment.benchmark, given.data, steps=steps, recipe=part.recipe, leave_out=part.leave_out
            )
            found = runner.run(
                settings, list(part.methods), n_folds=part.folds, seeds=shipment.seeds, out=folders[-1], trained=trained
            )
        except (ValueError, FileNotFoundError, ModuleNotFoundError) as error:
            raise BadInput(str(error)) from error
        recipe = "+".join(part.recipe) or "none"
        tested = confusions(folders[-1], "left_out" if part.leave_out else "unseen")
        for kept, parts in ((found.drop(columns=DROPPED), rows), (tested, counts)):  # the folder may hold other methods
            parts.append(kept[kept.method.isin(part.methods)].assign(recipe=recipe))
    given.target.mkdir(parents=True, exist_ok=True)
    path = given.target / f"{given.name}.csv"
    pd.concat(rows).to_csv(path, index=False, float_format="%.6f")
    pd.concat(counts).to_csv(given.target / f"{given.name}_confusion.csv", index=False)
    facts = provenance(given.name, folders, given.data, n_threads)
    path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + os.linesep)
    print(f"{sum(map(len, rows))} rows written to {path}")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
