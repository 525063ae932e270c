"""Floor 5, the experiment: benchmark x method x fold x seed -> rows in the ledger."""

import copy
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import torch

from wbc_tutorial import __version__, adaptation, cluster, evaluation, models, recipes, training
from wbc_tutorial.benchmarks import BENCHMARKS, Benchmark, load_benchmark
from wbc_tutorial.cell_images import CellImages
from wbc_tutorial.images import folds
from wbc_tutorial.ledger import Ledger
from wbc_tutorial.methods import FAMILIES, METHODS, fit_options
from wbc_tutorial.settings import Settings

__all__ = ["N_FOLDS", "Settings", "run", "run_one"]

N_FOLDS = 5
"""The images are always cut into five folds, as in the study; ``folds=1`` runs the first of them."""

N_LATENT = 300
"""Images of each laboratory whose features are kept beside the predictions, for the pictures of the latent space."""


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
    settings: Settings,
    methods: tuple[str, ...],
    fold: int,
    seed: int,
    progress: bool = False,
    *,
    trained: dict | None = None,
) -> dict[str, tuple[list[dict], dict[str, np.ndarray]]]:
    """Train once and score: on the validation part of the training laboratories and on every unseen laboratory.

    Parameters
    ----------
    settings : Settings
    methods : tuple of str
        One method, or ``("boda", "boda_plus")``, which share their training.
    fold, seed : int
    progress : bool
        Show a progress bar.
    trained : dict, optional
        Networks trained before, in this process: recipes that differ only in what comes after training share one.

    Returns
    -------
    dict
        method -> (rows of the ledger, predictions).
    """
    cells = load_benchmark(settings.benchmark, settings.data)
    known, unseen = cells.of_domain(*settings.train), cells.of_domain(*settings.unseen)
    train_rows, validation_rows = folds(known, N_FOLDS)[fold]
    train, validation = known.subset(train_rows), known.subset(validation_rows)
    trained = {} if trained is None else trained
    recipe = recipes.training_part(settings.recipe)
    needs = replace(settings, recipe=recipe), methods[0].removesuffix("_plus"), fold, seed
    if needs not in trained:
        trained[needs] = _train(*needs, train, progress=progress)
    model, seconds_per_step, steps = copy.deepcopy(trained[needs])
    key = {"benchmark": settings.benchmark, "fold": fold, "seed": seed}
    measured = {"seconds_per_step": seconds_per_step}
    results = {}
    for method in methods:
        if method.endswith("_plus"):
            training.retrain_classifier(model, train, seed=1000 * seed + fold)
        scored = [_score(settings, model, part, train.counts.sum(axis=0)) for part in (validation, unseen)]
        facts = {"backbone": settings.backbone, "steps": steps, "version": __version__}
        measured["peak_memory_mb"] = _peak_memory_mb()
        splits = ("in_domain", "left_out" if settings.leave_out else "unseen")
        rows = [
            key | {"method": method, "domain": domain, "split": split} | scores | measured | facts
            for split, (each, _) in zip(splits, scored, strict=True)
            for domain, scores in each
        ]
        columns = {name: np.concatenate([part[name] for _, part in scored]) for name in scored[0][1]}
        columns["unseen"] = np.repeat([False, True], [len(validation), len(unseen)])
        columns["features"] = columns["features"][columns["in_picture"]].astype(np.float16)
        results[method] = rows, columns | {"classes": np.array(cells.classes)}
    return results


def _train(
    settings: Settings, method: str, fold: int, seed: int, train: CellImages, *, progress: bool
) -> tuple[models.Classifier, float, int]:
    """Return a network trained by a method and the settings' recipe, its seconds a step, and its steps."""
    training.seed_everything(1000 * seed + fold)
    model = recipes.prepare_model(models.build(settings.backbone, len(train.classes)), settings.recipe)
    options = _options(settings, BENCHMARKS[settings.benchmark])
    boda = recipes.boda_changes(settings.recipe)
    chance = {"augmentation": options["augmentation"]} if "augmentation" in options else {}
    options |= fit_options(method, train.counts, model.n_features, boda=boda, **chance)
    label = f"{METHODS[method]}, fold {fold}" if progress else None
    history = training.fit(model, train, seed=1000 * seed + fold, progress=label, **options)
    return model, history.seconds_per_step, options["steps"]


