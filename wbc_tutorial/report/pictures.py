"""The report's pictures: from rows and predictions to figures, each with a text that says what it shows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.special import softmax

from wbc_tutorial.course import plots
from wbc_tutorial.evaluation.metrics import calibration_error, confusion
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.tables import per_run
from wbc_tutorial.report import predictions
from wbc_tutorial.report.text import compared, methods_of

__all__ = ["Picture", "calibrations", "fall", "gaps", "latent_maps", "single_confusions"]

LATENT_IMAGES = 900
"""At most so many images in a UMAP: a few seconds each."""

CALIBRATED = {"known": "Validation images", "unseen": "Unseen laboratories"}
"""Which images a figure of calibration is about -> its title."""

FEWEST_IMAGES = 200
"""A UMAP of fewer says little, and costs as much."""


@dataclass(frozen=True, repr=False)
class Picture:
    """A figure and what the page says of it.

    Attributes
    ----------
    name : str
        Of its file, without the suffix.
    figure : Figure
    alt : str
        What it shows, in words; the caption too.
    wide : bool, default=False
        Whether a phone scrolls it.
    """

    name: str
    figure: Figure
    alt: str
    wide: bool = False

    def __repr__(self) -> str:
        width, height = self.figure.get_size_inches()
        said = self.alt if len(self.alt) <= 60 else f"{self.alt[:59]}…"
        return f"Picture {self.name}.png, {width:.1f} x {height:.1f} in: {said}"


def fall(rows: pd.DataFrame, note: str = "") -> Picture:
    """Draw F1-macro on known laboratories and on those not trained on, every run and the means."""
    known, unseen = (per_run(rows, split, ("f1_macro",)).f1_macro for split in ("in_domain", "unseen"))
    ends = [f"{METHODS[m]} {known[m].mean():.2f} and {unseen[m].mean():.2f}" for m in methods_of(rows)]
    alt = f"F1-macro on known laboratories, then on unseen ones, mean over runs{note}: {'; '.join(ends)}."
    return Picture("fall", plots.fall(rows, names=METHODS), alt)


def gaps(differences: pd.DataFrame, split: str, title: str) -> Picture | None:
    """Draw the differences of `tables.differences` that have an interval; None where none has."""
    differences = differences[differences.low.notna()]
    if differences.empty:
        return None
    outside = [METHODS[m] for m, line in differences.iterrows() if line.low > 0 or line.high < 0]
    alt = f"{title}: difference in F1-macro to ERM, mean and 95 % interval. "
    alt += f"Intervals that exclude zero: {', '.join(outside) or 'none'}."
    return Picture(f"differences_{split}", plots.difference_bars(differences, title=title), alt)


def single_confusions(all_stored: dict[str, dict]) -> Iterator[Picture]:
    """Yield a confusion matrix per method for known and for unseen laboratories; these are files only."""
    for method, stored in all_stored.items():
        for name, here in (("known", ~stored["unseen"]), ("unseen", stored["unseen"])):
            if here.any():
                title = f"{METHODS[method]}, {name} laboratories"
                counts = confusion(stored["truth"][here], stored["predicted"][here], len(stored["classes"]))
                figure = plots.confusion_matrix(counts, stored["classes"], title=title)
                yield Picture(f"confusion_{method}_{name}", figure, title)


def calibrations(
    all_stored: dict[str, dict], note: str = "", *, words: Mapping[str, str] = CALIBRATED
) -> Iterator[Picture]:
    """Yield accuracy against confidence, all methods: validation images, then all laboratories not trained on."""
    for name, said in words.items():
        truth, chances, over = {}, {}, []
        for method, stored in all_stored.items():
            here, key = stored["unseen"] == (name == "unseen"), METHODS.get(method, method)
            if not here.any():
                continue
            truth[key], chances[key] = stored["truth"][here], softmax(np.float64(stored["logits"][here]), axis=1)
            if stored["confidence"][here].mean() > np.mean(stored["predicted"][here] == truth[key]):
                over.append(key)
        if not truth:
            continue
        errors = ", ".join(f"{key} {calibration_error(truth[key], chances[key]):.3f}" for key in truth)
        alt = f"Accuracy against confidence. {said}{note}, folds and seeds together. Expected calibration error: "
        alt += f"{errors}. More confident than right on average: {', '.join(over) or 'none'}."
        yield Picture(f"calibration_{name}", plots.reliability(truth, chances, title=said + note), alt)


def latent_maps(folder: Path, rows: pd.DataFrame, note: str = "") -> Iterator[Picture]:
    """Yield a UMAP of ERM's and one of BoDA's features (or the last method's), first fold and seed, where kept."""
    fold, seed = rows[["fold", "seed"]].sort_values(["seed", "fold"]).iloc[0]
    for method in compared(rows, last="boda"):
        try:
            stored = predictions.of_run(folder, method, fold, seed)
        except (OSError, ValueError):
            continue
        if (drawn := _latent_map(stored, f"{METHODS[method]}, fold {fold}, seed {seed}{note}")) is not None:
            yield Picture(f"umap_{method}", *drawn, wide=True)


def _latent_map(stored: dict, words: str) -> tuple[Figure, str] | None:
    """Return a UMAP of a run's features and its text; None where there are too few of them, or none."""
    from wbc_tutorial.evaluation import latent

    if not {"features", "in_picture"} <= set(stored):
        return None
    kept = np.flatnonzero(stored["in_picture"])
    if len(kept) != len(stored["features"]) or len(kept) < FEWEST_IMAGES:
        return None
    chosen = np.sort(np.random.default_rng(0).permutation(len(kept))[:LATENT_IMAGES])
    features, kept = stored["features"][chosen].astype(np.float32), kept[chosen]
    if not np.isfinite(features).all():
        return None
    truth, wrong = stored["truth"][kept], stored["logits"][kept].argmax(axis=1) != stored["truth"][kept]
    domains, names = pd.factorize(stored["domains"][kept])
    points = latent.embed(features, n_neighbors=15, min_dist=0.1, seed=0)
    numbers = latent.separation(features, truth, domains)
    figure = plots.latent_map(points, truth, domains, wrong, stored["classes"], names, title=words, numbers=numbers)
    alt = f"UMAP of {len(features)} images by {words}, coloured by class, by laboratory and by error. "
    alt += f"In the features, not in the picture: silhouette of classes {numbers.class_silhouette:.2f}, of "
    alt += f"laboratories {numbers.laboratory_silhouette:.2f}; a linear classifier names the laboratory with "
    alt += f"balanced accuracy {numbers.laboratory_accuracy:.2f} (chance {numbers.laboratory_chance:.2f}). "
    return figure, alt + f"Wrong: {wrong.mean():.0%} of the images."
