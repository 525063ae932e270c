"""Killed, interrupted and continued: the results end as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from support.places import ROOT

from wbc_tutorial.experiments import runner
from wbc_tutorial.experiments.saved_models import load_model
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.experiments.store import KEY, OWN

MEASURED = ["seconds_per_step", "peak_memory_mb"]
METHODS = ["erm", "boda", "boda_plus"]
QUIET = {"progress": False, "say": lambda _: None}


def comparable(folder):
    rows = pd.read_csv(folder / "results.csv")
    assert not rows.duplicated(KEY).any()
    return rows.drop(columns=MEASURED)


def assert_same(whole, other):
    """Metric columns bit for bit, predictions and networks too, and nothing half written."""
    pd.testing.assert_frame_equal(comparable(whole), comparable(other), check_exact=True)
    for path in (whole / "predictions").iterdir():
        with np.load(path) as one, np.load(other / "predictions" / path.name) as two:
            assert all(np.array_equal(one[name], two[name]) for name in one)
    names = {path.name.removesuffix(".npz") for path in (whole / "predictions").iterdir()}
    for folder in (whole, other):
        assert {path.name.removesuffix(".pt") for path in (folder / "models").iterdir()} == names
    for name in names:
        one, two = (load_model(folder / "models" / f"{name}.pt") for folder in (whole, other))
        assert one.provenance == two.provenance
        assert all(torch.equal(one.state_dict()[part], values) for part, values in two.state_dict().items())
    assert not list(other.rglob(f"{OWN}*.part"))


def test_interrupted_anywhere_the_results_end_the_same(data, tmp_path, monkeypatch):
    settings = Settings("open5", str(data), "small_cnn", 2, device="cpu")
    runner.run(settings, METHODS, n_folds=2, out=tmp_path / "whole", **QUIET)
    real_replace, calls = os.replace, []

    def failing_replace(source, target):
        calls.append(target)
        if len(calls) in (2, 5, 7, 12):  # before a run's model, before its rows, and twice before its predictions
            raise KeyboardInterrupt
        real_replace(source, target)

    monkeypatch.setattr(os, "replace", failing_replace)
    attempts = 0
    while attempts < 9:
        attempts += 1
        try:
            runner.run(settings, METHODS, n_folds=2, out=tmp_path / "cut", **QUIET)
            break
        except KeyboardInterrupt:
            assert not list((tmp_path / "cut").rglob(f"{OWN}*.part"))
    assert attempts == 5
    assert_same(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_at_random_moments_and_continued(data, tmp_path):
    settings = Settings("open5", str(data), "small_cnn", 10, device="cpu")
    runner.run(settings, METHODS, n_folds=4, out=tmp_path / "whole", **QUIET)
    command = [
        *(sys.executable, "-m", "wbc_tutorial", "--benchmark", "open5", "--data", str(data)),
        *("--backbone", "small_cnn", "--steps", "10", "--methods", ",".join(METHODS), "--folds", "4"),
        *("--out", str(tmp_path / "cut")),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads()), "CUDA_VISIBLE_DEVICES": ""}
    lengths = []
    for wait in np.random.default_rng(0).uniform(0, 0.5, 6):
        process = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        before = _state(tmp_path / "cut")
        while _state(tmp_path / "cut") == before and process.poll() is None:
            time.sleep(0.01)  # until it writes anything
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        results = tmp_path / "cut" / "results.csv"
        lengths.append(len(comparable(tmp_path / "cut")) if results.exists() else 0)
    assert lengths == sorted(lengths), "a row was lost"
    assert lengths[0] < 60, "killed too late to test anything"
    runner.run(settings, METHODS, n_folds=4, out=tmp_path / "cut", **QUIET)
    assert_same(tmp_path / "whole", tmp_path / "cut")


def _state(folder):
    return sorted((str(p), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()) if folder.exists() else []
