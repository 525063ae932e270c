"""Whole fields with a box around each cell: chula (one text file of boxes a field) and bccd (one XML file a field)."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from real_sets.box_files import Box, read_voc, read_yolo
from real_sets.errors import BadInput
from real_sets.labels import class_named, keep_classes
from real_sets.listing import Item, Listing, facts_of, find_root, reader_of, reason_by_name, walk
from real_sets.tables import read_table
from wbc_tutorial.data.laboratories import FIELD_UM, OPEN_SETS, Laboratory

__all__ = ["bccd", "chula"]

CHULA_CLASSES = ("neutrophil", "eosinophil", "basophil", "lymphocyte", "monocyte")
"""The numbers 0 to 4 in the boxes' files, as the notebook in the set's repository names them."""
BCCD_CROP_PX = 300
"""Side of the square around a box's centre; the set states no scale."""


def _label(laboratory: Laboratory, native: str, classes: int) -> tuple[str | None, str | None]:
    """Return (class, reason) of a native label."""
    label = laboratory.native_labels[native]
    kept = keep_classes(label, native, classes)
    return kept, None if kept else f"outside {classes} classes: {native} ({label}); use --classes 13 to keep it"


def _chula_boxes(path: Path) -> list[Box]:
    """Return the boxes of a field; one that is wrong makes all of them doubtful."""
    boxes = read_yolo(path)
    for box in boxes:
        if box.problem or int(box.native) >= len(CHULA_CLASSES):
            what = box.problem.removeprefix("bad box: ") or f"{path.name} has the unknown class {box.native}"
            raise ValueError(what.partition(";")[0])
    return boxes


def chula(source: Path, *, classes: int, field_um: float | None) -> Listing:
    """List the cells of Chula's fields; the slide is the part of the name before its last underscore.

    A field ``<slide>_<number>.jpg`` and its boxes ``<slide>_<number>.txt`` are found by their common name wherever they
    lie: 50 of the 500 text files of the published set stand in another folder than the others.

    Parameters
    ----------
    source : Path
        Holds ``WBC_Samples``.
    classes : {13, 11, 5}
    field_um : float or None
        Side of the square around each box's centre; default: 25 um, which are 280 px.

    Raises
    ------
    BadInput
        The set is not there.
    """
    laboratory = OPEN_SETS["chula"]
    field_um = field_um or FIELD_UM
    root = find_root(source, lambda place: (place / "train").is_dir() and (place / "valid").is_dir(),
                     "Chula's folders (WBC_Samples with train and valid)", "WBC_Samples")  # fmt: skip
    listing = Listing(field_um, root, domains={"chula": facts_of(laboratory)})
    listing.expected["chula"] = set(laboratory.native_labels.values())
    texts: dict[str, list[str]] = defaultdict(list)
    fields: dict[str, Path] = {}
    for file, path in walk(root):
        if file.endswith(".txt"):
            texts[path.stem].append(file)
        elif reason := reason_by_name(file, path):
            listing.reject(file, reason)
        else:
            fields[file] = path
    items: list[Item] = []
    for file, path in fields.items():
        found = texts.get(path.stem, [])
        if len(found) != 1:
            what = "no text file of this name holds its boxes" if not found else f"{' and '.join(found)} name its boxes"
            listing.reject(file, f"boxes not certain: {what}; fetch the set again")
            continue
        try:
            boxes = _chula_boxes(root / found[0])
        except ValueError as problem:
            listing.reject(file, f"boxes unreadable: {problem}; fetch the set again")
            continue
        items += _chula_cells(listing, file, path, boxes, classes)
    listing.items = items
    return listing


def _chula_cells(listing: Listing, file: str, path: Path, boxes: list[Box], classes: int
                 ) -> Iterable[Item]:  # fmt: skip
    """Yield the cells of one field, named ``<file>#<number of the box>``."""
    laboratory = OPEN_SETS["chula"]
    if not boxes:
        listing.reject(file, "no cell: its text file has no box; ignore it")
    for number, box in enumerate(boxes):
        name, native = f"{file}#{number}", CHULA_CLASSES[int(box.native)]
        label, reason = _label(laboratory, native, classes)
        if reason is not None:
            listing.reject(name, reason)
            continue
        yield Item("chula", name, native, label, reader_of(path), path.stem.rpartition("_")[0] or path.stem,
                   laboratory.crop_px * listing.field_um / FIELD_UM, centre=box.centre)  # fmt: skip


