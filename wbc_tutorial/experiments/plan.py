"""The plan that a run opens with: images, laboratories, methods, network, runs, and the time that they will take."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wbc_tutorial import models
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.evaluation.adaptation import features_and_logits
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.frozen import N_VIEWS
from wbc_tutorial.training.loop import fit

__all__ = ["duration", "plan_text", "seconds_of_runs"]

TIMED_STEPS, TIMED_IMAGES = 3, 128
"""How many steps and images are timed; one step before them warms up."""


def plan_text(
    settings: Settings, methods: Sequence[str], cells: CellImages, out: str | Path, *, to_do: int, found: int, took: str
) -> str:
    """Say what is about to be done, one fact a line.

    Parameters
    ----------
    settings : Settings
    methods : sequence of str
        Keys of `METHODS`.
    cells : CellImages
        All laboratories of the benchmark.
    out : path
        Folder of the results.
    to_do, found : int
        Runs, one for each method, fold and seed.
    took : str
        The time that it will take, in words; "" = no line of it.
    """
    benchmark = settings.benchmark
    facts = {
        "images": f"{len(cells):,}",
        "trained on": ", ".join(benchmark.train),
        "unseen": ", ".join(benchmark.unseen),
        "methods": ", ".join(METHODS[method] for method in METHODS if method in methods),
        "recipe": str(settings.recipe) if settings.recipe else "",
        "network": f"{settings.backbone}, {settings.total_steps} steps on {settings.device}",
        "runs": f"{to_do} to do" + (f", {found} found" if found else "") if to_do else "",
        "time": took,
        "results in": str(out),
    }
    lines = "".join(f"\n  {name:11} {value}" for name, value in facts.items() if value)
    all_found = f"all {found} runs are found" if found > 1 else "the run is found"
    last = "" if to_do else f"\nNothing to train: {all_found}"
    return f"{benchmark.name}: the plan{lines}{last}"


def seconds_of_runs(settings: Settings, cells: CellImages, n_trainings: int, n_scored: int) -> float:
    """Estimate from a few timed steps and images how long runs will take; no state of a run is touched.

    A step is timed for ERM: the other methods take somewhat longer.

    Parameters
    ----------
    settings : Settings
    cells : CellImages
        All laboratories of the benchmark.
    n_trainings, n_scored : int
        Networks to train, and networks to score: BoDA+ is scored, but shares the training of BoDA.
    """
    known = cells.of_domain(*settings.benchmark.train)
    some = known.subset(np.linspace(0, len(known) - 1, min(TIMED_IMAGES, len(known))).astype(int))
    model = settings.recipe.prepare(models.build(settings.backbone, len(cells.classes)))
    n_symmetries = 8 if settings.recipe.predict_options(known=True).get("tta") else 1
    if model.trunk is not None:  # each view of each image is computed once, and nothing else takes long
        n_views = N_VIEWS * len(known) + n_symmetries * (len(cells) - len(known))
        return _seconds_an_image(model, some) * n_views
    options = settings.fit_options("erm", known.counts, model.n_features) | {"progress": None}
    fit(model, known, **options | {"steps": 1})
    step = fit(model, known, **options | {"steps": TIMED_STEPS}).seconds_per_step
    n_images = n_symmetries * (len(known) / settings.benchmark.n_folds + len(cells) - len(known))
    return n_trainings * settings.total_steps * step + n_scored * n_images * _seconds_an_image(model, some)


def _seconds_an_image(model: Classifier, cells: CellImages) -> float:
    """Time a few images, after one that warms up: a frozen network is loaded with it."""
    features_and_logits(model, cells.subset([0]))
    start = time.perf_counter()
    features_and_logits(model, cells)
    return (time.perf_counter() - start) / len(cells)


def duration(seconds: float) -> str:
    """Say a number of seconds so that nobody takes it for exact.

    Examples
    --------
    >>> [duration(seconds) for seconds in (3, 44, 100, 3000, 9000)]
    ['under 10 s', 'about 40 s', 'about 2 minutes', 'about 50 minutes', 'about 2.5 hours']
    """
    if seconds < 10:
        return "under 10 s"
    if seconds < 55:
        return f"about {round(seconds, -1):.0f} s"
    minutes = max(round(seconds / 60), 1)
    if minutes < 90:
        return f"about {minutes} minute{'s' if minutes > 1 else ''}"
    return f"about {seconds / 3600:.1f} hours"
