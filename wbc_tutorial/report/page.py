"""The page: from plain facts, tables and PNGs to one HTML file, by the templates beside this file."""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

__all__ = ["PageFigure", "Table", "check_place", "page"]

GENERATOR = "wbc_tutorial report"
"""What a page says of who wrote it: only such a page is ever written over."""


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes
    ----------
    caption : str
    columns : list of str
    groups : list of (str or None, list of (str, list of str))
        Name of a group of lines, None without one; in it the name of each line and its values.
    """

    caption: str
    columns: list[str]
    groups: list[tuple[str | None, list[tuple[str, list[str]]]]]

    @classmethod
    def of(cls, frame: pd.DataFrame, caption: str) -> "Table":
        """Take a frame as it is; the first level of a two-level index gives the groups."""
        parts = frame.groupby(level=0, sort=False) if frame.index.nlevels > 1 else [(None, frame)]
        groups = []
        for name, part in parts:
            lines = (part if name is None else part.droplevel(0)).itertuples()
            groups.append((name, [(str(key), list(map(str, values))) for key, *values in lines]))
        return cls(caption, list(map(str, frame.columns)), groups)


@dataclass(frozen=True, repr=False)
class PageFigure:
    """A picture inside the page; it is shown at half its size in pixels.

    Attributes
    ----------
    png : bytes
    alt : str
        What it shows, in words; the caption too.
    wide : bool, default=False
        Whether a phone scrolls it.
    """

    png: bytes
    alt: str
    wide: bool = False

    def __repr__(self) -> str:
        return f"PageFigure({self.width} x {self.height}, {len(self.png) / 1000:.0f} kB: {self.alt[:60]})"

    @property
    def base64(self) -> str:
        """The file as text."""
        return base64.b64encode(self.png).decode()

    @property
    def width(self) -> int:
        """As it is shown, in pixels of the page."""
        return self._size[0] // 2

    @property
    def height(self) -> int:
        """As it is shown, in pixels of the page."""
        return self._size[1] // 2

    @property
    def _size(self) -> tuple[int, int]:
        with Image.open(io.BytesIO(self.png)) as picture:
            return picture.size


def page(**facts) -> str:
    """Fill the template ``page.html.j2``; every text is escaped.

    Parameters
    ----------
    **facts
        What the template names.
    """
    templates = Environment(
        loader=PackageLoader("wbc_tutorial.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("page.html.j2").render(generator=GENERATOR, **facts)


def check_place(path: Path) -> None:
    """Refuse to write over what the report did not write.

    Parameters
    ----------
    path : Path
        Where the page is about to be written.

    Raises
    ------
    ValueError
        A folder, a page by someone else, or a file that cannot be read.
    """
    fix = "rename or move it, and give the same command again"
    if path.is_dir():
        raise ValueError(f"{path} is a folder; the report needs that name for its page: {fix}")
    if not path.exists():
        return
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            head = file.read(4096)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}): {fix}") from None
    if not re.search(rf'<meta name="generator" content="{GENERATOR}">', head):
        raise ValueError(f"{path} was not written by this program, so it is not written over: {fix}")
