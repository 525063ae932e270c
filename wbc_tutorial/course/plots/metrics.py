"""Figures of scores: recall class by class, scores as bars, and whether confidence can be trusted."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import PALETTE, class_name, label_of, legend, legend_above, styled, with_alt
from wbc_tutorial.evaluation.metrics import calibration_bins, calibration_error

__all__ = ["recall_fall", "reliability", "score_bars"]


def recall_fall(
    recalls: Mapping[str, np.ndarray],
    classes: Sequence[str],
    training_counts: np.ndarray,
    *,
    title: str = "",
    images: Mapping[str, np.ndarray] | None = None,
) -> Figure:
    """Draw each class's recall under several conditions, joined by a line; a later, smaller marker lies on top.

    Parameters
    ----------
    recalls : mapping of str to float (C,)
        Condition -> recall per class; NaN is left out.
    classes : sequence of C str
    training_counts : int (C,)
        Written beside the class; rows are sorted by it, the most frequent on top.
    title : str, default=""
    images : mapping of str to int (C,), default=None
        Condition -> images that each recall rests on; a marker that rests on fewer than 10 is hollow.
    """
    order = np.argsort(-np.asarray(training_counts), kind="stable")
    figure, axis = plt.subplots(figsize=(9.5, 0.36 * len(classes) + 1.8))
    table = np.array([np.asarray(values, dtype=float)[order] for values in recalls.values()])
    for y, column in enumerate(table.T):
        if not np.all(np.isnan(column)):
            axis.plot((np.nanmin(column), np.nanmax(column)), (y, y), color="0.75", zorder=1)
    sizes = np.linspace(110, 35, len(recalls))
    for style, (name, row, size) in styled(zip(recalls, table, sizes, strict=True)):
        few = np.asarray(images[name])[order] < 10 if images else np.zeros(len(row), bool)
        face = ["white" if hollow else style.colour for hollow in few]
        axis.scatter(
            row, range(len(row)), marker=style.marker, c=face, edgecolors=style.colour, s=size, zorder=2,
            clip_on=False,
        )  # fmt: skip
        axis.scatter([], [], marker=style.marker, color=style.colour, s=size, label=label_of(name))
    if images:
        axis.scatter([], [], marker="o", facecolor="white", edgecolor="0.3", s=70, label="hollow: fewer than 10 images")
    names = [f"{class_name(classes[c]).replace('_', ' ')} ({training_counts[c]})" for c in order]
    axis.set(yticks=range(len(names)), yticklabels=names, xlim=(-0.02, 1.02), xlabel="recall")
    axis.invert_yaxis()
    legend_above(axis, columns=3, title=title or None, handletextpad=0.1)
    told = "; ".join(f"{name}: mean {np.nanmean(row):.2f}" for name, row in zip(recalls, table, strict=True))
    lost = table[0] - table[-1]
    most = "" if np.all(np.isnan(lost)) else f" The largest gap is that of {names[int(np.nanargmax(np.abs(lost)))]}."
    return with_alt(
        figure,
        f"Recall of each class, the most frequent in training on top, training images in brackets. {told}.{most}",
    )


def reliability(
    truth: Mapping[str, np.ndarray], probabilities: Mapping[str, np.ndarray], *, n_bins: int = 15, title: str = ""
) -> Figure:
    """Draw accuracy against confidence, a line per data set or method; an honest classifier lies on the diagonal.

    The legend gives the expected calibration error (ECE) of each.

    Parameters
    ----------
    truth : mapping of str to int (N,)
        Name of the line -> true classes.
    probabilities : mapping of str to float (N, C)
        The same keys; each row sums to 1.
    n_bins : int, default=15
        Equal-width bins of the confidence, for the lines and the ECE; bins of fewer than five images are not drawn.
        Source: Guo et al., "On calibration of modern neural networks", 2017.
    title : str, default=""

    Raises
    ------
    ValueError
        When the two mappings have other keys.

    See Also
    --------
    wbc_tutorial.calibration_error : the number in the legend.
    evaluation.metrics.calibration_bins : the points of a line.
    """
    if set(truth) != set(probabilities):
        raise ValueError(f"truth of {sorted(truth)}, probabilities of {sorted(probabilities)}: expected the same names")
    figure, axis = plt.subplots(figsize=(9, 4.8))
    axis.plot((0, 1), (0, 1), color="0.6", linestyle="--", label="accuracy = confidence")
    for style, name in styled(truth):
        n, confidence, accuracy = calibration_bins(truth[name], probabilities[name], n_bins)
        label = f"{label_of(name)}, ECE {calibration_error(truth[name], probabilities[name], n_bins):.3f}"
        axis.plot(
            confidence[n >= 5], accuracy[n >= 5], marker=style.marker, color=style.colour, linestyle=style.linestyle,
            label=label,
        )  # fmt: skip
    axis.set(xlabel="confidence (largest probability)", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
    axis.set_title(title)
    legend(axis)
    errors = [f"{name} {calibration_error(truth[name], probabilities[name], n_bins):.2f}" for name in truth]
    told = f"Share of right answers against confidence; expected calibration error: {', '.join(errors)}."
    return with_alt(figure, told)


def score_bars(
    scores: Mapping[str, float],
    *,
    label: str = "",
    title: str = "",
    intervals: Mapping[str, tuple[float, float]] | None = None,
    up_to: float = 1.0,
) -> Figure:
    """Draw one bar per named score in [0, 1] with its value, the first on top.

    Parameters
    ----------
    scores : mapping of str to float
        NaN has no bar and is written as a dash.
    label : str, default=""
        Of the axis.
    title : str, default=""
    intervals : mapping of str to (float, float), default=None
        Score -> the ends of its interval, drawn as a whisker.
    up_to : float, default=1.0
        Where the axis ends.
    """
    figure, axis = plt.subplots(figsize=(9.5, 0.6 * len(scores) + 1.3))
    values = np.array(list(scores.values()), dtype=float)
    axis.barh(range(len(values)), np.nan_to_num(values), color=PALETTE[0], height=0.62)
    for y, value in enumerate(values):
        text, end = "–" if np.isnan(value) else f"{value:.2f}", np.nan_to_num(value)
        if (name := list(scores)[y]) in (intervals or {}):
            axis.plot(intervals[name], (y, y), color="black", marker="|", markersize=10, linewidth=1.5)
            end = max(end, intervals[name][1])
        axis.text(end + 0.015 * up_to, y, text, va="center")
    names = [label_of(name, 36) for name in scores]
    axis.set(xlim=(0, 1.08 * up_to), xlabel=label, title=title, yticks=range(len(scores)), yticklabels=names)
    axis.invert_yaxis()
    told = "; ".join(f"{name} {value:.2f}" for name, value in scores.items())
    return with_alt(figure, f"{title + '. ' if title else ''}Bars of {label or 'scores'}: {told}.")
