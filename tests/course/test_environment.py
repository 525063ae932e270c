"""The setup check, the number of threads, and the files that installers and Binder read."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from support.places import ROOT

from wbc_tutorial.course import environment

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
TOOLS = {"python", "pip"}


def conda_bounds():
    pairs = (re.fullmatch(r"([\w.-]+)(.*)", line).groups() for line in CONDA["dependencies"] if isinstance(line, str))
    return {name: bounds.strip() for name, bounds in pairs}


def test_environment_yml_and_pyproject_name_the_same_packages():
    wanted = [Requirement(text) for text in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]]
    wanted = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in wanted}
    ours = conda_bounds()
    assert set(ours) - TOOLS == set(wanted)
    for name, bounds in wanted.items():
        assert SpecifierSet(ours[name]) == bounds, name


def test_every_dependency_has_lower_bounds_and_a_reader():
    for text in PROJECT["dependencies"]:
        assert ">=" in text, text
    lines = [line for line in (ROOT / "environment.yml").read_text().splitlines() if line.startswith("  - ")]
    commented = [line for line in lines if "#" in line]
    assert len(commented) >= len(PROJECT["dependencies"])


def test_binder_finds_what_it_needs():
    text = (ROOT / "environment.yml").read_text()
    assert conda_bounds()["python"] == "=3.12" and CONDA["channels"][0] == "conda-forge"
    assert "-e ." not in text and not (ROOT / "binder").exists() and not (ROOT / ".binder").exists()
    script = ROOT / "postBuild"
    assert os.access(script, os.X_OK)
    assert "set -e" in script.read_text() and "pip install --no-deps" in script.read_text()
    assert "torchvision" in conda_bounds() and not any(isinstance(d, dict) for d in CONDA["dependencies"])


def test_ci_calls_the_readmes_commands():
    readme = (ROOT / "README.md").read_text()
    test = 'python -m pip install -e ".[test]" && python -m pytest'
    assert test in readme and "python -m pip install -e . && python -m wbc_tutorial" in readme
    assert test in (ROOT / ".github/workflows/test.yml").read_text()
    gate = (ROOT / ".ci/run").read_text()
    assert "python -m pytest\n" in gate and "venv" in gate and "python -m pip install" in gate


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


FLOORS = (
    ("cells", "laboratories"),
    ("simulator", "cell_images", "images"),
    ("statistics", "normalisation", "covariances", "distances", "losses", "transferability", "models"),
    (
        "centroids",
        "alignment",
        "augmentation",
        "batches",
        "baselines",
        "training",
        "transduction",
        "adaptation",
        "evaluation",
    ),
    (
        "benchmarks",
        "methods",
        "ingredients",
        "recipes",
        "settings",
        "ledger",
        "cluster",
        "experiments",
        "tables",
        "ablation",
        "latent",
    ),
    ("plots", "widgets", "exercises", "environment", "report", "__main__"),
)


def test_a_file_imports_only_from_its_floor_or_below():
    floor_of = {name: number for number, names in enumerate(FLOORS) for name in names}
    package = ROOT / "wbc_tutorial"
    for path in package.rglob("*.py"):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room == "__init__":
            continue
        text = path.read_text()
        imported = set(re.findall(r"from wbc_tutorial\.(\w+)", text))
        for names in re.findall(r"from wbc_tutorial import ([\w, ]+)", text):
            imported |= set(re.split(r",\s*", names.strip()))
        for name in imported - {"__version__"}:
            assert floor_of[name] <= floor_of[room], f"{path.name} (floor {floor_of[room] + 1}) imports {name}"


def test_no_file_is_longer_than_250_lines():
    files = [p for folder in ("wbc_tutorial", "tests", "data_scripts") for p in (ROOT / folder).rglob("*.py")]
    long = {p.name: n for p in files if (n := len(p.read_text().splitlines())) > 250}
    assert not long, long
