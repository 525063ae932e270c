"""Classes: the 13 classes of white blood cells, their facts, and how a class is named and found."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "CELL_CLASSES",
    "CLASSES",
    "CLASSES_11",
    "COARSE",
    "COARSE_CLASSES",
    "CODES",
    "LINEAGES",
    "CellClass",
    "class_within",
    "find_class",
    "find_classes",
]


@dataclass(frozen=True)
class CellClass:
    """One class of cell as a haematologist names it.

    Attributes
    ----------
    name : str
        The name used everywhere in code and files, such as ``"neutrophil_band"``.
    code : str
        Three letters for axes and tables, such as ``"NGB"``.
    lineage : str
        The family it belongs to: one of `LINEAGES`.
    morphology : str
        One line on what tells it apart under the microscope.
    colour : str
        Hexadecimal colour in figures, told apart also in colour-blind sight; each 3:1 or more from white.
    diameter_um : tuple of float
        Usual cell diameter on a smear, smallest to largest, in micrometres.
    """

    name: str
    code: str
    lineage: str
    morphology: str
    colour: str
    diameter_um: tuple[float, float]


LINEAGES = ("mature granulocytes", "granulocyte precursors", "monocytes", "lymphocytes", "other")

_MATURE, _PRECURSOR, _MONO, _LYMPH, _OTHER = LINEAGES

CELL_CLASSES = (
    CellClass("basophil", "BAS", _MATURE, "coarse blue-black granules that cover a lobed nucleus", "#4f1772", (10, 14)),
    CellClass(
        "eosinophil", "EOS", _MATURE, "two lobes and a cytoplasm packed with large orange granules", "#b45005", (12, 16)
    ),
    CellClass(
        "erythroblast",
        "EBO",
        _OTHER,
        "a small cell: round, dense nucleus in grey to pink cytoplasm",
        "#a50026",
        (8, 12),
    ),
    CellClass(
        "myeloblast",
        "MYO",
        _PRECURSOR,
        "large round nucleus, fine chromatin, nucleoli, a thin blue rim",
        "#062746",
        (14, 19),
    ),
    CellClass(
        "promyelocyte",
        "PMO",
        _PRECURSOR,
        "large cell, off-centre nucleus, many purple-red azurophil granules",
        "#2171b6",
        (16, 22),
    ),
    CellClass(
        "myelocyte",
        "MYB",
        _PRECURSOR,
        "oval nucleus with one flat side, pinkish granular cytoplasm",
        "#8387ff",
        (13, 18),
    ),
    CellClass(
        "metamyelocyte",
        "MMZ",
        _PRECURSOR,
        "kidney-shaped nucleus, clumped chromatin, pink cytoplasm",
        "#2aa1b5",
        (12, 16),
    ),
    CellClass(
        "neutrophil_band", "NGB", _MATURE, "a nucleus bent like a band, not yet cut into lobes", "#9c9375", (12, 15)
    ),
    CellClass(
        "neutrophil_segmented",
        "NGS",
        _MATURE,
        "two to five lobes joined by thin filaments, fine pink granules",
        "#b3900d",
        (12, 15),
    ),
    CellClass(
        "monocyte",
        "MON",
        _MONO,
        "the largest of healthy blood: folded nucleus, grey-blue cytoplasm, vacuoles",
        "#1c9653",
        (15, 20),
    ),
    CellClass(
        "lymphocyte_typical",
        "LYT",
        _LYMPH,
        "a small cell: dense round nucleus that leaves a narrow blue rim",
        "#e16ab1",
        (8, 12),
    ),
    CellClass(
        "lymphocyte_atypical",
        "LYA",
        _LYMPH,
        "larger, irregular nucleus, wide cytoplasm that is bluer at its edge",
        "#8c2f74",
        (12, 20),
    ),
    CellClass(
        "smudge_cell",
        "KSC",
        _OTHER,
        "a burst cell: a smeared nucleus with neither cytoplasm nor border",
        "#7f7e7e",
        (12, 20),
    ),
)

CLASSES = tuple(cell.name for cell in CELL_CLASSES)
CODES = tuple(cell.code for cell in CELL_CLASSES)
CLASSES_11 = CLASSES[:11]
"""The public 11-class variant: without atypical lymphocytes, smudge cells and monoblasts (see `class_within`)."""

COARSE_CLASSES = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
"""Five coarse classes, for sets that do not subdivide neutrophils."""

COARSE = {
    "basophil": "basophil",
    "eosinophil": "eosinophil",
    "neutrophil_band": "neutrophil",
    "neutrophil_segmented": "neutrophil",
    "neutrophil": "neutrophil",
    "monocyte": "monocyte",
    "lymphocyte": "lymphocyte",
    "lymphocyte_typical": "lymphocyte",
    "lymphocyte_atypical": "lymphocyte",
}
"""Class -> coarse class; a class that is not a key has no coarse class and is left out."""

_CODE_OF = {cell.name: cell.code for cell in CELL_CLASSES} | {"neutrophil": "NEU"}
"""Class -> code; ``"NEU"`` is a neutrophil that is not subdivided. The coarse lymphocyte has no code."""

_MONOBLAST = "MOB"
"""Matek_19's label of 26 monoblasts: monocytes among the 13 classes, left out of the 11-class variant."""


