"""The prepared set on the disk: written beside its final place, renamed when whole, memory-mapped afterwards."""

import contextlib
import csv
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from real_sets.errors import BadInput
from real_sets.locks import alone
from real_sets.names import escaped, printable

__all__ = ["COLUMNS", "FORMAT", "check_target", "copies_beside", "digest_of", "leftovers", "new_set", "rejected_of",
           "write_facts", "write_images", "write_table"]  # fmt: skip

COLUMNS = ("id", "label", "domain", "group", "source_file", "native_label", "acquisition", "pixel_digest")
FILES = {"images.npy", "cells.csv", "set.json", "rejected.csv"}
FORMAT = "wbc_tutorial prepared set"
_CHUNK = 1024


def check_target(out: Path, source: Path, *, overwrite: bool) -> None:
    """Refuse a target that would destroy something, or be listed as its own source.

    Raises
    ------
    BadInput
        When `out` is a file, a folder that is not empty and no prepared set, inside `source`, or inside a prepared
        set or a folder of results.
    """
    here, there = out.resolve(), source.resolve()
    if here == there or there in here.parents or here in there.parents:
        raise BadInput(f"{out}: lies inside --source or holds it; choose an --out elsewhere")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise BadInput(f"{out}: exists and is no folder; choose another --out")
    for above in here.parents:
        if kind := _what_is(above):
            raise BadInput(f"{out}: lies inside {above}, which is {kind}; choose an --out elsewhere")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not overwrite:
        kind = _what_is(out)
        raise BadInput(f"{out}: is not empty{f' ({kind})' if kind else ''}; choose another --out, or --overwrite to "
                       "replace a prepared set")  # fmt: skip
    _check_replaceable(out)


def _what_is(folder: Path) -> str:
    """Name what a folder holds when the course's commands wrote it."""
    if (folder / "cells.csv").is_file() and (folder / "set.json").is_file():
        return "a prepared set"
    if (folder / "settings.json").is_file() and (folder / "results.csv").is_file():
        return "a folder of results"
    return ""


def _check_replaceable(out: Path) -> bytes:
    """Return the set's ``set.json`` when `out` is a prepared set and nothing else, so that it may be replaced."""
    other = sorted({child.name for child in out.iterdir()} - FILES)
    if other:
        raise BadInput(f"{out}: holds {other[0]}, so it is no prepared set and is not replaced; choose another --out")
    try:
        content = (out / "set.json").read_bytes()
        known = json.loads(content)
    except (OSError, ValueError):
        known = None
    if not isinstance(known, dict) or not str(known.get("format", "")).startswith(FORMAT):
        raise BadInput(f"{out}: its set.json is missing or damaged, so it is not known for a prepared set and is not "
                       "replaced; delete the folder, or choose another --out")  # fmt: skip
    return content


def leftovers(out: Path) -> list[str]:
    """Return a remark for each folder that a killed run left beside `out`."""
    found = sorted(out.parent.glob(f".{glob.escape(out.name)}.*.partial")) if out.parent.is_dir() else []
    return [f"{path} is what a killed run left; delete it unless that run still goes on" for path in found]


