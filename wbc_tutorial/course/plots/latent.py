"""Figures of the latent space: one map of the points in three colourings, a grid of maps, and the graph of pairs."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from wbc_tutorial.course.plots.style import (
    LINE,
    PALETTE,
    class_code,
    class_colour,
    label_of,
    legend_of_all,
    lineage_order,
    n_lines,
    series_style,
    with_alt,
)
from wbc_tutorial.evaluation.latent import classical_scaling

__all__ = ["latent_grid", "latent_map", "transferability_graph"]

_WRONG = "#D55E00"
_HALO = [withStroke(linewidth=2.5, foreground="white")]


LINEAGE_COLOURS = (*PALETTE[:4], PALETTE[5])
"""One for each of `LINEAGES`; the last is black, because the fifth of the palette is too near the first."""


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
        From `wbc_tutorial.embed`.
    labels, domains : int (N,)
    wrong : bool (N,)
        True where the classifier's answer is not the label.
    classes, domain_names : sequence of str
        Names by number; classes give colours and codes.
    title : str, default=""
        Stands above all three.
    numbers : evaluation.latent.Separation, default=None
        Printed in the titles: they come from the features, not from the picture.

    Raises
    ------
    ValueError
        When the lists differ in length.

    See Also
    --------
    wbc_tutorial.embed : the points; wbc_tutorial.separation : the numbers.
    """
    points, labels, domains = np.asarray(points), np.asarray(labels), np.asarray(domains)
    wrong = np.asarray(wrong, dtype=bool)
    if not points.shape == (len(labels), 2) or not len(labels) == len(domains) == len(wrong):
        raise ValueError(
            f"points {points.shape}, {len(labels)} labels, {len(domains)} domains, {len(wrong)} wrong; "
            "expected (N, 2) and N of each"
        )
    figure, axes = plt.subplots(1, 3, figsize=(11.8, 5.4))
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
    titles[2] += "\n" + "\n".join(textwrap.wrap(label_of(", ".join(shares), 400), 38))
    lines = max(text.count("\n") for text in titles)
    titles = [text + "\n" * (lines - text.count("\n")) for text in titles]
    for axis, text in zip(axes, titles, strict=True):
        axis.set_title(text, fontsize=13)
        _bare(axis)
    figure.set_figheight(figure.get_figheight() + LINE * max(0, n_lines(map(label_of, domain_names)) - 3))
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    told = f"{title or 'One map'} in three colourings, {len(labels)} points: by class, lineages in colour"
    told += f"; by laboratory, {', '.join(domain_names[d] for d in np.unique(domains))}"
    return with_alt(figure, f"{told}; by error, {wrong.mean():.0%} crosses ({', '.join(shares)}).")


def latent_grid(
    pictures: Mapping[str, np.ndarray],
    groups,
    names: Sequence[str],
    *,
    columns: int = 3,
    classes: bool = False,
    side: float = 3.3,
    measured: bool = False,
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
    columns : int, default=3
        Pictures side by side.
    classes : bool, default=False
        Whether `groups` are classes.
    side : float, default=3.3
        Of a picture, in inches.
    measured : bool, default=False
        Whether distances in a picture are read: then both of its axes have the same scale.
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(side * columns + 2, side * rows + 0.3), squeeze=False)
    for axis in axes.flat[len(pictures) :]:
        axis.set_visible(False)
    for axis, (title, points) in zip(axes.flat[: len(pictures)], pictures.items(), strict=True):
        draw = _by_class if classes else _by_laboratory
        draw(axis, np.asarray(points), np.asarray(groups), names, legend=False)
        axis.set_title(label_of(title, 30), fontsize=13)
        _bare(axis, measured=measured)
    legend_of_all(figure, markerscale=1.4 if classes else 1, loc="outside right upper")
    told = "; ".join(" ".join(title.split()) for title in pictures)
    what = "class, lineages in colour" if classes else ", ".join(map(str, names))
    return with_alt(figure, f"Maps of the same {len(groups)} points, coloured by {what}: {told}.")


