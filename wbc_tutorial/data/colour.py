"""Colour: what a set of pictures looks like on average, and how much light its cells absorb."""

import numpy as np

__all__ = ["colour_statistics", "light_absorbed"]

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
