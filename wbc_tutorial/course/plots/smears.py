"""Figures of cells and of how many there are."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import (
    LETTER,
    class_code,
    class_colour,
    class_name,
    label_of,
    lineage_order,
    widest,
    with_alt,
)
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import CELL_CLASSES

__all__ = ["before_and_after", "contact_sheet", "counts_by_class", "glossary", "image_grid", "image_row", "stain_maps"]


def _picture(axis: Axes, image: np.ndarray) -> None:
    """Draw an image without scales around it."""
    axis.imshow(image)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _scale_bar(axis: Axes, size: int, field_um: float) -> None:
    """Draw a bar of 5 um into the lower left corner of a picture `size` pixels wide."""
    length, x, y = 5 * size / field_um, 0.06 * size, 0.94 * size
    axis.plot((x, x + length), (y, y), color="black", linewidth=3, solid_capstyle="butt")
    axis.text(x, y - 0.03 * size, "5 µm", ha="left", va="bottom", fontsize=13)


_LOOKS_IN_WORDS = {
    "sim_matek": "violet nuclei, pink red cells, a white to pale grey ground",
    "sim_acevedo": "blue-violet nuclei, brown-grey red cells, a cream ground",
    "sim_mll": "dark purple nuclei, mauve red cells, a grey to lilac ground",
}
"""Simulated laboratory -> how its pictures look, for readers who do not see them."""

_LONGEST = 400
"""Characters of the words for a row of pictures: nobody listens to more."""

_LOOK_FOR = {name: cell.morphology for cell in CELL_CLASSES for name in (cell.name, cell.code)}


def _with_look(name: str) -> str:
    """Write a name on one line, with how the pictures of a simulated laboratory look where it names one."""
    look = next((look for laboratory, look in _LOOKS_IN_WORDS.items() if laboratory in name), "")
    return " ".join(name.split()) + (f" ({look})" if look else "")


def _from_where(titles: Sequence[str], laboratories: str | Sequence[str] | None) -> str:
    """List the titles, by laboratory where they have one, each laboratory with its look."""
    if not laboratories:
        return ", ".join(titles)
    each = [laboratories] * len(titles) if isinstance(laboratories, str) else laboratories
    parts = []
    for laboratory, group in groupby(zip(each, titles, strict=True), key=lambda pair: pair[0]):
        parts.append(f"from {_with_look(laboratory)} {', '.join(title for _, title in group)}")
    return "; ".join(parts)


def _what_is_seen(titles: Sequence[str], seen: Sequence[str], brief: bool) -> str:
    """Say what is to be seen in each picture, and once what is to be seen in several; `brief`: the first thing only."""
    words = {}
    for title, what in zip(titles, seen, strict=True):
        code = class_code(what) if what in _LOOK_FOR else ""
        name = code if code and title.startswith(code) else title
        told = _LOOK_FOR.get(what, what)
        names = words.setdefault(told.split(", ")[0] if brief else told, [])
        names += [name] * (name not in names)
    if len(words) == 1:
        return f" To be seen in each: {next(iter(words))}."
    parts = [f"{', '.join(names)}: {what}" for what, names in words.items()]
    return f" To be seen: {'; '.join(parts)}."


def image_row(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    seen: Sequence[str] | None = None,
    laboratories: str | Sequence[str] | None = None,
    columns: int = 8,
    side: float = 1.35,
    field_um: float | None = None,
) -> Figure:
    """Draw images in rows with a title over each.

    Parameters
    ----------
    images : sequence of uint8 (S, S, 3)
    titles : sequence of str
        One for each image.
    seen : sequence of str, default=None
        What is to be seen in each image, for readers who do not see it: the name or code of its class, which stands for
        what to look for in that class, or words of your own. Of many images only the titles are told, as with None.
    laboratories : str or sequence of str, default=None
        Where the images were photographed, one for all or one for each; for those readers, too.
    columns : int, default=8
        Images side by side.
    side : float, default=1.35
        Of an image, in inches.
    field_um : float, default=None
        How many micrometres an image is wide: the first gets a bar of 5 um. None: no bar.

    Raises
    ------
    ValueError
        No image, or another number of titles, of words for what is seen, or of laboratories.
    """
    if len(images) != len(titles) or not len(images):
        raise ValueError(
            f"{len(images)} images and {len(titles)} titles; expected a title for each of 1 or more images"
        )
    for name, given in (("seen", seen), ("laboratories", None if isinstance(laboratories, str) else laboratories)):
        if given is not None and len(given) != len(images):
            raise ValueError(f"{name} has {len(given)} entries for {len(images)} images; expected one for each")
    n_rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    titles = [label_of(title, max(int(side / LETTER), 4)) for title in titles]
    above = 0.24 * (1 + max(title.count("\n") for title in titles)) + 0.06
    figure, axes = plt.subplots(n_rows, columns, figsize=(side * columns, (side + above) * n_rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat[: len(images)], images, titles, strict=True):
        axis.imshow(image)
        axis.set_title(title, fontsize=13, loc="center")
    if field_um:
        _scale_bar(axes.flat[0], np.asarray(images[0]).shape[1], field_um)
    said = [" ".join(title.split()) for title in titles]
    words = f"{len(images)} pictures side by side: {_from_where(said, laboratories)}."
    # as much of what is seen as there is room for: all of it, the first thing, or nothing
    more = [_what_is_seen(said, seen, brief) for brief in (False, True)] if seen else []
    return with_alt(figure, words + next((each for each in more if len(words + each) <= _LONGEST), ""))


def image_grid(
    images: Sequence[Sequence[np.ndarray]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    side: float = 1.3,
    field_um: float | None = None,
) -> Figure:
    """Draw images as a table: a name before each row and over each column.

    Parameters
    ----------
    images : sequence of R sequences of C uint8 (S, S, 3)
    rows : sequence of R str
    columns : sequence of C str
    side : float, default=1.3
        Of an image, in inches.
    field_um : float, default=None
        How many micrometres an image is wide: the first gets a bar of 5 um. None: no bar.

    Raises
    ------
    ValueError
        When the numbers of names and images differ.
    """
    if len(images) != len(rows) or any(len(line) != len(columns) for line in images):
        found = f"{len(images)} rows of {sorted({len(line) for line in images})} images"
        raise ValueError(f"{found} for {len(rows)} row names and {len(columns)} column names; expected as many")
    rows = [label_of(name, 18) for name in rows]
    figure, axes = plt.subplots(
        len(rows),
        len(columns),
        figsize=(side * len(columns) + LETTER * widest(rows) + 0.3, side * len(rows) + 0.4),
        squeeze=False,
    )
    for line, pictures, name in zip(axes, images, rows, strict=True):
        for axis, image in zip(line, pictures, strict=True):
            _picture(axis, image)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(label_of(name, max(int(side / LETTER), 4)), fontsize=13, loc="center")
    if field_um:
        _scale_bar(axes[0, 0], np.asarray(images[0][0]).shape[1], field_um)
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    said = ["; ".join(map(_with_look, names)) for names in (rows, columns)]
    return with_alt(figure, f"A table of pictures. Rows: {said[0]}. Columns: {said[1]}.")


def before_and_after(rows: Mapping[str, Sequence[np.ndarray]], columns: Sequence[str]) -> Figure:
    """Draw what was done to images: one row for each state, one column for each laboratory.

    Parameters
    ----------
    rows : mapping of str to sequence of uint8 (S, S, 3)
        Name of the state -> an image of each laboratory.
    columns : sequence of str
        Names of the laboratories.

    See Also
    --------
    image_grid : the same table, from a list of lists.
    """
    return image_grid(list(rows.values()), list(rows), columns, side=2)


def glossary(images: Mapping[str, np.ndarray]) -> Figure:
    """Draw classes as a page of an atlas: an example of each beside its code, name and what to look for.

    Parameters
    ----------
    images : mapping of str to uint8 (S, S, 3)
        Name or code of a class -> an example. All 13 classes, or those that are given.
    """
    images = {class_name(name): image for name, image in images.items()}
    cells = sorted((cell for cell in CELL_CLASSES if cell.name in images), key=lambda cell: lineage_order(cell.name))
    n_rows = -(-len(cells) // 2)
    figure, axes = plt.subplots(
        n_rows,
        4,
        figsize=(12, 1.3 * n_rows),
        width_ratios=(1, 3.1, 1, 3.1),
        gridspec_kw={"wspace": 0.02},
        squeeze=False,
    )
    for axis in axes.flat:
        axis.axis("off")
    for place, cell in enumerate(cells):
        picture, text = axes[place % n_rows, 2 * (place // n_rows) : 2 * (place // n_rows) + 2]
        picture.imshow(images[cell.name])
        text.set(xlim=(0, 1), ylim=(0, 1))
        text.plot((0, 0), (0.04, 0.96), color=cell.colour, linewidth=6, clip_on=False)
        text.text(0.05, 0.96, cell.code, fontweight="bold", va="top")
        text.text(0.2, 0.96, cell.name.replace("_", " "), va="top")
        text.text(0.05, 0.72, cell.lineage, va="top", color="0.35", style="italic")
        text.text(0.05, 0.48, textwrap.fill(cell.morphology, 42), va="top")
    codes = ", ".join(cell.code for cell in cells)
    return with_alt(figure, f"A page of an atlas, an example of each class beside what to look for: {codes}.")


def stain_maps(drawing, *, image: np.ndarray | None = None) -> Figure:
    """Draw how much of each stain a `simulator.Drawing` holds, and the photograph made of them.

    Parameters
    ----------
    drawing : simulator.Drawing
        From `simulator.draw_cell`.
    image : uint8 (H, W, 3), default=None
        The finished image, shown last.
    """
    from wbc_tutorial.data.simulator import STAINS

    held = [(name, layer) for name, layer in zip(STAINS, drawing.stains, strict=True) if layer.max() > 0]
    n = len(held) + (image is not None)
    figure, axes = plt.subplots(1, n, figsize=(2 * n, 2.5), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    reach = (drawing.x_um[0], drawing.x_um[-1], drawing.y_um[-1], drawing.y_um[0])
    for axis, (name, layer) in zip(axes.flat[: len(held)], held, strict=True):
        axis.imshow(layer, cmap="Greys", vmin=0, vmax=1.2, extent=reach)
        axis.contour(drawing.x_um, drawing.y_um, drawing.cell, [0], colors="C1", linewidths=1)
        axis.set_title(name, fontsize=13, loc="center")
    if image is not None:
        axes.flat[-1].imshow(image, extent=reach)
        axes.flat[-1].set_title("light that arrives", fontsize=13, loc="center")
    names = ", ".join(name for name, _ in held)
    light = "; at the right the light that they let through" if image is not None else ""
    return with_alt(figure, f"One cell as maps of its stains, dark where there is much: {names}{light}.")


def contact_sheet(cells: CellImages, *, per_class: int = 8, seed: int = 0, side: float = 0.95) -> Figure:
    """Draw one row of cells per class; a class with fewer cells leaves its row short.

    Parameters
    ----------
    cells : CellImages
    per_class : int, default=8
        Cells of a class at most, drawn at random.
    seed : int, default=0
    side : float, default=0.95
        Of an image, in inches.
    """
    generator = np.random.default_rng(seed)
    present = [c for c in range(len(cells.classes)) if np.any(cells.labels == c)]
    figure, axes = plt.subplots(
        len(present), per_class, figsize=(side * per_class + 0.8, side * len(present)), squeeze=False
    )
    for row, c in zip(axes, present, strict=True):
        rows = generator.permutation(np.flatnonzero(cells.labels == c))[:per_class]
        for axis in row:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        for axis, index in zip(row[: len(rows)], rows, strict=True):
            axis.imshow(cells.images[index].transpose(1, 2, 0))
        row[0].set_ylabel(class_code(cells.classes[c]), rotation=0, ha="right", va="center")
    figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    codes = ", ".join(class_code(cells.classes[c]) for c in present)
    return with_alt(figure, f"A row of up to {per_class} cells for each class: {codes}.")


def counts_by_class(
    counts: np.ndarray, classes: Sequence[str], domain_names: Sequence[str], *, log: bool = True
) -> Figure:
    """Draw N[d, c] as bars, a panel per laboratory; missing classes are hatched and marked with a cross.

    Parameters
    ----------
    counts : int (D, C)
    classes : sequence of C str
    domain_names : sequence of D str
    log : bool, default=True
        Whether the axis of the counts is logarithmic.
    """
    counts = np.asarray(counts)
    figure, axes = plt.subplots(
        len(counts), 1, figsize=(10, 2.3 * len(counts) + 0.3), sharex=True, sharey=True, squeeze=False
    )
    x = np.arange(len(classes))
    top = max(counts.max(), 2)
    for axis, row, name in zip(axes[:, 0], counts, domain_names, strict=True):
        axis.bar(x, row, color=[class_colour(c) for c in classes], edgecolor="black", linewidth=0.5)
        missing = row == 0
        axis.bar(x[missing], top, color="none", edgecolor="0.75", hatch="///", linewidth=0)
        for position, value in zip(x, row, strict=True):
            axis.text(position, value * 1.1 if value else 1.5, value or "✕", ha="center", va="bottom")
        axis.set(title=label_of(name, 60), ylabel="images", xticks=x, xticklabels=[class_code(c) for c in classes])
        if log:
            axis.set(yscale="log", ylim=(1, top * 7))
        else:
            axis.set(ylim=(0, top * 1.3))
    told = []
    for row, name in zip(counts, domain_names, strict=True):
        there, lacks = row[row > 0], [class_code(c) for c, n in zip(classes, row, strict=True) if n == 0]
        reach = f"{there.min():,} to {there.max():,} images a class" if there.size else "no image"
        told.append(f"{name}: {reach}" + (f", none of {', '.join(lacks)}" if lacks else ""))
    return with_alt(figure, f"Images per class. {'; '.join(told)}.")
