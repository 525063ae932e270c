"""The script that rebuilds the shipped results, and the shipped results themselves."""

import json

import numpy as np
import pandas as pd
import pytest
from support.fake_sets import run

from wbc_tutorial.experiments import ablation, tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.experiments.recipes import CANDIDATES, CHOSEN, FIRST_CHOICE, ROUNDS
from wbc_tutorial.experiments.store import KEY


def test_the_script_runs_the_ledger_and_says_where_rows_come_from(data, tmp_path, monkeypatch):
    import ship_results

    shipment = ship_results.Shipment(
        "open5", (ship_results.Part((), ("erm",)), ship_results.Part(("light",), ("erm",)))
    )
    monkeypatch.setitem(ship_results.SHIPMENTS, "open5", shipment)
    small = BENCHMARKS["open5"].__class__(**(BENCHMARKS["open5"].__dict__ | {"backbone": "small_cnn"}))
    monkeypatch.setitem(BENCHMARKS, "open5", small)
    command = ["open5", "--data", data, "--out", tmp_path / "out", "--target", tmp_path / "target", "--steps", "2"]
    code, out, _ = run("ship_results", *command)
    assert code == 0 and out[-1].startswith("50 rows written to ")
    rows = pd.read_csv(tmp_path / "target" / "open5.csv")
    for recipe, part in rows.groupby("recipe"):
        ledger = pd.read_csv(tmp_path / "out" / recipe / "results.csv")
        assert np.allclose(part.f1_macro, ledger.f1_macro, atol=1e-6)
    counts = pd.read_csv(tmp_path / "target" / "open5_confusion.csv")
    known = rows[(rows.split == "in_domain") & rows.domain.str.contains("+", regex=False)]
    right = counts[(counts.split == "in_domain") & (counts.truth == counts.predicted)].n_images.sum()
    assert right == round((known.f1_micro * known.n_images).sum())
    facts = json.loads((tmp_path / "target" / "open5.json").read_text())
    assert facts["command"] == "python data_scripts/ship_results.py open5 --data DIR --out results/open5"
    assert facts["settings"]["steps"] == 2 and facts["settings"]["recipe"] == [[], ["light"]] and facts["torch"]
    assert str(tmp_path) not in json.dumps(facts)


def test_bad_usage_of_the_script_is_one_line(tmp_path):
    for arguments in (["paper", "--out", tmp_path], ["open5", "--out", tmp_path], ["simulated"]):
        code, _, err = run("ship_results", *arguments)
        assert code == 2 and len(err) == 1, err


@pytest.mark.parametrize("name", ["simulated", "open5"])
def test_shipped_results_are_complete_and_labelled(name):
    rows, facts = tables.shipped(name), tables.provenance(name)
    assert not rows.duplicated(KEY).any() and set(rows.benchmark) == {name}
    laboratories = BENCHMARKS[name].train + BENCHMARKS[name].unseen
    assert set(laboratories) < set(rows.domain)
    runs = rows[["method", "fold", "seed"]].drop_duplicates()
    assert len(runs) == 5 * facts["folds"] * len(facts["seeds"]) and len(facts["methods"]) == 5
    assert set(rows.backbone) == {facts["settings"]["backbone"]} and set(rows.steps) == {facts["settings"]["steps"]}
    assert rows[["f1_micro", "f1_macro", "f1_macro_all", "balanced_accuracy"]].melt().value.between(0, 1).all()
    classes = BENCHMARKS[name].classes
    for method in facts["methods"]:
        counts, here = tables.shipped_confusion(name, method, "unseen", classes), rows[rows.method == method]
        unseen = here[here.split == "unseen"]
        assert counts.sum() == unseen.n_images.sum()
        assert np.trace(counts) == pytest.approx((unseen.f1_micro * unseen.n_images).sum(), abs=0.5)
    assert {"command", "last_run_ended", "torch", "processor", "seeds"} <= set(facts)


def test_the_variants_start_from_the_same_runs():
    """ERM of the variants is ERM of the main results: the same command, the same numbers."""
    variants, main = tables.shipped("simulated_variants"), tables.shipped("simulated")
    assert not variants.duplicated([*KEY, "recipe"]).any()
    key, metrics = ["fold", "seed", "domain"], ["f1_micro", "f1_macro", "balanced_accuracy"]
    one = variants[(variants.method == "erm") & (variants.recipe == "none")].set_index(key)[metrics]
    other = main[main.method == "erm"].set_index(key)[metrics].loc[one.index]
    assert len(one) == 5 * 4 and np.allclose(one, other, atol=1e-6)


