"""Names of YOLO's classes: data.yaml, or classes.txt with one name a line, say which class a number is."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from real_sets.errors import BadInput

__all__ = ["read_class_names"]

_YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LINES = ("classes.txt", "obj.names", "labels.names")
_MOST_BYTES = 2**18


def read_class_names(source: Path, files: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return number, as text -> name of a class, and the files that say so; nothing where there is no such file.

    Parameters
    ----------
    source : Path
    files : sequence of str
        The files below `source` that are no pictures.

    Raises
    ------
    BadInput
        A file cannot be read, or two files name different classes.
    """
    names: dict[str, str] = {}
    read: list[str] = []
    for file in files:
        last = file.rpartition("/")[2].lower()
        if last not in _YAML + _LINES:
            continue
        found = _of_yaml(source / file) if last in _YAML else _of_lines(source / file)
        if read and found != names:
            raise BadInput(f"{source / file}: names other classes than {read[0]}; keep the right file")
        names = found
        read.append(file)
    return names, read


def _text(path: Path) -> str:
    """Return a small text file."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has {path.stat().st_size:,} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as problem:
        raise BadInput(f"{path}: no readable list of class names ({problem}); save it again as UTF-8") from None


def _of_lines(path: Path) -> dict[str, str]:
    """Read one name a line; the first is number 0."""
    lines = [line.strip() for line in _text(path).rstrip().splitlines()]
    if not lines or not all(lines):
        raise BadInput(f"{path}: expected the name of one class in each line, the first is number 0; found "
                       f"{'an empty line' if lines else 'nothing'}")  # fmt: skip
    return {str(number): name for number, name in enumerate(lines)}


def _of_yaml(path: Path) -> dict[str, str]:
    """Read the entry ``names``, a list or an object of number and name; all values are read as text."""
    try:
        content = yaml.load(_text(path), Loader=yaml.BaseLoader)  # makes texts, lists and dicts, nothing else
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        raise BadInput(f"{path}: no readable YAML ({problem}); save it again") from None
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        names = {str(number): name for number, name in enumerate(names)}
    if (
        not isinstance(names, dict)
        or not names
        or not all(isinstance(text, str) and text.strip() for pair in names.items() for text in pair)
    ):
        raise BadInput(f"{path}: expected the entry names with the name of each class, such as names: [basophil, "
                       "monocyte]")  # fmt: skip
    if (count := content.get("nc")) is not None and count != str(len(names)):
        raise BadInput(f"{path}: nc is {str(count)[:20]}, but names holds {len(names)}; correct one of them")
    return {number.strip(): name.strip() for number, name in names.items()}
