"""The runner, on small made-up laboratories of five coarse classes: rows, predictions, and what is refused."""

import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial import __version__
from wbc_tutorial.data.cell_images import StoredImages
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import plan, runner, tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS, Benchmark
from wbc_tutorial.experiments.saved_models import load_model
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.experiments.store import COLUMNS, KEY, read_predictions

MEASURED = ["seconds_per_step", "peak_memory_mb"]
QUIET = {"progress": False, "say": lambda _: None}


def small(data, benchmark="open5", steps=3, **options):
    return Settings(benchmark, str(data), "small_cnn", steps, device="cpu", **options)


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):
    """Two folds of three methods: the folder, its rows, and what was said."""
    out, said = tmp_path_factory.mktemp("done"), []
    rows = runner.run(small(data), ["erm", "boda", "boda_plus"], n_folds=2, out=out, progress=False, say=said.append)
    return out, rows, said


def test_the_results_have_the_agreed_rows_and_columns(done):
    out, rows, _ = done
    assert set(COLUMNS) <= set(rows.columns) and not rows[COLUMNS].drop(columns="f1_macro_min10").isna().any(axis=None)
    assert len(rows) == 3 * 2 * (3 + 2) and not rows.duplicated(KEY).any()
    assert set(rows.domain[rows.split == "unseen"]) == {"chula", "bccd"}
    assert set(rows.domain[rows.split == "in_domain"]) == {"acevedo_20", "raabin", "acevedo_20+raabin"}
    assert rows[["f1_micro", "f1_macro"]].melt().value.between(0, 1).all()
    assert len(pd.read_csv(out / "results.csv")) == len(rows)


def test_predictions_give_the_rows_again(done):
    out, rows, _ = done
    stored = read_predictions(out / "predictions" / "erm-fold0-seed0.npz")
    for row in rows[(rows.split == "unseen") & (rows.method == "erm") & (rows.fold == 0)].itertuples():
        here = stored["unseen"] & (stored["domains"] == row.domain)
        scores = f1_scores(stored["truth"][here], stored["logits"][here].argmax(axis=1), 5)
        assert (scores.micro, scores.macro, here.sum()) == (row.f1_micro, row.f1_macro, row.n_images)


def test_every_run_leaves_its_network_with_where_it_comes_from(data, done):
    out, _, _ = done
    names = {f"{method}-fold{fold}-seed0.pt" for method in ("erm", "boda", "boda_plus") for fold in (0, 1)}
    assert {path.name for path in (out / "models").iterdir()} == names
    cells = BENCHMARKS["open5"].load(data)
    for method in ("erm", "boda", "boda_plus"):
        model = load_model(out / "models" / f"{method}-fold1-seed0.pt")
        stored = read_predictions(out / "predictions" / f"{method}-fold1-seed0.npz")
        assert np.array_equal(predict(model, cells.of_domain("chula", "bccd")), stored["logits"][stored["unseen"]])
        assert model.provenance == {
            "benchmark": "open5", "train": ["acevedo_20", "raabin"], "method": method, "fold": 1, "seed": 0,
            "cells": cells.digest(), "version": __version__, "image_size": 16, "um_per_px": 25 / 16,
        }  # fmt: skip


def test_it_says_what_it_is_about_to_do_and_what_each_run_scored(done):
    said = done[2]
    assert [line.split(maxsplit=1)[0] for line in said[0].splitlines()] == [
        "open5:", "images", "trained", "unseen", "methods", "network", "runs", "time", "results",
    ]  # fmt: skip
    for fact in ("acevedo_20, raabin\n", "chula, bccd\n", "ERM, BoDA, BoDA+", "small_cnn, 3 steps on cpu", "6 to do"):
        assert fact in said[0], fact
    assert said[0].endswith(str(done[0])) and "under 10 s, from a few timed steps" in said[0]
    assert len(said) == 7 and said[1].startswith("ERM          fold 0 seed 0: F1-macro ") and "s left" in said[1]
    assert "left" not in said[-1]


def test_the_time_counts_the_symmetries_of_test_time_augmentation(data, monkeypatch):
    monkeypatch.setattr(plan, "_seconds_an_image", lambda model, cells: 1.0)
    cells = BENCHMARKS["open5"].load(data)
    plain, eight = (plan.seconds_of_runs(small(data, recipe=recipe), cells, 1, 1) for recipe in ("", "tta"))
    assert eight == pytest.approx(8 * plain, rel=0.2)  # beside the steps, which take no second


def test_the_time_left_holds_what_the_caller_does_afterwards(data, tmp_path):
    said, asked = [], []
    runner.run(
        small(data), ["erm"], n_folds=2, out=tmp_path, progress=False, say=said.append,
        afterwards=lambda seconds: asked.append(seconds) or 600 + 9 * seconds,
    )  # fmt: skip
    assert "about 1" in said[0] and all(re.search(r"\(about 1\d minutes left\)", line) for line in said[1:]), said
    assert len(asked) == 3 and all(0 < seconds < 60 for seconds in asked), "the plan, and each of the two runs"


