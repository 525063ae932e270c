"""The words of the report: the headline, titles, what differences show, and the summary for the terminal."""

import textwrap

import pandas as pd

from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.tables import differences, filter_split, per_run, sentences, step, table

__all__ = ["as_text"]

NOT_FOR_DIAGNOSIS = "For teaching and research; not for diagnosis."

SIMULATED = (
    "The cells are simulated. Nothing here says how a method does on real cells; the report shows how to measure it."
)

SHARED_IMAGES = "Folds share training images, so the intervals are rather too narrow than too wide."

COLUMNS = {
    "f1_micro": "F1-micro",
    "f1_macro": "F1-macro",
    "f1_macro_all": "F1-macro, all classes",
    "f1_macro_min10": "F1-macro, 10+ images",
    "balanced_accuracy": "balanced accuracy",
    "worst_class_recall": "worst-class recall",
    "calibration_error": "calibration error",
    "recall_many": "many-shot",
    "recall_medium": "medium-shot",
    "recall_few": "few-shot",
    "recall_zero": "zero-shot",
}
"""Column of the results -> its name in tables."""

TITLES = {"in_domain": "Known laboratories, validation images", "unseen": "Unseen laboratories"}


def is_simulated(rows: pd.DataFrame) -> bool:
    """Say whether all laboratories of the rows are the package's simulated ones."""
    names = {name for domain in rows.domain.astype(str).unique() for name in domain.split("+")}
    return all(name in LABORATORIES and LABORATORIES[name].simulated for name in names)


def splits_of(rows: pd.DataFrame) -> list[str]:
    """Return the splits that the rows hold, the known laboratories first."""
    return [split for split in TITLES if (rows.split == split).any()]


def title_of(split: str, simulated: bool) -> str:
    """Return what a split is called, marked where the cells are simulated."""
    return TITLES[split] + (" (simulated cells)" if simulated else "")


def methods_of(rows: pd.DataFrame) -> list[str]:
    """Return the methods that have rows, in the order of `METHODS`."""
    return [method for method in METHODS if (rows.method == method).any()]


def laboratories(rows: pd.DataFrame, split: str) -> list[str]:
    """Return the laboratories of a split; the known ones as one, where rows pool them."""
    return sorted(filter_split(rows, split).domain.astype(str).unique())


def compared(rows: pd.DataFrame, last: str = "boda_plus") -> list[str]:
    """Return the two methods that are shown side by side: ERM, or the first one, and `last`, or the last one."""
    methods = methods_of(rows)
    return list(dict.fromkeys([methods[0], last if last in methods else methods[-1]]))


def n_runs(rows: pd.DataFrame) -> int:
    """Count the folds and seeds of the method that has the fewest."""
    return int(rows[["method", "fold", "seed"]].drop_duplicates().groupby("method").size().min())


