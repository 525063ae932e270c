"""The ways in besides pip: Colab's cell, the devcontainer, the links, the release, and how to cite."""

import importlib.util
import json
import re
import shlex
import subprocess
import sys
import tomllib
from datetime import date

import nbformat
import pytest
import yaml
from packaging.version import Version
from support.markdown_tables import found
from support.places import ROOT, SCRIPTS

import wbc_tutorial

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGE, COLAB = ROOT / "docs" / "ways_in.md", ROOT / "docs" / "colab.ipynb"
RELEASE = Version(PROJECT["version"]).base_version


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def bootstrap():
    """The lines of the cell that the page shows."""
    return re.search(r"```\n(.*)\n```", found(PAGE, "bootstrap"), re.S)[1].splitlines()


def colab_cells():
    return [cell.source for cell in nbformat.read(COLAB, as_version=4).cells if cell.cell_type == "code"]


def test_the_version_is_the_same_everywhere():
    assert wbc_tutorial.__version__ == PROJECT["version"]
    assert yaml.safe_load(read("CITATION.cff"))["version"] == RELEASE
    assert re.search(rf"^## {re.escape(RELEASE)}\b", read("CHANGELOG.md"), re.M)
    for name in ("README.md", "docs/ways_in.md", "docs/colab.ipynb"):
        tags = re.findall(r"(?:wbc_tutorial/|blob/|--branch )v(\d+\.\d+\.\d+)", read(name))
        assert tags and set(tags) == {RELEASE}, name
    assert f"wbc_tutorial:{RELEASE}" in read("docs/classroom.md")


def test_the_links_that_open_the_course_name_one_account_and_files_that_exist():
    text = read("README.md") + read("docs/ways_in.md")
    colab, binder = r"github/OWNER/wbc_tutorial/blob/v[\d.]+/", r"OWNER/wbc_tutorial/v[\d.]+\?urlpath=lab/tree/"
    opened = re.findall(rf"(?:{colab}|{binder})([\w./]+)", text)
    assert {"docs/colab.ipynb", "notebooks/00_start_here.ipynb"} == set(opened)
    assert all((ROOT / path).is_file() for path in opened)
    hosts = r"(?:colab\.research\.google\.com/github|mybinder\.org/v2/gh|codespaces\.new|github\.com)/"
    assert set(re.findall(hosts + r"([\w.-]+)/wbc_tutorial", text + read("docs/colab.ipynb"))) == {"OWNER"}
    for badge in re.findall(r"\]\((docs/front_page/badge_\w+\.svg)\)", read("README.md")):
        assert "aria-label" in read(badge)


def test_the_page_and_the_colab_notebook_show_the_same_cell_and_names_that_exist():
    first, *others = colab_cells()
    assert first.splitlines() == bootstrap()
    names = set(re.findall(r"wbc\.(\w+)", "\n".join(others)))
    assert names and names <= set(dir(wbc_tutorial))


@pytest.mark.parametrize("path", [COLAB], ids=lambda path: path.name)
def test_the_colab_notebook_is_valid_and_carries_no_output(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)


def run(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Colab runs Linux: its cell uses a Linux shell")
def test_the_colab_cell_works_where_torch_is_there_and_the_course_is_not(tmp_path):
    """In a new environment that sees the packages of this one: clone from here, install, first picture."""
    if not (ROOT / ".git").exists() or importlib.util.find_spec("setuptools") is None:
        pytest.skip("the cell clones the repository and builds a wheel; fix: git clone it, pip install setuptools")
    run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "colab")], tmp_path)
    python = str(tmp_path / "colab" / "bin" / "python")
    (site,) = (tmp_path / "colab").rglob("site-packages")
    (site / "torch_is_there.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")))
    origin = tmp_path / "hub" / "wbc_tutorial"
    run(["git", "clone", "-q", "--no-local", str(ROOT), str(origin)], tmp_path)
    run(["git", "tag", "--force", f"v{RELEASE}"], origin)
    for line in bootstrap():
        sign, words = line[0], shlex.split(line[1:].replace("https://github.com/OWNER/wbc_tutorial", origin.as_uri()))
        folder = tmp_path
        if sign == "!":
            run(words, folder)
        elif words[:2] == ["pip", "install"]:
            run([python, "-m", *words, "--no-build-isolation", "--no-deps", "--no-index"], folder)
        else:
            assert words[0] == "cd" and (tmp_path / words[1]).is_dir() and line == bootstrap()[-1]
            folder = tmp_path / words[1]
    where = run([python, "-c", "import wbc_tutorial; print(wbc_tutorial.__file__)"], folder)
    assert str(tmp_path / "colab") in where, "the copy that the cell installed"
    check, picture = colab_cells()[1:]
    *lines, last = ["import matplotlib; matplotlib.use('Agg')", *check.splitlines()]
    out = run([python, "-c", "\n".join([*lines, f"print({last})", picture])], folder)
    assert "all is well" in out and "image/png" in out


