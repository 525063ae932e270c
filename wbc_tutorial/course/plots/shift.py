"""Figures of domain shift: how laboratories look apart, and what the change of laboratory costs."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import label_of, legend, styled, with_alt

__all__ = ["colour_cloud", "colour_means", "native_views", "one_number", "slope"]


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
        Score -> value and standard deviation (0 or NaN = no error bar); the same keys.
    ends : (str, str), default=("known laboratories", "unseen laboratory")
        Under the two ends.
    """
    figure, axis = plt.subplots(figsize=(8.5, 4.2))
    for style, name in styled(before):
        values, spread = np.array([before[name], after[name]], dtype=float).T
        axis.errorbar(
            (0, 1), values, spread if np.nansum(spread) else None, marker=style.marker, color=style.colour,
            linestyle=style.linestyle, capsize=4, label=label_of(name), markersize=9,
        )  # fmt: skip
    for x, scores, side, shift in ((0, before, "right", -14), (1, after, "left", 14)):
        values = sorted(value for value, _ in scores.values() if not np.isnan(value))
        for value, place in zip(values, _apart(values, 0.06), strict=True):
            axis.annotate(
                f"{value:.2f}", (x, place), (shift, 0), textcoords="offset points", ha=side, va="center_baseline"
            )
    axis.set(xlim=(-0.4, 1.4), ylim=(0, 1.02), xticks=(0, 1), xticklabels=ends, ylabel="score")
    legend(axis)
    told = [f"{name} from {before[name][0]:.2f} to {after[name][0]:.2f}" for name in before]
    return with_alt(figure, f"From {ends[0]} to {ends[1]}: {', '.join(told)}.".replace("\n", " "))


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
    figure, axes = plt.subplots(1, len(views), figsize=(2.3 * len(views), 3.1), squeeze=False, sharex=True, sharey=True)
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
    told = [
        f"{name} {view.shape[1]} px, {view.shape[1] / scale:.0f} µm wide"
        for name, view, scale in zip(names, views, px_per_um, strict=True)
    ]
    return with_alt(figure, f"Native images at one scale of pixels, the central 25 µm framed: {', '.join(told)}.")


def one_number(
    panels: Sequence[Sequence[np.ndarray]], names: Sequence[str], titles: Sequence[str], *, label: str
) -> Figure:
    """Draw one number per image as a point: a panel per way of measuring it, a strip per laboratory, a bar its median.

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
    size = (4.4 * len(panels) + 2, max(3.4, 0.45 * len(names) + 1.6))
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharex=True, sharey=True, squeeze=False)
    generator, told = np.random.default_rng(0), []
    for axis, panel, title in zip(axes[0], panels, titles, strict=True):
        middles = []
        for d, (style, (values, name)) in enumerate(styled(zip(panel, names, strict=True))):
            shown = np.asarray(values, dtype=float)
            shown = shown[~np.isnan(shown)]
            height = d + generator.uniform(-0.28, 0.28, len(shown))
            axis.scatter(shown, height, s=22, marker=style.marker, color=style.colour, alpha=0.5, label=label_of(name))
            middles.append(np.median(shown) if len(shown) else np.nan)
            axis.plot([middles[-1]] * 2, (d - 0.4, d + 0.4), color="black", linewidth=2.5)
        axis.set(title=label_of(title, 34), xlabel=label, yticks=())
        told.append(f"{title}: " + ", ".join(f"{n} {m:.0f}" for n, m in zip(names, middles, strict=True)))
    axes[0, 0].invert_yaxis()
    legend(axes[0, -1])
    return with_alt(figure, f"{label} of each image, with the medians. {'; '.join(told)}.")


def colour_cloud(
    across: np.ndarray,
    up: np.ndarray,
    domains: np.ndarray,
    names: Sequence[str],
    *,
    labels: tuple[str, str] = ("mean red of the image", "mean blue of the image"),
) -> Figure:
    """Draw each image as a point, one number of it against another; marker and colour say the laboratory.

    Parameters
    ----------
    across, up : float (N,)
    domains : int (N,)
    names : sequence of str
        Of the laboratories 0, 1, 2, ...
    labels : (str, str), default=("mean red of the image", "mean blue of the image")
        What the two numbers are.
    """
    figure, axis = plt.subplots(figsize=(7.4, 3.9))
    for d, (style, name) in enumerate(styled(names)):
        here = domains == d
        axis.scatter(across[here], up[here], s=26, marker=style.marker, color=style.colour, alpha=0.5, linewidths=0)
        axis.scatter([], [], s=60, marker=style.marker, color=style.colour, label=label_of(name))
    axis.set(xlabel=labels[0], ylabel=labels[1])
    legend(axis, handletextpad=0.1)
    told = [
        f"{name} {across[domains == d].mean():.2f} and {up[domains == d].mean():.2f}"
        for d, name in enumerate(names)
        if np.any(domains == d)
    ]
    return with_alt(figure, f"A point for each image: {labels[0]} and {labels[1]}. On average {', '.join(told)}.")


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
        axis.set(title=title, xticks=range(len(names)), xlim=(-0.6, len(names) - 0.4), ylim=(0.3, 1.12))
        axis.set_xticklabels(map(label_of, names), rotation=30, ha="right", rotation_mode="anchor")
    axes[0].set_ylabel("brightness, 0 to 1")
    for fill, what in (("0.3", "simulated"), ("white", "real (published)")):
        axes[-1].plot([], [], "o", color="0.3", mfc=fill, markersize=8, label=what)
    legend(axes[-1])
    apart = np.abs(measured[:, 0] - published[:, 0]).max()
    return with_alt(
        figure,
        f"Mean and spread of red, green and blue of {', '.join(names)}, simulated beside published: the means are at "
        f"most {apart:.2f} apart.",
    )
