"""Surroundings of a white cell: red cells with central pallor, platelets, specks of dye."""

import numpy as np

from wbc_tutorial.data.simulator.morphology import STAINS
from wbc_tutorial.data.simulator.textures import discs_distance, dots, noise_at, soft_step

__all__ = ["draw_surroundings"]

_RNA, _EOSIN, _HAEMOGLOBIN, _AZUROPHIL = (STAINS.index(s) for s in ("rna", "eosin", "haemoglobin", "azurophil"))

_REACH_UM = 23.0
"""Half side of the square that is populated whatever the field, micrometres."""

_MOST_RED_CELLS, _MOST_PLATELETS, _SPECKS = 70, 8, 10


def draw_surroundings(generator: np.random.Generator, x: np.ndarray, y: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Draw the neighbours of a white cell; what is drawn does not depend on the cell's class.

    Red cells are pressed flat where they meet the white cell, as on a smear; some lie partly under it.

    Parameters
    ----------
    generator : numpy.random.Generator
        How much is drawn from it depends neither on the grid nor on the white cell.
    x, y : ndarray, shape (W,) and (H,)
        The grid's axes, micrometres.
    cell : ndarray, shape (H, W)
        Signed distance to the white cell's border, positive inside, micrometres.

    Returns
    -------
    ndarray, shape (6, H, W), float32
        Amount of each of `morphology.STAINS`.
    """
    g = generator
    stains = np.zeros((len(STAINS), y.size, x.size), dtype=np.float32)
    crowding, pale, size, oval = g.uniform(6.2, 10.0), g.uniform(0.25, 0.9), g.normal(3.65, 0.18), g.uniform(0.02, 0.14)
    places = g.uniform(-_REACH_UM, _REACH_UM, (_MOST_RED_CELLS, 2))
    traits = g.normal(0.0, 1.0, (_MOST_RED_CELLS, 5))
    angles = g.uniform(0.0, np.pi, _MOST_RED_CELLS)
    marks = g.random((_MOST_RED_CELLS, 6))
    for k in _spaced(places, crowding):
        radius = np.clip(size + 0.3 * traits[k, 0], 2.6, 4.6)
        part = _window(x, y, places[k], radius + 1.0)
        if part is None:
            continue
        u, v = x[part[1]] - places[k, 0], y[part[0]] - places[k, 1]
        depth = _red_cell_depth(u, v, radius, 1.0 + oval * abs(traits[k, 1]), angles[k])
        depth += 0.25 * marks[k, 4] * noise_at(marks[k, :4], u, v, 1.5)
        if marks[k, 5] > 0.04:
            depth = np.minimum(depth, -cell[part] - 0.15)
        pallor = np.clip(pale + 0.18 * traits[k, 2], 0.0, 0.95)
        width = 0.48 + 0.05 * traits[k, 3]
        inner = np.clip(1.0 - depth / radius, 0.0, 1.2)
        thickness = 1.0 - pallor * np.exp(-((inner / width) ** 4)) - 0.12 * inner
        amount = soft_step(depth, 0.35) * thickness * (1.0 + 0.08 * traits[k, 4])
        stains[_HAEMOGLOBIN][part] += amount.astype(np.float32)

    count = min(_MOST_PLATELETS, int(g.poisson(2.2)))
    places = g.uniform(-_REACH_UM, _REACH_UM, (_MOST_PLATELETS, 2))
    radii = np.clip(g.normal(1.05, 0.3, _MOST_PLATELETS), 0.5, 1.9)
    offsets, grains = g.normal(0.0, 0.3, (_MOST_PLATELETS, 3, 2)), g.random((_MOST_PLATELETS, 4))
    for k in range(count):
        part = _window(x, y, places[k], radii[k] + 1.5)
        if part is None or np.hypot(*places[k]) < 8.0:
            continue
        u, v = x[part[1]] - places[k, 0], y[part[0]] - places[k, 1]
        discs = np.column_stack([offsets[k] * radii[k], np.full(3, 0.75 * radii[k])])
        body = soft_step(np.minimum(discs_distance(u, v, discs), -cell[part]), 0.4)
        clumps = np.clip(0.5 + 0.35 * noise_at(grains[k], u, v, 0.25), 0.0, 1.6)
        stains[_RNA][part] += 0.3 * body
        stains[_AZUROPHIL][part] += 0.7 * body * clumps

    specks = g.uniform(-_REACH_UM, _REACH_UM, (_SPECKS, 2))[: int(g.integers(0, _SPECKS))]
    stains[_AZUROPHIL] += 0.5 * g.random() * np.minimum(dots(x, y, specks, 0.18), 1.0)
    return stains


def _spaced(places: np.ndarray, distance: float) -> list[int]:
    """Keep the places, first come first served, that are `distance` or more apart; leave the centre free."""
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    kept: list[int] = []
    for k in np.flatnonzero(np.hypot(*places.T) > 6.5):
        if not kept or apart[k, kept].min() > distance:
            kept.append(int(k))
    return kept


def _window(x: np.ndarray, y: np.ndarray, place: np.ndarray, reach: float) -> tuple[slice, slice] | None:
    """Rows and columns of the grid within `reach` of a place; None where the grid does not show it."""
    columns = np.searchsorted(x, [place[0] - reach, place[0] + reach])
    rows = np.searchsorted(y, [place[1] - reach, place[1] + reach])
    if columns[0] == columns[1] or rows[0] == rows[1]:
        return None
    return slice(*rows), slice(*columns)


def _red_cell_depth(u: np.ndarray, v: np.ndarray, radius: float, aspect: float, angle: float) -> np.ndarray:
    """Depth below the border of an ellipse, micrometres, negative outside."""
    cos, sin = np.cos(angle), np.sin(angle)
    along = (cos * u[None, :] + sin * v[:, None]) / np.sqrt(aspect)
    across = (cos * v[:, None] - sin * u[None, :]) * np.sqrt(aspect)
    return radius - np.hypot(along, across)
