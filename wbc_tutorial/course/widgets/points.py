"""Points in the plane that the reader moves, and what BoDA does to each of them."""

import ipywidgets
import numpy as np

from wbc_tutorial.course.plots.boda import forces_on
from wbc_tutorial.course.plots.style import class_code, class_colour, series_style
from wbc_tutorial.course.widgets.interactive import slider
from wbc_tutorial.course.widgets.plane import DraggablePlane

__all__ = ["InteractivePoints", "interactive_points"]

RULES = {"DoDA": (False, False), "balanced": (True, False), "balanced and calibrated": (True, True)}
"""Name in the menu -> (divide by the own count, use nu)."""

REACH_X, REACH_Y = (-2.0, 6.0), (-2.0, 5.0)
LONGEST_ARROW = 1.4


class InteractivePoints(ipywidgets.VBox):
    """A plane whose points can be dragged, with menus and sliders that do the same from the keyboard.

    See Also
    --------
    interactive_points : makes one, and says what the arguments are.
    """

    def __init__(self, points, labels, domains, classes):
        self.points = np.array(np.asarray(points), dtype=float)  # a copy: the caller's points stay where they are
        self._labels, self._domains = (np.asarray(each).astype(int) for each in (labels, domains))
        self._classes, self._quiet = tuple(classes), False
        wide = {"style": {"description_width": "11em"}, "layout": ipywidgets.Layout(width="26em")}
        x, y = self.points[0]
        self._controls = {
            "image": ipywidgets.Dropdown(options=range(len(self.points)), value=0, description="move image", **wide),
            "rule": ipywidgets.Dropdown(options=list(RULES), value="DoDA", description="rule", **wide),
            "x": slider("x", x, *REACH_X, step=0.1, live=True),
            "y": slider("y", y, *REACH_Y, step=0.1, live=True),
            "nu": slider("nu", 0.5, 0, 1, step=0.05, live=True),
            "temperature": slider("temperature T", 1, 0.1, 3, step=0.1, live=True),
        }
        self._grey_out()
        self.plane = DraggablePlane(self._scene(), self._dragged)
        rows = ipywidgets.HBox(tuple(self._controls.values()), layout=ipywidgets.Layout(flex_flow="row wrap"))
        super().__init__((rows, self.plane))
        for name, control in self._controls.items():
            control.observe(self._chosen if name == "image" else self._turned, names="value")

    def __repr__(self) -> str:
        return "Run this cell: the points can be dragged with the mouse, or moved with the arrow keys."

    def _value(self, name: str):
        return self._controls[name].value

    def _grey_out(self) -> None:
        """Disable nu where the rule does not use it."""
        self._controls["nu"].disabled = not RULES[self._value("rule")][1]

    def _turned(self, _change) -> None:
        """Answer a slider or the menu of rules."""
        if not self._quiet:
            self._grey_out()
            self.points[self._value("image")] = self._value("x"), self._value("y")
            self.plane.scene = self._scene()

    def _chosen(self, _change) -> None:
        """Answer the menu of images: the sliders go to where the image is."""
        if not self._quiet:
            self._set(self._value("image"), *self.points[self._value("image")])

    def _dragged(self, image: int, x: float, y: float) -> None:
        """Answer the mouse, a finger, or an arrow key on a point."""
        image, x, y = int(image), float(np.clip(x, *REACH_X)), float(np.clip(y, *REACH_Y))
        if 0 <= image < len(self.points):
            self.points[image] = x, y
            self._set(image, x, y)

    def _set(self, image: int, x: float, y: float) -> None:
        """Bring the controls to one image's place, and draw once."""
        self._quiet = True
        for name, value in (("image", image), ("x", float(x)), ("y", float(y))):
            self._controls[name].value = value
        self._quiet = False
        self.plane.scene = self._scene()

    def _scene(self) -> dict:
        """Compute what BoDA does to each point, and say it in numbers and in words."""
        image, (balanced, calibrated) = self._value("image"), RULES[self._value("rule")]
        nu = self._value("nu") if calibrated else 0.0
        options = {"nu": nu, "balanced": balanced, "temperature": self._value("temperature")}
        forces = forces_on(self.points, self._labels, self._domains, n_classes=len(self._classes), **options)
        length = np.linalg.norm(forces.gradient, axis=1).max()
        arrows = -LONGEST_ARROW * forces.gradient / max(length, 1e-12)
        points = [
            {"x": float(x), "y": float(y), "label": f"{i} {class_code(self._classes[c])}",
             "colour": class_colour(self._classes[c]), "marker": _marker(d), "arrow": arrows[i].tolist(),
             "says": f"image {i}, {self._classes[c].replace('_', ' ')}, laboratory {d}"}
            for i, ((x, y), c, d) in enumerate(zip(self.points, self._labels, self._domains, strict=True))
        ]  # fmt: skip
        centroids = [
            {"x": float(forces.centroids[d, c, 0]), "y": float(forces.centroids[d, c, 1]),
             "colour": class_colour(self._classes[c]), "marker": _marker(d)}
            for d, c in forces.pairs
        ]  # fmt: skip
        bars = [
            {"label": f"{class_code(self._classes[c])}, lab {d}", "colour": class_colour(self._classes[c]),
             "share": float(forces.shares[image, k]) if forces.others[image, k] else None,
             "positive": bool(forces.positive[image, k])}
            for k, (d, c) in enumerate(forces.pairs)
        ]  # fmt: skip
        hatched = "hatched = positive" if forces.positive[image].any() else "no positive, so no pull"
        scene = {
            "x": [-2.2, 6.2], "y": [-2.2, 5.2], "reach_x": list(REACH_X), "reach_y": list(REACH_Y), "image": image,
            "points": points, "centroids": centroids, "bars": bars, "legend": self._legend(),
            "title": f"mean loss {forces.loss:.3f}, longest gradient {length:.3f}",
            "bars_title": f"image {image}'s shares: {hatched}",
        }  # fmt: skip
        return scene | {"says": _describe(scene, self._controls)}

    def _legend(self) -> list[dict]:
        """Say what markers, colours and hollow markers mean."""
        grey = [
            {"label": f"laboratory {d}", "marker": _marker(d), "colour": "#999999"} for d in np.unique(self._domains)
        ]
        kinds = [
            {"label": f"class {c} ({class_code(name)})", "marker": "o", "colour": class_colour(name)}
            for c, name in enumerate(self._classes)
        ]
        return [*grey, *kinds, {"label": "hollow: centroid", "marker": "o", "colour": None}]


def _marker(domain: int) -> str:
    """Return one of the four markers that the plane can draw; a fifth laboratory shares that of the first."""
    return series_style(int(domain) % 4).marker


def _describe(scene: dict, controls: dict) -> str:
    """Say the loss, the shares of the chosen image, and how the controls stand."""
    shares = "; ".join(
        f"{bar['label']}: {'its own pair' if bar['share'] is None else format(bar['share'], '.3f')}"
        for bar in scene["bars"]
    )
    settings = ", ".join(f"{each.description} {each.value}" for each in controls.values() if not each.disabled)
    return (
        f"Numbered images in the plane, arrows downhill: {scene['title']}. "
        f"Shares of the softmax of image {scene['image']}: {shares}. Set to: {settings}."
    )


def interactive_points(points, labels, domains, classes) -> InteractivePoints:
    """Show points that can be dragged, sliders that do the same, and a menu from DoDA to calibrated BoDA.

    Parameters
    ----------
    points : float (n, 2)
        x in -2..6, y in -2..5.
    labels, domains : int (n,)
    classes : sequence of C str
        Names of the classes by number.
    """
    return InteractivePoints(points, labels, domains, classes)
