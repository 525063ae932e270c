"""Figures of the latent space: one picture of the points in three colourings, a grid of pictures, and the graph."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from wbc_tutorial.course.plots.style import DOMAIN_STYLE, class_code, class_colour
from wbc_tutorial.data.classes import CELL_CLASSES, LINEAGES
from wbc_tutorial.evaluation.latent import classical_scaling

__all__ = ["latent_grid", "latent_map", "transferability_graph"]

_WRONG = "#D55E00"
_HALO = [withStroke(linewidth=2.5, foreground="white")]


def latent_map(  # noqa: PLR0917 (six lists of one length)
    points,
    labels,
    domains,
    wrong,
    classes: Sequence[str],
    domain_names: Sequence[str],
    *,
    title: str = "",
    numbers=None,
) -> Figure:
    """Draw the same points three times: coloured by class, by laboratory, and by whether the answer was wrong.

    Parameters
    ----------
    points : float (N, 2)
        From `wbc_tutorial.latent.embed`.
    labels, domains : int (N,)
    wrong : bool (N,)
        True where the classifier's answer is not the label.
    classes, domain_names : sequence of str
        Names by number; classes give colours and codes.
    title : str
        Stands above all three.
    numbers : wbc_tutorial.latent.Separation, optional
        Printed in the titles: they come from the features, not from the picture.
    """
    points, labels, domains = np.asarray(points), np.asarray(labels), np.asarray(domains)
    wrong = np.asarray(wrong, dtype=bool)
    if not points.shape == (len(labels), 2) or not len(labels) == len(domains) == len(wrong):
        raise ValueError(
            f"points {points.shape}, {len(labels)} labels, {len(domains)} domains, {len(wrong)} wrong; "
            "expected (N, 2) and N of each"
        )
    figure, axes = plt.subplots(1, 3, figsize=(11.4, 5.0))
    _by_class(axes[0], points, labels, classes)
    _by_laboratory(axes[1], points, domains, domain_names)
    _by_error(axes[2], points, wrong)
    titles = ["class", "laboratory", f"error: {wrong.mean():.0%} of {len(wrong)} images"]
    if numbers is not None:
        titles[0] += f"\nsilhouette of classes {numbers.class_silhouette:.2f}"
        titles[1] += (
            f"\nsilhouette of laboratories {numbers.laboratory_silhouette:.2f}\n"
            f"named right {numbers.laboratory_accuracy:.2f}, chance {numbers.laboratory_chance:.2f}"
        )
    shares = [f"{domain_names[d]} {wrong[domains == d].mean():.0%}" for d in np.unique(domains)]
    titles[2] += "\n" + "\n".join(textwrap.wrap(", ".join(shares), 46))
    lines = max(text.count("\n") for text in titles)
    titles = [text + "\n" * (lines - text.count("\n")) for text in titles]
    for axis, text in zip(axes, titles, strict=True):
        axis.set_title(text, fontsize=10)
        _bare(axis)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=12)
    return figure


def latent_grid(
    pictures: Mapping[str, np.ndarray],
    groups,
    names: Sequence[str],
    *,
    columns: int = 3,
    classes: bool = False,
    side: float = 2.7,
) -> Figure:
    """Draw several pictures of the same images side by side, coloured by laboratory or by class.

    Parameters
    ----------
    pictures : mapping of str to float (N, 2)
        Title -> points.
    groups : int (N,)
        Laboratory of each image, or class with `classes=True`.
    names : sequence of str
        Name of each group.
    columns : int
        Pictures side by side.
    classes : bool
        Whether `groups` are classes.
    side : float
        Of a picture, in inches.
    """
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(side * columns + 1.6, side * rows + 0.2), squeeze=False)
    for axis in axes.flat[len(pictures) :]:
        axis.set_visible(False)
    for axis, (title, points) in zip(axes.flat, pictures.items(), strict=False):
        draw = _by_class if classes else _by_laboratory
        draw(axis, np.asarray(points), np.asarray(groups), names, legend=False)
        axis.set_title(title, fontsize=10)
        _bare(axis)
    handles = dict(zip(*axes.flat[0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside right upper",
        handletextpad=0.1,
        markerscale=1.6 if classes else 1,
    )
    return figure


def transferability_graph(panels: Mapping[str, object], classes: Sequence[str], domain_names: Sequence[str]) -> Figure:
    """Draw the pairs (laboratory, class) as a graph: near = transferable, lines join one class across laboratories.

    Places come from classical scaling of the mean of both directions of the matrix; the title says how well drawn and
    measured distances agree (their rank correlation over all pairs of nodes).

    Parameters
    ----------
    panels : mapping of str to wbc_tutorial.losses.Transferability
        Title -> what `losses.transferability` returns.
    classes, domain_names : sequence of str
        Names by number.
    """
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    figure, axes = plt.subplots(1, len(panels), figsize=(4.7 * len(panels) + 1.4, 4.3), squeeze=False)
    used = set()
    for axis, (title, found) in zip(axes[0], panels.items(), strict=True):
        matrix = np.asarray(found.matrix, dtype=float)
        places = classical_scaling(matrix)
        pairs = np.array(found.pairs)
        for c in np.unique(pairs[:, 1]):
            here = np.flatnonzero(pairs[:, 1] == c)
            for k, i in enumerate(here):
                for j in here[k + 1 :]:
                    axis.plot(*places[[i, j]].T, color=class_colour(classes[c]), linewidth=1.3, alpha=0.65, zorder=1)
        for (d, c), place in zip(pairs, places, strict=True):
            marker = DOMAIN_STYLE[d][0]
            axis.scatter(*place, marker=marker, s=75, color=class_colour(classes[c]), edgecolor="white", zorder=2)
        placed, reach = [], np.ptp(places, axis=0).max()
        for c in np.unique(pairs[:, 1]):
            place = places[np.flatnonzero(pairs[:, 1] == c)[0]]
            _code(axis, place, classes[c], (0, 7) if _free(place, placed, reach) else (0, -7))
            placed.append(place)
        used |= set(pairs[:, 0].tolist())
        drawn, above = pdist(places), np.triu_indices(len(matrix), 1)
        agreement = spearmanr(drawn, (matrix + matrix.T)[above]).statistic if len(drawn) > 1 else np.nan
        share = found.alpha / np.mean([found.beta, found.gamma])
        kept = f"distances drawn and measured: rank correlation {agreement:.2f}"
        axis.set_title(f"{title}\nalpha / mean of beta and gamma = {share:.2f}\n{kept}", fontsize=10)
        axis.margins(0.08)
        _bare(axis)
    for d in sorted(used):
        axes[0, -1].scatter([], [], marker=DOMAIN_STYLE[d][0], s=75, color="0.4", label=domain_names[d])
    axes[0, -1].plot([], [], color="0.4", label="same class")
    figure.legend(loc="outside right center")
    return figure


def _bare(axis) -> None:
    """Take away what a reader could mistake for a scale."""
    axis.set(xticks=[], yticks=[])
    axis.set_aspect("equal", adjustable="datalim")
    for spine in axis.spines.values():
        spine.set(visible=True, color="0.75")


def _free(place, placed, reach: float) -> bool:
    """Say whether a code can stand here without covering another."""
    return all((np.abs(place - other) > (0.09 * reach, 0.04 * reach)).any() for other in placed)


def _code(axis, place, name: str, offset=(0, 0)) -> None:
    axis.annotate(
        class_code(name), place, offset, textcoords="offset points", fontsize=8, fontweight="bold", ha="center",
        va=("top", "center", "bottom")[np.sign(offset[1]) + 1], color=class_colour(name), path_effects=_HALO, zorder=5,
    )  # fmt: skip


def _lineage(name: str) -> tuple[int, str]:
    """Order of the legend: lineage by lineage."""
    own = {cell.name: LINEAGES.index(cell.lineage) for cell in CELL_CLASSES}
    return own.get(name, own.get(f"{name}_typical", own.get(f"{name}_segmented", len(LINEAGES)))), name


def _by_class(axis, points, labels, classes, *, legend: bool = True) -> None:
    """Draw one colour per class, and its code where its points are densest, unless another code stands there."""
    for c in sorted(np.unique(labels), key=lambda c: _lineage(classes[c])):
        here = points[labels == c]
        axis.scatter(
            *here.T, s=9, color=class_colour(classes[c]), alpha=0.75, linewidths=0, label=class_code(classes[c])
        )
    placed, reach = [], np.ptp(points, axis=0).max()
    for c in np.unique(labels) if legend else ():
        here = points[labels == c]
        to_each = np.sort(np.hypot(*(here[:, None] - here[None]).transpose(2, 0, 1)), axis=1)
        place = here[to_each[:, : len(here) // 2 + 1].sum(axis=1).argmin()]
        if _free(place, placed, reach):
            placed.append(place)
            _code(axis, place, classes[c])
    if legend:
        _below(axis, columns=5, scale=1.6)


def _by_laboratory(axis, points, domains, names, *, legend: bool = True) -> None:
    order = np.random.default_rng(0).permutation(len(points))  # no laboratory hides the others
    for part in np.array_split(order, max(1, len(order) // 25)):
        for d in np.unique(domains[part]):
            marker, colour = DOMAIN_STYLE[d]
            here = points[part[domains[part] == d]]
            axis.scatter(*here.T, s=13, marker=marker, color=colour, alpha=0.7, linewidths=0)
    for d in np.unique(domains):
        axis.scatter([], [], s=40, marker=DOMAIN_STYLE[d][0], color=DOMAIN_STYLE[d][1], label=names[d])
    if legend:
        _below(axis, columns=1 if max(map(len, names)) > 14 else 2)


def _by_error(axis, points, wrong) -> None:
    axis.scatter(*points[~wrong].T, s=7, color="0.75", linewidths=0, label="right")
    axis.scatter(*points[wrong].T, s=16, marker="x", color=_WRONG, linewidths=0.9, label="wrong")
    _below(axis, columns=2, scale=1.6)


def _below(axis, *, columns: int, scale: float = 1.0) -> None:
    axis.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=columns, fontsize=8.5, markerscale=scale,
        handletextpad=0.2, columnspacing=0.9,
    )  # fmt: skip
