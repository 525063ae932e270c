"""Layouts: which files of a folder are pictures, of what class and slide, and why the others are not."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from real_sets.labels import LabelTable, class_named, keep_classes
from real_sets.pictures import MAX_BYTES, SUFFIXES, Unusable
from real_sets.problems import BadInput
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES, OPEN_SETS, Laboratory

__all__ = ["Item", "Listing", "facts_of", "folder", "known_folders", "reason_by_name", "walk"]


@dataclass(frozen=True)
class Item:
    """One picture that has a label.

    Attributes
    ----------
    load : callable
        Gives the file's bytes, or the pixels where they are stored as an array; None once it was read.
    crop : float or None
        Side of the centred square to keep, native pixels; None = `share` of the whole side.
    native, original : (int, int) or None
        The size this set's pictures must have; the size before an earlier crop.
    """

    domain: str
    file: str
    native_label: str
    label: str
    load: Callable[[], bytes | np.ndarray] | None
    group: str = ""
    crop: float | None = None
    share: float = 1.0
    native: tuple[int, int] | None = None
    original: tuple[int, int] | None = None


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


def facts_of(laboratory: Laboratory) -> dict:
    """Return what is known of a laboratory, for ``set.json``."""
    names = ("title", "image_px", "px_per_um", "stain", "scanner", "licence", "citation", "source")
    return {name: getattr(laboratory, name) for name in names}


def _cannot_list(problem: OSError) -> None:
    """Stop at a folder that cannot be listed: its pictures would go missing without a word."""
    raise BadInput(f"{problem.filename}: {problem.strerror}; give yourself the right to list this folder")


def walk(root: Path) -> Iterator[tuple[str, Path]]:
    """Yield (name relative to `root`, path) of everything that is no folder, sorted; linked folders once."""
    seen: set[str] = set()
    found = []
    for folder_name, folders, files in os.walk(root, onerror=_cannot_list, followlinks=True):
        real = os.path.realpath(folder_name)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        found += [Path(folder_name, name) for name in files]
    yield from sorted((path.relative_to(root).as_posix(), path) for path in found)


def reason_by_name(name: str) -> str | None:
    """Return why a file cannot be a picture, from its name alone."""
    parts = name.split("/")
    if any(part.startswith(".") for part in parts) or "__MACOSX" in parts:
        return "not an image: a hidden file of the operating system; ignore it"
    if not parts[-1].lower().endswith(SUFFIXES):
        return f"not an image: expected {' '.join(SUFFIXES)}; rename it if it is one, else ignore it"
    return None


def _reader(path: Path) -> Callable[[], bytes]:
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


def _find_root(source: Path, folders: set[str], prefer: str, what: str) -> Path:
    """Return the folder at or up to two floors below `source` that holds the set's class folders."""
    if not source.is_dir():
        raise BadInput(f"{source}: no such folder; --source names the unpacked set or its parent")

    def holds(place: Path) -> bool:
        return any(child.name.casefold() in folders and child.is_dir() for child in place.iterdir())

    floors = [[source]]
    for _ in range(2):
        floors.append([child for place in floors[-1] for child in sorted(place.iterdir())
                       if child.is_dir() and not child.name.startswith(".") and child.name != "__MACOSX"])  # fmt: skip
    named = [place for floor in floors for place in floor if place.name == prefer and holds(place)]
    for floor in [named, *floors]:
        found = [place for place in floor if holds(place)]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadInput(f"{source}: holds the set more than once ({found[0].name}, {found[1].name}); "
                           "give one of them as --source")  # fmt: skip
    raise BadInput(f"{source}: none of this set's class folders ({what}) is here; "
                   "give the folder that holds them as --source")  # fmt: skip


