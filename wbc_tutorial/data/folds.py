"""Folds: training and validation rows, stratified by class, with slides and patients kept whole."""

import warnings

import numpy as np

from wbc_tutorial.data.cell_images import CellImages, check_cells
from wbc_tutorial.data.checks import whole_number

__all__ = ["SplitWarning", "folds"]

Split = tuple[np.ndarray, np.ndarray]


class SplitWarning(UserWarning):
    """The folds are sound, but one of them trains without a class that a laboratory has."""


def folds(cells: CellImages, n_folds: int = 5, *, seed: int = 0) -> list[Split]:
    """Split into training and validation rows, stratified by class inside each laboratory.

    Where a laboratory knows its groups (slides, patients), a group never stands on both sides. Where it knows none, it
    is split by image; such folds are optimistic, since two cells of one patient may stand on both sides. No image is
    dropped: a class with fewer images than folds is validated in as many folds as it has images. Where whole groups
    cannot be spread over the folds and keep the shares of the classes, they are spread by their sizes alone.

    All folds are checked here, before anything is trained.

    Parameters
    ----------
    cells : CellImages
    n_folds : int, default=5
        2 or more.
    seed : int, default=0
        Another seed gives other folds.

    Returns
    -------
    list of (training rows, validation rows)
        Sorted int64 indices into `cells`, one pair for each fold. Every image is validated exactly once.

    Raises
    ------
    ValueError
        A laboratory has too few images or groups, or knows the groups of some of its images and not of the others.

    Warns
    -----
    SplitWarning
        All images of a class lie in one group of a laboratory: in the fold that holds this group out, the laboratory
        gives no training image of the class. Said once for all laboratories and classes.

    Notes
    -----
    Stratified by scikit-learn's ``StratifiedKFold`` and ``StratifiedGroupKFold``.

    Examples
    --------
    >>> cells = CellImages(np.zeros((6, 3, 4, 4), np.uint8), [0, 0, 0, 1, 1, 1], [0] * 6, domain_names=("a",))
    >>> [held.size for _, held in folds(cells, 3)]
    [2, 2, 2]
    """
    check_cells(cells)
    n_folds = whole_number("n_folds", n_folds, least=2, what="a whole number of folds")
    training: list[list[np.ndarray]] = [[] for _ in range(n_folds)]
    validation: list[list[np.ndarray]] = [[] for _ in range(n_folds)]
    in_one_group = []
    for domain, name in enumerate(cells.domain_names):
        rows = np.flatnonzero(cells.domains == domain)
        if not len(rows) and len(cells):
            continue  # a name that a subset has kept
        labels, groups = cells.labels[rows], _groups(name, cells.groups[rows])
        parts = _split(name, labels, groups, n_folds, seed)
        if groups is not None:
            in_one_group += [f"{cells.classes[c]} of {name} ({group})" for c, group in _sole_groups(labels, groups)]
        for fold, (train, held) in enumerate(parts):
            training[fold].append(rows[train])
            validation[fold].append(rows[held])
    if in_one_group:
        warnings.warn(
            f"classes whose images all lie in one group: {', '.join(in_one_group)}; in the fold that holds this group "
            "out, the laboratory gives no training image of the class",
            SplitWarning,
            stacklevel=2,
        )
    return [
        (np.sort(np.concatenate(train)), np.sort(np.concatenate(held)))
        for train, held in zip(training, validation, strict=True)
    ]


def _groups(name: str, groups: np.ndarray) -> np.ndarray | None:
    """Return the groups of one laboratory, or None where it knows none."""
    blank = int(sum(not group.strip() for group in groups))
    if blank == len(groups):
        return None
    if blank:
        raise ValueError(
            f"{name}: {blank} of {len(groups)} images have no group, the others have one, so that a slide or patient "
            "could stand on both sides of a fold; write the slide or patient of every image into the column group of "
            "cells.csv, or leave the whole column blank"
        )
    return groups


def _split(name: str, labels: np.ndarray, groups: np.ndarray | None, n_folds: int, seed: int) -> list[Split]:
    """Split one laboratory's images; the rows count within the laboratory."""
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    n = len(labels)
    if n < n_folds:
        raise ValueError(
            f"{name} has {n} image{'s' * (n != 1)}: too few for {n_folds} folds, which need one each; add images, or "
            "leave the laboratory out"
        )
    n_groups = n if groups is None else len(set(groups))
    if n_groups < n_folds:
        raise ValueError(
            f"{name} has {n_groups} group{'s' * (n_groups != 1)} (slides, patients): too few for {n_folds} folds "
            "that keep groups whole; add groups, or leave the group column empty to split by image"
        )
    stratified = np.bincount(labels).max() >= n_folds  # else every class is rarer than the folds
    chance = {"shuffle": True, "random_state": seed}
    if groups is None:
        splitters = [(StratifiedKFold if stratified else KFold)(n_folds, **chance)]
    else:
        splitters = [StratifiedGroupKFold(n_folds, **chance)] if stratified else []
        splitters.append(GroupKFold(n_folds))
    for splitter in splitters:
        with warnings.catch_warnings():  # of classes rarer than the folds: meant here, see the docstring of `folds`
            warnings.simplefilter("ignore", UserWarning)
            parts = list(splitter.split(np.zeros(n), labels, groups))
        if all(len(train) and len(held) for train, held in parts):
            return parts
    raise ValueError(f"{name}: its {n} images cannot be split into {n_folds} folds without an empty one; ask for fewer")


def _sole_groups(labels: np.ndarray, groups: np.ndarray) -> list[tuple[int, str]]:
    """Return (class, group) for each class whose images all lie in one group."""
    found = []
    for label in np.unique(labels):
        its_groups = set(groups[labels == label])
        if len(its_groups) == 1:
            found.append((int(label), its_groups.pop()))
    return found
