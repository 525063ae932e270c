"""Floor 6, the widgets: sliders that redraw a pure `wbc_tutorial.plots` function; nothing is shown only here."""

from wbc_tutorial.widgets.board import Board, slider
from wbc_tutorial.widgets.imbalance import imbalance_board
from wbc_tutorial.widgets.laboratory import laboratory_board, turned

__all__ = ["Board", "imbalance_board", "laboratory_board", "slider", "turned"]
