"""Figures of BoDA: points pulled and pushed in the plane, the counts' factors, loss curves, and the bound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import (
    class_code,
    class_colour,
    label_of,
    legend,
    legend_above,
    series_style,
    styled,
    with_alt,
)
from wbc_tutorial.data.classes import CLASSES

__all__ = ["boda_bound", "boda_curves", "boda_plane", "count_factors", "gradient_by_count", "transfer_bars"]


@dataclass(frozen=True)
class Forces:
    """What BoDA does to n points in the plane; K is the number of domain-class pairs that exist.

    Attributes
    ----------
    loss : float
        Mean over (image, positive) pairs.
    gradient : float (n, 2)
        Of the loss; downhill is against it.
    centroids : float (D, C, 2)
        Means of the points; nan where there is none.
    pairs : list of K (int, int)
        (domain, class) of each column of the tables that follow.
    shares : float (n, K)
        Of the softmax of minus the scaled distances; 0 for the image's own pair.
    positive, others : bool (n, K)
        The image's class in another domain; every pair but its own.
    """

    loss: float
    gradient: np.ndarray
    centroids: np.ndarray
    pairs: list[tuple[int, int]]
    shares: np.ndarray
    positive: np.ndarray
    others: np.ndarray


def forces_on(points, labels, domains, counts=None, *, n_classes: int, **options) -> Forces:
    """Compute what BoDA does to points in the plane, whose pairs' centroids are the means of the points.

    Parameters
    ----------
    points : float (n, 2)
    labels, domains : int (n,)
    counts : int (D, C), default=None
        None = how many of the points belong to each pair.
    n_classes : int
        C.
    **options
        ``nu``, ``balanced`` and ``temperature`` of `wbc_tutorial.boda_loss`.
    """
    import torch

    from wbc_tutorial.losses import boda_loss, scaled_distances
    from wbc_tutorial.training.centroids import pair_sums

    z = torch.tensor(np.asarray(points), dtype=torch.float64, requires_grad=True)
    y, d = torch.as_tensor(np.asarray(labels)).long(), torch.as_tensor(np.asarray(domains)).long()
    sums, n = pair_sums(z, y, d, (int(d.max()) + 1, n_classes))
    mu = (sums / n[..., None]).detach()  # 0 / 0 = nan: such a pair does not exist
    counts = n if counts is None else torch.as_tensor(np.asarray(counts))
    loss = boda_loss(z, y, d, mu, counts, **options)
    (gradient,) = torch.autograd.grad(loss, z)
    a, positive, others = scaled_distances(z, y, d, mu, counts, **options)
    shares = (-a).masked_fill(~others, -torch.inf).softmax(1)
    pairs = np.argwhere((counts.numpy() > 0) & np.isfinite(mu.numpy()).all(-1))
    tables = (each.detach().numpy() for each in (shares, positive, others))
    return Forces(loss.item(), gradient.numpy(), mu.numpy(), [tuple(map(int, pair)) for pair in pairs], *tables)


def boda_plane(
    points,
    labels,
    domains,
    counts=None,
    *,
    classes: Sequence[str],
    image: int = 0,
    nu: float = 0.0,
    balanced: bool = False,
    temperature: float = 1.0,
    title: str = "",
) -> Figure:
    """Draw images as points in the plane with what BoDA does to each, and one image's shares of the softmax.

    Left: filled = images, hollow = centroids (means of the points), arrows = downhill, the longest drawn 1.4 long.
    Right: the softmax of the scaled distances from `image` to every other pair; positives are hatched.

    Parameters
    ----------
    points : float (n, 2)
    labels, domains : int (n,)
    counts : int (D, C), default=None
        None = how many of the points belong to each pair.
    classes : sequence of C str
        Names or codes of `CLASSES`: they give the colours.
    image : int, default=0
        Whose shares are drawn.
    nu : float, default=0.0
    balanced : bool, default=False
    temperature : float, default=1.0
        See `wbc_tutorial.boda_loss`.
    title : str, default=""
        What the figure shows; "" names the image with the longest arrow.

    See Also
    --------
    wbc_tutorial.boda_loss, wbc_tutorial.scaled_distances : what is drawn.
    """
    options = {"nu": nu, "balanced": balanced, "temperature": temperature}
    forces = forces_on(points, labels, domains, counts, n_classes=len(classes), **options)
    z, labels, domains = (np.asarray(each) for each in (points, labels, domains))
    figure, (plane, bars) = plt.subplots(1, 2, figsize=(12, 6), width_ratios=(1.6, 1))
    _points(plane, z, labels, domains, forces, classes=classes, image=image)
    length = np.linalg.norm(forces.gradient, axis=1)
    _arrows(plane, z, forces.gradient, length.max())
    strongest = f"Image {length.argmax()} is moved most" if length.max() > 0 else "No image is moved"
    plane.set_title(title or strongest)
    plane.set_xlabel(f"mean loss {forces.loss:.3f}, longest gradient {length.max():.3f}")
    tables = (each[image] for each in (forces.shares, forces.positive, forces.others))
    _shares(bars, *tables, forces.pairs, classes=classes, image=image)
    moved = ", ".join(f"{i} {_heading(-each)}" for i, each in enumerate(forces.gradient) if np.linalg.norm(each) > 1e-9)
    return with_alt(
        figure,
        f"{title or strongest}. {len(z)} numbered points, a hollow centroid for each pair, arrows downhill: "
        f"{moved or 'none'}. Image {image}'s shares of the softmax beside it, its positives hatched.",
    )


def _heading(step: np.ndarray) -> str:
    """Say in words where a step in the plane leads."""
    across, up = step
    words = [("left" if across < 0 else "right")] if abs(across) > 0.4 * abs(up) else []
    return " and ".join(words + ([("down" if up < 0 else "up")] if abs(up) > 0.4 * abs(across) else []))


def _arrows(axis: Axes, z: np.ndarray, gradient: np.ndarray, longest: float) -> None:
    """Draw arrows downhill from the points, the longest 1.4 units of the plane long."""
    if longest > 0:
        arrows = -1.4 * gradient / longest
        axis.quiver(*z.T, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.008, zorder=4)


def _shares(axis: Axes, shares, positive, others, pairs, *, classes: Sequence[str], image: int) -> None:
    """Draw one image's share of the softmax for every pair; positives are hatched."""
    names = [f"{class_code(classes[c])}, lab {e}" for e, c in pairs]
    colours = [class_colour(classes[c]) for _, c in pairs]
    hatch = np.where(positive, "///", "")
    axis.barh(range(len(pairs)), shares, color=colours, hatch=hatch, edgecolor="black")
    for k, share in enumerate(shares):
        axis.text(share + 0.03, k, f"{share:.3f}" if others[k] else "its own pair", va="center")
    axis.set(yticks=range(len(pairs)), yticklabels=names, xlim=(0, 1.3), xlabel="share of the softmax")
    axis.set_xticks(np.linspace(0, 1, 6))  # the rest is room for the numbers
    axis.set_title(f"image {image}'s shares: {'hatched = positive' if positive.any() else 'no positive'}")
    axis.invert_yaxis()


