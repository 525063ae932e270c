"""A Dask cluster: workers that cannot be used are named, those that die lose nothing, and nothing waits for ever."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from support.places import ROOT

from wbc_tutorial import __main__
from wbc_tutorial.experiments import cluster, runner
from wbc_tutorial.experiments.settings import Settings

pytest.importorskip("distributed", reason='python -m pip install -e ".[cluster]"')
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # a killed worker leaves its sockets behind

BLOCKED = """
import sys, importlib.abc
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "wbc_tutorial":
            raise ModuleNotFoundError("No module named 'wbc_tutorial'")
sys.meta_path.insert(0, Finder())
"""


class Processes:
    """A scheduler and workers as processes of their own, as a user starts them."""

    def __init__(self, folder):
        self.folder, self.started = folder, []
        (folder / "blocked").mkdir()
        (folder / "blocked" / "sitecustomize.py").write_text(BLOCKED)
        self.address = None

    def start(self, *arguments, blocked=False):
        path = os.pathsep.join([str(self.folder / "blocked")] * blocked + [str(ROOT)] * (not blocked))
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=self.folder, env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def scheduler(self, **options):
        file = self.folder / f"scheduler{len(self.started)}.json"
        process = self.start(
            *("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
            *("--scheduler-file", str(file)), **options,
        )  # fmt: skip
        until(lambda: file.exists() and file.read_text().endswith("}"))
        self.address = json.loads(file.read_text())["address"]
        return process

    def worker(self, **options):
        """Start one, and wait until the scheduler has it."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            before = len(client.nthreads())
            arguments = ("worker", self.address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--no-nanny")
            process = self.start(*arguments, **options)
            until(lambda: len(client.nthreads()) > before)
        return process

    def kill(self, process):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "the cluster did not start"
        time.sleep(0.1)


@pytest.fixture
def processes(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 2)
    monkeypatch.setattr(cluster, "LOOK_EVERY", 0.2)
    (tmp_path / "dask").mkdir()
    started = Processes(tmp_path / "dask")
    yield started
    for process in started.started:
        if process.poll() is None:
            started.kill(process)


def test_a_worker_without_the_package_is_named_and_the_others_do_the_work(processes):
    processes.scheduler()
    processes.worker(blocked=True)
    start, said = time.monotonic(), []
    with pytest.raises(ConnectionError, match=r"no worker of .* can be used \(tcp.*No module named 'wbc_tutorial'"):
        list(cluster.results(divmod, [(7, 2)], processes.address, say=said.append))
    assert time.monotonic() - start < 60 and len(said) == 1 and "is not used: " in said[0]
    processes.worker()
    said.clear()
    found = list(cluster.results(divmod, [(7, 2), (9, 4), (8, 3)], processes.address, say=said.append))
    assert sorted(found) == [(2, 1), (2, 2), (3, 1)] and len(said) == 1


def test_a_scheduler_without_the_package_is_one_line(processes):
    processes.scheduler(blocked=True)
    processes.worker()
    with pytest.raises(ConnectionError, match="the Dask scheduler at .* lacks this package"):
        list(cluster.results(divmod, [(7, 2)], processes.address))


def test_workers_that_cannot_read_the_images_or_lack_the_device_are_not_used(processes):
    processes.scheduler()
    with pytest.raises(ConnectionError, match="has no worker: `dask worker tcp"):
        list(cluster.results(divmod, [(7, 2)], processes.address))
    processes.worker()
    with pytest.raises(ConnectionError, match="it cannot read /nowhere/at/all"):
        list(cluster.results(divmod, [(7, 2)], processes.address, data="/nowhere/at/all", say=lambda _: None))
    with pytest.raises(ConnectionError, match="it has no cuda:77"):
        list(cluster.results(divmod, [(7, 2)], processes.address, device="cuda:77", say=lambda _: None))


@pytest.mark.parametrize("victim", ["scheduler", "worker"])
def test_whoever_dies_the_end_is_one_line(processes, victim):
    parts = {"scheduler": processes.scheduler()}
    parts["worker"] = processes.worker()
    start = time.monotonic()
    results = cluster.results(time.sleep, [(0.1,), (30,)], processes.address, say=lambda _: None)
    assert next(results) is None
    processes.kill(parts[victim])
    with pytest.raises(ConnectionError, match="finished runs are kept"):
        next(results)
    assert time.monotonic() - start < 60


def test_an_error_of_the_run_itself_comes_back(processes):
    processes.scheduler()
    processes.worker()
    with pytest.raises(ZeroDivisionError):
        list(cluster.results(divmod, [(7, 0)], processes.address))


def test_a_run_that_ends_one_worker_after_the_other_is_given_up():
    from distributed import LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as local,
        pytest.raises(ConnectionError, match="one run ended 3 workers, most likely for memory"),
    ):
        list(cluster.results(os._exit, [(1,)], local.scheduler_address))


def test_with_another_version_a_worker_is_not_used():
    ours = cluster._versions()
    assert cluster._judged({"lacks": []} | ours) == ("", "")
    unfit, _ = cluster._judged({"lacks": []} | ours | {"wbc_tutorial": "0.0"})
    assert unfit.startswith("it has wbc_tutorial 0.0, here is ")
    unfit, note = cluster._judged({"lacks": []} | ours | {"torch": "1.0"})
    assert unfit == "" and note.startswith("it has torch 1.0, here ") and "last digits" in note


def test_on_a_cluster_whose_worker_dies_the_results_are_the_same(data, tmp_path):
    from distributed import LocalCluster

    settings, methods = Settings("open5", str(data), "small_cnn", 6, device="cpu"), ["erm", "boda", "boda_plus"]
    runner.run(settings, methods, n_folds=2, out=tmp_path / "whole", progress=False, say=lambda _: None)
    lines, killed = [], []
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as local:

        def say(line):
            lines.append(line)
            if not killed and "fold" in line:
                worker = next(iter(local.workers.values()))
                os.kill(worker.pid, signal.SIGKILL)
                killed.append(worker.pid)

        runner.run(settings, methods, n_folds=2, out=tmp_path / "cut", scheduler=local.scheduler_address, say=say)
    assert killed and sum("fold" in line for line in lines) == 6
    whole, cut = (pd.read_csv(tmp_path / name / "results.csv") for name in ("whole", "cut"))
    measured = ["seconds_per_step", "peak_memory_mb"]
    pd.testing.assert_frame_equal(whole.drop(columns=measured), cut.drop(columns=measured), check_exact=True)
    for path in (tmp_path / "whole" / "predictions").iterdir():
        with np.load(path) as one, np.load(tmp_path / "cut" / "predictions" / path.name) as two:
            assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_scheduler_that_is_not_there_is_one_clear_line(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 1)
    arguments = ["--benchmark", "open5", "--data", str(data), "--backbone", "small_cnn", "--out", str(tmp_path / "out")]
    for address in ("tcp://127.0.0.1:9", "nonsense://x"):
        assert __main__.main([*arguments, "--scheduler", address]) == 2
        error = capsys.readouterr().err
        assert "no Dask scheduler answers" in error and error.count("\n") == 1, error
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert __main__.main([*arguments, "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "pip install -e '.[cluster]'" in capsys.readouterr().err
