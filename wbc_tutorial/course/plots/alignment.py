"""Figures of alignment: clouds of features before and after, over a classifier's regions or principal components."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from wbc_tutorial.course.plots.style import (
    LINE,
    class_code,
    class_colour,
    label_of,
    legend_of_all,
    n_lines,
    styled,
    with_alt,
)

__all__ = ["clouds", "decision_planes", "latent_planes", "mixed_clouds"]

_TOY_CLASS = ("#D55E00", "#0072B2")  # class 0 and class 1 of the toys; marker and fill say the laboratory


def _ellipse(axis: Axes, points: np.ndarray, colour: str, dashes: str) -> None:
    """Draw the mean as a cross and two standard deviations in every direction as an ellipse."""
    mean = points.mean(axis=0)
    if len(points) > 1:
        values, vectors = np.linalg.eigh(np.cov(points.T))
        angle = np.linspace(0, 2 * np.pi, 80)
        around = np.stack([np.cos(angle), np.sin(angle)])  # (2, 80)
        outline = mean[:, None] + vectors @ (2 * np.sqrt(np.maximum(values, 0))[:, None] * around)
        axis.plot(*outline, color=colour, linewidth=2, linestyle=dashes)
    axis.plot(*mean, marker="P", color=colour, markersize=11, markeredgecolor="black", linestyle="none")


def clouds(
    panels: Mapping[str, np.ndarray], domains: np.ndarray, *, names: Sequence[str] = ("X", "Y"), title: str = ""
) -> Figure:
    """Draw 2-D features of each laboratory with mean (cross) and covariance (ellipse of two standard deviations).

    Parameters
    ----------
    panels : mapping of str to float (N, 2)
        Title -> features; the same images in each.
    domains : int (N,)
    names : sequence of str, default=("X", "Y")
        Of the laboratories 0, 1, 2, ...; one without an image is left out.
    title : str, default=""
        Over all.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(3.9 * len(panels) + 2, 4.4), sharex=True, sharey=True, squeeze=False,
        subplot_kw={"aspect": 1},
    )  # fmt: skip
    for axis, (panel, z) in zip(axes[0], panels.items(), strict=True):
        for d, (style, name) in enumerate(styled(names)):
            here = np.asarray(z)[domains == d]
            if len(here):
                axis.scatter(
                    *here.T, s=26, marker=style.marker, color=style.colour, alpha=0.5, linewidths=0,
                    label=label_of(name),
                )  # fmt: skip
                _ellipse(axis, here, style.colour, "--" if d % 2 else "-")  # one may lie on the other
        axis.set(title=label_of(panel, 30), xlabel="feature 1")
    axes[0, 0].set_ylabel("feature 2")
    legend_of_all(figure, markerscale=1.4)
    figure.suptitle(title, x=0.01, ha="left")
    told = (f"{panel}: the means lie {_apart(z, domains):.1f} apart" for panel, z in panels.items())
    return with_alt(
        figure, f"{_sentence(title)}Points of {' and '.join(names)} with mean and ellipse. {'; '.join(told)}."
    )


def _sentence(title: str) -> str:
    return f"{title}. " if title else ""


def _apart(z: np.ndarray, domains: np.ndarray) -> float:
    """Return the largest distance between the means of two laboratories."""
    means = np.array([np.asarray(z)[domains == d].mean(axis=0) for d in np.unique(domains)])
    return float(np.linalg.norm(means[:, None] - means[None], axis=-1).max())


def _size(z: np.ndarray, domains: np.ndarray) -> float:
    """Return how large the laboratories' clouds are: the root of their total variance, averaged over laboratories."""
    return float(np.sqrt(np.mean([np.var(z[domains == d], axis=0).sum() for d in np.unique(domains)])))


def _scatter_toy(axis: Axes, z: np.ndarray, labels: np.ndarray, domains: np.ndarray) -> None:
    """Scatter 2-D features: colour says the class (0 or 1), marker and fill say the laboratory."""
    for d, (marker, name) in enumerate(zip("os", "AB", strict=True)):
        for c, colour in enumerate(_TOY_CLASS):
            here = z[(domains == d) & (labels == c)]
            face = colour if d == 0 else "none"
            label = f"{name}, class {c} ({len(here)})"
            axis.scatter(*here.T, s=32, marker=marker, facecolors=face, edgecolors=colour, alpha=0.7, label=label)


