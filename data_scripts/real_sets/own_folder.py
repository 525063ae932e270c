"""A user's own laboratory: ``<class>/<image>`` or ``<split>/<class>/<image>``, or files that a table labels."""

import re
from pathlib import Path

from real_sets.errors import BadInput
from real_sets.labels import LabelTable, Matches, Row, class_named, contradict, keep_classes
from real_sets.listing import Item, Listing, reader_of, reason_by_name, walk
from wbc_tutorial.data.laboratories import FIELD_UM

__all__ = ["SPLITS", "check_source", "crop_of", "group_of", "own_folder"]

SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}
"""Names of folders that stand above the class folders and say nothing of the class."""


def _class_folder(file: str) -> str | None:
    """Return the name of a file's class folder, or None where no folder can be one."""
    *parents, _ = file.split("/")
    if len(parents) == 2 and parents[0].casefold() in SPLITS:
        parents = parents[1:]
    return parents[0] if len(parents) == 1 else None


def _agreed(rows: list[Row], table: str) -> tuple[str | None, str | None]:
    """Return (class, reason) of several rows that name one thing."""
    labels = list(dict.fromkeys(str(row.label) for row in rows))
    if len(labels) > 1:
        return None, f"two labels: {' and '.join(labels)} in {table}; keep one"
    return rows[0].label, None


def _label_by_folder(file: str, table: LabelTable | None) -> tuple[str, str | None, str | None]:
    """Return (native label, class, reason) of a picture in a class folder."""
    native = _class_folder(file)
    if native is None:
        return "", None, (f"not in a class folder: expected <class>/<image>, found {file.count('/')} folders; "
                          "<split>/<class>/<image> is read, too")  # fmt: skip
    rows = table.of_folder(native) if table else []
    if rows:
        label, reason = _agreed(rows, table.path.name)
        if reason is None and label is None:
            reason = f"dropped label {native}: empty in {table.path.name}"
        return native, label, reason
    label = class_named(native)
    reason = f"unknown class folder: {native}; rename it to a class or code of wbc_tutorial.CLASSES, or use --labels"
    return native, label, None if label else reason


def _label_by_table(file: str, matches: Matches, table: str) -> tuple[str, str | None, str | None]:
    """Return (native label, class, reason) of a picture that a table names; its folder must not say otherwise."""
    folder = _class_folder(file) or ""
    if file in matches.unsure:
        return folder, None, matches.unsure[file]
    if file not in matches.rows:
        return folder, None, f"image without label: no row in {table}; add one"
    label, reason = _agreed(matches.rows[file], table)
    if reason is None and label is None:
        reason = f"dropped: empty label in {table}"
    elif reason is None and contradict(label, class_named(folder)):
        reason = f"two labels: {label} in {table}, but its folder is {folder}; keep one"
    return folder or str(label), label, reason


def group_of(file: str, pattern: re.Pattern[str] | None) -> tuple[str, str | None]:
    """Return (slide, reason); a picture without a slide would slip from one side of a fold to the other."""
    found = pattern.search(file) if pattern else None
    group = (found[1] or "").strip() if found else ""
    if pattern and not group:
        return "", (f"no group: nothing in the name fits --group-by {pattern.pattern}; "
                    "put its slide into its name")  # fmt: skip
    return group, None


def check_source(source: Path, what: str) -> None:
    """Refuse a folder that is not there, and one that is a prepared set already."""
    if not source.is_dir():
        raise BadInput(f"{source}: no such folder; --source names the folder of {what}")
    if (source / "images.npy").is_file() and (source / "cells.csv").is_file():
        raise BadInput(f"{source}: is a prepared set already; give the folder of the original pictures")


def crop_of(um_per_px: float, field_um: float) -> float:
    """Return the side of the field in pixels; refuse a scale that cannot be meant."""
    crop = field_um / um_per_px
    if not 16 <= crop <= 4000:
        raise BadInput(f"--um-per-px {um_per_px:g}: {field_um:g} um would be {crop:.1f} pixels; "
                       "give micrometres per pixel, e.g. 0.1 for 10 pixels per micrometre")  # fmt: skip
    return crop


def own_folder(source: Path, *, domain: str, um_per_px: float, labels: LabelTable | None, classes: int,
               field_um: float | None, group_by: re.Pattern[str] | None = None) -> Listing:  # fmt: skip
    """List the pictures of a user's own laboratory.

    Parameters
    ----------
    source : Path
        The folder of the class folders.
    domain : str
        The laboratory's name.
    um_per_px : float
        Micrometres per pixel.
    labels : LabelTable, optional
        Labels of folders or of files.
    classes : {13, 11, 5}
    field_um : float, optional
        Side of the square to keep, micrometres; default: the course's 25.
    group_by : pattern, optional
        Its bracket finds the slide in a file's name.

    Raises
    ------
    BadInput
        When the folder is missing, is a prepared set, or the scale cannot be meant.
    """
    check_source(source, "the class folders")
    field_um = field_um or FIELD_UM
    crop = crop_of(um_per_px, field_um)
    listing = Listing(field_um, source, domains={domain: {"px_per_um": 1 / um_per_px}}, um_per_px=um_per_px)
    found = list(walk(source))
    matches = labels.of_files([file for file, _ in found]) if labels and labels.per_file else Matches()
    listing.notes += labels.notes if labels else []
    items = []
    for file, path in found:
        if labels and labels.per_file:
            native, label, problem = _label_by_table(file, matches, labels.path.name)
        else:
            native, label, problem = _label_by_folder(file, labels)
        kept = keep_classes(label, native, classes) if label else None
        group, no_group = group_of(file, group_by)
        reason = reason_by_name(file, path) or problem
        if reason is None and kept is None:
            reason = f"outside {classes} classes: {label}; use --classes 13 to keep it"
        if reason := reason or no_group:
            listing.reject(file, reason)
            continue
        items.append(Item(domain, file, native, kept, reader_of(path), group, crop))
    for name, reason in matches.missing.items():
        listing.reject(name, reason)
    _note_unused_rows(listing, labels, source, [file for file, _ in found])
    listing.items = items
    return listing


def _note_unused_rows(listing: Listing, table: LabelTable | None, source: Path, files: list[str]) -> None:
    """Say which rows of a table of folders name a folder that is not there."""
    if table is None or table.per_file:
        return
    used = {row.line for folder in {_class_folder(file) or "" for file in files} for row in table.of_folder(folder)}
    listing.notes += [f"{table.path.name} names the folder {row.name!r}, which is not in {source}"
                      for row in table.rows if row.line not in used]  # fmt: skip
