"""Errors along maturation: which confusions an expert makes, too, and which not."""

from collections.abc import Sequence

import numpy as np

from wbc_tutorial.data.classes import CELL_CLASSES, CLASSES, find_classes

__all__ = ["MATURATION", "error_kinds"]

MATURATION = (
    "myeloblast",
    "promyelocyte",
    "myelocyte",
    "metamyelocyte",
    "neutrophil_band",
    "neutrophil_segmented",
)
"""A neutrophil's life in the marrow, from the youngest stage to the oldest. Each stage passes into the next without a
sharp border, so that experts disagree between neighbours."""

_LINEAGE = {cell.name: cell.lineage for cell in CELL_CLASSES}


def error_kinds(counts, classes: Sequence[str]) -> dict[str, float]:
    """Split the errors of a confusion matrix by how far the given name is from the true one, each class counted alike.

    A prediction is *right*; *next stage*, one step along `MATURATION` from the truth (a band called segmented); *same
    lineage*, another class of the truth's lineage or a stage further away; or *other lineage*. For each true class the
    shares are taken over its images, then averaged over the classes that have images: ``right`` is the balanced
    accuracy, and ``right + next_stage`` is what is left if an expert's own doubt is no error.

    Parameters
    ----------
    counts : int (C, C)
        Row: true class; column: predicted class; as `wbc_tutorial.confusion` counts.
    classes : sequence of C str
        Names of `wbc_tutorial.CLASSES`, or codes.

    Returns
    -------
    dict
        ``"right"``, ``"next_stage"``, ``"same_lineage"``, ``"other_lineage"`` -> share; their sum is 1.

    Raises
    ------
    ValueError
        A matrix that does not fit the classes, without an image, or a class that is none of the thirteen.

    See Also
    --------
    wbc_tutorial.balanced_accuracy : ``right``, from labels.

    Examples
    --------
    >>> error_kinds([[3, 1], [0, 4]], ["neutrophil_band", "neutrophil_segmented"])
    {'right': 0.875, 'next_stage': 0.125, 'same_lineage': 0.0, 'other_lineage': 0.0}
    """
    names = find_classes(classes, CLASSES)
    counts = np.asarray(counts, dtype=float)
    if counts.shape != (len(names), len(names)) or (counts < 0).any() or not counts.sum() > 0:
        raise ValueError(
            f"counts are {counts.shape}; expected ({len(names)}, {len(names)}) numbers of images, one image or more"
        )
    kinds = np.array([[_kind(true, said) for said in names] for true in names])
    there = counts.sum(axis=1) > 0
    shares = counts[there] / counts[there].sum(axis=1, keepdims=True)
    order = ("right", "next_stage", "same_lineage", "other_lineage")
    return {kind: float((shares * (kinds[there] == kind)).sum(axis=1).mean()) for kind in order}


def _kind(true: str, said: str) -> str:
    if true == said:
        return "right"
    if true in MATURATION and said in MATURATION:
        apart = abs(MATURATION.index(true) - MATURATION.index(said))
        return "next_stage" if apart == 1 else "same_lineage"
    return "same_lineage" if _LINEAGE[true] == _LINEAGE[said] else "other_lineage"
