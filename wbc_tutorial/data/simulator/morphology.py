"""Shapes: a cell of each of the 13 classes, drawn in micrometres from haematology's own criteria."""

from dataclasses import dataclass

import numpy as np

from wbc_tutorial.data.classes import CELL_CLASSES, CLASSES, find_class
from wbc_tutorial.data.simulator.criteria import CRITERIA, Criteria
from wbc_tutorial.data.simulator.nuclei import draw_nucleus
from wbc_tutorial.data.simulator.textures import discs_distance, dots, noise, soft_step

__all__ = ["STAINS", "Drawing", "draw_cell"]

STAINS = ("chromatin", "rna", "eosin", "haemoglobin", "azurophil", "basophilic")
"""What takes up dye: DNA, RNA in the cytoplasm, proteins that bind eosin, haemoglobin, two kinds of granule."""

_CHROMATIN, _RNA, _EOSIN, _HAEMOGLOBIN, _AZUROPHIL, _BASOPHILIC = range(len(STAINS))


@dataclass(frozen=True)
class Drawing:
    """A cell as it lies on the slide, before any laboratory has looked at it.

    Attributes
    ----------
    cell_class : str
    x_um, y_um : ndarray, shape (W,) and (H,)
        The grid's axes, micrometres from the centre of the field.
    stains : ndarray, shape (6, H, W), float32
        How much there is of each of `STAINS`; 1 is what a mature neutrophil's nucleus takes up.
    cell, nucleus : ndarray, shape (H, W), float32
        Signed distance to the border, positive inside, micrometres. A smudge's `cell` is its smear.
    lobes : int
        Lobes of the nucleus.
    diameter_um : float
        Of the disc that has the cell's nominal area.
    """

    cell_class: str
    x_um: np.ndarray
    y_um: np.ndarray
    stains: np.ndarray
    cell: np.ndarray
    nucleus: np.ndarray
    lobes: int
    diameter_um: float

    @property
    def nc_ratio(self) -> float:
        """Area of the nucleus over the area of the cell, as drawn."""
        return int(np.count_nonzero(self.nucleus > 0)) / max(1, int(np.count_nonzero(self.cell > 0)))


def draw_cell(
    cell_class: str,
    generator: np.random.Generator,
    *,
    x_um: np.ndarray | None = None,
    y_um: np.ndarray | None = None,
) -> Drawing:
    """Draw one white cell of a class on a micrometre grid.

    Parameters
    ----------
    cell_class : str
        Name or code, in any case, of one of `wbc_tutorial.CLASSES`.
    generator : numpy.random.Generator
        Source of the cell's variety. How much is drawn from it does not depend on the grid.
    x_um : ndarray, default=None
        The columns of the grid, evenly spaced, micrometres; None: 25 um in steps of 0.1 um.
    y_um : ndarray, default=None
        The rows of the grid; None: as `x_um`.

    Returns
    -------
    Drawing

    Raises
    ------
    ValueError
        If there is no such class.

    Examples
    --------
    >>> import numpy as np
    >>> drawing = draw_cell("neutrophil_segmented", np.random.default_rng(4))
    >>> drawing.stains.shape, drawing.lobes in (2, 3, 4, 5), bool(drawing.nc_ratio < 0.5)
    ((6, 250, 250), True, True)
    """
    cell_class = find_class(cell_class, CLASSES)
    x = np.arange(-12.45, 12.5, 0.1) if x_um is None else x_um
    y = x if y_um is None else y_um
    g, criteria = generator, CRITERIA[cell_class]
    low, high = CELL_CLASSES[CLASSES.index(cell_class)].diameter_um
    radius = 0.5 * np.clip(g.normal(low + criteria.typical * (high - low), (high - low) / 4), low - 0.4, high + 0.4)
    centre = g.uniform(-0.8, 0.8, 2)
    ragged = g.uniform(*criteria.ragged_um)
    body = _body(g, radius, ragged)
    kind = criteria.nucleus[int(g.integers(len(criteria.nucleus)))]
    lobes = 1 + int(g.choice(len(criteria.lobes), p=criteria.lobes))
    area = g.uniform(*criteria.nc) * np.pi * radius**2
    aspect, off_centre = g.uniform(*criteria.aspect), g.uniform(*criteria.off_centre)
    room = (radius, off_centre)
    shape = draw_nucleus(g, kind, aspect=aspect, lobes=lobes, area=area, room=room)

    columns, rows = (
        np.flatnonzero(np.abs(a - c) < max(radius + 3.5, 12.5 if kind == "smeared" else 0.0))
        for a, c in zip((x, y), centre, strict=True)
    )
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    u, v = x[window[1]] - centre[0], y[window[0]] - centre[1]
    nucleus = shape.distance(u, v)
    cell = discs_distance(u, v, body) + ragged * noise(g, u, v, 1.6) + 0.35 * ragged * noise(g, u, v, 0.5)
    if kind == "smeared":
        nucleus += ragged * noise(g, u, v, 1.3) - 0.1
        cell = nucleus + 0.0
    else:
        nucleus += 0.07 * noise(g, u, v, 0.5) + 0.12 * noise(g, u, v, 1.2)
        cell = np.maximum(cell, nucleus + 0.25)
    stains = _dye(g, criteria, (u, v), radius, cell=cell, nucleus=nucleus)

    def whole(part, fill):
        full = np.full((*part.shape[:-2], y.size, x.size), fill, dtype=np.float32)
        full[(..., *window)] = part
        return full

    return Drawing(cell_class, x, y, whole(stains, 0), whole(cell, -30), whole(nucleus, -30), shape.lobes, 2 * radius)


