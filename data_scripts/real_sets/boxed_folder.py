"""A user's own pictures with boxes around the cells, as YOLO, COCO or Pascal VOC store them: one cell a box."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from real_sets.box_files import Box, read_coco, read_voc, read_yolo
from real_sets.class_names import read_class_names
from real_sets.errors import BadInput
from real_sets.labels import LabelTable, label_of
from real_sets.listing import Item, Listing, reader_of, reason_by_name, walk
from real_sets.names import FileNames
from real_sets.own_folder import check_source, crop_of, group_of
from real_sets.pictures import Spot
from wbc_tutorial.data.laboratories import FIELD_UM

__all__ = ["FORMATS", "boxed_folder"]

_KINDS_OF_FOLDER = {"images", "image", "img", "jpegimages", "labels", "annotations", "xml", "obj_train_data"}
"""Names of folders that part pictures from their boxes and say nothing else."""
_NEVER_READ = ("not an image: a hidden file", "not a file")


@dataclass
class _Found:
    """What a format gives: the boxes of each picture, why others have none, and the files that hold boxes.

    Attributes
    ----------
    boxes : dict
        Picture -> its boxes; none: the picture shows no cell.
    sizes : dict
        Picture -> width and height, where a file states them.
    problems : list of (str, str)
        A picture, or an entry that belongs to none, and the reason.
    read : set of str
        Files that hold boxes or names of classes; they are no pictures, and they are not counted.
    """

    boxes: dict[str, list[Box]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    read: set[str] = field(default_factory=set)


def _place(file: str) -> tuple[str, ...]:
    """Return what a picture and its file of boxes share: the folders that say something, and the name."""
    *parents, last = file.split("/")
    return (*(part for part in parents if part.casefold() not in _KINDS_OF_FOLDER), last.rpartition(".")[0])


def _pairs(pictures: Sequence[str], files: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return picture -> files that may hold its boxes, and the files that belong to no picture.

    A file belongs to the picture of its name in the same folder, ``images`` beside ``labels`` counting as the same. A
    name that stands only once among the pictures and once among the files is paired wherever both lie.
    """
    of_place, of_name = defaultdict(list), defaultdict(list)
    for file in files:
        of_place[_place(file)].append(file)
    pairs = {picture: of_place.get(_place(picture), []) for picture in pictures}
    left = set(files).difference(*pairs.values())
    for file in left:
        of_name[_place(file)[-1]].append(file)
    names = Counter(_place(picture)[-1] for picture in pictures)
    for picture, found in pairs.items():
        name = _place(picture)[-1]
        if not found and names[name] == 1 and len(of_name[name]) == 1:
            pairs[picture] = of_name[name]
            left.difference_update(of_name[name])
    return pairs, sorted(left)


def _read_pairs(found: _Found, pictures: Sequence[str], files: Sequence[str], what: str,
                read: Callable[[str], tuple[list[Box], tuple[int, int] | None]]) -> None:  # fmt: skip
    """Read one file of boxes a picture."""
    pairs, left = _pairs(pictures, files)
    found.read |= set(files)
    for picture, candidates in pairs.items():
        if len(candidates) != 1:
            why = f"no boxes: there is no {what} of this name; add it, or move the picture elsewhere"
            if candidates:
                why = f"boxes not certain: {' and '.join(candidates)} hold its boxes; keep one"
            found.problems.append((picture, why))
            continue
        try:
            found.boxes[picture], size = read(candidates[0])
        except ValueError as problem:
            found.problems.append((picture, f"boxes unreadable: {problem}; save the file again"))
            continue
        if size is not None:
            found.sizes[picture] = size
    found.problems += [(file, "boxes without image: there is no picture of this name; fetch it") for file in left]


