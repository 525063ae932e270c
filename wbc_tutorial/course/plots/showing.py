"""From a figure to what a page holds: a small sharp PNG, and the words for readers who do not see it."""

import io

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from wbc_tutorial.course.plots.style import any_script

__all__ = ["alt_of", "png", "show"]

DOTS_PER_INCH = 200
SHOWN_PER_INCH = 100
"""A page shows every figure at half its size in dots: sharp on screens with two dots for a pixel."""

COLOURS, COLOURS_OF_PHOTOGRAPHS = 256, 128
"""Of the palette of a file; fewer where the grain of photographs would make it twice as large."""


def png(figure: Figure, *, dpi: int = DOTS_PER_INCH) -> bytes:
    """Write a figure as PNG and close it.

    The colours become a palette of 256, or of 128 with photographs, none of them far from the drawn one: the file
    takes a third of the room, and eyes see no difference.

    Parameters
    ----------
    figure : Figure
        It is closed afterwards.
    dpi : int, default=200
        Dots per inch.

    Returns
    -------
    bytes
    """
    file, small = io.BytesIO(), io.BytesIO()
    with any_script():
        figure.savefig(file, format="png", dpi=dpi)
    photographs = any(axis.images for axis in figure.axes)
    plt.close(figure)
    with Image.open(file) as drawn:
        pixels = drawn.convert("RGB")
    # of Pillow's methods the one that keeps rare colours too, such as those of a legend's markers; then k-means, which
    # brings the colours of large grounds back, and of photographs the smooth ones
    options = {"method": Image.Quantize.MAXCOVERAGE, "dither": Image.Dither.NONE, "kmeans": 3 if photographs else 1}
    palette = pixels.quantize(COLOURS_OF_PHOTOGRAPHS if photographs else COLOURS, **options)
    palette.save(small, "PNG", optimize=True)
    return small.getvalue()


def show(figure: Figure, alt: str | None = None, *, caption: str | None = None) -> None:
    """Display a figure with its alternative text, at half its size in dots.

    Parameters
    ----------
    figure : Figure
        It is closed afterwards.
    alt : str, default=None
        What the figure shows and what to see in it, for readers who do not see it. None: `alt_of` says it.
    caption : str, default=None
        A line under the figure; None: no line.

    Raises
    ------
    ValueError
        Something else than a figure is given, such as a list of axes.
    """
    from IPython.display import Markdown, display

    if not isinstance(figure, Figure):
        raise ValueError(f"show was given {type(figure).__name__}; expected a matplotlib Figure: plots.show(figure)")
    said = (alt or "").strip() or alt_of(figure)
    data = png(figure)
    with Image.open(io.BytesIO(data)) as drawn:
        width, height = (side * SHOWN_PER_INCH // DOTS_PER_INCH for side in drawn.size)
    shown = {"alt": said, "width": width, "height": height}
    display({"image/png": data, "text/plain": said}, raw=True, metadata={"image/png": shown})
    if under := (caption or "").strip():
        display(Markdown(f"*{under}*"))


def alt_of(figure: Figure) -> str:
    """Say in words what a figure shows: as its plot function says it, else what titles, axes and legends say.

    A function of `wbc_tutorial.plots` leaves the words with the figure (see `style.with_alt`), so that they follow the
    data that were drawn.

    Parameters
    ----------
    figure : Figure

    Returns
    -------
    str
        At most 400 characters where no plot function said more.

    Examples
    --------
    >>> figure, axis = plt.subplots()
    >>> _ = axis.plot([0, 1], [0.9, 0.4], label="ERM")
    >>> _ = axis.set(title="The fall", xlabel="step", ylabel="F1-macro"), axis.legend()
    >>> alt_of(figure)
    'The fall: F1-macro against step; ERM.'
    """
    if own := getattr(figure, "alt", ""):
        return own
    parts = [_plain(figure.get_suptitle()), *map(_panel, figure.axes)]
    parts += [", ".join(_plain(text.get_text()) for text in each.get_texts()) for each in figure.legends]
    said = ". ".join(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if not said:
        said = "This figure has no title and no labels"
    return f"{said}." if len(said) < 400 else f"{said[:398]}…"


def _panel(axis: Axes) -> str:
    """Say what a panel's title, axes and legend say; "" for one without words."""
    title = next(filter(None, (_plain(axis.get_title(loc=where)) for where in ("left", "center", "right"))), "")
    axes = " against ".join(filter(None, map(_plain, (axis.get_ylabel(), axis.get_xlabel()))))
    shown = axis.get_legend()
    names = [_plain(text.get_text()) for text in shown.get_texts()] if shown else []
    return ": ".join(filter(None, (title, "; ".join(filter(None, (axes, ", ".join(names)))))))


def _plain(text: str) -> str:
    return " ".join(text.replace(r"\$", "$").split())
