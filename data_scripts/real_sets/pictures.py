"""One picture: from the bytes of a file to the square of a known physical field, or the reason why not."""

import io
import math
import re
import struct
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from real_sets.colour_profiles import to_srgb
from real_sets.names import SUFFIXES

__all__ = ["LARGEST_SQUARE", "MAX_BYTES", "MAX_PIXELS", "SMALLEST_BOX", "Decoded", "Spot", "Unusable", "read_picture",
           "shrink_array"]  # fmt: skip

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "DIB", "GIF", "WEBP", "JPEG2000", "AVIF", "PPM", "TGA", "PCX", "PSD", "QOI",
            "SGI")  # fmt: skip
"""What is opened: pictures of pixels. Drawings (EPS, WMF), which start other programs, are not."""
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
SMALLEST_BOX, LARGEST_SQUARE = 4.0, 4000.0
"""Pixels: a side outside is no cell, but a slip of the pen."""
OVERSAMPLING = 1.5
"""A JPEG is decoded at 1/2, 1/4 or 1/8 while the square keeps at least this many pixels per output pixel."""
GAP = 2.0
"""Pictures are first reduced by whole numbers while this many pixels per output pixel remain, then resampled."""
RESAMPLING = Image.Resampling.BICUBIC
_DARKEST_16_BIT = 32
"""Of 255: a 16-bit picture that is darker everywhere may hold 12 bits; by how much to stretch it is not stated."""
_PLAUSIBLE_UM_PER_PX = (0.005, 5.0)
"""Resolutions outside are meant for printers (72 dpi = 353 um a pixel)."""
_OTHER_FORMATS = ((0, b"%PDF", "PDF"), (4, b"ftyphei", "HEIC"), (4, b"ftypmif1", "HEIC"), (4, b"JXL ", "JPEG XL"),
                  (0, b"\xff\x0a", "JPEG XL"), (128, b"DICM", "DICOM"), (0, b"ZISRAWFILE", "Zeiss CZI"),
                  (0, b"<svg", "SVG"), (0, b"%!PS", "EPS"), (0, b"\x89HDF", "HDF5"))  # fmt: skip
_NUMBER_OF_BOX = re.compile(r"#\d+\Z")
"""What follows a picture's name where a cell is one of its boxes."""
_CONVERT = "convert it to 8-bit RGB (PNG, TIFF or JPEG) first"


class Unusable(Exception):
    """A picture that cannot be used; the message is ``"<short reason>: <detail and fix>"``."""


@dataclass(frozen=True)
class Decoded:
    """A picture that was read.

    Attributes
    ----------
    pixels : uint8 (size, size, 3)
    original : (int, int)
        Width and height before the crop.
    profile : str
        Name of the colour profile it was converted from, ``""`` for none.
    um_per_px : float or None
        Micrometres per pixel, where the file states them.
    moved : bool
        True where the square was moved inward, because it reached over the picture's edge.
    padded : bool
        True where the square reached over the picture's edge and was filled with the picture's background.
    """

    pixels: np.ndarray
    original: tuple[int, int]
    profile: str = ""
    um_per_px: float | None = None
    moved: bool = False
    padded: bool = False


@dataclass(frozen=True)
class Spot:
    """Where a cell lies in its picture, as a user says: a square there must be inside, or it is padded.

    Attributes
    ----------
    centre : (float, float) or None
        In pixels from the picture's left top corner; None = the picture's centre.
    pad : bool
        Fill what lies outside of the picture with its background colour, instead of refusing it.
    extent : (float, float) or None
        Width and height of the cell's box: its longer side is the side of the square where no scale is known.
    shares : bool
        `centre` and `extent` are shares of the picture's width and height.
    """

    centre: tuple[float, float] | None
    pad: bool
    extent: tuple[float, float] | None = None
    shares: bool = False

    def square(self, width: int, height: int, crop: float | None) -> tuple[float, float, float]:
        """Return (x, y) of the centre and the side, in pixels, in a picture of this size."""
        across, down = (width, height) if self.shares else (1, 1)
        x, y = (self.centre[0] * across, self.centre[1] * down) if self.centre else (width / 2, height / 2)
        return x, y, max(self.extent[0] * across, self.extent[1] * down) if crop is None else crop