def test_two_parts_may_share_a_ledger(data, tmp_path, monkeypatch):
    import ship_results

    parts = (ship_results.Part((), ("erm",), folds=2), ship_results.Part((), ("boda",), folds=1))
    monkeypatch.setitem(ship_results.SHIPMENTS, "open5", ship_results.Shipment("open5", parts))
    small = BENCHMARKS["open5"].__class__(**(BENCHMARKS["open5"].__dict__ | {"backbone": "small_cnn"}))
    monkeypatch.setitem(BENCHMARKS, "open5", small)
    command = ["open5", "--data", data, "--out", tmp_path / "out", "--target", tmp_path / "target", "--steps", "2"]
    assert run("ship_results", *command)[0] == 0
    rows = pd.read_csv(tmp_path / "target" / "open5.csv")
    assert not rows.duplicated(KEY).any() and rows.groupby("method").fold.nunique().to_dict() == {"erm": 2, "boda": 1}
    counts = pd.read_csv(tmp_path / "target" / "open5_confusion.csv").groupby("method").n_images.sum()
    pooled = (
        rows[rows.domain.str.contains("+", regex=False) | (rows.split == "unseen")].groupby("method").n_images.sum()
    )
    assert counts.equals(pooled)


def test_the_selection_ended_before_the_ablation_and_holds_no_unseen_laboratory():
    """Highest on the left-out laboratories among those no lower than ERM at home; in the first round the highest."""
    rows = ablation.selection()
    ends = [
        tables.provenance(f"open5_{name}") for name in ("selection", "third_recipe", "fourth_selection", "ablation")
    ]
    left_out = rows[rows.split == "left_out"]
    mean = left_out.groupby("recipe").f1_macro.mean().sort_values(ascending=False)
    label = {recipe: "+".join(recipe) or "none" for recipe in CANDIDATES}
    assert set(mean.index) == set(label.values())
    real, _ = ablation.real_cells()
    home = real[(real.split == "in_domain") & (real.fold == 0) & (real.method == "erm")]
    home = home[home.domain.str.contains("+", regex=False)].set_index("recipe").f1_macro
    for count, choice in ROUNDS.items():
        order = mean[mean.index.isin([label[recipe] for recipe in CANDIDATES[:count]])]
        higher = order[: label[choice]].index[:-1]
        if choice == FIRST_CHOICE:
            assert higher.empty
        else:
            assert (home[higher] < home["none"]).all() and home[label[choice]] >= home["none"]
    assert len(CANDIDATES) == max(ROUNDS) and choice == CHOSEN
    dates = [each[key] for each in ends for key in ("first_run_ended", "last_run_ended")]
    assert dates == sorted(dates), "chosen, read, chosen again, read again"
    assert set(left_out.domain) == set(BENCHMARKS["open5"].train) and not {"chula", "bccd"} & set(rows.domain)


def test_the_earlier_choices_are_kept_as_they_were_read():
    ends, names = [], ("first_recipe", "second_recipe", "third_recipe", "ablation")
    for name, choice in zip(names, ROUNDS.values(), strict=True):
        rows, facts = tables.shipped(f"open5_{name}"), tables.provenance(f"open5_{name}")
        whole = rows[rows.recipe == "+".join(choice)].groupby("method").fold.nunique()
        assert whole.to_dict() == {"erm": 5, "boda": 3}
        ends += [facts["first_run_ended"], facts["last_run_ended"]]
    assert ends == sorted(ends), "one round after the other"


@pytest.mark.parametrize("cells", [ablation.simulated_cells, ablation.real_cells])
def test_an_ablation_holds_every_recipe_and_leaves_one_out_in_turn(cells):
    rows, names = cells()
    assert not rows.duplicated([*KEY, "recipe"]).any() and (rows.seed == 0).all()
    assert set(names) == set(rows.recipe)
    for _, part in rows[rows.method != "coral"].groupby("method"):
        assert {"+".join(recipe) or "none" for recipe in ablation.recipes_of(CHOSEN)} <= set(part.recipe)
    closed = ablation.gap_closed(rows)
    assert closed.closed.between(-1, 1).all()


def test_recipes_that_differ_only_after_training_share_one(data, monkeypatch, tmp_path):
    from wbc_tutorial.experiments import runner
    from wbc_tutorial.experiments.settings import Settings
    from wbc_tutorial.training.loop import fit

    fitted, fit = [], fit
    monkeypatch.setattr(training, "fit", lambda *a, **k: fitted.append(k["seed"]) or fit(*a, **k))
    alone, trained = {}, {}
    for shared in (None, trained):
        for recipe in ((), ("views",), ("even_norm", "prototypes", "spreading"), ("quick", "views")):
            settings = Settings("open5", data, backbone="small_cnn", steps=2, recipe=recipe)
            out = tmp_path / f"{shared is None}" / "+".join(recipe or ("none",))
            rows = runner.run(settings, ["erm", "erm_plus"], out=out, progress=False, trained=shared)
            scores = rows[["domain", "method", "f1_micro", "f1_macro", "calibration_error"]]
            if shared is None:
                alone[recipe] = scores
            else:
                assert scores.equals(alone[recipe]), recipe
    assert len(fitted) == 4 + 2 and len(trained) == 2
