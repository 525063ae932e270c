"""Points in the plane that the reader moves, and what BoDA then does to each of them."""

from functools import partial

import ipywidgets
import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets.interactive import InteractiveFigure, slider
from wbc_tutorial.course.widgets.picture import title_of

__all__ = ["InteractivePoints", "interactive_points"]

RULES = {"DoDA": (False, False), "balanced": (True, False), "balanced and calibrated": (True, True)}
"""Name in the menu -> (divide by the own count, use nu)."""


class InteractivePoints(InteractiveFigure):
    """A board whose sliders belong to one image at a time: choosing another moves the sliders, not the image."""

    def __init__(self, points, labels, domains, classes):
        self.points = np.array(points, dtype=float)  # a copy: the caller's points stay where they are
        self._moving = False
        draw = partial(plots.boda_plane, labels=labels, domains=domains, classes=classes)
        wide = {"style": {"description_width": "11em"}, "layout": ipywidgets.Layout(width="26em")}
        controls = {
            "image": ipywidgets.Dropdown(options=range(len(self.points)), value=0, description="move image", **wide),
            "rule": ipywidgets.Dropdown(options=list(RULES), value="DoDA", description="rule", **wide),
            "x": slider("x", self.points[0, 0], -2, 6, step=0.1),
            "y": slider("y", self.points[0, 1], -2, 5, step=0.1),
            "nu": slider("nu", 0.5, 0, 1, step=0.05),
            "temperature": slider("temperature T", 1, 0.1, 3, step=0.1),
        }

        def move_and_draw(image, x, y, *, rule, nu, temperature):
            self.points[image] = x, y
            balanced, calibrated = RULES[rule]
            return draw(
                self.points, image=image, balanced=balanced, nu=nu if calibrated else 0.0, temperature=temperature
            )

        super().__init__(move_and_draw, controls, _describe)

    def redraw(self) -> None:
        """Draw again; a newly chosen image first hands its place to the sliders."""
        if self._moving:
            return
        chosen = self._controls["image"].value
        if chosen != getattr(self, "_chosen", 0):
            self._moving = True
            for name, value in zip("xy", self.points[chosen], strict=True):
                self._controls[name].value = float(value)
            self._moving = False
        self._chosen = chosen
        super().redraw()


def _describe(figure, *, image, **_) -> str:
    """Read the loss, and the image's shares, from the figure."""
    plane, bars = figure.axes
    pairs = (label.get_text() for label in bars.get_yticklabels())
    shares = "; ".join(f"{pair}: {text.get_text()}" for pair, text in zip(pairs, bars.texts, strict=True))
    return (
        f"Numbered images in the plane, arrows downhill: {title_of(plane)}. "
        f"Shares of the softmax of image {image}: {shares}."
    )


def interactive_points(points, labels, domains, classes) -> InteractivePoints:
    """Sliders that move one image in the plane, and a menu from DoDA to calibrated BoDA.

    Parameters
    ----------
    points : float (n, 2)
        x in -2..6, y in -2..5.
    labels, domains : int (n,)
    classes : sequence of C str
    """
    return InteractivePoints(points, labels, domains, classes)
