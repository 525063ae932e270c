"""The words of the report: titles, sentences about differences, and the summary for the terminal."""

import textwrap

import pandas as pd

from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.tables import differences, sentence, table

__all__ = [
    "COLUMNS",
    "NOT_FOR_DIAGNOSIS",
    "TITLES",
    "as_text",
    "caution",
    "compared",
    "methods_of",
    "n_runs",
    "sentences",
    "shared_runs",
    "splits_of",
    "title_of",
]

NOT_FOR_DIAGNOSIS = "For teaching and research; not for diagnosis."

COLUMNS = {
    "f1_micro": "F1-micro",
    "f1_macro": "F1-macro",
    "f1_macro_all": "F1-macro, all classes",
    "balanced_accuracy": "balanced accuracy",
    "worst_class_recall": "worst-class recall",
    "calibration_error": "calibration error",
    "recall_many": "many-shot",
    "recall_medium": "medium-shot",
    "recall_few": "few-shot",
    "recall_zero": "zero-shot",
}
"""Column of the ledger -> its name in tables."""

TITLES = {
    "in_domain": "Known laboratories, validation images",
    "unseen": "Unseen laboratories",
    "left_out": "Left-out laboratory, not trained on",
}


def splits_of(rows: pd.DataFrame) -> list[str]:
    """Return the splits that the rows hold: the known laboratories, then the unseen or the left-out ones."""
    return [split for split in TITLES if (rows.split == split).any()]


def title_of(split: str, simulated: bool) -> str:
    """Return what a split is called, marked where the cells are simulated."""
    return TITLES[split] + (" (simulated cells)" if simulated else "")


def methods_of(rows: pd.DataFrame) -> list[str]:
    """Return the methods that have rows, in the order of `METHODS`."""
    return [method for method in METHODS if (rows.method == method).any()]


def compared(rows: pd.DataFrame, last: str = "boda_plus") -> list[str]:
    """Return the two methods that are shown side by side: ERM, or the first one, and `last`, or the last one."""
    methods = methods_of(rows)
    return list(dict.fromkeys([methods[0], last if last in methods else methods[-1]]))


def sentences(rows: pd.DataFrame, split: str) -> list[str]:
    """Say of each method in a sentence whether its F1-macro differs from ERM's; empty without ERM or beside nothing."""
    if "erm" not in methods_of(rows):
        return []
    found = differences(rows, split)
    return [
        sentence(method, line)
        if line["runs"]
        else f"{METHODS[method]} shares no fold and seed with ERM: no difference."
        for method, line in found.iterrows()
    ]


def caution(n_runs: int) -> str:
    """Say what so many runs can show at all."""
    if n_runs < 2:
        return "One run of each method shows no difference: --folds 5 runs five."
    said = "Folds share training images, so the intervals are rather too narrow than too wide."
    if n_runs > 7:
        return said
    chance = f"By chance alone, {n_runs} differences all have one sign in 1 of {2 ** (n_runs - 1)} cases"
    return f"{said} {chance}: with so few runs, an interval that excludes zero is weak evidence."


def n_runs(rows: pd.DataFrame) -> int:
    """Count the folds and seeds of the method that has the fewest."""
    return int(rows[["method", "fold", "seed"]].drop_duplicates().groupby("method").size().min())


def shared_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the folds and seeds that all methods have; all rows where there is no such run."""
    of_run = rows.groupby(["fold", "seed"]).method
    shared = rows[of_run.transform("nunique") == rows.method.nunique()]
    return rows if shared.empty else shared


def as_text(rows: pd.DataFrame, *, simulated: bool) -> str:
    """Summary for the terminal, at most 100 columns: a table for each laboratory, then what the differences show.

    Parameters
    ----------
    rows : DataFrame
        Of the ledger.
    simulated : bool
        Whether to mark the titles so.
    """
    names = {name: COLUMNS[name] for name in ("f1_micro", "f1_macro", "f1_macro_all", "balanced_accuracy")}
    names |= {"f1_macro_all": "all classes", "balanced_accuracy": "balanced acc.", "worst_class_recall": "worst class"}
    lines = []
    for split in splits_of(rows):
        shown = table(rows, split, tuple(names)).rename(columns=names)
        for laboratory, part in shown.groupby(level="domain", sort=False):
            lines += [
                f"\n{title_of(split, simulated)}: {laboratory}",
                part.droplevel("domain").rename_axis(None).to_string(),
            ]
    lines += [
        "\nMean ± standard deviation (ddof = 1) over folds and seeds. F1-macro: over the classes present",
        "in the truth; all classes: absent ones count 0; balanced acc.: mean recall of the classes present;",
        "worst class: the lowest recall of a class.",
    ]
    for split in splits_of(rows):
        if said := sentences(rows, split):
            lines.append(f"\nDifferences to ERM, {TITLES[split][0].lower()}{TITLES[split][1:]}:")
            lines += [textwrap.fill(text, 100, initial_indent="- ", subsequent_indent="  ") for text in said]
    return "\n".join([*lines, "", textwrap.fill(caution(n_runs(rows)), 100), NOT_FOR_DIAGNOSIS])
