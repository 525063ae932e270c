"""Equal budgets: as many random trials for each method, chosen in known laboratories, then run on five folds.

    python data_scripts/rebuild/tune_methods.py simulated --out results/tuned
    python data_scripts/rebuild/tune_methods.py fine13 --data DIR --trials 6 --folds 0 --keep-erm --out results/tuned

The rule was written before the first run:

1. ERM gets ``--trials`` trials of learning rate and batch-norm momentum. Every other method keeps ERM's choice of the
   two, and gets as many trials of its own hyper-parameters. The first trial of each is the default of the package.
   With ``--keep-erm`` the benchmark's own rate and momentum stand, where a grid has chosen them already.
   Then a choice that is the default is not trained again: its runs are those of the shipped table of the benchmark.
2. A trial is trained on the folds of ``--folds`` and scored on their validation images alone: F1-macro, mean of the
   folds. The highest is chosen, the earlier one of equals. No unseen laboratory is read before all choices are made.
3. The choice is trained on all five folds with another seed, and scored on known and unseen laboratories. BoDA+ and
   ERM+ re-train the classifier of the tuned networks.

Trials and runs that --out holds are not repeated, and several processes may share it, each with other ``--methods``; a
last one without ``--methods`` finds all of them done and writes the tables: ``<benchmark>_tuned.csv`` (scores),
``<benchmark>_trials.csv`` (all trials) and ``<benchmark>_tuned.json`` (choices, provenance), in
``wbc_tutorial/experiments/results``.
Source: Gulrajani and Lopez-Paz, "In search of lost domain generalization", ICLR 2021.
"""

import argparse
import copy
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats.qmc import LatinHypercube
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors
from rebuild.benchmark_runs import loaded, where_and_when

import wbc_tutorial
from wbc_tutorial import CORAL, DANN, BoDA, models
from wbc_tutorial.course import environment
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.folds import folds
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.training.alignment import Alignment
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit
from wbc_tutorial.training.retraining import retrain_classifier

TARGET = Path(tables.__file__).parent / "results"
METHODS = ("erm", "coral", "dann", "boda")
SEED_OF_TRIALS, SEED_OF_RUNS = 1, 0


@dataclass(frozen=True)
class Budget:
    """How many trials each method gets, the first being the default, on which folds, and whether ERM gets them."""

    trials: int = 8
    folds: tuple[int, ...] = (0, 1)
    keep_erm: bool = False

    @property
    def tuned(self) -> tuple[str, ...]:
        """Methods with trials of their own."""
        return METHODS[1:] if self.keep_erm else METHODS


def log_between(low: float, high: float, share: float) -> float:
    """Return the number that lies at this share of the way from low to high, on a logarithmic scale; three digits."""
    return float(f"{low * (high / low) ** share:.3g}")


def one_of(values: tuple, share: float):
    """Return the value that lies at this share of a list."""
    return values[int(share * len(values))]


def drawn(method: str, trial: int, n_trials: int) -> dict:
    """Draw the hyper-parameters of one trial of so many; the first one is the default: none.

    A Latin hypercube: each trial is random, and no part of a range is left out.
    """
    if trial == 0:
        return {}
    cube = LatinHypercube(d=4, rng=np.random.default_rng(METHODS.index(method))).random(n_trials - 1)
    first, second, third, fourth = cube[trial - 1]
    return {
        "erm": {"learning_rate_factor": log_between(0.3, 10, first), "bn_momentum": log_between(0.01, 0.3, second)},
        "coral": {"weight": log_between(0.03, 30, first)},
        "dann": {"weight": log_between(0.01, 3, first), "hidden": one_of((32, 128, 512), second)},
        "boda": {
            "weight": log_between(0.01, 10, first),
            "nu": one_of((0.0, 0.25, 0.5, 1.0), second),
            "count_scale": one_of((1.0, "mean"), third),
            "macro_weight": one_of((0.0, 1.0), fourth),
        },
    }[method]


def alignment(method: str, options: dict, counts: np.ndarray, n_features: int) -> Alignment | None:
    """Return what is added to cross-entropy."""
    build = {
        "erm": lambda: None,
        "coral": lambda: CORAL(**options),
        "dann": lambda: DANN(n_features, len(counts), **options),
        "boda": lambda: BoDA(counts, n_features, **options),
    }
    return build[method]()


