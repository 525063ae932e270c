"""One CSV that names a user's own cells: files, labels, laboratories, slides, micrometres per pixel, and boxes."""

import argparse
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from real_sets.errors import BadInput
from real_sets.labels import LabelTable, label_of
from real_sets.listing import Item, Listing, check_groups, reader_of, reason_by_name, walk
from real_sets.names import FileNames, printable, unusable_domain_name
from real_sets.pictures import LARGEST_SQUARE, Spot
from real_sets.tables import Table, read_table
from wbc_tutorial.data.laboratories import FIELD_UM

__all__ = ["COLUMNS", "cell_table", "read_columns"]

COLUMNS = ("file", "label", "domain", "group", "um_per_px", "x", "y", "w", "h")
"""What a table may say of a cell; file and label must be there."""
_BOX = ("x", "y", "w", "h")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}([.,' ]\d{3})*,\d{3}")
_SMALLEST_FIELD = 16.0


class _RowProblem(Exception):
    """Why one row gives no picture; the message is ``"<short reason>: <detail and fix>"``."""


def read_columns(text: str) -> dict[str, str]:
    """Read ``file=image,label=class``: what this program calls a column, and what the table calls it.

    Examples
    --------
    >>> read_columns("file=Image name,label=Class")
    {'file': 'image name', 'label': 'class'}
    """
    found: dict[str, str] = {}
    for pair in text.split(","):
        ours, equals, theirs = (part.strip().lower() for part in pair.partition("="))
        if not equals or not theirs or ours not in COLUMNS or ours in found:
            raise argparse.ArgumentTypeError(f"'{printable(pair)}' is no pair such as label=class; on the left stands "
                                             f"one of {', '.join(COLUMNS)}, each once")  # fmt: skip
        if theirs in found.values():
            raise argparse.ArgumentTypeError(f"the column '{printable(theirs)}' is named twice; name it once")
        found[ours] = theirs
    return found


def _number(row: Mapping[str, str], column: str) -> float:
    """Return the number in a cell of the table, also with a decimal comma."""
    text = row[column]
    try:
        if _THOUSANDS.fullmatch(text):  # 1,234 is 1234 or 1.234
            raise ValueError
        value = float(text.replace(",", ".") if "." not in text else text)
        if not abs(value) < 1e9:
            raise ValueError
    except ValueError:
        raise _RowProblem(f"bad number: {column} is {text!r}; write digits and a decimal point") from None
    return value


@dataclass
class _Pictures:
    """The pictures that a table may name: relative to one folder; with --images, as people write names, too."""

    root: Path
    search: bool

    @cached_property
    def _below(self) -> FileNames:
        return FileNames(file for file, _ in walk(self.root))

    def find(self, name: str) -> tuple[str, Path]:
        """Return (name, path) of the picture."""
        for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
            path = self.root / spelling
            if os.path.exists(path):  # False, too, for names that no file can have
                return spelling, path
        found = self._below.find(name) if self.search else []
        if len(found) > 1:
            raise _RowProblem(f"label not certain: the name fits {found[0]} and {found[1]}; write the folder, too")
        if not found:
            advice = "" if self.search else ", or name the folder of the pictures by --images"
            raise _RowProblem(f"label without image: there is no such file in {self.root}; fetch it{advice}")
        return found[0], self.root / found[0]


@dataclass(frozen=True)
class _Choices:
    """What the command line says of all rows."""

    path: Path
    labels: LabelTable | None
    domain: str | None
    um_per_px: float | None
    pad: bool
    classes: int
    field_um: float


def _read(path: Path, columns: Mapping[str, str]) -> Table:
    """Read the table and give its columns this program's names."""
    needed = {columns.get(name, name) for name in ("file", "label")} | set(columns.values())
    wanted = f"the columns {', '.join(sorted(needed))}; --columns file=...,label=... says how they are called"
    table = read_table(path, needed.issubset, wanted)
    if not table.rows:
        raise BadInput(f"{path}: holds no row below its first line; write one row a cell")
    names = {name: columns.get(name, name) for name in COLUMNS
             if columns.get(name, name) in table.columns
             and (name in columns or name not in columns.values())}  # fmt: skip
    box = [name for name in _BOX if name in names]
    if box and len(box) < len(_BOX):
        raise BadInput(f"{path}: a box needs the four columns x, y, w, h, found only {', '.join(box)}; add the others, "
                       "or say by --columns how they are called")  # fmt: skip
    rows = [(line, {name: row[names[name]] if name in names else "" for name in COLUMNS}) for line, row in table.rows]
    return Table(list(names), rows, table.notes)


def _label(row: Mapping[str, str], choices: _Choices) -> str:
    """Return the class of a row."""
    if not row["label"]:
        raise _RowProblem("no label: the row's label is empty; write one, or remove the row")
    label, reason = label_of(row["label"], choices.labels, choices.classes)
    if reason is not None:
        raise _RowProblem(reason)
    return label


def _domain(line: int, row: Mapping[str, str], choices: _Choices) -> str:
    """Return the laboratory of a row: its own, else --domain."""
    domain = unicodedata.normalize("NFC", row["domain"]) or choices.domain
    if not domain:
        raise BadInput(f"{choices.path}, line {line}: no laboratory is named; fill in the column domain, or use "
                       "--domain NAME")  # fmt: skip
    if problem := unusable_domain_name(domain):
        raise BadInput(f"{choices.path}, line {line}: the domain {domain!r} is no name for a laboratory: {problem}")
    return domain


def _square(line: int, row: Mapping[str, str], choices: _Choices) -> tuple[float | None, Spot, float | None]:
    """Return (side in pixels, where it lies, micrometres per pixel) of a row's square; no side: that of the box."""
    given = [name for name in _BOX if row[name]]
    if given and len(given) < len(_BOX):
        raise _RowProblem(f"box not whole: only {', '.join(given)} given; fill in x, y, w and h")
    um_per_px = _number(row, "um_per_px") if row["um_per_px"] else choices.um_per_px
    if um_per_px is None and not given:
        raise BadInput(f"{choices.path}, line {line}: {row['file']} has neither um_per_px nor a box (x, y, w, h), so "
                       "its scale is not known; fill them in, or use --um-per-px X")  # fmt: skip
    side, centre, extent = None, None, None
    if given:
        x, y, width, height = (_number(row, name) for name in _BOX)
        if width <= 0 or height <= 0:
            raise _RowProblem(f"bad box: {width:g}x{height:g} px; w and h are its width and height, above 0")
        centre, extent = (x + width / 2, y + height / 2), (width, height)
    if um_per_px is not None:
        side = choices.field_um / um_per_px if um_per_px > 0 else 0.0
        if not _SMALLEST_FIELD <= side <= LARGEST_SQUARE:
            raise _RowProblem(f"bad scale: um_per_px is {um_per_px:g}, so that {choices.field_um:g} um would be "
                              f"{side:.4g} pixels; give micrometres per pixel, such as 0.1")  # fmt: skip
    return side, Spot(centre, choices.pad, extent), um_per_px


def cell_table(cells: Path, *, images: Path | None, columns: Mapping[str, str], labels: LabelTable | None,
               domain: str | None, um_per_px: float | None, pad: bool, classes: int,
               field_um: float | None) -> Listing:  # fmt: skip
    """List the cells that a CSV names, one row a cell.

    Parameters
    ----------
    cells : Path
        The CSV.
    images : Path or None
        The folder that its files are relative to; None = the folder of the CSV.
    columns : mapping
        Our name of a column -> the table's, in small letters, where they differ.
    labels : LabelTable or None
        Native label -> class.
    domain, um_per_px : optional
        Used for rows that do not state their own.
    pad : bool
        Fill what lies outside of a picture with its background colour; otherwise such a cell is rejected.
    classes : {13, 11, 5}
    field_um : float or None
        Side of the square to keep, micrometres; default: the course's 25.

    Raises
    ------
    BadInput
        The table cannot be read, or it does not say the scale, the laboratory or all slides.
    """
    if labels is not None and labels.per_file:
        raise BadInput(f"{labels.path}: expected the columns native,label: the labels of files stand in {cells.name}")
    table = _read(cells, columns)
    choices = _Choices(cells, labels, domain, um_per_px, pad, classes, field_um or FIELD_UM)
    pictures = _Pictures(images or cells.parent, images is not None)
    listing = Listing(choices.field_um, pictures.root, notes=[*table.notes, *(labels.notes if labels else [])])
    boxes: Counter[str] = Counter()
    scales: dict[str, set[float | None]] = {}
    items = []
    for line, row in table.rows:
        name = row["file"] or f"line {line} of {cells.name}"
        try:
            if not row["file"]:
                raise _RowProblem("no file: the row names no picture; name one, or remove the row")
            lab = _domain(line, row, choices)
            crop, spot, scale = _square(line, row, choices)
            file, path = pictures.find(row["file"])
            name = file if spot.centre is None else f"{file}#{boxes[file]}"
            boxes[file] += 1
            if reason := reason_by_name(path.name, path):
                raise _RowProblem(reason)
            label = _label(row, choices)
        except _RowProblem as problem:
            listing.reject(name, str(problem))
            continue
        scales.setdefault(lab, set()).add(scale)
        items.append(Item(lab, name, row["label"], label, reader_of(path), row["group"], crop, spot=spot))
    check_groups(cells, items)
    listing.domains = {lab: {"px_per_um": 1 / min(found)} if len(found) == 1 and None not in found else {}
                       for lab, found in scales.items()}  # fmt: skip
    _note_scales(listing, scales)
    if set().union(*scales.values()) == {um_per_px}:  # one scale for all: it is compared with what the pictures state
        listing.um_per_px = um_per_px
    listing.items = items
    return listing


def _note_scales(listing: Listing, scales: Mapping[str, set[float | None]]) -> None:
    """Say which laboratories have several scales, and which have none."""
    for lab, found in scales.items():
        if None in found:
            listing.notes.append(f"{lab}: rows without um_per_px: the square of the box stands for "
                                 f"{listing.field_um:g} um there")  # fmt: skip
        known = sorted(scale for scale in found if scale is not None)
        if len(known) > 1:
            listing.notes.append(f"{lab}: {len(known)} scales, from {known[0]:g} to {known[-1]:g} um per px")
