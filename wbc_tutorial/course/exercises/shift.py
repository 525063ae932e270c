"""Checks of notebook 02: stain and light, the physical field, and removing an image's own colour."""

from dataclasses import replace

import numpy as np

from wbc_tutorial.course.exercises.answers import agrees, compare
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import array_in, call, number, numbers_in, what_came
from wbc_tutorial.data.simulator import LOOKS, simulate_cell

__all__ = ["check_more_stain", "check_own_colour_removed", "check_physical_crop", "check_stain_twice"]


@exercise("02", "stain twice", step="One layer lets 60/240 = 1/4 of the light pass. The second lets 1/4 of that pass.")
def check_stain_twice(answer) -> Feedback:
    """Check the pixel value where the background is 240, one layer of stain gives 60, and there are two layers."""
    return compare(
        answer,
        15.0,
        "Twice the stain is twice the optical density: a quarter of a quarter of the light.",
        mistakes=[
            (30.0, "That halves the light. One layer lets 60/240 of it through; how much passes a second one?"),
            (0.0, "Some light always passes: each layer takes the same fraction of what arrives, never all of it."),
            (-120.0, "Light cannot be negative. Stain adds in optical density, not in pixel values."),
            (120.0, "More stain should be darker than 60."),
            (2 * np.log10(4), "That is the optical density of both layers. Back to a pixel value: 240 * 10 ** -OD."),
            (60 * 60 / 255, "Nearly: compare with the background's 240, not with 255."),
        ],
        otherwise="Compute OD = -log10(60/240) for one layer, double it, and go back: 240 * 10 ** -OD.",
        expected="Expected one number, a pixel value between 0 and 255.",
    )


@exercise(
    "02",
    "the physical field",
    step="First 25 µm times 12.8 pixels per µm; then the same 25 µm shared among 64 pixels.",
)
def check_physical_crop(answer) -> Feedback:
    """Check (side of the 25 um crop, um per pixel at 64 px) for images of 512 px at 12.8 pixels per micrometre."""
    numbers = numbers_in(answer, 2)
    if numbers is None:
        expected = "Expected two numbers: answer = (side of the crop in pixels, micrometres per pixel)."
        return hint(f"{expected} {what_came(answer)}")
    side, scale = numbers
    if agrees(scale, 320) and agrees(side, 25 / 64):
        return hint("The right numbers in the wrong order: the side of the crop in pixels comes first.")
    if not agrees(side, 320):
        return hint(_why_wrong_side(side))
    if agrees(scale, 25 / 64):
        return right("25/64 um per pixel, whatever the camera: the same for every laboratory, and that is the point.")
    return hint(f"The crop is right. {_why_wrong_scale(scale)}")


def _why_wrong_side(side: float) -> str:
    if agrees(side, 512):
        return "512 px is the whole image, 40 um wide. How many pixels show 25 um?"
    if agrees(side, 25 / 12.8):
        return "Divided the wrong way: 12.8 pixels to each of 25 micrometres."
    return "The side of the crop is 25 um times the pixels per micrometre."


def _why_wrong_scale(scale: float) -> str:
    if agrees(scale, 1 / 12.8):
        return "1/12.8 um is a native pixel; after resizing, 64 pixels share the 25 um."
    if agrees(scale, 64 / 25):
        return "The second number is upside down: micrometres per pixel, not the reverse."
    if agrees(scale, 40 / 64):
        return "The second number shares the whole 40 um; what is left after the crop?"
    return "After resizing, how many micrometres does each of the 64 pixels show?"


def _standardised(images: np.ndarray, *, over: tuple[int, ...] = (2, 3), centre=True, spread=True) -> np.ndarray:
    """Give images mean 0 and standard deviation 1 over some axes, or only one of the two."""
    out = images - images.mean(axis=over, keepdims=True) if centre else images
    return out / images.std(axis=over, keepdims=True) if spread else out


_COLOUR_MISTAKES = (
    ({"over": (0, 2, 3)}, "That averages over all images together: each image should lose its own colour."),
    ({"over": (1, 2, 3)}, "That averages over the channels too: each of the three should get mean 0 by itself."),
    ({"over": (0, 1, 2, 3)}, "One mean for everything changes no image's tint: average over axes 2 and 3 only."),
    ({"spread": False}, "The means are 0. Now divide by each channel's standard deviation as well."),
    ({"centre": False}, "The standard deviations are 1. Subtract each channel's mean first."),
    ({"centre": False, "spread": False}, "The images come back unchanged."),
)


