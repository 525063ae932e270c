"""The laboratory's knobs: one cell whose stain, focus, light, magnification and noise change with sliders."""

from dataclasses import replace

import ipywidgets
import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets.interactive import InteractiveFigure, slider
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import FIELD_UM
from wbc_tutorial.data.simulator import LOOKS, Look, simulate_cell

__all__ = ["interactive_laboratory", "turned"]


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


def _draw(laboratory, cell, *, stain, blur_um, warmth, brightness, noise, field_um):
    """Draw a cell of a laboratory before and after its knobs are turned."""
    own = LOOKS[laboratory]
    look = turned(own, stain=stain, blur_um=blur_um, warmth=warmth, brightness=brightness, noise=noise)
    before = simulate_cell(laboratory, cell, 0, size=128)
    after = simulate_cell(laboratory, cell, 0, size=128, look=look, field_um=field_um)
    return plots.turned_knobs(before, np.asarray(after), "with your knobs")


def _describe(figure, *, laboratory, cell, **_) -> str:
    """Say what is seen, and the mean colour before and after."""
    before, after = (np.asarray(axis.images[0].get_array()).mean(axis=(0, 1)) for axis in figure.axes[:2])
    colours = ("red {:.0f}, green {:.0f}, blue {:.0f}".format(*colour) for colour in (before, after))
    return (
        f"A simulated {cell} from {laboratory}, as it is and with the knobs turned, and its histograms of colour. "
        "Mean colour: {}; now {}.".format(*colours)
    )


def interactive_laboratory(laboratory: str = "sim_acevedo") -> InteractiveFigure:
    """Show sliders for a simulated laboratory's stain, focus, light, noise and field; the cell itself stays the same.

    Parameters
    ----------
    laboratory : str, default="sim_acevedo"
        Which simulated laboratory is chosen at first.
    """
    menu = {"style": {"description_width": "11em"}, "layout": ipywidgets.Layout(width="26em")}
    controls = {
        "laboratory": ipywidgets.Dropdown(options=list(LOOKS), value=laboratory, description="laboratory", **menu),
        "cell": ipywidgets.Dropdown(options=CLASSES, value="eosinophil", description="cell", **menu),
        "stain": slider("stain strength", 1.0, 0.3, 2.5, step=0.1),
        "blur_um": slider("out of focus", 0.0, 0.0, 1.5, step=0.05, unit="µm"),
        "warmth": slider("colour of the light", 0.0, -0.3, 0.3, step=0.02),
        "brightness": slider("brightness", 1.0, 0.4, 1.0, step=0.05),
        "noise": slider("sensor noise", 0.01, 0.0, 0.15, step=0.01),
        "field_um": slider("field", FIELD_UM, 15.0, 40.0, step=1.0, unit="µm"),
    }
    return InteractiveFigure(_draw, controls, _describe)
