"""Widgets: interactive figures, whose sliders redraw a pure function of `wbc_tutorial.plots`.

Nothing is shown only here: each notebook also draws these figures without a widget. `prediction` asks a question.
"""

from wbc_tutorial.course.widgets.imbalance import interactive_imbalance
from wbc_tutorial.course.widgets.ingredients import interactive_ingredients, recipe_preview
from wbc_tutorial.course.widgets.interactive import InteractiveFigure, slider
from wbc_tutorial.course.widgets.laboratory import LaboratoryBoard, interactive_laboratory, photograph, turned
from wbc_tutorial.course.widgets.neighbours import embeddings, interactive_neighbours
from wbc_tutorial.course.widgets.picture import Picture
from wbc_tutorial.course.widgets.points import InteractivePoints, interactive_points
from wbc_tutorial.course.widgets.predictions import Prediction, forget_predictions, prediction, predictions_made
from wbc_tutorial.course.widgets.price import interactive_price
from wbc_tutorial.course.widgets.quiz import Quiz, QuizCell, quiz, quiz_cells, quiz_examples, quiz_network
from wbc_tutorial.course.widgets.reversal import interactive_reversal

__all__ = [
    "InteractiveFigure",
    "LaboratoryBoard",
    "Picture",
    "InteractivePoints",
    "Prediction",
    "Quiz",
    "QuizCell",
    "embeddings",
    "forget_predictions",
    "interactive_imbalance",
    "interactive_ingredients",
    "interactive_laboratory",
    "interactive_neighbours",
    "interactive_points",
    "interactive_price",
    "interactive_reversal",
    "photograph",
    "prediction",
    "predictions_made",
    "quiz",
    "quiz_cells",
    "quiz_examples",
    "quiz_network",
    "recipe_preview",
    "slider",
    "turned",
]
