"""Simulated cells: drawn by the simulator once, then read from a cache."""

import hashlib
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import PIL
import scipy
from filelock import FileLock

from wbc_tutorial.data import simulator
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.data.counts import counts_by_class
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES

__all__ = ["SIMULATED", "cache_folder", "load_simulated"]

SIMULATED = ("sim_matek", "sim_acevedo", "sim_mll")
"""The simulated laboratories; in the course the first two train and the third stays unseen."""

_DECIDING = ("simulator/*.py", "classes.py", "laboratories.py")
"""The code that decides what is drawn: the cells' shapes and sizes, the laboratories' looks."""


def cache_folder() -> Path:
    """Return where simulated sets are kept: ``$WBC_TUTORIAL_CACHE``, else the user's cache folder."""
    import pooch

    return Path(os.environ.get("WBC_TUTORIAL_CACHE") or pooch.os_cache("wbc_tutorial"))


def load_simulated(
    laboratories: str | Sequence[str] = SIMULATED,
    *,
    size: int = 64,
    seed: int = 0,
    counts: Mapping[str, Sequence[int] | Mapping[str, int]] | None = None,
) -> CellImages:
    """Load simulated smears: drawn once in about 20 s, then read from a cache.

    Parameters
    ----------
    laboratories : str or sequence of str, default=SIMULATED
        One or more of the three simulated laboratories, in the order of the domains.
    size : int, default=64
        Side of an image, pixels, 8 or more; it always shows 25 um.
    seed : int, default=0
        Another seed gives other cells.
    counts : mapping, default=None
        Laboratory -> images per class, as `counts_by_class` takes them: 13 numbers, or a mapping of class names or
        codes to numbers. A laboratory that is not in it has ``LABORATORIES[name].counts``.

    Raises
    ------
    ValueError
        A laboratory that is unknown, real, or named twice; `counts` of a laboratory that is not loaded; a number that
        is no whole number.

    See Also
    --------
    load_prepared : real cells.

    Examples
    --------
    >>> load_simulated("sim_mll", size=16, counts={"sim_mll": {"NGS": 2, "MON": 1}})
    CellImages(3 images of 16 px, 13 classes, domains sim_mll, simulated)
    """
    names = (laboratories,) if isinstance(laboratories, str) else tuple(laboratories)
    if not names or len(set(names)) < len(names) or not set(names) <= set(SIMULATED):
        raise ValueError(f"laboratories {list(names)}: expected one or more of {', '.join(SIMULATED)}, each once")
    size = whole_number("size", size, least=8, what="a whole number of pixels")
    seed = whole_number("seed", seed)
    given = {} if counts is None else counts
    if not isinstance(given, Mapping) or not set(given) <= set(names):
        what = f"counts of {', '.join(map(str, given))}" if isinstance(given, Mapping) else f"counts {given!r}"
        raise ValueError(f"{what}: expected a mapping with laboratories that are loaded, {', '.join(names)}")
    wanted = {name: counts_by_class(given.get(name, LABORATORIES[name].counts)) for name in names}
    parts = [_draw_or_read(name, numbers, seed, size) for name, numbers in wanted.items()]
    return CellImages(
        images=np.ascontiguousarray(np.concatenate([images for images, _ in parts]).transpose(0, 3, 1, 2)),
        labels=np.concatenate([labels for _, labels in parts]),
        domains=np.repeat(np.arange(len(parts)), [len(labels) for _, labels in parts]),
        domain_names=names,
        um_per_px=FIELD_UM / size,
        provenance={"source": "simulated", "seed": seed, "size": size},
    )


def _draw_or_read(laboratory: str, counts: tuple[int, ...], seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a laboratory's images and labels from the cache, or draw and keep them; a cache never stops anyone."""
    drawn = None
    try:
        path = cache_folder() / f"{laboratory}-{size}px-{_key(laboratory, counts, seed, size)}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):  # two notebooks started together: one draws, the other waits
            kept = _read(path, (sum(counts), size, size, 3))
            if kept is not None:
                return kept
            drawn = simulator.simulate_laboratory(laboratory, counts=counts, seed=seed, size=size)
            _keep(path, *drawn)
    except (OSError, NotImplementedError) as error:  # NotImplementedError: a file system without locks
        warnings.warn(f"simulated cells are not cached: {error}; set WBC_TUTORIAL_CACHE to a folder", stacklevel=3)
    return drawn or simulator.simulate_laboratory(laboratory, counts=counts, seed=seed, size=size)


def _key(laboratory: str, counts: tuple[int, ...], seed: int, size: int) -> str:
    """Return digits that change with everything that decides the drawing: arguments, code, versions beneath it."""
    room = Path(__file__).parent
    sources = [path for pattern in _DECIDING for path in sorted(room.glob(pattern))]
    sha = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    versions = np.__version__, scipy.__version__, PIL.__version__
    sha.update(repr((laboratory, counts, seed, size, versions)).encode())
    return sha.hexdigest()[:16]


def _read(path: Path, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    """Read what was kept; None where nothing readable is there."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            images, labels = stored["images"], stored["labels"]
    except Exception:  # absent, cut off or damaged: it is drawn again
        return None
    return (images, labels) if images.shape == shape and images.dtype == np.uint8 else None


def _keep(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write to a file beside `path`, closed before it takes the name, and leave nothing behind if that fails."""
    part = path.with_suffix(".part")  # one name is enough: the caller holds the lock
    try:
        with part.open("wb") as file:
            np.savez(file, images=images, labels=labels)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
