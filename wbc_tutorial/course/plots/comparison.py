"""Figures that compare methods: the fall to the unseen laboratory, paired differences, and paired runs."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import (
    PALETTE,
    label_of,
    legend,
    legend_above,
    series_style,
    styled,
    with_alt,
)

__all__ = ["difference_bars", "fall", "falls_by_part", "live_among_shipped", "paired_runs"]


def _method_names() -> dict[str, str]:
    from wbc_tutorial.experiments.methods import METHODS

    return METHODS


def _ordered(methods, names: Mapping[str, str]) -> list[str]:
    """Return the methods in the order of `names`, then those that it lacks; none is dropped."""
    there = list(dict.fromkeys(methods))
    return [m for m in names if m in there] + [m for m in there if m not in names]


def _with_list(figure: Figure, first: str, told: Iterable[str]) -> Figure:
    """Leave words with a figure: a sentence, then what is listed, as far as 400 letters reach."""
    return with_alt(figure, textwrap.shorten(f"{first} {'; '.join(told)}.", 400, placeholder=" …"))


def fall(
    rows: pd.DataFrame, metric: str = "f1_macro", *, names: Mapping[str, str] | None = None, title: str = ""
) -> Figure:
    """Draw a metric on known and unseen laboratories for every method: each run small and pale, the mean large.

    Parameters
    ----------
    rows : DataFrame
        Rows of the results store.
    metric : str, default="f1_macro"
        A column of `rows`.
    names : mapping of str to str, default=None
        Method -> what it is called, in the order from above; a method that it lacks comes after these.
    title : str, default=""
        Above the legend.
    """
    import seaborn as sns

    from wbc_tutorial.experiments.tables import per_run

    names = names or {}
    methods = _ordered(rows.method, names)
    splits = {"in_domain": "known laboratories (validation)", "unseen": "unseen laboratories"}
    runs = {split: per_run(rows, split, (metric,)).reset_index() for split in splits}
    means = pd.DataFrame({split: runs[split].groupby("method")[metric].mean() for split in splits}).reindex(methods)
    figure, axis = plt.subplots(figsize=(8, 0.68 * len(methods) + 1.7))
    axis.hlines(range(len(methods)), means.min(axis=1), means.max(axis=1), color="0.7", zorder=1)
    for (style, (split, label)), (side, edge) in zip(styled(splits.items()), ((9, "bottom"), (-9, "top")), strict=True):
        look = {"marker": style.marker, "color": style.colour, "label": label}
        sns.stripplot(
            runs[split], x=metric, y="method", order=methods, jitter=False, size=5, alpha=0.35, ax=axis, zorder=2,
            legend=False, marker=style.marker, color=style.colour,
        )  # fmt: skip
        axis.scatter(means[split], range(len(methods)), s=95, edgecolor="white", zorder=3, **look)
        for y, x in enumerate(means[split]):
            if not np.isnan(x):
                axis.annotate(f"{x:.2f}", (x, y), (0, side), textcoords="offset points", ha="center", va=edge)
    axis.set(xlim=(0, 1.02), ylim=(len(methods) - 0.4, -0.7), ylabel="")
    axis.set_xlabel(metric.replace("_", " ").replace("f1 ", "F1-"))
    axis.set(yticks=range(len(methods)), yticklabels=[label_of(names.get(m, m)) for m in methods])
    legend_above(axis, columns=2, handletextpad=0.1, title=label_of(title, 80) if title else None)
    called = axis.get_xlabel()
    told = (f"{names.get(m, m)} {means.in_domain[m]:.2f} known, {means.unseen[m]:.2f} unseen" for m in methods)
    return _with_list(figure, f"{called} of each method, pale dots for runs, large ones for means.", told)


def live_among_shipped(
    shipped: Mapping[str, Sequence[float]],
    live: Mapping[str, float],
    *,
    label: str = "F1-macro",
    title: str = "",
    level: float | None = None,
    marked: str = "this run, live",
) -> Figure:
    """Draw what a run gave just now among the shipped runs of the same kind: a row each, the live one marked.

    Parameters
    ----------
    shipped : mapping of str to sequence of float
        Row -> the scores of all shipped runs.
    live : mapping of str to float
        Row -> the score of the live run; a row without one has none.
    label : str, default="F1-macro"
        Of the axis.
    title : str, default=""
    level : float, default=None
        Where a dashed line stands, such as 0 for differences.
    marked : str, default="this run, live"
        What the marked run is.

    Returns
    -------
    Figure
    """
    figure, axis = plt.subplots(figsize=(9, 0.62 * len(shipped) + 1.7))
    if level is not None:
        axis.axvline(level, color="0.5", linestyle="--", linewidth=1.2, zorder=0)
    told, digits = [], 3 if level == 0 else 2
    for y, (name, given) in enumerate(shipped.items()):
        scores = np.asarray(given, dtype=float)
        axis.plot(scores, np.full(len(scores), y), "o", color=PALETTE[0], alpha=0.4, ms=8, ls="none",
                  label=None if y else "shipped runs")  # fmt: skip
        if name in live:
            axis.plot(live[name], y, "D", color="none", ms=12, mec=PALETTE[1], mew=2.5, ls="none",
                      label=None if y else marked)  # fmt: skip
            axis.annotate(f"{live[name]:.3f}", (live[name], y), (0, 11), textcoords="offset points", ha="center")
            told.append(f"{name}: {live[name]:.{digits}f} among {scores.min():.{digits}f} to {scores.max():.{digits}f}")
    axis.set(yticks=range(len(shipped)), yticklabels=[label_of(name) for name in shipped])
    axis.set(ylim=(len(shipped) - 0.4, -0.75), xlabel=label)
    axis.margins(x=0.08)
    legend_above(axis, columns=2, handletextpad=0.1, title=label_of(title, 80) if title else None)
    return _with_list(figure, "One run, a diamond, among the dots of all shipped runs.", told)


def difference_bars(
    differences: pd.DataFrame,
    *,
    per_fold: pd.DataFrame | None = None,
    against: str = "ERM",
    metric: str = "F1-macro",
    title: str = "",
) -> Figure:
    """Draw the mean paired difference of each method and its 95 % interval, beside a line at zero.

    A filled marker says that the interval excludes zero; an open one that it includes zero, or that there are too few
    runs for an interval.

    Parameters
    ----------
    differences : DataFrame
        From `tables.differences`: indexed by method, with ``mean, low, high``; NaN where there is no interval.
    per_fold : DataFrame, default=None
        A column per method, a line per fold: the differences behind each mean, drawn as small dots.
    against : str, default="ERM"
    metric : str, default="F1-macro"
    title : str, default=""
        How many intervals exclude zero is written behind it.
    """
    names = _method_names()
    figure, axis = plt.subplots(figsize=(9, 0.7 * len(differences) + 1.6))
    axis.axvline(0, color="0.5", linestyle="--")
    colour = PALETTE[0]
    for y, line in enumerate(differences.itertuples()):
        excludes = line.low > 0 or line.high < 0  # False for NaN
        if not np.isnan(line.low):
            axis.plot((line.low, line.high), (y, y), color=colour, marker="|", markersize=12)
        axis.plot(line.mean, y, marker="o", ms=8, color=colour, mfc=colour if excludes else "w", linestyle="none")
        if per_fold is not None and line.Index in per_fold:
            points = per_fold[line.Index].dropna()
            axis.scatter(points, np.full(len(points), y + 0.24), s=22, color="0.45", linewidths=0)
        said, x = ("no common run", 0) if np.isnan(line.mean) else (f"{line.mean:+.3f}", line.mean)
        box = {"fc": "w", "ec": "none", "pad": 0.5}
        axis.annotate(said, (x, y), (0, 9), textcoords="offset points", ha="center", bbox=box)
    reach = np.nanmax(np.abs(differences[["mean", "low", "high"]].to_numpy(dtype=float)), initial=0.01)
    if per_fold is not None:
        reach = max(reach, np.nanmax(np.abs(per_fold.to_numpy(dtype=float)), initial=0))
    reach *= 1.15
    axis.set(xlim=(-reach, reach), ylim=(len(differences) - 0.4, -0.9), xlabel=f"{metric}, difference to {against}")
    axis.set(yticks=range(len(differences)), yticklabels=[label_of(names.get(m, m)) for m in differences.index])
    sure = int(((differences.low > 0) | (differences.high < 0)).sum())
    message = f"{sure} of {differences.low.notna().sum()} intervals exclude zero"
    axis.set_title(f"{title}: {message}" if title else message)
    told = (f"{names.get(m, m)} {line['mean']:+.3f} ({line['low']:+.3f} to {line['high']:+.3f})"
            for m, line in differences.iterrows())  # fmt: skip
    return _with_list(figure, f"Mean paired difference to {against} in {metric}, with intervals.", told)


def falls_by_part(falls: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw what each part of a laboratory costs each method: a panel a part, a row a method, a small dot a fold.

    Parameters
    ----------
    falls : DataFrame
        Indexed by method and fold, a column for each part: the score before it was exchanged, minus the score after.
        The dashed line is the mean of the first method.
    title : str, default=""
    """
    names, methods = _method_names(), list(falls.index.unique(level="method"))
    means = falls.groupby(level="method", sort=False).mean()
    figure, axes = plt.subplots(
        1,
        len(falls.columns),
        figsize=(2.25 * len(falls.columns) + 1.7, 0.55 * len(methods) + 2),
        sharex=True,
        sharey=True,
    )
    for axis, part in zip(np.atleast_1d(axes), falls.columns, strict=True):
        axis.axvline(means[part].iloc[0], color="0.6", linestyle="--", linewidth=1, zorder=0)
        for y, (style, method) in enumerate(styled(methods)):
            points = falls.loc[method, part]
            axis.scatter(points, np.full(len(points), y + 0.22), s=20, color="0.45", linewidths=0)
            axis.plot(means.loc[method, part], y, style.marker, color=style.colour, markersize=10)
            value, box = means.loc[method, part], {"fc": "w", "ec": "none", "pad": 0.5}
            said = f"{value:.2f}".replace("-0.00", "0.00")
            axis.annotate(said, (value, y), (0, 10), textcoords="offset points", ha="center", bbox=box)
        axis.set_title(part)
        axis.axvline(0, color="0.2", linewidth=1, zorder=0)
    axis.set(yticks=range(len(methods)), yticklabels=[label_of(names.get(m, m)) for m in methods])
    axis.set(ylim=(len(methods) - 0.5, -0.8))
    axis.margins(x=0.12)
    figure.supxlabel("F1-macro lost")
    if title:
        figure.suptitle(title)
    told = (f"{names.get(m, m)} " + ", ".join(f"{part} {means.loc[m, part]:.2f}" for part in falls) for m in methods)
    return _with_list(figure, "F1-macro lost to each part of the unseen laboratory.", told)