def _white_cells(path: Path) -> list[tuple[float, float]]:
    """Return the centre of each white cell's box, as shares of width and height."""
    boxes, size = read_voc(path)
    white = [box for box in boxes if box.native == "WBC"]
    if white and size is None:
        raise ValueError(f"{path.name} does not state the picture's size")
    for box in white:
        if box.problem:
            raise ValueError(f"{path.name} has a {box.problem.partition(';')[0]}")
    centres = [(box.centre[0] / size[0], box.centre[1] / size[1]) for box in white]
    if not all(0 <= x <= 1 and 0 <= y <= 1 for x, y in centres):
        raise ValueError(f"{path.name} has a box outside the picture")
    return centres


def _kinds_of(source: Path) -> dict[int, set[str]]:
    """Return number of the field -> kinds of white cell, from folders of crops and from ``labels.csv``, below `source`.

    The boxes say only that a cell is white. Its kind is stated by the folder of a crop,
    ``BCCD_cropped/<Kind>/BloodImage_<number>_<n>.jpg``, or by a table with the columns ``Image,Category``.
    """
    kinds: dict[int, set[str]] = defaultdict(set)
    for file, path in walk(source):
        *parents, last = file.split("/")
        number = last.split(".")[0].split("_")[1:2]
        if "BCCD_cropped" in parents and number and number[0].isdigit():
            kinds[int(number[0])].add(parents[-1].casefold())
        elif last == "labels.csv":
            table = read_table(path, {"image", "category"}.issubset, "the columns Image,Category")
            for _, row in table.rows:
                if row["image"].isdigit():
                    kinds[int(row["image"])].add(row["category"].casefold() or "not given")
    return kinds


def _one_kind(kinds: set[str]) -> tuple[str, str | None]:
    """Return (kind, reason) of a field's only white cell."""
    if not kinds:
        return "", "image without label: neither BCCD_cropped nor labels.csv names it; its kind is not known"
    if len(kinds) > 1:
        return "", f"two labels: {' and '.join(sorted(kinds))}; keep the right one"
    (kind,) = kinds
    if kind not in OPEN_SETS["bccd"].native_labels or class_named(kind) is None:
        return "", f"unknown label: {kind} is none of {', '.join(OPEN_SETS['bccd'].native_labels)}"
    return kind, None


def bccd(source: Path, *, classes: int, field_um: float | None) -> Listing:
    """List the white cells of BCCD's fields: those with one box and one stated kind.

    Parameters
    ----------
    source : Path
        Holds ``JPEGImages`` and ``Annotations``, and the kinds: ``BCCD_cropped`` or ``labels.csv``.
    classes : {13, 11, 5}
    field_um : float or None
        Not taken: the set states no scale.

    Raises
    ------
    BadInput
        The set is not there, it does not state the kinds, or `field_um` is given.
    """
    if field_um:
        raise BadInput("--field-um: not for bccd, which states no scale; leave it out")
    laboratory = OPEN_SETS["bccd"]
    root = find_root(source, lambda place: (place / "JPEGImages").is_dir() and (place / "Annotations").is_dir(),
                     "BCCD's folders (JPEGImages and Annotations)", "BCCD")  # fmt: skip
    kinds = _kinds_of(source)
    if not kinds:
        raise BadInput(f"{source}: BCCD's boxes do not say which kind of white cell they show; put BCCD_cropped or "
                       "labels.csv (Image,Category) there, too, as data_scripts/download.py bccd does")  # fmt: skip
    listing = Listing(FIELD_UM, root, domains={"bccd": facts_of(laboratory)})
    listing.expected["bccd"] = set(laboratory.native_labels.values())
    listing.notes.append(f"BCCD states no scale: the square of {BCCD_CROP_PX} px around each cell stands for "
                         f"{FIELD_UM:g} um")  # fmt: skip
    items = []
    for file, path in walk(root / "JPEGImages"):
        label = centres = None
        reason = reason_by_name(file, path)
        if reason is None:
            try:
                centres = _white_cells(root / "Annotations" / f"{path.stem}.xml")
            except ValueError as problem:
                reason = f"boxes unreadable: {problem}; fetch the set again"
        if reason is None and len(centres) != 1:
            reason = f"{'no white cell' if not centres else 'several white cells'}: {len(centres)} boxes of this kind"
        if reason is None:
            number = path.stem.rpartition("_")[2]
            kind, reason = _one_kind(kinds.get(int(number), set()) if number.isdigit() else set())
        if reason is None:
            label, reason = _label(laboratory, kind, classes)
        if reason is not None:
            listing.reject(file, reason)
            continue
        items.append(Item("bccd", file, kind, label, reader_of(path), "", BCCD_CROP_PX, centre=centres[0]))
    listing.items = items
    return listing
