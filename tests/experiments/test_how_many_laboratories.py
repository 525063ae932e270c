"""The script behind "how many training laboratories do you need": the same images in number, and nothing done twice."""

import json

import numpy as np
import pandas as pd
import pytest
from support.places import SCRIPTS

from wbc_tutorial.data.random_laboratories import random_laboratory


@pytest.fixture
def script(monkeypatch):
    """The script as a module, with four small laboratories."""
    monkeypatch.syspath_prepend(str(SCRIPTS / "rebuild"))
    import how_many_laboratories as module

    mix = (8, 4, *[2] * 11)
    known = {seed: random_laboratory(seed, tuple(n + 2 for n in mix), size=16) for seed in (0, 1)}
    unseen = {seed: random_laboratory(seed, (1,) * 13, size=16) for seed in (100, 101)}
    for name, value in {"TRAINING_MIX": mix, "TESTED": 2, "KNOWN": (0, 1), "DRAWS": {1: 2, 2: 1}, "BATCH": 4}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "drawn", lambda: (known, unseen))
    return module


def test_each_training_has_as_many_images_and_no_image_stands_on_both_sides(script):
    known, _ = script.drawn()
    for parts in (1, 2):
        n = 0
        for part in range(parts):
            train, validation = script.share(known[0], part, parts)
            assert not set(train) & set(validation)
            n += len(train)
        assert n == sum(script.TRAINING_MIX)
    assert len(set(map(tuple, (script.chosen_laboratories(1, draw) for draw in range(9))))) == 2


def test_it_writes_rows_and_where_they_come_from_and_repeats_nothing(script, tmp_path, capsys):
    command = ["--out", str(tmp_path / "out"), "--target", str(tmp_path / "target"), "--steps", "2"]
    script.main(command)
    rows = pd.read_csv(tmp_path / "target" / "laboratories.csv")
    assert rows.groupby("n_laboratories").draw.nunique().to_dict() == {1: 2, 2: 1}
    assert set(rows.n_training) == {sum(script.TRAINING_MIX)}
    assert rows.domain.unique().tolist() == ["known", "random_100", "random_101"]
    assert set(rows.split) == {"in_domain", "unseen"} and rows.f1_macro.between(0, 1).all()
    facts = json.loads((tmp_path / "target" / "laboratories.json").read_text(encoding="utf-8"))
    assert facts["command"].endswith("--out results/laboratories") and facts["settings"]["steps"] == 2
    capsys.readouterr()
    script.main(command)
    assert capsys.readouterr().out.startswith(f"{len(rows)} rows written")
    again = pd.read_csv(tmp_path / "target" / "laboratories.csv")
    assert np.allclose(again.f1_macro, rows.f1_macro)
