"""Where the course is opened: repo2docker's rules, JupyterLab's first page, and the workflows on GitHub."""

import os
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml
from support.places import ROOT

FIRST = "notebooks/00_start_here.ipynb"
# repo2docker takes the first of these that it finds; all of them would come before, or beside, environment.yml.
RIVALS = (
    "binder", ".binder", "Dockerfile", "environment.yaml", "Pipfile", "Pipfile.lock", "Project.toml", "REQUIRE",
    "requirements.txt", "runtime.txt", "setup.py", "install.R", "DESCRIPTION", "apt.txt", "start", "default.nix",
)  # fmt: skip
TOP_LEVEL = {"notebooks", "wbc_tutorial", "data_scripts", "tests", "environment.yml", "README.md", "postBuild",
             "pyproject.toml", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "conftest.py",
             ".ci", ".github", ".gitignore"}  # fmt: skip


def test_nothing_hides_environment_yml_from_repo2docker():
    assert not [name for name in RIVALS if (ROOT / name).exists()]
    assert (ROOT / "environment.yml").is_file()


def test_the_top_level_holds_what_it_should():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("what belongs to the repository is known only in a clone; cure: git clone it")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    top = {name.split("/")[0] for name in names if name}
    assert top <= TOP_LEVEL, top - TOP_LEVEL


def test_every_conda_dependency_has_one_line_and_the_reader_is_named():
    lines = (ROOT / "environment.yml").read_text().split("dependencies:\n")[1].splitlines()
    assert all(re.fullmatch(r"  - [\w.-]+(=[\d.]+|(>=|<)[\d.]+(,<[\d.]+)?)?( +# \S.*)?", line) for line in lines), lines
    (python,) = [line for line in lines if line.startswith("  - python=")]
    assert re.match(r"  - python=3\.\d+ ", python), "one '=' and no patch: repo2docker does not parse ranges"
    runtime = lines[: next(i for i, line in enumerate(lines) if "from here on" in line) + 1]
    assert all("#" in line for line in runtime), "say who needs it"


def test_post_build_stops_at_the_first_error_and_adds_only_this_package():
    script = ROOT / "postBuild"
    lines = script.read_text().splitlines()
    assert os.access(script, os.X_OK) and lines[0].startswith("#!")
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands[0] == "set -e"
    installs = [line for line in commands if "pip install" in line]
    assert installs == ["python -m pip install --no-deps --no-cache-dir -e ."]


def test_the_ways_to_open_the_course_lead_to_notebook_00():
    readme = (ROOT / "README.md").read_text()
    assert (ROOT / FIRST).exists() and f"jupyter lab {FIRST}" in readme
    for link in re.findall(r"https://mybinder\.org/v2/\S+?(?=[)\s\"])", readme):
        assert link.endswith(f"?urlpath=lab/tree/{FIRST}"), link


def test_pages_are_built_with_the_versions_of_the_extra():
    text = (ROOT / ".github/workflows/pages.yml").read_text()
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["book"]
    assert re.findall(r'"([\w-]+>=[^"]+)"', text) == extra
    assert "python data_scripts/build_site.py --out site" in text


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=lambda path: path.stem)
def test_workflows_are_whole_and_end(path):
    workflow = yaml.safe_load(path.read_text())
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert "run" in step or re.search(r"@v\d+$", step["uses"]), step


def test_the_gate_leaves_nothing_out():
    gate = (ROOT / ".ci/run").read_text()
    assert "WBC_TUTORIAL_SKIP_NOTHING=1" in gate and "tests/browser tests/test_site.py" in gate
    assert "set -euo pipefail" in gate and os.access(ROOT / ".ci/run", os.X_OK)
    assert ".ci/run" in (ROOT / ".github/workflows/test.yml").read_text()
