"""Averages over the folds' networks, from a results folder to rows."""

import numpy as np
import pandas as pd
import pytest
from rebuild import average_folds
from scipy.special import softmax

from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments.runner import run
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.experiments.store import read_predictions

PAIR = "small_cnn:none:erm,small_cnn:none:erm_plus"


@pytest.fixture(scope="module")
def results(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "part"
    settings = Settings("open5", str(data), backbone="small_cnn", steps=4, device="cpu")
    run(settings, ("erm", "erm_plus"), n_folds=2, out=out, say=lambda _: None, progress=False)
    return out


def test_probabilities_of_the_folds_are_averaged_image_by_image(results, tmp_path):
    command = [str(results.parent), "--name", "averaged", "--together", PAIR, "--target", str(tmp_path)]
    average_folds.main(command)
    rows = pd.read_csv(tmp_path / "averaged.csv").set_index("networks")
    assert list(rows.index) == [*PAIR.split(","), PAIR.replace(",", " and ")]
    parts = [read_predictions(results / "predictions" / f"erm-fold{fold}-seed0.npz") for fold in (0, 1)]
    unseen = parts[0]["unseen"], parts[1]["unseen"]
    mean = np.mean([softmax(p["logits"][u].astype(float), axis=1) for p, u in zip(parts, unseen, strict=True)], axis=0)
    expected = f1_scores(parts[0]["truth"][unseen[0]], mean.argmax(1), 5).macro
    assert rows.f1_macro["small_cnn:none:erm"] == pytest.approx(expected, abs=1e-6)
    assert (rows.f1_macro_images_low <= rows.f1_macro).all() and (rows.f1_macro <= rows.f1_macro_images_high).all()
    assert set(rows.n_images) == {len(mean)} and set(rows.domain) == {"chula+bccd"}


@pytest.mark.parametrize(
    ("folder", "together", "said"),
    [
        ("nothing", PAIR, "run ship_results.py first"),
        ("", "small_cnn:none:dann,small_cnn:none:erm", "names small_cnn:none:dann"),
    ],
)
def test_what_is_not_there_is_named(results, tmp_path, folder, together, said):
    where = tmp_path if folder else results.parent
    with pytest.raises(average_folds.BadInput, match=said):
        average_folds.main([str(where), "--name", "x", "--together", together, "--target", str(tmp_path)])
