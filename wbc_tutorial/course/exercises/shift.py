"""Checks of notebook 02: stain and light, the physical field, and removing a laboratory's colour."""

import numpy as np

from wbc_tutorial.course.exercises.answers import near, number
from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered

__all__ = ["check_own_colour_removed", "check_physical_crop", "check_stain_twice"]


def check_stain_twice(answer) -> Verdict:
    """Check the pixel value where the background reads 240, one layer of stain reads 60, and there are two."""
    name = "stain twice"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    value = number(answer)
    if value is None:
        return hint(name, "Expected one number, a pixel value between 0 and 255.")
    for wrong, text in (
        (30, "That halves the light. One layer lets 60/240 of it through; how much of that passes a second one?"),
        (0, "Some light always passes: each layer takes the same fraction of what arrives, never all of it."),
        (-120, "Light cannot be negative. Stain adds in optical density, not in pixel values."),
        (120, "More stain should be darker than 60."),
        (2 * np.log10(4), "That is the optical density of both layers. Back to a pixel value: 240 * 10 ** -OD."),
        (60 * 60 / 255, "Nearly: compare with the background's 240, not with 255."),
    ):
        if near(value, float(wrong)):
            return hint(name, text)
    if near(value, 15.0):
        return right(name, "Twice the stain is twice the optical density: a quarter of a quarter of the light.")
    return hint(name, "Compute OD = -log10(60/240) for one layer, double it, and go back: 240 * 10 ** -OD.")


def check_physical_crop(answer) -> Verdict:
    """Check (side of the 25 um crop, um per pixel at 64 px) for images of 512 px at 12.8 pixels per micrometre."""
    name = "the physical field"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if isinstance(answer, str) or not hasattr(answer, "__len__") or not hasattr(answer, "__iter__"):
        return hint(name, "Expected two numbers: answer = (side of the crop in pixels, micrometres per pixel).")
    numbers = [number(value) for value in answer]
    if len(numbers) != 2 or None in numbers:
        return hint(name, "Expected two numbers: answer = (side of the crop in pixels, micrometres per pixel).")
    side, scale = numbers
    if near(side, 512):
        return hint(name, "512 px is the whole image, 40 um wide. How many pixels show 25 um?")
    if near(side, 25 / 12.8, 0.02):
        return hint(name, "Divided the wrong way: 12.8 pixels to each of 25 micrometres.")
    if not near(side, 320):
        return hint(name, "The side of the crop is 25 um times the pixels per micrometre.")
    if near(scale, 1 / 12.8):
        return hint(name, "The crop is right. 1/12.8 um is a native pixel; after resizing, 64 pixels share the 25 um.")
    if near(scale, 64 / 25):
        return hint(
            name, "The crop is right. The second number is upside down: micrometres per pixel, not the reverse."
        )
    if near(scale, 40 / 64):
        return hint(name, "The crop is right. The second number shares the whole 40 um; what is left after the crop?")
    if abs(scale - 25 / 64) > 1e-3:
        return hint(name, "The crop is right. After resizing, how many micrometres does each of the 64 pixels show?")
    return right(name, "25/64 um per pixel, whatever the camera: the same for every laboratory, and that is the point.")


def check_own_colour_removed(answer) -> Verdict:
    """Check a function: images (N, 3, S, S) -> each channel of each image with mean 0 and standard deviation 1."""
    name = "remove an image's own colour"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if not callable(answer):
        return hint(name, "Hand over the function itself, without calling it: answer = my_function.")
    tint = np.array([[1.0, 2.0, 4.0], [3.0, 1.0, 0.5], [0.2, 5.0, 1.0], [2.0, 2.0, 2.0]])[:, :, None, None]
    images = np.random.default_rng(0).normal(size=(4, 3, 8, 8)) * tint + 3 * tint
    try:
        out = np.asarray(answer(images.copy()), dtype=np.float64)
    except Exception as error:
        return hint(name, f"On images of shape (4, 3, 8, 8) your function raised {type(error).__name__}: {error}.")
    if out.shape != images.shape:
        return hint(name, f"Shape (4, 3, 8, 8) became {out.shape}: average with keepdims=True so that it is kept.")

    def centred(axes: tuple[int, ...]) -> np.ndarray:
        return images - images.mean(axis=axes, keepdims=True)

    def standard(axes: tuple[int, ...]) -> np.ndarray:
        return centred(axes) / images.std(axis=axes, keepdims=True)

    if np.allclose(out, standard((2, 3)), atol=1e-2):
        return right(name, "A stain's strength and the light's colour are gone, whichever laboratory they came from.")
    for wrong, text in (
        (standard((0, 2, 3)), "That averages over all images together: each image should lose its own colour."),
        (standard((1, 2, 3)), "That averages over the channels too: each of the three should get mean 0 by itself."),
        (standard((0, 1, 2, 3)), "One mean for everything changes no image's tint: average over axes 2 and 3 only."),
        (centred((2, 3)), "The means are 0. Now divide by each channel's standard deviation as well."),
        (images / images.std(axis=(2, 3), keepdims=True), "The spread is 1. Subtract each channel's mean first."),
        (images, "The images come back unchanged."),
    ):
        if np.allclose(out, wrong, atol=1e-3):
            return hint(name, text)
    return hint(name, "Each channel of each image should end with mean 0 and standard deviation 1: axes 2 and 3.")
