"""Colour: what a set of pictures looks like on average."""

import numpy as np

__all__ = ["colour_statistics"]


def colour_statistics(images) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each colour channel over all pixels, in [0, 1].

    Parameters
    ----------
    images : uint8 (N, 3, S, S)
        One image or more.

    Returns
    -------
    mean, std : float64 (3,)

    Raises
    ------
    ValueError
        No images, or not of that type and shape.

    Examples
    --------
    >>> mean, std = colour_statistics(np.full((2, 3, 4, 4), 51, dtype=np.uint8))
    >>> mean.round(6).tolist(), std.round(6).tolist()
    ([0.2, 0.2, 0.2], [0.0, 0.0, 0.0])
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != np.uint8 or not images.size:
        raise ValueError(f"images are {images.dtype} {images.shape}; expected uint8 (N, 3, S, S), one or more")
    values = np.moveaxis(images, 1, 0).reshape(3, -1)
    histograms = np.stack([np.bincount(channel, minlength=256) for channel in values]) / values.shape[1]
    levels = np.arange(256) / 255
    mean = histograms @ levels
    return mean, np.sqrt(np.maximum(histograms @ levels**2 - mean**2, 0))
