"""Boxes as three formats write them: YOLO's text, Pascal VOC's XML, COCO's JSON; each box is read, or says why not."""

import json
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from real_sets.plain_xml import plain_xml

__all__ = ["Box", "CocoBoxes", "read_coco", "read_voc", "read_yolo"]

_MAX_TEXT = 2**22
_MAX_XML = 2**20
_MAX_JSON = 2**28
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True)
class Box:
    """A box around one cell.

    Attributes
    ----------
    native : str
        The class as the file writes it: a name, or in YOLO its number.
    centre, extent : (float, float)
        Its centre, and its width and height: in pixels, in YOLO as shares of the picture's width and height.
    problem : str
        Why there is no cell, ``"<short reason>: <detail and fix>"``; ``""`` for a good box.
    """

    native: str
    centre: tuple[float, float] = (0.0, 0.0)
    extent: tuple[float, float] = (0.0, 0.0)
    problem: str = ""


def _from_corner(native: str, left: object, top: object, width: object, height: object) -> Box:
    """Return the box of a left top corner and a size, in pixels."""
    numbers = (left, top, width, height)
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and abs(one) < 1e9 for one in numbers):
        return Box(native, problem=f"bad box: {_short(numbers)} are not four numbers; give its corner and its size in "
                   "pixels")  # fmt: skip
    if width <= 0 or height <= 0:
        return Box(native, problem=f"bad box: {width:g}x{height:g} px; its width and height must be above 0")
    return Box(native, (left + width / 2, top + height / 2), (float(width), float(height)))


def _short(value: object) -> str:
    """Return a value as a message shows it."""
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def _content(path: Path, limit: int) -> bytes:
    """Return the bytes of a file that is not too large, and not a pipe that may never end."""
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    if path.stat().st_size > limit:
        raise ValueError(f"it has {path.stat().st_size:,} bytes, the limit is {limit:,}")
    return path.read_bytes()


def read_yolo(path: Path) -> list[Box]:
    """Return the boxes of one text file, ``<class> <x> <y> <width> <height>`` a line, all but the class as shares.

    Raises
    ------
    ValueError
        The file is no text.
    """
    try:
        lines = _content(path, _MAX_TEXT).decode("ascii").splitlines()
    except (OSError, ValueError) as problem:
        raise ValueError(f"{path.name} is no text of boxes ({problem})") from None
    return [_yolo_line(f"{path.name}, line {number},", line.split())
            for number, line in enumerate(lines, start=1) if line.strip()]  # fmt: skip


def _yolo_line(place: str, fields: list[str]) -> Box:
    """Return the box of one line."""
    try:
        x, y, width, height = (float(one) for one in fields[1:])
        if not _NUMBER.fullmatch(fields[0]):
            raise ValueError
    except ValueError:
        return Box("", problem=f"bad box: {place} is not <class> <x> <y> <width> <height>; write boxes, not outlines")
    if not (0 <= x <= 1 and 0 <= y <= 1 and 0 < width <= 1 and 0 < height <= 1):
        return Box(fields[0], problem=f"bad box: {place} has a number out of its range; write shares of the picture's "
                   "width and height, above 0 and at most 1")  # fmt: skip
    return Box(str(int(fields[0])), (x, y), (width, height))


def read_voc(path: Path) -> tuple[list[Box], tuple[int, int] | None]:
    """Return the boxes of one XML file, and the picture's width and height where the file states them.

    Raises
    ------
    ValueError
        The file is missing, or no plain XML.
    """
    try:
        tree = plain_xml(_content(path, _MAX_XML))
    except (OSError, ValueError) as problem:
        raise ValueError(f"{path.name} cannot be read ({problem})") from None
    width, height = (_number(tree.findtext(f"size/{name}")) for name in ("width", "height"))
    stated = (int(width), int(height)) if 1 <= width < 1e6 and 1 <= height < 1e6 else None
    boxes = []
    for found in tree.iter("object"):
        left, top, right, bottom = (_number(found.findtext(f"bndbox/{name}"))
                                    for name in ("xmin", "ymin", "xmax", "ymax"))  # fmt: skip
        native = (found.findtext("name") or "").strip()
        boxes.append(_from_corner(native, left, top, right - left, bottom - top))
    return boxes, stated


