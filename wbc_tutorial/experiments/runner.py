"""The runner: benchmark x method x recipe x fold x seed -> rows and predictions in the results store."""

import copy
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from wbc_tutorial import __version__, models
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.folds import folds
from wbc_tutorial.evaluation.metrics import summary
from wbc_tutorial.evaluation.adaptation import features_and_logits
from wbc_tutorial.experiments import cluster
from wbc_tutorial.experiments.methods import FAMILIES, METHODS
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.experiments.store import ResultsStore
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit
from wbc_tutorial.training.retraining import retrain_classifier

__all__ = ["run", "run_one"]

N_LATENT = 300
"""Images of each laboratory whose features are kept beside the predictions, for the pictures of the latent space."""


def run(
    settings: Settings,
    methods: Sequence[str],
    *,
    n_folds: int = 1,
    seeds: tuple[int, ...] = (0,),
    out: str | Path,
    scheduler: str | None = None,
    say: Callable[[str], None] = print,
    progress: bool = True,
    trained: dict | None = None,
) -> pd.DataFrame:
    """Run what the results folder does not hold yet, and return all its rows.

    Parameters
    ----------
    settings : Settings
    methods : sequence of str
        Keys of `METHODS`.
    n_folds : int, default=1
        How many of the benchmark's folds to run: the first ones.
    seeds : tuple of int, default=(0,)
    out : path
        Folder of the results.
    scheduler : str, default=None
        Address of a running Dask cluster, such as ``tcp://127.0.0.1:8786``; None = one run after another, here.
    say : callable, default=print
        Told one line per finished run.
    progress : bool, default=True
        Show a progress bar for each training.
    trained : dict, default=None
        Of `run_one`, to be shared by several calls; not used on a cluster.

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
    benchmark = settings.benchmark
    if not 1 <= n_folds <= benchmark.n_folds:
        raise ValueError(f"folds is {n_folds}; the images are cut into {benchmark.n_folds} folds: give 1 to that many")
    cells = benchmark.load(settings.data)
    folds(cells.of_domain(*benchmark.train), benchmark.n_folds)  # what is wrong with them is said before any training
    identity = settings.identity() | {"version": __version__, "cells": cells.digest()}
    with ResultsStore(out, identity) as store:
        jobs = [
            (missing, fold, seed)
            for seed in seeds
            for fold in range(n_folds)
            for family in FAMILIES
            if (missing := tuple(m for m in family if m in methods and not store.has(m, fold, seed)))
        ]
        start = time.perf_counter()
        for done, results in enumerate(
            _results(settings, jobs, scheduler, cells=cells, progress=progress, trained=trained), 1
        ):
            left = (time.perf_counter() - start) / done * (len(jobs) - done)
            for method, (rows, predictions) in results.items():
                store.record(rows, predictions)
                say(_one_line(settings, method, rows) + f" (run {done} of {len(jobs)}, about {left:.0f} s left)")
        return store.rows()


def _one_line(settings: Settings, method: str, rows: list[dict]) -> str:
    """Say what one run scored."""
    everywhere = "+".join(settings.benchmark.train)
    known = next(row["f1_macro"] for row in rows if row["domain"] == everywhere)
    unseen = ", ".join(f"{row['domain']} {row['f1_macro']:.3f}" for row in rows if row["split"] == "unseen")
    fold, seed = rows[0]["fold"], rows[0]["seed"]
    return f"{METHODS[method]:12} fold {fold} seed {seed}: F1-macro {known:.3f} in-domain, {unseen} unseen"


def _results(
    settings: Settings,
    jobs: list[tuple],
    scheduler: str | None,
    *,
    cells: CellImages,
    progress: bool,
    trained: dict | None,
) -> Iterator[dict]:
    """Yield what `run_one` returns for each job: here, one after the other, or from a cluster as they finish."""
    if scheduler is None:
        return (run_one(settings, *job, cells=cells, progress=progress, trained=trained) for job in jobs)
    return cluster.results(run_one, [(settings, *job) for job in jobs], scheduler)


def run_one(
    settings: Settings,
    methods: tuple[str, ...],
    fold: int,
    seed: int,
    *,
    cells: CellImages | None = None,
    progress: bool = False,
    trained: dict | None = None,
) -> dict[str, tuple[list[dict], dict[str, np.ndarray]]]:
    """Train once and score: on the validation part of the training laboratories and on every unseen laboratory.

    Parameters
    ----------
    settings : Settings
    methods : tuple of str
        One method, or ``("boda", "boda_plus")``, which share their training.
    fold, seed : int
    cells : CellImages, default=None
        All laboratories of the benchmark; None = load them from ``settings.data``.
    progress : bool, default=False
        Show a progress bar.
    trained : dict, default=None
        Networks trained before, in this process: recipes that differ only in what comes after training share one.

    Returns
    -------
    dict
        method -> (rows of the results, predictions).
    """
    benchmark = settings.benchmark
    cells = benchmark.load(settings.data) if cells is None else cells
    known, unseen = cells.of_domain(*benchmark.train), cells.of_domain(*benchmark.unseen)
    train_rows, validation_rows = folds(known, benchmark.n_folds)[fold]
    train, validation = known.subset(train_rows), known.subset(validation_rows)
    trained = {} if trained is None else trained
    needs = replace(settings, recipe=settings.recipe.training_part), methods[0].removesuffix("_plus"), fold, seed
    if needs not in trained:
        trained[needs] = _train(*needs, train, progress=progress)
    model, seconds_per_step = copy.deepcopy(trained[needs])
    results = {}
    for method in methods:
        if method.endswith("_plus"):
            retrain_classifier(model, train, seed=1000 * seed + fold)
        facts = {"benchmark": benchmark.name, "fold": fold, "seed": seed, "method": method}
        facts |= {"recipe": str(settings.recipe), "backbone": settings.backbone, "steps": settings.total_steps}
        facts |= {"seconds_per_step": seconds_per_step, "peak_memory_mb": _peak_memory_mb(), "version": __version__}
        results[method] = _scored(settings, model, facts, {"in_domain": validation, "unseen": unseen}, train)
    return results


def _train(
    settings: Settings, method: str, fold: int, seed: int, train: CellImages, *, progress: bool
) -> tuple[models.Classifier, float]:
    """Return a network trained by a method and the settings' recipe, and its seconds a step."""
    seed_everything(1000 * seed + fold)
    model = settings.recipe.prepare(models.build(settings.backbone, len(train.classes)))
    options = settings.fit_options(method, train.counts, model.n_features)
    label = f"{METHODS[method]}, fold {fold}" if progress else None
    history = fit(model, train, seed=1000 * seed + fold, progress=label, **options)
    return model, history.seconds_per_step


