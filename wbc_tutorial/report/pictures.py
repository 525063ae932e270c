"""The report's pictures: from the predictions of a ledger to figures, each with a text that says what it shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wbc_tutorial.course import plots
from wbc_tutorial.evaluation.metrics import calibration_error, confusion
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.tables import per_run
from wbc_tutorial.report.text import compared, methods_of

__all__ = ["Picture", "calibrations", "confusions", "fall", "gaps", "latent_maps", "predictions", "single_confusions"]

LATENT_IMAGES = 900
"""At most so many images in a UMAP: a few seconds each."""

FEWEST_IMAGES = 200
"""A UMAP of fewer says little, and costs as much."""


@dataclass(frozen=True)
class Picture:
    """A figure, the name of its file, what it shows in words, and whether it is wide."""

    name: str
    figure: Figure
    alt: str
    wide: bool = False


def predictions(folder: Path, rows: pd.DataFrame, method: str) -> dict[str, np.ndarray] | None:
    """Read the predictions of all runs of a method, one after the other; None where no file is left."""
    runs = rows[rows.method == method][["fold", "seed"]].drop_duplicates()
    parts, classes = [], None
    for fold, seed in runs.itertuples(index=False):
        path = folder / "predictions" / f"{method}-fold{fold}-seed{seed}.npz"
        if path.exists():
            with np.load(path, allow_pickle=False) as stored:
                parts.append({name: stored[name] for name in ("logits", "truth", "domains", "unseen")})
                classes = [str(name) for name in stored["classes"]]
    if classes is None:
        return None
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} | {"classes": classes}


def _plain(name: str) -> str:
    """Keep a dollar sign in a name from starting a formula in a figure."""
    return name.replace("$", r"\$")


def _places(stored: dict[str, np.ndarray]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (name in a file, name in words, rows): all known laboratories, then each one that was not trained on."""
    yield "known", "known laboratories, validation images", ~stored["unseen"]
    for number, laboratory in enumerate(sorted(set(stored["domains"][stored["unseen"]]))):
        yield f"unseen{number}", f"unseen laboratory {laboratory}", stored["unseen"] & (stored["domains"] == laboratory)


def fall(rows: pd.DataFrame, note: str = "") -> Picture:
    """Draw F1-macro on known laboratories and on those not trained on."""
    rows = rows.assign(split=rows.split.replace("left_out", "unseen"))  # the training did not see it either
    known, unseen = (per_run(rows, split, ("f1_macro",)).f1_macro for split in ("in_domain", "unseen"))
    ends = [f"{METHODS[m]} {known[m].mean():.2f} and {unseen[m].mean():.2f}" for m in methods_of(rows)]
    alt = f"F1-macro on known laboratories, then on unseen ones, mean over runs{note}: {'; '.join(ends)}."
    figure = plots.fall(rows, names=METHODS)
    figure.set_figwidth(5.4)
    return Picture("fall", figure, alt)


def gaps(differences: pd.DataFrame, split: str, title: str) -> Picture:
    """Draw the differences of `tables.differences`."""
    differences = differences[differences.runs > 0]
    outside = [METHODS[m] for m, line in differences.iterrows() if line.low > 0 or line.high < 0]
    alt = f"{title}: difference in F1-macro to ERM, mean and 95 % interval. "
    alt += "No interval: a single run. " if differences.low.isna().all() else ""
    alt += f"Intervals that exclude zero: {', '.join(outside) or 'none'}."
    return Picture(f"differences_{split}", plots.difference_bars(differences, title=title), alt)


def _matrix(stored: dict[str, np.ndarray], here: np.ndarray) -> np.ndarray:
    return confusion(stored["truth"][here], stored["logits"][here].argmax(axis=1), len(stored["classes"]))


def single_confusions(all_stored: dict[str, dict]) -> Iterator[Picture]:
    """Yield a confusion matrix per method for known and for unseen laboratories; these are files only."""
    for method, stored in all_stored.items():
        for name, here in (("known", ~stored["unseen"]), ("unseen", stored["unseen"])):
            title = f"{METHODS[method]}, {name} laboratories"
            figure = plots.confusion_matrix(_matrix(stored, here), stored["classes"], title=title)
            yield Picture(f"confusion_{method}_{name}", figure, title)


def confusions(all_stored: dict[str, dict], rows: pd.DataFrame, note: str = "") -> Iterator[Picture]:
    """Yield the confusion matrices of two methods side by side: validation images, then each unseen laboratory."""
    shown = {method: all_stored[method] for method in compared(rows) if method in all_stored}
    for stored in list(shown.values())[:1]:
        for name, words, _ in _places(stored):
            found = {}
            for method, each in shown.items():
                here = {key: mask for key, _, mask in _places(each)}.get(name)
                if here is not None and here.any():
                    found[METHODS[method]] = _matrix(each, here)
            if found:
                figure = plots.confusion_pair(
                    found, stored["classes"], title=_plain(words[0].upper() + words[1:] + note)
                )
                yield Picture(f"pair_{name}", figure, _confusion_alt(found, stored["classes"], words + note), wide=True)