def _points(axis: Axes, z, labels, domains, forces, *, classes: Sequence[str], image: int) -> None:
    """Draw points, the centroids, and each point's number on the side where its arrow does not go."""
    mu, downhill = forces.centroids, -forces.gradient
    for (e, c), centre in ((pair, mu[pair]) for pair in np.ndindex(mu.shape[:2])):
        if np.isfinite(centre).all():
            marker, colour = series_style(e).marker, class_colour(classes[c])
            axis.scatter(*centre, marker=marker, s=360, facecolor="none", edgecolor=colour, linewidth=2, zorder=2)
    for i, (x, label, domain) in enumerate(zip(z, labels, domains, strict=True)):
        edge = {"edgecolor": "black", "linewidth": 2.0 if i == image else 0.6}
        axis.scatter(
            *x, marker=series_style(domain).marker, s=130 if i == image else 85, color=class_colour(classes[label]),
            zorder=3, **edge,
        )  # fmt: skip
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4}
        said, above = f"{i} {class_code(classes[label])}", downhill[i, 1] <= 0  # where no arrow goes
        axis.annotate(
            said, x, (0, 13 if above else -13), textcoords="offset points", ha="center",
            va="baseline" if above else "top", bbox=box, zorder=5,
        )  # fmt: skip
    for e in range(len(mu)):
        axis.scatter([], [], marker=series_style(e).marker, s=60, color="0.4", label=f"laboratory {e}")
    for c, name in enumerate(classes):
        axis.plot([], [], color=class_colour(name), linewidth=7, label=f"class {c} ({class_code(name)})")
    axis.scatter([], [], s=110, facecolor="none", edgecolor="0.4", linewidth=1.8, label="hollow: centroid")
    axis.set(xlim=(-2.2, 6.2), ylim=(-2.2, 5.2), aspect="equal")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncol=3, handlelength=1)


