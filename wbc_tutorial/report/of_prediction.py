"""The report of `predict`: what a saved network says of cells that have labels, one page beside its table."""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.evaluation.metrics import summary
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.prediction import Prediction
from wbc_tutorial.experiments.store import whole_file
from wbc_tutorial.report import confused, predictions, provenance
from wbc_tutorial.report.cells import Cells
from wbc_tutorial.report.page import PageFigure, Table, check_place, page
from wbc_tutorial.report.text import COLUMNS, NOT_FOR_DIAGNOSIS, SIMULATED, informative, min10_note

__all__ = ["page_beside", "write_prediction"]

METRICS = (
    *("n_images", "f1_micro", "f1_macro", "f1_macro_min10", "balanced_accuracy", "worst_class_recall"),
    "calibration_error",
)


def page_beside(table: str | Path) -> Path:
    """Return where the page of a table belongs, and raise where someone else's page lies there.

    Parameters
    ----------
    table : path
        Such as ``predictions.csv``.
    """
    path = Path(table).with_suffix(".html")
    check_place(path)
    return path


def write_prediction(prediction: Prediction, table: str | Path) -> Path | None:
    """Write a page on the cells that have labels beside the table; None and no page where none has.

    Parameters
    ----------
    prediction : Prediction
    table : path
        Such as ``predictions.csv``; the page is ``predictions.html``.

    Raises
    ------
    ValueError
        When something that this program did not write has the page's name.
    """
    path = page_beside(table)
    labelled = (prediction.table.truth != "").to_numpy()
    if not labelled.any():
        return None
    matplotlib.use("Agg", force=False)
    from wbc_tutorial.course import plots

    plots.use_style()
    html = page(**_facts(prediction, np.flatnonzero(labelled), Path(table)))
    with whole_file(path) as file:
        file.write(html.encode())
    return path


def _facts(prediction: Prediction, rows: np.ndarray, table: Path) -> dict:
    """Return what the page's template needs, of the rows that have labels."""
    from wbc_tutorial.course import plots
    from wbc_tutorial.report import pictures

    method = prediction.provenance.get("method")
    name = method if method in METHODS else "the network"
    stored = _stored(prediction, rows)
    scores = _scores(stored)
    drawn = pictures.calibrations({name: stored}, words={"unseen": "All images with labels"})
    calibrations = [PageFigure(plots.png(each.figure), each.alt, each.wide) for each in drawn]
    cells = Cells(prediction.cells, prediction.table.file.tolist())
    simulated = all(lab in LABORATORIES and LABORATORIES[lab].simulated for lab in scores.index)
    shown = _as_text(scores)
    return confused.facts({name: stored}, [name], cells, calibrations) | {
        "title": f"Predictions of {Path(prediction.model).name}",
        "headline": _headline(METHODS.get(name, "The network"), scores),
        "label": f"{SIMULATED} {NOT_FOR_DIAGNOSIS}" if simulated else NOT_FOR_DIAGNOSIS,
        "about": f"The scores of the images with labels: {len(rows):,} of {len(prediction.table):,}.",
        "tables": [Table.of(shown, "Table 1. Scores", min10_note(_as_text(scores, every=True)), head="laboratory")],
        "calibrations": calibrations,
        "provenance": [
            ("The predictions", _provenance(prediction, table)),
            ("This report", provenance.of_report()),
        ],
    }


def _stored(prediction: Prediction, rows: np.ndarray) -> dict:
    """Return the rows as predictions of a run are stored, every laboratory as one that was not trained on."""
    classes = list(prediction.classes)
    probabilities = prediction.table[classes].to_numpy(np.float64)[rows]
    trained = set(map(str, prediction.provenance.get("train") or []))
    here = prediction.laboratories[rows].astype(str)
    stored = {
        "logits": np.log(np.maximum(probabilities, 1e-30)),
        "truth": np.array([classes.index(name) for name in prediction.table.truth.iloc[rows]]),
        "domains": here,
        "unseen": np.full(len(rows), True),
        "image": rows,
        "titles": {
            lab: f"Laboratory {lab}" + " (the network was trained on it)" * (lab in trained)
            for lab in sorted(set(here))
        },
    }
    return predictions.with_names(stored, classes)


def _scores(stored: dict) -> pd.DataFrame:
    """Return a line for each laboratory."""
    lines = {}
    for laboratory in sorted(set(stored["domains"])):
        here = stored["domains"] == laboratory
        lines[laboratory] = summary(
            stored["truth"][here], stored["logits"][here], np.zeros(len(stored["classes"]), int)
        )
    return pd.DataFrame.from_dict(lines, orient="index")[list(METRICS)]


def _as_text(scores: pd.DataFrame, *, every: bool = False) -> pd.DataFrame:
    shown = scores.map(lambda value: "-" if pd.isna(value) else f"{value:.3f}")
    shown["n_images"] = [f"{n:,.0f}" for n in scores.n_images]
    return shown if every else informative(shown).rename(columns=COLUMNS | {"n_images": "images"})


def _headline(name: str, scores: pd.DataFrame) -> str:
    """Say the scores of each laboratory in a sentence."""
    said = [
        f"F1-macro {line.f1_macro:.2f} and F1-micro {line.f1_micro:.2f} on {laboratory} ({line.n_images:,.0f} images)"
        for laboratory, line in scores.head(4).iterrows()
    ]
    more = f" and {len(scores) - 4} more laboratories" * (len(scores) > 4)
    return f"{name} scores {'; '.join(said)}{more}."


def _provenance(prediction: Prediction, table: Path) -> dict[str, str]:
    labs = list(dict.fromkeys(map(str, prediction.laboratories)))
    facts = {"model": prediction.model, "table": str(table), "laboratories": ", ".join(labs)}
    return facts | {"recipe": prediction.recipe} | {f"model: {key}": provenance.shown(value) for key, value in
                                                    prediction.provenance.items()}  # fmt: skip
