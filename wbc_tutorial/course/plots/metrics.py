"""Figures of metrics: which pairs exist, recall known against unseen, where predictions go, and calibration."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import DOMAIN_STYLE, class_code, ink_on

__all__ = ["pair_grid", "recall_fall", "reliability", "score_bars"]


def pair_grid(counts: np.ndarray, classes: Sequence[str], domain_names: Sequence[str], *, title: str = "") -> Figure:
    """Draw N[d, c] as a grid, colour on a logarithmic scale; a pair that does not exist is hatched.

    Parameters
    ----------
    counts : int (D, C)
    classes : sequence of C str
    domain_names : sequence of D str
    """
    counts = np.asarray(counts)
    figure, axis = plt.subplots(figsize=(0.5 * len(classes) + 2, 0.42 * len(counts) + 0.9))
    shown = np.ma.masked_equal(counts, 0)
    scale = LogNorm(1, max(10, counts.max()))
    image = axis.imshow(shown, norm=scale, cmap="Blues", aspect="auto")
    for (d, c), n in np.ndenumerate(counts):
        if n:
            axis.text(c, d, n, ha="center", va="center", fontsize=8, color=ink_on(image.cmap(scale(n))))
        else:
            axis.add_patch(plt.Rectangle((c - 0.5, d - 0.5), 1, 1, fc="0.93", ec="0.6", hatch="///", lw=0))
    axis.set(title=title, xticks=range(len(classes)), xticklabels=[class_code(name) for name in classes])
    axis.set(yticks=range(len(counts)), yticklabels=domain_names)
    axis.spines[:].set_visible(False)
    return figure


def recall_fall(
    recalls: Mapping[str, np.ndarray], classes: Sequence[str], training_counts: np.ndarray, *, title: str = ""
) -> Figure:
    """Draw each class's recall under two or three conditions, joined by a line; a later, smaller marker lies on top.

    Parameters
    ----------
    recalls : mapping of str to float (C,)
        Condition -> recall per class; NaN is left out.
    classes : sequence of C str
    training_counts : int (C,)
        Written beside the class; rows are sorted by it, the most frequent on top.
    """
    order = np.argsort(-np.asarray(training_counts), kind="stable")
    figure, axis = plt.subplots(figsize=(6.5, 0.27 * len(classes) + 1.3))
    table = np.array([np.asarray(values, dtype=float)[order] for values in recalls.values()])
    for y, column in enumerate(table.T):
        if not np.all(np.isnan(column)):
            axis.plot((np.nanmin(column), np.nanmax(column)), (y, y), color="0.75", zorder=1)
    for (marker, colour), name, row, size in zip(DOMAIN_STYLE, recalls, table, (75, 28, 22), strict=False):
        axis.scatter(row, range(len(row)), marker=marker, color=colour, s=size, label=name, zorder=2, clip_on=False)
    names = [f"{classes[c].replace('_', ' ')} ({training_counts[c]})" for c in order]
    axis.set(yticks=range(len(names)), yticklabels=names, xlim=(-0.02, 1.02), xlabel="recall")
    axis.invert_yaxis()
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(recalls), title=title or None)
    return figure


def reliability(
    truth: Mapping[str, np.ndarray], probabilities: Mapping[str, np.ndarray], *, n_bins: int = 10
) -> Figure:
    """Draw accuracy against confidence, a line per data set; an honest classifier lies on the diagonal.

    Parameters
    ----------
    truth : mapping of str to int (N,)
    probabilities : mapping of str to float (N, C)
        The same keys as `truth`.
    n_bins : int
        Equal-width bins of the confidence; those with fewer than five images are left out.
    """
    figure, axis = plt.subplots(figsize=(4.2, 3.6))
    axis.plot((0, 1), (0, 1), color="0.6", linestyle="--", label="honest: accuracy = confidence")
    for (marker, colour), name in zip(DOMAIN_STYLE, truth, strict=False):
        confidence, right = probabilities[name].max(axis=1), probabilities[name].argmax(axis=1) == truth[name]
        bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
        n = np.bincount(bins, minlength=n_bins)
        kept = n >= 5
        x, y = (np.bincount(bins, weights=w, minlength=n_bins)[kept] / n[kept] for w in (confidence, right))
        axis.plot(x, y, marker=marker, color=colour, label=name)
    axis.set(xlabel="confidence (largest probability)", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    axis.legend(loc="upper left", fontsize=8)
    return figure


def score_bars(scores: Mapping[str, float], *, label: str = "", title: str = "") -> Figure:
    """Draw one bar per named score in [0, 1] with its value, the first on top."""
    figure, axis = plt.subplots(figsize=(6.5, 0.38 * len(scores) + 0.9))
    axis.barh(range(len(scores)), list(scores.values()), color=DOMAIN_STYLE[0][1], height=0.62)
    for y, value in enumerate(scores.values()):
        axis.text(value + 0.01, y, f"{value:.2f}", va="center", fontsize=9)
    axis.set(xlim=(0, 1.05), xlabel=label, title=title, yticks=range(len(scores)), yticklabels=list(scores))
    axis.invert_yaxis()
    return figure