def transferability_graph(panels: Mapping[str, object], classes: Sequence[str], domain_names: Sequence[str]) -> Figure:
    """Draw the pairs (laboratory, class) as a graph: near = transferable, lines join one class across laboratories.

    Places come from classical scaling of the mean of both directions of the matrix; the title says how well drawn and
    measured distances agree (their rank correlation over all pairs of nodes).

    Parameters
    ----------
    panels : mapping of str to losses.Transferability
        Title -> what `wbc_tutorial.transferability` returns.
    classes, domain_names : sequence of str
        Names by number.
    """
    figure, axes = plt.subplots(1, len(panels), figsize=(5.4 * len(panels) + 2, 5.4), squeeze=False)
    used = set()
    for axis, (title, found) in zip(axes[0], panels.items(), strict=True):
        matrix, pairs = np.asarray(found.matrix, dtype=float), np.array(found.pairs)
        places = classical_scaling(matrix)
        _nodes(axis, places, pairs, classes)
        used |= set(pairs[:, 0].tolist())
        share = found.alpha / np.mean([found.beta, found.gamma])
        kept = f"distances drawn and measured:\nrank correlation {_agreement(places, matrix):.2f}"
        axis.set_title(f"{title}\nalpha / mean of beta and gamma = {share:.2f}\n{kept}", fontsize=13)
        axis.margins(0.08)
        _bare(axis, measured=True)
    for d in sorted(used):
        axes[0, -1].scatter([], [], marker=series_style(d).marker, s=110, color="0.4", label=label_of(domain_names[d]))
    axes[0, -1].plot([], [], color="0.4", label="same class")
    figure.legend(loc="outside right center", handletextpad=0.4)
    figure.set_figheight(max(figure.get_figheight(), LINE * n_lines(map(label_of, domain_names)) + 1))
    told = "; ".join(
        f"{title}: alpha over the mean of beta and gamma {found.alpha / np.mean([found.beta, found.gamma]):.2f}"
        for title, found in panels.items()
    )
    return with_alt(figure, f"Graphs of the pairs of laboratory and class; lines join one class. {told}.")


def _nodes(axis: Axes, places: np.ndarray, pairs: np.ndarray, classes: Sequence[str]) -> None:
    """Draw the pairs (laboratory, class) as nodes, lines between those of one class, and the classes' codes."""
    for c in np.unique(pairs[:, 1]):
        colour, here = class_colour(classes[c]), np.flatnonzero(pairs[:, 1] == c)
        for i, j in combinations(here, 2):
            axis.plot(*places[[i, j]].T, color=colour, linewidth=1.5, alpha=0.65, zorder=1)
        for i in here:
            marker = series_style(pairs[i, 0]).marker
            axis.scatter(*places[i], marker=marker, s=70, color=colour, edgecolor="white", zorder=2)
    for c, place in _free_places(places, pairs[:, 1]).items():
        _code(axis, place, classes[c])


def _free_places(places: np.ndarray, class_of: np.ndarray) -> dict[int, np.ndarray]:
    """Return for each class a place beside one of its nodes where its code covers the fewest nodes and other codes."""
    reach = np.ptp(places, axis=0).max()
    half = reach * np.array([0.055, 0.022])  # of a code's width and height, with a seam
    around = [(0, 1), (0, -1), (-2, 0), (2, 0), (-1.7, 0.8), (1.7, 0.8), (-1.7, -0.8), (1.7, -0.8)]
    steps = 0.042 * reach * np.array(around)
    found: dict[int, np.ndarray] = {}
    for c in np.unique(class_of):
        choices = np.concatenate([place + steps for place in places[class_of == c]])
        taken = np.array(list(found.values())).reshape(-1, 2)
        hidden = (abs(choices[:, None] - places) < half + 0.012 * reach).all(axis=2).sum(axis=1)
        hidden = hidden + 3 * (abs(choices[:, None] - taken) < 2 * half).all(axis=2).sum(axis=1)
        found[c] = choices[hidden.argmin()]
    return found


