"""Killed, interrupted, spread over a cluster whose worker dies: the ledger ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from wbc_tutorial import __main__
from wbc_tutorial.experiments import runner
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.experiments.store import KEY

MEASURED = ["seconds_per_step", "peak_memory_mb"]
METHODS = ["erm", "boda", "boda_plus"]
QUIET = {"progress": False, "say": lambda _: None}


def comparable(folder):
    rows = pd.read_csv(folder / "results.csv")
    assert not rows.duplicated(KEY).any()
    return rows.drop(columns=MEASURED)


def assert_same(whole, other):
    """Metric columns bit for bit, predictions too, and nothing half written."""
    pd.testing.assert_frame_equal(comparable(whole), comparable(other), check_exact=True)
    for path in (whole / "predictions").iterdir():
        with np.load(path) as one, np.load(other / "predictions" / path.name) as two:
            assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not list(other.rglob("*.part"))


def test_interrupted_anywhere_the_ledger_ends_the_same(data, tmp_path, monkeypatch):
    settings = Settings("open5", str(data), "small_cnn", 2)
    runner.run(settings, METHODS, n_folds=2, out=tmp_path / "whole", **QUIET)
    real_replace, calls = os.replace, []

    def failing_replace(source, target):
        calls.append(target)
        if len(calls) in (2, 5, 9):  # between a run's predictions and its rows, or before either
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
            assert not list((tmp_path / "cut").rglob("*.part"))
    assert attempts == 4
    assert_same(tmp_path / "whole", tmp_path / "cut")


def test_killed_at_ten_random_moments_and_continued(data, tmp_path):
    settings = Settings("open5", str(data), "small_cnn", 10)
    runner.run(settings, METHODS, n_folds=5, seeds=(0,), out=tmp_path / "whole", **QUIET)
    command = [
        *(sys.executable, "-m", "wbc_tutorial", "--benchmark", "open5", "--data", str(data)),
        *("--backbone", "small_cnn", "--steps", "10", "--methods", ",".join(METHODS), "--folds", "5"),
        *("--out", str(tmp_path / "cut")),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    moments = np.random.default_rng(0).uniform(0, 0.5, 10)
    lengths = []
    for moment in moments:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        before = _state(tmp_path / "cut")
        while _state(tmp_path / "cut") == before and process.poll() is None:
            time.sleep(0.01)  # until it writes anything
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        results = tmp_path / "cut" / "results.csv"
        lengths.append(len(comparable(tmp_path / "cut")) if results.exists() else 0)
    assert lengths == sorted(lengths), "a row was lost"
    assert len(set(lengths)) > 2 and lengths[2] < 75, "killed too late, or too early, to test anything"
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert_same(tmp_path / "whole", tmp_path / "cut")


def _state(folder):
    return sorted((str(p), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()) if folder.exists() else []


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # a killed worker leaves its sockets behind
def test_on_a_cluster_whose_worker_dies_the_ledger_is_the_same(data, tmp_path):
    from distributed import LocalCluster

    settings = Settings("open5", str(data), "small_cnn", 25)
    runner.run(settings, METHODS, n_folds=3, out=tmp_path / "whole", **QUIET)
    lines, killed = [], []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:

        def say(line):
            lines.append(line)
            if not killed:
                worker = next(iter(cluster.workers.values()))
                os.kill(worker.pid, signal.SIGKILL)
                killed.append(worker.pid)

        runner.run(settings, METHODS, n_folds=3, out=tmp_path / "cut", scheduler=cluster.scheduler_address, say=say)
    assert killed and len(lines) == 9
    assert_same(tmp_path / "whole", tmp_path / "cut")


def test_a_scheduler_that_is_not_there_is_one_clear_line(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("wbc_tutorial.cluster.PATIENCE", 1)
    arguments = ["--benchmark", "open5", "--data", str(data), "--backbone", "small_cnn", "--out", str(tmp_path / "out")]
    for address, words in (("tcp://127.0.0.1:9", "no Dask scheduler answers"), ("nonsense://x", "no Dask scheduler")):
        assert __main__.main([*arguments, "--scheduler", address]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1, error
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert __main__.main([*arguments, "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "pip install -e '.[cluster]'" in capsys.readouterr().err
