"""Figures of cells and of how many there are."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import class_code, class_colour
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import CELL_CLASSES, LINEAGES

__all__ = ["contact_sheet", "counts_by_class", "glossary", "image_grid", "image_row", "stain_maps"]


def image_row(images: Sequence[np.ndarray], titles: Sequence[str], *, columns: int = 8, side: float = 1.25) -> Figure:
    """Draw images, uint8 (S, S, 3) each, in rows with a title over each."""
    n_rows = -(-len(images) // columns)
    columns = min(columns, len(images))
    figure, axes = plt.subplots(n_rows, columns, figsize=(side * columns, (side + 0.25) * n_rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        axis.imshow(image)
        axis.set_title(title, fontsize=9, loc="center")
    return figure


def image_grid(
    images: Sequence[Sequence[np.ndarray]], rows: Sequence[str], columns: Sequence[str], *, side: float = 1.2
) -> Figure:
    """Draw images, uint8 (S, S, 3) each, as a table: a name before each row and over each column."""
    figure, axes = plt.subplots(
        len(rows), len(columns), figsize=(side * len(columns) + 0.9, side * len(rows) + 0.3), squeeze=False
    )
    for line, names in zip(axes, images, strict=True):
        for axis, image in zip(line, names, strict=True):
            axis.imshow(image)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
    for axis, name in zip(axes[:, 0], rows, strict=True):
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(name, fontsize=9, loc="center")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    return figure


def glossary(images: Mapping[str, np.ndarray]) -> Figure:
    """Draw the 13 classes as a page of an atlas: an example of each beside its code, name and what to look for.

    Parameters
    ----------
    images : mapping of str to ndarray
        Class name -> uint8 (S, S, 3).
    """
    ordered = sorted(CELL_CLASSES, key=lambda cell: LINEAGES.index(cell.lineage))
    n_rows = -(-len(ordered) // 2)
    figure, axes = plt.subplots(
        n_rows, 4, figsize=(9.6, 1.15 * n_rows), width_ratios=(1, 3.1, 1, 3.1), gridspec_kw={"wspace": 0.02}
    )
    for axis in axes.flat:
        axis.axis("off")
    for place, cell in enumerate(ordered):
        picture, text = axes[place % n_rows, 2 * (place // n_rows) : 2 * (place // n_rows) + 2]
        picture.imshow(images[cell.name])
        text.set(xlim=(0, 1), ylim=(0, 1))
        text.plot((0, 0), (0.04, 0.96), color=cell.colour, linewidth=6, clip_on=False)
        text.text(0.05, 0.93, cell.code, fontweight="bold", va="top")
        text.text(0.24, 0.93, cell.name.replace("_", " "), va="top")
        text.text(0.05, 0.66, cell.lineage, va="top", fontsize=8, color="0.35", style="italic")
        text.text(0.05, 0.42, _wrapped(cell.morphology), va="top", fontsize=9)
    return figure


def _wrapped(text: str) -> str:
    """Break a sentence into lines that fit beside a picture."""
    import textwrap

    return "\n".join(textwrap.wrap(text, 44))


def stain_maps(drawing, *, image: np.ndarray | None = None) -> Figure:
    """Draw how much of each stain a `simulator.Drawing` holds, and the photograph made of them.

    Parameters
    ----------
    drawing : Drawing
        From `simulator.draw_cell`.
    image : ndarray, optional
        The finished image, uint8 (H, W, 3), shown last.
    """
    from wbc_tutorial.data.simulator import STAINS

    held = [(name, layer) for name, layer in zip(STAINS, drawing.stains, strict=True) if layer.max() > 0]
    n = len(held) + (image is not None)
    figure, axes = plt.subplots(1, n, figsize=(1.75 * n, 2.1), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    reach = (drawing.x_um[0], drawing.x_um[-1], drawing.y_um[-1], drawing.y_um[0])
    for axis, (name, layer) in zip(axes.flat, held, strict=False):
        axis.imshow(layer, cmap="Greys", vmin=0, vmax=1.2, extent=reach)
        axis.contour(drawing.x_um, drawing.y_um, drawing.cell, [0], colors="C1", linewidths=0.8)
        axis.set_title(name, fontsize=9, loc="center")
    if image is not None:
        axes.flat[-1].imshow(image, extent=reach)
        axes.flat[-1].set_title("light that arrives", fontsize=9, loc="center")
    return figure


def contact_sheet(cells: CellImages, *, per_class: int = 8, seed: int = 0, side: float = 0.85) -> Figure:
    """Draw one row of cells per class; a class with fewer cells leaves its row short."""
    generator = np.random.default_rng(seed)
    present = [c for c in range(len(cells.classes)) if np.any(cells.labels == c)]
    figure, axes = plt.subplots(
        len(present), per_class, figsize=(side * per_class + 0.6, side * len(present)), squeeze=False
    )
    for row, c in zip(axes, present, strict=True):
        rows = generator.permutation(np.flatnonzero(cells.labels == c))[:per_class]
        for axis in row:
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        for axis, index in zip(row, rows, strict=False):
            axis.imshow(cells.images[index].transpose(1, 2, 0))
        row[0].set_ylabel(class_code(cells.classes[c]), rotation=0, ha="right", va="center")
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
    return figure


def counts_by_class(
    counts: np.ndarray, classes: Sequence[str], domain_names: Sequence[str], *, log: bool = True
) -> Figure:
    """Draw N[d, c] as bars, a panel per laboratory; missing classes are hatched and marked with a cross."""
    figure, axes = plt.subplots(
        len(counts), 1, figsize=(7.5, 1.9 * len(counts)), sharex=True, sharey=True, squeeze=False
    )
    x = np.arange(len(classes))
    top = max(counts.max(), 2)
    for axis, row, name in zip(axes[:, 0], counts, domain_names, strict=True):
        axis.bar(x, row, color=[class_colour(c) for c in classes], edgecolor="black", linewidth=0.5)
        missing = row == 0
        axis.bar(x[missing], top, color="none", edgecolor="0.75", hatch="///", linewidth=0)
        for position, value in zip(x, row, strict=True):
            axis.text(position, value * 1.1 if value else 1.5, value or "✕", ha="center", va="bottom", fontsize=8)
        axis.set(title=name, ylabel="images", xticks=x, xticklabels=[class_code(c) for c in classes])
        if log:
            axis.set(yscale="log", ylim=(1, top * 4))
    return figure