def _body(g: np.random.Generator, radius: float, ragged: float) -> np.ndarray:
    """Discs whose union is the cell's outline: round to oval, the more uneven the more `ragged`."""
    angle, aspect = g.uniform(0, np.pi), 1.0 + g.exponential(0.07) + 0.1 * ragged
    reach = 2.0 * radius * (np.sqrt(min(aspect, 1.4)) - 1.0)
    along = np.array([np.cos(angle), np.sin(angle)]) * reach
    width = radius / np.sqrt(1.0 + 4.0 * reach / (np.pi * radius))
    discs = np.array([[*(s * along), width] for s in (-1.0, 0.0, 1.0)])
    bulges = g.uniform(0, 2 * np.pi, 2)
    size = radius * g.uniform(0.5, 0.8, 2)
    away = radius + 0.6 * ragged * g.uniform(0.0, 1.6, 2) - size
    return np.concatenate([discs, np.column_stack([away * np.cos(bulges), away * np.sin(bulges), size])])


def _points(g: np.random.Generator, density: float, reach: float) -> np.ndarray:
    """Scatter `density` points per square micrometre over a disc of radius `reach`."""
    n = int(g.poisson(density * np.pi * reach**2))
    distance, angle = reach * np.sqrt(g.random(n)), g.uniform(0, 2 * np.pi, n)
    return np.column_stack([distance * np.cos(angle), distance * np.sin(angle)])