@cache
def _formats() -> tuple[str, ...]:
    """Return those of the formats that this Pillow reads."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _bits_per_channel(image: Image.Image, content: bytes) -> int:
    """Return the depth stored in the file; of 16 bits Pillow gives the upper 8."""
    if image.format == "PNG":
        return content[24]
    if image.format == "TIFF":
        return max(image.tag_v2.get(258, (1,)))
    return 8


def _check_colour(image: Image.Image) -> None:
    """Accept colour (RGB, RGBA, palette, YCbCr, CMYK with a profile); refuse what would need a guess."""
    if image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;"):
        raise Unusable("grey: one channel, but the stain's colour is needed; export the colour image")
    if image.mode == "CMYK" and not image.info.get("icc_profile"):
        raise Unusable("CMYK: meant for print, its colours depend on a profile; convert it to RGB first")
    if image.mode not in ("RGB", "RGBA", "RGBX", "RGBa", "P", "PA", "YCbCr", "CMYK"):
        raise Unusable(f"colour mode: {image.mode} is not RGB; {_CONVERT}")


def _whole_tiff(content: bytes) -> str | None:
    """Describe a TIFF whose directory is whole, though Pillow does not read its pixels; None where it is broken."""
    try:
        head = content[: 16 if content[2] == 43 or content[3] == 43 else 8]
        directory = TiffImagePlugin.ImageFileDirectory_v2(head)
        stream = io.BytesIO(content)
        stream.seek(directory.next)
        directory.load(stream)
        bits, kind = max(directory[258]), directory.get(339, (1,))[0]
        starts, counts = (directory.get(a) or directory.get(b) for a, b in ((273, 324), (279, 325)))
        whole = max(a + b for a, b in zip(starts, counts, strict=True)) <= len(content)
        return f"this kind of TIFF ({bits}-bit {'floats' if kind == 3 else 'numbers'})" if whole else None
    except Exception:  # a broken directory raises almost anything
        return None


def _unidentified(content: bytes, name: str) -> Unusable:
    """Say what a file is that Pillow does not know: another format, a damaged picture, or none."""
    other = next((text for at, magic, text in _OTHER_FORMATS if content[at : at + len(magic)] == magic), None)
    if content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        other = _whole_tiff(content)
    if other:
        return Unusable(f"format: {other} is not read here; {_CONVERT}")
    if _NUMBER_OF_BOX.sub("", name).lower().endswith(SUFFIXES):
        return Unusable("unreadable: neither JPEG, PNG, TIFF nor another picture inside, or damaged at its beginning; "
                        "fetch it again or replace it")  # fmt: skip
    return Unusable("not an image: no JPEG, PNG, TIFF or other picture inside; move it elsewhere")


def _open(content: bytes, name: str) -> Image.Image:
    """Open without decoding, after the checks that need only the header."""
    if not content:
        raise Unusable("empty file: 0 bytes; fetch it again")
    if len(content) > MAX_BYTES:
        raise Unusable(f"too large: the file has {len(content):,} bytes, the limit is {MAX_BYTES:,}")
    try:
        image = Image.open(io.BytesIO(content), formats=_formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as problem:
        raise Unusable(f"too large: the picture has more than {MAX_PIXELS:,} pixels") from problem
    except UnidentifiedImageError as problem:
        raise _unidentified(content, name) from problem
    if image.width * image.height > MAX_PIXELS:
        raise Unusable(f"too large: the picture has {image.width}x{image.height} px, "
                       f"the limit is {MAX_PIXELS:,} pixels")  # fmt: skip
    if min(image.size) < 1:
        raise Unusable(f"zero-size: the picture has {image.width}x{image.height} px; fetch it again")
    frames = 1 if image.format in ("MPO", "PSD") else getattr(image, "n_frames", 1)  # their first frame is the picture
    if frames > 1:
        raise Unusable(f"several pages: {frames} pictures in one file; save one picture per file")
    return image


def _stated_um_per_px(image: Image.Image) -> float | None:
    """Return micrometres per pixel as the file states them, unless the statement is meant for a printer."""
    scale = None
    if image.format == "TIFF":
        across, unit = image.tag_v2.get(282), image.tag_v2.get(296, 2)
        text = str(image.tag_v2.get(270, "")).lower()
        micrometre = any(f"unit={name}" in text for name in ("micron", "um", "\xb5m", "\u03bcm", "\\u00b5m"))
        length = {2: 25_400.0, 3: 10_000.0}.get(unit, 1.0 if micrometre else None)
        scale = length / float(across) if length and across else None
    elif dpi := image.info.get("dpi"):
        scale = 25_400.0 / float(dpi[0]) if dpi[0] else None
    low, high = _PLAUSIBLE_UM_PER_PX
    return scale if scale and low <= scale <= high else None


def _box(width: int, height: int, crop: float | None, share: float, centre: tuple[float, float] | None,
         ) -> tuple[float, float, float, bool]:  # fmt: skip
    """Return (left, top, side, moved) of the square, or refuse a picture that does not hold it."""
    if crop is None:
        if abs(width - height) > 1:
            raise Unusable(f"not square: {width}x{height} px, but the whole picture should show the field")
        side = min(width, height) * share
    elif min(width, height) < crop - max(1.0, 0.005 * crop):
        raise Unusable(f"too small: {width}x{height} px, but the field needs {crop:g}x{crop:g} px; "
                       "use the original picture, or a smaller --field-um for every set")  # fmt: skip
    else:
        side = min(crop, width, height)
    if centre is None:
        return (width - side) / 2, (height - side) / 2, side, False
    left, top = centre[0] * width - side / 2, centre[1] * height - side / 2
    inside = min(max(left, 0), width - side), min(max(top, 0), height - side)
    return *inside, side, inside != (left, top)


def _box_at(width: int, height: int, crop: float | None, spot: Spot) -> tuple[float, float, float, bool]:
    """Return (left, top, side, outside) of the square around a spot, or refuse a square that leaves the picture."""
    x, y, side = spot.square(width, height, crop)
    if not (0 <= x <= width and 0 <= y <= height):
        raise Unusable(f"box outside: its centre ({x:g}, {y:g}) is not in the picture of {width}x{height} px; give "
                       "the box in pixels of this picture")  # fmt: skip
    if not SMALLEST_BOX <= side <= LARGEST_SQUARE:
        raise Unusable(f"bad box: its longer side has {side:g} px; expected {SMALLEST_BOX:g} to {LARGEST_SQUARE:g}")
    left, top = x - side / 2, y - side / 2
    beyond = max(-left, -top, left + side - width, top + side - height)
    if beyond <= max(1.0, 0.005 * side):  # as much as pictures that should show the field may lack
        side = min(side, width, height)
        return min(max(left, 0), width - side), min(max(top, 0), height - side), side, False
    if not spot.pad:
        raise Unusable(f"leaves the picture: the field of {side:.4g} px around ({x:g}, {y:g}) reaches {beyond:.4g} px "
                       f"beyond {width}x{height} px; use --pad to fill it with the background's colour")  # fmt: skip
    return left, top, side, True


def _background(image: Image.Image) -> tuple[int, ...]:
    """Return the median colour of the pixels at the picture's four edges."""
    pixels = np.asarray(image)
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return tuple(int(value) for value in np.median(edges, axis=0).round())


