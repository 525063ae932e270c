"""Figures of BoDA: points pulled and pushed in the plane, the counts' factors, loss curves, and the bound."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import DOMAIN_STYLE, class_code, class_colour
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
    counts : int (D, C), optional
        Default: how many of the points belong to each pair.
    classes : sequence of C str
        Names from `cells.CLASSES`: they give the colours.
    image : int
        Whose shares are drawn.
    nu, balanced, temperature
        See `losses.boda_loss`.
    """
    import torch

    from wbc_tutorial.losses import boda_loss
    from wbc_tutorial.losses.boda import scaled_distances
    from wbc_tutorial.training.centroids import pair_sums

    z = torch.tensor(np.asarray(points), dtype=torch.float64, requires_grad=True)
    y, d = torch.as_tensor(np.asarray(labels)).long(), torch.as_tensor(np.asarray(domains)).long()
    shape = (int(d.max()) + 1, len(classes))
    sums, n = pair_sums(z, y, d, shape)
    mu = sums / n[..., None]  # 0 / 0 = nan: such a pair does not exist
    counts = n if counts is None else torch.as_tensor(np.asarray(counts))
    options = {"nu": nu, "balanced": balanced, "temperature": temperature}
    loss = boda_loss(z, y, d, mu, counts, **options)
    (gradient,) = torch.autograd.grad(loss, z)
    a, positive, others = scaled_distances(z, y, d, mu, counts, **options)
    shares = (-a).masked_fill(~others, -torch.inf).softmax(1)[image].detach().numpy()
    figure, (plane, bars) = plt.subplots(1, 2, figsize=(8.6, 3.7), width_ratios=(1.5, 1))
    _points(plane, z.detach().numpy(), y.numpy(), d.numpy(), mu.numpy(), classes=classes, image=image)
    length = gradient.norm(dim=1).max().item()
    if length > 0:
        arrows = -0.9 * gradient.numpy() / length
        plane.quiver(*z.detach().numpy().T, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.006, zorder=4)
    plane.set_title(f"mean loss {loss.item():.3f}, longest gradient {length:.3f}")
    pairs = np.argwhere((counts.numpy() > 0) & np.isfinite(mu.numpy()).all(-1))
    names = [f"{class_code(classes[c])}, laboratory {e}" for e, c in pairs]
    hatch = np.where(positive[image].numpy(), "///", "")
    bars.barh(
        range(len(pairs)), shares, color=[class_colour(classes[c]) for _, c in pairs], hatch=hatch, edgecolor="black"
    )
    for k, share in enumerate(shares):
        text = f"{share:.3f}" if others[image, k] else "its own pair"
        bars.text(share + 0.03, k, text, va="center", fontsize=9)
    bars.set(yticks=range(len(pairs)), yticklabels=names, xlim=(0, 1.2), xlabel="share of the softmax")
    bars.set_title(f"image {image}: hatched = positive" if positive[image].any() else f"image {image}: no positive")
    bars.invert_yaxis()
    return figure


def _points(axis, z, labels, domains, mu, *, classes, image) -> None:
    """Draw points, their numbers and the centroids."""
    for (e, c), centre in ((pair, mu[pair]) for pair in np.ndindex(mu.shape[:2])):
        if np.isfinite(centre).all():
            marker, colour = DOMAIN_STYLE[e][0], class_colour(classes[c])
            axis.scatter(*centre, marker=marker, s=260, facecolor="none", edgecolor=colour, linewidth=1.8, zorder=2)
    for i, (x, label, domain) in enumerate(zip(z, labels, domains, strict=True)):
        edge = {"edgecolor": "black", "linewidth": 2.0 if i == image else 0.6}
        axis.scatter(
            *x, marker=DOMAIN_STYLE[domain][0], s=90 if i == image else 55, color=class_colour(classes[label]),
            zorder=3, **edge,
        )  # fmt: skip
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4}
        axis.annotate(str(i), x, (0, 12), textcoords="offset points", ha="center", fontsize=9, bbox=box, zorder=5)
    for e in range(len(mu)):
        axis.scatter([], [], marker=DOMAIN_STYLE[e][0], color="0.4", label=f"laboratory {e}")
    for c, name in enumerate(classes):
        axis.plot([], [], color=class_colour(name), linewidth=6, label=f"class {c} ({class_code(name)})")
    axis.scatter([], [], s=90, facecolor="none", edgecolor="0.4", linewidth=1.8, label="hollow: centroid")
    axis.set(xlim=(-2.2, 6.2), ylim=(-2.2, 5.2), aspect="equal")
    axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.08), ncol=3, fontsize=8, handlelength=1)


