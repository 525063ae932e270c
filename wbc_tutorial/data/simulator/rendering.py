"""Pictures: a shape under a look becomes uint8, by light through the smear, lens, sensor and compression."""

import io
import zlib
from dataclasses import replace

import numpy as np
from PIL import Image

from wbc_tutorial.data.checks import number_between, whole_number
from wbc_tutorial.data.classes import CLASSES, find_class
from wbc_tutorial.data.laboratories import FIELD_UM
from wbc_tutorial.data.simulator.appearance import Look, look_of
from wbc_tutorial.data.simulator.morphology import draw_cell
from wbc_tutorial.data.simulator.surroundings import draw_surroundings
from wbc_tutorial.data.simulator.textures import blur

__all__ = ["simulate_cell", "simulate_view"]

_FINEST_UM = 0.2
_FIELD_UM = (1.0, 40.0)
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
        Name or code, in any case, of one of `wbc_tutorial.CLASSES`, also those the laboratory itself never saw.
    index : int
        Which cell of the class, 0 or more.
    seed : int, default=0
        0 or more; another seed is another batch of cells.
    size : int, default=64
        Side of the image, pixels, 8 or more.
    look : Look, default=None
        Physics to use in place of the laboratory's own (None).
    field_um : float, default=25
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
    size = whole_number("size", size, least=8, what="a whole number of pixels")
    field_um = number_between("field_um", field_um, *_FIELD_UM, "micrometres")
    cell_class = find_class(cell_class, CLASSES)
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
    px_per_um : float, default=None
        Magnification, pixels per micrometre; None: the laboratory's own.
    field_um : float or tuple of 2 float, default=None
        Width and height, micrometres (one number for a square); None: the laboratory's own.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8

    Raises
    ------
    ValueError
        If the laboratory or class is unknown, or a number out of range.

    Examples
    --------
    >>> simulate_view("sim_acevedo", "monocyte", 0).shape
    (363, 360, 3)
    """
    look = look_of(laboratory)
    cell_class = find_class(cell_class, CLASSES)
    streams = _streams(laboratory, cell_class, index, seed)
    scale = look.px_per_um
    if px_per_um is not None:
        scale = number_between("px_per_um", px_per_um, 0.5, 40.0, "pixels per micrometre")
    sides = tuple(px / look.px_per_um for px in look.image_px)
    if field_um is not None:
        sides = field_um if isinstance(field_um, tuple) else (field_um, field_um)
    width, height = (number_between("field_um", side, *_FIELD_UM, "micrometres") for side in sides)
    finer = max(1, int(np.ceil(1 / scale / _FINEST_UM - 1e-9)))
    x, y = (_axis(round(side * scale) * finer, 1 / (scale * finer)) for side in (width, height))
    return _shrink(_expose(streams, cell_class, replace(look, px_per_um=scale), x, y), finer)


def _streams(laboratory: str, cell_class: str, index: int, seed: int) -> list[np.random.Generator]:
    """Return three generators (cell, surroundings, camera) that the arguments determine on any machine."""
    look_of(laboratory)
    index, seed = whole_number("index", index), whole_number("seed", seed)
    root = [seed, zlib.crc32(laboratory.encode()), zlib.crc32(cell_class.encode()), index]
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
