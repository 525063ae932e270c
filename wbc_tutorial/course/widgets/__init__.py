"""Widgets: interactive figures, whose sliders redraw a pure function of `wbc_tutorial.plots`.

Nothing is shown only here: each notebook also draws these figures without a widget.
"""

from wbc_tutorial.course.widgets.imbalance import interactive_imbalance
from wbc_tutorial.course.widgets.ingredients import interactive_ingredients, recipe_preview
from wbc_tutorial.course.widgets.interactive import InteractiveFigure, slider
from wbc_tutorial.course.widgets.laboratory import interactive_laboratory, turned
from wbc_tutorial.course.widgets.neighbours import embeddings, interactive_neighbours
from wbc_tutorial.course.widgets.picture import Picture
from wbc_tutorial.course.widgets.points import InteractivePoints, interactive_points
from wbc_tutorial.course.widgets.reversal import interactive_reversal

__all__ = [
    "InteractiveFigure",
    "Picture",
    "InteractivePoints",
    "embeddings",
    "interactive_imbalance",
    "interactive_ingredients",
    "interactive_laboratory",
    "interactive_neighbours",
    "interactive_points",
    "interactive_reversal",
    "recipe_preview",
    "slider",
    "turned",
]