def _number(text: str | None) -> float:
    """Return a number of an XML file; nan where there is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


@dataclass
class CocoBoxes:
    """What one COCO file says.

    Attributes
    ----------
    boxes : dict
        File name as the file writes it -> its boxes.
    sizes : dict
        File name -> width and height, where the file states them.
    rejected : list of (str, str)
        Entries that belong to no picture, with the reason.
    """

    boxes: dict[str, list[Box]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    rejected: list[tuple[str, str]] = field(default_factory=list)


def read_coco(path: Path) -> CocoBoxes:
    """Read one JSON file with the lists ``images``, ``annotations`` and ``categories``.

    Raises
    ------
    ValueError
        It is no such file, or it does not say which class a number is.
    """
    content = _coco_lists(path)
    names = _coco_names(content["categories"])
    found = CocoBoxes()
    files: dict[int | str, set[str]] = defaultdict(set)
    for number, image in enumerate(content["images"]):
        file, key = image.get("file_name"), image.get("id")
        if not isinstance(file, str) or not file.strip() or not _is_key(key):
            found.rejected.append((f"{path.name}#image {number}", "bad entry: an image needs an id and a file_name; "
                                   "correct it or remove it"))  # fmt: skip
            continue
        files[key].add(file)
        found.boxes.setdefault(file, [])
        width, height = image.get("width"), image.get("height")
        if all(isinstance(side, int) and 1 <= side < 1e6 for side in (width, height)):
            found.sizes[file] = (width, height)
    doubled = _doubled(content["annotations"])
    for number, one in enumerate(content["annotations"]):
        held = files.get(one["image_id"], set()) if _is_key(one.get("image_id")) else set()
        if len(held) != 1:
            what = "no image has" if not held else f"{len(held)} images have"
            reason = f"box without image: {what} the id {_short(one.get('image_id'))}; correct it or remove it"
            found.rejected.append((f"{path.name}#annotation {_short(one.get('id', number))}", reason))
            continue
        found.boxes[next(iter(held))].append(_coco_box(one, names, doubled))
    return found


def _is_key(value: object) -> bool:
    """Tell whether a value can be the id of something."""
    return isinstance(value, int | str) and not isinstance(value, bool)


def _coco_lists(path: Path) -> dict[str, list[dict]]:
    """Return the three lists of a COCO file."""
    try:
        content = json.loads(_content(path, _MAX_JSON).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as problem:
        raise ValueError(f"it is no JSON ({_short(problem)})") from None
    lists = ("images", "annotations", "categories")
    wrong = [name for name in lists if not isinstance(content, dict) or not isinstance(content.get(name), list)]
    if wrong:
        raise ValueError(f"it is no COCO file: {', '.join(wrong)} missing; expected the lists {', '.join(lists)}")
    for name in lists:
        if not all(isinstance(one, dict) for one in content[name]):
            raise ValueError(f"it is no COCO file: the list {name} holds something else than objects")
    return content


def _coco_names(categories: Sequence[dict]) -> dict[int | str, str]:
    """Return id -> name of the classes."""
    names: dict[int | str, str] = {}
    for one in categories:
        key, name = one.get("id"), one.get("name")
        if not _is_key(key) or not isinstance(name, str) or not name.strip():
            raise ValueError(f"its category {_short(one)} has no id or no name; correct it")
        if names.setdefault(key, name.strip()) != name.strip():
            raise ValueError(f"its category {_short(key)} has two names, {names[key]} and {name.strip()}; keep one")
    return names


def _doubled(annotations: Sequence[dict]) -> set[int | str]:
    """Return the ids that two different annotations have."""
    first: dict[int | str, tuple] = {}
    doubled = set()
    for one in annotations:
        key, says = one.get("id"), tuple(_short(one.get(name)) for name in ("image_id", "category_id", "bbox"))
        if _is_key(key) and first.setdefault(key, says) != says:
            doubled.add(key)
    return doubled


def _coco_box(one: dict, names: dict[int | str, str], doubled: set[int | str]) -> Box:
    """Return the box of one annotation."""
    key, kind, box = one.get("id"), one.get("category_id"), one.get("bbox")
    native = names.get(kind, "") if _is_key(kind) else ""
    if _is_key(key) and key in doubled:
        return Box(native, problem=f"two boxes: several annotations have the id {_short(key)}; give each its own")
    if not native:
        return Box("", problem=f"unknown class number: no category has the id {_short(kind)}; add it to categories")
    if one.get("iscrowd") not in (None, 0, False):
        return Box(native, problem="several cells: the annotation is a crowd (iscrowd); draw one box a cell")
    if not isinstance(box, list) or len(box) != 4:
        return Box(native, problem=f"bad box: bbox is {_short(box)}, expected [left, top, width, height] in pixels")
    return _from_corner(native, *box)
