"""The strength of gradient reversal: a slider over games of classifier and discriminator that were played before."""

from collections.abc import Mapping

import ipywidgets
import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets.interactive import InteractiveFigure

__all__ = ["interactive_reversal"]


def interactive_reversal(
    games: Mapping[tuple[str, float], tuple[np.ndarray, np.ndarray, np.ndarray]],
    labels: Mapping[str, np.ndarray],
    domains: np.ndarray,
) -> InteractiveFigure:
    """Show a slider for the strength of the reversal, and a menu for the game; nothing is trained anew.

    Parameters
    ----------
    games : mapping of (str, float) to (float (N, 2), float (2, 2), float (2,))
        (name of the game, strength) -> features, and the head's weight and bias, as in `plots.decision_planes`.
    labels : mapping of str to int (N,)
        Name of the game -> labels.
    domains : int (N,)
    """
    names = list(dict.fromkeys(name for name, _ in games))
    strengths = sorted({strength for _, strength in games})
    look = {"style": {"description_width": "7em"}, "layout": ipywidgets.Layout(width="26em")}
    controls = {
        "game": ipywidgets.Dropdown(options=names, description="game", **look),
        "strength": ipywidgets.SelectionSlider(
            options=[(f"{s:g}", s) for s in strengths], description="strength", continuous_update=False, **look
        ),
    }

    def draw(game: str, strength: float):
        return plots.decision_planes({f"strength {strength:g}": games[game, strength]}, labels[game], domains)

    def describe(_, game: str, strength: float) -> str:
        z, weight, bias = games[game, strength]
        right = ((z @ weight.T + bias).argmax(axis=1) == labels[game]).mean()
        apart = np.linalg.norm(z[domains == 0].mean(axis=0) - z[domains == 1].mean(axis=0))
        return (
            f"Features of laboratories A and B over the classifier's two regions: {right:.0%} of the images lie in the "
            f"region of their class, and the means of the laboratories are {apart:.2f} apart."
        )

    return InteractiveFigure(draw, controls, describe)
