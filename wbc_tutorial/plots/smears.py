"""Figures of cells and of how many there are."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.cell_images import CellImages
from wbc_tutorial.plots.style import class_code, class_colour

__all__ = ["contact_sheet", "counts_by_class", "image_row"]


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
