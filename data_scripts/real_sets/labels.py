"""Labels: from what a laboratory or a user writes to the course's classes; nothing is ever guessed."""

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from real_sets.errors import BadInput
from real_sets.names import FileNames, folded
from real_sets.tables import read_table
from wbc_tutorial.data.classes import CLASSES, CLASSES_11, COARSE, CODES, find_class

__all__ = ["LabelTable", "Row", "class_named", "contradict", "keep_classes", "read_label_table"]


def class_named(text: str) -> str | None:
    """Return the class of a name or three-letter code, also coarse ``"neutrophil"`` (NEU) and ``"lymphocyte"``.

    Examples
    --------
    >>> class_named("NGB"), class_named("Monocyte"), class_named("white cell")
    ('neutrophil_band', 'monocyte', None)
    """
    if folded(text) == "neu":
        return "neutrophil"
    with contextlib.suppress(ValueError):
        return find_class(folded(text))
    return None


def keep_classes(label: str, native: str, classes: int) -> str | None:
    """Return the label in the space of 13, 11 or 5 classes, or None when it has no place there.

    The 11-class variant also lacks the monoblasts (``MOB``), which the 13 classes count as monocytes.
    """
    if classes == 5:
        return COARSE.get(label)
    if classes == 11 and (label in CLASSES[len(CLASSES_11) :] or native == "MOB"):
        return None
    return label


def contradict(first: str | None, second: str | None) -> bool:
    """Tell whether two labels of one picture cannot both be right; a coarse class holds its finer ones.

    Examples
    --------
    >>> contradict("neutrophil", "neutrophil_band"), contradict("neutrophil_segmented", "neutrophil_band")
    (False, True)
    """
    if first is None or second is None or first == second:
        return False
    coarse = COARSE.get(first)
    return coarse is None or coarse != COARSE.get(second) or coarse not in (first, second)


@dataclass(frozen=True)
class Row:
    """One line of a table of labels: its number, the file or folder it names, and the class (None: dropped)."""

    line: int
    name: str
    label: str | None


@dataclass(frozen=True)
class LabelTable:
    """A user's table of labels.

    Attributes
    ----------
    path : Path
    per_file : bool
        True for columns ``file,label``, False for ``native,label``.
    rows : sequence of Row
    notes : list of str
        What was unusual about the table.
    """

    path: Path
    per_file: bool
    rows: Sequence[Row]
    notes: list[str] = field(default_factory=list)

    def of_folder(self, name: str) -> list[Row]:
        """Return the rows that name a folder: by the same letters, else by other case or blanks."""
        same = [row for row in self.rows if row.name == name.strip()]
        return same or [row for row in self.rows if folded(row.name) == folded(name)]

    def of_files(self, files: Sequence[str]) -> tuple[dict[str, list[Row]], list[tuple[str, str]]]:
        """Match rows and files.

        Parameters
        ----------
        files : sequence of str
            Paths below the source, with forward slashes.

        Returns
        -------
        rows : dict
            File -> the rows that name it.
        unmatched : list of (str, str)
            Name in the table and why no label was taken from it.
        """
        names = FileNames(files)
        rows: dict[str, list[Row]] = defaultdict(list)
        unmatched: dict[str, str] = {}
        for row in self.rows:
            found = names.find(row.name)
            if len(found) == 1:
                rows[found[0]].append(row)
            elif found:
                unmatched[row.name] = (f"label without image: line {row.line} of {self.path.name} fits "
                                       f"{len(found)} files, such as {found[0]} and {found[1]}; write the folder and "
                                       "the ending, too")  # fmt: skip
            else:
                unmatched[row.name] = (f"label without image: {self.path.name} names it, but there is no such file; "
                                       "fetch it or remove the row")  # fmt: skip
        return dict(rows), list(unmatched.items())


def _label_of(path: Path, line: int, text: str) -> str | None:
    """Return the class a table's cell names; an empty cell drops the row's pictures."""
    label = class_named(text) if text else None
    if text and label is None:
        raise BadInput(f"{path}, line {line}: unknown label {text!r}; use a name or code of "
                       f"wbc_tutorial.CLASSES ({', '.join(CODES)}), neutrophil, lymphocyte or nothing")  # fmt: skip
    return label


def read_label_table(path: Path) -> LabelTable:
    """Read a table with the columns ``native,label`` or ``file,label``; an empty label drops the row's images.

    Raises
    ------
    BadInput
        When the table cannot be read, or a label is not a class.
    """
    table = read_table(path, lambda columns: "label" in columns and bool(columns & {"file", "native"}),
                       "the columns native,label (or file,label) and at least one row; --labels takes a CSV"
                       )  # fmt: skip
    if not table.rows:
        raise BadInput(f"{path}: expected the columns native,label (or file,label) and at least one row, found none")
    key = "file" if "file" in table.columns else "native"
    rows, labels = [], {}
    for line, cells in table.rows:
        name = cells[key]
        if not name:
            raise BadInput(f"{path}, line {line}: the column {key} is empty; name a {key} or remove the line")
        row = Row(line, name, _label_of(path, line, cells["label"]))
        if key == "native" and labels.setdefault(name, row.label) != row.label:
            raise BadInput(f"{path}, line {line}: {name!r} has two labels, {labels[name]} and {row.label}; "
                           "keep one of the lines")  # fmt: skip
        rows.append(row)
    return LabelTable(path, key == "file", rows, table.notes)