def trained(settings: Settings, method: str, cells: CellImages, *, own: dict, of_erm: dict, seed: int):
    """Train one network: `of_erm` holds learning rate and batch-norm momentum, `own` the method's hyper-parameters."""
    seed_everything(seed)
    model = settings.recipe.prepare(models.build(settings.backbone, len(cells.classes)))
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d) and "bn_momentum" in of_erm:
            layer.momentum = of_erm["bn_momentum"]
    given = settings.fit_options("erm", cells.counts, model.n_features)
    given["learning_rate"] *= of_erm.get("learning_rate_factor", 1.0)
    given["alignment"] = alignment(method, own, cells.counts, model.n_features)
    fit(model, cells, seed=seed, progress=None, **given)
    return model


def scores(model, parts: dict[str, CellImages]) -> Iterator[dict]:
    """Yield F1 on the known laboratories together, and in each unseen one."""
    for split, cells in parts.items():
        predicted = predict(model, cells).argmax(axis=1)
        places = {"+".join(cells.domain_names): np.full(len(cells), True)}
        if split == "unseen":
            places = {name: cells.domains == d for d, name in enumerate(cells.domain_names)}
        for domain, here in places.items():
            f1 = f1_scores(cells.labels[here], predicted[here], len(cells.classes))
            yield {"split": split, "domain": domain, "f1_micro": f1.micro, "f1_macro": f1.macro}


