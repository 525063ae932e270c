"""Figures of curves: a score, a loss or a strength over steps or settings."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import label_of, legend, styled

__all__ = ["curves", "training_curve"]


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    level: tuple[float, str] | None = None,
    window: int = 1,
    ylim: tuple[float, float] | None = None,
) -> Figure:
    """Draw one line per name over `x`; `level` is a dotted horizontal line with its name.

    Parameters
    ----------
    x : sequence of float (n,)
    lines : mapping of str to sequence of float (n,)
    xlabel, ylabel : str
    level : (float, str), default=None
    window : int, default=1
        Above 1: draw the values in pale and their running mean over `window` strongly.
    ylim : (float, float), default=None
        None = as the values need it.
    """
    figure, axis = plt.subplots(figsize=(9.5, 4))
    if level is not None:
        axis.axhline(level[0], color="0.5", linestyle=(0, (1, 2)), linewidth=1.5, label=label_of(level[1]))
    for style, (name, values) in styled(lines.items()):
        strong, label = pd.Series(np.asarray(values, dtype=float)), label_of(name)
        if window > 1:
            axis.plot(x, strong, color=style.colour, alpha=0.25, linewidth=0.8)
            strong = strong.rolling(window, min_periods=1).mean()
            label = f"{label}, mean of {window}"
        axis.plot(
            x, strong, color=style.colour, marker=style.marker, linestyle=style.linestyle,
            markevery=max(1, len(strong) // 10), label=label,
        )  # fmt: skip
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=ylim)
    legend(axis)
    return figure


def training_curve(losses: Sequence[float], *, window: int = 20, label: str = "cross-entropy") -> Figure:
    """Draw the loss of each step, and its mean over the last `window` steps.

    Parameters
    ----------
    losses : sequence of float
    window : int, default=20
    label : str, default="cross-entropy"
        Of the axis.
    """
    losses = pd.Series(losses, dtype=float)
    figure, axis = plt.subplots(figsize=(8, 3.8))
    axis.plot(losses, color="0.75", linewidth=0.8, label="each step")
    axis.plot(losses.rolling(window, min_periods=1).mean(), color="C0", linewidth=2, label=f"mean of {window} steps")
    axis.set(xlabel="step", ylabel=label, ylim=(0, None))
    axis.legend()
    return figure