def _on_background(image: Image.Image, left: float, top: float, right: float, bottom: float
                   ) -> tuple[Image.Image, tuple[float, float, float, float]]:  # fmt: skip
    """Return a picture that holds the square, filled with the background's colour, and where the square lies in it."""
    x, y = math.floor(left), math.floor(top)
    canvas = Image.new("RGB", (math.ceil(right) - x, math.ceil(bottom) - y), _background(image))
    inside = image.crop(
        (max(x, 0), max(y, 0), min(math.ceil(right), image.width), min(math.ceil(bottom), image.height))
    )
    canvas.paste(inside, (max(-x, 0), max(-y, 0)))
    return canvas, (left - x, top - y, right - x, bottom - y)


def _decode(image: Image.Image, size: int, crop: float | None, share: float,
            centre: tuple[float, float] | Spot | None) -> Decoded:  # fmt: skip
    """Decode, cut the square, shrink it."""
    width, height = image.size
    stated = _stated_um_per_px(image)
    moved = padded = False
    if isinstance(centre, Spot):
        left, top, side, padded = _box_at(width, height, crop, centre)
    else:
        left, top, side, moved = _box(width, height, crop, share, centre)
    scale = 1
    if image.format == "JPEG":
        while scale < 8 and side / (2 * scale) >= OVERSAMPLING * size:
            scale *= 2
        if scale > 1:
            image.draft("RGB", (width // scale, height // scale))
    image.load()
    left, top = left / scale, top / scale
    right, bottom = left + side / scale, top + side / scale
    if not padded:
        right, bottom = min(right, image.width), min(bottom, image.height)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA")
    if image.mode not in ("RGB", "CMYK"):  # a fourth channel is dropped, never blended
        image = image.convert("RGB")
    image, profile = to_srgb(image)
    if image.mode != "RGB":
        raise Unusable("CMYK: its colour profile cannot be used; convert it to RGB first")
    place = left, top, right, bottom
    if padded:
        image, place = _on_background(image, *place)
    pixels = np.asarray(image.resize((size, size), RESAMPLING, box=place, reducing_gap=GAP))
    return Decoded(pixels, (width, height), profile, stated, moved, padded)


def _broken(problem: Exception) -> Unusable:
    """Say why a picture cannot be decoded; decoders raise many kinds of exception."""
    text = " ".join(str(problem).split())
    small = text.lower()
    if "too large" in small:
        return Unusable(f"too large: {text}; save the picture without its texts and profiles")
    if "truncated" in small:
        return Unusable(f"truncated: {text}; fetch it again")
    if any(word in small for word in ("not available", "not supported", "unsupported", "not implemented")):
        return Unusable(f"format: {text}; {_CONVERT}")
    if isinstance(problem, OverflowError | struct.error | MemoryError):
        text = "its header states impossible numbers"
    return Unusable(f"unreadable: {text or type(problem).__name__}; fetch it again")


def read_picture(
    content: bytes,
    name: str,
    *,
    size: int,
    crop: float | None = None,
    share: float = 1.0,
    centre: tuple[float, float] | None = None,
    native: tuple[int, int] | None = None,
    spot: Spot | None = None,
) -> Decoded:
    """Decode, convert to sRGB, cut the square, shrink it.

    Parameters
    ----------
    content : bytes
        The whole file.
    name : str
        The file's name, for the reason when it is no image.
    size : int
        Side of the result, pixels.
    crop : float, optional
        Side of the square that shows the physical field, in native pixels; None = `share` of the whole picture,
        which must be square; with `spot`, the longer side of its box.
    share : float, default=1.0
        Used where `crop` is None.
    centre : (float, float), optional
        Centre of the square, as shares of width and height; default: the picture's centre.
    native : (int, int), optional
        Width and height a known set's pictures have; more than 10 px off means that they were rescaled.
    spot : Spot, optional
        Where the square of `crop` pixels lies, as a user says; `centre` and `share` are then not looked at.

    Raises
    ------
    Unusable
        With the reason and the fix.
    """
    try:
        image = _open(content, name)
        deep = _bits_per_channel(image, content) > 8
        _check_colour(image)
        if native and max(abs(image.width - native[0]), abs(image.height - native[1])) > 10:
            raise Unusable(f"unexpected size: {image.width}x{image.height} px, but this set's pictures have "
                           f"{native[0]}x{native[1]} px; use the originals, not a rescaled copy")  # fmt: skip
        decoded = _decode(image, size, crop, share, spot or centre)
    except Unusable:
        raise
    except Exception as problem:
        raise _broken(problem) from problem
    pixels = decoded.pixels
    if deep and pixels.max() < _DARKEST_16_BIT:
        raise Unusable(f"16-bit: its brightest value is {pixels.max()} of 255 after scaling, so that it may hold fewer "
                       "bits; convert all pictures to 8-bit RGB by one factor")  # fmt: skip
    if not (pixels[..., 0] != pixels[..., 1]).any() and not (pixels[..., 1] != pixels[..., 2]).any():
        raise Unusable("grey: three equal channels, but the stain's colour is needed; export the colour image")
    return decoded


def shrink_array(pixels: np.ndarray, *, size: int, share: float = 1.0) -> np.ndarray:
    """Crop and shrink a square picture that is already an array, (S, S, 3) uint8 -> (size, size, 3) uint8."""
    height, width = pixels.shape[:2]
    left, top, side, _ = _box(width, height, None, share, None)
    image = Image.fromarray(pixels)
    return np.asarray(image.resize((size, size), RESAMPLING, box=(left, top, left + side, top + side)))
