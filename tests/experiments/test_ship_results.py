"""The script that rebuilds the shipped results, and the shipped results themselves."""

import json

import numpy as np
import pandas as pd
import pytest
from support.fake_sets import run
from support.places import SCRIPTS

from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS, Benchmark
from wbc_tutorial.experiments.recipes import Recipe
from wbc_tutorial.experiments.store import KEY


@pytest.fixture
def ship_results(monkeypatch):
    """The script as a module; ``open5`` with a small network."""
    monkeypatch.syspath_prepend(str(SCRIPTS / "rebuild"))
    import ship_results

    small = Benchmark(**(BENCHMARKS["open5"].__dict__ | {"backbone": "small_cnn"}))
    monkeypatch.setattr("wbc_tutorial.experiments.settings.BENCHMARKS", BENCHMARKS | {"open5": small})
    return ship_results


def shipped_by(ship_results, parts, data, tmp_path, monkeypatch):
    monkeypatch.setitem(ship_results.SHIPMENTS, "open5", ship_results.Shipment("open5", parts))
    command = ["open5", "--data", data, "--out", tmp_path / "out", "--target", tmp_path / "target", "--steps", "2"]
    code, out, error = run("ship_results", *command)
    assert code == 0, error
    target = tmp_path / "target" / "open5.csv"
    assert out[-1] == f"{len(pd.read_csv(target))} rows written to {target}"
    return pd.read_csv(target), pd.read_csv(tmp_path / "target" / "open5_confusion.csv")


def test_the_script_runs_the_parts_and_says_where_rows_come_from(ship_results, data, tmp_path, monkeypatch):
    recipe = Recipe("white_balance")
    parts = (ship_results.Part(methods=("erm",), folds=1), ship_results.Part(recipe, ("erm",), folds=1))
    rows, counts = shipped_by(ship_results, parts, data, tmp_path, monkeypatch)
    assert set(rows.recipe) == {"none", "white_balance"}
    for name, part in rows.groupby("recipe"):
        kept = pd.read_csv(tmp_path / "out" / name / "results.csv")
        assert np.allclose(part.f1_macro, kept.f1_macro, atol=1e-6)
    known = rows[(rows.split == "in_domain") & rows.domain.str.contains("+", regex=False)]
    right = counts[(counts.split == "in_domain") & (counts.truth == counts.predicted)].n_images.sum()
    assert right == round((known.f1_micro * known.n_images).sum())
    facts = json.loads((tmp_path / "target" / "open5.json").read_text(encoding="utf-8"))
    assert facts["command"] == "python data_scripts/rebuild/ship_results.py open5 --data DIR --out results/open5"
    assert facts["settings"]["steps"] == 2 and facts["settings"]["recipe"] == ["none", "white_balance"]
    assert facts["torch"] and str(tmp_path) not in json.dumps(facts)


def test_two_parts_may_share_a_folder(ship_results, data, tmp_path, monkeypatch):
    parts = (ship_results.Part(methods=("erm",), folds=2), ship_results.Part(methods=("boda",), folds=1))
    rows, counts = shipped_by(ship_results, parts, data, tmp_path, monkeypatch)
    assert not rows.duplicated(KEY).any() and rows.groupby("method").fold.nunique().to_dict() == {"erm": 2, "boda": 1}
    whole = rows[rows.domain.str.contains("+", regex=False) | (rows.split == "unseen")]
    assert counts.groupby("method").n_images.sum().equals(whole.groupby("method").n_images.sum())


def test_images_of_another_size_are_refused_before_any_training(ship_results, data, tmp_path, monkeypatch):
    part = ship_results.Part(methods=("erm",), folds=1)
    monkeypatch.setitem(ship_results.SHIPMENTS, "open5", ship_results.Shipment("open5", (part,), image_size=112))
    code, _, error = run("ship_results", "open5", "--data", data, "--out", tmp_path / "out", "--steps", "2")
    assert code == 2 and len(error) == 1 and "this table needs prepare.py's --size 112" in error[0]
    assert not (tmp_path / "out").exists()


