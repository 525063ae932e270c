"""Figures of domain shift: how laboratories look apart, and what the change of laboratory costs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import label_of, legend, styled

__all__ = ["colour_cloud", "colour_means", "native_views", "one_number", "slope", "turned_knobs"]


def slope(
    before: Mapping[str, tuple[float, float]],
    after: Mapping[str, tuple[float, float]],
    *,
    ends: tuple[str, str] = ("known laboratories", "unseen laboratory"),
) -> Figure:
    """Draw how scores fall from one end to the other.

    Parameters
    ----------
    before, after : mapping of str to (float, float)
        Score -> value and standard deviation (NaN = none); the same keys.
    ends : (str, str), default=("known laboratories", "unseen laboratory")
        Under the two ends.
    """
    figure, axis = plt.subplots(figsize=(8.5, 4.2))
    for style, name in styled(before):
        values, spread = np.array([before[name], after[name]], dtype=float).T
        axis.errorbar(
            (0, 1), values, spread, marker=style.marker, color=style.colour, linestyle=style.linestyle, capsize=4,
            label=label_of(name), markersize=9,
        )  # fmt: skip
    for x, scores, side, shift in ((0, before, "right", -14), (1, after, "left", 14)):
        values = sorted(value for value, _ in scores.values() if not np.isnan(value))
        for value, place in zip(values, _apart(values, 0.06), strict=True):
            axis.annotate(
                f"{value:.2f}", (x, place), (shift, 0), textcoords="offset points", ha=side, va="center_baseline"
            )
    axis.set(xlim=(-0.4, 1.4), ylim=(0, 1.02), xticks=(0, 1), xticklabels=ends, ylabel="score")
    legend(axis)
    return figure


def _apart(places: Sequence[float], gap: float) -> list[float]:
    """Return where texts stand that belong to sorted places: `gap` apart, and as near to them as that allows.

    Examples
    --------
    >>> [round(y, 2) for y in _apart([0.1, 0.5, 0.52], 0.06)]
    [0.1, 0.48, 0.54]
    """
    moved = list(places)
    for _ in range(50):
        for k in range(len(moved) - 1):
            lack = gap - (moved[k + 1] - moved[k])
            if lack > 1e-6:
                moved[k], moved[k + 1] = moved[k] - lack / 2, moved[k + 1] + lack / 2
    return moved


def native_views(views: Sequence[np.ndarray], names: Sequence[str], px_per_um: Sequence[float]) -> Figure:
    """Draw native images at one scale of pixels, each with a 10 um bar and the 25 um field framed.

    Parameters
    ----------
    views : sequence of uint8 (H, W, 3)
    names : sequence of str
    px_per_um : sequence of float
        Pixels in a micrometre.
    """
    widest = max(view.shape[1] for view in views)
    tallest = max(view.shape[0] for view in views)
    figure, axes = plt.subplots(1, len(views), figsize=(2.7 * len(views), 3.4), squeeze=False, sharex=True, sharey=True)
    for axis, view, name, scale in zip(axes[0], views, names, px_per_um, strict=True):
        height, width = view.shape[:2]
        axis.imshow(view)
        side = 25 * scale
        if min(height, width) - side > 1:
            corner = ((width - side) / 2, (height - side) / 2)
            axis.add_patch(plt.Rectangle(corner, side, side, fill=False, ec="black", ls="--"))
        axis.plot((0, 10 * scale), (height + 14, height + 14), color="black", linewidth=3, clip_on=False)
        axis.text(10 * scale + 10, height + 15, "10 µm", va="center")
        text = f"{label_of(name)}\n{width} x {height} px,\n{width / scale:.0f} µm wide"
        axis.text(0, -12, text, va="bottom")
        axis.axis("off")
    axes[0, 0].set(xlim=(0, widest), ylim=(tallest + 24, -0.32 * tallest))
    return figure


def one_number(
    panels: Sequence[Sequence[np.ndarray]], names: Sequence[str], titles: Sequence[str], *, label: str
) -> Figure:
    """Draw the distribution of one number per image: a panel per way of measuring it, a histogram per laboratory.

    Parameters
    ----------
    panels : sequence of sequence of float (N,)
        Way to measure -> laboratory -> a number per image; NaN is left out.
    names : sequence of str
        Of the laboratories.
    titles : sequence of str
        Of the panels.
    label : str
        Of the number.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.4 * len(panels) + 2, 4), sharex=True, sharey=True, squeeze=False
    )
    everything = np.concatenate([np.asarray(values, dtype=float) for panel in panels for values in panel])
    low, high = np.nanmin(everything), np.nanmax(everything)
    edges = np.linspace(low, high if high > low else low + 1, 26)
    middle = (edges[1:] + edges[:-1]) / 2
    for axis, panel, title in zip(axes[0], panels, titles, strict=True):
        for style, (values, name) in styled(zip(panel, names, strict=True)):
            height = np.histogram(np.asarray(values)[~np.isnan(values)], edges)[0]
            look = {"color": style.colour, "marker": style.marker, "linestyle": style.linestyle}
            axis.plot(middle, height, markersize=5, label=label_of(name), **look)
            axis.fill_between(middle, height, color=style.colour, alpha=0.15)
        axis.set(title=label_of(title, 34), xlabel=label)
    axes[0, 0].set(ylabel="images", ylim=(0, None))
    legend(axes[0, -1])
    return figure


