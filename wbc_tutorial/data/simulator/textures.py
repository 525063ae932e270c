"""Textures: smooth noise and small dots, placed in micrometres on any grid."""

from functools import lru_cache

import numpy as np
from scipy import ndimage

__all__ = ["blur", "discs_distance", "dots", "noise", "noise_at", "soft_step"]

_TILE = 512
_FINE, _COARSE = 4.0, 16.0


@lru_cache(maxsize=2)
def _tile(sigma: float) -> np.ndarray:
    """Periodic Gaussian noise, mean 0 and variance 1, whose grain is `sigma` tile pixels; always the same one."""
    white = np.random.default_rng(np.random.SeedSequence(20)).standard_normal((_TILE, _TILE))
    tile = ndimage.gaussian_filter(white, sigma, mode="wrap")
    return np.ascontiguousarray((tile - tile.mean()) / tile.std(), dtype=np.float32)


def noise(generator: np.random.Generator, x: np.ndarray, y: np.ndarray, grain: float) -> np.ndarray:
    """Sample smooth noise at the points of a grid.

    What is drawn does not depend on the grid's step: a finer grid shows the same pattern in more detail.

    Parameters
    ----------
    generator : numpy.random.Generator
        Chooses the place, two mirrors and a transposition (always four numbers).
    x, y : ndarray, shape (W,) and (H,)
        The grid's axes, micrometres.
    grain : float
        Standard deviation of the Gaussian that smoothed the noise, micrometres.

    Returns
    -------
    ndarray, shape (H, W), float32
        Mean 0 and variance 1 over many draws.
    """
    return noise_at(generator.random(4), x, y, grain)


def noise_at(place: np.ndarray, x: np.ndarray, y: np.ndarray, grain: float) -> np.ndarray:
    """Sample the noise at a `place` that is given: four numbers in [0, 1); see `noise`."""
    place_x, place_y, mirrors, turn = place
    sigma = _FINE if grain < 1.0 else _COARSE
    step = sigma / grain * (1.0 if mirrors < 0.5 else -1.0)
    across = (np.floor(x * step + place_x * _TILE)).astype(np.intp) % _TILE
    down = (np.floor(y * abs(step) + place_y * _TILE)).astype(np.intp) % _TILE
    if turn < 0.5:
        return _tile(sigma)[down][:, across]
    return _tile(sigma)[across][:, down].T


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Smooth the last two axes with a Gaussian of `sigma` pixels (nothing below a tenth of a pixel)."""
    if sigma < 0.1:
        return image
    for axis in (-2, -1):
        image = ndimage.gaussian_filter1d(image, sigma, axis=axis, mode="nearest", truncate=3.0)
    return image


def soft_step(distance: np.ndarray, width: float) -> np.ndarray:
    """Turn a signed distance (positive inside, micrometres) into coverage 0..1 over an edge of `width`."""
    return np.clip(distance / width + 0.5, 0.0, 1.0)


def discs_distance(x: np.ndarray, y: np.ndarray, discs: np.ndarray) -> np.ndarray:
    """Signed distance to a union of discs: ``max_p (r_p - |point - c_p|)``, positive inside.

    Parameters
    ----------
    x, y : ndarray, shape (W,) and (H,)
        The grid's axes, micrometres.
    discs : ndarray, shape (P, 3)
        Centre x, centre y and radius of each disc, micrometres.

    Returns
    -------
    ndarray, shape (H, W), float32
    """
    x, y = x.astype(np.float32), y.astype(np.float32)
    best = np.full((y.size, x.size), -1e3, dtype=np.float32)
    for centre_x, centre_y, radius in np.asarray(discs, dtype=np.float32):
        squared = np.square(y - centre_y)[:, None] + np.square(x - centre_x)
        np.maximum(best, radius - np.sqrt(squared, out=squared), out=best)
    return best


def dots(x: np.ndarray, y: np.ndarray, points: np.ndarray, radius: float) -> np.ndarray:
    """Draw small soft dots, each about 1 at its centre; where they crowd they add up.

    Parameters
    ----------
    x, y : ndarray, shape (W,) and (H,)
        The grid's axes, evenly spaced, micrometres.
    points : ndarray, shape (P, 2)
        Centres, micrometres; those off the grid are left out.
    radius : float
        Radius at half height, micrometres.

    Returns
    -------
    ndarray, shape (H, W), float32
    """
    step = float(x[1] - x[0])
    columns = np.rint((points[:, 0] - x[0]) / step).astype(np.intp)
    rows = np.rint((points[:, 1] - y[0]) / step).astype(np.intp)
    seen = (columns >= 0) & (columns < x.size) & (rows >= 0) & (rows < y.size)
    flat = np.bincount(rows[seen] * x.size + columns[seen], minlength=y.size * x.size)
    sigma = max(radius / 1.18 / step, 0.4)
    image = flat.reshape(y.size, x.size).astype(np.float32)
    return blur(image, sigma) * np.float32(2 * np.pi * sigma**2)
