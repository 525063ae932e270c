"""The one look of all figures: style, colours and markers, and `show`, which adds the alt text."""

import io
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from wbc_tutorial.data.classes import CELL_CLASSES

__all__ = ["DOMAIN_STYLE", "class_code", "class_colour", "ink_on", "show", "use_style"]

DOMAIN_STYLE = (("o", "#0072B2"), ("s", "#CB8300"), ("^", "#2B9869"), ("D", "#BC7EAE"), ("v", "#0C9AEB"))
"""Marker and colour of laboratory 0, 1, 2, ...: never colour alone."""


_BY_NAME = {cell.name: cell for cell in CELL_CLASSES}


_COARSE_AS = {"neutrophil": "neutrophil_segmented", "lymphocyte": "lymphocyte_typical"}


def class_code(name: str) -> str:
    """Three letters for an axis; coarse neutrophils and lymphocytes become NEU and LYM."""
    return {"neutrophil": "NEU", "lymphocyte": "LYM"}.get(name) or _BY_NAME[name].code


def class_colour(name: str) -> str:
    """Colour of a class; a coarse class takes that of its commonest member."""
    return _BY_NAME[_COARSE_AS.get(name, name)].colour


def ink_on(colour) -> str:
    """Return black or white, whichever stands out more from a colour: its contrast is at least 4.5:1 (WCAG 2.2).

    Parameters
    ----------
    colour : colour
        As matplotlib takes it.

    Examples
    --------
    >>> ink_on("navy"), ink_on("gold")
    ('w', 'k')
    """
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour))
    return "k" if 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 else "w"


def use_style() -> None:
    """Apply the course's one style to matplotlib."""
    plt.style.use(Path(__file__).with_name("course.mplstyle"))


def _png(figure: Figure) -> bytes:
    """Write a figure as PNG and close it; in colour steps of 5, which no eye sees, cells take a third less room."""
    file, small = io.BytesIO(), io.BytesIO()
    figure.savefig(file, format="png")
    plt.close(figure)
    pixels = np.asarray(Image.open(file).convert("RGB"))
    rounded = (pixels.astype(np.int16) + 2) // 5 * 5
    Image.fromarray(rounded.astype(np.uint8)).save(small, "PNG", optimize=True)
    return small.getvalue()


def show(figure: Figure, alt: str) -> None:
    """Display a figure as PNG with its alternative text: in the output's metadata, and as a caption under it.

    Parameters
    ----------
    figure : Figure
        It is closed afterwards.
    alt : str
        What the figure shows and what to read from it, for readers who do not see it.
    """
    from IPython.display import Markdown, display

    if not alt.strip():
        raise ValueError("alt is empty: say in a sentence what the figure shows")
    png = {"image/png": _png(figure), "text/plain": alt}
    display(png, raw=True, metadata={"image/png": {"alt": alt}})
    display(Markdown(f"*{alt}*"))
