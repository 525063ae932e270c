"""An interactive figure: controls above one picture that a pure function of `wbc_tutorial.plots` redraws."""

import threading
from collections.abc import Callable, Mapping

import ipywidgets
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from wbc_tutorial.course.widgets.picture import Picture

__all__ = ["InteractiveFigure", "slider"]

_TURN = threading.RLock()
"""Held while a cell runs and while an interactive figure is drawn. Newer kernels move sliders in a second thread: a
figure that is being drawn there when a cell ends would be shown below that cell."""


class InteractiveFigure(ipywidgets.VBox):
    """Controls, and the figure that belongs to their values.

    Parameters
    ----------
    draw : callable
        Takes the controls' values by name and returns a figure.
    controls : mapping of str to ipywidgets.Widget
        Name of the argument -> slider or menu. Tab moves between them, the arrow keys turn them.
    describe : callable
        Takes the figure and the controls' values by name, and says what the figure shows. Together with the controls'
        present values this is the picture's alternative text.

    See Also
    --------
    interactive_imbalance, interactive_laboratory, interactive_ingredients, interactive_neighbours
    interactive_points, interactive_reversal
    """

    def __init__(
        self,
        draw: Callable[..., Figure],
        controls: Mapping[str, ipywidgets.Widget],
        describe: Callable[..., str],
    ):
        self._draw, self._controls, self._describe = draw, dict(controls), describe
        self._picture = Picture(layout=ipywidgets.Layout(max_width="100%", align_self="flex-start"))
        rows = ipywidgets.HBox(tuple(controls.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__((rows, self._picture))
        for control in self._controls.values():
            control.observe(lambda _: self.redraw(), names="value")
        _wait_for_cells()
        self.redraw()

    def redraw(self) -> None:
        """Draw again with the controls' present values."""
        values = {name: control.value for name, control in self._controls.items()}
        settings = ", ".join(map(_setting, self._controls.values()))
        with _TURN:
            figure = self._draw(**values)
            self._picture.show(figure, f"{self._describe(figure, **values)} Set to: {settings}.")
            plt.close(figure)

    def __repr__(self) -> str:
        return "Run this cell to see the sliders. The other figures of this section show what their ends look like."


def _setting(control: ipywidgets.Widget) -> str:
    """Name a control and its present value, as its label and its readout do."""
    value = control.label if hasattr(control, "label") else format(control.value, control.readout_format)
    return f"{control.description} {value}"


def _wait_for_cells() -> None:
    """Take `_TURN` at each cell's start and release it at its end; called from within a running cell, once a kernel."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or _start_of_cell in shell.events.callbacks["pre_run_cell"]:
        return
    _TURN.acquire()  # for the cell that runs now
    shell.events.register("pre_run_cell", _start_of_cell)
    shell.events.register("post_run_cell", _end_of_cell)


def _start_of_cell(_info) -> None:
    _TURN.acquire()


def _end_of_cell(_result) -> None:
    _TURN.release()


def slider(
    label: str, value: float, low: float, high: float, *, step: float, unit: str = "", live: bool = False
) -> ipywidgets.FloatSlider:
    """Make a slider that redraws when it is released, and at each press of an arrow key.

    Parameters
    ----------
    label : str
    value, low, high, step : float
        Where it stands, its two ends, and the distance between two stops.
    unit : str, default=""
        Written behind the label.
    live : bool, default=False
        Redraw while it is moved too: for figures that are drawn in a tenth of a second or so.
    """
    return ipywidgets.FloatSlider(
        value=value,
        min=low,
        max=high,
        step=step,
        description=f"{label} ({unit})" if unit else label,
        continuous_update=live,
        readout_format=".2f",
        style={"description_width": "11em"},
        layout=ipywidgets.Layout(width="26em"),
    )
