"""An installed wheel: everything of the package is in it, and the command, the rows and the style work from there."""

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version

import pytest
from packaging.version import Version
from support.places import ROOT

BUILD = "import sys, setuptools.build_meta as backend; print(backend.build_wheel(sys.argv[1]))"
USE = """
import sys
import wbc_tutorial as wbc
from wbc_tutorial.__main__ import main
assert sys.argv[1] in wbc.__file__, wbc.__file__
print(len(wbc.tables.shipped("simulated")), "rows")
wbc.plots.use_style()
main(["--help"])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build a wheel from a copy of the package, and unpack it as an installer does."""
    if importlib.util.find_spec("setuptools") is None or Version(version("setuptools")) < Version("77"):
        pytest.skip("setuptools>=77 is not installed; cure: python -m pip install -e '.[test]'")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(ROOT / "wbc_tutorial", source / "wbc_tutorial", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-W", "ignore", "-c", BUILD, str(folder)]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def files_of(folder):
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if "__pycache__" not in path.parts}


def test_every_file_of_the_package_is_in_the_wheel(site):
    assert files_of(site / "wbc_tutorial") == files_of(ROOT / "wbc_tutorial")


def test_the_wheel_brings_the_licence_and_the_command(site):
    (facts,) = site.glob("*.dist-info")
    assert list(facts.rglob("LICENSE"))
    assert "wbc-tutorial = wbc_tutorial.__main__:main" in (facts / "entry_points.txt").read_text(encoding="utf-8")


def test_the_wheel_works_without_the_repository(site, tmp_path):
    """Its own copy is imported, its rows and its style are found, its command answers."""
    given = os.environ | {"PYTHONPATH": str(site), "MPLBACKEND": "Agg"}
    command = [sys.executable, "-c", USE, str(site)]
    used = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, text=True, check=False)
    assert used.returncode == 0, used.stderr[-2000:]
    assert "rows" in used.stdout and "--benchmark" in used.stdout
