"""Setup: whether everything is installed and fits together, and how many threads torch uses.

This module imports the standard library alone: it says what is wrong with an installation, so it must work without
all that may be missing or broken.
"""

import importlib
import importlib.util
import os
import re
import warnings
from importlib.metadata import PackageNotFoundError, requires, version

from wbc_tutorial.data.processors import usable_processors

__all__ = ["SetupCheck", "check", "errors", "use_threads"]

SETUP = "python -m pip install -e . (in the folder that holds README.md)"

IF_PIP_FAILS = (
    "'externally-managed-environment': make an environment first: python -m venv .venv, then source .venv/bin/activate "
    "(Windows: .venv\\Scripts\\activate)",
    "no connection, behind a proxy: set HTTPS_PROXY=http://HOST:PORT before the command",
    "'CERTIFICATE_VERIFY_FAILED': set PIP_CERT=FILE, the certificate of your institution",
)
"""What pip may say, and what to do then."""

_MODULES = {"scikit-learn": "sklearn", "umap-learn": "umap", "pillow": "PIL", "ipython": "IPython", "pyyaml": "yaml"}
"""Package -> the module that it installs, where the names differ."""

_LOADED = ("numpy", "pandas", "torch", "torchvision", "matplotlib", "scikit-learn", "ipywidgets")
"""Packages that are imported to see whether they work; the others are only looked for, which takes no time."""


def use_threads(n: int | None = None) -> int:
    """Let torch use a number of threads.

    Parameters
    ----------
    n : int, default=None
        None = the environment variable `OMP_NUM_THREADS`, or else `usable_processors`.

    Returns
    -------
    int
        How many threads torch uses now.
    """
    import torch

    if n is None:
        given = os.environ.get("OMP_NUM_THREADS", "")
        n = int(given) if given.isdigit() and int(given) else usable_processors()
    torch.set_num_threads(n)
    return n


def errors() -> list[str]:
    """List what is missing or does not fit, each with its fix.

    Returns
    -------
    list of str
        Empty when all is well.
    """
    found, reasons = [], set()
    try:
        wanted = _requirements()
    except PackageNotFoundError:
        wanted = dict.fromkeys(_LOADED, "")
        found.append(f"wbc_tutorial is not installed; fix: {SETUP}")
    # those that are only looked for come first: what is missing is named itself, not by another package that needs it
    for name, bounds in sorted(wanted.items(), key=lambda item: item[0] in _LOADED):
        if error := _version_error(name, bounds):
            found.append(error)
        elif (reason := _import_error(name)) and reason not in reasons:  # torchvision fails as torch does: said once
            reasons.add(reason)
            found.append(_import_fix(name, reason))
    return found


def _requirements() -> dict[str, str]:
    """Return the name and the bounds of every package that `wbc_tutorial` requires, extras left out."""
    texts = [text for text in requires("wbc_tutorial") or [] if ";" not in text]
    matches = [re.match(r"([\w.-]+)\s*(?:\[.*?\])?\s*\(?([^)]*)", text) for text in texts]
    return {match[1]: match[2].replace(" ", "") for match in matches if match}


def _version_error(name: str, bounds: str) -> str | None:
    """Say that a package is not installed, or not in a version within its bounds."""
    try:
        have = version(name)
    except PackageNotFoundError:
        have = None
    if not have:  # also when a broken installation has lost its version
        return f"{name} is missing; fix: {SETUP}"
    if not _fits(have, bounds):
        return f"{name} is {have}, needed is {bounds}; fix: {SETUP}"
    return None


def _fits(have: str, bounds: str) -> bool:
    """Say whether a version lies within bounds such as ``>=2.4,<3``; other operators than these four always fit.

    Examples
    --------
    >>> _fits("2.10.1+cpu", ">=2.4,<3"), _fits("3.0", ">=2.4,<3")
    (True, False)
    """
    compare = {
        ">=": lambda a, b: a >= b,
        "<=": lambda a, b: a <= b,
        "<": lambda a, b: a < b,
        ">": lambda a, b: a > b,
    }
    limits = re.findall(r"(>=|<=|<|>)([\w.]+)", bounds)
    return all(compare[operator](_numbers(have), _numbers(limit)) for operator, limit in limits)


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, as many for all: "2.4rc1+cpu" -> (2, 4, 0, 0)."""
    release = re.match(r"\d+(\.\d+)*", text)
    numbers = [int(part) for part in release[0].split(".")] if release else []
    return tuple((numbers + [0] * 4)[:4])


def _import_error(name: str) -> str | None:
    """Say in one line why a package that is installed cannot be imported, or nothing."""
    module = _MODULES.get(name, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if name in _LOADED:
                importlib.import_module(module)
            elif importlib.util.find_spec(module) is None:
                return f"No module named {module!r}"
    except Exception as error:  # a broken binary raises almost anything
        return _first_line(error)
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _import_fix(name: str, reason: str) -> str:
    """Say that an import failed, and what to do."""
    if name == "torchvision" and "torchvision::nms" in reason:
        return (
            "torch and torchvision come from different builds ('operator torchvision::nms does not exist'); fix: "
            "install both from one place: conda install -c conda-forge pytorch torchvision, or "
            "python -m pip install --force-reinstall torch torchvision"
        )
    return f"{name} cannot be imported ({reason}); fix: {SETUP}"


class SetupCheck:
    """What `check` found; Jupyter shows its `repr`.

    Attributes
    ----------
    errors : list of str
        What is missing or does not fit, each with its fix.
    threads : int
        How many threads torch uses.
    """

    def __init__(self, errors: list[str], threads: int):
        self.errors, self.threads = errors, threads

    @property
    def ok(self) -> bool:
        """True when nothing is missing and everything fits."""
        return not self.errors

    def __repr__(self) -> str:
        if self.ok:
            return "Setup: all is well."
        lines = ["Setup: please fix", *(f"  - {error}" for error in self.errors)]
        if any("pip install" in error for error in self.errors):
            lines += ["If pip fails with", *(f"  - {line}" for line in IF_PIP_FAILS)]
        return "\n".join(lines)


def check() -> SetupCheck:
    """Check the setup in a notebook's first cell, set the number of threads, and apply the style of the figures.

    It takes a few seconds, most of them for the first import of torch. It raises no error: it lists what is wrong.

    Returns
    -------
    SetupCheck
    """
    found, threads = errors(), 1
    try:
        threads = use_threads()
        from wbc_tutorial.course import plots

        plots.use_style()
    except Exception as error:  # the list names the cause; where it does not, this is one more
        if not found:
            found.append(f"the figures' style cannot be applied ({_first_line(error)}); fix: {SETUP}")
    return SetupCheck(found, threads)