def count_factors(
    counts: np.ndarray,
    domain_names: Sequence[str],
    *,
    nu: float = 0.5,
    scales: Mapping[str, float] | None = None,
    title: str = "",
) -> Figure:
    """Draw the factor on the distance to the positive, for each pair of two laboratories with all 13 classes.

    Parameters
    ----------
    counts : int (2, 13)
    domain_names : sequence of 2 str
    nu : float, default=0.5
    scales : mapping of str to float, default=None
        Name -> `count_scale`; one panel each. None = the reference, 1.
    title : str, default=""
        Over all.

    Raises
    ------
    ValueError
        When there are not two laboratories: the factor of a pair is its own count against the other laboratory's.
    """
    counts = np.asarray(counts, dtype=float)
    if counts.shape != (2, len(CLASSES)) or len(domain_names) != 2:
        raise ValueError(
            f"counts {counts.shape} of {len(domain_names)} laboratories; expected (2, {len(CLASSES)}): two of them"
        )
    scales = scales or {"count_scale = 1 (reference)": 1.0}
    figure, axes = plt.subplots(1, len(scales), figsize=(1.6 + 4.2 * len(scales), 5), sharey=True, squeeze=False)
    both, felt = np.flatnonzero((counts > 0).all(axis=0)), []
    for axis, (panel, scale) in zip(axes[0], scales.items(), strict=True):
        axis.axhspan(0.1, 10, color="0.92", zorder=0)
        factors = scale * (counts[::-1, both] / counts[:, both]) ** nu / counts[:, both]  # (2, classes of both)
        for style, name, own, values in zip(map(series_style, (0, 1)), domain_names, counts, factors, strict=True):
            axis.scatter(own[both], values, marker=style.marker, color=style.colour, s=55, label=label_of(name))
        for e, k in (divmod(int(factors.argmax()), len(both)), divmod(int(factors.argmin()), len(both))):
            said = f"{class_code(CLASSES[both[k]])}, {domain_names[e]}"
            away = (9, -4) if counts[e, both[k]] < 400 else (-9, -4)
            axis.annotate(
                said, (counts[e, both[k]], factors[e, k]), away, textcoords="offset points",
                ha="left" if away[0] > 0 else "right",
            )  # fmt: skip
        felt.append(f"{panel}: {int(((factors >= 0.1) & (factors <= 10)).sum())} of {factors.size} pairs in it")
        axis.set(xscale="log", yscale="log", title=label_of(panel, 30), xlabel="images of the pair, N", xlim=(8, 20000))
    axes[0, 0].set_ylabel("factor on the distance\nto the positive")
    axes[0, -1].legend(loc="upper right", handletextpad=0.1)
    figure.suptitle(title, x=0.01, ha="left")
    return with_alt(
        figure,
        f"{title + '. ' if title else ''}Factor on the distance to the positive against the count of the pair, both "
        f"logarithmic; the grey zone from .1 to 10 is where a distance can be felt. {'; '.join(felt)}.",
    )


def gradient_by_count(counts: np.ndarray, norms: Mapping[str, np.ndarray], *, title: str = "") -> Figure:
    """Draw how hard BoDA pulls at an image of each pair against the pair's images, one marker per setting.

    Parameters
    ----------
    counts : int (D, C)
    norms : mapping of str to float (D, C)
        Setting -> mean norm of the gradient of the image's loss; NaN or 0 is left out.
    title : str, default=""
    """
    figure, axis = plt.subplots(figsize=(9.5, 4.6))
    counts, told = np.asarray(counts), []
    for style, (name, values) in styled(norms.items()):
        kept = (counts > 0) & (np.nan_to_num(values) > 0)
        axis.scatter(
            counts[kept], np.asarray(values)[kept], marker=style.marker, color=style.colour, s=55, label=label_of(name)
        )
        if kept.any():
            told.append(
                f"{name}: from {np.asarray(values)[kept].max():.1e} down to {np.asarray(values)[kept].min():.1e}"
            )
    axis.set(xscale="log", yscale="log", xlabel="images of the pair, N", ylabel="mean gradient of an image")
    axis.set_title(title)
    legend(axis, handletextpad=0.1)
    return with_alt(figure, f"Mean gradient of an image against the images of its pair, both logarithmic. "
                    f"{'; '.join(told)}.")  # fmt: skip


