"""The three files of a prepared set, each read and checked: one clear error that names the file and the fix."""

import csv
import hashlib
import io
import json
import reprlib
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

__all__ = ["images_digest", "read_cells", "read_facts", "read_images"]

_WHOLE_BELOW = 200_000_000
"""Bytes: an images.npy that is smaller is read whole for its digest, a larger one in samples."""

_SAMPLED_ROWS = 2000
_BLOCK = 1 << 20
_AGAIN = "prepare the set again with data_scripts/prepare.py"

FORMAT = "wbc_tutorial prepared set 1"
"""What ``set.json`` says of itself."""


def _damaged(path: Path, what: object) -> ValueError:
    """Return the error of a file that is not what prepare.py wrote."""
    return ValueError(f"{path}: {' '.join(str(what).split())}; {_AGAIN}")


def _unreadable(path: Path, error: OSError) -> ValueError:
    return ValueError(f"{path}: cannot be read ({error.strerror or error}); check that it is a file you may read")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is missing: a prepared set holds images.npy, cells.csv and set.json; "
            "make one with data_scripts/prepare.py"
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def read_images(path: Path) -> np.memmap:
    """Open ``images.npy`` as a memory map, uint8 (N, S, S, 3); no image is read.

    Parameters
    ----------
    path : path

    Raises
    ------
    FileNotFoundError, ValueError
        Missing, damaged, or another kind of array. Pickled objects are never loaded.
    """
    if not path.exists():
        _content(path)
    try:
        stack = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        raise _unreadable(path, error) from None
    except Exception as error:  # a header that was cut or tampered with raises almost anything
        reason = error if isinstance(error, ValueError) else "its header is damaged"
        raise _damaged(path, f"is no array of images ({reason})") from None
    shape = stack.shape
    if stack.dtype != np.uint8 or len(shape) != 4 or shape[1] != shape[2] or shape[3] != 3 or not stack.size:
        raise _damaged(path, f"holds {stack.dtype} {shape}, expected uint8 (N, S, S, 3) with one or more images")
    if not stack.flags.c_contiguous:
        raise _damaged(path, "is stored column by column (Fortran order), expected row by row (C order)")
    if path.stat().st_size != stack.offset + stack.nbytes:
        raise _damaged(path, f"has {path.stat().st_size:,} bytes, expected {stack.offset + stack.nbytes:,}")
    return stack


def images_digest(path: Path) -> str:
    """Return 64 hexadecimal digits that change with the shape and the pixels of ``images.npy`` (SHA-256).

    An array below 200 MB is read whole, at about 1 GB a second. Of a larger one, 2,000 images are read, evenly spaced,
    the first and the last among them: this notices another set of images, but it can miss a change in one image. The
    file is read block by block, so that it takes no memory.

    Parameters
    ----------
    path : path
        An array as `read_images` takes it.

    Raises
    ------
    FileNotFoundError, ValueError
        As `read_images`.
    """
    stack = read_images(path)
    sha = hashlib.sha256(repr(stack.shape).encode())
    with path.open("rb", buffering=0) as file:
        for start, length in _spans(len(stack), stack.nbytes // len(stack), stack.offset):
            file.seek(start)
            left = length
            while left > 0:
                block = file.read(min(left, _BLOCK))
                if not block:
                    raise _damaged(path, "was cut while it was read")
                sha.update(block)
                left -= len(block)
    return sha.hexdigest()


def _spans(rows: int, row_bytes: int, offset: int) -> Iterator[tuple[int, int]]:
    """Yield (start, length) in bytes of what is read for the digest."""
    if rows * row_bytes < _WHOLE_BELOW or rows <= _SAMPLED_ROWS:
        yield offset, rows * row_bytes
        return
    for row in np.linspace(0, rows - 1, _SAMPLED_ROWS).round().astype(int).tolist():
        yield offset + row * row_bytes, row_bytes


def read_facts(path: Path) -> dict:
    """Read ``set.json`` and check the types of what the library uses.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict
        As written. Of the checked entries ``size`` and ``n_images`` are whole numbers, ``um_per_px`` and ``field_um``
        are numbers above 0, ``digest`` and ``images_digest`` are str; each may be missing or None.

    Raises
    ------
    FileNotFoundError, ValueError
        Missing, no JSON object, of another format, or an entry of the wrong type.
    """
    try:
        facts = json.loads(_content(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"is no JSON ({error})") from None
    if not isinstance(facts, dict):
        raise _damaged(path, f"holds {type(facts).__name__} where an object with named entries is expected")
    kind = facts.get("format")
    if kind is not None and kind != FORMAT:
        later = isinstance(kind, str) and kind.startswith(FORMAT.rstrip("0123456789"))
        fix = "install a newer wbc_tutorial" if later else _AGAIN
        raise ValueError(f"{path}: the format is {reprlib.repr(kind)}, expected {FORMAT!r}; {fix}")
    for name in ("size", "n_images"):
        if (value := facts.get(name)) is not None and not (isinstance(value, int) and _positive(value)):
            raise _damaged(path, f"{name} is {reprlib.repr(value)}, expected a whole number, 1 or more")
    for name in ("um_per_px", "field_um"):
        if (value := facts.get(name)) is not None and not _positive(value):
            raise _damaged(path, f"{name} is {reprlib.repr(value)}, expected a number of micrometres above 0")
    for name in ("digest", "images_digest"):
        if not isinstance(value := facts.get(name) or "", str):
            raise _damaged(path, f"{name} is {reprlib.repr(value)}, expected text")
    return facts


def _positive(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 < value < 1e9


def read_cells(path: Path, columns: Sequence[str] = ("id", "label", "domain", "group")) -> pd.DataFrame:
    """Read ``cells.csv`` as text, one row per image, in the order of the file.

    Parameters
    ----------
    path : path
    columns : sequence of str, default=("id", "label", "domain", "group")
        Columns that must be there; other columns are read as well.

    Returns
    -------
    DataFrame of str
        In the columns asked for, and in ``native_label``, blanks around a text are removed and letters with accents
        are brought to one form (NFC), since file systems and spreadsheets write them differently.

    Raises
    ------
    FileNotFoundError, ValueError
        Missing, or no such table: another encoding, semicolons, missing columns, rows of different lengths.
    """
    content = _content(path)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _damaged(path, "is not in UTF-8, the encoding that prepare.py writes") from None
    if "\0" in text:
        raise _damaged(path, "holds NUL bytes, so it is damaged or in another encoding than UTF-8")
    try:
        head, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    except (csv.Error, ValueError) as error:  # ValueError: not even a header
        raise _damaged(path, f"is no table ({error})" if text.strip() else "is empty") from None
    head = [name.strip() for name in head]
    missing = [name for name in columns if name not in head]
    if missing:
        semicolons = " (it is separated by semicolons, expected commas)" if ";" in ",".join(head) else ""
        raise _damaged(path, f"lacks the columns {', '.join(missing)}{semicolons}")
    if len(set(head)) < len(head):
        raise _damaged(path, f"names a column twice in {', '.join(head)}")
    rows = [row for row in rows if row]  # a spreadsheet may leave empty lines at the end
    for line, row in enumerate(rows, start=2):
        if len(row) != len(head):
            raise _damaged(path, f"row {line} has {len(row)} entries, expected {len(head)} as in the header")
    table = pd.DataFrame(rows, columns=head, dtype=object)
    for name in {*columns, "native_label"} & set(head):
        table[name] = [unicodedata.normalize("NFC", text.strip()) for text in table[name]]
    return table
