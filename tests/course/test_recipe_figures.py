"""The figures of recipes: bars of the gap recovered, and cells seen through each ingredient."""

import pandas as pd

from wbc_tutorial.course import plots, widgets
from wbc_tutorial.experiments.recipes import CHOSEN_RECIPE


def test_bars_stand_where_the_numbers_say():
    index = pd.MultiIndex.from_tuples(
        [("none", "erm"), ("none", "boda"), ("white_balance", "erm")], names=["recipe", "method"]
    )
    closed = pd.DataFrame({"closed": [0, 0.05, 0.58], "low": [0, 0.02, 0.5], "high": [0, 0.08, 0.66]}, index)
    figure = plots.gap_bars(closed, {"none": "none", "white_balance": "white_balance alone"})
    axis = figure.axes[0]
    widths = sorted(round(bar.get_width(), 6) for bar in axis.patches)
    assert widths == sorted(round(100 * value, 6) for value in closed.closed)
    legend = (axis.get_legend() or figure.legends[0]).get_texts()
    assert [text.get_text() for text in legend] == ["ERM", "BoDA"]
    assert len({bar.get_hatch() for bar in axis.patches}) == 2, "methods differ by more than colour"


def test_the_interactive_figure_of_ingredients_shows_each_and_all_of_them():
    figure = widgets.interactive_ingredients()
    menu = figure._controls["ingredients"]
    first = figure._picture.png
    for label, names in menu.options.items():
        menu.value = names
        assert names == ("white_balance",) or figure._picture.png != first, label
    assert menu.options["Those of the chosen recipe"] == CHOSEN_RECIPE.names[:2]