def test_predictions_say_which_image_each_is(data, done):
    cells = BENCHMARKS["open5"].load(data)
    for fold in (0, 1):
        stored = read_predictions(done[0] / "predictions" / f"boda_plus-fold{fold}-seed0.npz")
        assert np.array_equal(cells.labels[stored["image"]], stored["truth"])
        assert np.array_equal(np.array(cells.domain_names)[cells.domains[stored["image"]]], stored["domains"])
        model = load_model(done[0] / "models" / f"boda_plus-fold{fold}-seed0.pt")
        again = predict(model, cells.subset(stored["image"]))
        assert np.allclose(again, stored["logits"], atol=1e-4), "the very image, and not one like it"


def test_the_same_call_again_trains_nothing_and_other_methods_join(data, done, monkeypatch):
    out, rows, _ = done
    said = []
    with monkeypatch.context() as patched:
        patched.setattr(runner, "fit", None)
        again = runner.run(small(data), ["erm", "boda"], n_folds=2, out=out, progress=False, say=said.append)
        assert again.equals(rows) and said[-1].endswith("\nNothing to train: all 4 runs are found")
    more = runner.run(small(data), ["class_weighted"], out=out, **QUIET)
    assert len(more) == len(rows) + 5 and more[more.method != "class_weighted"].reset_index(drop=True).equals(rows)


@pytest.mark.parametrize("family", [("boda", "boda_plus"), ("erm", "erm_plus"), ("erm", "erm_plus", "erm_head")])
def test_a_new_head_alone_equals_the_one_after_its_family(data, tmp_path, family):
    last = family[-1]
    both = runner.run(small(data), family, out=tmp_path / "a", **QUIET)
    alone = runner.run(small(data), [last], out=tmp_path / "b", **QUIET)
    both = both[both.method == last].reset_index(drop=True)
    pd.testing.assert_frame_equal(both.drop(columns=MEASURED), alone.drop(columns=MEASURED))


@pytest.mark.usefixtures("small_laboratories_are_enough")
def test_leaving_a_laboratory_out_scores_it_and_reads_no_unseen_one(data, tmp_path, monkeypatch):
    read, real = set(), StoredImages.__getitem__

    def watched(self, index):
        read.update(self.stack_of[np.atleast_1d(index)].tolist())
        return real(self, index)

    monkeypatch.setattr(StoredImages, "__getitem__", watched)
    benchmark = BENCHMARKS["open5"].leave_out("raabin")
    assert len(benchmark.load(data).images.stacks) == 2, "the sets of the true unseen laboratories are not opened"
    rows = runner.run(small(data, benchmark, recipe="white_balance,stain_augment"), ["erm"], out=tmp_path, **QUIET)
    assert set(zip(rows.domain, rows.split, strict=True)) == {("acevedo_20", "in_domain"), ("raabin", "unseen")}
    assert read == {0, 1} and set(rows.recipe) == {"white_balance+stain_augment"}
    assert set(rows.benchmark) == {"open5-without-raabin"}


@pytest.mark.parametrize("ingredient", ["adabn", "adabn_mixed"])
@pytest.mark.usefixtures("small_laboratories_are_enough")
def test_only_laboratories_that_were_not_trained_on_are_adapted_to(data, tmp_path, ingredient):
    plain, adapted = (
        runner.run(small(data, recipe=recipe), ["erm"], out=tmp_path / (recipe or "plain"), **QUIET)
        for recipe in ("", ingredient)
    )
    plain, adapted = (rows.set_index(["split", "domain"]).calibration_error for rows in (plain, adapted))
    assert plain["in_domain"].equals(adapted["in_domain"]) and (plain["unseen"] != adapted["unseen"]).all()


@pytest.mark.usefixtures("small_laboratories_are_enough")
def test_recipes_that_differ_only_after_training_share_one(data, monkeypatch, tmp_path):
    fitted, fit = [], runner.fit
    monkeypatch.setattr(runner, "fit", lambda *a, **k: fitted.append(k["seed"]) or fit(*a, **k))
    alone, trained = {}, {}
    for shared in (None, trained):
        for recipe in ("", "tta", "adabn_balanced,t3a,label_spreading", "high_lr,tta"):
            out = tmp_path / f"{shared is None}" / (recipe or "none")
            rows = runner.run(
                small(data, steps=2, recipe=recipe), ["erm", "erm_plus"], out=out, trained=shared, **QUIET
            )
            scores = rows[["domain", "method", "f1_micro", "f1_macro", "calibration_error"]]
            if shared is None:
                alone[recipe] = scores
            else:
                assert scores.equals(alone[recipe]), recipe
    assert len(fitted) == 4 + 2 and len(trained) == 2


