"""The simulator of smears: a class gives the shape, a laboratory the look, both together the picture (uint8)."""

from wbc_tutorial.data.simulator.appearance import LOOK_PARTS, LOOKS, Look, exchanged, look_of
from wbc_tutorial.data.simulator.criteria import CRITERIA, Criteria
from wbc_tutorial.data.simulator.morphology import STAINS, Drawing, draw_cell
from wbc_tutorial.data.simulator.production import simulate_laboratory
from wbc_tutorial.data.simulator.rendering import simulate_cell, simulate_view

__all__ = [
    "CRITERIA",
    "LOOKS",
    "LOOK_PARTS",
    "STAINS",
    "Criteria",
    "Drawing",
    "Look",
    "draw_cell",
    "exchanged",
    "look_of",
    "simulate_cell",
    "simulate_laboratory",
    "simulate_view",
]
