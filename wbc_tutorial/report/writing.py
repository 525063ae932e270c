"""The report of a run: every figure as PNG, and ``report.html``, one page that holds all of it."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib
import pandas as pd

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.store import whole_file
from wbc_tutorial.experiments.tables import SLIDES, beside_slides, differences, table
from wbc_tutorial.report import confused, predictions, provenance, tracks
from wbc_tutorial.report.cells import Cells
from wbc_tutorial.report.page import PageFigure, Table, check_place, page
from wbc_tutorial.report.text import (
    COLUMNS,
    NOT_FOR_DIAGNOSIS,
    SIMULATED,
    TITLES,
    compared,
    findings,
    headline,
    informative,
    is_simulated,
    laboratories,
    methods_of,
    min10_note,
    n_runs,
    shared_runs,
    splits_of,
    title_of,
)

__all__ = ["write"]

HEADLINE_METRICS = ("f1_micro", "f1_macro", "f1_macro_min10")
METRICS = ("f1_macro", "f1_macro_all", "balanced_accuracy", "worst_class_recall", "calibration_error")
SHOTS = ("recall_many", "recall_medium", "recall_few", "recall_zero")

PAIRED = (
    "Each run (fold, seed) gives one difference: both methods saw the same training images. Seeds of a fold are "
    "averaged; the interval is that of the mean over the folds (Student's t)."
)


def write(folder: str | Path, rows: pd.DataFrame, cells: CellImages | None = None) -> list[Path]:
    """Write the figures and ``report.html`` into a results folder.

    Predictions that are missing or cannot be read are left out, and the page says so.

    Parameters
    ----------
    folder : path
        Of the results: ``settings.json`` and ``predictions/`` are read where they are.
    rows : DataFrame
        Rows of the results.
    cells : CellImages, default=None
        The benchmark's images, as `Benchmark.load` returns them: the page shows those that are confused. None, or
        others than those of the runs: it shows none, and says so.

    Returns
    -------
    list of Path
        ``report.html`` first, then the figures.

    Raises
    ------
    ValueError
        When there are no rows, or when something that this program did not write has the name ``report.html`` or
        ``figures``: it is not touched, and nothing is drawn.

    See Also
    --------
    as_text : the same for the terminal.
    """
    folder = Path(folder)
    path = folder / "report.html"
    if rows.empty:
        raise ValueError(f"there are no results in {folder}: run an experiment with --out {folder} first")
    check_place(path)
    if (folder / "figures").exists() and not (folder / "figures").is_dir():
        raise ValueError(f"{folder / 'figures'} is a file; the report needs a folder of that name: rename or move it")
    matplotlib.use("Agg", force=False)
    from wbc_tutorial.course import plots

    plots.use_style()
    (folder / "figures").mkdir(exist_ok=True)
    written: list[Path] = []
    html = page(**_facts(folder, rows, cells, written))
    with whole_file(path) as file:
        file.write(html.encode())
    return [path, *written]


def _facts(folder: Path, rows: pd.DataFrame, cells: CellImages | None, written: list[Path]) -> dict:
    """Draw the figures, note their paths in `written`, and return what the page's template needs."""
    from wbc_tutorial.report import pictures

    simulated = is_simulated(rows)
    note = " (simulated cells)" * simulated
    settings = provenance.read_settings(folder)
    shared = shared_runs(rows)
    stored, unread = predictions.of_all_runs(folder, shared)

    def drawn(found: Iterable[pictures.Picture]) -> list[PageFigure]:
        return [_kept(folder, each, written) for each in found]

    of_fall = drawn([pictures.fall(rows, note)])[0]
    beside = compared(rows)
    drawn(pictures.single_confusions({method: stored[method] for method in beside if method in stored}))
    said, remark = findings(rows)
    gaps = {split: next(iter(drawn(_gaps(rows, split, simulated))), None) for split in said}
    calibrations = drawn(pictures.calibrations(stored, note))
    latent_maps = drawn(pictures.latent_maps(folder, shared, note))
    figures = [*filter(None, gaps.values()), *calibrations, *latent_maps]
    at_hand = Cells([cells]) if cells is not None and cells.digest() == settings.get("cells") else None
    return confused.facts(stored, beside, at_hand, figures, note=note, counted=_counted(rows)) | {
        "title": f"White blood cells across laboratories: {rows.benchmark.iloc[0]}",
        "headline": headline(rows),
        "label": f"{SIMULATED} {NOT_FOR_DIAGNOSIS}" if simulated else NOT_FOR_DIAGNOSIS,
        "about": _about(rows),
        "fall": tracks.of_methods(rows),
        "fall_alt": of_fall.alt,
        "unread": _unread(stored, unread),
        "tables": _tables(rows, simulated),
        "slides": _slides(rows, simulated),
        "reference": _reference(rows),
        "averaged": len(laboratories(rows, "unseen")) > 1,
        "metrics": _metrics(rows, simulated),
        "note": remark,
        "compared": PAIRED,
        "points": None if said or not remark else _points(rows),
        "differences": [(TITLES[split], sentences, gaps[split]) for split, sentences in said.items()],
        "calibrations": calibrations,
        "latent_maps": latent_maps,
        "provenance": [
            ("The results", provenance.of_results(folder, rows, settings)),
            ("This report (and the results too, when one command made both)", provenance.of_report()),
        ],
    }


