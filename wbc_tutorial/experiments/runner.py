"""The runner: benchmark x method x recipe x fold x seed -> rows and predictions in the results store."""

import copy
import shlex
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from wbc_tutorial import __version__, models
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.data.folds import SplitWarning, folds
from wbc_tutorial.evaluation.adaptation import IMAGES_PER_CLASS, StepBackWarning, features_and_logits
from wbc_tutorial.evaluation.calibration import balance_head
from wbc_tutorial.evaluation.intervals import image_interval
from wbc_tutorial.evaluation.metrics import summary
from wbc_tutorial.experiments import cluster
from wbc_tutorial.experiments.methods import ALIGNING, FAMILIES, METHODS, RETRAINED, RETRAINING
from wbc_tutorial.experiments.plan import duration, plan_text, seconds_of_runs
from wbc_tutorial.experiments.recipes import INGREDIENTS
from wbc_tutorial.experiments.saved_models import save_model
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.experiments.store import ResultsStore
from wbc_tutorial.training.device import peak_memory_mb, seed_everything
from wbc_tutorial.training.loop import fit
from wbc_tutorial.training.retraining import retrain_classifier

__all__ = ["run", "run_one"]

HIGHEST_SEED = 4_000_000
"""A run is seeded with 1000 seed + fold, which must stay below 2**32."""

N_LATENT = 300
"""Images of each laboratory whose features are kept beside the predictions, for the pictures of the latent space."""


def run(
    settings: Settings,
    methods: Sequence[str],
    *,
    n_folds: int = 1,
    seeds: Sequence[int] = (0,),
    out: str | Path,
    scheduler: str | None = None,
    say: Callable[[str], None] = print,
    progress: bool = True,
    trained: dict | None = None,
    afterwards: Callable[[float], float] = lambda seconds: 0.0,
    allow_leaks: bool = False,
) -> pd.DataFrame:
    """Run what the results folder does not hold yet, and return all its rows.

    The network of each run is saved as ``models/<method>-fold<fold>-seed<seed>.pt``, which `load_model` reads.

    Parameters
    ----------
    settings : Settings
    methods : sequence of str
        Keys of `METHODS`.
    n_folds : int, default=1
        How many of the benchmark's folds to run: the first ones.
    seeds : sequence of int, default=(0,)
    out : path
        Folder of the results, as `ResultsStore` takes it.
    scheduler : str, default=None
        Address of a running Dask cluster, such as ``tcp://127.0.0.1:8786``; None = one run after another, here.
    say : callable, default=print
        Told what is about to be done, and one line per finished run.
    progress : bool, default=True
        Show a progress bar for each training.
    trained : dict, default=None
        Of `run_one`, to be shared by several calls; not used on a cluster.
    afterwards : callable, default=lambda seconds: 0.0
        ``(seconds) -> seconds``: how long the caller goes on after a call that takes so long, for the time that is
        said to be left.
    allow_leaks : bool, default=False
        Run although most images of an unseen laboratory are copies of training images.

    Returns
    -------
    DataFrame
        Everything in the folder, with the columns `COLUMNS` and more.

    Raises
    ------
    ValueError, FileNotFoundError
        For settings, data or a folder that cannot be used, before anything is trained.
    FloatingPointError
        When a training diverges; the runs before it are kept.
    ConnectionError
        When a cluster cannot be used, or no longer.
    """
    _check(settings, methods, n_folds, seeds)
    benchmark = settings.benchmark
    for name in benchmark.unused(settings.data):
        say(f"Not used in {settings.data}: {name}")
    cells = benchmark.load(settings.data)
    _check_copies(settings, allow_leaks, say)
    _check_folds(cells.of_domain(*benchmark.train), benchmark.n_folds, say)
    _say_small_laboratories(settings, cells, say)
    provenance = _provenance(settings, cells)
    identity = settings.identity() | {name: provenance[name] for name in ("version", "cells")}
    with ResultsStore(out, identity) as store:
        jobs = [
            (missing, fold, seed)
            for seed in seeds
            for fold in range(n_folds)
            for family in FAMILIES
            if (missing := tuple(m for m in family if m in methods and not store.has(m, fold, seed)))
        ]
        to_do = sum(len(missing) for missing, _, _ in jobs)
        took = "as the workers of the cluster take" if jobs else ""
        if jobs and scheduler is None:
            seconds = seconds_of_runs(settings, cells, len(jobs), to_do)
            took = f"{duration(seconds + afterwards(seconds))}, from a few timed steps"
        found = len(set(methods)) * len(seeds) * n_folds - to_do
        say(plan_text(settings, methods, cells, out, to_do=to_do, found=found, took=took))
        if scheduler is None or not jobs:
            done_runs = (_trained(settings, *job, cells=cells, progress=progress, trained=trained) for job in jobs)
        else:
            done_runs = _on_cluster(settings, jobs, scheduler, say)
        start = time.perf_counter()
        for done, results in enumerate(done_runs, 1):
            whole = (time.perf_counter() - start) / done * len(jobs)
            left = whole * (1 - done / len(jobs)) + afterwards(whole)
            for method, (rows, predictions, model) in results.items():
                fold, seed = rows[0]["fold"], rows[0]["seed"]
                facts = provenance | {"method": method, "fold": fold, "seed": seed}
                save_model(model, store.model_path(method, fold, seed), provenance=facts)
                store.record(rows, predictions)
                say(_one_line(settings, method, rows) + (f" ({duration(left)} left)" if left else ""))
        return store.rows()


