"""UMAP's two settings: sliders over layouts that were computed before, so that each change is quick."""

from collections.abc import Mapping, Sequence

import ipywidgets
import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets.interactive import InteractiveFigure
from wbc_tutorial.course.widgets.picture import title_of
from wbc_tutorial.evaluation.latent import embed, neighbours_kept

__all__ = ["embeddings", "interactive_neighbours"]


def embeddings(
    features, *, n_neighbors: Sequence[int] = (3, 15, 60), min_dist: Sequence[float] = (0.0, 0.1, 0.8), seed: int = 0
) -> dict[tuple[int, float], np.ndarray]:
    """Lay the same features out with each pair of settings of UMAP.

    A layout of a few hundred images takes about a second.

    Parameters
    ----------
    features : float (N, h)
    n_neighbors : sequence of int, default=(3, 15, 60)
    min_dist : sequence of float, default=(0.0, 0.1, 0.8)
    seed : int, default=0

    Returns
    -------
    dict
        (n_neighbors, min_dist) -> float32 (N, 2).

    See Also
    --------
    wbc_tutorial.embed : one layout; its errors are raised here too.
    """
    return {(n, m): embed(features, n_neighbors=n, min_dist=m, seed=seed) for n in n_neighbors for m in min_dist}


def interactive_neighbours(
    pictures: Mapping[tuple[int, float], np.ndarray],
    features,
    labels,
    domains,
    *,
    classes: Sequence[str],
    domain_names: Sequence[str],
) -> InteractiveFigure:
    """Show sliders for n_neighbors and min_dist, and a menu for the colour; titles say how many neighbours are kept.

    Parameters
    ----------
    pictures : mapping of (int, float) to float (N, 2)
        (n_neighbors, min_dist) -> points, every combination: see `embeddings`.
    features : float (N, h)
        What the pictures were made from.
    labels, domains : int (N,)
    classes, domain_names : sequence of str
        Names by number.

    Raises
    ------
    ValueError
        A combination of the settings has no picture.
    """
    numbers, distances = (sorted(set(values)) for values in zip(*pictures, strict=True))
    missing = {(n, m) for n in numbers for m in distances} - set(pictures)
    if missing:
        raise ValueError(f"no picture for (n_neighbors, min_dist) = {min(missing)}: give every combination")
    kept = {settings: neighbours_kept(features, points) for settings, points in pictures.items()}
    look = {"style": {"description_width": "7em"}, "layout": ipywidgets.Layout(width="26em")}
    controls = {
        name: ipywidgets.SelectionSlider(
            options=[(f"{v:g}", v) for v in values], value=values[len(values) // 2], description=name,
            continuous_update=False, **look,
        )
        for name, values in (("n_neighbors", numbers), ("min_dist", distances))
    }  # fmt: skip
    controls["colour"] = ipywidgets.Dropdown(options=("laboratory", "class"), description="colour", **look)

    def draw(n_neighbors: int, min_dist: float, colour: str):
        settings = n_neighbors, min_dist
        title = f"n_neighbors {n_neighbors}, min_dist {min_dist:g}: keeps {kept[settings]:.0%} of 15 neighbours"
        by_class = colour == "class"
        groups, names = (labels, classes) if by_class else (domains, domain_names)
        return plots.latent_grid({title: pictures[settings]}, groups, names, columns=1, classes=by_class, side=4.6)

    def describe(figure, colour: str, **_) -> str:
        return f"Images laid out by UMAP, coloured by {colour}; {title_of(figure.axes[0])}."

    return InteractiveFigure(draw, controls, describe)