def paired_runs(
    first: pd.Series, second: pd.Series, *, names: tuple[str, str] = ("first", "second"), metric: str = "F1-macro"
) -> Figure:
    """Draw one method's score against another's, one point a run, a marker and colour per fold; the diagonal is a tie.

    Parameters
    ----------
    first, second : Series
        Indexed by ``fold`` and ``seed``, as `tables.per_run` gives them; runs that both have are drawn.
    names : (str, str), default=("first", "second")
    metric : str, default="F1-macro"
        For the labels.

    Raises
    ------
    ValueError
        When the two share no run.
    """
    runs = pd.concat([first, second], axis=1, keys=["first", "second"]).dropna().reset_index()
    if runs.empty:
        raise ValueError(f"{names[0]} and {names[1]} share no fold and seed: run both with the same --folds and --seed")
    figure, axis = plt.subplots(figsize=(7, 5.2))
    scores = runs[["first", "second"]].to_numpy()
    low, high = scores.min() - 0.03, scores.max() + 0.03
    axis.plot((low, high), (low, high), color="0.5", linestyle="--", zorder=1)
    for fold, part in runs.groupby("fold"):
        style = series_style(fold)
        axis.scatter(
            part["first"], part["second"], s=60, marker=style.marker, color=style.colour, label=f"fold {fold}", zorder=2
        )
    axis.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axis.set(xlabel=f"{metric}, {names[0]}", ylabel=f"{metric}, {names[1]}")
    above, share = int((runs.second > runs["first"]).sum()), runs[["first", "second"]].corr().iloc[0, 1]
    axis.set_title(f"{names[1]} scores higher in {above} of {len(runs)} runs")
    legend(axis, handletextpad=0.1)
    return with_alt(
        figure,
        f"{metric} of {names[1]} against that of {names[0]}, a point per run, a marker per fold, beside the diagonal: "
        f"{above} of {len(runs)} points lie above it, correlation {share:.2f}.",
    )
