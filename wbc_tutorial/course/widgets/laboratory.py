"""The laboratory board: knobs for stain, light, focus, noise and field, a target, and a network's answer below."""

from dataclasses import replace
from functools import lru_cache

import ipywidgets
import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.networks import answers, trained_network
from wbc_tutorial.course.widgets.interactive import InteractiveFigure, slider
from wbc_tutorial.data.classes import CLASSES, find_class
from wbc_tutorial.data.laboratories import FIELD_UM
from wbc_tutorial.data.simulator import LOOKS, Look, look_of, simulate_cell
from wbc_tutorial.data.thread import CELLS_SEED, DRAWN_AS, EIGHT_CELLS

__all__ = ["LaboratoryBoard", "interactive_laboratory", "photograph", "turned"]


def turned(
    look: Look, *, stain: float = 1.0, blur_um: float = 0.0, warmth: float = 0.0, brightness: float = 1.0, noise=None
) -> Look:
    """Return `look` with its knobs turned; the defaults change nothing.

    Parameters
    ----------
    look : Look
    stain : float, default=1
        Multiplies every absorbance.
    blur_um : float, default=0
        Added to the width of the blur spot, micrometres.
    warmth : float, default=0
        Light from bluish (below 0) to reddish (above 0): red is multiplied by 1 + warmth, blue by 1 - warmth.
    brightness : float, default=1
        Multiplies the light.
    noise : float, default=None
        The sensor's noise, in [0, 1]; None = the look's own.

    Returns
    -------
    Look
    """
    gains = tuple(w * g for w, g in zip(look.white_balance, (1 + warmth, 1.0, 1 - warmth), strict=True))
    return replace(
        look,
        stain_strength=look.stain_strength * stain,
        focus_um=look.focus_um + blur_um,
        white_balance=tuple(brightness * g for g in gains),
        noise=look.noise if noise is None else noise,
    )


class LaboratoryBoard(InteractiveFigure):
    """An interactive figure with a button that turns all knobs back.

    See Also
    --------
    interactive_laboratory : makes one, and says what it shows.
    """

    def __init__(self, laboratory: str, target: str, cell: str):
        self._network = trained_network()
        self._quiet = False
        self._theirs = lru_cache(lambda cell, target: photograph(cell, LOOKS[target]))
        controls = {
            "cell": _menu("cell", EIGHT_CELLS, cell),
            "laboratory": _menu("start from", LOOKS, laboratory),
            "target": _menu("make it look like", LOOKS, target),
        } | {name: slider(*place, live=True, **more) for name, (place, more) in _KNOBS.items()}
        super().__init__(self._board, controls, _describe)
        self.reset_button = ipywidgets.Button(description="Reset the knobs", icon="undo")
        self.reset_button.on_click(lambda _: self.reset())
        self.children = (*self.children, self.reset_button)

    def reset(self) -> None:
        """Turn all knobs back, and draw once."""
        self._quiet = True
        for name, (place, _) in _KNOBS.items():
            self._controls[name].value = place[1]
        self._quiet = False
        self.redraw()

    def redraw(self) -> None:
        """Draw again with the controls' present values."""
        if not self._quiet:
            super().redraw()

    def _board(self, *, cell, laboratory, target, field_um, noise, **knobs):
        """Draw the same cell under the turned look and under the target's, with the network's answer."""
        own = LOOKS[laboratory]
        mine = photograph(cell, turned(own, noise=noise * own.noise, **knobs), field_um=field_um)
        half = mine.reshape(64, 2, 64, 2, 3).mean(axis=(1, 3)).round().astype(np.uint8)  # what the network is given
        probabilities = answers(self._network, half[None])[0]
        truth = find_class(cell)
        theirs = self._theirs(cell, target)
        return plots.laboratory_board(mine, theirs, probabilities, CLASSES, truth, names=("your laboratory", target))


_KNOBS = {
    "stain": (("stain strength", 1.0, 0.3, 2.5), {"step": 0.05}),
    "warmth": (("colour of the light", 0.0, -0.3, 0.3), {"step": 0.01}),
    "brightness": (("brightness", 1.0, 0.6, 1.0), {"step": 0.02}),
    "blur_um": (("out of focus", 0.0, 0.0, 1.0), {"step": 0.05, "unit": "µm"}),
    "noise": (("sensor noise, times", 1.0, 0.0, 10.0), {"step": 0.5}),
    "field_um": (("field", FIELD_UM, 15.0, 40.0), {"step": 1.0, "unit": "µm"}),
}
"""Argument -> label, where it stands at first, and its two ends; step and unit."""


def _menu(label: str, options, value: str) -> ipywidgets.Dropdown:
    names = [option if isinstance(option, str) else option[0] for option in options]
    look = {"style": {"description_width": "11em"}, "layout": ipywidgets.Layout(width="26em")}
    return ipywidgets.Dropdown(options=names, value=value, description=label, **look)


def photograph(code: str, look: Look, *, field_um: float = FIELD_UM, size: int = 128) -> np.ndarray:
    """Draw one of the course's eight cells under a look; the cell itself stays the same whatever the look.

    Parameters
    ----------
    code : str
        Of one of `wbc_tutorial.data.thread.EIGHT_CELLS`.
    look : Look
    field_um : float, default=25
        Side of the picture, micrometres.
    size : int, default=128
        Side of the picture, pixels.

    Returns
    -------
    uint8 (size, size, 3)
    """
    index = dict(EIGHT_CELLS)[code]
    return simulate_cell(DRAWN_AS, code, index, seed=CELLS_SEED, size=size, look=look, field_um=field_um)


def _describe(figure, **_) -> str:
    """Say what the figure says of itself."""
    return figure.alt


def interactive_laboratory(
    laboratory: str = "sim_acevedo", target: str = "sim_mll", cell: str = "EOS"
) -> LaboratoryBoard:
    """Show knobs for a laboratory's stain, light, focus, noise and field, and what a network says of the same cell.

    The cell stays the same. Beside it stands the same cell in the target laboratory, with the distance between both
    pictures, and below them the network's 13 probabilities.

    Parameters
    ----------
    laboratory : str, default="sim_acevedo"
        Whose look the knobs start from.
    target : str, default="sim_mll"
        Whose look is to be reached.
    cell : str, default="EOS"
        Code of one of the course's eight cells.

    Raises
    ------
    ValueError
        An unknown laboratory, or a cell that is none of the eight.
    """
    for name in (laboratory, target):
        look_of(name)
    if cell not in dict(EIGHT_CELLS):
        raise ValueError(f"cell {cell!r}: expected one of {', '.join(code for code, _ in EIGHT_CELLS)}")
    return LaboratoryBoard(laboratory, target, cell)