def mixed_clouds(
    panels: Mapping[str, np.ndarray], labels: np.ndarray, domains: np.ndarray, *, title: str = ""
) -> Figure:
    """Draw 2-D features of two classes in laboratories A and B, a panel each, with a cross at each laboratory's mean.

    Parameters
    ----------
    panels : mapping of str to float (N, 2)
        Title -> features; the same images in each.
    labels, domains : int (N,)
        0 or 1.
    title : str, default=""
        Over all.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.4 * len(panels) + 2.2, 4.4), sharex=True, sharey=True, squeeze=False
    )
    for axis, (panel, z) in zip(axes[0], panels.items(), strict=True):
        _scatter_toy(axis, np.asarray(z), labels, domains)
        for d, marker in enumerate("PX"):
            mean = np.asarray(z)[domains == d].mean(axis=0)
            axis.plot(*mean, marker=marker, color="black", markersize=12, linestyle="none", label=f"mean of {'AB'[d]}")
        axis.set(title=label_of(panel, 30), xlabel="feature 1")
    axes[0, 0].set_ylabel("feature 2")
    legend_of_all(figure)
    figure.suptitle(title, x=0.01, ha="left")
    told = (f"{panel}: the means lie {_apart(z, domains):.1f} apart" for panel, z in panels.items())
    return with_alt(
        figure, f"{_sentence(title)}Two classes in laboratories A and B, a cross at each mean. {'; '.join(told)}."
    )


def decision_planes(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    labels: np.ndarray,
    domains: np.ndarray,
    *,
    title: str = "",
) -> Figure:
    """Draw 2-D features in the square [-1, 1]^2 over the classifier's regions, a panel per game.

    Points are moved by up to 0.16, so that those in a corner do not hide one another.

    Parameters
    ----------
    panels : mapping of str to (float (N, 2), float (2, 2), float (2,))
        Title -> features z, and the head's weight and bias: logits are ``z @ weight.T + bias``.
    labels, domains : int (N,)
        0 or 1.
    title : str, default=""
        Over all.
    """
    figure, axes = plt.subplots(
        1, len(panels), figsize=(3.7 * len(panels) + 2.2, 4.1), sharex=True, sharey=True, squeeze=False
    )
    apart = np.random.default_rng(0).uniform(-0.16, 0.16, (len(labels), 2))
    grid = np.stack(np.meshgrid(*[np.linspace(-1.25, 1.25, 120)] * 2), axis=-1)  # (120, 120, 2)
    told = []
    for axis, (panel, (z, weight, bias)) in zip(axes[0], panels.items(), strict=True):
        right = np.mean((z @ weight.T + bias).argmax(axis=1) == np.asarray(labels))
        apart_by = _apart(z, np.asarray(domains))
        told.append(
            f"{panel}: {right:.0%} lie in the region of their class, the laboratories' means {apart_by:.1f} apart"
        )
        says_one = np.diff(grid @ weight.T + bias, axis=-1)[..., 0] > 0
        extent = (-1.25, 1.25, -1.25, 1.25)
        for c, colour in enumerate(_TOY_CLASS):
            ground = np.broadcast_to(to_rgb(colour), (120, 120, 3))
            layer = np.dstack([ground, 0.16 * (says_one == bool(c))])
            axis.imshow(layer, origin="lower", extent=extent, aspect="auto")
        _scatter_toy(axis, z + apart, labels, domains)
        axis.set(title=label_of(panel, 33), xlabel="feature 1", xlim=extent[:2], ylim=extent[2:])
    axes[0, 0].set_ylabel("feature 2")
    legend_of_all(figure)
    figure.suptitle(title, x=0.01, ha="left")
    drawn = f"{_sentence(title)}Features of two classes in laboratories A and B over the regions that the head names"
    return with_alt(figure, f"{drawn}. {'; '.join(told)}.")


def latent_planes(
    panels: Mapping[str, np.ndarray],
    labels: np.ndarray,
    domains: np.ndarray,
    *,
    names: Sequence[str],
    classes: Sequence[str],
    chosen: Sequence[int],
    heading: str = "",
) -> Figure:
    """Draw features on their first two principal components: above by laboratory, below a few classes by colour.

    Parameters
    ----------
    panels : mapping of str to float (N, h)
        Title -> features of the same images.
    labels, domains : int (N,)
    names : sequence of D str
    classes : sequence of C str
    chosen : sequence of int
        Classes to colour; their marker says the laboratory.
    heading : str, default=""
        Over all.

    Raises
    ------
    ValueError
        Fewer than two images or features: there are no two components.
    """
    from sklearn.decomposition import PCA

    figure, axes = plt.subplots(
        2, len(panels), figsize=(4.4 * len(panels) + 2.2, 7.4), sharex="col", sharey="col", squeeze=False
    )
    for (top, bottom), (title, z) in zip(axes.T, panels.items(), strict=True):
        if min(np.shape(z)) < 2:
            raise ValueError(f"{title} is {np.shape(z)}; expected (N, h) features of two images or more, h 2 or more")
        pca = PCA(2, random_state=0).fit(z)
        plane = pca.transform(z) / np.sqrt(pca.explained_variance_[0])
        plane *= np.where(pca.components_.sum(axis=1) < 0, -1, 1)
        for d, (style, name) in enumerate(styled(map(label_of, names))):
            here = domains == d
            top.scatter(
                *plane[here].T, s=18, marker=style.marker, color=style.colour, alpha=0.5, linewidths=0, label=name
            )
            for c in chosen:
                both = here & (labels == c)
                if not both.any():
                    continue
                colour, label = class_colour(classes[c]), f"{class_code(classes[c])}, {name}"
                face = "none" if d else colour
                bottom.scatter(
                    *plane[both].T, s=30, marker=style.marker, facecolors=face, edgecolors=colour, label=label
                )
        top.set_title(f"{title} ({pca.explained_variance_ratio_.sum():.0%} of the variance)")
        bottom.set_xlabel("component 1")
    for axis in axes[:, 0]:
        axis.set_ylabel("component 2")
    for axis in axes[:, -1]:
        axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), handletextpad=0.1, markerscale=1.4)
    tallest = max(n_lines(axis.get_legend_handles_labels()[1]) for axis in axes[:, -1])
    figure.set_figheight(max(figure.get_figheight(), 2 * LINE * tallest + 1))
    figure.suptitle(heading, x=0.01, ha="left")
    apart = {title: _apart(z, domains) / (_size(z, domains) or 1) for title, z in panels.items()}
    told = (f"{title}: the laboratories' means lie {gap:.2f} cloud sizes apart" for title, gap in apart.items())
    coloured = ", ".join(class_code(classes[c]) for c in chosen)
    drawn = f"{_sentence(heading)}Held-out cells on two principal components, above by laboratory, below {coloured}"
    return with_alt(figure, f"{drawn} by colour. {'; '.join(told)}.")
