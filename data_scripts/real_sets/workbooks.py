"""Excel workbooks: the lines of the sheet that holds a table, as text, by openpyxl where it is installed."""

import datetime
import io
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from real_sets.errors import BadInput
from real_sets.plain_xml import refuse_document_type

__all__ = ["OLD_WORKBOOK", "WORKBOOK", "lines_of_workbook"]

WORKBOOK = b"PK\x03\x04"
"""How a workbook (.xlsx) begins: it is a zip of XML files."""
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
"""How a workbook of Excel 97 to 2003 (.xls) begins."""
_MAX_UNPACKED = 256 * 2**20
_SAVE_AS_CSV = "or save it as CSV"


def _load(path: Path, content: bytes):
    """Open the workbook without its formulas, sheet by sheet, after looking at what the zip holds."""
    try:
        import openpyxl
    except ImportError:
        raise BadInput(f"{path}: to read an Excel workbook, the package openpyxl is missing: in the folder that holds "
                       f'README.md, run python -m pip install -e ".[excel]", {_SAVE_AS_CSV}') from None  # fmt: skip
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if (total := sum(member.file_size for member in archive.infolist())) > _MAX_UNPACKED:
                raise ValueError(f"it unpacks to {total:,} bytes, the limit is {_MAX_UNPACKED:,}")
            for member in archive.infolist():
                if member.filename.lower().endswith((".xml", ".rels")):
                    refuse_document_type(archive.read(member))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and drop-down lists, which are not read
            return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except Exception as problem:  # a damaged workbook raises almost anything
        raise _unreadable(path, problem) from problem


def _unreadable(path: Path, problem: Exception) -> BadInput:
    text = " ".join(str(problem).split()) or type(problem).__name__
    return BadInput(f"{path}: not a readable Excel workbook ({text}); save it again as .xlsx, {_SAVE_AS_CSV}")


def _text(value: object) -> str:
    """Return a cell as it stands in a CSV: whole numbers without a point, dates without a time that nobody wrote."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value).strip()


def _lines(sheet) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, fields) of every row that holds something; empty cells at its end are left away."""
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        fields = [_text(value) for value in row]
        while fields and not fields[-1]:
            fields.pop()
        if fields:
            yield number, fields


def lines_of_workbook(path: Path, content: bytes, fits: Callable[[set[str]], bool], wanted: str
                      ) -> tuple[list[tuple[int, list[str]]], str]:  # fmt: skip
    """Return the lines, (row number, fields), of the first sheet whose first line fits, and a remark about the sheet.

    Parameters
    ----------
    path : Path
        For messages.
    content : bytes
        The whole file.
    fits : callable
        Says whether a set of column names, in small letters, is what is wanted.
    wanted : str
        The same in words, for messages.

    Raises
    ------
    BadInput
        openpyxl is missing, the workbook cannot be read, or no sheet has the columns.
    """
    book = _load(path, content)
    try:
        heads = {}
        for sheet in book.worksheets:
            lines = _lines(sheet)
            first = next(lines, None)
            if first and fits({name.lower() for name in first[1]}):
                more = f"; its other sheets were not read: {len(book.sheetnames) - 1}" if book.sheetnames[1:] else ""
                return [first, *lines], f"the sheet {sheet.title!r} of the workbook was read{more}"
            heads[sheet.title] = sorted(first[1]) if first else []
    except Exception as problem:
        raise _unreadable(path, problem) from problem
    finally:
        book.close()
    found = "; ".join(f"sheet {title!r}: {names or 'nothing'}" for title, names in list(heads.items())[:4])
    raise BadInput(f"{path}: expected {wanted} in the first line of a sheet, found {found or 'no sheet'}")
