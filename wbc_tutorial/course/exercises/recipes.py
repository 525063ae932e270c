"""Checks of notebook 12: the gap closed, light divided out, a prototype, and what may be chosen where."""

import torch
import torch.nn.functional as F

from wbc_tutorial.course.exercises.answers import compare, letters_in, outcome, recognise
from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered

__all__ = ["check_chosen_where", "check_gap_closed", "check_light_removed", "check_prototype"]


def check_gap_closed(answer) -> Verdict:
    """Check the closed share of the gap: ERM unseen .30, best known .90, a recipe unseen .45 and known .88."""
    return compare(
        "the gap closed",
        answer,
        (0.25,),
        "A quarter of the way from ERM abroad to the best at home; three quarters of the fall are still there.",
        mistakes=[
            ((25,), "Right in per cent; give it as a share between 0 and 1."),
            ((0.15,), "That is the gain itself; divide it by the whole gap."),
            ((0.5,), "That compares with ERM's own score; the gap reaches up to the best known score."),
            ((0.45 / 0.9,), "That is a share of the best score; count from ERM, which is not at zero."),
            ((0.75,), "That is the part that stays open; asked is the part that is closed."),
            ((0.15 / 0.58,), "The gap ends at the best score of any method at home, not at the recipe's own."),
            ((0.6,), "That is the whole gap; the gain belongs above it."),
            ((4.0,), "Turned over: the gain above, the whole gap below."),
        ],
        otherwise="Above: the recipe's gain abroad over ERM. Below: how far ERM abroad lies under the best at home.",
        expected="Expected one number, such as answer = 0.4.",
    )


_GENERATOR = torch.Generator().manual_seed(0)
_IMAGES = 0.1 + 0.5 * torch.rand(2, 3, 4, 5, generator=_GENERATOR)
_LIGHT = torch.tensor([[0.9, 0.7, 0.5], [0.6, 0.8, 0.4]])


def _tensor(value) -> torch.Tensor | None:
    return torch.as_tensor(value) if value is not None and value is not ... else None


def _balanced(images: torch.Tensor, light: torch.Tensor, wrong: str = "") -> torch.Tensor:
    """Divide images by their light, right or wrong in a named way."""
    each = light[:, :, None, None]
    return {
        "": lambda: (images / each).clamp(0, 1),
        "not clipped": lambda: images / each,
        "multiplied": lambda: images * each,
        "subtracted": lambda: images - each,
        "subtracted, clipped": lambda: (images - each).clamp(0, 1),
        "one lamp": lambda: (images / light.mean(1)[:, None, None, None]).clamp(0, 1),
        "first image's": lambda: (images / each[:1]).clamp(0, 1),
        "largest": lambda: (images / light.amax(1)[:, None, None, None]).clamp(0, 1),
        "unchanged": lambda: images,
    }[wrong]()


def check_light_removed(answer) -> Verdict:
    """Check a function: images (N, 3, S, S) and light (N, 3) -> images without their lamp, within 0 and 1."""
    name = "light divided out"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict

    given = outcome(name, answer, [(_IMAGES.clone(), _LIGHT.clone())], _tensor, wanted="a tensor")
    if isinstance(given, Verdict):
        if "light" not in given.text and "broadcast" not in given.text and "size of tensor" in given.text:
            return hint(
                name, "light is (N, 3), the images (N, 3, S, S): give light two more axes, light[:, :, None, None]."
            )
        return given
    if given[0].shape != _IMAGES.shape:
        return hint(name, f"Expected images of the same shape {tuple(_IMAGES.shape)}; got {tuple(given[0].shape)}.")

    def same(wrong: str) -> bool:
        return torch.allclose(given[0].float(), _balanced(_IMAGES, _LIGHT, wrong), atol=1e-5)

    return recognise(
        name,
        same,
        "Divided, not subtracted: a glass half as bright shows every place half as bright.",
        mistakes=[
            ("not clipped", "Nearly: noise above the background now exceeds 1. Keep the result within 0 and 1."),
            ("multiplied", "That puts the lamp in a second time. What undoes a multiplication?"),
            ("subtracted", "Light multiplies what the glass lets through; it is not added to it."),
            ("subtracted, clipped", "Light multiplies what the glass lets through; it is not added to it."),
            ("one lamp", "That removes how bright the lamp is, not its colour: keep one number per channel."),
            ("first image's", "Every image has a lamp of its own: keep the first axis of light."),
            ("largest", "That removes how bright the lamp is, not its colour: keep one number per channel."),
            ("unchanged", "The images come back as they were."),
        ],
        otherwise="Each image and channel by its own light, then clamp(0, 1).",
    )