def _yolo(source: Path, pictures: Sequence[str], others: Sequence[str], labels: LabelTable | None) -> _Found:
    """Read one text file a picture; data.yaml or classes.txt names the classes, else --labels their numbers."""
    names, of_names = read_class_names(source, others)
    found = _Found(read=set(of_names))
    files = [file for file in others if file.lower().endswith(".txt") and file not in found.read
             and not file.rpartition("/")[2].lower().startswith("readme")]  # fmt: skip
    if not files:
        raise BadInput(f"{source}: holds no text file of boxes; YOLO stores images/a.jpg with labels/a.txt")
    if not names and labels is None:
        raise BadInput(f"{source}: neither data.yaml nor classes.txt says which class a number is; add it, or name the "
                       "numbers by --labels MAP.csv with the columns native,label, such as 0,MON")  # fmt: skip

    def read(file: str) -> tuple[list[Box], None]:
        return [_named(box, names, of_names) for box in read_yolo(source / file)], None

    _read_pairs(found, pictures, files, "text file of boxes", read)
    return found


def _named(box: Box, names: Mapping[str, str], of_names: Sequence[str]) -> Box:
    """Return the box with its class's name in place of the number."""
    if box.problem or not names:
        return box
    if box.native not in names:
        return replace(box, problem=f"unknown class number: {box.native} has no name in {' and '.join(of_names)}; "
                       "add it, or correct the number")  # fmt: skip
    return replace(box, native=names[box.native])


def _voc(source: Path, pictures: Sequence[str], others: Sequence[str], _: LabelTable | None) -> _Found:
    """Read one XML file a picture."""
    files = [file for file in others if file.lower().endswith(".xml")]
    if not files:
        raise BadInput(f"{source}: holds no XML file of boxes; Pascal VOC stores JPEGImages/a.jpg with "
                       "Annotations/a.xml")  # fmt: skip
    found = _Found()
    _read_pairs(found, pictures, files, "XML file of boxes", lambda file: read_voc(source / file))
    return found


def _coco(source: Path, pictures: Sequence[str], others: Sequence[str], _: LabelTable | None) -> _Found:
    """Read one JSON file for all pictures, or one for each folder of them."""
    files = [file for file in others if file.lower().endswith(".json")]
    if not files:
        raise BadInput(f"{source}: holds no JSON file; COCO stores all boxes in one, with the lists images, "
                       "annotations and categories")  # fmt: skip
    found, known = _Found(read=set(files)), FileNames(pictures)
    for file in files:
        try:
            coco = read_coco(source / file)
        except ValueError as problem:
            raise BadInput(f"{source / file}: {problem}; correct it, or move it elsewhere if it holds no boxes"
                           ) from None  # fmt: skip
        found.problems += coco.rejected
        folder = file.rpartition("/")[0]
        for name, boxes in coco.boxes.items():
            matches = known.find(f"{folder}/{name}") if folder else []
            matches = matches or known.find(name)
            if len(matches) != 1:
                found.problems += _lost(file, name, boxes, matches)
                continue
            found.boxes.setdefault(matches[0], []).extend(boxes)
            if name in coco.sizes:
                found.sizes[matches[0]] = coco.sizes[name]
    found.problems += [(picture, "no boxes: no JSON file names this picture; add it, or move the picture elsewhere")
                       for picture in pictures if picture not in found.boxes]  # fmt: skip
    return found


def _lost(file: str, name: str, boxes: Sequence[Box], matches: Sequence[str]) -> list[tuple[str, str]]:
    """Return (entry, reason) of the boxes that a JSON file states for a picture that is not one of those here."""
    what = f"fits {matches[0]} and {matches[1]}; write the folder, too" if matches else "is not here; fetch it"
    entries = [f"{file}#{name}#{number}" for number in range(len(boxes))] or [f"{file}#{name}"]
    return [(entry, f"boxes without image: the picture {name} {what}") for entry in entries]


FORMATS = {"yolo": _yolo, "coco": _coco, "voc": _voc}
"""Ways in which boxes are stored -> who reads them."""


@dataclass(frozen=True)
class _Choices:
    """What the command line says of all boxes."""

    domain: str
    labels: LabelTable | None
    group_by: re.Pattern[str] | None
    crop: float | None
    pad: bool
    classes: int
    shares: bool


