"""The figure of ingredients: cells seen through each."""

from wbc_tutorial.course import widgets
from wbc_tutorial.experiments.recipes import RECOMMENDED_RECIPE


def test_the_interactive_figure_of_ingredients_shows_each_and_all_of_them():
    figure = widgets.interactive_ingredients()
    menu = figure._controls["ingredients"]
    first = figure._picture.png
    for label, names in menu.options.items():
        menu.value = names
        assert names == ("white_balance",) or figure._picture.png != first, label
    assert menu.options["Those of the recommended recipe"] == RECOMMENDED_RECIPE.names[:2]