def _kept(folder: Path, picture, written: list[Path]) -> PageFigure:
    """Save and close a figure, note its path in `written`, and return it for the page."""
    from wbc_tutorial.course import plots

    path, data = folder / "figures" / f"{picture.name}.png", plots.png(picture.figure)
    path.write_bytes(data)
    written.append(path)
    return PageFigure(data, picture.alt, picture.wide)


def _about(rows: pd.DataFrame) -> str:
    methods = ", ".join(METHODS[method] for method in methods_of(rows))
    return (
        f"{methods}: each is trained on the known laboratories and scored on their validation images and on "
        f"laboratories that it never saw. Runs of each, over folds and seeds: {n_runs(rows)}."
    )


def _counted(rows: pd.DataFrame) -> str:
    """Say how often an image counts."""
    if n_runs(shared_runs(rows)) == 1:
        return ""
    return "The folds and seeds that all methods have are counted together, so that an unseen image counts once a run."


def _unread(stored: dict, unread: list[str]) -> str:
    """Say which predictions are not in the figures; "" when all are."""
    if not unread and stored:
        return ""
    if not stored:
        return "The predictions of these runs are missing or cannot be read: the figures made from them are left out."
    named = ", ".join(unread[:5]) + (f" and {len(unread) - 5} more" if len(unread) > 5 else "")
    return f"Missing or not readable: {named}. The figures are drawn from the runs that are left."


def _runs(rows: pd.DataFrame) -> str:
    """Say what the numbers of a table are."""
    several = len(rows[["fold", "seed"]].drop_duplicates()) > 1
    return "mean ± standard deviation over folds and seeds" if several else "one run of each method"


def _tables(rows: pd.DataFrame, simulated: bool) -> list[Table]:
    """Return Table 1, known laboratories, and Table 2, the others."""
    found = []
    for number, split in enumerate(splits_of(rows), 1):
        labs = ", ".join(laboratories(rows, split))
        caption = f"Table {number}. {title_of(split, simulated)}, {labs}: {_runs(rows)}"
        full = table(rows, split, HEADLINE_METRICS)
        found.append(Table.of(informative(full).rename(columns=COLUMNS), caption, min10_note(full)))
    return found


def _slides(rows: pd.DataFrame, simulated: bool) -> list[Table]:
    """Return the two tables beside those of the slides, where those have the methods."""
    found = []
    for split in splits_of(rows):
        if set(methods_of(rows)) & set(SLIDES[split]):
            frame = beside_slides(rows, split)
            frame.columns = [f"{metric}, {who}" for metric, who in frame.columns]
            found.append(Table.of(frame, f"{title_of(split, simulated)}: {_runs(rows)}, beside those of the slides"))
    return found


def _reference(rows: pd.DataFrame) -> str:
    """Say how the slides' cells relate to these."""
    if rows.benchmark.iloc[0] in ("paper", "paper11"):
        return "The unseen mll_23 of this run is very probably a later release of their INT_20."
    return "This run is on other cells: the slides' columns are a reference, and not a goal."


def _metrics(rows: pd.DataFrame, simulated: bool) -> list[Table]:
    found = []
    for split in splits_of(rows):
        title = f"{title_of(split, simulated)}: {{}}, {_runs(rows)}"
        for metrics, what in ((METRICS, "metrics"), (SHOTS, "mean recall by shot group")):
            there = [metric for metric in metrics if metric in rows]
            if there:
                frame = informative(table(rows, split, there)).drop(columns="f1_macro", errors="ignore")
                if len(frame.columns):
                    found.append(Table.of(frame.rename(columns=COLUMNS), title.format(what)))
    return found


def _points(rows: pd.DataFrame) -> Table | None:
    """Return the differences to ERM in points, without intervals; None where no method shares a run with ERM."""
    found = {TITLES[split]: 100 * differences(rows, split)["mean"] for split in splits_of(rows)}
    frame = pd.DataFrame(found).dropna(how="all")
    if frame.empty:
        return None
    shown = frame.map(lambda value: f"{value:+.1f}" if pd.notna(value) else "-").rename(index=METHODS)
    return Table.of(shown, "F1-macro minus that of ERM, in points (hundredths), mean of the runs that both have")


def _gaps(rows: pd.DataFrame, split: str, simulated: bool) -> list:
    """Return the figure of a split's differences, or none where there is no interval."""
    from wbc_tutorial.report import pictures

    found = pictures.gaps(differences(rows, split), split, title_of(split, simulated))
    return [] if found is None else [found]
