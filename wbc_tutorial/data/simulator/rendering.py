"""Shape and look -> uint8: light through the smear, lens, sensor and compression."""

import io
import zlib
from dataclasses import replace

import numpy as np
from PIL import Image

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.laboratories import FIELD_UM
from wbc_tutorial.data.simulator.appearance import Look, look_of
from wbc_tutorial.data.simulator.morphology import draw_cell
from wbc_tutorial.data.simulator.surroundings import draw_surroundings
from wbc_tutorial.data.simulator.textures import blur

__all__ = ["simulate_cell", "simulate_view"]

_FINEST_UM = 0.2
_SHARPENING_UM = 0.35


def simulate_cell(
    laboratory: str,
    cell_class: str,
    index: int,
    *,
    seed: int = 0,
    size: int = 64,
    look: Look | None = None,
    field_um: float = FIELD_UM,
) -> np.ndarray:
    """Simulate one white cell as one laboratory would deliver it, brought to a field and a size.

    The arguments determine the image. Cell, surroundings and camera draw from three separate streams, so that
    the same cell is redrawn under another `look`.

    Parameters
    ----------
    laboratory : str
        ``"sim_matek"``, ``"sim_acevedo"`` or ``"sim_mll"``.
    cell_class : str
        One of `wbc_tutorial.cells.CLASSES`, also those the laboratory itself never saw.
    index : int
        Which cell of the class, 0 or more.
    seed : int
        0 or more; another seed is another batch of cells.
    size : int
        Side of the image, pixels, 8 or more.
    look : Look, optional
        Physics to use in place of the laboratory's own.
    field_um : float
        Side of the field, micrometres.

    Returns
    -------
    ndarray, shape (size, size, 3), uint8

    Raises
    ------
    ValueError
        If the laboratory or class is unknown, or a number out of range.

    Examples
    --------
    >>> cell = simulate_cell("sim_acevedo", "eosinophil", 0)
    >>> cell.shape, cell.dtype.name
    ((64, 64, 3), 'uint8')
    """
    if size < 8:
        raise ValueError(f"size is {size}: expected 8 pixels or more")
    if not 1.0 <= field_um <= 40.0:
        raise ValueError(f"field_um is {field_um}: expected 1 to 40 micrometres")
    look = look_of(laboratory) if look is None else look
    streams = _streams(laboratory, cell_class, index, seed)
    finer = max(1, int(np.ceil(field_um / size / _FINEST_UM - 1e-9)))
    axis = _axis(size * finer, field_um / (size * finer))
    shot = _expose(streams, cell_class, look, axis, axis)
    return _shrink(shot, finer)


def simulate_view(
    laboratory: str,
    cell_class: str,
    index: int,
    *,
    seed: int = 0,
    px_per_um: float | None = None,
    field_um: float | tuple[float, float] | None = None,
) -> np.ndarray:
    """Simulate the native image: the field and magnification the laboratory's own camera would deliver.

    It shows the same cell as `simulate_cell` with the same laboratory, class, index and seed.

    Parameters
    ----------
    laboratory, cell_class, index, seed
        As for `simulate_cell`.
    px_per_um : float, optional
        Magnification, pixels per micrometre; the laboratory's own if not given.
    field_um : float or tuple of 2 float, optional
        Width and height, micrometres (one number for a square); the laboratory's own if not given.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8

    Examples
    --------
    >>> simulate_view("sim_acevedo", "monocyte", 0).shape
    (363, 360, 3)
    """
    look = look_of(laboratory)
    streams = _streams(laboratory, cell_class, index, seed)
    scale = look.px_per_um if px_per_um is None else float(px_per_um)
    if not 0.5 <= scale <= 40.0:
        raise ValueError(f"px_per_um is {px_per_um}: expected 0.5 to 40 pixels per micrometre")
    if field_um is None:
        width, height = (px / look.px_per_um for px in look.image_px)
    else:
        width, height = field_um if isinstance(field_um, tuple) else (field_um, field_um)
    if not (1.0 <= width <= 40.0 and 1.0 <= height <= 40.0):
        raise ValueError(f"field_um is {field_um}: expected 1 to 40 micrometres")
    finer = max(1, int(np.ceil(1 / scale / _FINEST_UM - 1e-9)))
    x, y = (_axis(round(side * scale) * finer, 1 / (scale * finer)) for side in (width, height))
    return _shrink(_expose(streams, cell_class, replace(look, px_per_um=scale), x, y), finer)