def _confusion_alt(found: dict[str, np.ndarray], classes: list[str], words: str) -> str:
    """Say of each matrix its mean recall and its largest error."""
    said = []
    for name, counts in found.items():
        wrong = counts * (1 - np.eye(len(counts), dtype=int))
        i, j = np.unravel_index(wrong.argmax(), wrong.shape)
        n = counts.sum(axis=1)
        text = f"{name}: mean recall {np.mean(np.diag(counts)[n > 0] / n[n > 0]):.2f}"
        if wrong[i, j]:
            true, given = (plots.class_code(classes[k]) for k in (i, j))
            text += f", most frequent error {true} named {given} ({wrong[i, j]} of {n[i]})"
        said.append(text)
    absent = [plots.class_code(c) for c, n in zip(classes, counts.sum(axis=1), strict=True) if n == 0]
    hatched = f" Absent and hatched: {', '.join(absent)}." if absent else ""
    return f"Confusion matrices, {words}, folds and seeds together. {'; '.join(said)}.{hatched}"


def _probabilities(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(np.float64(logits) - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def calibrations(all_stored: dict[str, dict], note: str = "") -> Iterator[Picture]:
    """Yield accuracy against confidence, all methods: validation images, then all laboratories not trained on."""
    for name, words in (("known", "Validation images"), ("unseen", "Unseen laboratories")) if all_stored else ():
        truth, chances, over = {}, {}, []
        for method, stored in all_stored.items():
            here, key = stored["unseen"] == (name == "unseen"), METHODS[method]
            truth[key], chances[key] = stored["truth"][here], _probabilities(stored["logits"][here])
            if chances[key].max(axis=1).mean() > np.mean(chances[key].argmax(axis=1) == truth[key]):
                over.append(key)
        errors = ", ".join(f"{key} {calibration_error(truth[key], chances[key]):.3f}" for key in truth)
        alt = f"Accuracy against confidence. {words}{note}, folds and seeds together. Expected calibration error: "
        alt += f"{errors}. More confident than right on average: {', '.join(over) or 'none'}."
        yield Picture(f"calibration_{name}", plots.calibration(truth, chances, title=words + note), alt)


def latent_maps(folder: Path, rows: pd.DataFrame, note: str = "") -> Iterator[Picture]:
    """Yield a UMAP of ERM's and one of BoDA's features (or the last method's), first fold and seed, where kept."""
    from wbc_tutorial.evaluation import latent

    fold, seed = rows[["fold", "seed"]].sort_values(["seed", "fold"]).iloc[0]
    for method in compared(rows, last="boda"):
        path = folder / "predictions" / f"{method}-fold{fold}-seed{seed}.npz"
        if not path.exists():
            continue
        with np.load(path, allow_pickle=False) as stored:
            if "features" not in stored:  # an older ledger
                continue
            kept = np.flatnonzero(stored["in_picture"])
            chosen = np.sort(np.random.default_rng(0).permutation(len(kept))[:LATENT_IMAGES])
            features, kept = stored["features"][chosen].astype(np.float32), kept[chosen]
            truth, wrong = stored["truth"][kept], stored["logits"][kept].argmax(axis=1) != stored["truth"][kept]
            domains, names = pd.factorize(stored["domains"][kept])
            classes = [str(name) for name in stored["classes"]]
        if len(features) < FEWEST_IMAGES or not np.isfinite(features).all():
            continue
        points = latent.embed(features, n_neighbors=15, min_dist=0.1, seed=0)
        numbers = latent.separation(features, truth, domains)
        words = f"{METHODS[method]}, fold {fold}, seed {seed}{note}"
        figure = plots.latent_map(
            points, truth, domains, wrong, classes, [_plain(str(n)) for n in names], title=words, numbers=numbers
        )
        alt = f"UMAP of {len(features)} images by {words}, coloured by class, by laboratory and by error. "
        alt += f"In the features, not in the picture: silhouette of classes {numbers.class_silhouette:.2f}, of "
        alt += f"laboratories {numbers.laboratory_silhouette:.2f}; a linear classifier names the laboratory with "
        alt += f"balanced accuracy {numbers.laboratory_accuracy:.2f} (chance {numbers.laboratory_chance:.2f}). "
        yield Picture(f"umap_{method}", figure, alt + f"Wrong: {wrong.mean():.0%} of the images.", wide=True)
