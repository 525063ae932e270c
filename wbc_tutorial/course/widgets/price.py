"""What a missed patient costs: two sliders above the cost of every threshold of an alarm."""

from collections.abc import Callable, Sequence

import ipywidgets
import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets.interactive import InteractiveFigure

__all__ = ["interactive_price"]


def interactive_price(
    costs: Callable[[str, np.ndarray, float, float], np.ndarray], thresholds: np.ndarray, names: Sequence[str]
) -> InteractiveFigure:
    """Show sliders for the price of a missed patient and for the share of ill ones, above the curves of cost.

    Parameters
    ----------
    costs : callable
        ``(name, thresholds, price, ill_share) -> cost per patient (T,)``.
    thresholds : float (T,)
    names : sequence of str
        One curve each; the threshold that is cheapest for the first is marked.

    See Also
    --------
    wbc_tutorial.plots.costs_by_threshold : the figure.
    """
    look = {"style": {"description_width": "16em"}, "layout": ipywidgets.Layout(width="34em")}
    controls = {
        "price": ipywidgets.SelectionSlider(
            options=[1, 3, 10, 30, 100, 300, 1000], value=100, description="a missed patient costs", **look
        ),
        "ill": ipywidgets.FloatSlider(
            0.05, min=0.01, max=0.5, step=0.01, description="share of patients that are ill",
            continuous_update=False, readout_format=".2f", **look,
        ),
    }  # fmt: skip

    def draw(price: float, ill: float):
        lines = {name: np.asarray(costs(name, thresholds, price, ill)) for name in names}
        first = lines[names[0]]
        chosen = float(np.median(np.asarray(thresholds)[first <= first.min() + 1e-9]))
        title = f"A missed patient costs {price:g}, a false alarm 1"
        return plots.costs_by_threshold(lines, thresholds, chosen=chosen, title=title)

    return InteractiveFigure(draw, controls, lambda figure, **_: plots.alt_of(figure))
