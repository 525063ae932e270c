"""What every test run shares: one thread for each parallel worker, and the quick lane of ``-m quick``."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
QUICK = (
    "tests/losses",
    "tests/data",
    "tests/transforms",
    "tests/evaluation",
    "tests/house",
    "wbc_tutorial/losses",
    "wbc_tutorial/data",
    "wbc_tutorial/transforms",
    "wbc_tutorial/evaluation",
)
"""Folders whose tests are in the quick lane: no training, no notebook."""

SLOW = (
    "tests/data/test_simulated.py",
    "tests/data/test_simulator.py",
    "tests/data/test_simulator_morphology.py",
    "tests/evaluation/test_latent.py",
    "tests/house/test_add_a_method.py",
    "tests/house/test_front_door.py",
    "tests/house/test_site.py",
    "tests/house/test_ways_in.py",
    "tests/house/test_wheel.py",
    "wbc_tutorial/evaluation/latent.py",
)
"""Files of those folders that take longer than the rest of the lane together."""


def _is_quick(path: Path) -> bool:
    place = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return place.startswith(tuple(f"{folder}/" for folder in QUICK)) and place not in SLOW


def pytest_configure(config):
    """Before workers and kernels start, tell them to compute on one thread; a number already set is kept."""
    os.environ.setdefault("GOMP_SPINCOUNT", "30000")  # as `wbc_tutorial` does, also where torch is imported first
    if config.getoption("numprocesses", default=None) or hasattr(config, "workerinput"):
        os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_ignore_collect(collection_path, config):
    """Under ``-m quick`` do not even import the other files: that would take longer than the lane itself."""
    is_file = collection_path.suffix in (".py", ".ipynb")
    if config.option.markexpr == "quick" and is_file and not _is_quick(collection_path):
        return True
    return None  # as pytest decides


def pytest_collection_modifyitems(items):
    """Mark what belongs to the quick lane."""
    for item in items:
        if _is_quick(item.path):
            item.add_marker(pytest.mark.quick)
