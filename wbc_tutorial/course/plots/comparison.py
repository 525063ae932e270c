"""Figures that compare methods: confusion matrices side by side, calibration, and paired differences."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from wbc_tutorial.course.plots.style import DOMAIN_STYLE, class_code, ink_on
from wbc_tutorial.evaluation.metrics import calibration_error

__all__ = ["calibration", "confusion_pair", "difference_bars", "paired_runs"]

METHOD_STYLE = (*DOMAIN_STYLE, ("P", "#D55E00"), ("X", "#000000"), ("<", "#8C6D1F"), (">", "#777777"))
"""Marker and colour of method 0, 1, 2, ...: never colour alone."""


def confusion_pair(counts: Mapping[str, np.ndarray], classes: Sequence[str], *, title: str = "") -> Figure:
    """Draw the confusion matrices of two methods on the same images side by side, with one colour bar.

    Colour is the share of the true class (rows sum to 1; the diagonal is the recall), the number in a cell is the
    count of images, an empty cell is 0, and the row of a class that is absent from the truth is hatched.

    Parameters
    ----------
    counts : mapping of str to int (C, C)
        Name of the method -> images of true class i predicted as j, as from `evaluation.confusion`.
    classes : sequence of C str
    title : str
        Over both.

    Raises
    ------
    ValueError
        When a matrix is not C x C.
    """
    shape = len(classes), len(classes)
    for name, matrix in counts.items():
        if np.shape(matrix) != shape:
            raise ValueError(f"{name} is {np.shape(matrix)}; expected {shape}: a row and a column per class")
    cell = 0.42 if len(classes) > 8 else 0.62
    size = (len(counts) * (cell * len(classes) + 0.8) + 0.9, cell * len(classes) + 1.3)
    figure, axes = plt.subplots(1, len(counts), figsize=size, squeeze=False, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.1)
    for axis, (name, matrix) in zip(axes[0], counts.items(), strict=True):
        image = _matrix(axis, np.asarray(matrix), [class_code(c) for c in classes], 8 if len(classes) > 8 else 10)
        axis.set_title(name, loc="left")
    axes[0, 0].set_ylabel("true")
    figure.colorbar(image, ax=axes, label="share of the true class", fraction=0.03, pad=0.01)
    figure.suptitle(title, fontsize=12)
    return figure


def _matrix(axis: Axes, counts: np.ndarray, codes: Sequence[str], size: float) -> AxesImage:
    """Draw one confusion matrix and return its image."""
    n = counts.sum(axis=1)
    shares = counts / np.maximum(n, 1)[:, None]
    image = axis.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    for i in np.flatnonzero(n == 0):
        axis.add_patch(plt.Rectangle((-0.5, i - 0.5), len(codes), 1, fc="0.93", ec="0.6", hatch="///", lw=0))
    for i, j in np.argwhere(counts):
        ink = ink_on(image.cmap(image.norm(shares[i, j])))
        axis.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=size, color=ink)
    ticks = range(len(codes))
    axis.set(xlabel="predicted", xticks=ticks, yticks=ticks, yticklabels=codes)
    axis.set_xticklabels(codes, rotation=90)
    axis.spines[:].set_visible(False)
    return image


def calibration(
    truth: Mapping[str, np.ndarray], probabilities: Mapping[str, np.ndarray], *, n_bins: int = 15, title: str = ""
) -> Figure:
    """Draw accuracy against confidence, a line per method; the legend gives the expected calibration error (ECE).

    Parameters
    ----------
    truth : mapping of str to int (N,)
        Name of the method -> true classes.
    probabilities : mapping of str to float (N, C)
        The same keys; each row sums to 1.
    n_bins : int
        Equal-width bins of the confidence, for the lines and the ECE; bins of fewer than five images are not drawn.
        Source: Guo et al. 2017.

    Raises
    ------
    ValueError
        When the two mappings have other keys.
    """
    if set(truth) != set(probabilities):
        raise ValueError(f"truth of {sorted(truth)}, probabilities of {sorted(probabilities)}: expected the same names")
    figure, axis = plt.subplots(figsize=(5, 4.4))
    axis.plot((0, 1), (0, 1), color="0.6", linestyle="--", label="accuracy = confidence")
    for number, name in enumerate(truth):
        marker, colour = METHOD_STYLE[number % len(METHOD_STYLE)]
        confidence, right = probabilities[name].max(axis=1), probabilities[name].argmax(axis=1) == truth[name]
        bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
        n = np.bincount(bins, minlength=n_bins)
        kept = n >= 5
        x, y = (np.bincount(bins, weights=w, minlength=n_bins)[kept] / n[kept] for w in (confidence, right))
        label = f"{name}, ECE {calibration_error(truth[name], probabilities[name], n_bins):.3f}"
        axis.plot(x, y, marker=marker, markersize=5, color=colour, label=label)
    axis.set(xlabel="confidence (largest probability)", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    axis.set_title(title)
    axis.legend(loc="upper left", fontsize=8)
    return figure


def difference_bars(
    differences: pd.DataFrame, *, against: str = "ERM", metric: str = "F1-macro", title: str = ""
) -> Figure:
    """Draw the mean paired difference of each method and its 95 % interval, beside a line at zero.

    A filled marker says that the interval excludes zero; an open one that it includes zero, or that a single run has
    none.

    Parameters
    ----------
    differences : DataFrame
        From `tables.differences`: indexed by method, with ``mean, low, high``; NaN where there is no interval.
    against, metric, title : str
        For the labels.
    """
    from wbc_tutorial.experiments.methods import METHODS

    figure, axis = plt.subplots(figsize=(5.4, 0.45 * len(differences) + 1.4))
    axis.axvline(0, color="0.5", linestyle="--")
    colour = DOMAIN_STYLE[0][1]
    for y, line in enumerate(differences.itertuples()):
        excludes = line.low > 0 or line.high < 0  # False for NaN
        if not np.isnan(line.low):
            axis.plot((line.low, line.high), (y, y), color=colour, marker="|", markersize=9)
        axis.plot(line.mean, y, marker="o", color=colour, mfc=colour if excludes else "w", linestyle="none")
        axis.annotate(
            f"{line.mean:+.3f}",
            (line.mean, y),
            (0, 8),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            bbox={"fc": "w", "ec": "none", "pad": 0.5},
        )
    reach = np.nanmax(np.abs(differences[["mean", "low", "high"]].to_numpy(dtype=float)), initial=0.01) * 1.15
    axis.set(xlim=(-reach, reach), ylim=(len(differences) - 0.4, -0.7), xlabel=f"{metric}, difference to {against}")
    axis.set(yticks=range(len(differences)), yticklabels=[METHODS.get(m, m) for m in differences.index])
    axis.set_title(title)
    return figure


def paired_runs(first: pd.Series, second: pd.Series, *, names=("first", "second"), metric: str = "F1-macro") -> Figure:
    """Draw one method's score against another's, one point a run, a marker and colour per fold; the diagonal is a tie.

    Parameters
    ----------
    first, second : Series
        Indexed by ``fold`` and ``seed``, as `tables.per_run` gives them; runs that both have are drawn.
    names, metric : str
        For the labels.
    """
    runs = pd.concat([first, second], axis=1, keys=["first", "second"]).dropna().reset_index()
    figure, axis = plt.subplots(figsize=(4.6, 4.2))
    low, high = runs[["first", "second"]].to_numpy().min() - 0.03, runs[["first", "second"]].to_numpy().max() + 0.03
    axis.plot((low, high), (low, high), color="0.5", linestyle="--", zorder=1)
    for fold, part in runs.groupby("fold"):
        marker, colour = DOMAIN_STYLE[int(fold) % len(DOMAIN_STYLE)]
        axis.scatter(part["first"], part["second"], marker=marker, color=colour, label=f"fold {fold}", zorder=2)
    axis.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axis.set(xlabel=f"{metric}, {names[0]}", ylabel=f"{metric}, {names[1]}")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure
