"""Confusion matrices as the page shows them, shares of the true class, and the worst errors with their cells."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from wbc_tutorial.course.plots.style import class_code, lineage_order
from wbc_tutorial.evaluation.metrics import confusion
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.report import cells
from wbc_tutorial.report.cells import CellPictures, Shown

__all__ = ["Confusion", "Matrix", "Place", "confusions", "places_of", "worst"]

WORST, OF_EACH, TO_COMPARE = 4, 6, 3
"""How many confusions stand on the page as pictures, with how many cells, beside how many of the class they were
taken for."""


class Field(NamedTuple):
    """One field: its place "true-given", what it says, how dark it is (0 to 10), and the whole in words."""

    key: str
    text: str
    level: int
    wrong: bool
    words: str

    @property
    def ink(self) -> str:
        """Which ink stands out from the field's colour, in light and in dark."""
        return "light" if self.level < 6 else "mid" if self.level == 6 else "dark"


class Line(NamedTuple):
    """One row: code and name of the true class, its images, and the fields."""

    code: str
    name: str
    n_images: str
    fields: list[Field]


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix of the page.

    Attributes
    ----------
    key : str
        Its id in the page.
    method : str
        What the method is called.
    codes : list of (str, str)
        Code and name of each column.
    lines : list of Line
    cells : dict
        "true-given" -> the cells that the field shows.
    """

    key: str
    method: str
    codes: list[tuple[str, str]]
    lines: list[Line]
    cells: dict[str, list[Shown]] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """The matrices of one laboratory, or of all known ones together: those side by side, and the other methods'."""

    key: str
    title: str
    matrices: list[Matrix]
    others: list[Matrix]


@dataclass(frozen=True)
class Confusion:
    """One of the worst errors: what was named what, how often, with cells of it and of the class it was taken for."""

    title: str
    where: str
    true: str
    given: str
    wrong: list[Shown]
    right: list[Shown]