def _streams(laboratory: str, cell_class: str, index: int, seed: int) -> list[np.random.Generator]:
    """Three generators (cell, surroundings, camera) that these four arguments determine on any machine."""
    look_of(laboratory)
    if cell_class not in CLASSES:
        raise ValueError(f"unknown cell class {cell_class!r}: expected one of {', '.join(CLASSES)}")
    for name, value in (("index", index), ("seed", seed)):
        if value < 0 or value != int(value):
            raise ValueError(f"{name} is {value}: expected a whole number, 0 or more")
    root = [int(seed), zlib.crc32(laboratory.encode()), zlib.crc32(cell_class.encode()), int(index)]
    return [np.random.default_rng(np.random.SeedSequence([*root, k])) for k in range(3)]


def _axis(n: int, step: float) -> np.ndarray:
    """Centres of `n` pixels of `step` micrometres, about 0."""
    return ((np.arange(n) - (n - 1) / 2) * step).astype(np.float64)


def _expose(
    streams: list[np.random.Generator], cell_class: str, look: Look, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Draw the smear on a grid and photograph it; uint8 (H, W, 3)."""
    for_cell, for_surroundings, camera = streams
    drawing = draw_cell(cell_class, for_cell, x_um=x, y_um=y)
    stains = drawing.stains + draw_surroundings(for_surroundings, x, y, drawing.cell)
    step = float(x[1] - x[0])

    # One image's luck, drawn in the same order under every look.
    strength, brightness, focus = camera.standard_normal(3)
    tints, gains = camera.standard_normal(len(stains)), camera.standard_normal(3)
    lamp = camera.uniform(-4.0, 4.0, 2)

    light = np.empty((3, y.size, x.size), dtype=np.float32)
    amounts = np.exp(look.stain_spread * strength + look.tint_spread * tints)
    falloff = ((x - lamp[0]) ** 2 + ((y - lamp[1]) ** 2)[:, None]).astype(np.float32)
    falloff = 1.0 - np.float32(look.vignetting / (2 * (FIELD_UM / 2) ** 2)) * falloff
    for channel in range(3):
        density = np.zeros(falloff.shape, dtype=np.float32)
        for stain, amount, absorbance in zip(stains, amounts, look.absorbances, strict=True):
            density += np.float32(amount * absorbance[channel]) * stain
        light[channel] = np.exp(np.float32(-np.log(10.0)) * density)
        gain = look.background[channel] * look.white_balance[channel]
        light[channel] *= np.float32(gain * (1.0 + look.white_balance_spread * gains[channel]))
    spot = np.hypot(look.focus_um + look.focus_spread_um * abs(focus), 0.29 / look.px_per_um)
    light = blur(light, spot / step)
    if look.sharpening:
        light += np.float32(look.sharpening) * (light - blur(light, _SHARPENING_UM / step))
    light *= falloff * np.float32(1.0 + look.background_spread * brightness)
    grain = look.noise * min(1.0, 1.0 / (look.px_per_um * step))
    light += camera.standard_normal(light.shape, dtype=np.float32) * np.float32(grain)
    shot = (np.clip(light, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8).transpose(1, 2, 0)
    return shot if look.jpeg_quality is None else _compress(shot, look.jpeg_quality)


def _compress(image: np.ndarray, quality: int) -> np.ndarray:
    """Write as JPEG and read back."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def _shrink(image: np.ndarray, finer: int) -> np.ndarray:
    """Average blocks of `finer` by `finer` pixels."""
    if finer == 1:
        return np.array(image)
    height, width = image.shape[0] // finer, image.shape[1] // finer
    blocks = image.reshape(height, finer, width, finer, 3).astype(np.uint16)
    return ((blocks.sum(axis=(1, 3)) + finer * finer // 2) // (finer * finer)).astype(np.uint8)
