"""Figures of curves: a score, a loss or a strength over steps or settings."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import label_of, legend, styled, with_alt

__all__ = ["curves", "training_curve"]


def curves(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    level: tuple[float, str] | Mapping[str, float] | None = None,
    window: int = 1,
    spread: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    ylim: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw one line per name over `x`, and dotted horizontal lines with their names.

    Parameters
    ----------
    x : sequence of float (n,)
    lines : mapping of str to sequence of float (n,)
    xlabel, ylabel : str
    level : (float, str), or mapping of str to float, default=None
        One dotted line, or several.
    window : int, default=1
        Above 1: draw the values in pale and strongly the mean of the last `window` of them.
    spread : mapping of str to (sequence of float (n,), sequence of float (n,)), default=None
        Line -> its lowest and highest values, drawn as a band.
    ylim : (float, float), default=None
        None = as the values need it.
    title : str, default=""
    """
    figure, axis = plt.subplots(figsize=(10, 4.4))
    levels = dict(level) if isinstance(level, Mapping) else {level[1]: level[0]} if level else {}
    for number, (name, value) in enumerate(levels.items()):
        axis.axhline(value, color="0.35", linestyle=(0, (1, 2 + 3 * number)), linewidth=1.8, label=label_of(name))
    for style, (name, values) in styled(lines.items()):
        strong, label = pd.Series(np.asarray(values, dtype=float)), label_of(name)
        if window > 1:
            axis.plot(x, strong, color=style.colour, alpha=0.25, linewidth=0.8)
            strong = strong.rolling(window, min_periods=1).mean()
            label = f"{label}, mean of the last {window}"
        if name in (spread or {}):
            axis.fill_between(x, *spread[name], color=style.colour, alpha=0.15, linewidth=0)
        axis.plot(
            x, strong, color=style.colour, marker=style.marker, linestyle=style.linestyle,
            markevery=max(1, len(strong) // 10), label=label,
        )  # fmt: skip
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=ylim)
    axis.set_title(title)
    legend(axis)
    return with_alt(figure, f"{ylabel} against {xlabel}. {_ends(lines, window)}.")


def _ends(lines: Mapping[str, Sequence[float]], window: int) -> str:
    """Say where each line starts and ends, and between which values a running mean swings."""
    told = []
    for name, values in lines.items():
        strong = pd.Series(np.asarray(values, dtype=float)).rolling(window, min_periods=1).mean()
        between = f", between {strong.min():.2f} and {strong.max():.2f}" if window > 1 else ""
        told.append(f"{name} from {strong.iloc[0]:.2f} to {strong.iloc[-1]:.2f}{between}")
    return "; ".join(told)


def training_curve(
    losses: Sequence[float],
    *,
    validation: Mapping[int, float] | None = None,
    window: int = 20,
    label: str = "cross-entropy",
    title: str = "",
) -> Figure:
    """Draw the loss of each step, its mean over the last `window` steps, and the loss of held-out images.

    Parameters
    ----------
    losses : sequence of float
    validation : mapping of int to float, default=None
        Step -> loss of the held-out images after it.
    window : int, default=20
    label : str, default="cross-entropy"
        Of the axis.
    title : str, default=""
    """
    losses, held_out = pd.Series(losses, dtype=float), pd.Series(validation or {}, dtype=float)
    smooth = losses.rolling(window, min_periods=1).mean()
    figure, axis = plt.subplots(figsize=(9.5, 4.2))
    axis.plot(losses, color="0.75", linewidth=0.8, label="each batch")
    axis.plot(smooth, color="C0", linewidth=2, label=f"mean of the last {window} batches")
    if len(held_out):
        axis.plot(held_out, color="C1", marker="D", markersize=7, linewidth=1.5, label="held-out images")
    axis.set(xlabel="step", ylabel=label, ylim=(0, None), title=title)
    axis.legend()
    after = f", held-out images from {held_out.iloc[0]:.2f} to {held_out.iloc[-1]:.2f}" if len(held_out) else ""
    return with_alt(
        figure,
        f"{label} against the step: each batch in grey, widely scattered, their running mean from "
        f"{smooth.iloc[0]:.2f} to {smooth.iloc[-1]:.2f}{after}.",
    )
