"""Prediction: the table of a saved network on prepared sets, with and without labels, and what is refused."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax

from wbc_tutorial import __main__
from wbc_tutorial.data.classes import COARSE_CLASSES
from wbc_tutorial.data.prepared import load_prepared
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments import runner
from wbc_tutorial.experiments.prediction import predict_set, predicted
from wbc_tutorial.experiments.recipes import Recipe
from wbc_tutorial.experiments.saved_models import load_model, save_model
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.experiments.store import read_predictions
from wbc_tutorial.models import small_cnn

FACTS = {"train": ["acevedo_20", "raabin"], "image_size": 16, "um_per_px": 25 / 16}


def write_model(path, recipe="none", **facts):
    torch.manual_seed(0)
    model = Recipe(recipe).prepare(small_cnn(5, width=4))
    model.classes = COARSE_CLASSES
    save_model(model, path, provenance=FACTS | facts)
    return path


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model.pt", "stain_augment+adabn+tta")


@pytest.fixture
def changed(data, tmp_path):
    """A copy of two sets whose table may be changed: call it with a function of the table of chula."""

    def change(function):
        for name in ("chula", "bccd"):
            shutil.copytree(data / name, tmp_path / "data" / name)
        path = tmp_path / "data" / "chula" / "cells.csv"
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        function(table)
        table.to_csv(path, index=False)
        return tmp_path / "data"

    return change


def read(path):
    return pd.read_csv(path, dtype={"file": str}, keep_default_na=False)


def status_of(arguments):
    try:
        return __main__.main(arguments)
    except SystemExit as stop:
        return stop.code


@pytest.mark.usefixtures("small_laboratories_are_enough")
def test_the_table_holds_what_the_network_says_of_every_image(data, model, tmp_path, capsys):
    out = tmp_path / "new" / "out.csv"
    assert __main__.main(["predict", "--model", str(model), "--data", str(data), "--out", str(out)]) == 0
    table, said = read(out), capsys.readouterr().out
    assert list(table) == ["file", "predicted", "confidence", *COARSE_CLASSES, "truth"]
    page = out.with_suffix(".html").read_text(encoding="utf-8")
    assert f"{out.with_suffix('.html')}  (scores and errors" in said and "image/jpeg" in page
    assert {path.name for path in out.parent.iterdir()} == {"out.csv", "out.html"}
    start = 0
    for name in ("acevedo_20", "bccd", "chula", "raabin"):  # in the order of the folders
        cells = load_prepared(data / name, classes=COARSE_CLASSES)
        logits = predict(load_model(model), cells, adabn={"share": 1.0}, tta=True)
        here = table.iloc[start : start + len(cells)]
        assert np.allclose(here[list(COARSE_CLASSES)], softmax(logits, axis=1), atol=1e-6)
        assert here.truth.tolist() == [COARSE_CLASSES[label] for label in cells.labels]
        scores = f1_scores(cells.labels, logits.argmax(axis=1), 5)
        assert f"{name}: F1-micro {scores.micro:.3f}, F1-macro {scores.macro:.3f}" in said
        start += len(cells)
    assert start == len(table) and "recipe: adabn+tta" in said and "not for diagnosis" in said
    assert (table.confidence == table[list(COARSE_CLASSES)].max(axis=1)).all()
    assert (table.predicted == table[list(COARSE_CLASSES)].idxmax(axis=1)).all()


def test_the_network_of_a_run_gives_the_probabilities_of_that_run(data, tmp_path):
    settings = Settings("open5", str(data), "small_cnn", 2, recipe="white_balance,adabn_mixed,tta", device="cpu")
    runner.run(settings, ["erm"], out=tmp_path / "run", progress=False, say=lambda _: None)
    stored = read_predictions(tmp_path / "run" / "predictions" / "erm-fold0-seed0.npz")
    model = tmp_path / "run" / "models" / "erm-fold0-seed0.pt"
    table = predict_set(model, data / "chula", tmp_path / "out.csv", say=lambda _: None)
    here = stored["logits"][stored["unseen"] & (stored["domains"] == "chula")]
    assert np.allclose(table[list(COARSE_CLASSES)], softmax(here, axis=1), atol=1e-6)
    assert load_model(model).recipe == "white_balance+adabn_mixed+tta"


def test_files_keep_their_names_and_images_without_a_known_label_are_named_too(changed, model, tmp_path):
    odd = ["a, b.png", 'ラボ/"x".png', "%0A.png", "007"]

    def spoil(table):
        table["source_file"] = [*odd, *(f"{n}.png" for n in range(len(table) - 4))]
        table.loc[:3, "label"] = ["", "alien", "smudge_cell", "NGS"]

    said = []
    chula = changed(spoil) / "chula"
    predict_set(model, chula, tmp_path / "out.csv", say=said.append)
    table = read(tmp_path / "out.csv")
    assert table.file.tolist()[:4] == odd and len(table) == 68
    assert table.truth.tolist()[:4] == ["", "", "", "neutrophil"] and (table.truth[4:] != "").all()
    assert said[-1].endswith("(65 images with labels)") and said[-1].startswith("chula: F1-micro")


@pytest.mark.usefixtures("small_laboratories_are_enough")
def test_without_any_label_there_is_no_truth_and_no_score(changed, model, tmp_path):
    said = []
    chula = changed(lambda table: table.__setitem__("label", "")) / "chula"
    predict_set(model, chula, tmp_path / "out.csv", say=said.append)
    assert "truth" not in read(tmp_path / "out.csv") and len(said) == 1


def test_without_any_label_the_command_leaves_no_page_and_says_so(changed, model, tmp_path, capsys):
    chula = changed(lambda table: table.__setitem__("label", "")) / "chula"
    out = tmp_path / "out.csv"
    assert __main__.main(["predict", "--model", str(model), "--data", str(chula), "--out", str(out)]) == 0
    assert out.exists() and not out.with_suffix(".html").exists()
    assert "No cell has a label: no scores" in capsys.readouterr().out


def test_a_page_of_someone_else_is_refused_before_anything_is_written(data, model, tmp_path, capsys):
    (tmp_path / "out.html").write_text("mine")
    given = ["predict", "--model", str(model), "--data", str(data), "--out", str(tmp_path / "out.csv")]
    assert __main__.main(given) == 2
    error = capsys.readouterr().err
    assert "out.html was not written by this program" in error and error.count("\n") == 1
    assert (tmp_path / "out.html").read_text() == "mine" and not (tmp_path / "out.csv").exists()


def test_a_prediction_says_what_it_is(data, model):
    found = predicted(model, data / "chula", say=lambda _: None)
    assert repr(found) == f"Prediction(68 images of chula; 68 with labels; {model})"


@pytest.mark.parametrize(("recipe", "options"), [("none", {}), ("tta", {"tta": True}), ("t3a", {"n_support": 20})])
@pytest.mark.usefixtures("small_laboratories_are_enough")
def test_the_recipe_can_be_changed(data, model, tmp_path, recipe, options):
    table = predict_set(model, data / "chula", tmp_path / "out.csv", recipe=recipe, say=lambda _: None)
    logits = predict(load_model(model), load_prepared(data / "chula", classes=COARSE_CLASSES), **options)
    assert np.allclose(table[list(COARSE_CLASSES)], softmax(logits, axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"image_size": 32, "um_per_px": 25 / 32}, "images of 16 px that show 25 um, and the model was trained on "
         "images of 32 px that show 25 um: prepare the set with --size 32 --field-um 25"),
        ({"um_per_px": 20 / 16}, "images of 16 px that show 20 um: prepare the set with --size 16 --field-um 20"),
        ({"image_size": 32, "um_per_px": None}, "images of 32 px: prepare the set with --size 32"),
    ],
)  # fmt: skip
def test_images_of_another_field_are_refused_with_the_fix(data, tmp_path, facts, message):
    path = write_model(tmp_path / "other.pt", **facts)
    with pytest.raises(ValueError, match=message) as caught:
        predict_set(path, data / "chula", tmp_path / "out.csv")
    assert "\n" not in str(caught.value) and not (tmp_path / "out.csv").exists()


def test_a_set_or_a_model_that_does_not_say_its_scale_is_taken(data, tmp_path):
    path = write_model(tmp_path / "other.pt", image_size=None, um_per_px=None)
    shutil.copytree(data / "chula", tmp_path / "set")
    (tmp_path / "set" / "set.json").write_text(json.dumps({}))
    for number, model in enumerate((path, write_model(tmp_path / "third.pt"))):
        assert len(predict_set(model, tmp_path / "set", tmp_path / f"{number}.csv", say=lambda _: None)) == 68


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--recipe", "stain_augment,tta"], "stain_augment: the model was trained already; only adabn, adabn_mixed"),
        (["--recipe", "salt"], "unknown ingredient 'salt'"),
        (["--model", "nothing.pt"], "no model at nothing.pt"),
        (["--data", "/nowhere/at/all"], "is not a folder"),
        (["--steps", "3"], "unrecognized arguments: --steps"),
        (["--out", "."], ". exists, and nothing is written over: give another --out"),
        (["--out", ""], "--out is empty: expected the name of a new table"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(data, model, capsys, change, message):
    out = model.with_name("out.csv")
    given = ["predict", "--model", str(model), "--data", str(data), "--out", str(out), *change]
    assert status_of(given) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1, error
    assert not out.exists()


def test_what_excludes_the_trained_network_is_refused(data, tmp_path):
    path = write_model(tmp_path / "other.pt", "group_norm")
    with pytest.raises(ValueError, match="group_norm and adabn exclude each other"):
        predict_set(path, data / "chula", tmp_path / "out.csv", recipe="adabn")


def test_the_mix_of_a_laboratory_needs_a_calibrated_head(data, tmp_path):
    plain, calibrated = (write_model(tmp_path / f"{name}.pt", name) for name in ("tta", "even_mix"))
    with pytest.raises(ValueError, match="class_mix needs a head that was calibrated"):
        predict_set(plain, data / "chula", tmp_path / "out.csv", recipe="class_mix")
    assert len(predict_set(calibrated, data / "chula", tmp_path / "out.csv", recipe="class_mix", say=lambda _: None))


def test_a_network_that_was_not_trained_is_refused(data, tmp_path):
    save_model(small_cnn(5, width=4), tmp_path / "model.pt")
    with pytest.raises(ValueError, match="was not trained, so that its outputs have no names"):
        predict_set(tmp_path / "model.pt", data / "chula", tmp_path / "out.csv")


def test_a_file_that_is_there_stays(data, model, tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    with pytest.raises(ValueError, match="nothing is written over: give another --out"):
        predict_set(model, data / "chula", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "mine"


def test_predict_stands_first_and_needs_its_options(capsys):
    assert status_of(["predict"]) == 2
    assert "the following arguments are required: --model, --data, --out" in capsys.readouterr().err
    assert status_of(["--seed", "1", "predict"]) == 2
    assert "predict has options of its own and stands first" in capsys.readouterr().err


def test_a_laboratory_too_small_to_be_used_together_is_said(data, model, tmp_path):
    said = []
    one = predict_set(model, data / "chula", tmp_path / "one.csv", recipe="t3a", say=said.append)
    assert said[1] == "Note: chula was read image by image: 68 images are fewer than 50 for each of 5 classes"
    assert one.equals(predict_set(model, data / "chula", tmp_path / "two.csv", recipe="none", say=said.append))
