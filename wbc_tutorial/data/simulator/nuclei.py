"""Nuclei: each a union of discs less a few bites, scaled to the area it must have."""

from dataclasses import dataclass

import numpy as np

from wbc_tutorial.data.simulator.textures import discs_distance

__all__ = ["Nucleus", "draw_nucleus"]

_BRIM_UM = 0.5
"""How far the brim of an indentation is rounded, micrometres."""

_SMEAR_UM = 10.5
"""How far from its centre a burst nucleus may reach, micrometres."""


@dataclass(frozen=True)
class Nucleus:
    """The outline of a nucleus before it is drawn.

    Attributes
    ----------
    discs : ndarray, shape (P, 3)
        Centre x, centre y, radius of the discs whose union is the nucleus, micrometres.
    bites : ndarray, shape (B, 3), default=None
        Discs cut out of it: indentations and flat sides.
    lobes : int, default=1
        Lobes joined by filaments; 1 for an undivided nucleus.
    """

    discs: np.ndarray
    bites: np.ndarray | None = None
    lobes: int = 1

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Signed distance on the grid of axes `x` and `y`, positive inside, micrometres."""
        inside = discs_distance(x, y, self.discs)
        if self.bites is None or not len(self.bites):
            return inside
        outside = -discs_distance(x, y, self.bites)
        # A smooth minimum: an indentation has a rounded brim.
        blend = np.clip(0.5 + 0.5 * (outside - inside) / _BRIM_UM, 0.0, 1.0)
        return outside * (1 - blend) + inside * blend - _BRIM_UM * blend * (1 - blend)

    def moved(self, scale: float, turn: float, shift: tuple[float, float]) -> "Nucleus":
        """Scale, then turn by `turn` radians, then shift by micrometres."""
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])

        def move(discs):
            if discs is None or not len(discs):
                return discs
            return np.column_stack([discs[:, :2] @ rotation * scale + shift, discs[:, 2] * scale])

        return Nucleus(move(self.discs), move(self.bites), self.lobes)


def _path(turn: float, wiggle: float, length: float, n: int) -> np.ndarray:
    """Points along a curve of `length` that turns by `turn` radians and swings by `wiggle`, about its middle."""
    along = np.linspace(0.0, 1.0, n)
    heading = turn * (along - 0.5) + wiggle * np.sin(2 * np.pi * along)
    points = np.cumsum(np.column_stack([np.cos(heading), np.sin(heading)]), axis=0) * length / n
    return points - points.mean(axis=0)


def _oval(g: np.random.Generator, aspect: float) -> Nucleus:
    """Round to oval; `aspect` is length over width."""
    along = np.linspace(-1.0, 1.0, 5)
    points = np.column_stack([along * (aspect - 1.0), np.zeros(5)])
    return Nucleus(np.column_stack([points, np.sqrt(1.0 - 0.12 * along**2)]))


def _flat_oval(g: np.random.Generator, aspect: float) -> Nucleus:
    """Oval with one side flat or barely hollow: the myelocyte's."""
    oval = _oval(g, aspect)
    depth, radius = g.uniform(0.1, 0.4), g.uniform(2.0, 6.0)
    angle = np.pi / 2 + g.uniform(-0.4, 0.4)
    away = 1.0 + radius - depth
    return Nucleus(oval.discs, np.array([[away * np.cos(angle), away * np.sin(angle), radius]]))


def _kidney(g: np.random.Generator, aspect: float) -> Nucleus:
    """Kidney or bean: an indentation less deep than half the nucleus (the metamyelocyte's)."""
    oval = _oval(g, aspect + 0.15)
    depth, radius = g.uniform(0.3, 0.7), g.uniform(0.5, 1.8)
    angle = np.pi / 2 + g.uniform(-0.35, 0.35)
    away = 1.0 + radius - depth
    return Nucleus(oval.discs, np.array([[away * np.cos(angle), away * np.sin(angle), radius]]))


def _band(g: np.random.Generator, aspect: float) -> Nucleus:
    """Bend a band (C, U or S) whose narrowest part keeps more than a third of its width: no filament."""
    n, s_shaped = 15, g.random() < 0.22
    turn = g.uniform(-0.8, 0.8) if s_shaped else g.uniform(1.7, 4.6)
    wiggle = g.uniform(0.7, 1.2) if s_shaped else g.uniform(-0.25, 0.25)
    length = g.uniform(3.4, 5.0) if s_shaped else g.uniform(3.4, 5.6)
    along = np.linspace(-1.0, 1.0, n)
    waist = g.uniform(0.0, 0.42) * np.exp(-(((along - g.uniform(-0.35, 0.35)) / 0.3) ** 2))
    width = g.uniform(0.72, 0.92) * (1.0 - waist) * (1.0 + 0.12 * np.sin(g.uniform(2, 6) * along + g.uniform(0, 6)))
    return Nucleus(np.column_stack([_path(turn, wiggle, length, n), width]))


