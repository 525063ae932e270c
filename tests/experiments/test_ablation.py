"""The ablation: which recipes it holds, the gap each closes against a hand-made table, and its figures."""

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial.course import plots, widgets
from wbc_tutorial.experiments import ablation, recipes

SCORES = {("none", "erm"): (0.9, 0.3), ("none", "boda"): (0.88, 0.33), ("light", "erm"): (0.92, 0.61)}


def ledger(folds=3, spread=0.0):
    """Two unseen laboratories a run; their mean is the score in SCORES plus `spread` times the fold."""
    lines = []
    for (recipe, method), (known, unseen) in SCORES.items():
        for fold in range(folds):
            shift = spread * fold * (recipe == "light")
            for domain, split, score in (
                ("a", "in_domain", 0.1),  # a single laboratory's row beside the pooled one: not counted
                ("a+b", "in_domain", known),
                ("u", "unseen", unseen - 0.1 + shift),
                ("v", "unseen", unseen + 0.1 + shift),
            ):
                key = {"recipe": recipe, "method": method, "fold": fold, "seed": 0, "domain": domain, "split": split}
                lines.append(key | {"f1_macro": score})
    return pd.DataFrame(lines)


def test_the_gap_closed_is_the_share_of_the_way_from_erm_abroad_to_the_best_at_home():
    closed = ablation.gap_closed(ledger())
    assert closed.closed["none", "erm"] == 0
    assert closed.closed["none", "boda"] == pytest.approx(0.03 / (0.92 - 0.3))
    assert closed.closed["light", "erm"] == pytest.approx(0.31 / 0.62)
    assert closed.known["light", "erm"] == pytest.approx(0.92) and closed.unseen["light", "erm"] == pytest.approx(0.61)
    assert (
        np.allclose(closed.low, closed.closed) and np.allclose(closed.high, closed.closed) and (closed.runs == 3).all()
    )
    assert ablation.gap_closed(ledger(), best=0.8).closed["light", "erm"] == pytest.approx(0.31 / 0.5)


def test_the_interval_holds_the_mean_and_comes_from_the_runs():
    line = ablation.gap_closed(ledger(5, spread=0.05)).loc["light", "erm"]
    assert line.low < line.closed < line.high and line.closed == pytest.approx((0.31 + 0.1) / 0.62)
    assert line.low >= 0.31 / 0.62 and line.high <= 0.51 / 0.62
    single = ablation.gap_closed(ledger(1)).loc["light", "erm"]
    assert np.isnan(single.low) and np.isnan(single.high) and single.closed == pytest.approx(0.5)


def test_a_recipe_with_fewer_folds_is_compared_on_those():
    rows = ledger(5, spread=0.05)
    rows = rows[(rows.recipe == "none") | (rows.fold < 2)]
    line = ablation.gap_closed(rows, best=0.92).loc["light", "erm"]
    assert line.runs == 2 and line.closed == pytest.approx((0.31 + 0.025) / 0.62)


def test_a_single_run_at_home_does_not_set_the_scale():
    rows = ledger(3)
    lucky = rows[(rows.recipe == "light") & (rows.fold == 0)].assign(recipe="stain")
    lucky.loc[lucky.split == "in_domain", "f1_macro"] = 0.99
    closed = ablation.gap_closed(pd.concat([rows, lucky]))
    assert closed.closed["light", "erm"] == pytest.approx(0.5) and closed.known["stain", "erm"] == pytest.approx(0.99)


def test_what_cannot_be_counted_is_said():
    rows = ledger()
    with pytest.raises(ValueError, match="no unseen row of ERM with the recipe 'none'"):
        ablation.gap_closed(rows[rows.recipe != "none"])
    with pytest.raises(ValueError, match="no gap to close"):
        ablation.gap_closed(rows, best=0.2)
    with pytest.raises(ValueError, match="light with erm shares no fold and seed"):
        ablation.gap_closed(
            rows[(rows.recipe == "none") & (rows.fold == 0) | (rows.recipe == "light") & (rows.fold > 0)]
        )


def test_an_ablation_holds_each_ingredient_alone_and_left_out():
    full = ("balanced", "light", "physics")
    names = ablation.recipes_of(full)
    assert list(names.values()) == [
        "none", "light alone", "physics alone", "balanced alone",
        "all but light", "all but physics", "all but balanced", "all",
    ]  # fmt: skip
    assert list(names)[-1] == recipes.check_recipe(full)
    more = ablation.recipes_of(full, ("light", "stain"))
    assert list(more) == [*list(names)[:4], ("stain",), *list(names)[4:]] and more[("stain",)] == "stain alone"
    adapting = ablation.recipes_of(("physics", "balanced", "even_norm", "prototypes", "views"))
    assert adapting[("physics", "balanced", "views")] == "image by image"
    assert "image by image" not in ablation.recipes_of(("physics", "balanced", "even_norm")).values(), "'all but' it is"
    assert list(ablation.recipes_of(("light",)).values()) == ["none", "light alone"]
    assert list(ablation.recipes_of(("light", "stain")).values()) == ["none", "light alone", "stain alone", "all"]


def test_bars_stand_where_the_numbers_say():
    closed = ablation.gap_closed(ledger(5, spread=0.05))
    names = {"none": "none", "light": "light alone"}
    axis = plots.gap_bars(closed, names).axes[0]
    widths = sorted(round(bar.get_width(), 6) for bar in axis.patches)
    assert widths == sorted(round(100 * value, 6) for value in closed.closed)
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["ERM", "BoDA"]
    assert len({bar.get_hatch() for bar in axis.patches}) == 2, "methods differ by more than colour"


def test_images_through_a_recipe():
    images = np.random.default_rng(0).integers(60, 200, (3, 3, 16, 16), dtype=np.uint8)
    assert np.array_equal(recipes.look_through((), images), images)
    assert np.array_equal(recipes.look_through(("balanced", "averaging"), images), images)
    brightest = np.quantile(recipes.look_through(("light",), images), 0.95, axis=(2, 3))
    assert np.allclose(brightest, 0.95 * 255, atol=4)
    one, same, other = (recipes.look_through(("physics",), images, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_the_board_of_ingredients_shows_each_and_all_of_them():
    board = widgets.interactive_ingredients()
    menu = board._controls["ingredients"]
    first = board._picture.png
    for label, names in menu.options.items():
        menu.value = names
        assert names == ("light",) or board._picture.png != first, label
    assert menu.options["Those of the chosen recipe"] == ("contrast", "strong_physics")
