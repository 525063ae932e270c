"""Cells as pictures: which ones a field of a confusion matrix shows, and the small pictures themselves."""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from PIL import Image

from wbc_tutorial.data.cell_images import CellImages

__all__ = ["CellPictures", "Cells", "Shown", "chosen", "fill", "sure"]

MOST = 12
"""Cells of a field that are shown, at most."""

SIDE = 72
"""Pixels of a picture's side, at most."""

QUALITY = 80
"""Of JPEG: about 2 kB a picture of 64 pixels."""


class Cells(NamedTuple):
    """The images that predictions are about.

    Attributes
    ----------
    parts : sequence of CellImages
        Image n of the predictions is the n-th of all parts, one behind the other.
    files : sequence of str
        The file of each image, "" or shorter than the images where it is not known.
    """

    parts: Sequence[CellImages]
    files: Sequence[str] = ()

    def image(self, number: int) -> np.ndarray:
        """Return one image, uint8 (3, S, S)."""
        left = number
        for part in self.parts:
            if left < len(part):
                return np.asarray(part.images[int(left)])
            left -= len(part)
        raise ValueError(f"image {number} is beyond the last one")

    def file(self, number: int) -> str:
        """Return the name of an image's file; "" where it is not known."""
        return str(self.files[number]) if number < len(self.files) else ""

    def __len__(self) -> int:
        return sum(map(len, self.parts))


class Shown(NamedTuple):
    """A cell of a field: which picture of the page, how sure the network was, and the file."""

    picture: int
    confidence: str
    file: str


@dataclass
class CellPictures:
    """The pictures of a page, each kept once, within a budget.

    Parameters
    ----------
    cells : Cells
    budget : int
        Bytes that all pictures may take in the page.
    """

    cells: Cells
    budget: int
    encoded: list[str] = field(default_factory=list)
    left_out: int = 0
    _numbers: dict[str, int] = field(default_factory=dict)

    def add(self, image: int) -> int | None:
        """Return the number of an image's picture in the page; None when there is no room for it."""
        text = base64.b64encode(_jpeg(self.cells.image(image))).decode()
        if text not in self._numbers:
            if self.budget < len(text):
                self.left_out += 1
                return None
            self.budget -= len(text)
            self._numbers[text] = len(self.encoded)
            self.encoded.append(text)
        return self._numbers[text]


def _jpeg(image: np.ndarray) -> bytes:
    """Write an image (3, S, S) as a small JPEG."""
    picture, file = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))), io.BytesIO()
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    picture.save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()


def chosen(stored: dict, here: np.ndarray) -> dict[tuple[int, int], np.ndarray]:
    """Choose the cells of each field of a confusion matrix: each image once, those first of which it was surest.

    Parameters
    ----------
    stored : dict
        Predictions with ``image``, ``truth``, ``predicted`` and ``confidence``.
    here : bool (N,)
        Which of them the matrix is about.

    Returns
    -------
    dict
        (true class, given class) -> rows of `stored`, at most `MOST`.
    """
    rows = np.flatnonzero(here)
    rows = rows[np.argsort(-stored["confidence"][rows], kind="stable")]
    key = np.stack([stored["truth"][rows], stored["predicted"][rows], stored["image"][rows]])
    first = np.sort(np.unique(key, axis=1, return_index=True)[1])  # of the runs of one image the surest
    found: dict[tuple[int, int], list[int]] = {}
    for row in rows[first]:
        of_field = found.setdefault((int(stored["truth"][row]), int(stored["predicted"][row])), [])
        if len(of_field) < MOST:
            of_field.append(row)
    return {pair: np.array(each) for pair, each in found.items()}


def fill(
    pictures: CellPictures, wanted: Iterable[tuple[dict, dict[tuple[int, int], np.ndarray]]]
) -> list[dict[str, list[Shown]]]:
    """Put the cells of all matrices into the page: one of each field, then a second one, as long as there is room.

    Errors come before what is right, and earlier matrices before later ones.

    Parameters
    ----------
    pictures : CellPictures
        Filled here.
    wanted : iterable of (dict, dict)
        For each matrix the predictions and what `chosen` returned.

    Returns
    -------
    list of dict
        For each matrix: "true-given", two class numbers -> what its field shows.
    """
    wanted = list(wanted)
    filled: list[dict[str, list[Shown]]] = [{} for _ in wanted]
    for wrong in (True, False):
        for rank in range(MOST):
            for (stored, fields), into in zip(wanted, filled, strict=True):
                for (i, j), rows in fields.items():
                    if (i != j) == wrong and rank < len(rows):
                        _put(pictures, stored, rows[rank], into.setdefault(f"{i}-{j}", []))
    return filled


def _put(pictures: CellPictures, stored: dict, row: int, into: list[Shown]) -> None:
    image = int(stored["image"][row])
    number = pictures.add(image)
    if number is not None and all(shown.picture != number for shown in into):  # runs may share an image, sets a copy
        into.append(Shown(number, sure(stored["confidence"][row]), pictures.cells.file(image)))


def sure(confidence: float) -> str:
    """Write a confidence with two digits, never 1.00 unless it is 1.

    Examples
    --------
    >>> sure(0.934), sure(0.9999), sure(1.0)
    ('.93', '.99', '1.00')
    """
    return "1.00" if confidence >= 1 else f"{min(confidence, 0.99):.2f}".removeprefix("0")
