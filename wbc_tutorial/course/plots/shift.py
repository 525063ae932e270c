"""Figures of domain shift: how laboratories look apart, and what the change of laboratory costs."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import DOMAIN_STYLE

__all__ = ["colour_cloud", "colour_means", "native_views", "one_number", "slope", "turned_knobs"]


def slope(
    before: dict[str, tuple[float, float]],
    after: dict[str, tuple[float, float]],
    *,
    ends: tuple[str, str] = ("known laboratories", "unseen laboratory"),
) -> Figure:
    """Draw how scores fall from one end to the other; each score is (value, standard deviation)."""
    figure, axis = plt.subplots(figsize=(5.2, 3))
    for (marker, colour), name in zip(DOMAIN_STYLE, before, strict=False):
        values, spread = zip(before[name], after[name], strict=True)
        axis.errorbar((0, 1), values, spread, marker=marker, color=colour, capsize=4, label=name, markersize=8)
        for x, value, side in zip((0, 1), values, ("right", "left"), strict=True):
            offset = (-12, -3) if side == "right" else (12, -3)
            axis.annotate(f"{value:.2f}", (x, value), offset, textcoords="offset points", ha=side)
    axis.set(xlim=(-0.4, 1.4), ylim=(0, 1.02), xticks=(0, 1), xticklabels=ends, ylabel="score")
    axis.legend(loc="lower left")
    return figure


def native_views(views: Sequence[np.ndarray], names: Sequence[str], px_per_um: Sequence[float]) -> Figure:
    """Draw native images at one scale of pixels, each with a 10 um bar and the 25 um field framed."""
    widest = max(view.shape[1] for view in views)
    tallest = max(view.shape[0] for view in views)
    figure, axes = plt.subplots(1, len(views), figsize=(2.7 * len(views), 3.1), squeeze=False, sharex=True, sharey=True)
    for axis, view, name, scale in zip(axes[0], views, names, px_per_um, strict=True):
        height, width = view.shape[:2]
        axis.imshow(view)
        side = 25 * scale
        if min(height, width) - side > 1:
            corner = ((width - side) / 2, (height - side) / 2)
            axis.add_patch(plt.Rectangle(corner, side, side, fill=False, ec="black", ls="--"))
        axis.plot((0, 10 * scale), (height + 14, height + 14), color="black", linewidth=3, clip_on=False)
        axis.text(10 * scale + 10, height + 15, "10 µm", fontsize=9, va="center")
        axis.text(0, -12, f"{name}\n{width} x {height} px, {width / scale:.0f} µm wide", fontsize=9, va="bottom")
        axis.axis("off")
    axes[0, 0].set(xlim=(0, widest), ylim=(tallest + 24, -60))
    return figure


def one_number(
    panels: Sequence[Sequence[np.ndarray]], names: Sequence[str], titles: Sequence[str], *, label: str
) -> Figure:
    """Draw one number per image, a panel per way of measuring it, a histogram per laboratory."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4 * len(panels), 2.8), sharex=True, sharey=True, squeeze=False)
    everything = np.concatenate([values for panel in panels for values in panel])
    edges = np.linspace(everything.min(), everything.max(), 26)
    for axis, panel, title in zip(axes[0], panels, titles, strict=True):
        for (marker, colour), values, name in zip(DOMAIN_STYLE, panel, names, strict=False):
            height = np.histogram(values, edges)[0]
            middle = (edges[1:] + edges[:-1]) / 2
            axis.plot(middle, height, color=colour, marker=marker, markersize=4, label=name)
            axis.fill_between(middle, height, color=colour, alpha=0.15)
        axis.set(title=title, xlabel=label)
    axes[0, 0].set(ylabel="images", ylim=(0, None))
    axes[0, -1].legend()
    return figure


def colour_cloud(red: np.ndarray, blue: np.ndarray, domains: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw each image as a point, its mean red against its mean blue; marker and colour say the laboratory."""
    figure, axis = plt.subplots(figsize=(5.6, 3.8))
    for d, ((marker, colour), name) in enumerate(zip(DOMAIN_STYLE, names, strict=False)):
        here = domains == d
        axis.scatter(red[here], blue[here], s=9, marker=marker, color=colour, alpha=0.35, linewidths=0)
        axis.scatter([], [], s=40, marker=marker, color=colour, label=name)
    axis.set(xlabel="mean red of the image", ylabel="mean blue of the image")
    axis.legend()
    return figure


def colour_means(measured: np.ndarray, published: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw mean and spread of red, green and blue: simulated laboratories (filled) beside their real twins (open).

    Parameters
    ----------
    measured, published : ndarray, shape (D, 2, 3)
        Per laboratory the mean and the standard deviation of the three channels, in [0, 1].
    """
    figure, axes = plt.subplots(1, 3, figsize=(7.8, 2.7), sharey=True)
    for channel, (axis, title) in enumerate(zip(axes, ("red", "green", "blue"), strict=True)):
        for d, ((marker, colour), _) in enumerate(zip(DOMAIN_STYLE, names, strict=False)):
            for values, x, fill in ((measured, d - 0.14, colour), (published, d + 0.14, "white")):
                mean, spread = values[d, :, channel]
                axis.errorbar(x, mean, spread, color=colour, marker=marker, mfc=fill, capsize=3, linestyle="none")
        axis.set(title=title, xticks=range(len(names)), xlim=(-0.6, len(names) - 0.4), ylim=(0.3, 1.05))
        axis.set_xticklabels(names, rotation=20, ha="right")
    axes[0].set_ylabel("brightness, 0 to 1")
    return figure


def turned_knobs(before: np.ndarray, after: np.ndarray, change: str) -> Figure:
    """Draw a cell before and after a laboratory's knobs were turned, and where its pixels now stand."""
    figure, axes = plt.subplots(1, 3, figsize=(8.4, 2.8), width_ratios=(1, 1, 1.3))
    for axis, image, title in zip(axes, (before, after), ("the laboratory as it is", change), strict=False):
        axis.imshow(image)
        axis.axis("off")
        axis.set_title(title, fontsize=9, loc="center")
    edges = np.linspace(0, 255, 33)
    for channel, (colour, name) in enumerate((("#D55E00", "red"), ("#009E73", "green"), ("#0072B2", "blue"))):
        for image, dashes in ((before, (0, (1, 1))), (after, "-")):
            height = np.histogram(image[..., channel], edges)[0] / image[..., channel].size
            label = name if image is after else None
            axes[2].step(edges[:-1], height, where="post", color=colour, linestyle=dashes, label=label)
    axes[2].set(xlabel="pixel value (dotted: as it was)", ylabel="share of pixels", xlim=(0, 255), ylim=(0, 0.5))
    axes[2].legend(loc="upper left")
    return figure