def _scored(
    settings: Settings, model: models.Classifier, facts: dict, parts: dict[str, CellImages], train: CellImages
) -> tuple[list[dict], dict[str, np.ndarray]]:
    """Return a row for each laboratory and split, and the predictions behind them, one entry an image."""
    shots, rows, columns = train.counts.sum(axis=0), [], []
    for split, part in parts.items():
        known = split == "in_domain"  # the laboratories that were trained on are not adapted to
        features, logits = features_and_logits(model, part, **settings.recipe.predict_options(known=known))
        for domain, here in _domains(part, pooled=known):
            rows.append(facts | {"domain": domain, "split": split} | summary(part.labels[here], logits[here], shots))
        names = np.array(part.domain_names)[part.domains]
        in_picture = _some_of_each(names)
        columns.append({"logits": logits, "truth": part.labels, "domains": names, "in_picture": in_picture})
        columns[-1] |= {"unseen": np.full(len(part), not known)}
        columns[-1] |= {"features": features[in_picture].astype(np.float16)}
    predictions = {name: np.concatenate([column[name] for column in columns]) for name in columns[0]}
    return rows, predictions | {"classes": np.array(train.classes)}


def _some_of_each(names: np.ndarray) -> np.ndarray:
    """Mark at random, always the same, `N_LATENT` images of each laboratory."""
    order = np.random.default_rng(0).permutation(len(names))
    chosen = np.concatenate([order[names[order] == name][:N_LATENT] for name in np.unique(names)])
    return np.isin(np.arange(len(names)), chosen)


def _domains(part: CellImages, *, pooled: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each laboratory's rows, and for the known ones all of them pooled, as in the slides' Table 1."""
    for number, name in enumerate(part.domain_names):
        yield name, part.domains == number
    if pooled and len(part.domain_names) > 1:
        yield "+".join(part.domain_names), np.full(len(part), True)


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