_WEIGHTS = torch.tensor([3.0, 0.0, 4.0])
_FEATURES = torch.tensor([[1.0, 2.0, 2.0], [9.0, 6.0, -2.0], [0.0, 5.0, 0.0]])


def _prototype(w: torch.Tensor, z: torch.Tensor, wrong: str = "") -> torch.Tensor:
    """Average directions, right or wrong in a named way."""
    unit_w, unit_z = F.normalize(w, dim=0), F.normalize(z, dim=1)
    return {
        "": lambda: F.normalize(unit_w + unit_z.sum(0), dim=0),
        "length": lambda: (unit_w + unit_z.sum(0)) / (len(z) + 1),
        "length of the sum": lambda: unit_w + unit_z.sum(0),
        "raw": lambda: F.normalize(w + z.sum(0), dim=0),
        "raw features": lambda: F.normalize(unit_w + z.sum(0), dim=0),
        "raw weights": lambda: F.normalize(w + unit_z.sum(0), dim=0),
        "half": lambda: F.normalize(unit_w + unit_z.mean(0), dim=0),
        "forgotten": lambda: F.normalize(unit_z.sum(0), dim=0),
        "across": lambda: F.normalize(unit_w + F.normalize(z, dim=0).sum(0), dim=0),
        "unchanged": lambda: unit_w,
    }[wrong]()


def check_prototype(answer) -> Verdict:
    """Check a function: weights w (h,) of a class and its surest features z (n, h) -> the class's new weights (h,)."""
    name = "a class's prototype"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict

    given = outcome(name, answer, [(_WEIGHTS.clone(), _FEATURES.clone())], _tensor, wanted="a tensor")
    if isinstance(given, Verdict):
        return given
    if given[0].shape != _WEIGHTS.shape:
        return hint(name, f"Expected one direction, shape {tuple(_WEIGHTS.shape)}; got {tuple(given[0].shape)}.")

    def same(wrong: str) -> bool:
        return torch.allclose(given[0].double(), _prototype(_WEIGHTS, _FEATURES, wrong).double(), atol=1e-5)

    return recognise(
        name,
        same,
        "No step of training, no label: the class has moved to where this laboratory's cells lie.",
        mistakes=[
            (
                "length",
                "The direction is right. A class with longer weights would be preferred: what length should all have?",
            ),
            (
                "length of the sum",
                "The direction is right. A class with longer weights would be preferred: which length?",
            ),
            ("raw", "Long vectors have more say than short ones here: bring each to length 1 first."),
            ("raw features", "A long feature has more say than a short one here: bring each to length 1 first."),
            ("raw weights", "The trained weights have more say the longer they are: bring them to length 1 as well."),
            ("half", "The old weights count as much as all features together; they should count as one of them."),
            (
                "forgotten",
                "The trained weights are one member too: a class without a sure image must stay where it was.",
            ),
            ("across", "Each feature is a row: its length is taken along the last axis, not over the images."),
            ("unchanged", "These are the trained weights; the laboratory's features have not joined them."),
        ],
        otherwise="Unit vectors: the weights' own and one for each feature. Add them, then bring the sum to length 1.",
    )


def check_chosen_where(answer) -> Verdict:
    """Check which of A .. E may choose a recipe that is then scored on laboratories U and V."""
    name = "chosen where"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    letters = letters_in(name, answer)
    if isinstance(letters, Verdict):
        return letters
    if letters == {"A", "C"}:
        return right(name, "Both look only at laboratories that one trains on; U and V are read once, at the end.")
    for letter, text in (
        ("B", "B: whoever reports the best of ten recipes where it was found reports luck as skill."),
        ("D", "D: half of U's images tell as much about U's stain and light as all of them."),
        ("E", "E: a look that decides is a choice, with or without a number: the ledger would not even show it."),
    ):
        if letter in letters:
            return hint(name, text)
    if letters == {"A"}:
        return hint(name, "A is allowed. It sees no change of laboratory, though: what else may one look at?")
    return hint(name, "C is allowed. There is one more, cheaper and blinder: validation images at home.")
