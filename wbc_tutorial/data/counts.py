"""Counts: images per class, how unequal they are, and how differently two laboratories mix them."""

from collections.abc import Mapping, Sequence

import numpy as np

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.data.classes import CLASSES, find_class

__all__ = ["SHOT_GROUPS", "counts_by_class", "imbalance_ratio", "label_divergence", "shot_groups"]

SHOT_GROUPS = ("many", "medium", "few", "zero")
"""The groups of `shot_groups`, from the largest classes to those without an image."""


def counts_by_class(counts: Sequence[int] | Mapping[str, int]) -> tuple[int, ...]:
    """Return 13 counts in the order of `CLASSES`.

    Parameters
    ----------
    counts : sequence of 13 int, or mapping of str to int
        Images per class. A mapping names the classes by name or code, in any case; a class that it leaves out gets 0.

    Raises
    ------
    ValueError
        Not 13 numbers, a number that is no whole number or negative, an unknown class, or a class named twice.

    Examples
    --------
    >>> counts_by_class({"basophil": 3, "KSC": 1})
    (3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    """
    what = f"one of {len(CLASSES)} whole numbers, one for each class"
    if isinstance(counts, Mapping):
        named = {find_class(name, CLASSES): n for name, n in counts.items()}
        if len(named) < len(counts):
            raise ValueError(f"counts name a class twice: {', '.join(counts)}; expected each class once")
        counts = [named.get(name, 0) for name in CLASSES]
    if isinstance(counts, str) or not hasattr(counts, "__len__") or len(counts) != len(CLASSES):
        raise ValueError(f"counts are {counts!r}: expected {len(CLASSES)} whole numbers, 0 or more, one for each class")
    return tuple(whole_number("a count", n, what=what) for n in counts)


def _counts(counts) -> np.ndarray:
    """Return a list of counts as an array, or say what is wrong with it."""
    try:
        numbers = np.asarray(counts, dtype=np.float64)
    except (TypeError, ValueError):  # text, None, rows of different lengths
        numbers = np.empty(0)
    if not numbers.ndim or not numbers.size or not np.isfinite(numbers).all() or (numbers < 0).any():
        raise ValueError(f"counts {counts!r}: expected one or more numbers of images, none negative")
    return np.asarray(counts)


def imbalance_ratio(counts) -> float:
    """Images of the largest class over images of the smallest class that exists.

    Parameters
    ----------
    counts : array-like of int
        Images per class.

    Raises
    ------
    ValueError
        No image at all, or a negative count.

    See Also
    --------
    shot_groups : which classes are rare.

    Examples
    --------
    >>> imbalance_ratio([8484, 11, 0])
    771.2727272727273
    """
    counts = _counts(counts)
    if not counts.any():
        raise ValueError("all counts are 0: there is no class to compare")
    return float(counts.max() / counts[counts > 0].min())


def shot_groups(counts) -> np.ndarray:
    """Group classes by training images: many (n > 100), medium (20 < n <= 100), few (0 < n <= 20), zero (n = 0).

    Parameters
    ----------
    counts : array-like of int
        Training images per class.

    Returns
    -------
    ndarray of str, of the shape of `counts`
        One of `SHOT_GROUPS` for each class.

    Raises
    ------
    ValueError
        No count, or a negative one.

    Notes
    -----
    Source: Yang, Xu and Katabi, "On multi-domain long-tailed recognition", ECCV 2022 (supplement).

    Examples
    --------
    >>> shot_groups([101, 100, 20, 0]).tolist()
    ['many', 'medium', 'few', 'zero']
    """
    counts = _counts(counts)
    return np.select([counts > 100, counts > 20, counts > 0], SHOT_GROUPS[:3], default="zero")


def label_divergence(counts_a, counts_b) -> float:
    """Jensen-Shannon divergence of two label distributions in bits: 0 = the same mix, 1 = no class in common.

    JSD(p, q) = H((p + q) / 2) - (H(p) + H(q)) / 2, with p, q the counts divided by their sums.

    Parameters
    ----------
    counts_a, counts_b : array-like of int
        Images per class of two laboratories, the same classes in the same order.

    Raises
    ------
    ValueError
        Different numbers of classes, or a laboratory without images.

    Notes
    -----
    Source: Lin, "Divergence measures based on the Shannon entropy", IEEE Trans. Inf. Theory 37 (1991).

    Examples
    --------
    >>> label_divergence([10, 30], [1, 3]), label_divergence([5, 0], [0, 5])
    (0.0, 1.0)
    """
    from scipy.spatial.distance import jensenshannon

    a, b = _counts(counts_a), _counts(counts_b)
    if a.shape != b.shape or not a.any() or not b.any():
        raise ValueError(f"counts of shape {a.shape} and {b.shape}: expected the same classes, and images in both")
    return float(jensenshannon(a, b, base=2) ** 2)
