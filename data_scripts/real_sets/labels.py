"""Labels: from what a laboratory or a user writes to the course's classes; nothing is ever guessed."""

import contextlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from real_sets.errors import BadInput
from real_sets.names import FileNames, folded
from real_sets.tables import read_table
from wbc_tutorial.data.classes import CLASSES_11, COARSE, COARSE_CLASSES, CODES, class_within, find_class

__all__ = ["LabelTable", "Matches", "Row", "class_named", "contradict", "keep_classes", "label_of", "read_label_table"]


@cache
def class_named(text: str) -> str | None:
    """Return the class of a name or three-letter code, also coarse ``"neutrophil"`` and ``"lymphocyte"``, or None.

    Examples
    --------
    >>> class_named("NGB"), class_named("Monocyte"), class_named("white cell")
    ('neutrophil_band', 'monocyte', None)
    """
    with contextlib.suppress(ValueError):
        return find_class(folded(text))
    return None


def keep_classes(label: str, native: str, classes: int) -> str | None:
    """Return the label in the space of 13, 11 or 5 classes, or None when it has no place there.

    The 13 classes are kept as they are, coarse ``"neutrophil"`` and ``"lymphocyte"`` among them; the rules for the
    others are the library's own, so that a set says the same whether it was prepared or loaded for 11 classes.
    """
    if classes == 13:
        return label
    return class_within(label, CLASSES_11 if classes == 11 else COARSE_CLASSES, native)


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
        exact, alike = self._by_name
        return exact.get(name.strip()) or alike.get(folded(name), [])

    @cached_property
    def _by_name(self) -> tuple[dict[str, list[Row]], dict[str, list[Row]]]:
        """Name -> rows, once by the same letters and once by `folded`."""
        exact, alike = defaultdict(list), defaultdict(list)
        for row in self.rows:
            exact[row.name].append(row)
            alike[folded(row.name)].append(row)
        return dict(exact), dict(alike)

    def of_files(self, files: Sequence[str]) -> "Matches":
        """Match the rows of a table of files with the files below the source."""
        names, matches = FileNames(files), Matches()
        for row in self.rows:
            found = names.find(row.name)
            if len(found) == 1:
                matches.rows[found[0]].append(row)
            for file in found if len(found) > 1 else ():
                other = found[1] if file == found[0] else found[0]
                matches.unsure[file] = (f"label not certain: line {row.line} of {self.path.name} fits this file and "
                                        f"{other}; write the folder and the ending there, too")  # fmt: skip
            if not found:
                matches.missing[row.name] = (f"label without image: {self.path.name} names it, but there is no such "
                                             "file; fetch it or remove the row")  # fmt: skip
        return matches


@dataclass(frozen=True)
class Matches:
    """What a table of files says of the files that are there.

    Attributes
    ----------
    rows : dict
        File -> the rows that name it.
    unsure : dict
        File -> why a row that fits several files gives it no label.
    missing : dict
        Name in the table -> the reason, where there is no such file.
    """

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    unsure: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


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
                       "the columns native,label (or file,label) and at least one row")  # fmt: skip
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


def label_of(native: str, table: LabelTable | None, classes: int) -> tuple[str | None, str | None]:
    """Return (class, reason) of a native label: by the table where it names the label, else by the course's names.

    Parameters
    ----------
    native : str
    table : LabelTable or None
        With the columns ``native,label``.
    classes : {13, 11, 5}
    """
    rows = table.of_folder(native) if table else []
    if len({row.label for row in rows}) > 1:
        return None, f"two labels: {table.path.name} gives {native} more than one; keep one"
    if rows and rows[0].label is None:
        return None, f"dropped label {native}: empty in {table.path.name}"
    label = rows[0].label if rows else class_named(native)
    if label is None:
        return None, f"unknown label: {native}; use a class or code of wbc_tutorial.CLASSES, or --labels MAP.csv"
    kept = keep_classes(label, native, classes)
    return kept, None if kept else f"outside {classes} classes: {label}; use --classes 13 to keep it"
