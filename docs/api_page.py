"""The API reference as a page: every name of the front door, room by room, with its docstring."""

import importlib
import inspect

import wbc_tutorial as wbc

TITLES = {
    "data": "Data: classes, laboratories, images, folds",
    "transforms": "Transforms: what enters the network",
    "models": "Models",
    "losses": "Losses",
    "training": "Training",
    "evaluation": "Evaluation",
    "experiments": "Experiments: benchmarks, methods, recipes, runs",
    "course": "Course",
    "report": "Report",
}


def write_api() -> str:
    """Return the page as reStructuredText, which Sphinx's autodoc fills."""
    lines = [
        *heading("API reference", "="),
        "``import wbc_tutorial as wbc`` is the one import that is needed: each name",
        "",
    ]
    lines[-2] += " below is ``wbc.<name>``. It is loaded when it is first used."
    lines += ["", ".. currentmodule:: wbc_tutorial", ""]
    room = None
    for file, names in wbc._NAMES.items():
        if file.split(".")[0] != room:
            room = file.split(".")[0]
            lines += heading(TITLES[room], "-")
        for name in names:
            lines += entry(file, name)
    lines += heading("Modules", "-")
    lines += ["Whole files and folders that are public: ``wbc.plots``, ``wbc.exercises`` and so on.", ""]
    for module in wbc._MODULES:
        lines += module_entry(module)
    return "\n".join(lines) + "\n"


def heading(title: str, line: str) -> list[str]:
    """Return a heading of reStructuredText."""
    return [title, line * len(title), ""]


def entry(file: str, name: str) -> list[str]:
    """Return what autodoc needs for one name of the front door."""
    value = getattr(wbc, name)
    if inspect.isclass(value):
        return [f".. autoclass:: wbc_tutorial.{name}", "   :members:", ""]
    if callable(value):
        return [f".. autofunction:: wbc_tutorial.{name}", ""]
    return [f".. py:data:: {name}", "", *indented(comment_of(file, name)), ""]


def comment_of(file: str, name: str) -> list[str]:
    """Return the string that stands below a constant; else where it is."""
    from sphinx.pycode import ModuleAnalyzer

    comments = ModuleAnalyzer.for_module(f"wbc_tutorial.{file}").find_attr_docs()
    if ("", name) in comments:
        return list(comments["", name])
    value = getattr(wbc, name)
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        return [", ".join(f"``{each}``" for each in value)]
    where = f"``wbc_tutorial/{file.replace('.', '/')}.py``"
    return [f"{len(value)} entries, in {where}." if hasattr(value, "__len__") else f"In {where}."]


def module_entry(module: str) -> list[str]:
    """Return a module's first line and its public names, each with the first line of its docstring."""
    loaded = importlib.import_module(f"wbc_tutorial.{module}")
    short = module.rpartition(".")[2]
    lines = [f"**wbc.{short}**: {first_line(loaded)}", ""]
    for name in sorted(getattr(loaded, "__all__", ()), key=str.lower):
        if name in wbc._FILE_OF:
            continue
        value = getattr(loaded, name)
        said = first_line(value) if callable(value) else ""
        lines += [f"- ``{short}.{name}``" + (f": {said}" if said else "")]
    return [*lines, ""]


def first_line(thing) -> str:
    """Return the first line of a docstring, as text of reStructuredText."""
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ").replace("*", r"\*")


def indented(lines: list[str]) -> list[str]:
    """Return lines that belong to the directive above them."""
    return [f"   {line}" if line else "" for line in lines]
