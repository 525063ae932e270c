"""The predictions of the runs, read from a results folder; what cannot be read is left out and named."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax

from wbc_tutorial.data.classes import find_class
from wbc_tutorial.experiments.store import read_predictions
from wbc_tutorial.report.text import methods_of

__all__ = ["of_all_runs", "of_run", "one_after_the_other", "with_names"]

PER_IMAGE = ("logits", "truth", "domains", "unseen")


def of_run(folder: Path, method: str, fold: int, seed: int) -> dict[str, np.ndarray]:
    """Read the predictions of one run, and check that they are what they are called.

    Parameters
    ----------
    folder : Path
        Of the results.
    method : str
    fold, seed : int

    Returns
    -------
    dict
        As `read_predictions` returns it, ``classes`` as a list of str.

    Raises
    ------
    FileNotFoundError, ValueError
        A file that is missing, cut, or holds something else.
    """
    path = folder / name_of(method, fold, seed)
    stored = read_predictions(path)
    missing = [key for key in (*PER_IMAGE, "classes") if key not in stored]
    if missing:
        raise ValueError(f"{path} lacks {', '.join(missing)}")
    n, shape = len(stored["truth"]), (len(stored["truth"]), len(stored["classes"]))
    if stored["logits"].shape != shape or any(len(stored[key]) != n for key in PER_IMAGE):
        raise ValueError(f"{path}: logits are {stored['logits'].shape}; expected {shape}, and {n} of all others")
    if not np.isin(stored["truth"], np.arange(shape[1])).all():
        raise ValueError(f"{path}: a class number is outside 0 to {shape[1] - 1}")
    return stored | {"classes": [find_class(str(name)) for name in stored["classes"]]}


def name_of(method: str, fold: int, seed: int) -> str:
    """Return the path of a run's predictions inside the results folder."""
    return f"predictions/{method}-fold{fold}-seed{seed}.npz"


def of_all_runs(folder: Path, rows: pd.DataFrame) -> tuple[dict[str, dict], list[str]]:
    """Join the predictions of the runs that all methods have, one run after the other.

    Parameters
    ----------
    folder : Path
        Of the results.
    rows : DataFrame
        The runs to read: folds and seeds that all methods have.

    Returns
    -------
    stored : dict
        Method -> predictions, as `with_names` returns them; a method of which no run can be read is not there.
    unread : list of str
        Files that are missing or cannot be read.
    """
    read, unread = {}, []
    for method in methods_of(rows):
        for fold, seed in rows[rows.method == method][["fold", "seed"]].drop_duplicates().itertuples(index=False):
            try:
                read.setdefault(method, {})[fold, seed] = of_run(folder, method, fold, seed)
            except (OSError, ValueError):
                unread.append(name_of(method, fold, seed))
    read = {method: runs for method, runs in read.items() if runs}
    common = set.intersection(*map(set, read.values())) if read else set()
    if not common:
        return {}, unread
    return {method: _joined([runs[run] for run in sorted(common)]) for method, runs in read.items()}, unread


def _joined(parts: list[Mapping]) -> dict:
    kept = [key for key in (*PER_IMAGE, "image") if all(key in part for part in parts)]
    return with_names({key: np.concatenate([part[key] for part in parts]) for key in kept}, parts[0]["classes"])


def with_names(stored: dict, classes: list[str]) -> dict:
    """Add to predictions the class that each image is given, and how sure the network was.

    Parameters
    ----------
    stored : dict
        With ``logits`` (N, C).
    classes : list of str
        C names.

    Returns
    -------
    dict
        Also ``classes``, ``predicted`` (N,) and ``confidence`` (N,), the highest probability.
    """
    sure = softmax(np.float64(stored["logits"]), axis=1).max(axis=1) if len(stored["logits"]) else np.empty(0)
    return stored | {"classes": classes, "predicted": stored["logits"].argmax(axis=1), "confidence": sure}


def one_after_the_other(parts: list[tuple[dict[str, dict], int]]) -> dict[str, dict]:
    """Join the predictions of several experiments, of the methods that all have.

    Parameters
    ----------
    parts : list of (dict, int)
        Of each experiment what `of_all_runs` returned first, and how many images its cells are: those of the next one
        are counted from there on.
    """
    methods = [method for method in parts[0][0] if all(method in stored for stored, _ in parts)]
    starts = np.cumsum([0] + [n for _, n in parts[:-1]])
    joined = {}
    for method in methods:
        of_method = [dict(stored[method]) for stored, _ in parts]
        for each, start in zip(of_method, starts, strict=True):
            if "image" in each:
                each["image"] = each["image"] + int(start)
        joined[method] = _joined(of_method)
    return joined
