"""Colour profiles: what a file says its numbers mean; other profiles than sRGB are converted to it."""

import io
import threading

from PIL import Image, ImageCms

__all__ = ["to_srgb"]

_KEPT = threading.local()
"""Per thread: profile and mode -> its transform, which takes longer to make than to use."""
_MOST_KEPT = 32


def _transform(profile: bytes, mode: str) -> tuple[ImageCms.ImageCmsTransform | None, str]:
    """Return the transform to sRGB (None: not needed, or not possible) and the profile's name ('' : sRGB itself)."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = " ".join(ImageCms.getProfileDescription(opened).split()) or "unnamed"
        if "srgb" in name.lower():
            return None, ""
        return ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), mode, "RGB"), name
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None, "unreadable"


def to_srgb(image: Image.Image) -> tuple[Image.Image, str]:
    """Convert a picture by its embedded ICC profile.

    Parameters
    ----------
    image : PIL image
        RGB or CMYK.

    Returns
    -------
    image : PIL image
        RGB in sRGB; unchanged where there is no profile, or none that can be used.
    name : str
        The profile's name where it was used, ``"unreadable"`` where it could not be used, else ``""``.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        return image, ""
    kept = _KEPT.__dict__
    key = (profile, image.mode)
    if key not in kept:
        if len(kept) >= _MOST_KEPT:
            kept.clear()
        kept[key] = _transform(*key)
    transform, name = kept[key]
    return (image if transform is None else ImageCms.applyTransform(image, transform)), name