def find_class(name: str, among: Sequence[str] = ()) -> str:
    """Return the class that a name or a three-letter code stands for, in any case.

    Spaces and hyphens are read as underscores.

    Parameters
    ----------
    name : str
        Such as ``"neutrophil_band"``, ``"Neutrophil band"`` or ``"ngb"``.
    among : sequence of str, default=()
        The classes that are possible here; none given: the 13 classes and the five coarse ones.

    Raises
    ------
    ValueError
        No such class; the error lists the possible ones.

    See Also
    --------
    find_classes : several at once.

    Examples
    --------
    >>> find_class("ngs"), find_class("Neutrophil-Band")
    ('neutrophil_segmented', 'neutrophil_band')
    """
    possible = tuple(among) or (*CLASSES, *(name for name in COARSE_CLASSES if name not in CLASSES))
    spellings = {_spelled(code): each for each, code in _CODE_OF.items() if each in possible}
    spellings |= {_spelled(each): each for each in possible}
    if not isinstance(name, str) or _spelled(name) not in spellings:
        raise ValueError(f"unknown class {name!r}; expected a name or code of {', '.join(map(_with_code, possible))}")
    return spellings[_spelled(name)]


def find_classes(names: Iterable[str], among: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the classes that several names or codes stand for, in the order given.

    Parameters
    ----------
    names : iterable of str
        Names or codes in any case, as `find_class` takes them.
    among : sequence of str, default=()
        The classes that are possible here; none given: the 13 classes and the five coarse ones.

    Raises
    ------
    ValueError
        An unknown class, none at all, one named twice, or a single string, which would be read letter by letter.

    Examples
    --------
    >>> find_classes(["bas", "Monocyte"])
    ('basophil', 'monocyte')
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise ValueError(f"classes are {names!r}; expected several names or codes, such as ('basophil', 'MON')")
    found = tuple(find_class(name, among) for name in names)
    if not found or len(set(found)) < len(found):
        raise ValueError(f"classes are {', '.join(found) or 'none'}; expected one or more, each once")
    return found


def class_within(label: str, classes: Sequence[str], native_label: str = "") -> str | None:
    """Return which of `classes` an image belongs to, or None where it has no place among them.

    This is the one place for the three rules: coarse classes take several of the 13 together (`COARSE`); the public
    11-class variant (`CLASSES_11`) has no monoblasts, which the 13 classes count among the monocytes; otherwise a class
    stands for itself.

    Parameters
    ----------
    label : str
        One of `CLASSES`, or the coarse ``"neutrophil"`` or ``"lymphocyte"``.
    classes : sequence of str
        `CLASSES`, `CLASSES_11`, `COARSE_CLASSES` or a part of them.
    native_label : str, default=""
        The label in the laboratory's own files.

    Examples
    --------
    >>> class_within("neutrophil_band", COARSE_CLASSES), class_within("smudge_cell", CLASSES_11)
    ('neutrophil', None)
    >>> class_within("monocyte", CLASSES, "MOB"), class_within("monocyte", CLASSES_11, "MOB")
    ('monocyte', None)
    """
    if set(classes) <= set(COARSE_CLASSES):
        label = COARSE.get(label, "")
    elif native_label == _MONOBLAST and set(classes) == set(CLASSES_11):
        return None
    return label if label in classes else None


def _spelled(text: str) -> str:
    """Reduce a spelling to what counts: no case, one underscore between words, one form of each letter."""
    return re.sub(r"[\s_-]+", "_", unicodedata.normalize("NFKC", text).strip().casefold())


def _with_code(name: str) -> str:
    return f"{name} ({_CODE_OF[name]})" if name in _CODE_OF else name