def boxed_folder(source: Path, *, boxes: str, domain: str, um_per_px: float | None, labels: LabelTable | None,
                 classes: int, field_um: float | None, group_by: re.Pattern[str] | None = None, pad: bool = False
                 ) -> Listing:  # fmt: skip
    """List the cells of a user's own pictures, one a box; the square of the field is kept around the box's centre.

    Parameters
    ----------
    source : Path
        Holds the pictures and the files of boxes, in folders as the format has them.
    boxes : {"yolo", "coco", "voc"}
        How the boxes are stored.
    domain : str
        The laboratory's name.
    um_per_px : float or None
        Micrometres per pixel; None = the square of a box's longer side stands for the field.
    labels : LabelTable or None
        Native label -> class.
    classes : {13, 11, 5}
    field_um : float or None
        Side of the square to keep, micrometres; default: the course's 25.
    group_by : pattern, optional
        Its bracket finds the slide in a picture's name.
    pad : bool, default=False
        Fill what lies outside of a picture with its background colour; otherwise such a cell is rejected.

    Raises
    ------
    BadInput
        No such folder, no file of boxes, no names of the classes, or a scale that cannot be meant.
    """
    check_source(source, "the pictures and their boxes")
    if labels is not None and labels.per_file:
        raise BadInput(f"{labels.path}: expected the columns native,label: a picture holds cells of several classes")
    field_um = field_um or FIELD_UM
    crop = None if um_per_px is None else crop_of(um_per_px, field_um)
    known = {} if um_per_px is None else {"px_per_um": 1 / um_per_px}
    listing = Listing(field_um, source, domains={domain: known}, um_per_px=um_per_px)
    listing.notes += labels.notes if labels else []
    if crop is None:
        listing.notes.append(f"{domain}: no --um-per-px: the square of the box stands for {field_um:g} um")
    pictures, others = _sorted(source)
    files = [file for file, reason in others.items() if not reason.startswith(_NEVER_READ)]
    found = FORMATS[boxes](source, list(pictures), files, labels)
    unread = ((file, reason) for file, reason in others.items() if file not in found.read)
    for file, reason in (*unread, *found.problems):
        listing.reject(file, reason)
    choices = _Choices(domain, labels, group_by, crop, pad, classes, boxes == "yolo")
    items: list[Item] = []
    for file, here in found.boxes.items():
        items += _cells(listing, file, here, choices, path=pictures[file], size=found.sizes.get(file))
    listing.items = items
    return listing


def _sorted(source: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Return file -> path of the pictures, and file -> reason of what is no picture and may hold boxes."""
    pictures, others = {}, {}
    for file, path in walk(source):
        reason = reason_by_name(file, path)
        if reason is None:
            pictures[file] = path
        else:
            others[file] = reason if path.is_file() else "not a file: a broken link or a special file; ignore it"
    return pictures, others


def _cells(listing: Listing, file: str, boxes: Iterable[Box], choices: _Choices, *, path: Path,
           size: tuple[int, int] | None) -> Iterator[Item]:  # fmt: skip
    """Yield the cells of one picture, named ``<file>#<number of the box>``."""
    group, no_group = group_of(file, choices.group_by)
    number = -1
    for number, box in enumerate(boxes):
        name, label, reason = f"{file}#{number}", None, box.problem or no_group
        if not reason and not box.native:
            reason = "no label: the box has no class; name it, or remove the box"
        if not reason:
            label, reason = label_of(box.native, choices.labels, choices.classes)
        if reason:
            listing.reject(name, reason)
            continue
        spot = Spot(box.centre, choices.pad, box.extent, choices.shares)
        yield Item(choices.domain, name, box.native, label, reader_of(path), group, choices.crop, native=size,
                   spot=spot)  # fmt: skip
    if number < 0:
        listing.reject(file, "no cell: no box is drawn in this picture; ignore it")
