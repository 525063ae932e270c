"""Widgets: sliders that redraw a pure `wbc_tutorial.plots` function; nothing is shown only here."""

from wbc_tutorial.course.widgets.board import Board, slider
from wbc_tutorial.course.widgets.imbalance import imbalance_board
from wbc_tutorial.course.widgets.ingredients import ingredient_board, seen_through
from wbc_tutorial.course.widgets.laboratory import laboratory_board, turned
from wbc_tutorial.course.widgets.neighbours import embeddings, neighbours_board
from wbc_tutorial.course.widgets.picture import Picture
from wbc_tutorial.course.widgets.points import PointsBoard, points_board
from wbc_tutorial.course.widgets.reversal import reversal_board

__all__ = [
    "Board",
    "Picture",
    "PointsBoard",
    "embeddings",
    "imbalance_board",
    "ingredient_board",
    "laboratory_board",
    "neighbours_board",
    "points_board",
    "reversal_board",
    "seen_through",
    "slider",
    "turned",
]
