"""Screening: from a model's answers for one patient's cells to the question whether it raises the alarm."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from wbc_tutorial.data.cell_images import CellImages, check_cells
from wbc_tutorial.data.classes import CELL_CLASSES, find_class

__all__ = ["Screening", "screen"]

BLAST = "myeloblast"
_CODE = {cell.name: cell.code for cell in CELL_CLASSES}


@dataclass(frozen=True)
class Screening:
    """What a model's answers mean for one patient.

    Attributes
    ----------
    n : int
        Cells.
    blasts : int
        Cells that are blasts.
    found : int
        Blasts that were named so.
    false_alarms : int
        Other cells that were named blasts.
    missed_as : dict
        Code -> blasts that were named so instead.
    taken_for : dict
        Code -> cells of that class that were named blasts.
    least : int
        So many cells named blasts raise the alarm.
    """

    n: int
    blasts: int
    found: int
    false_alarms: int
    missed_as: dict[str, int]
    taken_for: dict[str, int]
    least: int

    @property
    def alarm(self) -> bool:
        """Whether the smear goes to an expert: `least` cells or more were named blasts, rightly or not."""
        return self.found + self.false_alarms >= self.least

    def __repr__(self) -> str:
        missed = f" (missed as {_listed(self.missed_as)})" if self.missed_as else ""
        false = f" (from {_listed(self.taken_for)})" if self.taken_for else ""
        return (
            f"{self.n} cells, {self.blasts} blasts: {self.found} found{missed}, "
            f"{self.false_alarms} false{false}: {'alarm' if self.alarm else 'no alarm'}"
        )


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} {code}" for code, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def screen(cells: CellImages, predicted, *, least: int = 2) -> Screening:
    """Say what a model's answers mean for a patient: blasts found and missed, false alarms, and the alarm.

    Parameters
    ----------
    cells : CellImages
        Of one patient, such as `wbc_tutorial.patient`.
    predicted : int (N,) or float (N, C)
        The model's classes, or its logits or probabilities.
    least : int, default=2
        So many cells named blasts raise the alarm: two of 200 are 1 %. The course's own rule, not a clinical one.

    Returns
    -------
    Screening

    Raises
    ------
    ValueError
        Another number of answers than of cells, a class that does not exist, or cells whose classes hold no blast.

    Examples
    --------
    >>> from wbc_tutorial.data.thread import patient
    >>> cells = patient(size=8)
    >>> screen(cells, np.where(cells.labels == 3, 9, cells.labels))
    200 cells, 3 blasts: 0 found (missed as 3 MON), 0 false: no alarm
    """
    check_cells(cells)
    if BLAST not in cells.classes:
        raise ValueError(f"the classes are {', '.join(cells.classes)}: expected {BLAST} among them")
    answers = np.asarray(predicted.detach().cpu() if hasattr(predicted, "detach") else predicted)
    answers = answers.argmax(axis=1) if answers.ndim == 2 else answers
    if answers.shape != cells.labels.shape or not np.isin(answers, range(len(cells.classes))).all():
        raise ValueError(
            f"predicted: {answers.shape} answers for {len(cells)} cells; expected one class of 0 to "
            f"{len(cells.classes) - 1} for each, or (N, C) logits"
        )
    blast = cells.classes.index(BLAST)
    truly, named = cells.labels == blast, answers == blast
    codes = np.array([_CODE.get(find_class(name), name) for name in cells.classes])
    return Screening(
        n=len(cells),
        blasts=int(truly.sum()),
        found=int((truly & named).sum()),
        false_alarms=int((named & ~truly).sum()),
        missed_as=dict(Counter(codes[answers[truly & ~named].astype(int)].tolist())),
        taken_for=dict(Counter(codes[cells.labels[named & ~truly]].tolist())),
        least=least,
    )
