"""Figures of results: training, recall, confusion, and the fall from known to unseen laboratories."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import DOMAIN_STYLE, class_code, ink_on

__all__ = ["confusion_matrix", "fall", "heatmap", "training_curve"]


def heatmap(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, title: str = "", label: str = "", fmt="{:.2f}"
) -> Figure:
    """Draw a table of numbers in [0, 1] as colours with the numbers in them; NaN (no such pair) is hatched."""
    values = np.asarray(values, dtype=float)
    figure, axis = plt.subplots(figsize=(0.5 * len(columns) + 2.2, 0.42 * len(rows) + 1.2))
    image = axis.imshow(np.nan_to_num(values), vmin=0, vmax=1, cmap="Blues", aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value):
            axis.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, fill=True, fc="0.93", ec="0.6", hatch="///", lw=0))
        else:
            ink = "0.4" if value == 0 else ink_on(image.cmap(image.norm(value)))
            axis.text(j, i, "0" if value == 0 else fmt.format(value), ha="center", va="center", fontsize=8, color=ink)
    axis.set(title=title, xticks=range(len(columns)), yticks=range(len(rows)), xticklabels=columns, yticklabels=rows)
    axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axis, label=label, fraction=0.04)
    return figure


def confusion_matrix(counts: np.ndarray, classes: Sequence[str], *, title: str = "") -> Figure:
    """Draw a confusion matrix: colour = share of the row (recall on the diagonal), number = images; absent hatched."""
    counts = np.asarray(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axis = plt.subplots(figsize=(0.48 * len(classes) + 1.6, 0.42 * len(classes) + 1.2))
    image = axis.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    for i, j in np.ndindex(counts.shape):
        if counts[i].sum() == 0:
            axis.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, fill=True, fc="0.93", ec="0.6", hatch="///", lw=0))
        elif counts[i, j]:
            ink = ink_on(image.cmap(image.norm(shares[i, j])))
            axis.text(j, i, counts[i, j], ha="center", va="center", fontsize=7, color=ink)
    codes = [class_code(name) for name in classes]
    ticks = range(len(classes))
    axis.set(title=title, xlabel="predicted", ylabel="true", xticks=ticks, yticks=ticks, yticklabels=codes)
    axis.set_xticklabels(codes, rotation=90)
    axis.spines[:].set_visible(False)
    figure.colorbar(image, ax=axis, label="share of the true class", fraction=0.04)
    return figure


def training_curve(losses: Sequence[float], *, window: int = 20, label: str = "cross-entropy") -> Figure:
    """Draw the loss of each step, and its mean over the last `window` steps."""
    losses = pd.Series(losses, dtype=float)
    figure, axis = plt.subplots(figsize=(6.5, 2.8))
    axis.plot(losses, color="0.75", linewidth=0.8, label="each step")
    axis.plot(losses.rolling(window, min_periods=1).mean(), color="C0", label=f"mean of {window} steps")
    axis.set(xlabel="step", ylabel=label, ylim=(0, None))
    axis.legend()
    return figure


def fall(rows: pd.DataFrame, metric: str = "f1_macro", *, names: dict[str, str] | None = None) -> Figure:
    """Draw a metric on known and unseen laboratories, one pair of markers per method, from rows of the ledger."""
    from wbc_tutorial.experiments.tables import of_split

    known = of_split(rows, "in_domain")
    unseen = rows[rows.split == "unseen"]
    methods = [method for method in names or dict.fromkeys(rows.method) if (rows.method == method).any()]
    figure, axis = plt.subplots(figsize=(6.5, 0.55 * len(methods) + 1.6))
    for y, method in enumerate(methods):
        ends = known[known.method == method][metric].mean(), unseen[unseen.method == method][metric].mean()
        axis.plot(ends, (y, y), color="0.7", zorder=1)
        for (marker, colour), x in zip(DOMAIN_STYLE, ends, strict=False):
            axis.scatter(x, y, marker=marker, color=colour, s=60, zorder=2)
            axis.annotate(f"{x:.2f}", (x, y), (0, 8), textcoords="offset points", ha="center", fontsize=8)
    for (marker, colour), text in zip(
        DOMAIN_STYLE, ("known laboratories (validation)", "unseen laboratories"), strict=False
    ):
        axis.scatter([], [], marker=marker, color=colour, label=text)
    axis.set(xlim=(0, 1.02), ylim=(len(methods) - 0.5, -0.6), xlabel=metric.replace("_", " ").replace("f1", "F1"))
    axis.set(yticks=range(len(methods)), yticklabels=[(names or {}).get(m, m) for m in methods])
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure
