"""Figures of the laboratory board: a cell under turned knobs, the target beside it, and a network's probabilities."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import class_code, class_colour, styled, with_alt

__all__ = ["answers_along", "colour_distance", "laboratory_board", "part_by_part"]


def colour_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return how far two pictures of the same cell lie apart: the mean absolute difference of their pixel values.

    Parameters
    ----------
    one, other : uint8 (S, S, 3)

    Returns
    -------
    float
        0 (the same picture) to 255.

    Examples
    --------
    >>> colour_distance(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 30, np.uint8))
    30.0
    """
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


def laboratory_board(
    mine: np.ndarray, target: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], truth: str, *,
    names: tuple[str, str] = ("your laboratory", "target"),
) -> Figure:  # fmt: skip
    """Draw a cell under your knobs beside the target, how far they are apart, and what a network says of yours.

    Parameters
    ----------
    mine, target : uint8 (S, S, 3)
    probabilities : float (C,)
        Of the network, for `mine`.
    classes : sequence of C str
    truth : str
        What the cell is.
    names : (str, str), default=("your laboratory", "target")
        Over the two pictures.

    Returns
    -------
    Figure
        Its places are fixed, so that the page does not move while a slider does.
    """
    figure = plt.figure(figsize=(10.5, 5.6), layout="none")
    for image, left, name in ((mine, 0.02, names[0]), (target, 0.36, names[1])):
        axis = figure.add_axes((left, 0.41, 0.30, 0.52))
        axis.imshow(image)
        axis.axis("off")
        axis.set_title(name, loc="center")
    distance = colour_distance(mine, target)
    gauge = figure.add_axes((0.73, 0.52, 0.22, 0.07))
    gauge.barh(0, distance, color="#BC4B2A" if distance > 12 else "#1a7f37", height=1)
    gauge.set(xlim=(0, 80), ylim=(-0.5, 0.5), yticks=(), xticks=(0, 40, 80), xlabel="0 = the same picture")
    gauge.set_title(f"distance {distance:.1f}", loc="left", fontsize=20)
    said = int(np.argmax(probabilities))
    right = classes[said] == truth
    figure.text(0.72, 0.88, f"The network says {class_code(classes[said])}", fontsize=16)
    figure.text(0.72, 0.81, "✓ right" if right else f"✗ it is {class_code(truth)}", fontsize=16,
                color="#1a5c2e" if right else "#8f1d14")  # fmt: skip
    _probabilities(figure.add_axes((0.07, 0.09, 0.90, 0.24)), probabilities, classes, truth)
    best = np.argsort(-np.asarray(probabilities))[:3]
    told = ", ".join(f"{class_code(classes[c])} {probabilities[c]:.2f}" for c in best)
    return with_alt(
        figure,
        f"A simulated {truth.replace('_', ' ')} under the turned knobs, beside {names[1]}: "
        f"distance {distance:.1f} of 255. "
        f"The network's probabilities: {told}.",
    )


def _probabilities(axis: Axes, probabilities: np.ndarray, classes: Sequence[str], truth: str) -> None:
    """Draw a bar for each class; the true one has a thick edge."""
    for x, (name, p) in enumerate(zip(classes, probabilities, strict=True)):
        axis.bar(x, p, color=class_colour(name), edgecolor="black", linewidth=2.5 if name == truth else 0.5)
        if p >= 0.05:
            axis.text(x, p + 0.03, f"{p:.2f}", ha="center")
    codes = [class_code(name) for name in classes]
    axis.set(xticks=range(len(classes)), xticklabels=codes, ylim=(0, 1.2), yticks=(0, 1), ylabel="probability")
    axis.get_xticklabels()[list(classes).index(truth)].set_fontweight("bold")


