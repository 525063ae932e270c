"""Simulated cells of rare classes beside real ones: which classes, how many, and rows that say so."""

import json

import numpy as np
import pandas as pd
import pytest
from rebuild import simulated_beside_real as script
from support.small_sets import write_set

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.experiments import tables
from wbc_tutorial.experiments.benchmarks import BENCHMARKS


@pytest.fixture
def thirteen(tmp_path):
    """Prepared sets of fine13, 16 px: Ace_20 lacks the last class, jhu_21 has few of the first."""
    full = [name for name in CLASSES for _ in range(15)]
    sets = {
        "acevedo_20": [name for name in full if name != CLASSES[-1]],
        "jhu_21": [name for name in full if name != CLASSES[0]] + [CLASSES[0]] * 5,
        "matek_19": list(CLASSES) * 2,
    }
    for seed, (name, labels) in enumerate(sets.items()):
        write_set(tmp_path / "data" / name, labels, [name] * len(labels), size=16, seed=seed)
    return tmp_path / "data"


def test_rare_and_missing_classes_alone_are_drawn(thirteen, monkeypatch):
    monkeypatch.setattr(script, "FEW", 10)
    monkeypatch.setattr(script, "PER_CLASS", 2)
    known = BENCHMARKS["fine13"].load(thirteen).of_domain("acevedo_20", "jhu_21")
    rare = script.rare_classes(known)
    assert rare == [0, 12]
    drawn = script.simulated(rare, known)
    assert drawn.counts.sum(axis=0)[rare].tolist() == [10, 10] and len(drawn) == 20
    assert drawn.domain_names == ("simulated",) and drawn.images.shape[-1] == 16
    assert drawn.um_per_px == known.um_per_px


def test_it_writes_rows_of_real_cells_and_repeats_nothing(thirteen, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(script, "FEW", 10)
    monkeypatch.setattr(script, "PER_CLASS", 2)
    command = ["--data", str(thirteen), "--out", str(tmp_path / "out"), "--target", str(tmp_path)]
    command += ["--backbone", "small_cnn", "--steps", "2"]
    script.main(command)
    rows = pd.read_csv(tmp_path / "beside.csv")
    assert set(rows.fold) == set(range(5)) and set(rows.domain) == {"acevedo_20+jhu_21", "matek_19"}
    assert rows[["f1_micro", "f1_macro"]].melt().value.between(0, 1).all() and set(rows.simulated_classes) == {2}
    facts = json.loads((tmp_path / "beside.json").read_text(encoding="utf-8"))
    assert facts["settings"]["few"] == 10 and facts["command"].endswith("--out results/beside")
    script.main([*command, "--name", "beside_16"])
    named = json.loads((tmp_path / "beside_16.json").read_text(encoding="utf-8"))
    assert named["image_size"] == 16 and named["command"].endswith("--out results/beside_16 --name beside_16")
    capsys.readouterr()
    script.main(command)
    assert "fold" not in capsys.readouterr().out, "what is there is not repeated"


@pytest.mark.parametrize(("together", "real"), [("beside", "fine13"), ("beside_112", "fine13_112")])
def test_the_shipped_rows_go_with_those_without_simulated_cells(together, real):
    rows, plain = tables.shipped(together), tables.shipped(real).query("method == 'erm' and recipe == 'none'")
    assert f"--name {together}" in tables.provenance(together)["command"] or together == "beside"
    assert set(rows.fold) == set(plain.fold) and set(rows.steps) == set(plain.steps)
    assert set(rows.domain) <= set(plain.domain) and np.isfinite(rows.f1_macro).all()
