"""The prepared set on the disk: written beside its final place, renamed when whole, memory-mapped afterwards."""

import contextlib
import csv
import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from real_sets.problems import BadInput

__all__ = ["COLUMNS", "check_target", "digest_of", "leftovers", "new_folder", "write_images", "write_table"]

COLUMNS = ("id", "label", "domain", "group", "source_file", "native_label", "acquisition")
FILES = {"images.npy", "cells.csv", "set.json", "rejected.csv"}
_CHUNK = 1024


def check_target(out: Path, source: Path, *, overwrite: bool) -> None:
    """Refuse a target that would destroy something or be listed as its own source.

    Raises
    ------
    BadInput
        When `out` is a file, a non-empty folder, not a prepared set, or inside `source`.
    """
    here, there = out.resolve(), source.resolve()
    if here == there or there in here.parents or here in there.parents:
        raise BadInput(f"{out}: lies inside --source or holds it; choose an --out elsewhere")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise BadInput(f"{out}: exists and is no folder; choose another --out")
    content = {child.name for child in out.iterdir()} if out.is_dir() else set()
    if content and not overwrite:
        raise BadInput(f"{out}: is not empty; choose another --out, or --overwrite to replace a prepared set")
    if content - FILES:
        raise BadInput(f"{out}: holds {sorted(content - FILES)[0]}, so it is no prepared set and is not replaced; "
                       "choose another --out")  # fmt: skip


def leftovers(out: Path) -> list[str]:
    """Return a remark for each folder that a killed run left beside `out`."""
    found = sorted(out.parent.glob(f".{glob.escape(out.name)}.*.partial")) if out.parent.is_dir() else []
    return [f"{path} is what a killed run left; delete it unless that run still goes on" for path in found]


@contextlib.contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Give an empty folder beside `out`; on success it becomes `out`, otherwise it is removed."""
    out.parent.mkdir(parents=True, exist_ok=True)
    working = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".partial", dir=out.parent))
    try:
        try:
            yield working
        except OSError as problem:
            problem.filename = problem.filename or str(out)
            raise
        working.chmod(0o777 & ~_umask())
        old = working.with_suffix(".old")
        if out.exists():
            out.rename(old)
        try:
            working.rename(out)
        except BaseException:
            if old.exists():
                old.rename(out)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(working, ignore_errors=True)


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


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV in UTF-8; bytes of a file name that are no UTF-8 are written as escapes."""
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def digest_of(images: Path, labels: Sequence[str]) -> str:
    """Return the SHA-256 over the bytes of ``images.npy``, then the labels in row order, joined by line feeds."""
    digest = hashlib.sha256()
    with images.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    digest.update("\n".join(labels).encode())
    return digest.hexdigest()


def write_facts(path: Path, facts: dict) -> None:
    """Write ``set.json``."""
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
