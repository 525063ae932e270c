"""Figures of decisions: what is risked when a part of the cells is answered, and what a threshold costs."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import label_of, legend, styled, with_alt

__all__ = ["costs_by_threshold", "risk_by_coverage"]


def risk_by_coverage(
    confidence: Mapping[str, np.ndarray],
    right: Mapping[str, np.ndarray],
    *,
    threshold: float | None = None,
    title: str = "",
) -> Figure:
    """Draw the share of wrong answers among those given, when only the most confident part of the cells is answered.

    Parameters
    ----------
    confidence : mapping of str to float (N,)
        Name of the line -> confidence of each answer.
    right : mapping of str to bool (N,)
        The same keys -> whether the answer is right.
    threshold : float, default=None
        A confidence: what it gives on each line is marked.
    title : str, default=""

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        When the two mappings have other keys.
    """
    if set(confidence) != set(right):
        raise ValueError(f"confidence of {sorted(confidence)}, right of {sorted(right)}: expected the same names")
    figure, axis = plt.subplots(figsize=(9.5, 4.8))
    told = []
    for style, name in styled(confidence):
        sure, good = np.asarray(confidence[name], dtype=float), np.asarray(right[name], dtype=bool)
        order = np.argsort(-sure, kind="stable")
        coverage = np.arange(1, len(sure) + 1) / len(sure)
        risk = np.cumsum(~good[order]) / np.arange(1, len(sure) + 1)
        shown = slice(max(0, len(sure) // 50 - 1), None)  # the first few cells alone jump from 0 to 1
        look = {"color": style.colour, "linestyle": style.linestyle, "linewidth": 2.2}
        axis.plot(coverage[shown], risk[shown], label=label_of(name), **look)
        told.append(f"{name}: risk {risk[-1]:.0%} when all are answered, {risk[(len(risk) - 1) // 2]:.0%} for half")
        n = int((sure >= threshold).sum()) if threshold is not None else 0
        if n:
            axis.plot(coverage[n - 1], risk[n - 1], marker=style.marker, ms=12, color=style.colour, mec="black")
            place = (coverage[n - 1], risk[n - 1])
            axis.annotate(f"{coverage[n - 1]:.0%} answered,\n{risk[n - 1]:.0%} wrong", place, (-8, 10),
                          textcoords="offset points", ha="right")  # fmt: skip
    axis.set(xlim=(0, 1), ylim=(0, None), xlabel="coverage: share of cells that are answered")
    axis.set_ylabel("risk: share of answers\nthat are wrong")
    axis.margins(y=0.15)
    axis.set_title(title)
    legend(axis)
    return with_alt(figure, f"Risk against coverage. {'; '.join(told)}.")


def costs_by_threshold(
    costs: Mapping[str, np.ndarray], thresholds: np.ndarray, *, chosen: float | None = None, title: str = ""
) -> Figure:
    """Draw what a rule costs per patient against its threshold, a line per laboratory, the cheapest place marked.

    Parameters
    ----------
    costs : mapping of str to float (T,)
        Name of the line -> mean cost per patient at each threshold.
    thresholds : float (T,)
    chosen : float, default=None
        A threshold that was chosen elsewhere: a dotted line.
    title : str, default=""

    Returns
    -------
    Figure
    """
    figure, axis = plt.subplots(figsize=(9.5, 4.8))
    told = []
    for style, (name, values) in styled(costs.items()):
        line = np.asarray(values, dtype=float)
        best = int(np.nanargmin(line))
        axis.plot(thresholds, line, color=style.colour, linestyle=style.linestyle, linewidth=2.2, label=label_of(name))
        look = {"marker": style.marker, "color": style.colour, "mec": "black", "clip_on": False, "zorder": 3}
        axis.plot(thresholds[best], line[best], ms=11, **look)
        told.append(f"{name} is cheapest at {thresholds[best]:.2f}, {line[best]:.2f} a patient")
    if chosen is not None:
        axis.axvline(chosen, color="0.3", linestyle=":", label=f"threshold {chosen:.2f}")
    axis.set(xlabel="alarm when the score of the patient is at least", ylabel="mean cost per patient", ylim=(0, None))
    axis.set_title(title)
    legend(axis)
    return with_alt(figure, f"Cost per patient against the threshold of the alarm. {'; '.join(told)}.")
