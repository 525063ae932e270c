"""Floor 5, the experiment: benchmark x method x fold x seed -> rows in the ledger."""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch

from wbc_tutorial import __version__, evaluation, models, training
from wbc_tutorial.benchmarks import BENCHMARKS, load_benchmark
from wbc_tutorial.images import folds
from wbc_tutorial.ledger import Ledger
from wbc_tutorial.methods import FAMILIES, METHODS, fit_options

__all__ = ["N_FOLDS", "Settings", "run", "run_one", "table"]

N_FOLDS = 5
"""The images are always cut into five folds, as in the study; ``folds=1`` runs the first of them."""


@dataclass(frozen=True)
class Settings:
    """What the results depend on; everything else of a run follows from it.

    Attributes
    ----------
    benchmark : str
        A key of `BENCHMARKS`.
    data : str or None
        Folder of prepared sets; None for simulated cells.
    backbone : str or None
        A key of `models.BACKBONES`; None = the benchmark's own.
    steps : int or None
        Training batches; None = the benchmark's own.
    """

    benchmark: str = "simulated"
    data: str | None = None
    backbone: str | None = None
    steps: int | None = None

    def __post_init__(self):
        if self.benchmark not in BENCHMARKS:
            raise ValueError(f"unknown benchmark {self.benchmark!r}; choose one of {', '.join(BENCHMARKS)}")
        defaults = BENCHMARKS[self.benchmark]
        object.__setattr__(self, "backbone", self.backbone or defaults.backbone)
        object.__setattr__(self, "steps", defaults.steps if self.steps is None else self.steps)
        if self.backbone not in models.BACKBONES:
            raise ValueError(f"unknown backbone {self.backbone!r}; choose one of {', '.join(models.BACKBONES)}")
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}; expected 1 or more")


def _peak_memory_mb() -> float:
    """Highest memory of this process so far, in MB; on a GPU the device's."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def run_one(
    settings: Settings, methods: tuple[str, ...], fold: int, seed: int, progress: bool = True
) -> dict[str, tuple[list[dict], dict[str, np.ndarray]]]:
    """Train once and score: on the validation part of the training laboratories and on every unseen laboratory.

    Parameters
    ----------
    settings : Settings
    methods : tuple of str
        One method, or ``("boda", "boda_plus")``, which share their training.
    fold, seed : int

    Returns
    -------
    dict
        method -> (rows of the ledger, predictions).
    """
    benchmark, cells = BENCHMARKS[settings.benchmark], load_benchmark(settings.benchmark, settings.data)
    known, unseen = cells.of_domain(*benchmark.train), cells.of_domain(*benchmark.unseen)
    train_rows, validation_rows = folds(known, N_FOLDS)[fold]
    train, validation = known.subset(train_rows), known.subset(validation_rows)
    training.seed_everything(1000 * seed + fold)
    model = models.build(settings.backbone, len(cells.classes))
    history = training.fit(
        model,
        train,
        steps=settings.steps,
        per_domain=benchmark.per_domain,
        learning_rate=2e-3 if settings.backbone == "small_cnn" else benchmark.learning_rate,
        frozen_batch_norm=benchmark.frozen_batch_norm,
        seed=1000 * seed + fold,
        progress=f"{METHODS[methods[0]]}, fold {fold}" if progress else None,
        **fit_options(methods[0], train.counts, model.n_features),
    )
    results = {}
    for method in methods:
        if method == "boda_plus":
            training.retrain_classifier(model, train, seed=1000 * seed + fold)
        key = {"benchmark": settings.benchmark, "method": method, "fold": fold, "seed": seed}
        rest = {
            "seconds_per_step": history.seconds_per_step,
            "peak_memory_mb": _peak_memory_mb(),
            "backbone": settings.backbone,
            "steps": settings.steps,
            "version": __version__,
        }
        rows, predictions = [], []
        for split, part in (("in_domain", validation), ("unseen", unseen)):
            logits = training.extract(model, part)[1]
            shots = train.counts.sum(axis=0)
            for domain, here in _domains(part, pooled=split == "in_domain"):
                scores = evaluation.summary(part.labels[here], logits[here], shots)
                rows.append(key | {"domain": domain, "split": split} | scores | rest)
            predictions.append((logits, part.labels, np.array(part.domain_names)[part.domains], split == "unseen"))
        results[method] = (
            rows,
            {
                "logits": np.concatenate([logits for logits, *_ in predictions]).astype(np.float32),
                "truth": np.concatenate([truth for _, truth, *_ in predictions]),
                "domains": np.concatenate([names for *_, names, _ in predictions]),
                "unseen": np.concatenate([np.full(len(truth), flag) for _, truth, _, flag in predictions]),
                "classes": np.array(cells.classes),
            },
        )
    return results


def _domains(part, pooled: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each laboratory's rows, and for the known ones all of them pooled, as in the slides' Table 1."""
    for number, name in enumerate(part.domain_names):
        yield name, part.domains == number
    if pooled:
        yield "+".join(part.domain_names), np.full(len(part), True)