def shared_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the folds and seeds that all methods have; all rows where there is no such run."""
    of_run = rows.groupby(["fold", "seed"]).method
    shared = rows[of_run.transform("nunique") == rows.method.nunique()]
    return rows if shared.empty else shared


def headline(rows: pd.DataFrame) -> str:
    """Say in a sentence what the first method scores on known and unseen laboratories, and how far it falls.

    A second sentence is about the other methods: which one scores highest on the unseen laboratories where there are
    intervals, else only from where to where all of them score.
    """
    ends = [per_run(rows, split, ("f1_macro",)).f1_macro.groupby("method").mean() for split in TITLES]
    scores = pd.concat(ends, axis=1, keys=list(TITLES)).reindex(methods_of(rows)).dropna()
    if scores.empty:
        return "No method has rows of both known and unseen laboratories."
    places = laboratories(rows, "unseen")
    where = f"the unseen {'laboratory' if len(places) == 1 else 'laboratories'} {', '.join(places)}"
    said = fall_sentence(METHODS[scores.index[0]], *scores.iloc[0], where)
    if len(scores) == 1:
        return said
    return f"{said} {_of_all_methods(rows, scores)}"


def fall_sentence(method: str, known: float, unseen: float, where: str) -> str:
    """Say both scores of a method and their difference.

    Examples
    --------
    >>> fall_sentence("ERM", 0.712, 0.279, "the unseen laboratory sim_mll")
    'ERM scores F1-macro 0.71 on the known laboratories and 0.28 on the unseen laboratory sim_mll: a fall of 0.43.'
    """
    said = f"{method} scores F1-macro {known:.2f} on the known laboratories and {unseen:.2f} on {where}: "
    return said + step(known, unseen)


def _of_all_methods(rows: pd.DataFrame, scores: pd.DataFrame) -> str:
    """Say where the methods score on the unseen laboratories; which one is highest only where an interval says more."""
    found = differences(rows, "unseen", against=scores.index[0])
    if found.low.isna().all():
        runs = "One run of each" if n_runs(rows) == 1 else "So few folds"
        low, high = scores.unseen.min(), scores.unseen.max()
        return f"The {len(scores)} methods score {low:.2f} to {high:.2f} there. {runs} cannot rank them."
    best = scores.unseen.idxmax()
    if best == scores.index[0]:
        return "No other method scores higher there."
    line, (known, unseen) = found.loc[best], scores.loc[best]
    said = f"{METHODS[best]} scores highest there, {unseen:.2f} ({known:.2f} on the known laboratories)"
    if pd.isna(line.low):
        return f"{said}, in too few folds for an interval."
    shown = "excludes" if line.low > 0 or line.high < 0 else "includes"
    return f"{said}; the 95 % interval of its difference to {METHODS[scores.index[0]]} {shown} zero."


def findings(rows: pd.DataFrame) -> tuple[dict[str, list[str]], str]:
    """Say what the differences to ERM show.

    Returns
    -------
    said : dict
        Split -> a sentence per method; empty where no method has enough folds for an interval.
    note : str
        What must be known beside it, said once; "" where there is nothing to compare.
    """
    methods = methods_of(rows)
    if "erm" not in methods or len(methods) == 1:
        return {}, ""
    found = [differences(rows, split) for split in splits_of(rows)]
    if any(each.low.notna().any() for each in found):
        return {split: sentences(rows, split) for split in splits_of(rows)}, SHARED_IMAGES
    folds = max(int(each.folds.max()) for each in found)
    if not folds:
        return {}, "No method shares a fold and seed with ERM: no difference can be given."
    runs = "One run per method" if n_runs(rows) == 1 else f"{'One fold' if folds == 1 else 'Two folds'} per method"
    return {}, f"{runs}: numbers, no finding. With three folds or more there are intervals (--folds 5 runs five)."


def informative(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop columns of a table that say nothing: dashes only, a repetition of another one, one number of runs."""
    told = frame.loc[:, [name for name in frame if not (frame[name] == "-").all()]]
    names = list(told)
    same = [
        name
        for number, name in enumerate(names)
        if name not in ("f1_micro", "f1_macro") and any((told[name] == told[other]).all() for other in names[:number])
    ]
    if "runs" in told and len(set(told.runs)) == 1:
        same.append("runs")
    return told.drop(columns=list(dict.fromkeys(same)))


def min10_note(frame: pd.DataFrame) -> str:
    """Say what the column for the classes with ten images or more is, or why a table has none."""
    if "f1_macro_min10" not in frame or (frame.f1_macro_min10 == frame.f1_macro).all():
        return "Each class has ten images or more, so that F1-macro over such classes is the same."
    if (frame.f1_macro_min10 == "-").all():
        return "No class has ten images."
    return "10+ images: over the classes with ten images or more."


def as_text(rows: pd.DataFrame, *, simulated: bool) -> str:
    """Summarise results for the terminal, at most 100 columns: the headline, tables, then what differences show.

    Parameters
    ----------
    rows : DataFrame
        Of the results store.
    simulated : bool
        Whether to mark the titles so.

    Returns
    -------
    str

    See Also
    --------
    write : the same as a page.
    """
    names = {name: COLUMNS[name] for name in ("f1_micro", "f1_macro")}
    names |= {"f1_macro_min10": "10+ images", "balanced_accuracy": "balanced acc.", "worst_class_recall": "worst class"}
    lines = [f"\n{textwrap.fill(headline(rows), 100)}"]
    for split in splits_of(rows):
        for laboratory, part in table(rows, split, tuple(names)).groupby(level="domain", sort=False):
            shown = informative(part.droplevel("domain")).rename(columns=names).rename_axis(None)
            lines += [f"\n{title_of(split, simulated)}: {laboratory}", shown.to_string()]
    spread = "Mean ± standard deviation (ddof = 1) over folds and seeds. " * (n_runs(rows) > 1)
    explained = (
        f"{spread}F1-macro: over the classes present in the truth; 10+ images: over those with ten images or more, "
        "where that differs; balanced acc.: mean recall of the classes present; worst class: the lowest recall."
    )
    lines.append("\n" + textwrap.fill(explained, 100))
    said, note = findings(rows)
    for split, texts in said.items():
        lines.append(f"\nDifferences to ERM, {TITLES[split][0].lower()}{TITLES[split][1:]}:")
        lines += [textwrap.fill(text, 100, initial_indent="- ", subsequent_indent="  ") for text in texts]
    last = [note, NOT_FOR_DIAGNOSIS]
    return "\n".join([*lines, "", *(textwrap.fill(text, 100) for text in last if text)])