def _options(settings: Settings, benchmark: Benchmark) -> dict:
    """Return the options of `training.fit`: the benchmark's, changed by the recipe."""
    rate = 2e-3 if settings.backbone == "small_cnn" else benchmark.learning_rate
    return {
        "steps": settings.steps * recipes.steps_factor(settings.recipe),
        "per_domain": benchmark.per_domain * len(benchmark.train) // len(settings.train),
        "learning_rate": rate * recipes.rate_factor(settings.recipe),
        "frozen_batch_norm": benchmark.frozen_batch_norm,
    } | recipes.fit_changes(settings.recipe)


def _score(settings: Settings, model, part: CellImages, shots: np.ndarray):
    """Return ([(laboratory, its scores), ...], one entry an image: logits, truth, domains, features, in_picture)."""
    logits = np.empty((len(part), len(part.classes)), dtype=np.float32)
    features = np.empty((len(part), model.n_features), dtype=np.float32)
    for number in range(len(part.domain_names)):
        here, known = np.flatnonzero(part.domains == number), part.domain_names[number] in settings.train
        changes = recipes.test_changes(settings.recipe, known=known)  # what was trained on is not adapted to
        features[here], logits[here] = adaptation.read(model, part.subset(here), **changes)
    scores = [
        (domain, evaluation.summary(part.labels[here], logits[here], shots))
        for domain, here in _domains(part, pooled=part.domain_names == settings.train)
    ]
    names = np.array(part.domain_names)[part.domains]
    order = np.random.default_rng(0).permutation(len(part))
    chosen = np.concatenate([order[names[order] == name][:N_LATENT] for name in part.domain_names])
    in_picture = np.isin(np.arange(len(part)), chosen)
    columns = {"logits": logits, "truth": part.labels, "domains": names, "features": features}
    return scores, columns | {"in_picture": in_picture}


def _domains(part: CellImages, pooled: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each laboratory's rows, and for the known ones all of them pooled, as in the slides' Table 1."""
    for number, name in enumerate(part.domain_names):
        yield name, part.domains == number
    if pooled and len(part.domain_names) > 1:
        yield "+".join(part.domain_names), np.full(len(part), True)


def run(
    settings: Settings,
    methods: list[str],
    *,
    n_folds: int = 1,
    seeds: tuple[int, ...] = (0,),
    out: str,
    scheduler: str | None = None,
    say: Callable[[str], None] = print,
    progress: bool = True,
    trained: dict | None = None,
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
    scheduler : str, optional
        Address of a running Dask cluster, such as ``tcp://127.0.0.1:8786``; None = one run after another, here.
    say : callable
        Told one line per finished run.
    progress : bool
        Show a progress bar for each training.
    trained : dict, optional
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
    if not 1 <= n_folds <= N_FOLDS:
        raise ValueError(f"folds is {n_folds}; expected 1 to {N_FOLDS}: the images are cut into {N_FOLDS} folds")
    cells = load_benchmark(settings.benchmark, settings.data)
    identity = {key: value for key, value in asdict(settings).items() if key != "data"}
    everywhere = "+".join(settings.train)
    with Ledger(out, identity | {"version": __version__, "cells": cells.digest()}) as ledger:
        jobs = [
            (missing, fold, seed)
            for seed in seeds
            for fold in range(n_folds)
            for family in FAMILIES
            if (missing := tuple(m for m in family if m in methods and not ledger.has(m, fold, seed)))
        ]
        start = time.perf_counter()
        for done, results in enumerate(_results(settings, jobs, scheduler, progress, trained), 1):
            for method, (rows, predictions) in results.items():
                ledger.record(rows, predictions)
                left = (time.perf_counter() - start) / done * (len(jobs) - done)
                known = next(r["f1_macro"] for r in rows if r["domain"] == everywhere)
                tested = ", ".join(f"{r['domain']} {r['f1_macro']:.3f}" for r in rows if r["split"] != "in_domain")
                say(
                    f"{METHODS[method]:12} fold {rows[0]['fold']} seed {rows[0]['seed']}: F1-macro {known:.3f} "
                    f"in-domain, {tested} unseen (run {done} of {len(jobs)}, about {left:.0f} s left)"
                )
        return ledger.rows()


def _results(
    settings: Settings, jobs: list[tuple], scheduler: str | None, progress: bool, trained: dict | None
) -> Iterator[dict]:
    """Yield what `run_one` returns for each job: here, one after the other, or from a cluster as they finish."""
    if scheduler is None:
        return (run_one(settings, *job, progress, trained=trained) for job in jobs)
    return cluster.results(run_one, [(settings, *job) for job in jobs], scheduler)
