"""A whole laboratory: all its images, drawn on every processor there is."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.counts import counts_by_class
from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.data.processors import usable_processors
from wbc_tutorial.data.simulator.appearance import look_of
from wbc_tutorial.data.simulator.rendering import simulate_cell

__all__ = ["simulate_laboratory"]

_WORTH_A_PROCESS = 150
"""Fewer images than this are made sooner than another interpreter starts."""


def simulate_laboratory(
    laboratory: str,
    *,
    counts: Sequence[int] | Mapping[str, int] | None = None,
    seed: int = 0,
    size: int = 64,
    processes: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Simulate all images of one laboratory, class by class.

    Parameters
    ----------
    laboratory : str
        ``"sim_matek"``, ``"sim_acevedo"`` or ``"sim_mll"``.
    counts : sequence of 13 int, or mapping of str to int, default=None
        Images per class in the order of `wbc_tutorial.CLASSES`, or class name or code -> images. None:
        ``LABORATORIES[laboratory].counts``.
    seed : int, default=0
        0 or more.
    size : int, default=64
        Side of the images, pixels, 8 or more.
    processes : int, default=None
        How many interpreters share the work; None: as many as there are processors. The images are the same for any
        number.

    Returns
    -------
    images : ndarray, shape (N, size, size, 3), uint8
    labels : ndarray, shape (N,), int64
        Index into `CLASSES`.

    Raises
    ------
    ValueError
        If the laboratory or a class is unknown, or a number is no whole number or too small.

    Examples
    --------
    >>> images, labels = simulate_laboratory("sim_mll", counts={"BAS": 2, "smudge_cell": 1})
    >>> images.shape, labels.tolist()
    ((3, 64, 64, 3), [0, 0, 12])
    """
    look_of(laboratory)
    each = counts_by_class(LABORATORIES[laboratory].counts if counts is None else counts)
    size = whole_number("size", size, least=8, what="a whole number of pixels")
    seed = whole_number("seed", seed)
    labels = np.repeat(np.arange(len(CLASSES)), each).astype(np.int64)
    images = np.empty((len(labels), size, size, 3), dtype=np.uint8)
    wanted = usable_processors() if processes is None else whole_number("processes", processes, least=1)
    parts = min(wanted, max(1, len(labels) // _WORTH_A_PROCESS))
    task = {"laboratory": laboratory, "counts": each, "seed": seed, "size": size, "parts": parts}
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
