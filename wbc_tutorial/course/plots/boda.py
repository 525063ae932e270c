"""Figures of BoDA: points pulled and pushed in the plane, the counts' factors, loss curves, and the bound."""

from collections.abc import Mapping, Sequence

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
)
from wbc_tutorial.data.classes import CLASSES

__all__ = ["boda_bound", "boda_curves", "boda_plane", "count_factors", "gradient_by_count", "transfer_bars"]


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
) -> Figure:
    """Draw images as points in the plane with what BoDA does to each, and one image's shares of the softmax.

    Left: filled = images, hollow = centroids (means of the points), arrows = downhill, the longest drawn 0.9 long.
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

    See Also
    --------
    wbc_tutorial.boda_loss, wbc_tutorial.scaled_distances : what is drawn.
    """
    import torch

    from wbc_tutorial.losses import boda_loss, scaled_distances
    from wbc_tutorial.training.centroids import pair_sums

    z = torch.tensor(np.asarray(points), dtype=torch.float64, requires_grad=True)
    y, d = torch.as_tensor(np.asarray(labels)).long(), torch.as_tensor(np.asarray(domains)).long()
    sums, n = pair_sums(z, y, d, (int(d.max()) + 1, len(classes)))
    mu = sums / n[..., None]  # 0 / 0 = nan: such a pair does not exist
    counts = n if counts is None else torch.as_tensor(np.asarray(counts))
    options = {"nu": nu, "balanced": balanced, "temperature": temperature}
    loss = boda_loss(z, y, d, mu, counts, **options)
    (gradient,) = torch.autograd.grad(loss, z)
    a, positive, others = scaled_distances(z, y, d, mu, counts, **options)
    shares = (-a).masked_fill(~others, -torch.inf).softmax(1)[image].detach().numpy()
    pairs = np.argwhere((counts.numpy() > 0) & np.isfinite(mu.numpy()).all(-1))
    figure, (plane, bars) = plt.subplots(1, 2, figsize=(11, 5.2), width_ratios=(1.5, 1))
    _points(plane, z.detach().numpy(), y.numpy(), d.numpy(), mu.numpy(), classes=classes, image=image)
    _arrows(plane, z.detach().numpy(), gradient.numpy(), loss.item())
    _shares(bars, shares, positive[image].numpy(), others[image].numpy(), pairs, classes=classes, image=image)
    return figure


def _arrows(axis: Axes, z: np.ndarray, gradient: np.ndarray, loss: float) -> None:
    """Draw downhill arrows from the points, and write the loss and the longest gradient above."""
    length = np.linalg.norm(gradient, axis=1).max()
    if length > 0:
        arrows = -0.9 * gradient / length
        axis.quiver(*z.T, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.006, zorder=4)
    axis.set_title(f"mean loss {loss:.3f}, longest gradient {length:.3f}")


def _shares(axis: Axes, shares, positive, others, pairs, *, classes: Sequence[str], image: int) -> None:
    """Draw one image's share of the softmax for every pair; positives are hatched."""
    names = [f"{class_code(classes[c])}, lab {e}" for e, c in pairs]
    colours = [class_colour(classes[c]) for _, c in pairs]
    hatch = np.where(positive, "///", "")
    axis.barh(range(len(pairs)), shares, color=colours, hatch=hatch, edgecolor="black")
    for k, share in enumerate(shares):
        axis.text(share + 0.03, k, f"{share:.3f}" if others[k] else "its own pair", va="center")
    axis.set(yticks=range(len(pairs)), yticklabels=names, xlim=(0, 1.3), xlabel="share of the softmax")
    axis.set_title(f"image {image}: {'hatched = positive' if positive.any() else 'no positive'}")
    axis.invert_yaxis()


def _points(axis: Axes, z, labels, domains, mu, *, classes: Sequence[str], image: int) -> None:
    """Draw points, their numbers and the centroids."""
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
        said = f"{i} {class_code(classes[label])}"
        axis.annotate(said, x, (0, 13), textcoords="offset points", ha="center", bbox=box, zorder=5)
    for e in range(len(mu)):
        axis.scatter([], [], marker=series_style(e).marker, s=60, color="0.4", label=f"laboratory {e}")
    for c, name in enumerate(classes):
        axis.plot([], [], color=class_colour(name), linewidth=7, label=f"class {c} ({class_code(name)})")
    axis.scatter([], [], s=110, facecolor="none", edgecolor="0.4", linewidth=1.8, label="hollow: centroid")
    axis.set(xlim=(-2.2, 6.2), ylim=(-2.2, 5.2), aspect="equal")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncol=3, handlelength=1)


