"""Counts: how unequal the classes are, and how differently two laboratories mix them."""

import numpy as np

__all__ = ["SHOT_GROUPS", "imbalance_ratio", "label_divergence", "shot_groups"]

SHOT_GROUPS = ("many", "medium", "few", "zero")


def _counts(counts) -> np.ndarray:
    counts = np.asarray(counts)
    if counts.size == 0 or np.any(counts < 0):
        raise ValueError(f"counts {counts.tolist()}: expected one or more numbers of images, none negative")
    return counts


def imbalance_ratio(counts) -> float:
    """Images of the largest class over images of the smallest class that exists.

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