@pytest.mark.parametrize(
    ("methods", "options", "message"),
    [
        (["erm", "magic"], {}, "unknown method 'magic'; choose among erm, coral"),
        ([], {}, r"unknown method \(none\)"),
        (["erm"], {"n_folds": 6}, "folds is 6; the images are cut into 5 folds: give 1 to 5"),
        *((["erm"], {"n_folds": n}, "folds is .*: expected a whole number, 1 or more") for n in (0, -1, 1.5, True)),
        (["erm"], {"seeds": ()}, "seeds is empty: expected one or more"),
        *((["erm"], {"seeds": (seed,)}, "seed is .*: expected a whole number") for seed in (-1, 2**63 - 1, 0.5, "1")),
    ],
)
def test_runs_that_cannot_be_are_refused_before_anything_is_written(data, tmp_path, methods, options, message):
    with pytest.raises(ValueError, match=message):
        runner.run(small(data), methods, out=tmp_path / "out", **QUIET | options)
    assert not (tmp_path / "out").exists()


def test_methods_that_align_are_refused_with_one_training_laboratory(data, tmp_path):
    settings = small(data, BENCHMARKS["open5"].leave_out("raabin"))
    message = r"CORAL, BoDA, BoDA\+, group DRO compare laboratories: with one training laboratory \(acevedo_20\) they"
    with pytest.raises(ValueError, match=message):
        runner.run(settings, ["erm", "coral", "boda", "boda_plus", "group_dro"], out=tmp_path / "out", **QUIET)
    assert not (tmp_path / "out").exists()
    rows = runner.run(settings, ["erm", "class_weighted"], out=tmp_path / "out", **QUIET)
    assert set(rows.method) == {"erm", "class_weighted"}


def test_ingredients_of_boda_are_refused_without_it(data, tmp_path):
    settings = small(data, recipe="boda_mean_scale,tta")
    with pytest.raises(ValueError, match="boda_mean_scale of the recipe changes BoDA alone: add boda to --methods, or"):
        runner.run(settings, ["erm", "coral"], out=tmp_path / "out", **QUIET)
    rows = runner.run(settings, ["boda_plus"], out=tmp_path / "out", **QUIET)
    assert set(rows.method) == {"boda_plus"}


def test_other_images_settings_device_or_precision_do_not_join(data, tmp_path):
    settings = small(data)
    runner.run(settings, ["erm"], out=tmp_path, **QUIET)
    identity = settings.identity()
    assert (identity["device"], identity["precision"], identity["backbone"]) == ("cpu", "float32", "small_cnn")
    assert identity["learning_rate"] == 2e-3 == settings.fit_options("erm", np.ones((2, 5)), 8)["learning_rate"]
    with pytest.raises(ValueError, match=r"steps was 3 and is now 4"):
        runner.run(replace(settings, steps=4), ["boda"], out=tmp_path, **QUIET)
    turned = Benchmark("open5", ("raabin", "acevedo_20"), ("chula", "bccd"), settings.benchmark.classes)
    with pytest.raises(ValueError, match="train was .* cells was"):
        runner.run(replace(settings, benchmark=turned), ["boda"], out=tmp_path, **QUIET)


@pytest.mark.parametrize(("column", "change"), [("group", "slide0"), ("label", "eosinophil")])
def test_a_set_that_was_prepared_anew_does_not_join_in_the_same_process_either(data, tmp_path, column, change):
    """The images are the same, what belongs to them is not."""
    shutil.copytree(data, tmp_path / "data")
    runner.run(small(tmp_path / "data"), ["erm"], out=tmp_path / "out", **QUIET)
    path = tmp_path / "data" / "raabin" / "cells.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[1, column] = change
    table.to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"holds results with other settings \(cells was \w+ and is now \w+\)"):
        runner.run(small(tmp_path / "data"), ["erm"], n_folds=2, out=tmp_path / "out", **QUIET)


def test_a_class_that_lies_in_one_slide_alone_is_noted_in_one_line(data, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    path = tmp_path / "data" / "raabin" / "cells.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[table.label == "basophil", "group"] = "slide0"
    table.to_csv(path, index=False)
    said = []
    runner.run(small(tmp_path / "data", steps=1), ["erm"], out=tmp_path / "out", progress=False, say=said.append)
    assert said[0].startswith("Note: classes whose images all lie in one group: basophil of raabin (slide0)")


def test_a_training_that_diverges_is_named(data, tmp_path, monkeypatch):
    def diverge(*_, **__):
        raise FloatingPointError("the loss is not finite from step 1 on")

    runner.run(small(data), ["erm"], out=tmp_path, **QUIET)
    monkeypatch.setattr(runner, "fit", diverge)
    with pytest.raises(FloatingPointError, match="CORAL, fold 0, seed 0: the loss is not finite from step 1 on"):
        runner.run(small(data), ["erm", "coral"], out=tmp_path, **QUIET)
    assert set(pd.read_csv(tmp_path / "results.csv").method) == {"erm"}


def test_table_is_mean_and_deviation_over_runs(data, tmp_path):
    rows = runner.run(small(data, steps=2), ["erm"], n_folds=3, out=tmp_path, **QUIET)
    values = rows[(rows.domain == "chula")].f1_macro
    table = tables.table(rows, "unseen")
    assert table.loc[("chula", "ERM"), "f1_macro"] == f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"
    assert table.loc[("chula", "ERM"), "runs"] == 3
    assert tables.table(rows, "in_domain").index.tolist() == [("acevedo_20+raabin", "ERM")]