def count_factors(
    counts: np.ndarray, domain_names: Sequence[str], *, nu: float = 0.5, scales: Mapping[str, float] | None = None
) -> Figure:
    """Draw the factor on the distance to the positive, for each pair of two laboratories with all 13 classes.

    Parameters
    ----------
    counts : int (2, 13)
    domain_names : sequence of 2 str
    nu : float, default=0.5
    scales : mapping of str to float, default=None
        Name -> `count_scale`; one panel each. None = the reference, 1.

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
    figure, axes = plt.subplots(1, len(scales), figsize=(1.6 + 4 * len(scales), 4.4), sharey=True, squeeze=False)
    both = np.flatnonzero((counts > 0).all(axis=0))
    for axis, (title, scale) in zip(axes[0], scales.items(), strict=True):
        axis.axhspan(0.1, 10, color="0.92", zorder=0)
        for e, (style, name) in enumerate(styled(domain_names)):
            own, other = counts[e, both], counts[1 - e, both]
            values = scale * (other / own) ** nu / own
            axis.scatter(own, values, marker=style.marker, color=style.colour, s=45, label=label_of(name))
            for k in dict.fromkeys((int(values.argmax()), int(values.argmin()))):
                code = class_code(CLASSES[both[k]])
                axis.annotate(code, (own[k], values[k]), (7, 5), textcoords="offset points")
        axis.set(xscale="log", yscale="log", title=label_of(title, 30), xlabel="images of the pair, N", xlim=(8, 20000))
    axes[0, 0].set_ylabel("factor on the distance\nto the positive")
    axes[0, -1].legend(loc="upper right", handletextpad=0.1)
    return figure


def gradient_by_count(counts: np.ndarray, norms: Mapping[str, np.ndarray]) -> Figure:
    """Draw how hard BoDA pulls at an image of each pair against the pair's images, one marker per setting.

    Parameters
    ----------
    counts : int (D, C)
    norms : mapping of str to float (D, C)
        Setting -> mean norm of the gradient of the image's loss; NaN or 0 is left out.
    """
    figure, axis = plt.subplots(figsize=(9, 4.4))
    counts = np.asarray(counts)
    for style, (name, values) in styled(norms.items()):
        kept = (counts > 0) & (np.nan_to_num(values) > 0)
        axis.scatter(
            counts[kept], np.asarray(values)[kept], marker=style.marker, color=style.colour, s=50, label=label_of(name)
        )
    axis.set(xscale="log", yscale="log", xlabel="images of the pair, N", ylabel="mean gradient of an image")
    legend(axis, handletextpad=0.1)
    return figure


def boda_curves(
    curves: Mapping[str, Sequence[float]], *, level: float | None = None, window: int = 15, start: int = 0
) -> Figure:
    """Draw BoDA's term over the steps, running means, one line per setting; dotted: the value of doing nothing.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        Setting -> loss of each step.
    level : float, default=None
        The value of doing nothing, log(K - 1).
    window : int, default=15
        Steps of the running mean; a shorter line is the mean of what there is.
    start : int, default=0
        The step of the first value.
    """
    figure, axis = plt.subplots(figsize=(9.5, 4.2))
    for style, (name, values) in styled(curves.items()):
        loss = pd.Series(values, dtype=float, index=start + np.arange(len(values)))
        smooth = loss.rolling(min(window, max(len(loss), 1))).mean().dropna()
        axis.plot(
            smooth, color=style.colour, marker=style.marker, linestyle=style.linestyle,
            markevery=max(1, len(smooth) // 7), label=label_of(name),
        )  # fmt: skip
    if level is not None:
        axis.axhline(level, color="black", linestyle=":", linewidth=1.5, label=f"log(K - 1) = {level:.2f}")
    axis.set(yscale="log", xlabel="step", ylabel="BoDA loss\n(before its weight)")
    ticks = [t for t in (0.5, 1, 2, 3, 5, 10, 20, 50) if axis.get_ylim()[0] <= t <= axis.get_ylim()[1]]
    axis.set_yticks(ticks, labels=map(str, ticks))
    axis.minorticks_off()
    legend(axis)
    return figure


def transfer_bars(values: Mapping[str, Sequence[float]]) -> Figure:
    """Draw alpha, beta and gamma side by side for each setting, in units of the mean of beta and gamma.

    Parameters
    ----------
    values : mapping of str to (float, float, float)
        Setting -> alpha, beta, gamma, as of `wbc_tutorial.transferability`.
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
    legend_above(axis, columns=2, columnspacing=1)
    return figure


def boda_bound(bounds: Mapping[str, np.ndarray], losses: Mapping[str, np.ndarray]) -> Figure:
    """Draw losses against their lower bound, one marker per kind of loss; below the diagonal the bound is broken.

    Parameters
    ----------
    bounds, losses : mapping of str to float (n,)
        Kind of loss -> a value per arrangement; the same keys.

    See Also
    --------
    wbc_tutorial.boda_lower_bound : the bound.
    """
    figure, axis = plt.subplots(figsize=(9, 4.6))
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
    legend(axis, handletextpad=0.1)
    return figure
