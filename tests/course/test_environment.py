"""The setup check names what is missing or broken, whatever that is; and the number of threads."""

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError

import pytest
from support.places import ROOT

from wbc_tutorial.course import environment

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
REQUIRED = list(environment._requirements())  # as installed
HEAVY = ("torch", "torchvision", "sklearn", "pandas", "matplotlib", "numpy")

PREPARE = """
import importlib.abc, sys, types
blocked = {blocked}

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        for module, error in blocked.items():
            if name == module or name.startswith(module + "."):
                raise error

sys.meta_path.insert(0, Finder())
for name in {pretended}:
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].set_num_threads = print
import wbc_tutorial as wbc
setup = wbc.environment.check()
print(setup)
print("ok", setup.ok, "threads", setup.threads)
"""


def check_without(blocked, pretended=HEAVY):
    """Run the check in a fresh Python, in which importing these modules raises these errors; return what it prints.

    Empty modules stand for the heavy packages that are not blocked, so that no second is spent on their import.
    """
    listed = "{" + ", ".join(f"{name!r}: {error!r}" for name, error in blocked.items()) + "}"
    code = PREPARE.replace("{blocked}", listed).replace("{pretended}", repr(sorted(set(pretended) - set(blocked))))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-800:]
    return result.stdout


def absent(*names):
    """Map the modules of these packages to the error of one that is not there."""
    modules = [environment._MODULES.get(name, name) for name in names]
    return {module: ModuleNotFoundError(f"No module named {module!r}") for module in modules}


def test_all_is_well_here():
    setup = environment.check()
    assert setup.ok and setup.errors == [] and repr(setup) == "Setup: all is well." and setup.threads >= 1


@pytest.mark.parametrize("name", REQUIRED)
def test_the_check_works_without_any_one_package_and_names_it(name):
    (module, error) = next(iter(absent(name).items()))
    said = check_without({module: error})
    assert f"  - {name} cannot be imported ({error}); fix: python -m pip install -e ." in said and "ok False" in said


def test_the_check_works_without_a_package_that_others_need():
    said = check_without(absent("packaging"), pretended=("torch", "torchvision", "sklearn", "pandas"))
    assert "matplotlib cannot be imported (No module named 'packaging')" in said and "ok False" in said


def test_the_check_works_without_all_packages_at_once():
    said = check_without(absent(*REQUIRED, "packaging"))
    assert all(re.search(rf"  - {name} cannot be imported", said) for name in REQUIRED)


def test_a_torch_that_cannot_be_loaded_is_named():
    said = check_without({"torch": OSError("libcudart.so.12: cannot open shared object file")})
    assert "torch cannot be imported (libcudart.so.12: cannot open shared object file); fix: " in said


def test_torch_and_torchvision_from_different_builds_are_recognised():
    said = check_without({"torchvision": RuntimeError("operator torchvision::nms does not exist")})
    assert "different builds" in said and "conda-forge pytorch torchvision" in said


def test_the_check_works_when_the_plots_cannot_be_imported():
    said = check_without({"wbc_tutorial.course.plots": ImportError("cannot import name 'x'")})
    assert "ok False" in said and "the figures' style cannot be applied (cannot import name 'x')" in said


def test_one_cause_is_said_once():
    said = check_without(absent("torch") | {"torchvision": ModuleNotFoundError("No module named 'torch'")})
    assert said.count("No module named 'torch'") == 1 and "torchvision" not in said


def test_an_error_without_words_is_named_by_its_type():
    assert "torch cannot be imported (RuntimeError)" in check_without({"torch": RuntimeError()})


def test_a_missing_or_old_package_is_named_with_its_fix(monkeypatch):
    real = environment.version

    def some(name):
        if name == "umap-learn":
            raise PackageNotFoundError(name)
        return {"pandas": "0.1", "scipy": None}.get(name, "1") if name in ("pandas", "scipy") else real(name)

    monkeypatch.setattr(environment, "version", some)
    setup = environment.check()
    assert not setup.ok
    assert "umap-learn is missing; fix: python -m pip install" in repr(setup)
    assert "scipy is missing; fix: " in repr(setup)  # an installation without its metadata
    assert re.search(r"pandas is 0\.1, needed is .*>=2\.1.*; fix:", repr(setup))


def test_where_pip_is_named_its_own_errors_are_explained():
    shown = repr(environment.SetupCheck([f"torch is missing; fix: {environment.SETUP}"], 1))
    for words in ("externally-managed-environment", "python -m venv .venv", "HTTPS_PROXY", "PIP_CERT"):
        assert words in shown
    assert "PIP_CERT" not in repr(environment.SetupCheck(["something else"], 1))


@pytest.mark.parametrize(
    ("have", "bounds", "fits"),
    [
        ("2.4", ">=2.4,<3", True), ("2.10.1+cpu", ">=2.4,<3", True), ("2.3.9", ">=2.4,<3", False),
        ("3.0.0", ">=2.4,<3", False), ("3", "<3.0.0", False), ("2.4rc1", ">=2.4", True), ("1.0", "", True),
        ("0.5.9.post1", ">=0.5.6,<0.6", True), ("2024.5.1", ">=2024.5", True), ("1.0", "<=1", True),
        ("1.1", ">1", True),
    ],
)  # fmt: skip
def test_versions_are_compared_number_by_number(have, bounds, fits):
    assert environment._fits(have, bounds) == fits


def test_every_bound_of_pyproject_is_read(monkeypatch):
    extra = 'pytest>=8; extra == "test"'
    monkeypatch.setattr(environment, "requires", lambda _: [*PYPROJECT, extra])
    read = environment._requirements()
    assert [name + bounds for name, bounds in read.items()] == PYPROJECT
    assert all(re.fullmatch(r"(,?(>=|<)[\d.]+)+", bounds) for bounds in read.values())


@pytest.mark.parametrize("text", PYPROJECT)
def test_the_module_of_every_package_is_known(text):
    name = re.match(r"[\w-]+", text)[0]
    assert environment._import_error(name) is None


def test_a_package_that_is_not_installed_says_so(monkeypatch):
    def nothing(_):
        raise PackageNotFoundError

    monkeypatch.setattr(environment, "requires", nothing)
    assert environment.errors()[0].startswith("wbc_tutorial is not installed; fix: python -m pip install")


def test_threads_follow_the_usable_processors(monkeypatch):
    import torch

    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(environment, "usable_processors", lambda: before)
    assert environment.use_threads() == before == torch.get_num_threads()


def test_a_given_number_of_threads_is_kept():
    code = "from wbc_tutorial import environment as e; import torch; print(e.use_threads(), torch.get_num_threads())"
    given = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, "-c", code], env=given, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["1", "1"]
