"""Intervals: how far a mean difference of few runs could be off, and a score of few images."""

from numbers import Real

import numpy as np

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.evaluation.metrics import confusion

__all__ = ["image_interval", "paired_interval"]

ENOUGH_GROUPS = 10
"""Slides or patients from which whole groups are drawn; with fewer, single images are."""


def paired_interval(differences, *, level: float = 0.95, test_per_training: float = 0.0) -> tuple[float, float]:
    r"""Compute the interval of a mean difference between two methods, from one difference per fold.

    .. math:: \bar d \pm t_{k-1,(1+\text{level})/2} \; s \, \sqrt{\frac1k + r}

    with :math:`k` folds, :math:`\bar d` and :math:`s` the mean and the standard deviation (ddof = 1) of the differences
    of the folds, and :math:`r` = `test_per_training`. Seeds of one fold share its images, so they are averaged first:
    they are not further folds.

    Parameters
    ----------
    differences : float (k,) or (k, seeds)
        One difference per fold, or per fold and seed; NaN = that run is missing.
    level : float in (0, 1), default=0.95
        How often the interval should hold the true mean difference.
    test_per_training : float, default=0.0
        Test images per training image of a fold, such as 1/4 with five folds: the correction of Nadeau and Bengio for
        folds that share training images. 0 = Student's interval, which takes the differences as independent: right for
        one difference per laboratory, somewhat narrow for folds of one set of images. Say which of the two you show.

    Returns
    -------
    low, high : float
        NaN for fewer than three folds: too few to say how much they vary.

    Raises
    ------
    ValueError
        Differences of another shape or infinite, or a number out of range.

    Notes
    -----
    With independent normal differences it covers at the stated level for any number of folds. Resampling the runs
    (bootstrap) covers 75 % with three folds and 83 % with five where 95 % is said; the t interval over all runs of
    five folds x three seeds covers 81 %. What no interval over folds holds: how far the result would move with other
    test images, or in another laboratory.

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.

    Examples
    --------
    >>> low, high = paired_interval([0.02, 0.01, 0.03, 0.02, 0.02])
    >>> round(low, 4), round(high, 4)
    (0.0112, 0.0288)
    >>> low, high = paired_interval([0.02, 0.01, 0.03, 0.02, 0.02], test_per_training=1 / 4)
    >>> round(low, 4), round(high, 4)
    (0.0068, 0.0332)
    >>> paired_interval([0.02, 0.01])
    (nan, nan)
    """
    from scipy import stats

    folds = _folds(differences)
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"level is {level!r}; expected a number between 0 and 1, such as 0.95")
    if not isinstance(test_per_training, Real) or not 0 <= test_per_training < np.inf:
        raise ValueError(f"test_per_training is {test_per_training!r}; expected 0 or more, such as 1/4 with five folds")
    if len(folds) < 3:
        return float("nan"), float("nan")
    width = folds.std(ddof=1) * np.sqrt(1 / len(folds) + test_per_training)
    half = stats.t.ppf((1 + level) / 2, len(folds) - 1) * width
    return float(folds.mean() - half), float(folds.mean() + half)


def image_interval(
    truth, predicted, n_classes: int, *, groups=None, level: float = 0.95, n_resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    r"""Compute the interval of F1-macro over other images of the same laboratory: the percentile bootstrap.

    Images are drawn with replacement, as many as there are, and F1-macro over the classes present in each draw is
    computed; the interval holds the middle part `level` of these scores. Where there are ten slides or patients or
    more, whole groups are drawn: images of one slide are alike.

    Parameters
    ----------
    truth, predicted : int (N,)
        Class numbers, 0 to ``n_classes - 1``.
    n_classes : int
        C.
    groups : sequence (N,), default=None
        Slide or patient of each image; an empty name is a group like any other.
    level : float in (0, 1), default=0.95
    n_resamples : int, default=1000
    seed : int, default=0
        Of the draws.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        Arrays that do not fit together, or a number out of range.

    See Also
    --------
    paired_interval : over folds or laboratories, for a difference between two methods.

    Notes
    -----
    It says how far a score moves with other cells from the same laboratory, and nothing about another laboratory. With
    classes of a few images it is wide: each of two basophils decides half of one class.

    Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapters 13 and 16.

    Examples
    --------
    >>> low, high = image_interval([0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 1], 2)
    >>> round(low, 2), round(high, 2)
    (0.4, 1.0)
    """
    if not isinstance(level, Real) or not 0 < level < 1:
        raise ValueError(f"level is {level!r}; expected a number between 0 and 1, such as 0.95")
    whole_number("n_resamples", n_resamples, least=1)
    whole = confusion(truth, predicted, n_classes)
    generator = np.random.default_rng(whole_number("seed", seed))
    names = np.zeros(0) if groups is None else np.asarray(groups)
    if groups is not None and len(names) != len(np.asarray(truth)):
        raise ValueError(f"{len(names)} groups for {len(np.asarray(truth))} images: expected one group per image")
    if len(np.unique(names)) < ENOUGH_GROUPS:
        n = int(whole.sum())
        draws = generator.multinomial(n, whole.ravel() / n, size=n_resamples).reshape(-1, n_classes, n_classes)
    else:
        _, group = np.unique(names, return_inverse=True)
        each = np.zeros((group.max() + 1, n_classes, n_classes), dtype=np.int64)
        np.add.at(each, (group, np.asarray(truth), np.asarray(predicted)), 1)
        times = generator.multinomial(len(each), np.full(len(each), 1 / len(each)), size=n_resamples)
        draws = np.einsum("rg,gij->rij", times, each)
    low, high = np.quantile(_macro(draws), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _macro(tables: np.ndarray) -> np.ndarray:
    """Return F1-macro over the classes present in the truth for each matrix of (R, C, C), whose rows are the truth."""
    hits, present = np.diagonal(tables, axis1=1, axis2=2), tables.sum(axis=2)
    f1 = 2 * hits / np.maximum(present + tables.sum(axis=1), 1)
    return (f1 * (present > 0)).sum(axis=1) / (present > 0).sum(axis=1)


def _folds(differences) -> np.ndarray:
    """Return one difference per fold, those without any run left out, or say what is wrong."""
    try:
        runs = np.asarray(differences, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"differences are a {type(differences).__name__} that makes no table of numbers; expected (folds,) or "
            "(folds, seeds), with NaN for a missing run"
        ) from None
    if runs.ndim not in (1, 2) or np.isinf(runs).any():
        raise ValueError(f"differences have shape {runs.shape}; expected finite numbers, (folds,) or (folds, seeds)")
    if runs.ndim == 2:
        there = ~np.isnan(runs)
        sums, n = np.where(there, runs, 0).sum(axis=1), there.sum(axis=1)
        return sums[n > 0] / n[n > 0]
    return runs[~np.isnan(runs)]
