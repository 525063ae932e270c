"""Archives: zip and tar unpacked so that nothing lands outside the target, nothing is a link, nothing explodes."""

import os
import re
import shutil
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tqdm import tqdm

from real_sets.errors import BadInput
from real_sets.names import folded, printable

__all__ = ["MAX_BYTES", "MAX_FILES", "MAX_RATIO", "unpack"]

MAX_BYTES = 64 * 2**30
MAX_FILES = 200_000
MAX_RATIO = 100
"""Unpacked over packed size; photographs hardly shrink, so more than this is a bomb."""
_FREE_OF_RATIO = 16 * 2**20
_BLOCK = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:(/|$)")


@dataclass(frozen=True)
class _Member:
    """One file of an archive: its clean relative path, its stated size, and how to read it."""

    path: str
    size: int
    open: Callable[[], IO[bytes]]


def _clean(name: str, archive: Path) -> str:
    """Return the member's path with forward slashes, or refuse the archive."""
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or _DRIVE.match(path):
        raise BadInput(f"{archive}: {name!r} is an absolute path; do not unpack it, fetch it from its source")
    if ".." in parts:
        raise BadInput(f"{archive}: {name!r} leads outside the target; do not unpack it, fetch it from its source")
    if not parts or printable(path) != path:
        raise BadInput(f"{archive}: {name!r} is no usable file name; fetch it from its source")
    if bad := next((letter for letter in path if letter in ':*?"<>|'), None):
        raise BadInput(f"{archive}: the name {name!r} holds {bad!r}, which Windows allows in no file name; unpack it "
                       "by a program of your own")  # fmt: skip
    return "/".join(parts)


def _refuse_special(name: str, what: str, archive: Path) -> None:
    raise BadInput(f"{archive}: {name!r} is a {what}; a set of pictures holds none, fetch it from its source")


def _zip_members(file: zipfile.ZipFile, archive: Path) -> Iterator[_Member]:
    """Yield the files of a zip; refuse links, devices and passwords."""
    for info in file.infolist():
        path = _clean(info.filename, archive)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind == stat.S_IFLNK:
            _refuse_special(info.filename, "link", archive)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            _refuse_special(info.filename, "device", archive)
        if info.flag_bits & 1:
            raise BadInput(f"{archive}: {info.filename!r} needs a password; fetch an archive without one")
        if not info.is_dir():
            yield _Member(path, info.file_size, lambda info=info: file.open(info))


def _tar_members(file: tarfile.TarFile, archive: Path) -> Iterator[_Member]:
    """Yield the files of a tar; refuse links and devices."""
    for number, info in enumerate(file):
        if number > 2 * MAX_FILES:
            raise BadInput(f"{archive}: more than {MAX_FILES:,} files; fetch it from its source")
        if info.isdir() and info.name in ("", "."):
            continue
        path = _clean(info.name, archive)
        if info.issym() or info.islnk():
            _refuse_special(info.name, "link", archive)
        if not (info.isreg() or info.isdir()):
            _refuse_special(info.name, "device", archive)
        if info.isreg():
            yield _Member(path, info.size, lambda info=info: file.extractfile(info))


def _check_plan(members: list[_Member], archive: Path, max_bytes: int) -> int:
    """Refuse too many files, too many bytes and names that collide; return the stated number of bytes."""
    if not members:
        raise BadInput(f"{archive}: holds no file; fetch it again")
    if len(members) > MAX_FILES:
        raise BadInput(f"{archive}: holds {len(members):,} files, the limit is {MAX_FILES:,}")
    _check_names(members, archive)
    total, packed = sum(member.size for member in members), max(archive.stat().st_size, 1)
    if total > max_bytes:
        raise BadInput(f"{archive}: would unpack to {total:,} bytes, the limit is {max_bytes:,}")
    if total > _FREE_OF_RATIO and total / packed > MAX_RATIO:
        raise BadInput(f"{archive}: would unpack to {total / packed:.0f} times its size, the limit is {MAX_RATIO}; "
                       "fetch it from its source")  # fmt: skip
    free = shutil.disk_usage(archive.parent).free
    if total > free:
        raise BadInput(f"{archive}: needs {total / 1e9:.1f} GB to unpack, {free / 1e9:.1f} GB are free; make room")
    return total


def _check_names(members: list[_Member], archive: Path) -> None:
    """Refuse names that are one file on some disks: other case, other accents, dots or blanks at the end."""
    seen: dict[str, str] = {}
    for member in members:
        key = "/".join(folded(part.rstrip(". ")) for part in member.path.split("/"))
        if key in seen:
            raise BadInput(f"{archive}: {seen[key]!r} and {member.path!r} are one file on some disks; "
                           "fetch it from its source")  # fmt: skip
        seen[key] = member.path
    for key, path in seen.items():
        parent = key.rpartition("/")[0]
        while parent:
            if parent in seen:
                raise BadInput(f"{archive}: {seen[parent]!r} is a file and the folder of {path!r}; "
                               "fetch it from its source")  # fmt: skip
            parent = parent.rpartition("/")[0]


def _write(members: list[_Member], total: int, folder: Path, archive: Path) -> None:
    """Write every member, never more bytes than it stated."""
    with tqdm(total=total, unit="B", unit_scale=True, desc=f"unpack {archive.name}", disable=None) as bar:
        for member in members:
            place = folder / member.path
            place.parent.mkdir(parents=True, exist_ok=True)
            left = member.size
            with member.open() as source, place.open("xb") as target:
                while block := source.read(min(_BLOCK, left + 1)):
                    left -= len(block)
                    if left < 0:
                        raise BadInput(f"{archive}: {member.path!r} is larger than it states; "
                                       "fetch it from its source")  # fmt: skip
                    target.write(block)
                    bar.update(len(block))
            if left:
                raise BadInput(f"{archive}: {member.path!r} is cut off; fetch the archive again")


def unpack(archive: Path, target: Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """Unpack a zip or tar into the new folder `target`, which appears only when whole.

    An archive whose only folder is named as `target` is not nested a second time.

    Parameters
    ----------
    archive : Path
        A zip, or a tar (also compressed).
    target : Path
        Must not exist yet.
    max_bytes : int
        Most bytes it may unpack to.

    Raises
    ------
    BadInput
        When the archive is damaged or holds what a set of pictures never holds; nothing is left behind.
    """
    if target.exists():
        raise BadInput(f"{target}: exists already; move it away to unpack {archive.name} again")
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                members = list(_zip_members(file, archive))
                _write(members, _check_plan(members, archive, max_bytes), folder, archive)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as file:
                members = list(_tar_members(file, archive))
                _write(members, _check_plan(members, archive, max_bytes), folder, archive)
        else:
            raise BadInput(f"{archive}: neither a zip nor a tar, or cut off; delete it and fetch it again")
        inner = [child for child in folder.iterdir() if child.name != "__MACOSX"]
        nested = len(inner) == 1 and inner[0].is_dir() and inner[0].name == target.name
        os.chmod(folder, 0o755)
        (inner[0] if nested else folder).rename(target)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, RuntimeError) as problem:
        raise BadInput(f"{archive}: damaged ({problem}); delete it and fetch it again") from problem
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target