def _called(function, images: np.ndarray):
    """Call a learner's function with an array; where that fails, with a tensor, as one written for torch needs."""
    value = call(function, images.copy())
    if callable(function) and isinstance(value, Feedback):
        import torch

        as_tensor = call(function, torch.as_tensor(images))
        return value if isinstance(as_tensor, Feedback) else as_tensor
    return value


@exercise(
    "02",
    "remove an image's own colour",
    step="Compute x.mean(axis=(2, 3), keepdims=True) and x.std(axis=(2, 3), keepdims=True); subtract the first, divide "
    "by the second, and return the result.",
)
def check_own_colour_removed(answer) -> Feedback:
    """Check a function: images (N, 3, S, S) -> each channel of each image with mean 0 and standard deviation 1."""
    tint = np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 0.5], [0.2, 5.0, 1.0], [2.0, 2.0, 2.0]])[:, :, None, None]
    shape = (4, 3, 64, 64)  # so large that a division by n - 1 instead of n does not matter
    images = np.random.default_rng(0).normal(size=shape) * tint + 3 * tint
    value = _called(answer, images)
    if isinstance(value, Feedback):
        return value
    out = array_in(value, shape)
    if isinstance(out, Feedback):
        return hint(f"{out.text} Average with keepdims=True, so that the axes are kept.")
    if np.allclose(out, _standardised(images), atol=1e-2):
        return right("A stain's strength and the light's colour are gone, whichever laboratory they came from.")
    for options, text in _COLOUR_MISTAKES:
        if np.allclose(out, _standardised(images, **options), atol=5e-3, rtol=1e-3):
            return hint(text)
    return hint("Each channel of each image should end with mean 0 and standard deviation 1: axes 2 and 3.")


_TIMES = 1.5


def _ratios(stain: float) -> tuple[float, float]:
    """Return what the notebook's box prints: ratio of the optical densities, and of the pixel values."""
    own = replace(LOOKS["sim_acevedo"], noise=0, focus_um=0, focus_spread_um=0, sharpening=0, jpeg_quality=None)
    looks = [replace(own, stain_strength=k) for k in (1.0, stain)]
    one, other = (simulate_cell("sim_acevedo", "LYT", 0, size=128, look=look)[..., 1].astype(float) for look in looks)
    dark, light = one <= np.quantile(one, 0.1), np.quantile(one, 0.98)
    density = [np.log10(light / np.maximum(green[dark], 1)).mean() for green in (one, other)]
    return float(density[1] / density[0]), float(other[dark].mean() / one[dark].mean())


_REASONS = {
    "A": "Pixel values would then fall to two thirds: compare the second of the two printed numbers.",
    "C": "The camera is the same; its noise and its lens are even switched off here.",
    "D": "The cell is the same drawing in both pictures.",
}


@exercise(
    "02",
    "change it and explain",
    step="Set stain = 1.5 in the box above, run it, and read the first of the two printed ratios.",
)
def check_more_stain(answer) -> Feedback:
    """Check (ratio of the optical densities, letter of the reason) when one lymphocyte gets 1.5 times the stain."""
    given = list(answer) if isinstance(answer, list | tuple) and len(answer) == 2 else [None, None]
    if not isinstance(given[1], str) or (ratio := number(given[0])) is None:
        return hint('Expected a number and a letter, such as (0.8, "A").')
    density, value = _ratios(_TIMES)
    if abs(ratio - value) < 0.02:
        return hint("That is the ratio of the pixel values. Which of the two printed numbers is that of the densities?")
    if abs(ratio - _ratios(2.0)[0]) < 0.05:
        return hint("That is the ratio for twice the stain; the exercise asks for one and a half times.")
    if abs(ratio - density) > 0.05:
        return hint(
            f"At 1.5 times the stain the ratio of the densities is not {ratio:.3g}: run the box with stain = 1.5."
        )
    letter = given[1].strip().upper()
    if letter == "B":
        return right(
            "Amounts of dye add in the exponent: optical density grows as the stain does, pixel values do not."
        )
    return hint(_REASONS.get(letter, "The reasons are A, B, C and D."))