@contextlib.contextmanager
def new_set(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give an empty folder beside `out`; on success it becomes `out`, otherwise it is removed.

    The lock refuses a second run for the same place early; nothing depends on it. What stands at `out` is looked at
    again at the moment of the rename: what appeared there meanwhile is never touched. With `overwrite`, a set is
    replaced only when it is the very one that stood there at the start.

    Raises
    ------
    BadInput
        Another run works for the same place, or something appeared there; the new set is then removed.
    """
    made = [folder for folder in out.parents if not folder.exists()]
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with alone(out):
            before = _check_replaceable(out) if overwrite and out.is_dir() and any(out.iterdir()) else None
            working = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
            try:
                try:
                    yield working
                except OSError as problem:
                    problem.filename = problem.filename or str(out)
                    raise
                working.chmod(0o777 & ~_umask())
                _put_in_place(working, out, before)
            finally:
                shutil.rmtree(working, ignore_errors=True)
    except BaseException:
        for folder in made:  # those that this run made and that are still empty
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


def _put_in_place(working: Path, out: Path, before: bytes | None) -> None:
    """Rename the whole new set to its final name; `before` is the set.json of the set that may be replaced."""
    old = working.with_suffix(".old")
    if before is not None:
        if _check_replaceable(out) != before:
            raise BadInput(f"{out}: another set was put there while this one was prepared; it is kept; run again")
        out.rename(old)
        if {child.name for child in old.iterdir()} - FILES:  # put there between the look and the rename
            old.rename(out)
            raise BadInput(f"{out}: something was put there while the set was prepared; it is kept; run again")
    try:
        if out.is_dir():
            out.rmdir()  # removes only an empty folder
        os.rename(working, out)  # fails where a folder that is not empty stands
    except BaseException as problem:
        if before is not None and not out.exists():
            old.rename(out)
        if not isinstance(problem, OSError):
            raise
        raise BadInput(f"{out}: something was put there while the set was prepared; it is kept, and the new set is not "
                       f"({problem.strerror}); choose another --out") from problem  # fmt: skip
    if before is not None:
        for name in FILES:
            (old / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # something else was put there at the last moment: it stays
            old.rmdir()


def _umask() -> int:
    """Return the process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_images(path: Path, scratch: Path, rows: Sequence[int], size: int) -> None:
    """Write `rows` of the raw pixels in `scratch` as one .npy file, uint8 (N, S, S, 3), without loading it whole."""
    shape = (len(rows), size, size, 3)
    raw = np.memmap(scratch, dtype=np.uint8, mode="r").reshape(-1, size, size, 3)
    order = np.asarray(rows, dtype=np.int64)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        for start in range(0, len(order), _CHUNK):
            file.write(raw[order[start : start + _CHUNK]].tobytes())
        file.flush()
        os.fsync(file.fileno())
    del raw


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]], *, names: Sequence[str] = ()
                ) -> None:  # fmt: skip
    r"""Write a CSV in UTF-8, one line a row: control characters in names and reasons become escapes.

    Parameters
    ----------
    path : Path
    columns : sequence of str
    rows : sequence of sequences
    names : sequence of str, default=()
        Columns of file names, where ``\`` itself becomes ``\\``, so that every name can be told from what is written.
    """
    writers = [escaped if column in names else printable for column in columns]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([write(str(cell)) for write, cell in zip(writers, row, strict=True)] for row in rows)


def digest_of(images: Path, rows: Sequence[tuple[str, str, str]]) -> str:
    r"""Return the SHA-256 over ``images.npy`` and, for each image, ``\nlabel\tdomain\tgroup``."""
    with images.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    for row in rows:
        digest.update(("\n" + "\t".join(printable(cell) for cell in row)).encode())
    return digest.hexdigest()


def write_facts(path: Path, facts: dict) -> None:
    """Write ``set.json``."""
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def copies_beside(out: Path, cells: Sequence[tuple[str, str]]) -> list[str]:
    """Return a remark for each laboratory in the sets beside `out` that has images of another laboratory here.

    Only sets of the same size and field can be compared. A laboratory that shares images with a training laboratory
    is no test of an unseen one.

    Parameters
    ----------
    out : Path
        Where this set will lie.
    cells : sequence of (str, str)
        Laboratory and pixel digest of each image of this set.
    """
    totals, found = Counter(domain for domain, _ in cells), []
    for path in sorted(out.resolve().parent.glob("*/cells.csv")):
        if path.parent == out.resolve() or path.parent.name.startswith("."):
            continue
        theirs = _laboratories_of(path)
        shared = Counter((domain, other) for domain, digest in cells for other in theirs.get(digest, ())
                         if other != domain)  # fmt: skip
        found += [f"{count:,} of {totals[domain]:,} images of {domain} are also images of {other} (in "
                  f"{path.parent.name}): where one of the two is trained on, the other is no unseen laboratory"
                  for (domain, other), count in shared.items()]  # fmt: skip
    return found


def _laboratories_of(cells: Path) -> dict[str, set[str]]:
    """Return pixel digest -> laboratories, of a set's ``cells.csv``; a damaged neighbour stops nobody."""
    found: dict[str, set[str]] = defaultdict(set)
    try:
        with cells.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row.get("pixel_digest"):
                    found[row["pixel_digest"]].add(row.get("domain") or "")
    except (OSError, ValueError, csv.Error):
        return {}
    return found


def rejected_of(folder: Path) -> list[tuple[str, str]]:
    """Return (file, reason) of what was left out of a prepared set; nothing where ``rejected.csv`` cannot be read."""
    try:
        with (folder / "rejected.csv").open(encoding="utf-8", newline="") as file:
            return [(row.get("file") or "", row.get("reason") or "") for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error):
        return []
