"""The report of `--leave-one-out`: a row for each laboratory that was left out, and the interval over laboratories."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.experiments.leave_one_out import MEAN, LeaveOneOut, headline
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.store import whole_file
from wbc_tutorial.report import confused, predictions, provenance, tracks
from wbc_tutorial.report.cells import Cells
from wbc_tutorial.report.page import PageFigure, Table, check_place, page
from wbc_tutorial.report.text import (
    NOT_FOR_DIAGNOSIS,
    SIMULATED,
    compared,
    informative,
    is_simulated,
    min10_note,
    n_runs,
    shared_runs,
)

__all__ = ["write_leave_one_out"]

SCORES = ["known_f1_macro", "f1_macro", "f1_macro_min10", "points"]

NAMES = {
    "known_f1_macro": "known laboratories",
    "f1_macro": "left out",
    "f1_macro_min10": "left out, 10+ images",
    "points": "points to ERM",
}

OVER_LABORATORIES = (
    "Points are 100 times the difference in F1-macro to ERM in the same runs, on the laboratory left out. Each "
    "laboratory gives one difference; the interval is that of their mean (Student's t)."
)


def write_leave_one_out(
    out: str | Path,
    found: LeaveOneOut,
    folders: Mapping[str, Path],
    cells: Mapping[str, CellImages] | None = None,
) -> Path:
    """Write ``report.html`` into the folder of the whole.

    Parameters
    ----------
    out : path
    found : LeaveOneOut
        As `run_leave_one_out` returns it.
    folders : mapping of str to Path
        Laboratory that was left out -> its folder of results.
    cells : mapping of str to CellImages, default=None
        Laboratory that was left out -> the images of its benchmark. None, or others than those of the runs: the page
        shows no cell, and says so.

    Raises
    ------
    ValueError
        When something that this program did not write has the page's name.
    """
    path = Path(out) / "report.html"
    check_place(path)
    matplotlib.use("Agg", force=False)
    from wbc_tutorial.course import plots

    plots.use_style()
    html = page(**_facts(found, folders, cells or {}))
    with whole_file(path) as file:
        file.write(html.encode())
    return path


def _facts(found: LeaveOneOut, folders: Mapping[str, Path], cells: Mapping[str, CellImages]) -> dict:
    from wbc_tutorial.course import plots
    from wbc_tutorial.report import pictures

    every = pd.concat(found.rows.values(), ignore_index=True)
    simulated = is_simulated(every)
    note = " (simulated cells)" * simulated
    settings = {laboratory: provenance.read_settings(folder) for laboratory, folder in folders.items()}
    stored, unread = _stored(found, folders, cells)
    at_hand = [cells[lab] for lab in found.rows if lab in cells and cells[lab].digest() == settings[lab].get("cells")]
    drawn = pictures.calibrations(stored, note)
    calibrations = [PageFigure(plots.png(each.figure), each.alt, each.wide) for each in drawn]
    first = found.table.method.iloc[0]
    whole = Cells(at_hand) if len(at_hand) == len(found.rows) else None
    return confused.facts(stored, compared(every), whole, calibrations, note=note, counted=_counted(every)) | {
        "contents": {"fall": "From known laboratories to the one left out"},
        "title": f"Leave one laboratory out: {', '.join(found.rows)}",
        "headline": headline(found.table),
        "label": f"{SIMULATED} {NOT_FOR_DIAGNOSIS}" if simulated else NOT_FOR_DIAGNOSIS,
        "fall": tracks.of_laboratories(found.table, first),
        "fall_head": "left out",
        "fall_alt": f"F1-macro of {METHODS[first]}{note} on the laboratories that trained it, and on the one left out.",
        "about": "Each laboratory in turn is left out: the others train, and each method is scored on that one.",
        "tables": _tables(found.table, n_runs(every) > len(found.rows)),
        "unread": f"Missing or not readable: {', '.join(unread[:5])}." if unread else "",
        "calibrations": calibrations,
        "provenance": [
            *((f"The results, {lab} left out", provenance.of_results(folders[lab], found.rows[lab], settings[lab]))
              for lab in found.rows),
            ("This report (and the results too, when one command made both)", provenance.of_report()),
        ],
    } | _differences(found.table)  # fmt: skip


def _stored(
    found: LeaveOneOut, folders: Mapping[str, Path], cells: Mapping[str, CellImages]
) -> tuple[dict[str, dict], list[str]]:
    """Join the predictions of all laboratories; {} where one has none, with the files that cannot be read."""
    parts, unread = [], []
    for laboratory, rows in found.rows.items():
        stored, missing = predictions.of_all_runs(folders[laboratory], shared_runs(rows))
        parts.append((stored, len(cells[laboratory]) if laboratory in cells else 0))
        unread += [f"{laboratory}/{name}" for name in missing]
    return (predictions.one_after_the_other(parts) if all(stored for stored, _ in parts) else {}), unread


def _counted(rows: pd.DataFrame) -> str:
    several = n_runs(rows) > rows.loc[rows.split == "unseen", "domain"].nunique()
    return "Folds and seeds are counted together." if several else ""


def _tables(table: pd.DataFrame, spread: bool) -> list[Table]:
    """Return the means over laboratories, then a line for each laboratory and method."""
    runs = ", means over folds and seeds" * spread
    means = table[table.laboratory == MEAN].set_index("method")
    shown = _as_text(means[SCORES])
    shown["95 % interval of the points"] = [
        f"{line.low:+.1f} to {line.high:+.1f}" if np.isfinite(line.low) else "-" for line in means.itertuples()
    ]
    each = _as_text(table[table.laboratory != MEAN].set_index(["laboratory", "method"])[SCORES])
    captions = f"Table 1. F1-macro, mean over laboratories{runs}", f"Table 2. F1-macro, each laboratory{runs}"
    return [
        Table.of(informative(frame).rename(columns=NAMES), caption, min10_note(frame))
        for frame, caption in zip((shown.rename(index=METHODS), each.rename(index=METHODS, level="method")), captions,
                                  strict=True)
    ]  # fmt: skip


def _as_text(scores: pd.DataFrame) -> pd.DataFrame:
    forms = dict.fromkeys(SCORES, "{:.3f}") | {"points": "{:+.1f}"}
    return pd.DataFrame(
        {name: ["-" if pd.isna(value) else forms[name].format(value) for value in scores[name]] for name in scores},
        index=scores.index,
    )


def _differences(table: pd.DataFrame) -> dict:
    """Return the facts of the section on differences: sentences with intervals, or one that says there are none."""
    means = table[(table.laboratory == MEAN) & table.points.notna()]
    if means.empty:
        return {}
    n = table.laboratory.nunique() - 1
    if means.low.isna().all():
        few = f"With {n} laboratories there are points and no interval: it needs three. Table 1 holds the points."
        return {"note": few}
    said = [_sentence(line, n) for line in means.itertuples() if np.isfinite(line.low)]
    return {"differences": [("", said, None)], "compared": OVER_LABORATORIES}


def _sentence(line, n: int) -> str:
    """Say what the points of a method show, and what they do not."""
    words = (
        f"{METHODS[line.method]} scores {abs(line.points):.1f} points {'higher' if line.points >= 0 else 'lower'} than "
    )
    words += f"ERM, 95 % interval {line.low:+.1f} to {line.high:+.1f} over {n} laboratories: "
    if line.low <= 0 <= line.high:
        return words + "it includes zero, so no difference is shown."
    return words + f"it excludes zero, a {'gain' if line.points > 0 else 'loss'} in these laboratories."