def places_of(stored: dict) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield (key, name in words, rows): all known laboratories, then each one that was not trained on."""
    if not stored["unseen"].all():
        yield "known", "Known laboratories, validation images", ~stored["unseen"]
    for number, laboratory in enumerate(sorted(set(stored["domains"][stored["unseen"]]))):
        here = stored["unseen"] & (stored["domains"] == laboratory)
        yield f"unseen{number}", stored.get("titles", {}).get(laboratory, f"Unseen laboratory {laboratory}"), here


def confusions(
    all_stored: dict[str, dict], beside: list[str], note: str = "", pictures: CellPictures | None = None
) -> list[Place]:
    """Make the confusion matrices of every method and place, and put their cells into `pictures`.

    Parameters
    ----------
    all_stored : dict
        Method -> predictions with ``predicted`` and ``confidence``.
    beside : list of str
        Methods that stand side by side; those of the others are folded away.
    note : str, default=""
        Behind the title of each place.
    pictures : CellPictures, default=None
        None = no cell can be shown.
    """
    found, wanted = [], []
    order = [m for m in beside if m in all_stored] + [m for m in all_stored if m not in beside]
    for stored in list(all_stored.values())[:1]:
        for key, words, _ in places_of(stored):
            matrices = {}
            for method in order:
                here = {name: rows for name, _, rows in places_of(all_stored[method])}.get(key)
                if here is not None and here.any():
                    matrices[method] = _matrix(f"matrix-{key}-{method}", method, all_stored[method], here)
                    if pictures is not None:
                        wanted.append((key, method, matrices[method], here))
            side = [matrices[m] for m in beside if m in matrices]
            others = [matrices[m] for m in matrices if m not in beside]
            found.append(Place(f"cells-{key}", words + note, side, others))
    if pictures is not None:
        wanted.sort(key=lambda each: (each[1] not in beside, each[0] == "known"))  # sort() keeps the order of equals
        asked = [(all_stored[method], cells.chosen(all_stored[method], here)) for _, method, _, here in wanted]
        for (_, _, matrix, _), shown in zip(wanted, cells.fill(pictures, asked), strict=True):
            matrix.cells.update(shown)
    return found


def _matrix(key: str, method: str, stored: dict, here: np.ndarray) -> Matrix:
    classes = stored["classes"]
    counts = confusion(stored["truth"][here], stored["predicted"][here], len(classes))
    order = sorted(range(len(classes)), key=lambda c: lineage_order(classes[c]))
    codes = [(class_code(classes[c]), _plain(classes[c])) for c in order]
    lines = []
    for i in order:
        n = int(counts[i].sum())
        fields = [_field(i, j, counts[i, j], n, classes) for j in order] if n else []
        lines.append(Line(class_code(classes[i]), _plain(classes[i]), f"{n:,}" if n else "none", fields))
    return Matrix(key, METHODS.get(method, method), codes, lines)


def _field(i: int, j: int, count: int, n: int, classes: list[str]) -> Field:
    words = f"{class_code(classes[i])} named {class_code(classes[j])}: {count:,} of {n:,} ({percent(count, n)} %)"
    level = int(np.ceil(10 * count / n))
    return Field(f"{i}-{j}", percent(count, n) if count else "", level, i != j, words if count else "")


def percent(count: int, n: int) -> str:
    """Write a share in whole percent; 100 only where it is all, and 0 only where it is none.

    Examples
    --------
    >>> percent(1, 3), percent(1, 1000), percent(999, 1000), percent(5, 5), percent(0, 5)
    ('33', '<1', '99', '100', '0')
    """
    if count in (0, n):
        return "100" if count else "0"
    share = round(100 * count / n)
    return "<1" if share == 0 else str(min(share, 99))


def _plain(name: str) -> str:
    return name.replace("_", " ")


def worst(stored: dict, method: str, pictures: CellPictures) -> list[Confusion]:
    """Choose the most frequent errors of a method in the laboratories that were not trained on, each with its cells.

    Parameters
    ----------
    stored : dict
        Predictions of the method, with ``image``, ``predicted`` and ``confidence``.
    method : str
    pictures : CellPictures
        Filled here.

    Returns
    -------
    list of Confusion
        At most `WORST`; of the known laboratories where no other is there.
    """
    there = [place for place in places_of(stored) if place[0] != "known"] or list(places_of(stored))
    errors = []
    for number, (_, _, here) in enumerate(there):
        counts = confusion(stored["truth"][here], stored["predicted"][here], len(stored["classes"]))
        wrong = counts * (1 - np.eye(len(counts), dtype=int))
        errors += [(int(wrong[i, j]), number, (int(i), int(j))) for i, j in np.argwhere(wrong)]
    errors.sort(key=lambda error: (-error[0], error[1]))
    name = METHODS.get(method, method)
    return [_confusion(stored, name, pictures, there[number], pair) for _, number, pair in errors[:WORST]]


def _confusion(
    stored: dict, method: str, pictures: CellPictures, place: tuple[str, str, np.ndarray], pair: tuple[int, int]
) -> Confusion:
    (_, words, here), (i, j) = place, pair
    fields = cells.chosen(stored, here)
    of_error, of_class = {pair: fields[pair][:OF_EACH]}, {(j, j): fields.get((j, j), [])[:TO_COMPARE]}
    wrong, right = cells.fill(pictures, [(stored, of_error), (stored, of_class)])
    names = [_plain(stored["classes"][c]) for c in pair]
    true, given = (class_code(stored["classes"][c]) for c in pair)
    of_true = stored["truth"][here] == i
    count, n = int((of_true & (stored["predicted"][here] == j)).sum()), int(of_true.sum())
    return Confusion(
        title=f"{true} named {given}: {count:,} of {n:,} ({percent(count, n)} %)",
        where=f"{names[0]} named {names[1]} by {method}. {words}.",
        true=true,
        given=given,
        wrong=wrong.get(f"{i}-{j}", []),
        right=right.get(f"{j}-{j}", []),
    )
