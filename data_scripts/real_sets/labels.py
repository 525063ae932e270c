"""Labels: from what a laboratory or a user writes to the course's classes; nothing is ever guessed."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from real_sets.problems import BadInput
from wbc_tutorial.data.classes import CLASSES, CLASSES_11, COARSE, CODES

__all__ = ["LabelTable", "class_named", "keep_classes", "read_label_table"]

_SPELLINGS = {
    **{name.casefold(): name for name in CLASSES},
    **{code.casefold(): name for code, name in zip(CODES, CLASSES, strict=True)},
    "neutrophil": "neutrophil",
    "neu": "neutrophil",
    "lymphocyte": "lymphocyte",
}


def class_named(text: str) -> str | None:
    """Return the class of a name or three-letter code, also coarse ``"neutrophil"`` and ``"lymphocyte"``.

    Examples
    --------
    >>> class_named("NGB"), class_named("Monocyte"), class_named("white cell")
    ('neutrophil_band', 'monocyte', None)
    """
    return _SPELLINGS.get(text.strip().casefold())


def keep_classes(label: str, native: str, classes: int) -> str | None:
    """Return the label in the space of 13, 11 or 5 classes, or None when it has no place there."""
    if classes == 5:
        return COARSE.get(label)
    if classes == 11 and (label in CLASSES[len(CLASSES_11) :] or native == "MOB"):
        return None
    return label


@dataclass(frozen=True)
class LabelTable:
    """A user's table of labels.

    Attributes
    ----------
    path : Path
    per_file : bool
        True for columns ``file,label``, False for ``native,label``.
    labels : mapping
        File or folder name -> class, or None where the user dropped it.
    twice : mapping
        File -> the labels that contradict one another.
    """

    path: Path
    per_file: bool
    labels: Mapping[str, str | None]
    twice: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _rows(path: Path) -> list[dict[str, str]]:
    """Read the table's rows as text, or say why not."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, strict=True))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; --labels takes a CSV with the columns native,label") from None
    except (UnicodeDecodeError, csv.Error, IsADirectoryError) as problem:
        raise BadInput(f"{path}: not a readable CSV ({problem}); save it as CSV, UTF-8") from None


def read_label_table(path: Path) -> LabelTable:
    """Read a CSV with the columns ``native,label`` or ``file,label``; an empty label drops the row's images.

    Raises
    ------
    BadInput
        When the table cannot be read, or a label is not a class.
    """
    rows = _rows(path)
    columns = set(rows[0]) if rows else set()
    key = next((name for name in ("file", "native") if name in columns), None)
    if key is None or "label" not in columns:
        raise BadInput(f"{path}: expected the columns native,label (or file,label) and at least one row, "
                       f"found {sorted(map(str, columns)) or 'nothing'}")  # fmt: skip
    labels: dict[str, str | None] = {}
    twice: dict[str, tuple[str, ...]] = {}
    for line, row in enumerate(rows, start=2):
        name, text = (row[key] or "").strip(), (row["label"] or "").strip()
        if not name:
            raise BadInput(f"{path}, line {line}: the column {key} is empty; name a {key} or remove the line")
        if key == "file":
            name = name.replace("\\", "/").removeprefix("./")
        label = class_named(text) if text else None
        if text and label is None:
            raise BadInput(f"{path}, line {line}: unknown label {text!r}; use a name or code of "
                           f"wbc_tutorial.cells.CLASSES ({', '.join(CODES)}), neutrophil, lymphocyte or nothing"
                           )  # fmt: skip
        if name in labels and labels[name] != label:
            if key == "native":
                raise BadInput(f"{path}, line {line}: {name!r} has two labels, {labels[name]} and {label}; "
                               "keep one of the lines")  # fmt: skip
            twice[name] = (*twice.get(name, (str(labels[name]),)), str(label))
        labels.setdefault(name, label)
    return LabelTable(path, key == "file", labels, twice)
