"""Figures of an ablation: what each ingredient does alone, what the whole lacks without it, and the whole."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import PALETTE, label_of, with_alt

__all__ = ["decisive_bars", "gap_panels"]

_PANELS = {"alone": "one ingredient alone", "all but": "the recipe without one", "": "the whole recipe"}


def _percent(fraction: float) -> str:
    """Write a fraction in whole per cent, without a minus before a zero."""
    return f"{round(fraction, 2) + 0.0:.0%}"


def _kind(name: str) -> str:
    """Say in which panel a recipe of `ablation.ablated` stands."""
    if name.endswith(" alone"):
        return "alone"
    return "all but" if name.startswith("all but ") else ""


def _bars(axis: Axes, lines: pd.Series, points: pd.DataFrame, whole: float) -> None:
    """Draw a bar for each recipe, a dot for each of its runs, and a dotted line at the whole recipe."""
    y = np.arange(len(lines))
    axis.barh(y, 100 * lines, height=0.62, color=PALETTE[0], alpha=0.45, zorder=1)
    for k, name in enumerate(lines.index):
        runs = points[name].dropna() if name in points else pd.Series(dtype=float)
        axis.plot(100 * runs, np.full(len(runs), k), "o", ms=5, color=PALETTE[0], mec="white", mew=0.6, zorder=3)
    axis.axvline(0, color="0.2", linewidth=0.8)
    if not np.isnan(whole):
        axis.axvline(100 * whole, color="0.2", linestyle=":", linewidth=1.4, zorder=0)
    axis.set(yticks=y, ylim=(len(lines) - 0.4, -0.6))
    axis.set_yticklabels([label_of(name, 26) for name in lines.index])
    axis.tick_params(axis="y", length=0)


def _of_method(
    closed: pd.DataFrame, runs: pd.DataFrame, names: Mapping[str, str], method: str
) -> tuple[pd.Series, pd.DataFrame]:
    """Return mean fractions by the recipes' names, and the runs behind them; rows that have no name keep their own."""
    lines = closed.xs(method, level="method").closed
    points = runs.xs(method, axis=1, level="method")
    return lines.rename(index=dict(names)), points.rename(columns=dict(names))


def gap_panels(
    closed: pd.DataFrame, runs: pd.DataFrame, names: Mapping[str, str], *, method: str = "erm", title: str = ""
) -> Figure:
    """Draw the gap closed in three panels: each ingredient alone, the recipe without it, and the whole; each sorted.

    A bar is the mean of the folds, a dot a run; the dotted line is the whole recipe.

    Parameters
    ----------
    closed : DataFrame
        Of `ablation.gap_closed`.
    runs : DataFrame
        Of `ablation.gap_runs`, of the same rows.
    names : mapping of str to str
        Recipe -> its name in `ablation.ablated`.
    method : str, default="erm"
    title : str, default=""

    Returns
    -------
    Figure

    See Also
    --------
    decisive_bars : five of them.
    """
    lines, points = _of_method(closed, runs, names, method)
    kinds = [kind for kind in _PANELS if any(_kind(name) == kind for name in lines.index)]
    parts = {kind: lines[[_kind(name) == kind for name in lines.index]].sort_values() for kind in kinds}
    parts = {kind: part[::-1] for kind, part in parts.items()}
    tallest = max(map(len, parts.values()))
    figure, axes = plt.subplots(1, len(parts), figsize=(5.1 * len(parts), 0.42 * tallest + 1.5), squeeze=False)
    whole = lines.get("all", np.nan)
    for axis, (kind, part) in zip(axes[0], parts.items(), strict=True):
        _bars(axis, part, points, np.nan if kind == "" else whole)
        axis.set_ylim(tallest - 0.4, -0.6)
        axis.set_title(_PANELS[kind])
        axis.set_xlabel("gap closed, %")
    reach = [axis.get_xlim() for axis in axes[0]]
    for axis in axes[0]:
        axis.set_xlim(min(low for low, _ in reach), max(high for _, high in reach))
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    said = "; ".join(f"{_PANELS[k]}: {p.index[0]} {_percent(p.iloc[0])} down to {p.index[-1]} {_percent(p.iloc[-1])}"
                     for k, p in parts.items())  # fmt: skip
    return with_alt(figure, f"Bars of the gap closed, a dot per run. {said}.")


def decisive_bars(
    closed: pd.DataFrame, runs: pd.DataFrame, names: Mapping[str, str], *, method: str = "erm", title: str = ""
) -> Figure:
    """Draw at most five bars: nothing, the best ingredient alone, the whole, image by image, and without its mainstay.

    Parameters
    ----------
    closed, runs, names, method, title
        As `gap_panels` takes them.

    Returns
    -------
    Figure

    See Also
    --------
    gap_panels : all of them.
    """
    lines, points = _of_method(closed, runs, names, method)
    alone, without = (lines[[_kind(name) == kind for name in lines.index]] for kind in ("alone", "all but"))
    wanted = ["none"]
    wanted += [alone.idxmax(), alone.idxmin()] if len(alone) > 1 else list(alone.index)
    wanted += [name for name in ("image by image", "all") if name in lines]
    wanted += [without.idxmin()] if len(without) and len(wanted) < 5 else []
    chosen = lines[[name for name in dict.fromkeys(wanted) if name in lines]]
    said = {"none": "ERM, no recipe", "all": "the whole recipe", "image by image": "the recipe, image by image"}
    for name, place in zip(wanted[1:3], ("best", "worst"), strict=True) if len(alone) > 1 else ():
        said[name] = f"{place} alone:\n{name.removesuffix(' alone')}"
    figure, axis = plt.subplots(figsize=(9.5, 0.72 * len(chosen) + 1.2))
    _bars(axis, chosen, points, np.nan)
    axis.set_yticklabels([label_of(said.get(name, name), 30) for name in chosen.index])
    for y, value in enumerate(chosen):
        axis.annotate(_percent(value), (100 * max(value, 0), y), (8, 9), textcoords="offset points", va="center")
    axis.set(xlabel="gap closed, % (0 = ERM, 100 = as on known laboratories)")
    axis.set_title(title)
    return with_alt(
        figure,
        "Bars of the gap closed, a dot per run: "
        + ", ".join(f"{' '.join(said.get(name, name).split())} {_percent(value)}" for name, value in chosen.items())
        + ".",
    )
