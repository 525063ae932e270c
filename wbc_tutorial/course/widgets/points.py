"""Points in the plane that the reader moves, and what BoDA does to each of them."""

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
    """An interactive figure whose sliders move one image at a time; another image is chosen from a menu.

    See Also
    --------
    interactive_points : makes one, and says what the arguments are.
    """

    def __init__(self, points, labels, domains, classes):
        self.points = np.array(np.asarray(points), dtype=float)  # a copy: the caller's points stay where they are
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
        """Draw again. After another image was chosen, the sliders first move to where it is."""
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
    """Say the loss and the shares of the chosen image, as the figure shows them."""
    plane, bars = figure.axes
    pairs = (label.get_text() for label in bars.get_yticklabels())
    shares = "; ".join(f"{pair}: {text.get_text()}" for pair, text in zip(pairs, bars.texts, strict=True))
    return (
        f"Numbered images in the plane, arrows downhill: {title_of(plane)}. "
        f"Shares of the softmax of image {image}: {shares}."
    )


def interactive_points(points, labels, domains, classes) -> InteractivePoints:
    """Show sliders that move one image in the plane, and a menu from DoDA to calibrated BoDA.

    Parameters
    ----------
    points : float (n, 2)
        x in -2..6, y in -2..5.
    labels, domains : int (n,)
    classes : sequence of C str
        Names of the classes by number.
    """
    return InteractivePoints(points, labels, domains, classes)
