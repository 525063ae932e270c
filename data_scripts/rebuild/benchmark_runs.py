"""What the scripts beside it share: a benchmark from the command line, and where rows come from."""

import argparse
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from real_sets.errors import BadInput

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.training.device import card_name


def loaded(given: argparse.Namespace) -> tuple[Settings, CellImages]:
    """Return the settings that the options name, and all cells of their benchmark, or say what is wrong in one line."""
    try:
        settings = Settings(given.benchmark, given.data, backbone=given.backbone, steps=given.steps)
        return settings, settings.benchmark.load(given.data)
    except (ValueError, FileNotFoundError) as error:
        raise BadInput(str(error)) from error


def processor(settings: Settings) -> str:
    """Name what these settings compute on, as far as the system tells: the graphics card, or else the processor."""
    if settings.device.type != "cpu":
        return card_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()


def where_and_when(n_threads: int) -> dict:
    """Return when the last run ended, and with which versions and how many threads."""
    return {
        "last_run_ended": datetime.now(UTC).isoformat(timespec="minutes"),
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "torchvision", "numpy")},
        "threads": n_threads,
    }