def test_bad_usage_of_the_script_is_one_line(ship_results, tmp_path):
    for arguments in (["paper", "--out", tmp_path], ["open5", "--out", tmp_path], ["simulated"]):
        code, _, error = run("ship_results", *arguments)
        assert code == 2 and len(error) == 1, error


@pytest.mark.parametrize(
    "name",
    [
        *("simulated", "simulated_variants", "open5", "open5_low_rate", "open5_ablation"),
        *("fine13", "fine13_low_rate", "fine13_112", "open5_plus"),
    ],
)
def test_the_script_computes_what_is_shipped(ship_results, name):
    """The same recipes, methods, folds and seeds as in the rows that the package ships."""
    rows, shipment, planned = tables.shipped(name), ship_results.SHIPMENTS[name], {}
    if "recipe" not in rows:
        rows = rows.assign(recipe="none")
    for part in shipment.parts:
        planned |= {(str(part.recipe), method): part.folds for method in part.methods}
    assert rows.groupby(["recipe", "method"]).fold.nunique().to_dict() == planned
    assert set(rows.seed) == set(shipment.seeds)
    assert tables.provenance(name)["command"].split(" --")[0] == f"python data_scripts/rebuild/ship_results.py {name}"


@pytest.mark.parametrize("name", ["simulated", "open5"])
def test_shipped_results_are_complete_and_labelled(name):
    rows, facts = tables.shipped(name), tables.provenance(name)
    assert not rows.duplicated(KEY).any() and set(rows.benchmark) == {name}
    laboratories = BENCHMARKS[name].train + BENCHMARKS[name].unseen
    assert set(laboratories) < set(rows.domain)
    runs = rows[["method", "fold", "seed"]].drop_duplicates()
    assert len(runs) == len(facts["methods"]) * facts["folds"] * len(facts["seeds"])
    (recipe,) = set(rows.recipe)
    assert {"erm", "coral", "dann", "boda", "boda_plus"} <= set(facts["methods"])
    assert set(rows.backbone) == {facts["settings"]["backbone"]} and set(rows.steps) == {facts["settings"]["steps"]}
    assert rows[["f1_micro", "f1_macro", "f1_macro_all", "balanced_accuracy"]].melt().value.between(0, 1).all()
    classes = BENCHMARKS[name].classes
    for method in facts["methods"]:
        counts, here = (
            tables.shipped_confusion(name, method, "unseen", classes, recipe=recipe),
            rows[rows.method == method],
        )
        unseen = here[here.split == "unseen"]
        assert counts.sum() == unseen.n_images.sum()
        assert np.trace(counts) == pytest.approx((unseen.f1_micro * unseen.n_images).sum(), abs=0.5)
    assert {"command", "last_run_ended", "torch", "processor", "seeds"} <= set(facts)


def test_the_variants_go_with_the_main_rows():
    """Other methods on the same cells, folds and steps: together they make one table."""
    variants, main = tables.shipped("simulated_variants"), tables.shipped("simulated")
    assert not pd.concat([variants, main]).duplicated(KEY).any() and not set(variants.method) & set(main.method)
    same = ["benchmark", "backbone", "steps", "recipe", "version"]
    assert variants[same].drop_duplicates().equals(main[same].drop_duplicates())
    cells = [tables.provenance(name)["settings"]["cells"] for name in ("simulated", "simulated_variants")]
    assert cells[0] == cells[1]


def test_a_shipped_score_lies_in_its_interval_over_images():
    rows = tables.shipped("simulated")
    inside = rows.f1_macro.between(rows.f1_macro_images_low, rows.f1_macro_images_high)
    assert inside.mean() > 0.9, "the bootstrap is a little biased where classes hold few images"
