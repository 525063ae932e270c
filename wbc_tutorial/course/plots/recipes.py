"""Figures of recipes: what an ingredient makes of a cell, and how much of the fall each recipe undoes."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import DOMAIN_STYLE
from wbc_tutorial.experiments.methods import METHODS

__all__ = ["before_and_after", "gap_bars"]


def before_and_after(rows: Mapping[str, Sequence[np.ndarray]], columns: Sequence[str]) -> Figure:
    """Draw images in a grid: one line for each state, one column for each laboratory.

    Parameters
    ----------
    rows : mapping
        Name of the line -> images uint8 (S, S, 3), one a laboratory.
    columns : sequence of str
        Names of the laboratories.
    """
    figure, axes = plt.subplots(
        len(rows), len(columns), figsize=(1.75 * len(columns) + 0.6, 1.75 * len(rows) + 0.3), squeeze=False
    )
    for line, (name, images) in zip(axes, rows.items(), strict=True):
        for axis, image in zip(line, images, strict=True):
            axis.imshow(image, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        line[0].set_ylabel(name)
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(name, fontsize=9)
    return figure


def gap_bars(closed: pd.DataFrame, names: Mapping[str, str], *, title: str = "") -> Figure:
    """Draw the closed share of the gap: one bar per recipe and method, whiskers from `low` to `high`.

    Parameters
    ----------
    closed : DataFrame
        Of `ablation.gap_closed`, indexed by recipe and method.
    names : mapping
        Recipe -> what it is called, in the order of the bars from above; a recipe without a line is left out.
    """
    names = {r: name for r, name in names.items() if r in closed.index.get_level_values("recipe")}
    methods = [m for m in METHODS if m in closed.index.get_level_values("method")]
    present = {r: [m for m in methods if (r, m) in closed.index] for r in names}
    height = 0.8 / len(methods)
    figure, axis = plt.subplots(figsize=(6.8, (0.1 + 0.13 * len(methods)) * len(names) + 1.2))
    for number, method in enumerate(methods):
        recipes = [r for r in names if method in present[r]]
        place = {r: y - (len(present[r]) - 1) / 2 * height for y, r in enumerate(names)}
        y = [place[r] + present[r].index(method) * height for r in recipes]
        values = closed.loc[[(r, method) for r in recipes]]
        spread = np.stack([values.closed - values.low, values.high - values.closed]).clip(min=0)
        axis.barh(
            y, 100 * values.closed, height * 0.9, xerr=100 * spread, color=DOMAIN_STYLE[number][1],
            hatch=("", "///", "...", "xx")[number], edgecolor="white", label=METHODS[method],
            error_kw={"elinewidth": 1, "capsize": 2, "ecolor": "0.2"},
        )  # fmt: skip
    axis.axvline(0, color="0.2", linewidth=0.8)
    axis.set(yticks=range(len(names)), yticklabels=list(names.values()), ylim=(len(names) - 0.4, -0.6))
    axis.set_xlabel(f"gap closed, %{': ' * bool(title)}{title} (0 = ERM without a recipe)")
    axis.tick_params(axis="y", length=0)
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(methods))
    return figure
