"""Where the report's numbers come from: command, settings, versions, dates, machine."""

import json
import platform
import shlex
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from wbc_tutorial import __version__
from wbc_tutorial.report import page
from wbc_tutorial.report.text import methods_of

__all__ = ["command", "parts", "read_settings"]


def read_settings(folder: Path) -> dict:
    """Return what ``settings.json`` holds; {} where there is none that can be read."""
    try:
        found = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def command(rows: pd.DataFrame, settings: dict) -> list[str]:
    """Return the commands that give these rows again, one a seed."""
    recipe = settings.get("recipe") or ()
    given = {
        "--benchmark": rows.benchmark.iloc[0],
        "--data": None if rows.benchmark.iloc[0] == "simulated" else "DIR",
        "--backbone": settings.get("backbone"),
        "--steps": settings.get("steps"),
        "--methods": ",".join(methods_of(rows)),
        "--recipe": recipe if isinstance(recipe, str) else ",".join(map(str, recipe)),
        "--leave-out": settings.get("leave_out"),
        "--folds": rows.fold.max() + 1,
    }
    words = [word for option, value in given.items() if value not in (None, "") for word in (option, str(value))]
    return [
        shlex.join(["python", "-m", "wbc_tutorial", *words, "--seed", str(seed)]) for seed in sorted(set(rows.seed))
    ]


def parts(folder: Path, rows: pd.DataFrame, settings: dict) -> list[str]:
    """Return the section's tables, as HTML."""
    import torch

    from wbc_tutorial.training.device import card_name

    folds, seeds = (", ".join(map(str, sorted(set(rows[name])))) for name in ("fold", "seed"))
    made = {
        "command": " ; ".join(command(rows, settings)),
        "settings": "; ".join(f"{key}: {_shown(value)}" for key, value in settings.items() if key != "cells")
        or "no settings.json",
        "digest of the cells": _shown(settings.get("cells")),
        "wbc_tutorial": ", ".join(sorted(set(map(str, rows.version)))),
        "folds": folds,
        "seeds": seeds,
        "begun": _date(folder / "settings.json"),
        "last run": _date(folder / "results.csv"),
    }
    packages = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "umap-learn", "matplotlib")
    written = {
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": ", ".join(
            [f"wbc_tutorial {__version__}", f"Python {platform.python_version()}"]
            + [f"{name} {version(name)}" for name in packages]
        ),
        "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} thread(s), {card_name()}",
    }
    return [
        page.facts(made, "The results"),
        page.facts(written, "This report (and the results too, when one command made both)"),
    ]


def _shown(value) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _date(path: Path) -> str:
    """When a file was last written."""
    if not path.exists():
        return "unknown"
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC")