def _segmented(g: np.random.Generator, n: int, spread: float, thread: float) -> Nucleus:
    """`n` lobes on an arc, each joined to the next by a filament of half-width `thread` (in lobe radii)."""
    sizes = g.uniform(0.78, 1.2, n)
    gaps = g.uniform(0.7, 1.1, n) * spread
    turns = g.uniform(0.7, 1.6, n) * (1.1 if n > 3 else 1.0) * (1 if g.random() < 0.5 else -1)
    flips = np.where(g.random(n) < 0.16, -1.0, 1.0)
    stretch, tilt = g.uniform(0.1, 1.1, n), g.uniform(-0.9, 0.9, n)
    heading, place, discs = 0.0, np.zeros(2), []
    previous = place
    for k in range(n):
        if k:
            heading += turns[k] * flips[k] if k > 1 else 0.0
            place = place + (sizes[k - 1] + sizes[k]) * gaps[k] * np.array([np.cos(heading), np.sin(heading)])
            steps = np.linspace(0.0, 1.0, 9)[:, None]
            line = previous * (1 - steps) + place * steps
            discs.append(np.column_stack([line, np.full(9, thread)]))
        axis = heading + tilt[k] + (np.pi / 2 if n == 2 else 0.35)
        offset = 0.5 * stretch[k] * sizes[k] * np.array([np.cos(axis), np.sin(axis)])
        discs.append(np.array([[*(place + s * offset), sizes[k] * 0.93] for s in (-1, 0, 1)]))
        previous = place
    together = np.concatenate(discs)
    together[:, :2] -= together[:, :2].mean(axis=0)
    return Nucleus(together, lobes=n)


def _folded(g: np.random.Generator, aspect: float) -> Nucleus:
    """Fold: a kidney, a horseshoe or a broad irregular nucleus (the monocyte's)."""
    kind = g.random()
    if kind < 0.35:
        return _kidney(g, aspect + 0.1)
    if kind < 0.65:
        n = 11
        points = _path(g.uniform(1.6, 3.6), g.uniform(-0.3, 0.3), g.uniform(2.0, 3.0), n)
        return Nucleus(np.column_stack([points, g.uniform(0.8, 1.05) * g.uniform(0.85, 1.1, n)]))
    n = int(g.integers(3, 6))
    angles = np.arange(n) * 2 * np.pi / n + g.uniform(-0.5, 0.5, n)
    reach = g.uniform(0.45, 1.0, n)
    discs = np.column_stack([reach * np.cos(angles), reach * np.sin(angles), g.uniform(0.65, 1.0, n)])
    return Nucleus(np.concatenate([discs, [[0.0, 0.0, 0.9]]]))


def _smeared(g: np.random.Generator, aspect: float) -> Nucleus:
    """Burst: uneven patches drawn out in one direction."""
    n = int(g.integers(7, 12))
    points = np.clip(g.normal(0.0, 1.0, (n, 2)), -2, 2) * [0.6 * aspect, 0.5]
    return Nucleus(np.column_stack([points, g.uniform(0.55, 1.15, n)]))


_ROUNDED = {"oval": _oval, "flat": _flat_oval, "kidney": _kidney, "band": _band, "folded": _folded,
            "smeared": _smeared}  # fmt: skip


def draw_nucleus(
    generator: np.random.Generator,
    kind: str,
    *,
    aspect: float,
    lobes: int,
    area: float,
    room: tuple[float, float],
) -> Nucleus:
    """Draw a nucleus of a given area (square micrometres), turned at random and placed inside its cell.

    Parameters
    ----------
    generator : numpy.random.Generator
    kind : str
        ``"oval"``, ``"flat"``, ``"kidney"``, ``"band"``, ``"segmented"``, ``"bilobed"``, ``"folded"`` or
        ``"smeared"``.
    aspect : float
        Length over width of the undivided shapes.
    lobes : int
        Lobes of the divided shapes.
    area : float
        Area, square micrometres.
    room : tuple of float
        The cell's radius (micrometres) and how far off-centre the nucleus lies (0 centred, 1 at the border).

    Returns
    -------
    Nucleus
        In micrometres from the centre of the cell.
    """
    if kind == "segmented":
        unit = _segmented(generator, lobes, generator.uniform(0.9, 1.2), 0.2)
    elif kind == "bilobed":
        unit = _segmented(generator, lobes, generator.uniform(0.72, 1.1), generator.uniform(0.22, 0.45))
    else:
        unit = _ROUNDED[kind](generator, aspect)
    reach = np.max(np.hypot(unit.discs[:, 0], unit.discs[:, 1]) + unit.discs[:, 2])
    axis = np.linspace(-reach, reach, 48)
    unit_area = np.count_nonzero(unit.distance(axis, axis) > 0) * (axis[1] - axis[0]) ** 2
    radius, off_centre = room
    scale = min(np.sqrt(area / unit_area), (0.98 * radius if kind != "smeared" else _SMEAR_UM) / reach)
    free = max(0.0, 0.97 * radius - reach * scale)
    direction, turn = generator.uniform(0, 2 * np.pi, 2)
    shift = (free * off_centre * np.cos(direction), free * off_centre * np.sin(direction))
    return unit.moved(scale, turn, shift)
