"""One picture: from the bytes of a file to the centred square of a known physical field, or the reason why not."""

import io

import numpy as np
from PIL import Image, UnidentifiedImageError

__all__ = ["FORMATS", "MAX_BYTES", "MAX_PIXELS", "Unusable", "read_picture", "shrink_array"]

FORMATS = ("JPEG", "PNG", "TIFF", "BMP")
"""The only formats that are opened: fewer decoders, fewer doors."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
OVERSAMPLING = 1.5
"""A JPEG is decoded at 1/2, 1/4 or 1/8 while the square keeps at least this many pixels per output pixel."""
GAP = 2.0
"""Pictures are first reduced by whole numbers while this many pixels per output pixel remain, then resampled."""
RESAMPLING = Image.Resampling.BICUBIC


class Unusable(Exception):
    """A picture that cannot be used; the message is ``"<short reason>: <detail and cure>"``."""


def _bits_per_channel(image: Image.Image, content: bytes) -> int:
    """Return the depth stored in the file, which Pillow halves silently for 16-bit colour."""
    if image.format == "PNG":
        return content[24]
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (1,)))
    return 8


def _check_colour(image: Image.Image, content: bytes) -> None:
    """Accept 8-bit colour (RGB, RGBA, palette, YCbCr); refuse what would need a guess."""
    if image.mode in ("I", "F") or image.mode.startswith("I;") or _bits_per_channel(image, content) > 8:
        raise Unusable("16-bit: more than 8 bits a channel; convert it to 8-bit RGB first")
    if image.mode in ("1", "L", "LA", "La"):
        raise Unusable("grey: one channel, but the stain's colour is needed; export the colour image")
    if image.mode == "CMYK":
        raise Unusable("CMYK: meant for print, its colours depend on a profile; convert it to RGB first")
    if image.mode not in ("RGB", "RGBA", "RGBX", "P", "PA", "YCbCr"):
        raise Unusable(f"colour mode: {image.mode} is not RGB; convert it to 8-bit RGB first")


def _open(content: bytes, name: str) -> Image.Image:
    """Open without decoding, after the checks that need only the header."""
    if not content:
        raise Unusable("empty file: 0 bytes; fetch it again")
    if len(content) > MAX_BYTES:
        raise Unusable(f"too large: the file has {len(content):,} bytes, the limit is {MAX_BYTES:,}")
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise Unusable(f"too large: the picture has more than {MAX_PIXELS:,} pixels") from problem
    except UnidentifiedImageError as problem:
        if name.lower().endswith(SUFFIXES):
            raise Unusable("unreadable: neither JPEG, PNG, TIFF nor BMP inside, or damaged; fetch it again"
                           ) from problem  # fmt: skip
        raise Unusable("not an image: no JPEG, PNG, TIFF or BMP inside; move it elsewhere") from problem
    if image.width * image.height > MAX_PIXELS:
        raise Unusable(f"too large: the picture has {image.width}x{image.height} px, "
                       f"the limit is {MAX_PIXELS:,} pixels")  # fmt: skip
    if min(image.size) < 1:
        raise Unusable(f"zero-size: the picture has {image.width}x{image.height} px; fetch it again")
    if image.format == "TIFF" and image.n_frames > 1:
        raise Unusable(f"several pages: {image.n_frames} pictures in one file; save one picture per file")
    return image


def _square(width: int, height: int, crop: float | None, share: float) -> float:
    """Return the side of the centred square, or refuse a picture that does not hold it."""
    if crop is None:
        if abs(width - height) > 1:
            raise Unusable(f"not square: {width}x{height} px, but the whole picture should show the field")
        return min(width, height) * share
    if min(width, height) < crop - max(1.0, 0.005 * crop):
        raise Unusable(f"too small: {width}x{height} px, but the field needs {crop:g}x{crop:g} px; "
                       "use the original picture, or a smaller --field-um for every set")  # fmt: skip
    return min(crop, width, height)


def read_picture(
    content: bytes,
    name: str,
    *,
    size: int,
    crop: float | None = None,
    share: float = 1.0,
    native: tuple[int, int] | None = None,
) -> tuple[np.ndarray, tuple[int, int]]:
    """Decode, crop the centred square, shrink it.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        The file's name, for the reason when it is no image.
    size : int
        Side of the result, pixels.
    crop : float, optional
        Side of the centred square that shows the physical field, in native pixels; None = `share` of the whole
        picture, which must be square.
    share : float
        Used where `crop` is None.
    native : (int, int), optional
        Width and height a known set's pictures have; more than 10 px off means that they were rescaled.

    Returns
    -------
    pixels : (size, size, 3) uint8
    original : (int, int)
        Width and height before the crop.

    Raises
    ------
    Unusable
        With the reason and the cure.
    """
    try:
        image = _open(content, name)
        _check_colour(image, content)
        width, height = image.size
        if native and max(abs(width - native[0]), abs(height - native[1])) > 10:
            raise Unusable(f"unexpected size: {width}x{height} px, but this set's pictures have "
                           f"{native[0]}x{native[1]} px; use the originals, not a rescaled copy")  # fmt: skip
        side = _square(width, height, crop, share)
        scale = 1
        if image.format == "JPEG":
            while scale < 8 and side / (2 * scale) >= OVERSAMPLING * size:
                scale *= 2
            if scale > 1:
                image.draft("RGB", (width // scale, height // scale))
        image.load()
        left, top = (width - side) / 2 / scale, (height - side) / 2 / scale
        right, bottom = min(left + side / scale, image.width), min(top + side / scale, image.height)
        if image.mode in ("P", "PA"):
            image = image.convert("RGBA")
        if image.mode != "RGB":  # a fourth channel is dropped, never blended
            image = image.convert("RGB")
        pixels = np.asarray(image.resize((size, size), RESAMPLING, box=(left, top, right, bottom), reducing_gap=GAP))
    except Unusable:
        raise
    except Exception as problem:  # decoders raise many kinds; each means: this file cannot be read
        text = " ".join(str(problem).split())
        kind = "truncated" if "truncated" in text.lower() else "unreadable"
        raise Unusable(f"{kind}: {text or type(problem).__name__}; fetch it again") from problem
    if not (pixels[..., 0] != pixels[..., 1]).any() and not (pixels[..., 1] != pixels[..., 2]).any():
        raise Unusable("grey: three equal channels, but the stain's colour is needed; export the colour image")
    return pixels, (width, height)


def shrink_array(pixels: np.ndarray, *, size: int, share: float = 1.0) -> np.ndarray:
    """Crop and shrink a square picture that is already an array, (S, S, 3) uint8 -> (size, size, 3) uint8."""
    height, width = pixels.shape[:2]
    side = _square(width, height, None, share)
    left, top = (width - side) / 2, (height - side) / 2
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((size, size), RESAMPLING, box=(left, top, left + side, top + side)))
