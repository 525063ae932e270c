"""The setup check, and the number of threads."""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from wbc_tutorial.course import environment


def test_all_is_well_here():
    report = environment.check()
    assert report.ok and repr(report) == "Setup: all is well." and report.threads >= 1


def test_missing_package_is_named_with_its_cure(monkeypatch):
    real = environment.version

    def without_umap(name):
        if name == "umap-learn":
            raise PackageNotFoundError(name)
        return real(name) if name != "pandas" else "0.1"

    monkeypatch.setattr(environment, "version", without_umap)
    report = environment.check()
    assert not report.ok
    assert "umap-learn is missing; cure: python -m pip install" in repr(report)
    assert re.search(r"pandas is 0\.1, needed is .*; cure:", repr(report))


def test_mismatched_torchvision_is_recognised(monkeypatch):
    def broken(name):
        if name == "torchvision":
            raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(environment.importlib, "import_module", broken)
    (problem,) = environment.problems()
    assert "different builds" in problem and "conda-forge pytorch torchvision" in problem


def test_package_that_is_not_installed_says_so(monkeypatch):
    def nothing(_):
        raise PackageNotFoundError

    monkeypatch.setattr(environment, "requires", nothing)
    assert environment.problems(())[0].startswith("wbc_tutorial is not installed; cure:")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "99900000 100000"}, None),
        ({}, None),
    ],
)
def test_threads_follow_the_containers_quota(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    everything = environment.cpu_quota(tmp_path / "nothing")
    assert environment.cpu_quota(tmp_path) == (everything if expected is None else expected)


def test_a_given_number_of_threads_is_kept():
    code = "from wbc_tutorial import environment as e; import torch; print(e.use_threads(), torch.get_num_threads())"
    given = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1", "1"]
