"""The page: from plain facts, tables and PNGs to one HTML file, by the templates beside this file."""

import base64
import hashlib
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

__all__ = ["PageFigure", "Table", "check_place", "page", "room_for_cells"]

GENERATOR = "wbc_tutorial report"
"""What a page says of who wrote it: only such a page is ever written over."""

MOST_MB = 5
"""Megabytes of a page, at most: what the figures leave of it is for pictures of cells."""

TEXT_MB = 0.5
"""Of them for text and tables."""

CONTENTS = {
    "fall": "From known to unseen laboratories",
    "cells": "Confused cells",
    "confusion": "Confusion matrices",
    "tables": "Tables",
    "differences": "Differences to ERM",
    "calibration": "Calibration",
    "latent": "Latent space (UMAP)",
    "provenance": "Provenance",
}
"""Anchor of a section -> its title."""

_SHOWN_IF = {
    "fall": ("fall",),
    "cells": ("worst",),
    "confusion": ("places", "unread"),
    "differences": ("differences", "note"),
    "calibration": ("calibrations",),
    "latent": ("latent_maps",),
}
"""Anchor -> facts of which one must be there; the other sections always are."""

_NOTHING = {
    **{"fall": [], "fall_head": "method", "fall_alt": "", "worst": [], "worst_method": "", "places": [], "unread": ""},
    **{"no_pictures": "", "counted": "", "pictures": [], "fields": {}, "capped": "", "most": 0, "averaged": False},
    **{"metrics": [], "slides": [], "reference": "", "differences": [], "note": "", "compared": "", "points": None},
    **{"calibrations": [], "latent_maps": []},
}
"""What a page holds that is told nothing of it."""


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes
    ----------
    caption : str
    columns : list of str
    groups : list of (str or None, list of (str, list of str))
        Name of a group of lines, None without one; in it the name of each line and its values.
    note : str, default=""
        A line under it.
    head : str, default="method"
        What its lines are.
    """

    caption: str
    columns: list[str]
    groups: list[tuple[str | None, list[tuple[str, list[str]]]]]
    note: str = ""
    head: str = "method"

    @classmethod
    def of(cls, frame: pd.DataFrame, caption: str, note: str = "", head: str = "method") -> "Table":
        """Take a frame as it is; the first level of a two-level index gives the groups."""
        parts = frame.groupby(level=0, sort=False) if frame.index.nlevels > 1 else [(None, frame)]
        groups = []
        for name, part in parts:
            lines = (part if name is None else part.droplevel(0)).itertuples()
            groups.append((name, [(str(key), list(map(str, values))) for key, *values in lines]))
        return cls(caption, list(map(str, frame.columns)), groups, note, head)


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
    """Fill the template ``page.html.j2``; every text is escaped, and only the page's own script may run in it.

    Parameters
    ----------
    **facts
        What the template names; ``contents`` may give sections other titles. A section without facts is left out, of
        the contents too.
    """
    facts = _NOTHING | facts
    titles = CONTENTS | facts.pop("contents", {})
    shown = [key for key in CONTENTS if key not in _SHOWN_IF or any(facts[of] for of in _SHOWN_IF[key])]
    templates = Environment(
        loader=PackageLoader("wbc_tutorial.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = templates.get_template("script.html.j2").render()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return templates.get_template("page.html.j2").render(
        generator=GENERATOR,
        contents={key: titles[key] if key in shown else None for key in CONTENTS},
        script=Markup(script),  # noqa: S704 - a file of this package, without any fact in it
        script_digest=f"sha256-{digest}",
        **facts,
    )


def room_for_cells(figures: Iterable[PageFigure]) -> int:
    """Return how many bytes of a page are left for pictures of cells.

    Parameters
    ----------
    figures : iterable of PageFigure
        All figures of the page.
    """
    return int(max((MOST_MB - TEXT_MB) * 1e6 - sum(len(figure.base64) for figure in figures), 0))


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
