"""A board: controls above one picture that a pure function of `wbc_tutorial.plots` redraws."""

import io
from collections.abc import Callable, Mapping

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

__all__ = ["Board", "slider"]


class Board(ipywidgets.VBox):
    """Controls, and the figure that belongs to their values.

    Parameters
    ----------
    draw : callable
        Takes the controls' values by name and returns a figure.
    controls : mapping of str to ipywidgets.Widget
        Name of the argument -> slider or menu. Tab moves between them, the arrow keys turn them.
    """

    def __init__(self, draw: Callable[..., Figure], controls: Mapping[str, ipywidgets.Widget]):
        self._draw, self._controls = draw, dict(controls)
        self._picture = ipywidgets.Image(
            format="png", layout=ipywidgets.Layout(max_width="100%", align_self="flex-start")
        )
        rows = ipywidgets.HBox(tuple(controls.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__((rows, self._picture))
        for control in self._controls.values():
            control.observe(lambda _: self.redraw(), names="value")
        self.redraw()

    def redraw(self) -> None:
        """Draw again with the controls' present values."""
        figure = self._draw(**{name: control.value for name, control in self._controls.items()})
        file = io.BytesIO()
        figure.savefig(file, format="png")
        plt.close(figure)
        self._picture.value = file.getvalue()

    def __repr__(self) -> str:
        return "Run this cell to see the sliders; the figures of this section show their ends without them."


def slider(label: str, value: float, low: float, high: float, *, step: float, unit: str = "") -> ipywidgets.FloatSlider:
    """Return a slider that redraws once it is let go, or at each arrow key."""
    return ipywidgets.FloatSlider(
        value=value,
        min=low,
        max=high,
        step=step,
        description=f"{label} ({unit})" if unit else label,
        continuous_update=False,
        readout_format=".2f",
        style={"description_width": "11em"},
        layout=ipywidgets.Layout(width="26em"),
    )
