"""Where the report's numbers come from: command, settings, versions, dates, machine."""

import json
import platform
import shlex
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from wbc_tutorial import __version__
from wbc_tutorial.experiments.benchmarks import BENCHMARKS
from wbc_tutorial.report.text import methods_of

__all__ = ["command", "of_report", "of_results", "read_settings", "shown"]

PACKAGES = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "umap-learn", "matplotlib")


def read_settings(folder: Path) -> dict:
    """Return what ``settings.json`` holds; {} where there is none that can be read."""
    try:
        found = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _laboratories(name: str, settings: dict) -> dict[str, str | None]:
    """Return the options that name the laboratories: those of a named benchmark, or the user's own."""
    base, _, left_out = name.partition("-without-")
    if base in BENCHMARKS:
        data = None if BENCHMARKS[base].simulated else "DIR"
        return {"--benchmark": base, "--leave-out": left_out or None, "--data": data}
    own = {f"--{key}": settings[key] for key in ("train", "unseen") if isinstance(settings.get(key), list)}
    classes = settings.get("classes")
    own = {option: ",".join(map(str, names)) for option, names in own.items()}
    return {"--data": "DIR"} | own | {"--classes": str(len(classes)) if isinstance(classes, list) else None}


def command(rows: pd.DataFrame, settings: dict) -> list[str]:
    """Return the commands that give these rows again, one a seed.

    Parameters
    ----------
    rows : DataFrame
    settings : dict
        Of ``settings.json``; an option that it lacks is left out.
    """
    recipe = str(settings.get("recipe") or "none")
    given = _laboratories(str(rows.benchmark.iloc[0]), settings) | {
        "--backbone": settings.get("backbone"),
        "--steps": settings.get("steps"),
        "--learning-rate": settings.get("learning_rate"),
        "--methods": ",".join(methods_of(rows)),
        "--recipe": None if recipe == "none" else recipe.replace("+", ","),
        "--folds": rows.fold.max() + 1,
    }
    words = [word for option, value in given.items() if value is not None for word in (option, str(value))]
    return [
        shlex.join(["python", "-m", "wbc_tutorial", *words, "--seed", str(seed)]) for seed in sorted(set(rows.seed))
    ]


def of_results(folder: Path, rows: pd.DataFrame, settings: dict) -> dict[str, str]:
    """Return what the results depend on, by name."""
    folds, seeds = (", ".join(map(str, sorted(set(rows[name])))) for name in ("fold", "seed"))
    told = [f"{key}: {shown(value)}" for key, value in settings.items() if key not in ("cells", "format")]
    return {
        "command": " ; ".join(command(rows, settings)),
        "settings": "; ".join(told) or "no settings.json",
        "digest of the cells": shown(settings.get("cells")),
        "wbc_tutorial": ", ".join(sorted(set(map(str, rows.version)))),
        "folds": folds,
        "seeds": seeds,
        "begun": _date(folder / "settings.json"),
        "last run": _date(folder / "results.csv"),
    }


def of_report() -> dict[str, str]:
    """Return when, with what and on which machine the report is written, by name."""
    import torch

    from wbc_tutorial.training.device import card_name

    own = [f"wbc_tutorial {__version__}", f"Python {platform.python_version()}"]
    return {
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": ", ".join(own + [f"{name} {version(name)}" for name in PACKAGES]),
        "machine": f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} thread(s), {card_name()}",
    }


def shown(value) -> str:
    """Write a setting as text."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def _date(path: Path) -> str:
    """When a file was last written."""
    if not path.exists():
        return "unknown"
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC")
