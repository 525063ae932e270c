"""Figures of a re-trained classifier: what is sampled, how long the head's weights are, which score moves where."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import DOMAIN_STYLE, class_code, class_colour

__all__ = ["head_norms", "score_plane", "shares_by_class"]


def shares_by_class(shares: Mapping[str, np.ndarray], classes: Sequence[str], domain_names: Sequence[str]) -> Figure:
    """Draw what share of a laboratory's draws each class gets, a row per laboratory, a column per way to sample.

    Parameters
    ----------
    shares : mapping of str to float (D, C)
    classes, domain_names : sequence of str
    """
    n = len(domain_names)
    figure, axes = plt.subplots(
        n, len(shares), figsize=(4.3 * len(shares), 1.6 * n + 0.4), sharex=True, sharey=True, squeeze=False
    )
    for column, (title, table) in zip(axes.T, shares.items(), strict=True):
        for axis, row, name in zip(column, table, domain_names, strict=True):
            x = np.arange(len(classes))
            axis.bar(x, row, color=[class_colour(c) for c in classes], edgecolor="black", linewidth=0.5)
            for k in np.flatnonzero(np.asarray(row) == 0):
                axis.text(k, 0.01, "✕", ha="center", fontsize=8)
            axis.set(title=f"{name}, {title}", xticks=x)
            axis.set_xticklabels([class_code(c) for c in classes], rotation=90)
    for axis in axes[:, 0]:
        axis.set_ylabel("share of draws")
    return figure


_SIDES = ((0, 10), (0, -10), (17, 0), (-17, 0), (15, 8), (-15, 8), (15, -8), (-15, -8), (0, 20), (0, -20))


def _close(others: np.ndarray, spot: np.ndarray, reach: tuple[float, float]) -> int:
    """Return how many of the others (n, 2) lie within reach of a spot, across and up."""
    return int((np.abs(others - spot) < reach).all(axis=1).sum())


def head_norms(counts: np.ndarray, norms: Mapping[str, np.ndarray], classes: Sequence[str]) -> Figure:
    """Draw the length of each class's weight vector in the head against its training images, a panel per head."""
    figure, axes = plt.subplots(1, len(norms), figsize=(4.2 * len(norms), 3.2), sharex=True, squeeze=False)
    for axis, (title, values) in zip(axes[0], norms.items(), strict=True):
        relative = np.asarray(values) / np.mean(values)
        axis.axhline(1, color="0.7", linestyle="--", linewidth=1)
        order = np.lexsort((relative, counts))
        axis.scatter(
            counts[order], relative[order], s=45, color=[class_colour(classes[c]) for c in order],
            edgecolor="black", linewidth=0.5,
        )  # fmt: skip
        at = np.column_stack([93 * np.log10(counts), 160 * relative])  # about where markers stand, in points of print
        taken = np.empty((0, 2))
        for c in order:  # a code covers neither another code nor another class's marker
            others = np.delete(at, c, 0)
            covers = [_close(taken, at[c] + side, (20, 9)) + _close(others, at[c] + side, (13, 8)) for side in _SIDES]
            side = _SIDES[int(np.argmin(covers))]
            taken = np.vstack([taken, at[c] + side])
            where = {"textcoords": "offset points", "ha": "center", "va": "center", "fontsize": 8}
            axis.annotate(class_code(classes[c]), (counts[c], relative[c]), side, **where)
        axis.set(xscale="log", xlabel="training images of the class", title=title, ylim=(0.5, 1.6))
        axis.set_xlim(counts.min() / 2, counts.max() * 2)
    axes[0, 0].set_ylabel("weight norm / mean norm")
    return figure


def score_plane(
    before: Mapping[str, Sequence[tuple[float, float]]], after: Mapping[str, Sequence[tuple[float, float]]]
) -> Figure:
    """Draw (micro, macro) before and after as arrows, one colour and marker per data set, one arrow per run."""
    figure, axis = plt.subplots(figsize=(5.6, 3.9))
    for (marker, colour), name in zip(DOMAIN_STYLE, before, strict=False):
        for k, (start, end) in enumerate(zip(before[name], after[name], strict=True)):
            axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour, "linewidth": 1.5})
            axis.scatter(*start, marker=marker, s=45, facecolor="white", edgecolor=colour, zorder=3)
            axis.scatter(*end, marker=marker, s=45, color=colour, zorder=3, label=None if k else name)
    everything = np.array([point for runs in (*before.values(), *after.values()) for point in runs])
    low, high = everything.min(axis=0) - 0.06, everything.max(axis=0) + 0.06
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="F1-micro", ylabel="F1-macro")
    axis.scatter([], [], marker="o", facecolor="white", edgecolor="0.4", label="before (hollow)")
    axis.legend(loc="upper left")
    return figure
