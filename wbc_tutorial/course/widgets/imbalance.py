"""The long tail: a slider for the imbalance ratio, and what a classifier scores that always names the largest class."""

import ipywidgets

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets.interactive import InteractiveFigure
from wbc_tutorial.course.widgets.picture import title_of

__all__ = ["interactive_imbalance"]


def interactive_imbalance(ratio: float = 10.0) -> InteractiveFigure:
    """Show a slider for the imbalance ratio, from 1 to 1000; the number of images stays the same.

    Parameters
    ----------
    ratio : float, default=10
        Where the slider stands at first.
    """
    control = ipywidgets.FloatLogSlider(
        value=ratio,
        min=0,
        max=3,
        step=0.125,
        description="imbalance ratio",
        continuous_update=False,
        readout_format=".0f",
        style={"description_width": "8em"},
        layout=ipywidgets.Layout(width="34em"),
    )
    return InteractiveFigure(plots.majority_vote, {"ratio": control}, _describe)


def _describe(figure, **_) -> str:
    tail, scores = figure.axes
    micro, macro = (text.get_text() for text in scores.texts)
    return (
        f"Bars fall from the largest class to the smallest: {title_of(tail)}. "
        f"Always naming the largest scores F1-micro {micro}, F1-macro {macro}."
    )
