"""The front door: what ``import wbc_tutorial as wbc`` offers, that it is light, and where every name leads."""

import ast
import importlib
import json
import re
import subprocess
import sys
from types import ModuleType

import pytest
from support.places import ROOT

import wbc_tutorial as wbc

CONTRACTS = {
    "CLASSES", "LABORATORIES", "BENCHMARKS", "coral_loss", "reverse_gradient", "domain_adversarial_loss", "boda_loss",
    "transferability", "f1_scores", "paired_interval", "load_simulated", "load_prepared", "folds", "fit", "predict",
    "save_model", "load_model", "losses", "models",
}  # fmt: skip
HEAVY = {"torch", "torchvision", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "ipywidgets", "umap", "IPython"}


def fresh(code):
    """Run code in a fresh Python and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_import_is_light():
    out = fresh(
        "import sys, time; start = time.process_time(); import wbc_tutorial as wbc; dir(wbc); wbc.__version__\n"
        "print(time.process_time() - start, *{name.partition('.')[0] for name in sys.modules})"
    )
    seconds, *modules = out.split()
    assert not HEAVY & set(modules) and "wbc_tutorial" in modules
    assert float(seconds) < 0.2


def test_the_setup_check_is_reached_without_any_heavy_import():
    out = fresh("import sys; from wbc_tutorial import environment; print(*(n.partition('.')[0] for n in sys.modules))")
    assert not HEAVY & set(out.split())


@pytest.mark.parametrize("name", wbc.__all__)
def test_every_name_resolves_to_what_it_says(name):
    value = getattr(wbc, name)
    if name in wbc._MODULE_OF:
        assert isinstance(value, ModuleType) and value.__name__.rpartition(".")[2] == name
    else:
        assert not isinstance(value, ModuleType), name
        module = importlib.import_module(f"wbc_tutorial.{wbc._FILE_OF[name]}")
        assert value is getattr(module, name) and name in module.__all__


def test_all_contracts_are_there_and_no_name_twice():
    assert set(wbc.__all__) >= CONTRACTS
    assert len(wbc.__all__) == len(set(wbc.__all__)) == sum(map(len, wbc._NAMES.values())) + len(wbc._MODULES)
    assert set(dir(wbc)) == {*wbc.__all__, "__version__"} and dir(wbc) == sorted(dir(wbc))


def test_the_losses_are_the_same_from_the_door_and_from_their_room():
    from wbc_tutorial import losses

    for name in ("coral_loss", "reverse_gradient", "domain_adversarial_loss", "boda_loss", "transferability"):
        assert getattr(losses, name) is getattr(wbc, name)


@pytest.mark.parametrize("first", ["file", "name"])
def test_a_function_is_not_hidden_by_a_file_of_the_same_name(first):
    files = "import wbc_tutorial.data.folds, wbc_tutorial.losses.transferability"
    names = "wbc.folds, wbc.transferability, wbc.losses.transferability"
    before, after = (files, names) if first == "file" else (names, files)
    out = fresh(f"import wbc_tutorial as wbc\n{before}\n{after}\nprint(*[type(f).__name__ for f in ({names})])")
    assert out.split() == ["function"] * 3


def test_a_room_is_imported_as_ever():
    out = fresh(
        "import wbc_tutorial.losses, wbc_tutorial.data.classes\n"
        "print(wbc_tutorial.losses.__name__, wbc_tutorial.data.classes.__name__, len(wbc_tutorial.CLASSES))"
    )
    assert out.split() == ["wbc_tutorial.losses", "wbc_tutorial.data.classes", "13"]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("coral_los", "coral_loss"), ("Folds", "folds"), ("boda", "BoDA"), ("load_simulate", "load_simulated"),
     ("plot", "plots"), ("classes", "CLASSES")],
)  # fmt: skip
def test_a_mistyped_name_is_answered_by_the_right_one(wrong, meant):
    with pytest.raises(AttributeError, match=rf"has no '{wrong}'; similar names: .*\b{meant}\b"):
        getattr(wbc, wrong)


def test_a_name_that_resembles_nothing_is_answered_by_how_to_list_all():
    with pytest.raises(AttributeError, match=r"has no 'xyzzy'; dir\(wbc_tutorial\) lists the public names$"):
        wbc.xyzzy  # noqa: B018
    assert not hasattr(wbc, "_repr_html_") and not hasattr(wbc, "__wrapped__")


def test_a_star_import_brings_the_public_names_and_hides_no_builtin():
    import builtins

    assert not set(wbc.__all__) & set(dir(builtins)) and not [name for name in wbc.__all__ if name.startswith("_")]
    namespace = {}
    exec("from wbc_tutorial import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(wbc.__all__)


NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_name_that_a_notebook_takes_from_the_library_is_there(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    used = {
        ast.unparse(node)
        for source in sources
        for node in ast.walk(ast.parse(re.sub(r"^[%!].*", "", source, flags=re.MULTILINE)))
        if isinstance(node, ast.Attribute) and re.match(r"wbc(\.\w+){1,2}$", ast.unparse(node))
    }
    assert used
    for dotted in sorted(used):
        value = wbc
        for part in dotted.split(".")[1:]:
            value = getattr(value, part)
            if not isinstance(value, ModuleType):
                break
