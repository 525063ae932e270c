"""What goes through all notebooks: eight cells, and one patient's 200 cells of which three are blasts. Simulated."""

import functools

import numpy as np

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import CLASSES, find_class
from wbc_tutorial.data.laboratories import FIELD_UM
from wbc_tutorial.data.simulator import look_of, simulate_cell

__all__ = ["EIGHT_CELLS", "PATIENT", "course_cells", "patient"]

EIGHT_CELLS = (
    ("NGS", 6), ("NGB", 3), ("EOS", 4), ("MON", 0), ("LYT", 4), ("MYO", 4), ("PMO", 1), ("MMZ", 2),
)  # fmt: skip
"""Code and index of each: typical cells, which an expert names in every laboratory."""

PATIENT = {
    "NGS": 110, "LYT": 52, "MON": 14, "NGB": 8, "EOS": 6, "BAS": 2, "MYB": 2, "MMZ": 2, "EBO": 1, "MYO": 3,
}  # fmt: skip
"""Cells of the patient by class: blood with a few young cells, three of them blasts (1.5 %)."""

DRAWN_AS, CELLS_SEED, PATIENT_SEED = "sim_mll", 7, 8
"""What decides the drawings, as `simulate_cell` takes it. No training image: `load_simulated` has seed 0."""


def course_cells(laboratory: str = "sim_mll", *, size: int = 64) -> CellImages:
    """Return the eight cells of the course as a laboratory photographs them; the cells themselves stay the same.

    No training set holds them.

    Parameters
    ----------
    laboratory : str, default="sim_mll"
        Whose look: ``"sim_matek"`` and ``"sim_acevedo"`` are known, ``"sim_mll"`` is unseen in training.
    size : int, default=64
        Side of an image, pixels, 8 or more; 64 is what the networks are trained on.

    Returns
    -------
    CellImages
        Eight images of eight classes.

    Raises
    ------
    ValueError
        An unknown laboratory or a size that is no whole number of 8 or more.

    Examples
    --------
    >>> course_cells(size=16)
    CellImages(8 images of 16 px, 13 classes, domains sim_mll, simulated)
    """
    return _photographed(laboratory, EIGHT_CELLS, CELLS_SEED, size)


def patient(laboratory: str = "sim_mll", *, blasts: int = 3, size: int = 64) -> CellImages:
    """Return 200 cells of one patient as a laboratory photographs them, three of them blasts.

    With other `blasts` the patient is the same otherwise: segmented neutrophils take the place of blasts. With 0 it is
    the same blood before the illness, which should raise no alarm.

    Parameters
    ----------
    laboratory : str, default="sim_mll"
        Whose look, as for `course_cells`.
    blasts : int, default=3
        How many of the cells are myeloblasts, 0 to 20.
    size : int, default=64
        Side of an image, pixels, 8 or more.

    Returns
    -------
    CellImages
        Class by class, the blasts last. Drawn in about two seconds, once a session.

    Raises
    ------
    ValueError
        As `course_cells`, or a number of blasts out of range.

    See Also
    --------
    wbc_tutorial.screen : what a model's answers mean for the patient.

    Examples
    --------
    >>> import numpy as np
    >>> cells = patient(size=8)
    >>> len(cells), int(np.sum(cells.labels == cells.classes.index("myeloblast")))
    (200, 3)
    """
    if not isinstance(blasts, int | np.integer) or not 0 <= blasts <= 20:
        raise ValueError(f"blasts is {blasts!r}, expected a whole number from 0 to 20")
    counts = PATIENT | {"MYO": int(blasts), "NGS": PATIENT["NGS"] + PATIENT["MYO"] - int(blasts)}
    cells = tuple((code, index) for code, n in counts.items() for index in range(n))
    return _photographed(laboratory, cells, PATIENT_SEED, size)


def _photographed(laboratory: str, cells: tuple[tuple[str, int], ...], seed: int, size: int) -> CellImages:
    """Return cells under a laboratory's look, with their classes."""
    labels = np.array([CLASSES.index(find_class(code)) for code, _ in cells])
    return CellImages(
        _drawn(laboratory, cells, seed, size).copy(),
        labels,
        np.zeros(len(labels), dtype=int),
        domain_names=(laboratory,),
        um_per_px=FIELD_UM / size,
        provenance={"source": "simulated", "seed": seed, "size": size},
    )


@functools.lru_cache(maxsize=16)
def _drawn(laboratory: str, cells: tuple[tuple[str, int], ...], seed: int, size: int) -> np.ndarray:
    """Draw cells once a session; uint8 (N, 3, S, S)."""
    look = look_of(laboratory)
    images = [simulate_cell(DRAWN_AS, code, index, seed=seed, size=size, look=look) for code, index in cells]
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))
