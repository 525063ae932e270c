"""Floor 3, the problems in numbers: imbalance, label divergence, and how far laboratories look apart."""

import numpy as np

__all__ = [
    "SHOT_GROUPS",
    "colour_statistics",
    "imbalance_ratio",
    "label_divergence",
    "light_absorbed",
    "shot_groups",
]

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


def colour_statistics(images) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each colour channel in [0, 1], over all pixels of uint8 images (N, 3, S, S)."""
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != np.uint8:
        raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 (N, 3, S, S)")
    values = np.moveaxis(images, 1, 0).reshape(3, -1)
    histograms = np.stack([np.bincount(channel, minlength=256) for channel in values]) / values.shape[1]
    levels = np.arange(256) / 255
    mean = histograms @ levels
    return mean, np.sqrt(np.maximum(histograms @ levels**2 - mean**2, 0))


def light_absorbed(images, background=240) -> np.ndarray:
    """Optical density OD = -log10(I / I0) per channel (Beer-Lambert), float64, same shape as `images`.

    Stain adds in optical density and multiplies in intensity. I = 0 is read as 1, I above I0 gives 0.
    """
    intensity = np.clip(np.asarray(images, dtype=np.float64), 1, None)
    return np.maximum(-np.log10(intensity / background), 0)
