"""Equal budgets: every method gets as many trials, known laboratories choose, and nothing is done twice."""

import json

import numpy as np
import pandas as pd
import pytest
from real_sets.errors import BadInput
from rebuild import tune_methods

from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.runner import run
from wbc_tutorial.experiments.settings import Settings


@pytest.mark.parametrize("method", tune_methods.METHODS)
def test_the_first_trial_is_the_default_and_the_others_cover_the_range(method):
    trials, again = ([tune_methods.drawn(method, trial, 8) for trial in range(8)] for _ in range(2))
    assert trials[0] == {} and all(trials[1:]) and trials == again
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
    assert tune_methods.chosen(trials, "coral", 3) == tune_methods.drawn("coral", 1, 3)


def test_it_writes_scores_trials_and_choices_and_repeats_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tune_methods, "METHODS", ("erm", "dann"))
    command = ["simulated", "--trials", "2", "--folds", "0", "--out", str(tmp_path / "out"), "--target", str(tmp_path)]
    command += ["--steps", "2"]
    tune_methods.main([*command, "--methods", "erm"])
    assert not (tmp_path / "simulated_tuned.csv").exists(), "a part of the methods is no table"
    capsys.readouterr()
    tune_methods.main(command)
    assert "erm, fold" not in capsys.readouterr().out, "the first process has done it"
    rows, trials = (pd.read_csv(tmp_path / f"simulated_{kind}.csv") for kind in ("tuned", "trials"))
    assert set(rows.method) == {"erm", "erm_plus", "dann"} and set(rows.fold) == set(range(5))
    assert rows.f1_macro.between(0, 1).all() and len(trials) == 4
    facts = json.loads((tmp_path / "simulated_tuned.json").read_text(encoding="utf-8"))
    assert set(facts["choices"]) == {"erm", "dann"} and "--trials 2 --folds 0 --out" in facts["command"]
    capsys.readouterr()
    tune_methods.main(command)
    assert "fold" not in capsys.readouterr().out, "what is there is not repeated"


def test_erm_may_stand_as_its_grid_chose_it_and_the_others_get_their_trials(tmp_path):
    budget, ledger = tune_methods.Budget(trials=2, folds=(0,), keep_erm=True), tune_methods.Ledger(tmp_path / "t.jsonl")
    for method in budget.tuned:
        ledger.add([{"method": method, "trial": t, "fold": 0, "f1_macro": t} for t in range(2)])
    choices = tune_methods.choose(None, None, budget, ledger)
    assert choices == {"erm": {}} | {method: tune_methods.drawn(method, 1, 2) for method in ("coral", "dann", "boda")}


def test_a_default_that_was_chosen_has_the_runs_of_the_runner(tmp_path):
    """So with --keep-erm they need not be trained again."""
    settings, methods = Settings("simulated", steps=2), ("erm", "boda")
    ledger = tune_methods.Ledger(tmp_path / "runs.jsonl")
    ledger.add([{"method": method, "fold": fold} for method in methods for fold in range(1, 5)])
    choices = dict.fromkeys(methods, {})
    tune_methods.run_choices(settings, settings.benchmark.load(None), choices, ledger, methods)
    keys = ["method", "split", "domain"]
    ours = pd.DataFrame([row for row in ledger.rows if row["fold"] == 0]).set_index(keys).f1_macro
    rows = run(settings, ["erm", "erm_plus", "boda", "boda_plus"], out=tmp_path / "out", progress=False)
    theirs = rows.set_index(keys).f1_macro
    assert len(ours) == 8 and (ours - theirs[ours.index]).abs().max() < 1e-9


def test_where_every_choice_is_the_default_no_table_is_written(tmp_path):
    command = ["simulated", "--trials", "2", "--folds", "0", "--keep-erm", "--steps", "2", "--out", str(tmp_path)]
    (folder := tmp_path / "simulated-small_cnn").mkdir()
    ledger = tune_methods.Ledger(folder / "trials.jsonl")
    for method in tune_methods.Budget(keep_erm=True).tuned:
        ledger.add([{"method": method, "trial": t, "fold": 0, "f1_macro": -t} for t in range(2)])
    tune_methods.main([*command, "--target", str(tmp_path / "tables")])
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {"simulated_trials.csv", "simulated_tuned.json"}


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--trials", "1"], "2 or more"), (["--folds", "5"], "folds 0 to 4"), (["--methods", "boda"], "add erm")],
)
def test_a_budget_that_cannot_be_is_refused(options, words, tmp_path):
    with pytest.raises(BadInput, match=words):
        tune_methods.main(["simulated", *options, "--out", str(tmp_path)])


def test_no_unseen_laboratory_takes_part_in_the_choice_that_is_shipped():
    trials, facts = tables.shipped("simulated_trials"), tables.provenance("simulated_tuned")
    assert trials.groupby("method").trial.nunique().eq(facts["trials"]).all(), "equal budgets"
    assert set(trials.fold) == set(facts["folds_to_choose"]) and "domain" not in trials
    for method, choice in facts["choices"].items():
        assert tune_methods.chosen(trials, method, facts["trials"]) == choice
