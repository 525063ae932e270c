"""Floor 2, where cells come from: simulated or prepared from real folders, and how they are split into folds."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from wbc_tutorial.cell_images import CellImages, StoredImages, concatenate
from wbc_tutorial.cells import CLASSES, COARSE, COARSE_CLASSES
from wbc_tutorial.laboratories import FIELD_UM, LABORATORIES

__all__ = ["SIMULATED", "CellImages", "concatenate", "folds", "load_prepared", "load_simulated"]

SIMULATED = ("sim_matek", "sim_acevedo", "sim_mll")
"""The simulated laboratories; in the course the first two train and the third stays unseen."""


def cache_folder() -> Path:
    """Where simulated sets are kept: ``$WBC_TUTORIAL_CACHE``, else the user's cache folder."""
    import pooch

    return Path(os.environ.get("WBC_TUTORIAL_CACHE") or pooch.os_cache("wbc_tutorial"))


def _simulate_or_read(laboratory: str, counts, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """One laboratory from the cache, or simulated and then kept; a cache that fails is never fatal."""
    from wbc_tutorial import simulator

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


def load_prepared(folder: str | Path, *, classes: Sequence[str] = CLASSES, domains: Sequence[str] = ()) -> CellImages:
    """Read a folder written by ``data_scripts/prepare.py``; images stay on disk until they are used.

    Parameters
    ----------
    folder : path
        Holds ``images.npy`` (uint8 N, S, S, 3), ``cells.csv`` and ``set.json``.
    classes : sequence of str
        The label space: `CLASSES` (13), `CLASSES_11`, `COARSE_CLASSES` (5) or a part of them. Cells of other classes
        are left out and counted in ``provenance["left_out"]``.
    domains : sequence of str
        Laboratories to keep, in this order; default: all, in the order of their first image.

    Raises
    ------
    FileNotFoundError, ValueError
        When a file is missing, or the three files contradict one another.
    """
    folder, classes = Path(folder), tuple(classes)
    for name in ("images.npy", "cells.csv", "set.json"):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder / name} is missing: a prepared set holds images.npy, cells.csv and set.json; "
                "make one with data_scripts/prepare.py"
            )
    try:
        stack = np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False)
        facts = json.loads((folder / "set.json").read_text())
        table = pd.read_csv(folder / "cells.csv", dtype=str, keep_default_na=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{folder} cannot be read ({error}): prepare it again") from error
    missing = {"label", "domain", "group"} - set(table.columns)
    if missing or stack.ndim != 4 or stack.dtype != np.uint8 or len(stack) != len(table):
        raise ValueError(
            f"{folder}: images.npy is {stack.dtype} {stack.shape}, cells.csv has {len(table)} rows and lacks "
            f"{sorted(missing) or 'no column'}; they do not belong together: prepare the set again"
        )
    coarse = classes == COARSE_CLASSES
    unknown = sorted(set(table.label) - set(CLASSES) - set(COARSE))
    if unknown:
        raise ValueError(f"{folder / 'cells.csv'} has unknown labels {unknown}; expected names of cells.CLASSES")
    names = table.label.map(COARSE) if coarse else table.label
    domain_names = tuple(domains) or tuple(dict.fromkeys(table.domain))
    absent = set(domain_names) - set(table.domain)
    if absent:
        raise ValueError(f"{folder} has no domain {sorted(absent)}; it holds {sorted(set(table.domain))}")
    here = table.domain.isin(domain_names)
    rows = np.flatnonzero(here & names.isin(classes))
    left_out = table.label[here & ~names.isin(classes)].value_counts().to_dict()
    if not len(rows):
        raise ValueError(f"{folder} holds no image of the classes {', '.join(classes)}")
    return CellImages(
        images=StoredImages((stack,), np.zeros(len(rows), dtype=np.int64), rows),
        labels=names.iloc[rows].map({name: i for i, name in enumerate(classes)}).to_numpy(np.int64),
        domains=table.domain.iloc[rows].map({name: i for i, name in enumerate(domain_names)}).to_numpy(np.int64),
        groups=table.group.to_numpy(dtype=object)[rows],
        classes=classes,
        domain_names=domain_names,
        um_per_px=float(facts.get("um_per_px") or np.nan),
        provenance={"source": "prepared", "digest": facts.get("digest", ""), "left_out": left_out},
    )


def folds(cells: CellImages, n_folds: int = 5, *, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split into (training rows, validation rows), stratified by class inside each laboratory.

    Where a laboratory knows its groups (slides), a group never stands on both sides. No image is dropped: a class
    with fewer images than folds is validated in as many folds as it has images. Public sets carry no patient ids, so
    folds by image are optimistic: two cells of one patient may stand on both sides.
    """
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    if n_folds < 2:
        raise ValueError(f"n_folds is {n_folds}; expected 2 or more")
    splits = [([], []) for _ in range(n_folds)]
    for domain, name in enumerate(cells.domain_names):
        rows = np.flatnonzero(cells.domains == domain)
        if len(rows) < n_folds:
            raise ValueError(f"{name} has {len(rows)} images: too few for {n_folds} folds")
        groups = cells.groups[rows]
        grouped = bool(np.all(groups != ""))
        if grouped and len(set(groups)) < n_folds:
            raise ValueError(f"{name} has {len(set(groups))} groups: too few for {n_folds} folds")
        if np.bincount(cells.labels[rows]).max() >= n_folds:
            splitter = (StratifiedGroupKFold if grouped else StratifiedKFold)(n_folds, shuffle=True, random_state=seed)
        else:  # every class is rarer than the folds: nothing to stratify
            splitter = GroupKFold(n_folds) if grouped else KFold(n_folds, shuffle=True, random_state=seed)
        with warnings.catch_warnings():  # scikit-learn warns of classes rarer than the folds: meant here, see above
            warnings.simplefilter("ignore", UserWarning)
            parts = list(splitter.split(rows, cells.labels[rows], groups))
        for (train, validation), (train_part, validation_part) in zip(splits, parts, strict=True):
            train.append(rows[train_part])
            validation.append(rows[validation_part])
    return [(np.sort(np.concatenate(train)), np.sort(np.concatenate(held))) for train, held in splits]
