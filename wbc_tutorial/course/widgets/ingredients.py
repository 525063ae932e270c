"""What a recipe does to an image: one cell from each simulated laboratory, before and after."""

import textwrap

import ipywidgets
import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets.interactive import InteractiveFigure
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.simulated import SIMULATED
from wbc_tutorial.data.simulator import simulate_cell
from wbc_tutorial.experiments.recipes import INGREDIENTS, RECOMMENDED_RECIPE, Recipe

__all__ = ["interactive_ingredients", "recipe_preview"]


def recipe_preview(ingredients: tuple[str, ...], cell: str = "eosinophil", draw: int = 0):
    """Draw one cell from each simulated laboratory, as photographed and as a network sees it through a recipe.

    Parameters
    ----------
    ingredients : tuple of str
        Of `wbc_tutorial.INGREDIENTS`; those that do not change images change nothing here.
    cell : str, default="eosinophil"
        A class.
    draw : int, default=0
        Seed of what an augmentation draws at random.

    Returns
    -------
    Figure

    See Also
    --------
    wbc_tutorial.Recipe.preview : the same for images of one's own.
    """
    before = np.stack([simulate_cell(laboratory, cell, 0, size=64) for laboratory in SIMULATED])
    recipe = Recipe(ingredients)
    after = recipe.preview(before.transpose(0, 3, 1, 2), seed=draw).transpose(0, 2, 3, 1)
    name = textwrap.fill(" + ".join(recipe) or "nothing", 24)  # as long as its image is high
    return plots.before_and_after({"photographed": before, name: after}, SIMULATED)


def interactive_ingredients() -> InteractiveFigure:
    """Show menus for the ingredient and the cell, and a slider for the random draw of an augmentation."""
    menu = {"style": {"description_width": "8em"}, "layout": ipywidgets.Layout(width="26em")}
    visible = [name for name, each in INGREDIENTS.items() if each.normalise or "augmentation" in each.fit]
    options = {INGREDIENTS[name].what.split(":")[0] + f" ({name})": (name,) for name in visible}
    options |= {"Those of the recommended recipe": tuple(name for name in RECOMMENDED_RECIPE if name in visible)}
    controls = {
        "ingredients": ipywidgets.Dropdown(options=options, description="ingredient", **menu),
        "cell": ipywidgets.Dropdown(options=CLASSES, value="eosinophil", description="cell", **menu),
        "draw": ipywidgets.IntSlider(0, 0, 20, description="draw number", continuous_update=False, **menu),
    }
    return InteractiveFigure(recipe_preview, controls, _describe)


def _describe(figure, *, cell, **_) -> str:
    """Say what is seen, and how far apart the laboratories' mean colours are, before and after."""
    means = np.stack([np.asarray(axis.images[0].get_array()).mean(axis=(0, 1)) for axis in figure.axes])
    before, after = np.ptp(means.reshape(2, len(SIMULATED), 3), axis=1).max(axis=1)
    return (
        f"One {cell} from each of {', '.join(SIMULATED)}: as photographed, and through the ingredient. "
        f"The mean colours of the laboratories are up to {before:.0f} of 255 apart, then {after:.0f}."
    )
