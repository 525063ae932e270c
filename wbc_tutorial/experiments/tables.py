"""Tables of results: means and deviations, beside the slides' numbers, and which differences are shown."""

import json
from collections.abc import Sequence
from importlib import resources

import numpy as np
import pandas as pd

from wbc_tutorial.evaluation.intervals import paired_interval
from wbc_tutorial.experiments.methods import METHODS

__all__ = [
    "SLIDES",
    "beside_slides",
    "differences",
    "filter_split",
    "over_folds",
    "per_run",
    "provenance",
    "sentence",
    "sentences",
    "shipped",
    "shipped_confusion",
    "step",
    "table",
]

METRICS = ("f1_micro", "f1_macro", "f1_macro_all", "balanced_accuracy", "worst_class_recall")

SLIDES = {
    "in_domain": {
        "erm": ((0.93, 0.01), (0.77, 0.02)),
        "dann": ((0.87, 0.03), (0.67, 0.04)),
        "coral": ((0.92, 0.01), (0.76, 0.03)),
        "boda": ((0.93, 0.01), (0.78, 0.05)),
        "boda_plus": ((0.90, 0.02), (0.76, 0.04)),
    },
    "unseen": {
        "erm": ((0.64, 0.03), (0.40, 0.05)),
        "dann": ((0.59, 0.07), (0.35, 0.06)),
        "coral": ((0.66, 0.03), (0.43, 0.03)),
        "boda": ((0.66, 0.05), (0.43, 0.06)),
        "boda_plus": ((0.59, 0.09), (0.46, 0.08)),
    },
}
"""Tables 1 and 2 of the slides (Mat_19 + Ace_20, tested on INT_20): F1-micro and F1-macro, each (mean, std) over five
folds. ``boda`` is their "Ours", ``boda_plus`` their "Ours+", which they do not define."""


