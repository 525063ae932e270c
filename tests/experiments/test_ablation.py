"""The ablation: which recipes it holds, and the fraction of the gap that each recovers, against a hand-made table."""

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial.evaluation.intervals import paired_interval
from wbc_tutorial.experiments import ablation
from wbc_tutorial.experiments.recipes import Recipe
from wbc_tutorial.experiments.store import KEY

SCORES = {("none", "erm"): (0.9, 0.3), ("none", "boda"): (0.88, 0.33), ("white_balance", "erm"): (0.92, 0.61)}


def results(folds=3, spread=0.0, seeds=1):
    """Two unseen laboratories a run; their mean is the score in SCORES plus `spread` times the fold."""
    lines = []
    for (recipe, method), (known, unseen) in SCORES.items():
        for fold, seed in np.ndindex(folds, seeds):
            shift = (spread * fold + 0.01 * seed) * (recipe == "white_balance")
            for domain, split, score in (
                ("a", "in_domain", 0.1),  # a single laboratory's row beside the pooled one: not counted
                ("a+b", "in_domain", known),
                ("u", "unseen", unseen - 0.1 + shift),
                ("v", "unseen", unseen + 0.1 + shift),
            ):
                key = {"recipe": recipe, "method": method, "fold": fold, "seed": seed, "domain": domain, "split": split}
                lines.append(key | {"f1_macro": score})
    return pd.DataFrame(lines)


def test_the_gap_closed_is_the_share_of_the_way_from_erm_on_unseen_to_the_best_on_known_laboratories():
    closed = ablation.gap_closed(results())
    assert closed.closed["none", "erm"] == 0
    assert closed.closed["none", "boda"] == pytest.approx(0.03 / (0.92 - 0.3))
    assert closed.closed["white_balance", "erm"] == pytest.approx(0.31 / 0.62)
    assert closed.known["white_balance", "erm"] == pytest.approx(0.92)
    assert closed.unseen["white_balance", "erm"] == pytest.approx(0.61)
    assert np.allclose(closed.low, closed.closed) and np.allclose(closed.high, closed.closed)
    assert (closed.runs == 3).all()
    assert ablation.gap_closed(results(), best=0.8).closed["white_balance", "erm"] == pytest.approx(0.31 / 0.5)


@pytest.mark.parametrize("seeds", [1, 3])
def test_its_interval_is_that_of_the_differences_over_folds(seeds):
    line = ablation.gap_closed(results(5, spread=0.05, seeds=seeds)).loc["white_balance", "erm"]
    per_fold = (0.31 + 0.05 * np.arange(5) + 0.01 * (seeds - 1) / 2) / 0.62
    assert line.closed == pytest.approx(per_fold.mean())
    assert (line.low, line.high) == pytest.approx(paired_interval(per_fold))
    assert line.runs == 5 * seeds


def test_the_points_are_the_fractions_of_the_runs_whose_mean_is_given():
    rows = results(5, spread=0.05, seeds=3)
    points, closed = ablation.gap_runs(rows), ablation.gap_closed(rows)
    assert points.shape == (15, 3) and (points["none", "erm"] == 0).all()
    for name in points.columns:
        assert points[name].mean() == pytest.approx(closed.closed[name])
    one = points["white_balance", "erm"].loc[4, 2]
    assert one == pytest.approx((0.31 + 0.05 * 4 + 0.02) / 0.62)
    with pytest.raises(ValueError, match="no unseen row of ERM"):
        ablation.gap_runs(rows[rows.method != "erm"])


@pytest.mark.parametrize("folds", [1, 2])
def test_below_three_folds_there_is_no_interval(folds):
    line = ablation.gap_closed(results(folds)).loc["white_balance", "erm"]
    assert np.isnan(line.low) and np.isnan(line.high) and line.closed == pytest.approx(0.5)


def test_a_recipe_with_fewer_folds_is_compared_on_those():
    rows = results(5, spread=0.05)
    rows = rows[(rows.recipe == "none") | (rows.fold < 2)]
    line = ablation.gap_closed(rows, best=0.92).loc["white_balance", "erm"]
    assert line.runs == 2 and line.closed == pytest.approx((0.31 + 0.025) / 0.62)


def test_a_single_lucky_run_on_known_laboratories_does_not_set_the_scale():
    rows = results(3)
    lucky = rows[(rows.recipe == "white_balance") & (rows.fold == 0)].assign(recipe="reinhard")
    lucky.loc[lucky.split == "in_domain", "f1_macro"] = 0.99
    closed = ablation.gap_closed(pd.concat([rows, lucky]))
    assert closed.closed["white_balance", "erm"] == pytest.approx(0.5)
    assert closed.known["reinhard", "erm"] == pytest.approx(0.99)


def test_what_cannot_be_counted_is_said():
    rows = results()
    with pytest.raises(ValueError, match="no unseen row of ERM with the recipe 'none'"):
        ablation.gap_closed(rows[rows.recipe != "none"])
    with pytest.raises(ValueError, match="no gap to close"):
        ablation.gap_closed(rows, best=0.2)
    apart = (rows.recipe == "none") & (rows.fold == 0) | (rows.recipe == "white_balance") & (rows.fold > 0)
    with pytest.raises(ValueError, match="white_balance with erm shares no fold and seed"):
        ablation.gap_closed(rows[apart])


def test_an_ablation_holds_each_ingredient_alone_and_left_out():
    full = Recipe("class_balanced,white_balance,stain_augment")
    recipes = ablation.ablated(full)
    assert list(recipes) == [
        "none", "white_balance alone", "stain_augment alone", "class_balanced alone",
        "all but white_balance", "all but stain_augment", "all but class_balanced", "all",
    ]  # fmt: skip
    assert recipes["all"] == full and recipes["none"] == Recipe()
    assert recipes["all but stain_augment"] == Recipe("white_balance,class_balanced")
    more = ablation.ablated(full, ("white_balance", "reinhard"))
    assert list(more) == [*list(recipes)[:4], "reinhard alone", *list(recipes)[4:]]
    assert list(ablation.ablated(Recipe("tta"))) == ["none", "tta alone"]
    assert list(ablation.ablated(Recipe("white_balance,tta"))) == ["none", "white_balance alone", "tta alone", "all"]


def test_image_by_image_is_the_recipe_without_what_uses_a_whole_laboratory():
    recipes = ablation.ablated(Recipe("stain_augment,class_balanced,adabn_balanced,t3a,tta"))
    assert recipes["image by image"] == Recipe("stain_augment,class_balanced,tta")
    one = ablation.ablated(Recipe("stain_augment,class_balanced,adabn_balanced"))
    assert "image by image" not in one, "that is 'all but adabn_balanced'"


def test_the_shipped_ablation_holds_every_recipe():
    rows, names = ablation.real_cells()
    assert not rows.duplicated([*KEY, "recipe"]).any() and (rows.seed == 0).all()
    assert set(names) == set(rows.recipe) and set(rows.method) == {"erm"}
    assert {"none", "all", "tta alone", "t3a alone", "all but even_mix"} <= set(names.values())
    closed = ablation.gap_closed(rows)
    assert closed.closed.between(-1, 1).all()
    assert (closed.low.isna() == (closed.runs < 3)).all()