class Ledger:
    """Rows in a file, one line each; what it holds is not computed again."""

    def __init__(self, path: Path):
        self.path, self.rows = path, []
        if path.exists():
            self.rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def has(self, **facts) -> bool:
        """Say whether a row with these facts is there."""
        return any(all(row[name] == value for name, value in facts.items()) for row in self.rows)

    def add(self, rows: list[dict]) -> None:
        """Keep rows, in the file, too."""
        self.rows += rows
        with open(self.path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def chosen(trials: pd.DataFrame, method: str, n_trials: int) -> dict:
    """Return the hyper-parameters with the highest mean score on validation images, the earlier ones of equals."""
    of_method = trials[trials.method == method].groupby("trial").f1_macro.mean().sort_index()
    return drawn(method, int(of_method.idxmax()), n_trials)


def choose(
    settings: Settings, known: CellImages, budget: Budget, ledger: Ledger, methods: Sequence[str] = METHODS
) -> dict[str, dict]:
    """Run all trials of these methods that are missing; return each method's choice."""
    choices: dict[str, dict] = {"erm": {}} if budget.keep_erm else {}
    for method in (name for name in budget.tuned if name in methods):
        for trial in range(budget.trials):
            for fold in budget.folds:
                facts = {"method": method, "trial": trial, "fold": fold}
                if ledger.has(**facts):
                    continue
                train, validation = map(known.subset, folds(known, settings.benchmark.n_folds)[fold])
                options = drawn(method, trial, budget.trials)
                of_erm = options if method == "erm" else choices["erm"]
                own = {} if method == "erm" else options
                try:
                    seed = 1000 * SEED_OF_TRIALS + fold
                    model = trained(settings, method, train, own=own, of_erm=of_erm, seed=seed)
                    (scored,) = scores(model, {"in_domain": validation})
                except FloatingPointError:  # it diverged
                    scored = {"f1_micro": 0.0, "f1_macro": 0.0}
                kept = {name: scored[name] for name in ("f1_micro", "f1_macro")}
                ledger.add([facts | {"hyper_parameters": json.dumps(options)} | kept])
                print(f"{method}, trial {trial}, fold {fold}: {options} F1-macro {kept['f1_macro']:.3f}", flush=True)
        choices[method] = chosen(pd.DataFrame(ledger.rows), method, budget.trials)
        print(f"{method}: chosen {choices[method] or 'the default'}", flush=True)
    return choices


def run_choices(
    settings: Settings, cells: CellImages, choices: dict[str, dict], ledger: Ledger, methods: Sequence[str]
) -> None:
    """Train these methods' choices on all folds; score them on known and unseen laboratories."""
    known, unseen = (cells.of_domain(*names) for names in (settings.benchmark.train, settings.benchmark.unseen))
    for fold, (train_rows, validation_rows) in enumerate(folds(known, settings.benchmark.n_folds)):
        train, parts = known.subset(train_rows), {"in_domain": known.subset(validation_rows), "unseen": unseen}
        for method in methods:
            if ledger.has(method=method, fold=fold):
                continue
            own = {} if method == "erm" else choices[method]
            seed = 1000 * SEED_OF_RUNS + fold
            model = trained(settings, method, train, own=own, of_erm=choices["erm"], seed=seed)
            heads = {method: model}
            if method in ("erm", "boda"):
                heads[f"{method}_plus"] = copy.deepcopy(model)
                retrain_classifier(heads[f"{method}_plus"], train, seed=seed)
            facts = {"benchmark": settings.benchmark.name, "backbone": settings.backbone, "tuned": True}
            facts |= {"fold": fold, "seed": SEED_OF_RUNS, "version": wbc_tutorial.__version__}
            rows = [facts | {"method": name} | row for name, each in heads.items() for row in scores(each, parts)]
            ledger.add(rows[::-1])  # the method without the plus last: it says that the family is done
            unseen_score = np.mean([row["f1_macro"] for row in rows if row["split"] == "unseen"])
            print(f"{method}, fold {fold}: unseen F1-macro {unseen_score:.3f}", flush=True)


def provenance(settings: Settings, given: argparse.Namespace, budget: Budget, choices: dict, n_threads: int) -> dict:
    """Say where the rows come from."""
    options = " --data DIR" * bool(given.data) + f" --backbone {given.backbone}" * bool(given.backbone)
    default = Budget()
    options += f" --trials {budget.trials}" * (budget.trials != default.trials)
    options += f" --folds {' '.join(map(str, budget.folds))}" * (budget.folds != default.folds)
    options += " --keep-erm" * budget.keep_erm
    return {
        "command": f"python data_scripts/rebuild/tune_methods.py {given.benchmark}{options} --out results/tuned",
        "settings": settings.identity(),
        "trials": budget.trials,
        "folds_to_choose": list(budget.folds),
        "choices": choices,
        **where_and_when(n_threads),
    }


def main(arguments: list[str] | None = None) -> None:
    """Run what is missing, then write the three files."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("benchmark", choices=list(BENCHMARKS))
    parser.add_argument("--data", metavar="DIR", help="prepared images, for a benchmark of real cells")
    parser.add_argument("--backbone", metavar="NAME", help="default: the benchmark's")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the finished trainings")
    parser.add_argument("--trials", type=int, default=Budget.trials, metavar="N", help="per method, default 8")
    parser.add_argument(
        "--folds", type=int, nargs="+", default=Budget.folds, metavar="F", help="that choose, default 0 1"
    )
    parser.add_argument("--keep-erm", action="store_true", help="the benchmark's learning rate and momentum stand")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, metavar="NAME", help="only these")
    parser.add_argument("--target", type=Path, default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.trials < 2:
        parser.error(f"--trials {given.trials}: expected 2 or more, the default and one draw")
    if "erm" not in given.methods and not given.keep_erm:
        parser.error("--methods without erm: the other methods need ERM's choice, so add erm, or --keep-erm")
    budget = Budget(given.trials, tuple(given.folds), given.keep_erm)
    n_threads = environment.use_threads()
    settings, cells = loaded(given)
    if not set(budget.folds) <= set(range(settings.benchmark.n_folds)):
        parser.error(f"--folds {budget.folds}: the benchmark has the folds 0 to {settings.benchmark.n_folds - 1}")
    known = cells.of_domain(*settings.benchmark.train)
    folder = given.out / f"{given.benchmark}-{settings.backbone}"
    folder.mkdir(parents=True, exist_ok=True)
    trials, runs = Ledger(folder / "trials.jsonl"), Ledger(folder / "runs.jsonl")
    choices = choose(settings, known, budget, trials, given.methods)
    to_run = [m for m in METHODS if m in given.methods and (choices[m] or not budget.keep_erm)]
    run_choices(settings, cells, choices, runs, to_run)
    if set(given.methods) != set(METHODS):
        return
    given.target.mkdir(parents=True, exist_ok=True)
    name = given.benchmark + ("_features" if models.is_frozen(settings.backbone) else "")
    for kind, ledger in {"tuned": runs, "trials": trials}.items():
        if not ledger.rows:  # every choice is the default, which is not run again
            continue
        rows = pd.DataFrame(ledger.rows).sort_values(["method", "fold"], kind="stable")
        rows.to_csv(given.target / f"{name}_{kind}.csv", index=False, float_format="%.6f")
        print(f"{len(rows)} rows written to {given.target / f'{name}_{kind}.csv'}")
    facts = json.dumps(provenance(settings, given, budget, choices, n_threads), indent=2)
    (given.target / f"{name}_tuned.json").write_text(facts + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
