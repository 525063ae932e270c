"""Vocabulary: the 13 classes of white blood cell and their facts."""

from dataclasses import dataclass

__all__ = ["CELL_CLASSES", "CLASSES", "CLASSES_11", "COARSE", "COARSE_CLASSES", "CODES", "LINEAGES"]
__all__ += ["CellClass", "class_names", "find_class"]


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
"""The public 11-class variant: without atypical lymphocytes and smudge cells."""

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

_SPELLINGS = {
    spelling.lower(): name
    for names in (((each.name, each.code) for each in CELL_CLASSES), ((name,) for name in COARSE_CLASSES))
    for name, *codes in names
    for spelling in (name, *codes)
}


def find_class(name: str) -> str:
    """Return the class that a name or a three-letter code in any case stands for.

    Spaces and hyphens are read as underscores.

    Parameters
    ----------
    name : str
        Such as ``"neutrophil_band"``, ``"Neutrophil band"`` or ``"ngb"``; a coarse class is found by its name.

    Raises
    ------
    ValueError
        No such class; the error lists those that there are.

    Examples
    --------
    >>> find_class("ngs"), find_class("Neutrophil-Band")
    ('neutrophil_segmented', 'neutrophil_band')
    """
    spelling = name.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(name, str) else name
    if not isinstance(name, str) or spelling not in _SPELLINGS:
        raise ValueError(f"unknown class {name!r}; expected a name or code of {', '.join(map(_both, CELL_CLASSES))}")
    return _SPELLINGS[spelling]


def class_names(names) -> tuple[str, ...]:
    """Return several classes by `find_class`; a single string is an error, since it would be read by letters."""
    if isinstance(names, str):
        raise ValueError(f"classes is the single string {names!r}; expected several, such as ({names!r},)")
    return tuple(find_class(name) for name in names)


def _both(cell: CellClass) -> str:
    return f"{cell.name} ({cell.code})"