def answers_along(
    settings: Sequence[float], probabilities: np.ndarray, classes: Sequence[str], truth: str, *,
    pictures: Mapping[float, np.ndarray], label: str, title: str = "", most: int = 4,
) -> Figure:  # fmt: skip
    """Draw what a network says of one cell while one knob is turned: a few pictures, and its probabilities below.

    Parameters
    ----------
    settings : sequence of K float
        Of the knob, in order.
    probabilities : float (K, C)
    classes : sequence of C str
    truth : str
        What the cell is.
    pictures : mapping of float to uint8 (S, S, 3)
        Setting -> the cell there, from left to right.
    label : str
        Of the knob.
    title : str, default=""
    most : int, default=4
        So many classes are drawn: those with the highest probability anywhere, the true one among them.
    """
    probabilities = np.asarray(probabilities)
    shown = [c for c in np.argsort(-probabilities.max(axis=0))[:most]]
    if list(classes).index(truth) not in shown:
        shown[-1] = list(classes).index(truth)
    figure = plt.figure(figsize=(10.5, 5.6))
    grid = figure.add_gridspec(2, len(pictures), height_ratios=(1, 1.3))
    for k, (value, picture) in enumerate(pictures.items()):
        axis = figure.add_subplot(grid[0, k])
        axis.imshow(picture)
        axis.axis("off")
        axis.set_title(f"{value:+.2f}" if min(pictures) < 0 else f"{value:.2f}", loc="center", fontsize=13)
    axis = figure.add_subplot(grid[1, :])
    for style, c in styled(shown):
        look = {"marker": style.marker, "color": style.colour, "linestyle": style.linestyle}
        true = classes[c] == truth
        name = class_code(classes[c]) + (" (true)" if true else "")
        axis.plot(settings, probabilities[:, c], linewidth=3 if true else 1.5, label=name, **look)
    axis.set(xlabel=label, ylabel="probability", ylim=(-0.02, 1.05))
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=14)
    ends = " and ".join(class_code(classes[probabilities[k].argmax()]) for k in (0, -1))
    return with_alt(
        figure,
        f"One {truth.replace('_', ' ')} while one knob, {label}, is turned from {settings[0]:g} to {settings[-1]:g}, "
        f"and a network's probabilities along the way: its answers at the two ends are {ends}.",
    )


def part_by_part(
    right: Mapping[str, np.ndarray], *, label: str = "share of cells named right", title: str = ""
) -> Figure:
    """Draw a score for each part that was exchanged alone, with its interval.

    Parameters
    ----------
    right : mapping of str to bool (N,)
        What was exchanged -> whether each cell was named right. The first entry is where nothing was, a level line.
    label : str, default="share of cells named right"
    title : str, default=""

    Notes
    -----
    The interval is Wilson's for a share, level .95.
    """
    names = list(right)
    figure, axis = plt.subplots(figsize=(9, 0.62 * len(names) + 1.4))
    shares = {name: np.mean(values) for name, values in right.items()}
    for y, name in enumerate(names):
        low, high = _wilson(np.asarray(right[name]))
        axis.plot((low, high), (y, y), color="0.45", linewidth=2)
        axis.plot(shares[name], y, "o" if y else "s", color="C0" if y else "black", markersize=9)
        axis.text(high + 0.015, y, f"{shares[name]:.2f}", va="center")
    axis.axvline(shares[names[0]], color="0.6", linestyle="--", linewidth=1, zorder=0)
    axis.set(yticks=range(len(names)), yticklabels=names, xlim=(0, 1.08), xlabel=label)
    axis.set_title(title)
    axis.invert_yaxis()
    told = "; ".join(f"{name.replace(chr(10), ' ')} {share:.2f}" for name, share in shares.items())
    return with_alt(figure, f"{label.capitalize()}, with intervals: {told}.")


def _wilson(right: np.ndarray, z: float = 1.96) -> tuple[float, float]:
    """Return Wilson's interval of a share."""
    n, p = len(right), float(np.mean(right))
    wide = 1 + z**2 / n
    middle, reach = (p + z**2 / (2 * n)) / wide, z / wide * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return middle - reach, middle + reach
