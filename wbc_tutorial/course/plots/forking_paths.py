"""Figures of choices: the best of many on the set that was looked at, and what is left of it in the next laboratory."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import PALETTE, label_of, legend, styled, with_alt

__all__ = ["best_of_many", "choices", "score_by_laboratories"]


def choices(
    looked: np.ndarray, following: np.ndarray, *, labels: tuple[str, str] = ("looked at", "next"), title: str = ""
) -> Figure:
    """Draw what each choice gains in two laboratories, a dot a choice; the best in the first is marked.

    Parameters
    ----------
    looked, following : float (K,)
        Gain of each choice in the laboratory in which it is chosen, and in the next one.
    labels : (str, str), default=("looked at", "next")
        What the two laboratories are called.
    title : str, default=""

    Returns
    -------
    Figure
    """
    looked, following = np.asarray(looked, dtype=float), np.asarray(following, dtype=float)
    best = int(looked.argmax())
    figure, axis = plt.subplots(figsize=(8.5, 4.8))
    axis.axhline(0, color="0.6", linewidth=1)
    axis.axvline(0, color="0.6", linewidth=1)
    axis.scatter(looked, following, s=42, color=PALETTE[0], alpha=0.55, linewidths=0, label="a choice")
    axis.scatter(looked[best], following[best], s=170, marker="D", color=PALETTE[1], edgecolor="black",
                 label="the one you would report")  # fmt: skip
    reach = 1.12 * max(np.abs(looked).max(), np.abs(following).max(), 1e-3)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel=f"gain, {labels[0]}", ylabel=f"gain, {labels[1]}")
    axis.set_title(title)
    legend(axis, handletextpad=0.2)
    share = np.corrcoef(looked, following)[0, 1] if len(looked) > 2 else np.nan
    return with_alt(
        figure,
        f"Gain of {len(looked)} choices in two laboratories, a dot each, correlation {share:.2f}. The best one "
        f"gains {looked[best]:+.3f} where it was chosen and {following[best]:+.3f} in the next.",
    )


def best_of_many(
    looked: np.ndarray, following: np.ndarray, *, draws: int = 400, label: str = "F1-macro", title: str = ""
) -> Figure:
    """Draw the mean gain of the best of k choices, where they are looked at and in the next laboratory, against k.

    Parameters
    ----------
    looked, following : float (K,)
        As for `choices`.
    draws : int, default=400
        Orders in which the choices are tried, for the means and the bands (middle 80 %).
    label : str, default="F1-macro"
    title : str, default=""

    Returns
    -------
    Figure
    """
    looked, following = np.asarray(looked, dtype=float), np.asarray(following, dtype=float)
    generator, n = np.random.default_rng(0), len(looked)
    orders = np.array([generator.permutation(n) for _ in range(draws)])
    tried = looked[orders]
    winner = np.array([_first_best(row) for row in tried])  # (draws, K): place of the best so far
    gains = {
        "where it was looked at": np.take_along_axis(tried, winner, axis=1),
        "the same choice elsewhere": np.take_along_axis(following[orders], winner, axis=1),
    }
    k = np.arange(1, n + 1)
    figure, axis = plt.subplots(figsize=(9.5, 4.6))
    axis.axhline(0, color="0.4", linestyle="--", linewidth=1)
    for style, (name, values) in styled(gains.items()):
        low, high = np.quantile(values, (0.1, 0.9), axis=0)
        axis.fill_between(k, low, high, color=style.colour, alpha=0.18, linewidth=0)
        axis.plot(k, values.mean(axis=0), color=style.colour, linestyle=style.linestyle, linewidth=2.5, label=name)
    axis.set(xlabel="choices tried", ylabel=f"gain in {label}", xscale="log", xlim=(1, n))
    axis.set_xticks([v for v in (1, 2, 5, 10, 20, 50, 100, 200, 500) if v <= n])
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.minorticks_off()
    axis.set_title(title)
    legend(axis)
    first, second = (values.mean(axis=0)[-1] for values in gains.values())
    return with_alt(
        figure,
        f"Gain of the best of k choices, k from 1 to {n}: it rises to {first:+.3f} where it was looked at; the same "
        f"choice is at {second:+.3f} elsewhere. Bands hold the middle 80 % of orders.",
    )


def _first_best(row: np.ndarray) -> np.ndarray:
    """Return, after each try, the place of the best one so far."""
    best = np.maximum.accumulate(row)
    return np.maximum.accumulate(np.where(row == best, np.arange(len(row)), 0))


def score_by_laboratories(
    rows: pd.DataFrame, *, metric: str = "f1_macro", levels: Mapping[str, float] | None = None, title: str = ""
) -> Figure:
    """Draw the score in unseen laboratories against the number of training laboratories: a dot a run, a line of means.

    Parameters
    ----------
    rows : DataFrame
        A row per training and unseen laboratory: ``n_laboratories``, ``draw``, the metric, ``split``.
    metric : str, default="f1_macro"
    levels : mapping of str to float, default=None
        Name -> score of a dotted line.
    title : str, default=""

    Returns
    -------
    Figure
    """
    figure, axis = plt.subplots(figsize=(9.5, 4.8))
    told, splits = [], {"in_domain": "known laboratories", "unseen": "unseen laboratories"}
    for style, (split, name) in styled(splits.items()):
        runs = rows[rows.split == split].groupby(["n_laboratories", "draw"])[metric].mean().reset_index()
        if runs.empty:
            continue
        means = runs.groupby("n_laboratories")[metric].mean()
        axis.scatter(runs.n_laboratories, runs[metric], s=36, marker=style.marker, color=style.colour, alpha=0.35,
                     linewidths=0)  # fmt: skip
        axis.plot(means.index, means, marker=style.marker, color=style.colour, linestyle=style.linestyle, ms=9,
                  linewidth=2.5, label=name)  # fmt: skip
        told.append(f"{name} {means.iloc[0]:.2f} with {means.index[0]}, {means.iloc[-1]:.2f} with {means.index[-1]}")
    for name, value in (levels or {}).items():
        axis.axhline(value, color="0.4", linestyle=":", label=label_of(name))
    numbers = sorted(rows.n_laboratories.unique())
    axis.set(xscale="log", xticks=numbers, ylim=(0, 1), xlabel="training laboratories (the same number of images)")
    axis.xaxis.set_major_formatter("{x:.0f}")
    axis.minorticks_off()
    axis.set_ylabel(metric.replace("_", "-").replace("f1", "F1"))
    axis.set_title(title)
    legend(axis)
    return with_alt(figure, f"Score against the number of training laboratories, a dot a run: {'; '.join(told)}.")
