"""Tables: a CSV as a spreadsheet may have saved it, whatever its delimiter and encoding, or an Excel workbook."""

import codecs
import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from real_sets.errors import BadInput
from real_sets.workbooks import OLD_WORKBOOK, WORKBOOK, lines_of_workbook

__all__ = ["Table", "read_table"]

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_MAX_BYTES = 256 * 2**20
_EXCEL_HINT = re.compile(r"\Asep=.(?=\r|\n)")
"""A first line that only tells Excel the delimiter."""


@dataclass
class Table:
    """A table that was read.

    Attributes
    ----------
    columns : list of str
        Names in small letters, without outer blanks.
    rows : list of (int, dict)
        The line's number in the file, and column -> text without outer blanks.
    notes : list of str
        What was unusual: another encoding, other delimiters.
    """

    columns: list[str]
    rows: list[tuple[int, dict[str, str]]]
    notes: list[str] = field(default_factory=list)


def _content_of(path: Path, wanted: str) -> bytes:
    """Return the file's bytes."""
    if not path.exists():
        raise BadInput(f"{path}: no such file; expected {wanted}")
    if not path.is_file():  # a folder, or a pipe that may never end
        raise BadInput(f"{path}: not a readable CSV, not even a file; expected {wanted}")
    if path.stat().st_size > _MAX_BYTES:
        raise BadInput(f"{path}: {path.stat().st_size:,} bytes are no table of labels; expected {wanted}")
    return path.read_bytes()


def _text_of(path: Path, content: bytes) -> tuple[str, str]:
    """Return the file's text and a remark about its encoding."""
    if content.startswith(OLD_WORKBOOK):
        raise BadInput(f"{path}: not a readable CSV, it is an Excel workbook of the old kind (.xls); save it as .xlsx "
                       "or as CSV")  # fmt: skip
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        remark = "" if encoding == "utf-8-sig" else f"it is not UTF-8 and was read as {encoding}"
        return text, remark
    raise BadInput(f"{path}: not a readable CSV, its bytes are no text; save it as CSV, UTF-8")


def _parse(path: Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    """Return (line number, fields) of every line that holds something; the fields lose their outer blanks."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    lines = []
    try:
        for fields in reader:
            if any(cell.strip() for cell in fields):
                lines.append((reader.line_num, [cell.strip() for cell in fields]))
    except csv.Error as problem:
        raise BadInput(f"{path}, line {reader.line_num}: not a readable CSV ({problem}); save it as CSV, UTF-8"
                       ) from None  # fmt: skip
    return lines


def _lines_of_csv(path: Path, content: bytes, fits: Callable[[set[str]], bool], wanted: str
                  ) -> tuple[list[tuple[int, list[str]]], list[str], str]:  # fmt: skip
    """Return the lines of a CSV, (line number, fields), what was unusual about it, and its delimiter."""
    text, remark = _text_of(path, content)
    text = _EXCEL_HINT.sub("", text)
    first = next((line for line in text.splitlines() if line.strip()), "")
    for delimiter in _DELIMITERS:
        columns = [cell.strip().lower() for cell in next(csv.reader([first], delimiter=delimiter), [])]
        if fits(set(columns)):
            break
    else:
        likely = max(_DELIMITERS, key=first.count)
        found = sorted(cell.strip() for cell in next(csv.reader([first], delimiter=likely), []))
        raise BadInput(f"{path}: expected {wanted}, found {found or 'nothing'}")
    remarks = [remark] if remark else []
    if delimiter != ",":
        remarks.append(f"its fields are separated by {_DELIMITERS[delimiter]}")
    return _parse(path, text, delimiter), remarks, delimiter


def read_table(path: Path, fits: Callable[[set[str]], bool], wanted: str) -> Table:
    """Read a CSV that was saved with commas, semicolons, tabs or bars, in UTF-8, UTF-16 or Windows' cp1252.

    An Excel workbook (.xlsx) is read, too, where openpyxl is installed: its first sheet that has the columns.

    Parameters
    ----------
    path : Path
    fits : callable
        Says whether a set of column names, in small letters, is what is wanted.
    wanted : str
        The same in words, for messages.

    Raises
    ------
    BadInput
        No such file, not a table, or other columns.
    """
    content, delimiter = _content_of(path, wanted), None
    if content.startswith(WORKBOOK):
        lines, remark = lines_of_workbook(path, content, fits, wanted)
        remarks = [remark]
    else:
        lines, remarks, delimiter = _lines_of_csv(path, content, fits, wanted)
    columns = [cell.lower() for cell in lines[0][1]]
    doubled = sorted({column for column in columns if column and columns.count(column) > 1})
    if doubled:
        raise BadInput(f"{path}: the column {doubled[0]!r} stands there twice; keep one of them")
    rows = []
    for line, fields in lines[1:]:
        if any(fields[len(columns) :]):
            fix = f"put a text that holds {delimiter!r} into quotes" if delimiter else "give each column a name"
            raise BadInput(f"{path}, line {line}: {len(fields)} fields, but the first line has {len(columns)}; {fix}")
        rows.append((line, dict(zip(columns, [*fields, *[""] * len(columns)], strict=False))))
    return Table(columns, rows, [f"{path.name}: {remark}" for remark in remarks])