def _agreement(places: np.ndarray, matrix: np.ndarray) -> float:
    """Return the rank correlation of drawn and measured distances, over all pairs of nodes."""
    from scipy.spatial.distance import pdist
    from scipy.stats import spearmanr

    drawn, measured = pdist(places), (matrix + matrix.T)[np.triu_indices(len(matrix), 1)]
    return spearmanr(drawn, measured).statistic if len(drawn) > 1 else np.nan


def _bare(axis: Axes, *, measured: bool = False) -> None:
    """Take away what a reader could mistake for a scale; where distances are measured both axes have the same one."""
    axis.set(xticks=[], yticks=[])
    if measured:
        axis.set_aspect("equal", adjustable="datalim")
    else:
        axis.margins(0.06)  # the axes of a UMAP carry no scale: the points may fill the frame
    for spine in axis.spines.values():
        spine.set(visible=True, color="0.75")


def _free(place, placed, reach: float) -> bool:
    """Say whether a code can stand here without covering another."""
    return all((np.abs(place - other) > (0.09 * reach, 0.04 * reach)).any() for other in placed)


def _code(axis: Axes, place, name: str, *, colour: str = "") -> None:
    axis.annotate(
        class_code(name), place, fontweight="bold", ha="center", va="center", color=colour or class_colour(name),
        path_effects=_HALO, zorder=5,
    )  # fmt: skip


def _by_class(axis: Axes, points, labels, classes, *, legend: bool = True) -> None:
    """Draw a colour per lineage, a marker per class, and its code where its points are densest, unless one is there."""
    order = sorted(range(len(classes)), key=lambda c: lineage_order(classes[c]))
    for number, c in enumerate(order):
        here = points[labels == c]
        if len(here):
            look = {"marker": series_style(number).marker, "color": _lineage_colour(classes[c])}
            axis.scatter(*here.T, s=30, alpha=0.75, linewidths=0, label=class_code(classes[c]), **look)
    placed, reach = [], np.ptp(points, axis=0).max()
    for c in np.unique(labels) if legend else ():
        here = points[labels == c]
        to_each = np.sort(np.hypot(*(here[:, None] - here[None]).transpose(2, 0, 1)), axis=1)
        place = here[to_each[:, : len(here) // 2 + 1].sum(axis=1).argmin()]
        if _free(place, placed, reach):
            placed.append(place)
            _code(axis, place, classes[c], colour=_lineage_colour(classes[c]))
    if legend:
        _below(axis, columns=5, scale=1.3)


def _lineage_colour(name: str) -> str:
    """Return the colour of a class's lineage: thirteen colours could not be told apart in a cloud of points."""
    return LINEAGE_COLOURS[lineage_order(name)[0]]


def _by_laboratory(axis: Axes, points, domains, names, *, legend: bool = True) -> None:
    """Draw a colour and marker per laboratory, in an order in which none hides the others."""
    order = np.random.default_rng(0).permutation(len(points))
    for part in np.array_split(order, max(1, len(order) // 25)):
        for d in np.unique(domains[part]):
            style, here = series_style(d), points[part[domains[part] == d]]
            axis.scatter(*here.T, s=30, marker=style.marker, color=style.colour, alpha=0.7, linewidths=0)
    for d in np.unique(domains):
        style = series_style(d)
        axis.scatter([], [], s=60, marker=style.marker, color=style.colour, label=label_of(names[d]))
    if legend:
        _below(axis, columns=1 if max(map(len, names)) > 14 else 2)


def _by_error(axis: Axes, points, wrong) -> None:
    axis.scatter(*points[~wrong].T, s=20, color="0.75", linewidths=0, label="right")
    axis.scatter(*points[wrong].T, s=32, marker="x", color=_WRONG, linewidths=1.1, label="wrong")
    _below(axis, columns=2, scale=1.6)


def _below(axis: Axes, *, columns: int, scale: float = 1.0) -> None:
    axis.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=columns, markerscale=scale, handletextpad=0.2,
        columnspacing=0.9,
    )  # fmt: skip