def filter_split(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """Keep the rows of a split; of the known laboratories those that pool them, as in the slides' Table 1, if any.

    Parameters
    ----------
    rows : DataFrame
        Rows of results, as `wbc_tutorial.run` or `shipped` returns them.
    split : {"in_domain", "unseen"}
        On the known laboratories (validation images), or on the unseen ones.
    """
    rows = rows[rows.split == split]
    if split == "in_domain":
        pooled = rows.domain.str.contains("+", regex=False)
        rows = rows[pooled] if pooled.any() else rows
    return rows


def table(rows: pd.DataFrame, split: str, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Mean and standard deviation (ddof = 1) over folds and seeds, one line per laboratory and method, as text.

    Parameters
    ----------
    rows, split
        As `filter_split` takes them: the training laboratories are pooled, every unseen one has lines of its own.
    metrics : sequence of str, default=METRICS
        Columns of `rows`.

    Returns
    -------
    DataFrame of str
        Indexed by laboratory and method; the column ``runs`` counts folds and seeds.
    """
    rows = filter_split(rows, split)
    order = pd.Categorical(rows.method, list(METHODS), ordered=True)
    groups = rows.assign(method=order).groupby(["domain", "method"], observed=True)[list(metrics)]
    mean, std = groups.mean(), groups.std()
    cells = mean.map(_number) + std.map(lambda s: "" if np.isnan(s) else f" ± {s:.3f}")
    return cells.assign(runs=groups.size()).rename(index=METHODS, level="method")


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"


def beside_slides(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """Put our F1-micro and F1-macro beside the slides', one line per method; unseen laboratories are averaged per run.

    Parameters
    ----------
    rows, split
        As `filter_split` takes them.

    Returns
    -------
    DataFrame of str
        Columns (metric, ``"here"`` or ``"slides"``); a dash where the slides lack the method.
    """
    runs = per_run(rows, split, ("f1_micro", "f1_macro"))
    lines = {}
    for method in (m for m in METHODS if m in runs.index.get_level_values("method")):
        ours = runs.loc[method]
        slides = SLIDES[split].get(method)
        lines[METHODS[method]] = {
            (metric, who): text
            for i, metric in enumerate(("F1-micro", "F1-macro"))
            for who, text in (
                ("here", _mean_std(ours.iloc[:, i])),
                ("slides", f"{slides[i][0]:.2f} ± {slides[i][1]:.2f}" if slides else "-"),
            )
        }
    return pd.DataFrame(lines).T


def _mean_std(values: pd.Series) -> str:
    return f"{values.mean():.3f}" + (f" ± {values.std(ddof=1):.3f}" if len(values) > 1 else "")


def per_run(rows: pd.DataFrame, split: str, metrics: Sequence[str]) -> pd.DataFrame:
    """Average the split's laboratories in each run: one line per (method, fold, seed).

    Parameters
    ----------
    rows, split
        As `filter_split` takes them.
    metrics : sequence of str
        Columns of `rows`.
    """
    return filter_split(rows, split).groupby(["method", "fold", "seed"])[list(metrics)].mean()


def differences(
    rows: pd.DataFrame, split: str = "unseen", metric: str = "f1_macro", *, against: str = "erm"
) -> pd.DataFrame:
    """Compare every method with one of them, run by run.

    Each run (fold, seed) gives one difference: both methods saw the same training images, order and initialisation.
    The seeds of a fold are averaged; mean and interval are over the folds, as in `wbc_tutorial.paired_interval`.

    Parameters
    ----------
    rows, split
        As `filter_split` takes them; unseen laboratories are averaged in each run.
    metric : str, default="f1_macro"
        A column of `rows`.
    against : str, default="erm"
        The method to compare with.

    Returns
    -------
    DataFrame
        Indexed by method: ``mean``, ``low`` and ``high`` (95 % interval; NaN for fewer than three folds), ``folds`` and
        ``runs`` that both methods have.

    Raises
    ------
    ValueError
        When the method to compare with has no row.

    See Also
    --------
    sentence : one line of it in words.
    wbc_tutorial.paired_interval : the interval.
    """
    values = per_run(rows, split, (metric,)).reset_index().pivot_table(metric, ["fold", "seed"], "method")
    if against not in values:
        raise ValueError(f"no {split} row of {against!r} to compare with; there are {', '.join(values) or 'none'}")
    methods = [method for method in METHODS if method in values and method != against]
    lines = {method: over_folds(values[method] - values[against]) for method in methods}
    columns = ["mean", "low", "high", "folds", "runs"]
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns).astype({"folds": int, "runs": int})


def over_folds(values: pd.Series) -> dict[str, float]:
    """Average one value a run: over the seeds of a fold, then over the folds.

    Parameters
    ----------
    values : Series
        Indexed by ``fold`` and ``seed``; NaN where there is no run.

    Returns
    -------
    dict
        ``mean``, ``low`` and ``high`` of `wbc_tutorial.paired_interval`, ``folds``, ``runs``.
    """
    values = values.rename("value").dropna().reset_index()
    table = values.pivot_table("value", "fold", "seed").to_numpy() if len(values) else np.empty((0, 1))  # folds x seeds
    mean = np.nanmean(table, axis=1).mean() if len(table) else np.nan
    low, high = paired_interval(table)
    return {"mean": mean, "low": low, "high": high, "folds": len(table), "runs": len(values)}


def sentence(method: str, line: pd.Series, *, against: str = "erm", metric: str = "F1-macro") -> str:
    """Say in plain words what a line of `differences` shows, and what it does not.

    Parameters
    ----------
    method : str
        A key of `METHODS`.
    line : Series
        ``mean, low, high, folds``.
    against : str, default="erm"
        What `differences` compared with.
    metric : str, default="F1-macro"
        What the score is called.

    Returns
    -------
    str
        Empty where there is no interval: so few folds give numbers and no finding.

    Examples
    --------
    >>> sentence("boda", pd.Series({"mean": 0.012, "low": -0.004, "high": 0.03, "folds": 5}))
    'BoDA scores .012 higher than ERM in F1-macro, 95 % interval -.004 to +.030 over 5 folds: it includes zero, so no difference is shown.'
    """  # noqa: E501
    if np.isnan(line["low"]):
        return ""
    words = f"{METHODS[method]} scores {_bare(abs(line['mean']))} {'higher' if line['mean'] >= 0 else 'lower'} than "
    words += f"{METHODS[against]} in {metric}, 95 % interval {_signed(line['low'])} to {_signed(line['high'])} over "
    words += f"{int(line['folds'])} folds: "
    if line["low"] <= 0 <= line["high"]:
        return words + "it includes zero, so no difference is shown."
    return words + f"it excludes zero, a {'gain' if line['mean'] > 0 else 'loss'} in these runs."


def sentences(
    rows: pd.DataFrame, split: str = "unseen", metric: str = "f1_macro", *, against: str = "erm"
) -> list[str]:
    """Say of every method whether it scores higher or lower; once, where there are too few folds to say so.

    Parameters
    ----------
    rows, split, metric, against
        As `differences` takes them.

    Returns
    -------
    list of str
        A `sentence` for each method with three folds or more, then a single one for all others. Empty without the
        method to compare with, or beside nothing.
    """
    if not ((rows.method == against) & (rows.split == split)).any():
        return []
    found = differences(rows, split, metric, against=against)
    name = metric.replace("_", "-").replace("f1", "F1")
    said = [sentence(method, line, against=against, metric=name) for method, line in found.iterrows()]
    few = [METHODS[method] for method, line in found.iterrows() if np.isnan(line["low"])]
    if few:
        said.append(
            f"{', '.join(few)} against {METHODS[against]}: fewer than three folds, so a number and no finding "
            "(--folds 5 runs five)."
        )
    return [words for words in said if words]


def step(known: float, unseen: float) -> str:
    """Say how far a score falls, or rises, from known to unseen laboratories.

    Examples
    --------
    >>> step(0.712, 0.279), step(0.5, 0.501)
    ('a fall of 0.43.', 'no difference.')
    """
    size = f"{abs(known - unseen):.2f}"
    if size == "0.00":
        return "no difference."
    return f"a {'fall' if unseen < known else 'rise'} of {size}."


def _bare(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "-") + _bare(abs(value))


def _shipped_file(name: str):
    folder = resources.files("wbc_tutorial.experiments").joinpath("results")
    path = folder.joinpath(name)
    if not path.is_file():
        there = ", ".join(sorted(each.name.removesuffix(".json") for each in folder.iterdir() if ".json" in each.name))
        raise FileNotFoundError(f"no shipped results {name}; the package ships {there}")
    return path


def shipped(name: str) -> pd.DataFrame:
    """Return the rows of results that the package ships.

    Parameters
    ----------
    name : str
        Such as ``"simulated"``, ``"open5"``, ``"open5_ablation"`` or ``"fine13"``: a file of ``experiments/results``.

    Raises
    ------
    FileNotFoundError
        For another name.

    See Also
    --------
    provenance : where the rows come from.
    """
    with _shipped_file(f"{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file)


def shipped_confusion(
    name: str, method: str, split: str, classes: Sequence[str], *, recipe: str = "none", backbone: str | None = None
) -> np.ndarray:
    """Return a shipped confusion matrix, all folds, seeds and laboratories of the split added up.

    Parameters
    ----------
    name : str
        ``"simulated"``, ``"simulated_variants"``, ``"open5"``, ``"fine13"`` or ``"fine13_features"``.
    method, split : str
        As in the rows of `shipped`.
    classes : sequence of str
        C names, the order of rows and columns.
    recipe : str, default="none"
        As in the rows.
    backbone : str, default=None
        As in the rows, where they hold several; None = all of them.

    Returns
    -------
    int64 (C, C)
        Row: true class; column: predicted class.
    """
    with _shipped_file(f"{name}_confusion.csv").open(encoding="utf-8") as file:
        rows = pd.read_csv(file)
    rows = rows[(rows.method == method) & (rows.split == split) & (rows.recipe == recipe)]
    if backbone is not None:
        rows = rows[rows.backbone == backbone]
    if rows.empty:
        raise ValueError(f"no shipped {split} predictions of {method!r} in {name}")
    counts = rows.pivot_table("n_images", "truth", "predicted", aggfunc="sum", fill_value=0)
    return counts.reindex(index=list(classes), columns=list(classes), fill_value=0).to_numpy(np.int64)


def provenance(name: str) -> dict:
    """Return where shipped rows come from: command, versions, seeds, digest of the cells, dates, machine.

    Parameters
    ----------
    name : str
        As `shipped` takes it.
    """
    with _shipped_file(f"{name}.json").open(encoding="utf-8") as file:
        return json.load(file)
