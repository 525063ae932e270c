"""Looks: stain, light, optics and camera of the three simulated laboratories."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

__all__ = ["LOOKS", "LOOK_PARTS", "Look", "exchanged", "look_of"]

RGB = tuple[float, float, float]


@dataclass(frozen=True)
class Look:
    """Everything a laboratory adds to a cell. Change one knob with `dataclasses.replace`.

    The image is ``background * 10 ** -(sum over stains of amount * absorbance)`` (Beer-Lambert), then blurred,
    sampled, vignetted, balanced and compressed. Spreads are standard deviations from image to image.

    Attributes
    ----------
    chromatin, rna, eosin, haemoglobin, azurophil, basophilic : tuple of 3 float
        Absorbance (optical density to base 10) in red, green and blue of one unit of each of `morphology.STAINS`.
    background : tuple of 3 float
        Light that reaches the camera where there is nothing, in [0, 1].
    px_per_um : float
        The camera's own sampling, pixels per micrometre.
    image_px : tuple of int
        Width and height of the native image, pixels.
    stain_strength : float, default=1
        Multiplies every absorbance: longer staining, thicker film.
    stain_spread, tint_spread : float, default=0.1, 0.08
        Spread of the strength of all stains together, and of each one by itself (log-normal, fractions).
    background_spread : float, default=0.02
        Spread of the background's brightness (fraction).
    white_balance : tuple of 3 float, default=(1, 1, 1)
        Gain of the camera's red, green and blue channels.
    white_balance_spread : float, default=0.01
        Spread of those gains, each by itself (fraction).
    vignetting : float, default=0.03
        Light lost at the corner of a 25 um field (fraction); it grows with the square of the radius.
    focus_um, focus_spread_um : float, default=0.15, 0.08
        Standard deviation of the blur spot, micrometres, and its spread (half-normal, added).
    sharpening : float, default=0
        Unsharp mask applied by the camera (0 = none; the halo's width is 0.35 um).
    noise : float, default=0.01
        Standard deviation of the sensor's noise per native pixel, in [0, 1].
    jpeg_quality : int or None, default=90
        Quality of the compression (1..95); None = stored without loss.
    """

    chromatin: RGB
    rna: RGB
    eosin: RGB
    haemoglobin: RGB
    azurophil: RGB
    basophilic: RGB
    background: RGB
    px_per_um: float
    image_px: tuple[int, int]
    stain_strength: float = 1.0
    stain_spread: float = 0.1
    tint_spread: float = 0.08
    background_spread: float = 0.02
    white_balance: RGB = (1.0, 1.0, 1.0)
    white_balance_spread: float = 0.01
    vignetting: float = 0.03
    focus_um: float = 0.15
    focus_spread_um: float = 0.08
    sharpening: float = 0.0
    noise: float = 0.01
    jpeg_quality: int | None = 90

    @property
    def absorbances(self) -> tuple[RGB, ...]:
        """Absorbance of each stain, in the order of `morphology.STAINS`, at this look's strength."""
        stains = (self.chromatin, self.rna, self.eosin, self.haemoglobin, self.azurophil, self.basophilic)
        k = self.stain_strength
        return tuple((k * red, k * green, k * blue) for red, green, blue in stains)


LOOKS: Mapping[str, Look] = MappingProxyType({
    "sim_matek": Look(
        chromatin=(0.40, 1.02, 0.18), rna=(0.24, 0.25, 0.05), eosin=(0.09, 0.26, 0.15),
        haemoglobin=(0.08, 0.175, 0.09), azurophil=(0.26, 0.62, 0.16), basophilic=(0.50, 1.0, 0.28),
        background=(0.953, 0.937, 0.93), px_per_um=13.8, image_px=(400, 400), stain_spread=0.12,
        background_spread=0.02, white_balance_spread=0.012, vignetting=0.02, focus_um=0.17,
        focus_spread_um=0.12, noise=0.012, jpeg_quality=None),
    "sim_acevedo": Look(
        chromatin=(0.39, 0.555, 0.138), rna=(0.26, 0.27, 0.06), eosin=(0.11, 0.31, 0.17),
        haemoglobin=(0.09, 0.125, 0.10), azurophil=(0.26, 0.5, 0.12), basophilic=(0.38, 0.60, 0.12),
        background=(0.985, 0.888, 0.785), px_per_um=10.0, image_px=(360, 363), stain_spread=0.07,
        tint_spread=0.06, background_spread=0.008, white_balance_spread=0.006, vignetting=0.01, focus_um=0.12,
        focus_spread_um=0.05, sharpening=0.7, noise=0.008, jpeg_quality=92),
    "sim_mll": Look(
        chromatin=(0.45, 0.94, 0.38), rna=(0.30, 0.33, 0.14), eosin=(0.10, 0.26, 0.14),
        haemoglobin=(0.13, 0.21, 0.12), azurophil=(0.26, 0.55, 0.26), basophilic=(0.50, 0.95, 0.40),
        background=(0.91, 0.885, 0.925), px_per_um=11.52, image_px=(288, 288), stain_spread=0.13,
        tint_spread=0.1, background_spread=0.045, white_balance_spread=0.02, vignetting=0.05, focus_um=0.18,
        focus_spread_um=0.12, noise=0.016, jpeg_quality=None),
})  # fmt: skip
"""The three simulated laboratories. Colours follow the published statistics of their real twins.

Those statistics (`Laboratory.mean_rgb`, `std_rgb`) belong to the whole native images: 29, 36 and 25 um wide. They are
matched, within .03, by the 25 um fields at 64 px. A real 25 um crop of Ace_20 is darker (.831 .699 .704, spread .206
.235 .089), as it holds less background than the 36 um image; `sim_acevedo` lies between the two.
"""


def look_of(laboratory: str) -> Look:
    """Return how a simulated laboratory sees a cell.

    Parameters
    ----------
    laboratory : str
        ``"sim_matek"``, ``"sim_acevedo"`` or ``"sim_mll"``.

    Raises
    ------
    ValueError
        If `laboratory` is none of the three.

    Examples
    --------
    >>> look_of("sim_acevedo").px_per_um
    10.0
    """
    if laboratory not in LOOKS:
        raise ValueError(f"unknown simulated laboratory {laboratory!r}: expected one of {', '.join(LOOKS)}")
    return LOOKS[laboratory]


LOOK_PARTS: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "dyes": (
        "chromatin", "rna", "eosin", "haemoglobin", "azurophil", "basophilic", "stain_strength", "stain_spread",
        "tint_spread",
    ),
    "light": ("background", "background_spread", "white_balance", "white_balance_spread", "vignetting"),
    "lens": ("px_per_um", "focus_um", "focus_spread_um", "sharpening"),
    "sensor": ("noise", "jpeg_quality"),
})  # fmt: skip
"""What of a look belongs together. The picture's size alone is left: it matters only where whole images are used."""


def exchanged(look: Look, other: Look, *parts: str) -> Look:
    """Return a look with some of its parts exchanged for another's.

    Parameters
    ----------
    look, other : Look
    *parts : str
        Of `LOOK_PARTS`: ``"dyes"``, ``"light"``, ``"lens"``, ``"sensor"``.

    Raises
    ------
    ValueError
        A part that does not exist.

    Examples
    --------
    >>> one, other = LOOKS["sim_acevedo"], LOOKS["sim_mll"]
    >>> mixed = exchanged(one, other, "light")
    >>> mixed.background == other.background, mixed.chromatin == one.chromatin
    (True, True)
    """
    unknown = [part for part in parts if part not in LOOK_PARTS]
    if unknown:
        raise ValueError(f"unknown part {unknown[0]!r} of a look: expected some of {', '.join(LOOK_PARTS)}")
    names = [name for part in parts for name in LOOK_PARTS[part]]
    return replace(look, **{name: getattr(other, name) for name in names})
