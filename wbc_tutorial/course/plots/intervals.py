"""Figures of intervals: how often they hold the truth when the same study is done many times."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import PALETTE, label_of, with_alt

__all__ = ["intervals_and_truth"]

_HOLDS, _MISSES = "0.72", PALETTE[1]


def intervals_and_truth(
    panels: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
    truth: float,
    *,
    shown: int = 60,
    xlabel: str = "difference",
    title: str = "",
) -> Figure:
    """Draw many intervals under one another, a panel for each way to make them; those that miss the truth stand out.

    Parameters
    ----------
    panels : mapping of str to mapping of str to (float (n,), float (n,))
        Row -> column -> low and high ends, one of each for a study. All rows have the same columns.
    truth : float
        What the intervals should hold: a dashed line.
    shown : int, default=60
        Intervals that are drawn in a panel; the share in its title counts all.
    xlabel : str, default="difference"
    title : str, default=""

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        No panel, or rows of different columns.
    """
    columns = list(next(iter(panels.values()), {}))
    if not columns or any(list(row) != columns for row in panels.values()):
        raise ValueError(f"panels {list(panels)}: expected one row or more, each with the same columns")
    figure, axes = plt.subplots(
        len(panels), len(columns), figsize=(3.1 * len(columns) + 1, 3.2 * len(panels) + 0.6), squeeze=False,
        sharex=True, sharey=True,
    )  # fmt: skip
    said = []
    for line, (row, cells) in zip(axes, panels.items(), strict=True):
        shares: list[str] = []
        for axis, (column, ends) in zip(line, cells.items(), strict=True):
            low, high = (np.asarray(end, dtype=float) for end in ends)
            misses = (low > truth) | (high < truth)
            axis.axvline(truth, color="0.2", linestyle="--", linewidth=1)
            for colour, width, which in ((_HOLDS, 1.2, ~misses), (_MISSES, 2.2, misses)):
                y = np.flatnonzero(which[:shown])
                axis.hlines(y, low[:shown][y], high[:shown][y], color=colour, linewidth=width)
            axis.set_title(f"{label_of(column, 30)}\n{(~misses).mean():.0%} hold the truth")
            axis.set(yticks=[])
            shares.append(f"{column} {(~misses).mean():.0%}")
        line[0].set_ylabel(label_of(row, 22))
        said.append(f"{row}: {', '.join(shares)}")
    every = [np.concatenate(ends) for cells in panels.values() for ends in cells.values()]
    reach = max(np.nanquantile(np.abs(ends - truth), 0.97) for ends in every)
    axes[0, 0].set(xlim=(truth - reach, truth + reach), ylim=(min(shown, 60) - 0.3, -0.7))
    for axis in axes[-1]:
        axis.set_xlabel(xlabel)
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return with_alt(
        figure,
        f"Rows of intervals beside a dashed line at the truth, {truth:g}; those that miss it are orange. Share that "
        f"holds it: {'; '.join(said)}.",
    )
