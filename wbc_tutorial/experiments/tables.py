"""Tables: mean and deviation beside the slides' numbers, and whether a difference is one."""

import json
from importlib import resources

import numpy as np
import pandas as pd

from wbc_tutorial.experiments.methods import METHODS

__all__ = [
    "SLIDES",
    "beside_slides",
    "differences",
    "of_split",
    "per_run",
    "provenance",
    "sentence",
    "shipped",
    "shipped_confusion",
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


def of_split(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return the rows of a split; of the known laboratories those that pool them, as in the slides' Table 1, if any."""
    rows = rows[rows.split == split]
    if split == "in_domain":
        pooled = rows.domain.str.contains("+", regex=False)
        rows = rows[pooled] if pooled.any() else rows
    return rows


def table(rows: pd.DataFrame, split: str, metrics=METRICS) -> pd.DataFrame:
    """Mean and standard deviation (ddof = 1) over folds and seeds, one line per method and laboratory.

    For ``split="in_domain"`` the training laboratories are pooled, as in the slides' Table 1; for ``"unseen"`` every
    laboratory has its own lines.
    """
    rows = of_split(rows, split)
    order = pd.Categorical(rows.method, list(METHODS), ordered=True)
    groups = rows.assign(method=order).groupby(["domain", "method"], observed=True)[list(metrics)]
    mean, std = groups.mean(), groups.std()
    cells = mean.map(_number) + std.map(lambda s: "" if np.isnan(s) else f" ± {s:.3f}")
    return cells.assign(runs=groups.size()).rename(index=METHODS, level="method")


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.3f}"


def beside_slides(rows: pd.DataFrame, split: str) -> pd.DataFrame:
    """Our F1-micro and F1-macro beside the slides', one line per method; unseen laboratories are averaged per run."""
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


def per_run(rows: pd.DataFrame, split: str, metrics) -> pd.DataFrame:
    """One line per (method, fold, seed): the mean over the split's laboratories."""
    return of_split(rows, split).groupby(["method", "fold", "seed"])[list(metrics)].mean()


def differences(
    rows: pd.DataFrame,
    split: str = "unseen",
    metric: str = "f1_macro",
    *,
    against: str = "erm",
    n_resamples: int = 9999,
) -> pd.DataFrame:
    """Paired differences to a method over folds and seeds, with a bootstrap interval of their mean.

    Each run (fold, seed) gives one difference: both methods saw the same training images, order and initialisation.
    The runs are drawn with replacement `n_resamples` times; the interval is the middle 95 % of the means. Folds share
    training images, so that the interval is rather too narrow than too wide.

    Returns
    -------
    DataFrame
        Indexed by method: ``mean, low, high, runs``; ``low, high`` are NaN for a single run.

    Raises
    ------
    ValueError
        When the method to compare with has no row.
    """
    values = per_run(rows, split, (metric,)).reset_index().pivot_table(metric, ["fold", "seed"], "method")
    if against not in values:
        raise ValueError(f"no {split} row of {against!r} to compare with; there are {', '.join(values) or 'none'}")
    lines = {}
    for method in (m for m in METHODS if m in values and m != against):
        gap = (values[method] - values[against]).dropna().to_numpy()
        low = high = np.nan
        if len(gap) > 1:
            means = np.random.default_rng(0).choice(gap, (n_resamples, len(gap))).mean(axis=1)
            low, high = np.quantile(means, (0.025, 0.975))
        lines[method] = {"mean": gap.mean() if len(gap) else np.nan, "low": low, "high": high, "runs": len(gap)}
    columns = ["mean", "low", "high", "runs"]
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns).astype({"runs": int})


def sentence(method: str, line: pd.Series, *, against: str = "erm", metric: str = "F1-macro") -> str:
    """Say in plain words what a line of `differences` carries, and what it does not.

    Examples
    --------
    >>> sentence("boda", pd.Series({"mean": 0.012, "low": -0.004, "high": 0.03, "runs": 5}))
    'BoDA reads .012 higher than ERM in F1-macro, 95 % interval -.004 to +.030 over 5 runs: it includes zero, so no difference is shown.'
    """  # noqa: E501
    words = f"{METHODS[method]} reads {_bare(abs(line['mean']))} {'higher' if line['mean'] >= 0 else 'lower'} than "
    words += f"{METHODS[against]} in {metric}"
    if np.isnan(line["low"]):
        return f"{words} in a single run: no interval, so nothing is shown."
    words += f", 95 % interval {_signed(line['low'])} to {_signed(line['high'])} over {int(line['runs'])} runs: "
    if line["low"] <= 0 <= line["high"]:
        return words + "it includes zero, so no difference is shown."
    return words + f"it excludes zero, a {'gain' if line['mean'] > 0 else 'loss'} in these runs."


def _bare(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "-") + _bare(abs(value))


def _shipped_file(name: str):
    path = resources.files("wbc_tutorial.experiments").joinpath("results", name)
    if not path.is_file():
        raise FileNotFoundError(f"no shipped results {name}; there are those of simulated and open5")
    return path


def shipped(benchmark: str) -> pd.DataFrame:
    """Return the shipped rows of a benchmark, ``"simulated"`` or ``"open5"``: a ledger that was run in full."""
    with _shipped_file(f"{benchmark}.csv").open() as file:
        return pd.read_csv(file)


def shipped_confusion(benchmark: str, method: str, split: str, classes: tuple[str, ...]) -> np.ndarray:
    """Return the shipped confusion matrix of a method, int64 (C, C), rows = truth, all folds and seeds added up."""
    with _shipped_file(f"{benchmark}_confusion.csv").open() as file:
        rows = pd.read_csv(file)
    rows = rows[(rows.method == method) & (rows.split == split)]
    if rows.empty:
        raise ValueError(f"no shipped {split} predictions of {method!r} on {benchmark}")
    counts = rows.pivot_table("n_images", "truth", "predicted", aggfunc="sum", fill_value=0)
    return counts.reindex(index=list(classes), columns=list(classes), fill_value=0).to_numpy(np.int64)


def provenance(benchmark: str) -> dict:
    """Return where the shipped rows come from: command, versions, seeds, digest of the cells, dates, machine."""
    with _shipped_file(f"{benchmark}.json").open() as file:
        return json.load(file)
