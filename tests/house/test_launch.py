"""Where the course is opened and checked: repo2docker's rules, the guides' links, the workflows, the gate."""

import os
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from support.places import ROOT

FIRST = "notebooks/00_start_here.ipynb"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
GATE = ROOT / ".ci" / "run"
GUIDES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "notebooks/README.md",
    *sorted(p.relative_to(ROOT).as_posix() for folder in ("docs", ".github") for p in (ROOT / folder).glob("*.md")),
]
# repo2docker takes the first of these that it finds; all of them would come before, or beside, environment.yml.
RIVALS = (
    "binder", ".binder", "Dockerfile", "environment.yaml", "Pipfile", "Pipfile.lock", "Project.toml", "REQUIRE",
    "requirements.txt", "runtime.txt", "setup.py", "install.R", "DESCRIPTION", "apt.txt", "start", "default.nix",
)  # fmt: skip
FOLDERS = {"notebooks", "wbc_tutorial", "data_scripts", "tests", "docs"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def in_the_repository():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("what belongs to the repository is known only in a clone; cure: git clone it")
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return [name for name in names if name]


def test_nothing_hides_environment_yml_from_repo2docker():
    assert not [name for name in RIVALS if (ROOT / name).exists()]
    assert (ROOT / "environment.yml").is_file()


def test_the_top_level_holds_the_five_folders_and_no_loose_code():
    """Beside them: names that begin with a dot, which tools ask for, and files that are read at the root by custom."""
    names = in_the_repository()
    folders = {name.split("/")[0] for name in names if "/" in name and not name.startswith(".")}
    files = {name for name in names if "/" not in name and not name.startswith(".")}
    assert folders == FOLDERS
    assert {name for name in files if name.endswith((".py", ".ipynb", ".csv", ".sh"))} == {"conftest.py"}
    assert {"README.md", "LICENSE", "pyproject.toml", "environment.yml", "postBuild"} <= files


def test_nothing_that_git_ignores_belongs_to_the_repository():
    in_the_repository()
    command = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""
    for name in ("wbc_tutorial/data/new.py", "tests/data/test_new.py", "wbc_tutorial/experiments/results/new.csv"):
        asked = subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False)
        assert asked.returncode == 1, f"{name} would be left out of a commit without a word"


def test_the_ways_to_open_the_course_lead_to_notebook_00():
    assert (ROOT / FIRST).exists() and f"jupyter lab {FIRST}" in read("README.md")
    for link in re.findall(r"https://mybinder\.org/v2/\S+?(?=[)\s\"])", read("README.md")):
        assert link.endswith(f"?urlpath=lab/tree/{FIRST}"), link


def places_in(path):
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", GUIDES)
def test_links_of_the_guides_resolve(name):
    page = ROOT / name
    for target, anchor in re.findall(r"\]\(([^)\s#]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        if re.match(r"https?://|mailto:", target):
            continue
        place = page.parent / target if target else page
        assert place.exists(), f"{name}: the link to {target} leads nowhere"
        if anchor and place.suffix == ".md":
            assert anchor in places_in(place), f"{name}: {target} has no heading #{anchor}"


@pytest.mark.parametrize("name", [*GUIDES, ".ci/run", *(str(path.relative_to(ROOT)) for path in WORKFLOWS)])
def test_files_that_are_named_exist(name):
    """Paths between backticks, and the scripts and tests that commands name."""
    named = re.findall(r"`((?:wbc_tutorial|data_scripts|tests|docs|notebooks|\.github|\.ci)/[\w./-]*)`", read(name))
    named += re.findall(r"(?:python|pytest)(?: -\w+)*(?: addopts=\"\")? ((?:[\w.]+/)+[\w.]+)", read(name))
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_map_of_contributing_leads_to_what_it_names():
    places = re.findall(r"\| `(wbc_tutorial/\S+\.py)`: `(\w+)` \|", read("CONTRIBUTING.md"))
    assert len(places) >= 7
    for path, name in places:
        assert re.search(rf"^def {name}\(", read(path), re.M), f"{path} has no {name}"


def test_the_table_of_rooms_is_that_of_the_house():
    from test_house import ROOMS

    rooms = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", read("CONTRIBUTING.md"), re.M)
    assert tuple(rooms) == ROOMS


def test_ci_and_the_gate_run_the_readmes_commands():
    """The test command word by word: what CI runs is what students run."""
    command = 'python -m pip install -e ".[test]" && python -m pytest'
    runs = [step.get("run", "") for job in yaml.safe_load(read(".github/workflows/test.yml"))["jobs"].values()
            for step in job["steps"]]  # fmt: skip
    assert command in read("README.md").splitlines() and command in runs
    assert "python -m pytest" in read(".ci/run").splitlines(), "without a path, a marker or another addopts"


def test_ci_covers_three_systems_and_the_pythons_that_are_promised():
    matrix = yaml.safe_load(read(".github/workflows/test.yml"))["jobs"]["test"]["strategy"]["matrix"]
    systems = {*matrix["system"], *(each["system"] for each in matrix["include"])}
    assert {name.split("-")[0] for name in systems} == {"ubuntu", "windows", "macos"}
    lowest = tomllib.loads(read("pyproject.toml"))["project"]["requires-python"].removeprefix(">=")
    assert matrix["python"][0] == lowest


def test_pages_are_built_with_the_extra_and_by_the_command_of_the_guides():
    steps = [
        step.get("run", "") for step in yaml.safe_load(read(".github/workflows/pages.yml"))["jobs"]["pages"]["steps"]
    ]
    assert [step for step in steps if 'install -e ".[book]"' in step]
    command = "python docs/build_site.py --out site"
    assert command in steps and command in read("README.md") and command in read("CONTRIBUTING.md")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_end_and_name_the_versions_they_use(path):
    for job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values():
        assert job["timeout-minutes"] <= 90
        for step in job["steps"]:
            assert "run" in step or re.search(r"@v\d+$", step["uses"]), step


def test_the_gate_runs_every_test_that_is_skipped_elsewhere():
    """Tests that skip themselves ask whether nothing may be skipped; the gate says so, and names where they lie."""
    gate = read(".ci/run")
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name != "test_launch.py"]
    asking = [path for path in files if "WBC_TUTORIAL_SKIP_NOTHING" in path.read_text(encoding="utf-8")]
    assert asking and "WBC_TUTORIAL_SKIP_NOTHING=1" in gate
    for path in asking:
        place = path.parent if path.name == "conftest.py" else path
        assert place.relative_to(ROOT).as_posix() in gate, path
    assert "set -e" in gate and (os.access(GATE, os.X_OK) or sys.platform == "win32")
    if shutil.which("bash") and sys.platform != "win32":
        assert subprocess.run(["bash", "-n", str(GATE)], check=False).returncode == 0
