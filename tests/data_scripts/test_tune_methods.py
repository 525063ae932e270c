"""Equal budgets: every method gets as many trials, known laboratories choose, and nothing is done twice."""

import json

import numpy as np
import pandas as pd
import pytest
from rebuild import tune_methods

from wbc_tutorial.experiments import tables


@pytest.mark.parametrize("method", tune_methods.METHODS)
def test_the_first_trial_is_the_default_and_the_others_cover_the_range(method):
    trials = [tune_methods.drawn(method, trial) for trial in range(tune_methods.TRIALS)]
    assert trials[0] == {} and all(trials[1:]) and trials == [
        tune_methods.drawn(method, trial) for trial in range(tune_methods.TRIALS)
    ]  # fmt: skip
    name = "learning_rate_factor" if method == "erm" else "weight"
    logarithms = np.sort(np.log([trial[name] for trial in trials[1:]]))
    step = (logarithms[-1] - logarithms[0]) / (len(logarithms) - 1)
    assert np.diff(logarithms).max() < 2.1 * step, "a part of the range is left out"


def test_the_best_on_validation_images_is_chosen_and_the_earlier_of_equals():
    rows = [("coral", trial, fold, score) for trial, score in enumerate((0.5, 0.7, 0.7)) for fold in (0, 1)]
    rows.append(("coral", 0, 1, 0.99))
    trials = pd.DataFrame(rows, columns=["method", "trial", "fold", "f1_macro"]).drop_duplicates(
        ["method", "trial", "fold"]
    )
    assert tune_methods.chosen(trials, "coral") == tune_methods.drawn("coral", 1)


def test_it_writes_scores_trials_and_choices_and_repeats_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tune_methods, "TRIALS", 2)
    monkeypatch.setattr(tune_methods, "FOLDS_TO_CHOOSE", (0,))
    monkeypatch.setattr(tune_methods, "METHODS", ("erm", "dann"))
    command = ["simulated", "--out", str(tmp_path / "out"), "--target", str(tmp_path), "--steps", "2"]
    tune_methods.main(command)
    rows, trials = (pd.read_csv(tmp_path / f"simulated_{kind}.csv") for kind in ("tuned", "trials"))
    assert set(rows.method) == {"erm", "erm_plus", "dann"} and set(rows.fold) == set(range(5))
    assert rows.f1_macro.between(0, 1).all() and len(trials) == 4
    facts = json.loads((tmp_path / "simulated_tuned.json").read_text(encoding="utf-8"))
    assert set(facts["choices"]) == {"erm", "dann"} and facts["command"].endswith("--out results/tuned")
    capsys.readouterr()
    tune_methods.main(command)
    assert "fold" not in capsys.readouterr().out, "what is there is not repeated"


def test_no_unseen_laboratory_takes_part_in_the_choice_that_is_shipped():
    trials, facts = tables.shipped("simulated_trials"), tables.provenance("simulated_tuned")
    assert trials.groupby("method").trial.nunique().eq(facts["trials"]).all(), "equal budgets"
    assert set(trials.fold) == set(facts["folds_to_choose"]) and "domain" not in trials
    for method, choice in facts["choices"].items():
        assert tune_methods.chosen(trials, method) == choice
