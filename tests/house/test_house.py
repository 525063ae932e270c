"""The house: which room may import which, held in one place and read from the code itself."""

import ast
from pathlib import Path

import pytest
from support.places import ROOT

PACKAGE = ROOT / "wbc_tutorial"

ROOMS = (  # from the top to the ground: a room imports from rooms further down, and from inside itself
    "__main__",
    "report",
    "course",
    "experiments",
    "evaluation",
    "training",
    "losses",
    "models",
    "foundation",
    "transforms",
    "data",
    "__init__",
)


def _imported(path: Path) -> list[str]:
    """Name what a file imports from the package, wherever in the file, as dotted names without the package's."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names if alias.name.split(".")[0] == "wbc_tutorial"]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:  # relative: from the folder `level - 1` above the file's own
                inside = path.relative_to(ROOT).parent.parts
                base = ".".join([*inside[: len(inside) - node.level + 1], *filter(None, [node.module])])
            if base.split(".")[0] == "wbc_tutorial":
                names += [f"{base}.{alias.name}" for alias in node.names]
    return [name.partition(".")[2] for name in names]


def _room(dotted: str) -> str:
    first = dotted.split(".", maxsplit=1)[0]
    return first if first in ROOMS else "__init__"  # such as __version__


def _module(dotted: str) -> str | None:
    """Return the file that a dotted name stands for or lives in, without the suffix; None outside the package."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        path = PACKAGE.joinpath(*parts[:length])
        if path.with_suffix(".py").is_file():
            return "/".join(parts[:length])
        if path.is_dir():
            return "/".join([*parts[:length], "__init__"])
    return None


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_entry_of_the_package_is_a_room():
    entries = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert entries == set(ROOMS) and len(entries) <= 13


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_rooms_below_it(path):
    here = ROOMS.index(path.relative_to(PACKAGE).parts[0].removesuffix(".py"))
    upwards = [name for name in _imported(path) if ROOMS.index(_room(name)) < here]
    assert not upwards or path == PACKAGE / "__init__.py"


def test_no_two_files_import_each_other_not_even_by_a_detour():
    arrows = {
        str(path.relative_to(PACKAGE).with_suffix("")): {
            module for name in _imported(path) if (module := _module(name)) and module != "__init__"
        }
        for path in FILES
    }

    def reaches(start: str) -> set[str]:
        seen, left = set(), [start]
        while left:
            for module in arrows.get(left.pop(), set()) - seen:
                seen.add(module)
                left.append(module)
        return seen

    # a room's __init__ collects its files, and they may name it: circles among the files are what is looked for
    files = [name for name in arrows if not name.endswith("__init__")]
    assert [name for name in files if name in reaches(name)] == []


def test_the_reader_sees_every_form_of_import(tmp_path):
    """The test of the test: parentheses, relative imports, imports inside functions, plain imports."""
    text = "from wbc_tutorial.report import (\n    text,\n)\nimport wbc_tutorial.course.plots\n"
    text += "def f():\n    from wbc_tutorial import losses\n"
    (tmp_path / "a.py").write_text(text)
    assert _imported(tmp_path / "a.py") == ["report.text", "course.plots", "losses"]