def known_folders(name: str, source: Path, *, classes: int, field_um: float | None) -> Listing:
    """List ``acevedo_20``, ``matek_19``, ``mll_23`` or ``raabin``, unpacked at `source` or below it."""
    laboratory = (LABORATORIES | OPEN_SETS)[name]
    field_um = field_um or FIELD_UM
    by_prefix = name == "acevedo_20"
    spellings = {key.casefold(): key for key in (*laboratory.native_labels, *laboratory.dropped)}
    folders = set(spellings)
    if by_prefix:
        folders = {"basophil", "eosinophil", "erythroblast", "ig", "lymphocyte", "monocyte", "neutrophil",
                   "platelet"}  # fmt: skip
    prefer = {"acevedo_20": "PBC_dataset_normal_DIB", "matek_19": "AML-Cytomorphology_LMU", "raabin": "Train"}
    what = ", ".join(sorted(folders)[:4]) + ", ..."
    root = _find_root(source, folders, prefer.get(name, name), what)
    listing = Listing(field_um, root, domains={name: facts_of(laboratory)})
    listing.expected[name] = set(laboratory.native_labels.values())
    items = []
    for file, path in walk(root):
        reason = reason_by_name(file)
        if reason is None and not path.is_file():
            reason = "not a file: a broken link or a special file; ignore it"
        *parents, last = file.split("/")
        if by_prefix:
            native = last.split("_")[0] if "_" in last else ""
            unknown = f"unknown prefix: {native or last!r} is none of {' '.join(laboratory.native_labels)}"
        else:
            native = next((spellings[p.casefold()] for p in reversed(parents) if p.casefold() in spellings), "")
            unknown = f"unknown class folder: {'/'.join(parents) or 'none'} is none of this set's; {what}"
        group = last.split("_")[0] if name == "raabin" else ""
        label = laboratory.native_labels.get(native)
        if reason is None and native in laboratory.dropped:
            reason = f"dropped label {native}: {laboratory.dropped[native]}"
        elif reason is None and label is None:
            reason = f"{unknown}; move the file to the folder of its class"
        elif reason is None and name == "raabin" and "_" not in last:
            reason = "no slide: the name should begin with the slide and an underscore; use the original names"
        kept = keep_classes(label, native, classes) if label else None
        if reason is None and kept is None:
            reason = f"outside {classes} classes: {native} ({label}); use --classes 13 to keep it"
        if reason is not None:
            listing.rejected.append((file, reason))
            continue
        items.append(Item(name, file, native, kept, _reader(path), group,
                          laboratory.crop_px * field_um / FIELD_UM, native=laboratory.image_px))  # fmt: skip
    listing.items = items
    return listing


def _folder_label(file: str, table: LabelTable | None) -> tuple[str, str | None, str | None]:
    """Return (native label, class, reason) of a file in the layout ``<class>/<image>``."""
    *parents, _ = file.split("/")
    native = parents[0] if parents else ""
    if table and table.per_file:
        if file in table.twice:
            return native, None, f"two labels: {' and '.join(table.twice[file])} in {table.path.name}; keep one"
        if file not in table.labels:
            return native, None, f"image without label: no row in {table.path.name}; add one"
        label = table.labels[file]
        return native or str(label), label, None if label else f"dropped: empty label in {table.path.name}"
    if len(parents) != 1:
        return native, None, f"not in a class folder: expected <class>/<image>, found {len(parents)} folders"
    if table and native in table.labels:
        label = table.labels[native]
        return native, label, None if label else f"dropped label {native}: empty in {table.path.name}"
    label = class_named(native)
    reason = f"unknown class folder: {native}; rename it to a class or code of cells.CLASSES, or use --labels"
    return native, label, None if label else reason


def folder(source: Path, *, domain: str, um_per_px: float, table: LabelTable | None, classes: int,
           field_um: float | None, group_by: re.Pattern[str] | None = None) -> Listing:  # fmt: skip
    """List ``<class>/<image>`` of a user's own laboratory; the bracket of `group_by` finds the slide in a name.

    Raises
    ------
    BadInput
        When the folder is missing or the scale cannot be meant.
    """
    if not source.is_dir():
        raise BadInput(f"{source}: no such folder; --source names the folder of the class folders")
    field_um = field_um or FIELD_UM
    crop = field_um / um_per_px
    if not 16 <= crop <= 4000:
        raise BadInput(f"--um-per-px {um_per_px:g}: {field_um:g} um would be {crop:.1f} pixels; "
                       "give micrometres per pixel, e.g. 0.1 for 10 pixels per micrometre")  # fmt: skip
    listing = Listing(field_um, source, domains={domain: {"px_per_um": 1 / um_per_px}})
    items = []
    for file, path in walk(source):
        native, label, problem = _folder_label(file, table)
        reason = reason_by_name(file) or problem
        if reason is None and not path.is_file():
            reason = "not a file: a broken link or a special file; ignore it"
        kept = keep_classes(label, native, classes) if label else None
        if reason is None and kept is None:
            reason = f"outside {classes} classes: {label}; use --classes 13 to keep it"
        found = group_by.search(file) if group_by else None
        group = (found[1] or "") if found else ""
        if reason is None and group_by and not group:
            reason = f"no group: nothing in the name fits --group-by {group_by.pattern}; put its slide into its name"
        if reason is not None:
            listing.rejected.append((file, reason))
            continue
        items.append(Item(domain, file, native, kept, _reader(path), group, crop))
    if table:
        present = {item.file for item in items} | {file for file, _ in listing.rejected}
        present |= set() if table.per_file else {file.split("/")[0] for file in present}
        for name in sorted(set(table.labels) - present):
            if table.per_file:
                listing.rejected.append((name, f"label without image: {table.path.name} names it, "
                                               "but there is no such file; fetch it or remove the row"))  # fmt: skip
            else:
                listing.notes.append(f"{table.path.name} names the folder {name!r}, which is not in {source}")
    listing.items = items
    return listing
