"""The grid for ERM: one row a setting, from known laboratories, and nothing is done twice."""

import pandas as pd
from rebuild import erm_grid


def test_it_scores_each_setting_on_known_laboratories_once(data, tmp_path, capsys):
    target = tmp_path / "grid.csv"
    command = ["--data", str(data), "--out", str(tmp_path / "out"), "--target", str(target)]
    command += ["--backbone", "small_cnn", "--steps", "30"]
    erm_grid.main(command)
    rows = pd.read_csv(target)
    assert len(rows) == len(erm_grid.RATES) * len(erm_grid.MOMENTA) and rows.f1_macro.between(0, 1).all()
    assert len(set(rows.f1_macro)) > 1, "the settings change the training"
    capsys.readouterr()
    erm_grid.main(command)
    assert "momentum" not in capsys.readouterr().out, "what is there is not repeated"


def test_the_shipped_grid_is_the_one_that_the_script_runs():
    rows = pd.read_csv(erm_grid.TARGET)
    run = list(zip(rows.learning_rate, rows.bn_momentum, strict=True))
    assert run == [(rate, momentum) for rate in erm_grid.RATES for momentum in erm_grid.MOMENTA]