def run(
    settings: Settings,
    methods: list[str],
    *,
    n_folds: int = 1,
    seeds: tuple[int, ...] = (0,),
    out: str,
    say: Callable[[str], None] = print,
    progress: bool = True,
) -> pd.DataFrame:
    """Run what the ledger in `out` does not hold yet, and return all its rows.

    Parameters
    ----------
    settings : Settings
    methods : list of str
        Keys of `METHODS`.
    n_folds : int
        How many of the five folds, 1 to 5.
    seeds : tuple of int
    out : path
        Folder of the ledger.
    say : callable
        Told one line per finished run.
    progress : bool
        Show a progress bar for each training.

    Raises
    ------
    ValueError, FileNotFoundError
        For settings or data that cannot be used, before anything is trained.
    """
    unknown = [method for method in methods if method not in METHODS]
    if unknown or not methods:
        raise ValueError(
            f"unknown method {', '.join(map(repr, unknown)) or '(none)'}; choose among {', '.join(METHODS)}"
        )
    if not 1 <= n_folds <= N_FOLDS:
        raise ValueError(f"folds is {n_folds}; expected 1 to {N_FOLDS}: the images are cut into {N_FOLDS} folds")
    cells = load_benchmark(settings.benchmark, settings.data)
    identity = {key: value for key, value in asdict(settings).items() if key != "data"}
    with Ledger(out, identity | {"version": __version__, "cells": cells.digest()}) as ledger:
        jobs = [
            (missing, fold, seed)
            for seed in seeds
            for fold in range(n_folds)
            for family in FAMILIES
            if (missing := tuple(m for m in family if m in methods and not ledger.has(m, fold, seed)))
        ]
        start = time.perf_counter()
        for done, (family, fold, seed) in enumerate(jobs, 1):
            for method, (rows, predictions) in run_one(settings, family, fold, seed, progress).items():
                ledger.record(rows, predictions)
                left = (time.perf_counter() - start) / done * (len(jobs) - done)
                unseen = ", ".join(f"{r['domain']} {r['f1_macro']:.3f}" for r in rows if r["split"] == "unseen")
                known = next(r["f1_macro"] for r in rows if "+" in r["domain"])
                say(
                    f"{METHODS[method]:12} fold {fold} seed {seed}: F1-macro {known:.3f} in-domain, {unseen} unseen"
                    f" (run {done} of {len(jobs)}, about {left:.0f} s left)"
                )
        return ledger.rows()


def table(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """Mean and standard deviation (ddof = 1) over folds and seeds, one line per method and laboratory.

    For ``split="in_domain"`` the training laboratories are pooled, as in the slides' Table 1; for ``"unseen"`` every
    laboratory has its own lines.
    """
    rows = rows[rows.split == split]
    if split == "in_domain":
        rows = rows[rows.domain.str.contains("+", regex=False)]
    metrics = ["f1_micro", "f1_macro", "f1_macro_all", "balanced_accuracy", "worst_class_recall"]
    groups = rows.assign(method=pd.Categorical(rows.method, list(METHODS), ordered=True)).groupby(
        ["domain", "method"], observed=True
    )[metrics]
    mean, std, n = groups.mean(), groups.std(), groups.size()
    cells = mean.map("{:.3f}".format) + std.map(lambda s: "" if np.isnan(s) else f" ± {s:.3f}")
    return cells.assign(runs=n).rename(index=METHODS, level="method")
