"""Killed, interrupted and continued: the results end as if nothing had happened."""

import multiprocessing
import os
import signal
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

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
    runner.run(settings, METHODS, out=tmp_path / "whole", **QUIET)
    real_replace, calls = os.replace, []

    def failing_replace(source, target):
        calls.append(target)
        if len(calls) in (2, 5, 7, 12, 16):  # before a model, rows, predictions twice, and between BoDA and BoDA+
            raise KeyboardInterrupt
        real_replace(source, target)

    monkeypatch.setattr(os, "replace", failing_replace)
    attempts = 0
    while attempts < 9:
        attempts += 1
        try:
            runner.run(settings, METHODS, out=tmp_path / "cut", **QUIET)
            break
        except KeyboardInterrupt:
            assert not list((tmp_path / "cut").rglob(f"{OWN}*.part"))
    assert attempts == 6
    assert_same(tmp_path / "whole", tmp_path / "cut")


class Command:
    """``python -m wbc_tutorial`` as a process, forked from one that has done the imports: a start takes 0.1 s."""

    def __init__(self, data):
        self.data = data
        self.fork = multiprocessing.get_context("forkserver")
        first = ["wbc_tutorial.experiments.runner", "wbc_tutorial.report", "torch._dynamo"]  # the last: for optimisers
        self.fork.set_forkserver_preload([*first, __name__])
        self.fork.Process(target=int).start()  # does the imports

    def start(self, out):
        process = self.fork.Process(target=run_command, args=(self.data, out), daemon=True)
        process.start()
        return process

    def finish(self, out):
        """Run to the end; return the seconds it took."""
        start, process = time.monotonic(), self.start(out)
        process.join()
        assert process.exitcode == 0
        return time.monotonic() - start


def run_command(data, out):
    """Run the whole command but for the page: 3 methods, 2 folds."""
    from wbc_tutorial import __main__

    __main__._drawn = lambda *_: 0
    arguments = ["--benchmark", "open5", "--data", data, "--backbone", "small_cnn", "--steps", "2", "--out", str(out)]
    sys.exit(__main__.main([*arguments, "--methods", "erm,coral,boda", "--folds", "2"]))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_ten_times_at_random_and_continued_by_the_same_command(data, tmp_path):
    """Where the command was done before its kill, the next kills fall upon a new folder."""
    command = Command(str(data))
    seconds = command.finish(tmp_path / "whole")
    generator, folders, lengths, killed = np.random.default_rng(0), [tmp_path / "cut0"], [], 0
    while killed < 10:
        process = command.start(folders[-1])
        process.join(generator.uniform(0.05, 0.6) * seconds)
        process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            killed += 1
            lengths.append((len(folders), n_rows(folders[-1])))
        else:
            assert process.exitcode == 0
            folders.append(tmp_path / f"cut{len(folders)}")
    command.finish(folders[-1])
    assert lengths == sorted(lengths), "a row was lost"
    assert any(0 < n < n_rows(tmp_path / "whole") for _, n in lengths), f"no kill fell between two runs: {lengths}"
    for folder in folders:
        assert_same(tmp_path / "whole", folder)


def n_rows(folder):
    """Count the rows that a killed run left; the table is whole, or it is not there."""
    return len(comparable(folder)) if (folder / "results.csv").exists() else 0