def colour_cloud(red: np.ndarray, blue: np.ndarray, domains: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw each image as a point, its mean red against its mean blue; marker and colour say the laboratory.

    Parameters
    ----------
    red, blue : float (N,)
    domains : int (N,)
    names : sequence of str
        Of the laboratories 0, 1, 2, ...
    """
    figure, axis = plt.subplots(figsize=(9, 5))
    for d, (style, name) in enumerate(styled(names)):
        here = domains == d
        axis.scatter(red[here], blue[here], s=16, marker=style.marker, color=style.colour, alpha=0.35, linewidths=0)
        axis.scatter([], [], s=60, marker=style.marker, color=style.colour, label=label_of(name))
    axis.set(xlabel="mean red of the image", ylabel="mean blue of the image")
    legend(axis, handletextpad=0.1)
    return figure


def colour_means(measured: np.ndarray, published: np.ndarray, names: Sequence[str]) -> Figure:
    """Draw mean and spread of red, green and blue: simulated laboratories (filled) beside their real twins (open).

    Parameters
    ----------
    measured, published : float (D, 2, 3)
        Per laboratory the mean and the standard deviation of the three channels, in [0, 1].
    names : sequence of D str
    """
    figure, axes = plt.subplots(1, 3, figsize=(max(10, 1.8 * len(names)), 4), sharey=True)
    for channel, (axis, title) in enumerate(zip(axes, ("red", "green", "blue"), strict=True)):
        for d, (style, _) in enumerate(styled(names)):
            for values, x, fill in ((measured, d - 0.14, style.colour), (published, d + 0.14, "white")):
                mean, spread = values[d, :, channel]
                axis.errorbar(
                    x,
                    mean,
                    spread,
                    color=style.colour,
                    marker=style.marker,
                    mfc=fill,
                    ms=8,
                    capsize=3,
                    linestyle="none",
                )
        axis.set(title=title, xticks=range(len(names)), xlim=(-0.6, len(names) - 0.4), ylim=(0.3, 1.05))
        axis.set_xticklabels(map(label_of, names), rotation=30, ha="right", rotation_mode="anchor")
    axes[0].set_ylabel("brightness, 0 to 1")
    return figure


def turned_knobs(before: np.ndarray, after: np.ndarray, change: str) -> Figure:
    """Draw a cell before and after a laboratory's knobs were turned, and where its pixels now stand.

    Parameters
    ----------
    before, after : uint8 (S, S, 3)
    change : str
        Title of the cell afterwards.
    """
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), width_ratios=(1, 1, 1.3))
    for axis, image, title in zip(axes[:2], (before, after), ("the laboratory as it is", change), strict=True):
        axis.imshow(image)
        axis.axis("off")
        axis.set_title(title, fontsize=13, loc="center")
    edges = np.linspace(0, 255, 33)
    colours = (("#D55E00", "red", "o"), ("#009E73", "green", "s"), ("#0072B2", "blue", "^"))
    for channel, (colour, name, marker) in enumerate(colours):
        for image, dashes in ((before, (0, (1, 1))), (after, "-")):
            height = np.histogram(image[..., channel], edges)[0] / image[..., channel].size
            axes[2].step(
                edges[:-1], height, where="post", color=colour, linestyle=dashes, marker=marker, markersize=5,
                markevery=(channel, 4), label=name if image is after else None,
            )  # fmt: skip
    axes[2].set(xlabel="pixel value (dotted: as it was)", ylabel="share of pixels", xlim=(0, 255), ylim=(0, 0.5))
    axes[2].legend(loc="upper left")
    return figure
