"""Figures of a re-trained classifier: what is sampled, how long the head's weights are, which score moves where."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import any_script, class_code, class_colour, label_of, legend, styled, with_alt

__all__ = ["head_norms", "score_plane", "shares_by_class"]


def shares_by_class(
    shares: Mapping[str, np.ndarray], classes: Sequence[str], domain_names: Sequence[str], *, title: str = ""
) -> Figure:
    """Draw what share of a laboratory's draws each class gets, a row per laboratory, a column per way to sample.

    Parameters
    ----------
    shares : mapping of str to float (D, C)
        Way to sample -> shares; a class that is never drawn is marked with a cross.
    classes : sequence of C str
    domain_names : sequence of D str
    title : str, default=""
        Over all.
    """
    n = len(domain_names)
    figure, axes = plt.subplots(
        n, len(shares), figsize=(5.4 * len(shares), 2.1 * n + 0.5), sharex=True, sharey=True, squeeze=False
    )
    x, colours = np.arange(len(classes)), [class_colour(c) for c in classes]
    for column, (way, table) in zip(axes.T, shares.items(), strict=True):
        for axis, row, name in zip(column, table, domain_names, strict=True):
            axis.bar(x, row, color=colours, edgecolor="black", linewidth=0.5)
            for k in np.flatnonzero(np.asarray(row) == 0):
                axis.text(k, 0.01, "✕", ha="center")
            axis.set(title=f"{label_of(name)}, {way}", xticks=x)
            axis.set_xticklabels([class_code(c) for c in classes], rotation=90)
    for axis in axes[:, 0]:
        axis.set_ylabel("share of draws")
    figure.suptitle(title, x=0.01, ha="left")
    told = (
        f"{name}, {way}: largest {np.max(row):.0%}, smallest of the present {np.min(row[row > 0]):.1%}"
        for way, table in shares.items()
        for name, row in zip(domain_names, np.asarray(table), strict=True)
    )
    return with_alt(figure, f"Share of a laboratory's draws by class. {'; '.join(told)}.")


_SIDES = (
    (0, 15), (0, -15), (25, 0), (-25, 0), (22, 12), (-22, 12), (22, -12), (-22, -12), (0, 31), (0, -31), (34, 20),
    (-34, 20), (34, -20), (-34, -20),
)  # fmt: skip
_CODE, _MARKER = (32, 15), (21, 13)
"""Points of print: where a code may stand beside its marker, and how near codes and markers may come to a code."""


def _close(others: np.ndarray, spot: np.ndarray, reach: tuple[float, float]) -> int:
    """Return how many of the others (n, 2) lie within reach of a spot, across and up."""
    return int((np.abs(others - spot) < reach).all(axis=1).sum())


def _name_points(axis: Axes, x: np.ndarray, y: np.ndarray, names: Sequence[str]) -> None:
    """Write a name beside each point, where it covers the fewest other names and points."""
    at = axis.transData.transform(np.column_stack([x, y])) * 72 / axis.figure.dpi  # points of print
    taken = np.empty((0, 2))
    for k in np.lexsort((y, x)):
        others = np.delete(at, k, 0)
        covers = [_close(taken, at[k] + side, _CODE) + _close(others, at[k] + side, _MARKER) for side in _SIDES]
        side = _SIDES[int(np.argmin(covers))]
        taken = np.vstack([taken, at[k] + side])
        axis.annotate(names[k], (x[k], y[k]), side, textcoords="offset points", ha="center", va="center")


def head_norms(
    counts: np.ndarray, norms: Mapping[str, np.ndarray], classes: Sequence[str], *, title: str = ""
) -> Figure:
    """Draw the length of each class's weight vector in the head against its training images, a panel per head.

    Parameters
    ----------
    counts : int (C,)
        Training images, 1 or more each.
    norms : mapping of str to float (C,)
        Title -> length of each class's weight vector; drawn relative to their mean.
    classes : sequence of C str
    title : str, default=""
        Over all.
    """
    counts = np.asarray(counts)
    tables = {head: np.asarray(values) / np.nanmean(values) for head, values in norms.items()}
    figure, axes = plt.subplots(1, len(norms), figsize=(5 * len(norms), 5.6), sharex=True, squeeze=False)
    low, high = (limit([limit(table) for table in tables.values()]) for limit in (np.nanmin, np.nanmax))
    for axis, (head, relative) in zip(axes[0], tables.items(), strict=True):
        axis.axhline(1, color="0.7", linestyle="--", linewidth=1)
        colours = [class_colour(name) for name in classes]
        axis.scatter(counts, relative, s=60, color=colours, edgecolor="black", linewidth=0.5)
        axis.set(xscale="log", xlabel="training images of the class", title=label_of(head, 40))
        axis.set_ylim(low - 0.1, high + 0.1)
        axis.set_xlim(counts.min() / 2, counts.max() * 2)
    axes[0, 0].set_ylabel("weight norm / mean norm")
    with any_script():
        figure.draw_without_rendering()  # only now is it known where the points stand on the page
    for axis, relative in zip(axes[0], tables.values(), strict=True):
        there = np.flatnonzero(~np.isnan(relative))
        _name_points(axis, counts[there], relative[there], [class_code(classes[c]) for c in there])
    figure.suptitle(title, x=0.01, ha="left")
    rare, frequent = counts <= np.median(counts), counts > np.median(counts)
    told = (
        f"{head}: mean {np.nanmean(table[rare]):.2f} in the rarer half, {np.nanmean(table[frequent]):.2f} in the other"
        for head, table in tables.items()
    )
    return with_alt(figure, f"Length of each class's weight vector, relative to the mean, against its training images. "
                    f"{'; '.join(told)}.")  # fmt: skip


def score_plane(
    before: Mapping[str, Sequence[tuple[float, float]]],
    after: Mapping[str, Sequence[tuple[float, float]]],
    *,
    live: Mapping[str, tuple[tuple[float, float], tuple[float, float]]] | None = None,
    title: str = "",
) -> Figure:
    """Draw (micro, macro) before and after as arrows, one colour and marker per data set, one arrow per run.

    Parameters
    ----------
    before, after : mapping of str to sequence of (float, float)
        Data set -> F1-micro and F1-macro of each run; the same keys and runs.
    live : mapping of str to ((float, float), (float, float)), default=None
        Data set -> (micro, macro) before and after of the run made just now: a thick black arrow.
    title : str, default=""
    """
    figure, axis = plt.subplots(figsize=(10, 5.4))
    for style, name in styled(before):
        for k, (start, end) in enumerate(zip(before[name], after[name], strict=True)):
            arrow = {"arrowstyle": "->", "color": style.colour, "linewidth": 1.5, "alpha": 0.6}
            axis.annotate("", end, start, arrowprops=arrow)
            axis.scatter(*start, marker=style.marker, s=70, facecolor="white", edgecolor=style.colour, zorder=3)
            label = None if k else label_of(name)
            axis.scatter(*end, marker=style.marker, s=70, color=style.colour, zorder=3, label=label)
    runs_now = list((live or {}).values())
    for start, end in runs_now:
        axis.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "black", "linewidth": 3}, zorder=5)
    if runs_now:
        axis.plot([], [], color="black", linewidth=3, label="this run, live")
    everything = np.array(
        [point for runs in (*before.values(), *after.values(), *runs_now) for point in runs], dtype=float
    )
    low, high = np.nanmin(everything, axis=0) - 0.06, np.nanmax(everything, axis=0) + 0.06
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel="F1-micro", ylabel="F1-macro")
    axis.scatter([], [], marker="o", s=70, facecolor="white", edgecolor="0.4", label="before (hollow)")
    axis.set_title(title)
    legend(axis, handletextpad=0.3)
    means = {name: np.mean(after[name], axis=0) - np.mean(before[name], axis=0) for name in before}
    told = "; ".join(f"{name}: micro {change[0]:+.2f}, macro {change[1]:+.2f}" for name, change in means.items())
    return with_alt(
        figure, f"F1-macro against F1-micro, an arrow from before to after for each run. Mean change: {told}."
    )