def _packed(g: np.random.Generator, spacing: float, reach: float) -> np.ndarray:
    """Pack points side by side, about `spacing` apart, over a square of half side `reach`."""
    n = int(np.ceil(2 * reach / spacing))
    rows, columns = np.mgrid[: n + n // 5, :n].astype(float)
    lattice = np.column_stack([(columns + 0.5 * (rows % 2)).ravel(), 0.87 * rows.ravel()]) * spacing - reach
    return lattice + g.normal(0.0, 0.2 * spacing, lattice.shape)


def _dye(
    g: np.random.Generator, criteria: Criteria, axes: tuple, radius: float, *, cell: np.ndarray, nucleus: np.ndarray
) -> np.ndarray:
    """Amount of each of `STAINS` on a grid, shape (6, H, W)."""
    u, v = axes
    stains = np.zeros((len(STAINS), *cell.shape), dtype=np.float32)
    inside, core = soft_step(cell, 0.45), soft_step(nucleus, criteria.edge_um)
    plasm = inside * (1.0 - 0.9 * core)
    reach = radius + 0.5

    # Cytoplasm: blue from RNA (more at the border), pink from eosin, tan from haemoglobin, a little uneven.
    uneven = 1.0 + 0.2 * noise(g, u, v, 0.3) + 0.14 * noise(g, u, v, 1.5)
    rim = np.exp(-np.clip(cell, 0.0, None) / 0.9)
    # A red cell's precursor trades its blue for tan as it ripens; elsewhere the three are independent.
    ripe, pink, blue = g.random(3)
    if criteria.haemoglobin[1] > 0:
        blue = 1.0 - ripe
    stains[_RNA] = (
        plasm
        * uneven
        * (_within(criteria.rna, blue) * (1.0 + criteria.edge_rna * rim) + 0.12 * rim * (criteria.rna[1] > 0))
    )
    stains[_EOSIN] = plasm * uneven * _within(criteria.eosin, pink)
    stains[_HAEMOGLOBIN] = plasm * _within(criteria.haemoglobin, ripe)

    # Granules. Each kind draws its numbers even where it has none, so that classes differ in density alone.
    coarse = dots(u, v, _points(g, g.uniform(*criteria.azurophil), reach), g.uniform(0.16, 0.26))
    stains[_AZUROPHIL] += np.minimum(coarse, 1.5) * inside * (1.0 - 0.65 * core) * 0.75
    fine = dots(u, v, _points(g, g.uniform(*criteria.neutrophilic), reach), g.uniform(0.13, 0.2))
    stains[_AZUROPHIL] += np.minimum(fine, 1.5) * plasm * g.uniform(0.12, 0.5)
    if criteria.eosinophilic[1] > 0:
        spacing = 1.0 / np.sqrt(g.uniform(*criteria.eosinophilic))
        bead = soft_step(dots(u, v, _packed(g, spacing, reach), 0.35 * spacing) - 0.55, 0.7)
        stains[_EOSIN] += plasm * (g.uniform(0.4, 0.95) * bead * (1.0 + 0.2 * noise(g, u, v, 0.6)) + 0.25)
    if criteria.basophilic[1] > 0:
        # Basophil granules dissolve in water: in some cells they have run into an even violet veil.
        large = dots(u, v, _points(g, g.uniform(*criteria.basophilic), reach), g.uniform(0.26, 0.42))
        washed = g.beta(0.6, 1.5)
        veil = (0.1 + 0.4 * washed) * g.uniform(0.7, 1.2) * (1.0 + 0.2 * noise(g, u, v, 0.5))
        grains = soft_step(large - 0.5, 0.5) * g.uniform(0.4, 0.75) * (1.0 - 0.75 * washed)
        stains[_BASOPHILIC] += (grains + veil) * inside * (1.0 - 0.35 * core)

    # Vacuoles: round holes in the cytoplasm that nibble at the nucleus.
    n = int(g.integers(criteria.vacuoles[0], criteria.vacuoles[1] + 1))
    if n:
        holes = np.column_stack([g.normal(0, 0.55 * reach, (n, 2)), g.uniform(0.25, 0.7, n)])
        hole = soft_step(discs_distance(u, v, holes), 0.3)
        stains[1:5] *= 1.0 - 0.85 * hole
        core = core * (1.0 - 0.45 * hole)

    stains[_CHROMATIN] = core * _chromatin(g, criteria, u, v, nucleus)
    return stains


def _within(limits: tuple[float, float], fraction: float) -> float:
    """Return the value a `fraction` of the way between two limits."""
    return limits[0] + (limits[1] - limits[0]) * fraction


def _chromatin(
    g: np.random.Generator, criteria: Criteria, u: np.ndarray, v: np.ndarray, nucleus: np.ndarray
) -> np.ndarray:
    """Dye held by the nucleus: clumps, the paler gaps between them, the membrane's rim, nucleoli."""
    grain, clumps = g.uniform(*criteria.grain_um), g.uniform(*criteria.clumps)
    clump = 0.8 * np.tanh(1.3 * noise(g, u, v, grain)) + 0.45 * noise(g, u, v, 0.5 * grain)
    clump -= 0.9 * np.clip(noise(g, u, v, 0.65 * grain) - 0.9, 0.0, 1.2)
    drawn_out = (0.3, 1.0) if criteria.edge_um > 1.0 else (1.0, 1.0)
    broad = noise(g, drawn_out[0] * u, drawn_out[1] * v, 1.6)
    rim = np.exp(-np.square((nucleus - 0.25) / 0.3)) * (criteria.edge_um < 1.0)
    density = g.uniform(*criteria.density) * (1.0 + clumps * clump + criteria.uneven * broad + 0.26 * rim)
    n = int(g.integers(criteria.nucleoli[0], criteria.nucleoli[1] + 1))
    if n:
        deep = 0.5 * float(np.sqrt(max(int(np.count_nonzero(nucleus > 0)), 1) / np.pi)) * float(u[1] - u[0])
        middle = _middle(u, v, nucleus)
        spots = np.column_stack([g.normal(0, deep, (n, 2)) + middle, g.uniform(0.5, 1.05, n)])
        density = density * (1.0 - g.uniform(0.2, 0.42) * soft_step(discs_distance(u, v, spots), 0.5))
    return np.maximum(density, 0.05)


def _middle(u: np.ndarray, v: np.ndarray, nucleus: np.ndarray) -> np.ndarray:
    """Centre of gravity of the nucleus, micrometres."""
    inside = nucleus > 0
    total = max(int(np.count_nonzero(inside)), 1)
    return np.array([inside.sum(axis=0) @ u, inside.sum(axis=1) @ v]) / total
