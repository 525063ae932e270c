"""A plane of points that a mouse, a finger or the arrow keys move.

ipywidgets has sliders and menus, but nothing that says where in a picture the mouse is. anywidget adds this and no
more: the drawing is one file of JavaScript beside this one, without a build, and it works without a network.
"""

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets

__all__ = ["DraggablePlane"]

HERE = Path(__file__).parent


class DraggablePlane(anywidget.AnyWidget):
    """Draw a scene, and tell `moved` where a point was put. Python answers with the next scene.

    Parameters
    ----------
    scene : dict
        ``x, y`` (ends of the axes), ``reach_x, reach_y`` (how far a point may be moved), ``image`` (the chosen point),
        ``points`` and ``centroids`` (places, colours, markers), ``bars``, ``legend``, ``title``, ``bars_title``, and
        ``says``: the same in words.
    moved : callable
        Takes the number of the point and its new x and y.
    """

    _esm, _css = HERE / "plane.js", HERE / "plane.css"
    scene = traitlets.Dict().tag(sync=True)
    moved = traitlets.Dict().tag(sync=True)

    def __init__(self, scene: dict, moved: Callable[[int, float, float], None]):
        super().__init__(scene=scene, moved={"count": 0})
        self.observe(lambda change: moved(change.new["image"], change.new["x"], change.new["y"]), names="moved")
