"""Simulated cells: drawn by the simulator once, then read from a cache."""

import hashlib
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES

__all__ = ["SIMULATED", "cache_folder", "load_simulated"]

SIMULATED = ("sim_matek", "sim_acevedo", "sim_mll")
"""The simulated laboratories; in the course the first two train and the third stays unseen."""


def cache_folder() -> Path:
    """Where simulated sets are kept: ``$WBC_TUTORIAL_CACHE``, else the user's cache folder."""
    import pooch

    return Path(os.environ.get("WBC_TUTORIAL_CACHE") or pooch.os_cache("wbc_tutorial"))


def _simulate_or_read(laboratory: str, counts, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One laboratory from the cache, or simulated and then kept; a cache that fails is never fatal."""
    from wbc_tutorial.data import simulator

    code = b"".join(path.read_bytes() for path in sorted(Path(simulator.__file__).parent.glob("*.py")))
    key = hashlib.sha256(code + repr((laboratory, tuple(counts), seed, size)).encode()).hexdigest()[:16]
    path = cache_folder() / f"{laboratory}-{size}px-{key}.npz"
    images = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # two notebooks started together: one draws, the other waits
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                    return stored["images"], stored["labels"]
            except Exception:  # absent, or not readable: draw
                images, labels = simulator.simulate_laboratory(laboratory, counts=counts, seed=seed, size=size)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
                np.savez(file, images=images, labels=labels)
            os.replace(file.name, path)
    except OSError as error:
        if images is None:
            images, labels = simulator.simulate_laboratory(laboratory, counts=counts, seed=seed, size=size)
        warnings.warn(f"simulated cells are not cached: {error}; set WBC_TUTORIAL_CACHE to a folder", stacklevel=3)
    return images, labels


def load_simulated(
    laboratories: Sequence[str] = SIMULATED,
    *,
    size: int = 64,
    seed: int = 0,
    counts: Mapping[str, Sequence[int]] | None = None,
) -> CellImages:
    """Load simulated smears: drawn once in about 20 s, then read from a cache.

    Parameters
    ----------
    laboratories : sequence of str
        Keys of `LABORATORIES` that are simulated, in the order of the domains.
    size : int
        Side of an image, pixels; it always shows 25 um.
    seed : int
        Another seed gives other cells.
    counts : mapping of str to 13 int, optional
        Images per class for a laboratory; default: ``LABORATORIES[name].counts``.
    """
    known = [name for name, laboratory in LABORATORIES.items() if laboratory.simulated]
    unknown = [name for name in laboratories if name not in known]
    if unknown or not len(laboratories) or len(set(laboratories)) < len(laboratories):
        raise ValueError(f"laboratories {list(laboratories)}: expected one or more of {known}, each once")
    parts = [
        _simulate_or_read(name, (counts or {}).get(name, LABORATORIES[name].counts), seed, size)
        for name in laboratories
    ]
    return CellImages(
        images=np.ascontiguousarray(np.concatenate([images for images, _ in parts]).transpose(0, 3, 1, 2)),
        labels=np.concatenate([labels for _, labels in parts]),
        domains=np.repeat(np.arange(len(parts)), [len(labels) for _, labels in parts]),
        domain_names=tuple(laboratories),
        um_per_px=FIELD_UM / size,
        provenance={"source": "simulated", "seed": seed, "size": size},
    )