def _check(settings: Settings, methods: Sequence[str], n_folds: int, seeds: Sequence[int]) -> None:
    """Refuse runs that cannot be done, and options without effect."""
    _check_settings(settings)
    if isinstance(methods, str) or not isinstance(methods, Sequence):
        raise ValueError(f"methods is {methods!r}: expected names in a list, such as ['erm', 'boda']")
    unknown = [method for method in methods if method not in METHODS]
    if unknown or not methods:
        raise ValueError(
            f"unknown method {', '.join(map(repr, unknown)) or '(none)'}; choose among {', '.join(METHODS)}"
        )
    train, of_folds = settings.benchmark.train, settings.benchmark.n_folds
    aligning = [METHODS[method] for method in methods if method in ALIGNING]
    if len(train) == 1 and aligning:
        raise ValueError(
            f"{', '.join(aligning)} compare laboratories: with one training laboratory ({train[0]}) they equal ERM; "
            "leave them out of --methods"
        )
    _check_frozen(settings, methods)
    if settings.recipe.boda_options and not any(method.startswith("boda") for method in methods):
        alone = ", ".join(name for name in settings.recipe if INGREDIENTS[name].boda)
        raise ValueError(
            f"{alone} of the recipe changes BoDA alone: add boda to --methods, or leave it out of --recipe"
        )
    if whole_number("folds", n_folds, least=1) > of_folds:
        raise ValueError(f"folds is {n_folds}; the images are cut into {of_folds} folds: give 1 to {of_folds}")
    if not len(seeds):
        raise ValueError("seeds is empty: expected one or more whole numbers, such as (0,)")
    for seed in seeds:
        if whole_number("seed", seed) > HIGHEST_SEED:
            raise ValueError(f"seed is {seed}: expected a whole number, 0 to {HIGHEST_SEED}")


def _check_settings(settings: Settings) -> None:
    if not isinstance(settings, Settings):
        raise ValueError(f"settings: got a {type(settings).__name__}, expected wbc.Settings('simulated') or the like")


def _check_frozen(settings: Settings, methods: Sequence[str]) -> None:
    """Refuse what cannot act on the features of a frozen network."""
    movers = [method for method in methods if method in ALIGNING and method != "group_dro"]  # it weighs losses
    if settings.backbone == "dinov2_s14_linear" and movers:
        raise ValueError(
            f"{', '.join(METHODS[method] for method in movers)} move features, and a linear probe has none that "
            "move: use --backbone dinov2_s14, which has a projector"
        )
    if not settings.backbone.startswith((models.FROZEN, "dinov2_s14")):
        return
    if "mixup" in methods:
        raise ValueError(
            "mixup mixes the images of a batch, and frozen features are those of single images: leave it out of "
            "--methods"
        )
    if norms := [name for name in ("frozen_bn", "group_norm") if name in settings.recipe]:
        raise ValueError(
            f"{' and '.join(norms)} of the recipe changes the norm layers of a network that is trained, and "
            f"{settings.backbone} is frozen: leave it out of --recipe"
        )


