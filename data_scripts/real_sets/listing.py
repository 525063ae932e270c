"""Listing: which files of a folder are pictures, and what every layout says of the pictures that it found."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from real_sets.errors import BadInput
from real_sets.names import SUFFIXES
from real_sets.pictures import MAX_BYTES, Spot, Unusable
from wbc_tutorial.data.laboratories import Laboratory

__all__ = ["Item", "Listing", "check_groups", "facts_of", "find_root", "reader_of", "reason_by_name", "walk"]

_MOST_LINKS = 20
"""A folder that links lead to more often than this is a maze, not a set."""


@dataclass(frozen=True)
class Item:
    """One picture that has a label.

    Attributes
    ----------
    domain, file, native_label, label, group : str
        ``native_label`` is the laboratory's own name for the class, ``group`` what must stay in one fold.
    load : callable
        Gives the file's bytes, or the pixels where they are stored as an array; None once it was read.
    crop : float or None
        Side of the square to keep, native pixels; None = `share` of the whole side, or what `spot` says.
    centre : (float, float) or None
        Centre of that square, as shares of width and height; None = the picture's centre.
    native, original : (int, int) or None
        The size this set's pictures must have; the size before an earlier crop.
    spot : Spot or None
        Where the square lies, as a user says; `centre` and `share` are then not looked at.
    """

    domain: str
    file: str
    native_label: str
    label: str
    load: Callable[[], bytes | np.ndarray] | None
    group: str = ""
    crop: float | None = None
    share: float = 1.0
    centre: tuple[float, float] | None = None
    native: tuple[int, int] | None = None
    original: tuple[int, int] | None = None
    spot: Spot | None = None


@dataclass
class Listing:
    """What a layout found: pictures to read, files rejected by name or label, and remarks for the user."""

    field_um: float
    root: Path | None = None
    items: Iterable[Item] = ()
    rejected: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    domains: dict[str, dict] = field(default_factory=dict)
    expected: dict[str, set[str]] = field(default_factory=dict)
    um_per_px: float | None = None

    def reject(self, file: str, reason: str) -> None:
        """Leave a file out, with the reason."""
        self.rejected.append((file, reason))


def facts_of(laboratory: Laboratory) -> dict:
    """Return what is known of a laboratory, for ``set.json``."""
    names = ("title", "image_px", "px_per_um", "stain", "scanner", "licence", "citation", "source")
    return {name: getattr(laboratory, name) for name in names}


def check_groups(table: Path, items: Iterable[Item]) -> None:
    """Refuse a laboratory where only some cells have a slide: the others would slip from one fold to another."""
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        groups[item.domain].append(item)
    for domain, here in groups.items():
        blank = [item.file for item in here if not item.group]
        if 0 < len(blank) < len(here):
            raise BadInput(f"{table}: {len(blank):,} of {len(here):,} rows of {domain} have no group, such as "
                           f"{blank[0]}; fill in the slide or patient of all of them, or of none")  # fmt: skip


def _cannot_list(problem: OSError) -> None:
    """Stop at a folder that cannot be listed: its pictures would go missing without a word."""
    raise BadInput(f"{problem.filename}: {problem.strerror}; give yourself the right to list this folder")


def walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name relative to `root`, path) of everything that is no folder, sorted.

    Linked folders are followed, so that a picture which two folders show is seen in both; a link to a folder above
    itself is not.
    """
    above = {os.fspath(root): (os.path.realpath(root),)}  # folder -> the real paths on the way to it
    visits: dict[str, int] = {}
    found = []
    for place, folders, files in os.walk(root, onerror=_cannot_list, followlinks=True):
        way = above.pop(place)
        visits[way[-1]] = visits.get(way[-1], 0) + 1
        if visits[way[-1]] > _MOST_LINKS:
            raise BadInput(f"{place}: links lead to this folder more than {_MOST_LINKS} times; remove the links")
        for name in list(folders):
            real = os.path.realpath(os.path.join(place, name))
            if real in way:
                folders.remove(name)
            else:
                above[os.path.join(place, name)] = (*way, real)
        found += [Path(place, name) for name in files]
    yield from sorted((path.relative_to(root).as_posix(), path) for path in found)


def reason_by_name(name: str, path: Path | None = None) -> str | None:
    """Return why a file cannot be a picture, from its name and from what `path` is; its bytes are not read."""
    parts = name.split("/")
    if any(part.startswith(".") for part in parts) or "__MACOSX" in parts:
        return "not an image: a hidden file of the operating system; ignore it"
    if not parts[-1].lower().endswith(SUFFIXES):
        return f"not an image: expected {' '.join(SUFFIXES[:8])} ...; rename it if it is one, else ignore it"
    if path is not None and not path.is_file():
        return "not a file: a broken link or a special file; ignore it"
    return None


def reader_of(path: Path) -> Callable[[], bytes]:
    """Return a function that reads the file when a worker asks for it."""
    name = os.fspath(path)

    def read() -> bytes:
        try:
            with open(name, "rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if size > MAX_BYTES:
                    raise Unusable(f"too large: the file has {size:,} bytes, the limit is {MAX_BYTES:,}")
                return file.readall()
        except OSError as problem:
            raise Unusable(f"unreadable: {problem.strerror}; check the disk and the permissions") from problem

    return read


def find_root(source: Path, holds: Callable[[Path], bool], what: str, prefer: str = "") -> Path:
    """Return the folder at or up to two levels below `source` that holds the set.

    Parameters
    ----------
    source : Path
    holds : callable
        Says whether a folder holds the set.
    what : str
        What is looked for, for the message.
    prefer : str, default=""
        The name that is taken where several folders hold the set.

    Raises
    ------
    BadInput
        No such folder, none that holds the set, or several.
    """
    if not source.is_dir():
        raise BadInput(f"{source}: no such folder; --source names the unpacked set or its parent")
    levels = [[source]]
    for _ in range(2):
        levels.append([child for place in levels[-1] for child in sorted(place.iterdir())
                       if child.is_dir() and not child.name.startswith(".") and child.name != "__MACOSX"])  # fmt: skip
    named = [place for level in levels for place in level if place.name == prefer and holds(place)]
    for level in [named, *levels]:
        found = [place for place in level if holds(place)]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(f"{source}: holds the set more than once ({found[0].name}, {found[1].name}); "
                           "give one of them as --source")  # fmt: skip
    raise BadInput(f"{source}: none of {what} is here; give the folder that holds them as --source")
