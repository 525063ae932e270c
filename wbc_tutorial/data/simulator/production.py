"""A whole laboratory's images: counts -> arrays, on every processor there is."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.data.simulator.appearance import look_of
from wbc_tutorial.data.simulator.rendering import simulate_cell

__all__ = ["simulate_laboratory"]

_WORTH_A_PROCESS = 150
"""Fewer images than this are made sooner than another interpreter starts."""


def simulate_laboratory(
    laboratory: str,
    *,
    counts: Sequence[int] | None = None,
    seed: int = 0,
    size: int = 64,
    processes: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate all images of one laboratory, class by class.

    Parameters
    ----------
    laboratory : str
        ``"sim_matek"``, ``"sim_acevedo"`` or ``"sim_mll"``.
    counts : sequence of 13 int, optional
        Images per class in the order of `wbc_tutorial.cells.CLASSES`; `LABORATORIES[laboratory].counts` if not
        given.
    seed : int
        0 or more.
    size : int
        Side of the images, pixels.
    processes : int, optional
        How many interpreters share the work; as many as there are processors if not given. The images are the
        same for any number.

    Returns
    -------
    images : ndarray, shape (N, size, size, 3), uint8
    labels : ndarray, shape (N,), int64
        Index into `CLASSES`.

    Raises
    ------
    ValueError
        If the laboratory is unknown or the counts are not 13 whole numbers, 0 or more.

    Examples
    --------
    >>> images, labels = simulate_laboratory("sim_mll", counts=[2] + [0] * 11 + [1])
    >>> images.shape, labels.tolist()
    ((3, 64, 64, 3), [0, 0, 12])
    """
    look_of(laboratory)
    counts = [int(n) for n in (LABORATORIES[laboratory].counts if counts is None else counts)]
    if len(counts) != len(CLASSES) or min(counts) < 0:
        raise ValueError(f"counts are {counts}: expected {len(CLASSES)} whole numbers, 0 or more")
    if size < 8 or seed < 0:
        raise ValueError(f"size is {size} and seed is {seed}: expected 8 or more and 0 or more")
    labels = np.repeat(np.arange(len(CLASSES)), counts).astype(np.int64)
    images = np.empty((len(labels), size, size, 3), dtype=np.uint8)
    wanted = _processors() if processes is None else max(1, processes)
    parts = min(wanted, max(1, len(labels) // _WORTH_A_PROCESS))
    task = {"laboratory": laboratory, "counts": counts, "seed": int(seed), "size": int(size), "parts": parts}
    others = [_start(task | {"part": part}) for part in range(1, parts)]
    try:
        images[0::parts] = _part(task | {"part": 0})
        for part, other in enumerate(others, start=1):
            images[part::parts] = _finish(other, task | {"part": part})
    except BaseException:  # an interrupted notebook leaves no interpreter behind
        for other in filter(None, others):
            other.kill()
            other.communicate()
        raise
    return images, labels


def _part(task: dict) -> np.ndarray:
    """Simulate every `parts`-th image, from image `part` on."""
    jobs = [(name, k) for name, n in zip(CLASSES, task["counts"], strict=True) for k in range(n)]
    mine = jobs[task["part"] :: task["parts"]]
    images = np.empty((len(mine), task["size"], task["size"], 3), dtype=np.uint8)
    for slot, (name, index) in enumerate(mine):
        images[slot] = simulate_cell(task["laboratory"], name, index, seed=task["seed"], size=task["size"])
    return images


def _start(task: dict) -> subprocess.Popen | None:
    """Start a fresh interpreter on one part; None where that is not possible.

    A fresh interpreter, not a fork: it is safe beside torch's threads, and it never imports the caller's
    ``__main__``, so that notebooks, ``python -c`` and scripts without a guard all work.
    """
    code = "from wbc_tutorial.data.simulator.production import _work; _work()"
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    package = str(Path(__file__).resolve().parents[2])
    environment = os.environ | one_thread | {"PYTHONPATH": os.pathsep.join([package, *filter(None, sys.path)])}
    try:
        return subprocess.Popen(
            [sys.executable or "python", "-c", code, json.dumps(task)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
    except OSError:
        return None


def _work() -> None:
    """Do the part named on the command line and write its bytes to standard output."""
    sys.stdout.buffer.write(_part(json.loads(sys.argv[1])).tobytes())


def _finish(process: subprocess.Popen | None, task: dict) -> np.ndarray:
    """Collect a part from its interpreter; simulate it here if that failed."""
    if process is not None:
        data = process.communicate()[0]
        pixels = task["size"] ** 2 * 3
        if process.returncode == 0 and data and len(data) % pixels == 0:
            return np.frombuffer(data, dtype=np.uint8).reshape(-1, task["size"], task["size"], 3)
    return _part(task)


def _processors() -> int:
    """Processors this process may use, its container's quota included."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return n if quota == "max" else max(1, min(n, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return n
