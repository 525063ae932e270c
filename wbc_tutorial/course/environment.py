"""Setup: whether everything is here and fits together, and how many processors are ours."""

import importlib
import os
from importlib.metadata import PackageNotFoundError, requires, version

from wbc_tutorial.data.processors import usable_processors

__all__ = ["Report", "check", "problems", "use_threads"]

SETUP = "python -m pip install -e . (in the folder that holds README.md)"


def use_threads(n: int | None = None) -> int:
    """Let torch use `n` threads and return how many it uses; default: `OMP_NUM_THREADS`, else `usable_processors`."""
    import torch

    if n is None:
        given = os.environ.get("OMP_NUM_THREADS", "")
        n = int(given) if given.isdigit() and int(given) else usable_processors()
    torch.set_num_threads(n)
    return n


def _requirements() -> list[tuple[str, str]]:
    """(name, bounds) of every package that `wbc_tutorial` requires, extras left out."""
    from packaging.requirements import Requirement

    parsed = [Requirement(text) for text in requires("wbc_tutorial") or []]
    return [(r.name, str(r.specifier)) for r in parsed if r.marker is None]


def _cure(name: str, error: BaseException) -> str:
    """One line: what is wrong with an import, and what to do."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if name == "torchvision" and "torchvision::nms" in str(error):
        return (
            "torch and torchvision come from different builds ('operator torchvision::nms does not exist'); cure: "
            "install both from one place: conda install -c conda-forge pytorch torchvision, or "
            "python -m pip install --force-reinstall torch torchvision"
        )
    return f"{name} cannot be imported ({text}); cure: {SETUP}"


def problems(modules: tuple[str, ...] = ("torch", "torchvision", "matplotlib", "ipywidgets", "sklearn")) -> list[str]:
    """List what is missing or does not fit, each with its cure; an empty list means all is well."""
    from packaging.specifiers import SpecifierSet

    found = []
    try:
        wanted = _requirements()
    except PackageNotFoundError:
        wanted = []
        found.append(f"wbc_tutorial is not installed; cure: {SETUP}")
    for name, bounds in wanted:
        try:
            have = version(name)
        except PackageNotFoundError:
            found.append(f"{name} is missing; cure: {SETUP}")
            continue
        if not SpecifierSet(bounds).contains(have, prereleases=True):
            found.append(f"{name} is {have}, needed is {bounds}; cure: {SETUP}")
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:  # a broken binary raises almost anything
            found.append(_cure(name, error))
    return found


class Report:
    """What `check` found; Jupyter shows its `repr`."""

    def __init__(self, found: list[str], threads: int):
        self.problems, self.threads = found, threads

    @property
    def ok(self) -> bool:
        """True when nothing is missing and everything fits."""
        return not self.problems

    def __repr__(self) -> str:
        if self.ok:
            return "Setup: all is well."
        return "\n".join(["Setup: please mend", *(f"  - {problem}" for problem in self.problems)])


def check() -> Report:
    """Check the setup in a notebook's first cell, set the number of threads and the style of figures.

    Takes a few seconds, most of them the first import of torch. Never raises: what is wrong is named with its cure.
    """
    found = problems()
    threads = 1
    if not any(problem.startswith("torch ") for problem in found):
        threads = use_threads()
    if not any("matplotlib" in problem for problem in found):
        from wbc_tutorial.course import plots

        plots.use_style()
    return Report(found, threads)