def boda_curves(
    curves: Mapping[str, Sequence[float]],
    *,
    level: float | None = None,
    window: int = 15,
    start: int = 0,
    title: str = "",
) -> Figure:
    """Draw BoDA's term over the steps, centred running means, one line per setting; dotted: the value of doing nothing.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        Setting -> loss of each step.
    level : float, default=None
        The value of doing nothing, log(K - 1).
    window : int, default=15
        Steps of the running mean, half of them before and half after; at the ends the mean of what there is.
    start : int, default=0
        The step of the first value.
    title : str, default=""
    """
    figure, axis = plt.subplots(figsize=(9.5, 4.2))
    ends = {}
    for style, (name, values) in styled(curves.items()):
        loss = pd.Series(values, dtype=float, index=start + np.arange(len(values)))
        smooth = loss.rolling(window, min_periods=1, center=True).mean()
        axis.plot(
            smooth, color=style.colour, marker=style.marker, linestyle=style.linestyle,
            markevery=max(1, len(smooth) // 7), label=label_of(name),
        )  # fmt: skip
        if len(smooth):
            ends[name] = smooth.iloc[-1]
    if level is not None:
        axis.axhline(level, color="black", linestyle=":", linewidth=1.5, label=f"log(K - 1) = {level:.2f}")
    axis.set(yscale="log", xlabel="step", ylabel="BoDA loss\n(before its weight)")
    ticks = [t for t in (0.5, 1, 2, 3, 5, 10, 20, 50) if axis.get_ylim()[0] <= t <= axis.get_ylim()[1]]
    axis.set_yticks(ticks, labels=map(str, ticks))
    axis.minorticks_off()
    axis.set_title(title)
    legend(axis)
    told = "; ".join(f"{name} ends near {end:.2f}" for name, end in ends.items())
    doing = "" if level is None else f" The dotted line, {level:.2f}, is the value of doing nothing."
    return with_alt(figure, f"BoDA's loss over the steps, logarithmic, a line per setting. {told}.{doing}")


def transfer_bars(values: Mapping[str, Sequence[float]], *, title: str = "") -> Figure:
    """Draw alpha, beta and gamma side by side for each setting, in units of the mean of beta and gamma.

    Parameters
    ----------
    values : mapping of str to (float, float, float)
        Setting -> alpha, beta, gamma, as of `wbc_tutorial.transferability`.
    title : str, default=""
    """
    figure, axis = plt.subplots(figsize=(max(8.5, 1.7 * len(values) + 1.2), 4.4))
    x = np.arange(len(values))
    table = np.array(list(values.values()), dtype=float)
    table = table / table[:, 1:].mean(axis=1, keepdims=True)
    kinds = ("alpha: same class, other laboratory", "beta: other class, same laboratory", "gamma: both differ")
    for k, (kind, hatch) in enumerate(zip(kinds, ("", "///", "..."), strict=True)):
        colour = ("#0072B2", "#E69F00", "0.8")[k]
        bars = axis.bar(x + 0.28 * (k - 1), table[:, k], 0.26, label=kind, color=colour, hatch=hatch, edgecolor="black")
        axis.bar_label(bars, fmt="%.2f", padding=2)
    axis.set(xticks=x, xticklabels=[label_of(name, 14) for name in values], ylabel="relative distance")
    axis.set_ylim(0, 1.15 * np.nanmax(table, initial=1))
    legend_above(axis, columns=2, columnspacing=1, title=title or None)
    told = "; ".join(f"{name} {alpha:.2f}" for name, alpha in zip(values, table[:, 0], strict=True))
    return with_alt(figure, f"Alpha, beta and gamma in units of the mean of beta and gamma. Alpha: {told}.")


def boda_bound(bounds: Mapping[str, np.ndarray], losses: Mapping[str, np.ndarray], *, title: str = "") -> Figure:
    """Draw losses against their lower bound, one marker per kind of loss; below the diagonal the bound is broken.

    Parameters
    ----------
    bounds, losses : mapping of str to float (n,)
        Kind of loss -> a value per arrangement; the same keys.
    title : str, default=""

    See Also
    --------
    wbc_tutorial.boda_lower_bound : the bound.
    """
    figure, axis = plt.subplots(figsize=(10, 4.8))
    everything = np.concatenate([*bounds.values(), *losses.values()])
    low, top = np.nanmin(everything), np.nanmax(everything)
    axis.plot((low, top), (low, top), color="black", linewidth=1)
    axis.fill_between((low, top), (low, low), (low, top), color="0.92", zorder=0)
    for style, name in styled(losses):
        axis.scatter(
            bounds[name], losses[name], marker=style.marker, s=26, color=style.colour, alpha=0.7, label=label_of(name)
        )
    axis.text(0.93, 0.1, "bound broken", transform=axis.transAxes, ha="right", color="0.3")
    axis.set(xlabel="lower bound from alpha, beta, gamma", ylabel="loss per image")
    axis.set_title(title)
    legend(axis, handletextpad=0.1)
    told = (
        f"{name}: {int(np.sum(np.asarray(losses[name]) < np.asarray(bounds[name]) - 1e-9))} of {len(losses[name])}"
        for name in losses
    )
    return with_alt(figure, f"Loss per image against its lower bound; below the diagonal lie {'; '.join(told)}.")