def count_factors(
    counts: np.ndarray, domain_names: Sequence[str], *, nu: float = 0.5, scales: Mapping[str, float] | None = None
) -> Figure:
    """Draw the factor on the distance to the positive, for each pair of two laboratories with all 13 classes.

    Parameters
    ----------
    counts : int (2, 13)
    domain_names : sequence of 2 str
    nu : float
    scales : mapping of str to float, optional
        Name -> `count_scale`; one panel each. Default: the reference, 1.
    """
    counts = np.asarray(counts, dtype=float)
    scales = scales or {"count_scale = 1 (reference)": 1.0}
    figure, axes = plt.subplots(1, len(scales), figsize=(1.2 + 2.6 * len(scales), 3.4), sharey=True, squeeze=False)
    for axis, (title, scale) in zip(axes[0], scales.items(), strict=True):
        axis.axhspan(0.1, 10, color="0.92", zorder=0)
        for e, name in enumerate(domain_names):
            both = (counts > 0).all(axis=0)
            own, other = counts[e, both], counts[1 - e, both]
            marker, colour = DOMAIN_STYLE[e]
            values = scale * (other / own) ** nu / own
            axis.scatter(own, values, marker=marker, color=colour, s=28, label=name)
            for c in set(np.flatnonzero(both)[[values.argmax(), values.argmin()]].tolist()):
                k = np.flatnonzero(both).tolist().index(c)
                axis.annotate(
                    class_code(CLASSES[c]), (own[k], values[k]), (6, 4), textcoords="offset points", fontsize=8
                )
        axis.set(xscale="log", yscale="log", title=title, xlabel="images of the pair, N", xlim=(8, 20000))
    axes[0, 0].set_ylabel("factor on the distance to the positive")
    axes[0, -1].legend(loc="upper right")
    return figure


def gradient_by_count(counts: np.ndarray, norms: Mapping[str, np.ndarray]) -> Figure:
    """Draw how hard BoDA pulls at an image of each pair against the pair's images, one marker per setting.

    Parameters
    ----------
    counts : int (D, C)
    norms : mapping of str to float (D, C)
        Setting -> mean norm of the gradient of the image's loss; NaN or 0 is left out.
    """
    figure, axis = plt.subplots(figsize=(6.5, 3.3))
    for (marker, colour), (name, values) in zip(DOMAIN_STYLE, norms.items(), strict=False):
        kept = (counts > 0) & (np.nan_to_num(values) > 0)
        axis.scatter(counts[kept], values[kept], marker=marker, color=colour, s=34, label=name)
    axis.set(xscale="log", yscale="log", xlabel="images of the pair, N", ylabel="mean gradient of an image")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def boda_curves(
    curves: Mapping[str, Sequence[float]], *, level: float | None = None, window: int = 15, start: int = 0
) -> Figure:
    """Draw BoDA's term over the steps, running means, one line per setting; dashed: the value of doing nothing.

    `start` is the step of the first value.
    """
    figure, axis = plt.subplots(figsize=(6.5, 3.1))
    for (marker, colour), (name, values) in zip(DOMAIN_STYLE, curves.items(), strict=False):
        smooth = np.convolve(values, np.ones(window) / window, mode="valid")
        axis.plot(
            start + np.arange(window - 1, len(values)), smooth, color=colour, marker=marker,
            markevery=max(1, len(smooth) // 7), markersize=5, label=name,
        )  # fmt: skip
    if level is not None:
        axis.axhline(level, color="black", linestyle="--", linewidth=1, label=f"log(K - 1) = {level:.2f}")
    axis.set(yscale="log", xlabel="step", ylabel="BoDA loss (before its weight)")
    ticks = [t for t in (0.5, 1, 2, 3, 5, 10, 20, 50) if axis.get_ylim()[0] <= t <= axis.get_ylim()[1]]
    axis.set_yticks(ticks, labels=map(str, ticks))
    axis.minorticks_off()
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def transfer_bars(values: Mapping[str, Sequence[float]]) -> Figure:
    """Draw alpha, beta and gamma side by side for each setting, in units of the mean of beta and gamma."""
    figure, axis = plt.subplots(figsize=(7, 3))
    x = np.arange(len(values))
    table = np.array(list(values.values()), dtype=float)
    table = table / table[:, 1:].mean(axis=1, keepdims=True)
    kinds = ("alpha: same class, other laboratory", "beta: other class, same laboratory", "gamma: both differ")
    for k, (kind, hatch) in enumerate(zip(kinds, ("", "///", "..."), strict=True)):
        colour = ("#0072B2", "#E69F00", "0.8")[k]
        bars = axis.bar(x + 0.27 * (k - 1), table[:, k], 0.25, label=kind, color=colour, hatch=hatch, edgecolor="black")
        axis.bar_label(bars, fmt="%.2f", fontsize=8)
    axis.set(xticks=x, xticklabels=list(values), ylabel="relative distance", ylim=(0, 1.2))
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize=8, columnspacing=1)
    return figure


def boda_bound(bounds: Mapping[str, np.ndarray], losses: Mapping[str, np.ndarray]) -> Figure:
    """Draw losses against their lower bound, one marker per kind of loss; below the diagonal the bound is broken."""
    figure, axis = plt.subplots(figsize=(7.4, 3.6))
    everything = np.concatenate([*bounds.values(), *losses.values()])
    low, top = everything.min(), everything.max()
    axis.plot((low, top), (low, top), color="black", linewidth=1)
    axis.fill_between((low, top), (low, low), (low, top), color="0.92", zorder=0)
    for (marker, colour), name in zip(DOMAIN_STYLE, losses, strict=False):
        axis.scatter(bounds[name], losses[name], marker=marker, s=16, color=colour, alpha=0.7, label=name)
    axis.text(0.93, 0.1, "bound broken", transform=axis.transAxes, ha="right", color="0.3")
    axis.set(xlabel="lower bound from alpha, beta, gamma", ylabel="loss per image")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
