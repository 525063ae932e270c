"""Near-duplicates: pictures that show the same cell though their bytes differ, found by a hash and by correlation.

The thresholds were measured on 25,552 prepared cells of four laboratories (64 px, 25 um). Cells that were saved again
as JPEG of quality 30, 50, 75 and 95 differ in 4 bits at most and correlate at .954 or more. 600 cells that were
enlarged by 5 %, saved as JPEG of quality 70 and cut to the same number of pixels again are found, all of them; of those
that were enlarged by 8 %, 97 %. Of the 169 million pairs of cells from two laboratories, which cannot be the same cell,
none is found. What is found inside a laboratory are cells that were photographed twice, such as by two microscopes.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

__all__ = ["MAX_DISTANCE", "MIN_CORRELATION", "Appearance", "appearance_of", "near_duplicates"]

MAX_DISTANCE = 12
"""Of the 63 bits of the hash, so many may differ."""
MIN_CORRELATION = 0.95
"""Correlation of the grey pixels, 32 x 32, of two pictures that show the same cell, at the zoom that fits best."""
_LIKELY = 0.85
"""Two pictures that correlate less than this as they are, are not compared at other zooms."""
_ZOOMS = (1.025, 1.05, 1.075)
_SIDE = 32
_FREQUENCIES = 8
_ROWS = 512


@dataclass(frozen=True)
class Appearance:
    """What is compared of N pictures.

    Attributes
    ----------
    bits : float32 (N, 63)
        +1 or -1: whether a low frequency (8 x 8 of the cosine transform, without the mean) is above their median.
    grey : float32 (N, 1024)
        Grey pixels, 32 x 32, with mean 0 and length 1; all 0 for a picture of one colour.
    """

    bits: np.ndarray
    grey: np.ndarray


def appearance_of(images: np.ndarray) -> Appearance:
    """Return what is compared of the pictures `images`, uint8 (N, S, S, 3), whatever their side S.

    Examples
    --------
    >>> gradient = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1).repeat(3, axis=3)
    >>> found = appearance_of(gradient)
    >>> found.bits.shape, found.grey.shape
    ((1, 63), (1, 1024))
    """
    grey = np.empty((len(images), _SIDE, _SIDE), dtype=np.float32)
    for place, pixels in zip(grey, images, strict=True):
        image = Image.fromarray(np.asarray(pixels)).convert("L")
        place[:] = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    steps = np.arange(_SIDE)
    waves = np.cos(np.pi * np.arange(_FREQUENCIES)[:, None] * (2 * steps + 1) / (2 * _SIDE)).astype(np.float32)
    low = (waves @ grey @ waves.T).reshape(len(grey), -1)[:, 1:]  # (N, 63): the mean is left out
    bits = np.where(low > np.median(low, axis=1, keepdims=True), 1, -1).astype(np.float32)
    return Appearance(bits, _standardised(grey.reshape(len(grey), -1)))


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation of N pairs of grey pictures, (N, 1024) each: the best with either of them enlarged."""
    best = np.einsum("nd,nd->n", first, second)
    for zoom in _ZOOMS:
        for one, other in ((first, second), (second, first)):
            best = np.maximum(best, np.einsum("nd,nd->n", _enlarged(one, zoom), other))
    return best


def _enlarged(grey: np.ndarray, zoom: float) -> np.ndarray:
    """Return the middle of N grey pictures, enlarged to the old size by linear interpolation; mean 0, length 1."""
    place = (np.arange(_SIDE) + 0.5 - _SIDE / 2) / zoom + _SIDE / 2 - 0.5  # of each new pixel in the old picture
    left = np.floor(place).astype(int)
    weights = np.zeros((_SIDE, _SIDE), dtype=np.float32)
    weights[np.arange(_SIDE), left] = 1 - (place - left)
    weights[np.arange(_SIDE), left + 1] += place - left
    return _standardised((weights @ grey.reshape(-1, _SIDE, _SIDE) @ weights.T).reshape(grey.shape))


def _standardised(grey: np.ndarray) -> np.ndarray:
    """Return N pictures, (N, 1024), with mean 0 and length 1; all 0 for a picture of one colour."""
    centred = grey - grey.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.divide(centred, length, out=np.zeros_like(centred), where=length > 1e-3)


def near_duplicates(appearance: Appearance) -> tuple[np.ndarray, np.ndarray]:
    """Find all pairs of pictures that show the same cell.

    Every picture is compared with every other one: about 20 s for 25,000 pictures on one processor, four times as long
    for twice as many.

    Parameters
    ----------
    appearance : Appearance

    Returns
    -------
    pairs : int64 (P, 2)
        Numbers of the two pictures, the smaller one first.
    correlation : float32 (P,)
        At the zoom that fits best.
    """
    bits, grey = appearance.bits, appearance.grey
    alike = bits.shape[1] - 2 * MAX_DISTANCE  # the product of two hashes is bits - 2 * distance
    pairs, correlations = [np.empty((0, 2), dtype=np.int64)], [np.empty(0, dtype=np.float32)]
    for start in range(0, len(bits), _ROWS):
        first, second = np.nonzero(bits[start : start + _ROWS] @ bits[start:].T >= alike)
        later = first < second
        first, second = first[later] + start, second[later] + start
        for at in range(0, len(first), 4096):
            a, b = first[at : at + 4096], second[at : at + 4096]
            likely = np.einsum("nd,nd->n", grey[a], grey[b]) >= _LIKELY
            a, b = a[likely], b[likely]
            correlation = _correlation(grey[a], grey[b])
            same = correlation >= MIN_CORRELATION
            pairs.append(np.stack([a[same], b[same]], axis=1))
            correlations.append(correlation[same])
    return np.concatenate(pairs), np.concatenate(correlations)
