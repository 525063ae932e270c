"""Figures of what a network looks at: maps laid over cells, beside the parts that are known to name the cell."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import label_of, styled, with_alt

__all__ = ["dose_curves", "importance_maps"]


def importance_maps(
    images: Sequence[np.ndarray],
    maps: Sequence[np.ndarray],
    nuclei: Sequence[np.ndarray],
    cells: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    side: float = 1.9,
    title: str = "",
) -> Figure:
    """Draw cells above, and below each how much the score of its class falls when a place is covered.

    Parameters
    ----------
    images : sequence of n uint8 (S, S, 3)
    maps : sequence of n float (R, R)
        Fall of the score when the patch at that place is covered; below 0 it rises.
    nuclei, cells : sequence of n bool (S, S)
        Where the nucleus and the whole cell are: their outlines are drawn.
    titles : sequence of n str
    side : float, default=1.9
        Of an image, in inches.
    title : str, default=""

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        No image, or sequences of different lengths.
    """
    n = len(images)
    if not n or any(len(each) != n for each in (maps, nuclei, cells, titles)):
        raise ValueError(
            f"{n} images, {len(maps)} maps, {len(nuclei)} nuclei, {len(cells)} cells, {len(titles)} titles; expected "
            "one of each for every image"
        )
    figure, axes = plt.subplots(2, n, figsize=(side * n + 1.2, 2 * side + 1.1), squeeze=False)
    for column, image, fall, nucleus, cell, name in zip(axes.T, images, maps, nuclei, cells, titles, strict=True):
        size = image.shape[0]
        column[0].imshow(image)
        column[0].set_title(label_of(name, 16), fontsize=13, loc="center")
        extent = (-0.5, size - 0.5, size - 0.5, -0.5)
        shown = np.asarray(fall, dtype=float) / max(1e-9, float(np.abs(fall).max()))
        drawn = column[1].imshow(shown, cmap="PuOr_r", vmin=-1, vmax=1, extent=extent, interpolation="bilinear")
        for mask, line in ((cell, "--"), (nucleus, "-")):
            if mask.any() and not mask.all():
                column[1].contour(mask, [0.5], colors="black", linewidths=1.3, linestyles=line)
        for axis in column:
            axis.axis("off")
    bar = figure.colorbar(drawn, ax=axes[1].tolist(), fraction=0.025, pad=0.01)
    bar.set_label("fall of the score\n(1 = largest)")
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    inside = [_share_inside(fall, cell) for fall, cell in zip(maps, cells, strict=True)]
    told = ", ".join(
        f"{' '.join(name.split())} {share:.0%}"
        for name, share in zip(titles, inside, strict=True)
        if not np.isnan(share)
    )
    words = (
        "Cells above; below, orange where covering a place lowers the score of the class, with the outlines of nucleus "
    )
    words += f"and cell. Share of the fall inside the cell: {told}."
    return with_alt(figure, textwrap.shorten(words, 400, placeholder=" …"))


def _share_inside(fall: np.ndarray, mask: np.ndarray) -> float:
    """Return how much of all falls lies inside a mask, which is brought to the map's size."""
    rows, columns = (np.minimum((np.arange(n) + 0.5) / n * side, side - 1).astype(int)
                     for n, side in zip(fall.shape, mask.shape, strict=True))  # fmt: skip
    lower = np.clip(fall, 0, None)
    return float(lower[mask[np.ix_(rows, columns)]].sum() / lower.sum()) if lower.sum() > 0 else float("nan")


def dose_curves(
    panels: Mapping[str, tuple[Sequence[float], Mapping[str, np.ndarray]]],
    *,
    ylabel: str = "probability of the true class",
    title: str = "",
) -> Figure:
    """Draw what a network says while one property of the same cells is turned: a thin line a cell, a thick mean.

    Parameters
    ----------
    panels : mapping of str to (sequence of float (n,), mapping of str to float (K, n))
        Label of the horizontal axis -> how far the property is turned, and for each class the probability of K cells.
        What stands before a colon in the class's name is the class: it has the same colour in all panels.
    ylabel, title : str
        The default of `ylabel` is ``"probability of the true class"``, that of `title` is ``""``.

    Returns
    -------
    Figure
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(5.6 * len(panels) + 0.8, 4.4), sharey=True, squeeze=False)
    told: list[str] = []
    names = dict.fromkeys(name.partition(":")[0] for _, lines in panels.values() for name in lines)
    styles = {name: style for style, name in styled(names)}
    for axis, (label, (turned, lines)) in zip(axes[0], panels.items(), strict=True):
        for name, given in lines.items():
            style = styles[name.partition(":")[0]]
            values = np.atleast_2d(np.asarray(given, dtype=float))
            mean = values.mean(axis=0)
            axis.plot(turned, values.T, color=style.colour, alpha=0.25, linewidth=1)
            axis.plot(turned, mean, color=style.colour, linestyle=style.linestyle, marker=style.marker, linewidth=2.6,
                      label=label_of(name))  # fmt: skip
            told.append(f"{name} {mean[0]:.2f} to {mean[-1]:.2f}")
        axis.set(xlabel=label_of(label, 44), ylim=(-0.03, 1.03))
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, handletextpad=0.4, columnspacing=1.2)
    axes[0, 0].set_ylabel(ylabel)
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return with_alt(figure, f"Probability while one property is turned, thin lines for cells: {'; '.join(told)}.")
