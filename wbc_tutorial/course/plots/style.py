"""The one look of all figures: the style sheet, how series differ, the colours and codes of classes, and legends."""

import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from wbc_tutorial.data.classes import CELL_CLASSES, LINEAGES, find_class

__all__ = ["SeriesStyle", "class_code", "class_colour", "ink_on", "series_style", "use_style"]

Item = TypeVar("Item")

PALETTE = ("#0072B2", "#CB8300", "#2B9869", "#BC7EAE", "#0C9AEB", "#000000", "#7A3B00")
"""Colours that stay apart in colour-blind sight too, each 3:1 or more from white."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*", "h", "d", "8", "H")
LINES = ("-", "--", "-.", ":")
HATCHES = ("", "///", "...", "xx", "\\\\\\", "++", "---", "OO")
"""15 markers and 8 hatches over 7 colours: a pair comes back only after 105 and 56 series."""

IN_CELL = 10
"""Points of the numbers inside the cells of a heat map, the only text that is smaller than 13."""


@dataclass(frozen=True)
class SeriesStyle:
    """How one series of a figure is drawn: never by colour alone.

    Attributes
    ----------
    marker, colour, linestyle, hatch : str
        As matplotlib takes them; `hatch` is for bars.
    """

    marker: str
    colour: str
    linestyle: str
    hatch: str


def series_style(number: int) -> SeriesStyle:
    """Return how series `number` is drawn: laboratory, method or fold 0, 1, 2, ...

    There is a style for every number. From the eighth on colours come back, with another marker, line and hatch.

    Parameters
    ----------
    number : int
        0 or more.

    Examples
    --------
    >>> series_style(0)
    SeriesStyle(marker='o', colour='#0072B2', linestyle='-', hatch='')
    >>> series_style(7)
    SeriesStyle(marker='<', colour='#0072B2', linestyle='--', hatch='OO')
    """
    number = int(number)
    return SeriesStyle(
        marker=MARKERS[number % len(MARKERS)],
        colour=PALETTE[number % len(PALETTE)],
        linestyle=LINES[number // len(PALETTE) % len(LINES)],
        hatch=HATCHES[number % len(HATCHES)],
    )


def styled(series: Iterable[Item]) -> Iterator[tuple[SeriesStyle, Item]]:
    """Yield every series with its style; none is dropped, however many there are."""
    for number, each in enumerate(series):
        yield series_style(number), each


_COARSE_CODES = {"neutrophil": "NEU", "lymphocyte": "LYM"}
_COARSE_BY_CODE = {code: name for name, code in _COARSE_CODES.items()}
_COARSE_AS = {"neutrophil": "neutrophil_segmented", "lymphocyte": "lymphocyte_typical"}
_BY_NAME = {cell.name: cell for cell in CELL_CLASSES}


def class_name(name: str) -> str:
    """Return the class that a name or a code in any case stands for, ``NEU`` and ``LYM`` included."""
    coarse = _COARSE_BY_CODE.get(name.strip().upper()) if isinstance(name, str) else None
    return coarse or find_class(name)


def class_code(name: str) -> str:
    """Return the three letters of a class for an axis; coarse neutrophils and lymphocytes become NEU and LYM.

    Parameters
    ----------
    name : str
        A name or a code, in any case.

    Raises
    ------
    ValueError
        No such class.

    Examples
    --------
    >>> class_code("neutrophil_band"), class_code("ngb"), class_code("neutrophil")
    ('NGB', 'NGB', 'NEU')
    """
    name = class_name(name)
    return _COARSE_CODES.get(name) or _BY_NAME[name].code


def class_colour(name: str) -> str:
    """Return the colour of a class; a coarse class takes that of its commonest member.

    Parameters
    ----------
    name : str
        A name or a code, in any case.

    Raises
    ------
    ValueError
        No such class.

    Examples
    --------
    >>> class_colour("MON") == class_colour("monocyte")
    True
    """
    name = class_name(name)
    return _BY_NAME[_COARSE_AS.get(name, name)].colour


def lineage_order(name: str) -> tuple[int, int]:
    """Sort key of a class: lineage by lineage, then as in `CELL_CLASSES`.

    Examples
    --------
    >>> sorted(["monocyte", "erythroblast", "myeloblast", "basophil"], key=lineage_order)
    ['basophil', 'myeloblast', 'monocyte', 'erythroblast']
    """
    name = class_name(name)
    number = list(_BY_NAME).index(_COARSE_AS.get(name, name))
    return LINEAGES.index(CELL_CLASSES[number].lineage), number


def ink_on(colour) -> str:
    """Return black or white, whichever stands out more from a colour: its contrast is at least 4.5:1 (WCAG 2.2).

    Parameters
    ----------
    colour : colour
        As matplotlib takes it.

    Returns
    -------
    str
        ``"k"`` or ``"w"``.

    Examples
    --------
    >>> ink_on("navy"), ink_on("gold")
    ('w', 'k')
    """
    r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour))
    return "k" if 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 else "w"


def literal(text: str) -> str:
    r"""Return a text in which a dollar sign starts no formula.

    Examples
    --------
    >>> literal("lab $1")
    'lab \\$1'
    """
    return text.replace("$", r"\$")


def label_of(name, width: int = 24) -> str:
    r"""Return a name as a figure can hold it: wrapped, cut after three lines, and a dollar sign starts no formula.

    Examples
    --------
    >>> label_of("a_laboratory_with_a_name_of_many_letters", width=20)
    'a_laboratory_with_a_\nname_of_many_letters'
    """
    lines = [line for given in str(name).split("\n") for line in textwrap.wrap(given, width)] or [""]
    if len(lines) > 3:
        lines = [*lines[:2], f"{lines[2][: width - 1]}…"]
    return literal("\n".join(lines))


LINE, LETTER = 0.23, 0.11
"""Inches that a line of text is high, and that a letter of it is wide, about."""


def n_lines(names: Iterable[str]) -> int:
    """Count the lines of text in several names."""
    return sum(name.count("\n") + 1 for name in names)


def widest(names: Iterable[str]) -> int:
    """Count the letters of the longest line in several names."""
    return max((len(line) for name in names for line in name.split("\n")), default=0)


def legend(axis: Axes, **options) -> None:
    """Put the legend beside the axes, where it covers no data; the figure grows to hold it.

    Parameters
    ----------
    axis : Axes
        Whose series are named.
    **options
        As `Axes.legend` takes them.
    """
    names = axis.get_legend_handles_labels()[1]
    if names:
        axis.legend(**{"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "handletextpad": 0.4} | options)
        axis.figure.set_figheight(max(axis.figure.get_figheight(), LINE * n_lines(names) + 0.6))


def legend_above(axis: Axes, *, columns: int, **options) -> None:
    """Put the legend above the axes, in as many columns as fit; the figure grows to hold it.

    Parameters
    ----------
    axis : Axes
    columns : int
        At most.
    **options
        As `Axes.legend` takes them.
    """
    names = axis.get_legend_handles_labels()[1]
    fit = int(axis.figure.get_figwidth() / (LETTER * widest(names) + 0.4))
    columns = max(1, min(columns, len(names), fit))
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, **options)
    axis.figure.set_figheight(axis.figure.get_figheight() + LINE * (n_lines(names) / columns - 1))


def legend_of_all(figure: Figure, **options) -> None:
    """Put one legend beside all panels, of the series of the first; the figure grows to hold it.

    Parameters
    ----------
    figure : Figure
    **options
        As `Figure.legend` takes them.
    """
    found = dict(zip(*figure.axes[0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(found.values(), found.keys(), **{"loc": "outside right center", "handletextpad": 0.1} | options)
    figure.set_figheight(max(figure.get_figheight(), LINE * n_lines(found) + 0.6))


def with_alt(figure: Figure, alt: str) -> Figure:
    """Leave with a figure the words for readers who do not see it, and return the figure; `show` takes them from there.

    Parameters
    ----------
    figure : Figure
    alt : str
        What is drawn and what to see in it, five words or more, from the data that were drawn.

    Examples
    --------
    >>> with_alt(plt.figure(), "Two bars: the first is higher.").alt
    'Two bars: the first is higher.'
    """
    figure.alt = " ".join(alt.split())  # type: ignore[attr-defined]
    return figure


@contextmanager
def any_script() -> Iterator[None]:
    """Draw without a warning for each sign that no installed font has: it is drawn as a box."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        yield


_MORE_GLYPHS = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Hiragino Sans", "PingFang SC", "Yu Gothic", "Microsoft YaHei",
    "Malgun Gothic", "WenQuanYi Zen Hei", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari",
    "Arial Unicode MS",
)  # fmt: skip


def use_style() -> None:
    """Apply the course's one style to matplotlib, and use installed fonts of other scripts for names in them."""
    plt.style.use(Path(__file__).with_name("course.mplstyle"))
    installed = {font.name for font in font_manager.fontManager.ttflist}
    plt.rcParams["font.family"] = ["DejaVu Sans", *(name for name in _MORE_GLYPHS if name in installed)]