def test_the_devcontainer_is_valid_and_its_commands_exist():
    facts = json.loads(read(".devcontainer/devcontainer.json"))
    assert re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:3\.\d+", facts["image"])
    python = facts["image"].rpartition(":")[2]
    assert Version(python) >= Version(PROJECT["requires-python"].removeprefix(">="))
    commands = [facts[f"{when}Command"] for when in ("onCreate", "updateContent", "postCreate")]
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "python" and words[1] in ("-m", "-c")
        if words[1] == "-m":
            assert importlib.util.find_spec(words[2]) and words[3] == "install"
        else:
            compile(words[2], "devcontainer", "exec")
            assert set(re.findall(r"wbc\.(\w+)", words[2])) <= set(dir(wbc_tutorial))
    extras = set(re.findall(r"\.\[([\w,-]+)\]", " ".join(commands)))
    assert extras <= set(PROJECT["optional-dependencies"]) and "-e" in shlex.split(commands[1])
    assert all((ROOT / name).is_file() for name in facts["customizations"]["codespaces"]["openFiles"])


def test_the_page_says_the_option_that_leaves_the_gpu_libraries_out():
    """The same index in the page, in the devcontainer and in the script that measures."""
    index = "https://download.pytorch.org/whl/cpu"
    assert f"torch torchvision --index-url {index}" in read("docs/ways_in.md")
    assert index in read(".devcontainer/devcontainer.json")
    assert index in (SCRIPTS / "rebuild" / "measure_ways.py").read_text(encoding="utf-8")


def test_every_way_that_the_readme_shows_was_measured():
    ways = json.loads(read("docs/front_page/costs.json"))["ways"]
    assert "pip" in ways and any("first_table_processor_seconds" in row for row in ways.values())
    for row in ways.values():
        assert row["environment_gb"] > 0.5 and row["install_seconds"] > 0
        assert date.fromisoformat(row["date"]) and row["torch"] and row["processors"]


def test_the_release_tries_the_installed_wheel():
    jobs = yaml.safe_load(read(".github/workflows/release.yml"))["jobs"]
    steps = [step.get("run", "") for step in jobs["try"]["steps"]]
    assert jobs["try"]["needs"] == "build" and jobs["publish"]["needs"] == "try"
    assert {name.split("-")[0] for name in jobs["try"]["strategy"]["matrix"]["system"]} == {
        "ubuntu",
        "windows",
        "macos",
    }
    (command,) = PROJECT["scripts"]
    assert any(step.startswith(f"{command} --version") for step in steps)
    tried = [path for step in steps for path in re.findall(r"notebooks/\S+\.ipynb", step)]
    assert tried and all((ROOT / path).is_file() for path in tried)
    removed = next(number for number, step in enumerate(steps) if "rm -rf repository" in step)
    assert removed < next(number for number, step in enumerate(steps) if "pytest" in step and "install" not in step)


def test_the_citation_file_is_whole():
    """The fields that version 1.2.0 of the format asks for, the study's authors, and no field it does not know."""
    facts = yaml.safe_load(read("CITATION.cff"))
    assert facts["cff-version"] == "1.2.0" and facts["license"] == PROJECT["license"]
    assert {"message", "title", "authors"} <= set(facts)
    known = {
        "cff-version", "message", "type", "title", "abstract", "authors", "version", "license", "keywords",
        "preferred-citation", "references", "date-released", "repository-code", "url", "doi",
    }  # fmt: skip
    assert set(facts) <= known
    study = facts["preferred-citation"]
    names = [person["family-names"] for person in study["authors"]]
    assert names == ["Umer", "Gruber", "Shetab Boushehri", "Matek", "Marr"] and study in facts["references"]
    for each in facts["references"]:
        assert {"type", "title", "authors", "year"} <= set(each) and each["authors"], each.get("title")
        assert each["type"] in ("article", "conference-paper", "data", "software", "unpublished")
        assert all({"family-names", "given-names"} == set(person) for person in each["authors"])


@pytest.mark.parametrize("path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem)
def test_the_forms_for_issues_are_what_github_reads(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert set(form) == {"blank_issues_enabled"}
        return
    assert form["name"] and form["description"] and form["body"]
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    assert all(
        field["type"] in ("textarea", "input", "dropdown") and field["attributes"]["label"] for field in form["body"]
    )
