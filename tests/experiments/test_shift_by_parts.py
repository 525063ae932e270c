"""The script that takes the fall of every method apart: the same cells under each look, and what is shipped fits it."""

import numpy as np
import pandas as pd
import pytest
from support.places import SCRIPTS

from wbc_tutorial.data.simulator import LOOK_PARTS
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.saved_models import save_model
from wbc_tutorial.models import small_cnn


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS / "rebuild"))
    import shift_by_parts as module

    return module


def test_each_part_changes_the_pictures_and_not_the_cells(script):
    cells = script.photographed(each=2)
    assert list(cells) == ["none", *LOOK_PARTS, "all four"]
    plain = cells.pop("none")
    assert len(plain) == 2 * 10 and set(np.bincount(plain.labels)[np.unique(plain.labels)]) == {2}
    for part in cells.values():
        assert (part.labels == plain.labels).all() and (part.images[:] != plain.images[:]).any(axis=(1, 2, 3)).all()


def test_it_scores_the_saved_networks_and_says_so_where_there_are_none(script, tmp_path, capsys):
    with pytest.raises(Exception, match="no saved networks in .*first two commands"):
        script.main([str(tmp_path)])
    save_model(small_cnn(13, width=4), tmp_path / "models" / "erm-fold3-seed1.pt")
    save_model(small_cnn(13, width=4), tmp_path / "models" / "erm_head-fold3-seed1.pt")  # of no use here
    script.main([str(tmp_path), "--each", "1", "--target", str(tmp_path)])
    rows = pd.read_csv(tmp_path / "simulated_parts.csv")
    assert rows.part.tolist() == ["none", *LOOK_PARTS, "all four"]
    assert rows[["method", "recipe", "fold", "seed"]].drop_duplicates().to_numpy().tolist() == [["erm", "none", 3, 1]]
    assert capsys.readouterr().out.startswith("6 rows written")


def test_the_shipped_rows_hold_every_method_part_and_run(script):
    rows = tables.shipped("simulated_parts")
    assert set(rows.method) == set(script.METHODS) and set(rows.part) == {"none", *LOOK_PARTS, "all four"}
    runs = rows[rows.recipe == "none"].groupby(["method", "part"]).size()
    assert set(runs) == {15} and set(rows[rows.recipe != "none"].groupby("part").size()) == {5}
    assert rows.f1_macro.between(0, 1).all()