def _check_copies(settings: Settings, allow_leaks: bool, say: Callable[[str], None]) -> None:
    """Refuse an unseen laboratory that is mostly a copy; of a smaller share of copies, tell the user."""
    benchmark, data = settings.benchmark, settings.data
    for found in benchmark.copies(data):
        if 2 * found.shared > found.total and not allow_leaks:
            raise ValueError(
                f"leak: {found}; it tests nothing: leave out one of the two, or use --allow-leaks to run all the same"
            )
        sides = ("--train", ",".join(benchmark.train), "--unseen", ",".join(benchmark.unseen))
        command = shlex.join(["python", "data_scripts/prepare.py", "check", str(data), *sides, "--out", "copies.csv"])
        say(
            f"Note: {found}; its scores are too high by what was learned by heart. `{command}` lists them: "
            f"prepare {found.unseen} again without them"
        )


def _say_small_laboratories(settings: Settings, cells: CellImages, say: Callable[[str], None]) -> None:
    """Tell which unseen laboratories are too small for the ingredients that use their images together."""
    together, least = settings.recipe.transductive, IMAGES_PER_CLASS * len(cells.classes)
    sizes = {name: int(n) for name, n in zip(cells.domain_names, cells.counts.sum(axis=1), strict=True)}
    small = [f"{name} ({sizes[name]} images)" for name in settings.benchmark.unseen if sizes[name] < least]
    if together and small:
        say(
            f"Note: {', '.join(together)} use the images of a laboratory together, which takes {least} or more; read "
            f"image by image: {', '.join(small)}"
        )


def _check_folds(known: CellImages, n_folds: int, say: Callable[[str], None]) -> None:
    """Cut the folds before any training: what is wrong with them is raised, what is worth knowing is said."""
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always", SplitWarning)
        folds(known, n_folds)
    for warning in noted:
        say(f"Note: {warning.message}")


def _one_line(settings: Settings, method: str, rows: list[dict]) -> str:
    """Say what one run scored."""
    everywhere = "+".join(settings.benchmark.train)
    known = next(row["f1_macro"] for row in rows if row["domain"] == everywhere)
    unseen = ", ".join(f"{row['domain']} {row['f1_macro']:.3f}" for row in rows if row["split"] == "unseen")
    fold, seed = rows[0]["fold"], rows[0]["seed"]
    return f"{METHODS[method]:12} fold {fold} seed {seed}: F1-macro {known:.3f} on known laboratories, unseen {unseen}"


def _on_cluster(settings: Settings, jobs: list[tuple], scheduler: str, say: Callable[[str], None]) -> Iterator[dict]:
    """Yield what `_trained` returns for each job, as the workers of a cluster finish.

    The networks come back over the wire with the scores: 0.9 MB each for `small_cnn`, about 95 MB for `resnet50`.
    """
    data = None if settings.data is None else str(Path(settings.data).absolute())
    tasks = [(replace(settings, data=data), *job) for job in jobs]
    return cluster.results(_trained, tasks, scheduler, data=data, device=settings.device.name, say=say)


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
        All laboratories of the benchmark, the training ones first; None = they are loaded from ``settings.data``.
    progress : bool, default=False
        Show a progress bar.
    trained : dict, default=None
        Networks trained before, in this process: recipes that differ only in what comes after training share one. It
        is filled here.

    Returns
    -------
    dict
        method -> (rows of the results, predictions), as `ResultsStore.record` takes them.

    Raises
    ------
    FloatingPointError
        When the training diverges.
    """
    _check_settings(settings)
    results = _trained(settings, methods, fold, seed, cells=cells, progress=progress, trained=trained)
    return {method: (rows, predictions) for method, (rows, predictions, _) in results.items()}


def _trained(
    settings: Settings,
    methods: tuple[str, ...],
    fold: int,
    seed: int,
    *,
    cells: CellImages | None = None,
    progress: bool = False,
    trained: dict | None = None,
) -> dict[str, tuple[list[dict], dict[str, np.ndarray], models.Classifier]]:
    """Return what `run_one` does, and each network as it was scored, on the processor."""
    benchmark = settings.benchmark
    cells = benchmark.load(settings.data) if cells is None else cells
    known, unseen = cells.of_domain(*benchmark.train), cells.of_domain(*benchmark.unseen)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SplitWarning)  # `run` has said it
        train_rows, validation_rows = folds(known, benchmark.n_folds)[fold]
    train, validation = known.subset(train_rows), known.subset(validation_rows)
    places = np.array(cells.domain_names)[cells.domains]
    at_known, at_unseen = (np.flatnonzero(np.isin(places, names)) for names in (benchmark.train, benchmark.unseen))
    at = {"in_domain": at_known[validation_rows], "unseen": at_unseen}
    trained = {} if trained is None else trained
    needs = replace(settings, recipe=settings.recipe.training_part), RETRAINED.get(methods[0], methods[0]), fold, seed
    if needs not in trained:
        trained[needs] = _train(*needs, train, progress=progress)
    model, seconds_per_step = copy.deepcopy(trained[needs])
    results = {}
    for method in methods:
        if method in RETRAINED:
            retrain_classifier(model, train, seed=1000 * seed + fold, **RETRAINING.get(method, {}))
        if settings.recipe.even_mix:
            balance_head(model, validation, tta=settings.recipe.predict_options(known=True).get("tta", False))
        facts = {"benchmark": benchmark.name, "fold": fold, "seed": seed, "method": method}
        facts |= {"recipe": str(settings.recipe), "backbone": settings.backbone, "steps": settings.total_steps}
        facts |= {"seconds_per_step": seconds_per_step, "peak_memory_mb": peak_memory_mb(settings.device)}
        facts |= {"version": __version__}
        rows, predictions = _scored(settings, model, facts, {"in_domain": validation, "unseen": unseen}, train)
        predictions["image"] = np.concatenate(list(at.values())).astype(np.int32)
        scored = copy.deepcopy(model).cpu()
        scored.recipe = str(settings.recipe)  # with what comes after training, which the shared training leaves out
        results[method] = rows, predictions, scored
    return results


def _provenance(settings: Settings, cells: CellImages) -> dict:
    """Return what a saved network says of the benchmark and the images that it was trained on."""
    return {
        "benchmark": settings.benchmark.name,
        "train": list(settings.benchmark.train),
        "cells": cells.digest(),
        "version": __version__,
        "image_size": cells.images.shape[-1],
        "um_per_px": cells.um_per_px if np.isfinite(cells.um_per_px) else None,
    }


def _train(
    settings: Settings, method: str, fold: int, seed: int, train: CellImages, *, progress: bool
) -> tuple[models.Classifier, float]:
    """Return a network trained by a method and the settings' recipe, and its seconds a step."""
    seed_everything(1000 * seed + fold)
    model = settings.recipe.prepare(models.build(settings.backbone, len(train.classes)))
    options = settings.fit_options(method, train.counts, model.n_features)
    label = f"{METHODS[method]}, fold {fold}" if progress else None
    try:
        history = fit(model, train, seed=1000 * seed + fold, progress=label, **options)
    except FloatingPointError as error:
        raise FloatingPointError(f"{METHODS[method]}, fold {fold}, seed {seed}: {error}") from error
    return model, history.seconds_per_step


def _scored(
    settings: Settings, model: models.Classifier, facts: dict, parts: dict[str, CellImages], train: CellImages
) -> tuple[list[dict], dict[str, np.ndarray]]:
    """Return a row for each laboratory and split, and the predictions behind them, one entry an image."""
    shots, rows, columns = train.counts.sum(axis=0), [], []
    for split, part in parts.items():
        known = split == "in_domain"  # the laboratories that were trained on are not adapted to
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", StepBackWarning)  # `run` has said it
            features, logits = features_and_logits(model, part, **settings.recipe.predict_options(known=known))
        for domain, here in _domains(part, pooled=known):
            scores = summary(part.labels[here], logits[here], shots) | _image_interval(part, logits, here)
            rows.append(facts | {"domain": domain, "split": split} | scores)
        names = np.array(part.domain_names)[part.domains]
        in_picture = _some_of_each(names)
        columns.append({"logits": logits, "truth": part.labels, "domains": names, "in_picture": in_picture})
        columns[-1] |= {"unseen": np.full(len(part), not known)}
        columns[-1] |= {"features": features[in_picture].astype(np.float16)}
    predictions = {name: np.concatenate([column[name] for column in columns]) for name in columns[0]}
    return rows, predictions | {"classes": np.array(train.classes)}


def _image_interval(part: CellImages, logits: np.ndarray, here: np.ndarray) -> dict[str, float]:
    """Return how far F1-macro of these images could be off with other images, slides or patients of the laboratory."""
    groups = None if part.groups is None else part.groups[here]
    low, high = image_interval(part.labels[here], logits[here].argmax(1), len(part.classes), groups=groups)
    return {"f1_macro_images_low": low, "f1_macro_images_high": high}


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
