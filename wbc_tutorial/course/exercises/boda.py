"""Checks of notebook 07: a scale for one pair, the loss of one image by hand, the factor of a pair, a loss to fix."""

import math

from wbc_tutorial.course.exercises.answers import agrees, compare
from wbc_tutorial.course.exercises.explained import explained, measured_and_letter
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import call

__all__ = ["check_boda_by_hand", "check_count_factor", "check_fixed_loss", "check_scale_for_one"]


def _factor(own: float, other: float, nu: float = 0.5) -> float:
    """Return the factor on the distance to the positive, with a temperature and a scale of 1."""
    return (other / own) ** nu / own


@exercise(
    "07", "a scale for one pair", step="The scale is 1 / (factor of EBO in Ace_20); then multiply MMZ's .548 by it."
)
def check_scale_for_one(answer) -> Feedback:
    """Check (scale that lifts Ace_20's erythroblasts to a factor of 1, Mat_19's metamyelocytes under it, letter)."""
    from wbc_tutorial.data.classes import CODES
    from wbc_tutorial.data.laboratories import LABORATORIES

    read = measured_and_letter(answer, 2)
    if isinstance(read, Feedback):
        return read
    (scale, rare), letter = read
    matek, acevedo = (LABORATORIES[name].counts for name in ("matek_19", "acevedo_20"))
    ebo, mmz = CODES.index("EBO"), CODES.index("MMZ")
    right_scale = 1 / _factor(acevedo[ebo], matek[ebo])
    right_rare = right_scale * _factor(matek[mmz], acevedo[mmz])
    if agrees(scale, right_scale**-1):
        return hint("That is the factor itself; the scale is what it has to be multiplied by to become 1.")
    if agrees(scale, 1 / _factor(matek[ebo], acevedo[ebo])):
        return hint("That is the scale for Mat_19's erythroblasts; those of Ace_20 were asked.")
    if not agrees(scale, right_scale):
        return hint("The scale times the factor of EBO in Ace_20 should be 1: read that factor in the table.")
    if not agrees(rare, right_rare):
        return hint("The scale is right. It multiplies all factors alike, also MMZ's .548 in Mat_19.")
    return explained(
        letter,
        "D",
        "No single number brings all pairs into the zone where a distance can be felt: what lifts the frequent pairs "
        "makes the rarest ones dominate the loss.",
        {
            "A": "But count_scale multiplies the distances of all pairs alike: their ratios stay as they were.",
            "B": "But a distance thousands of times as long does not make a flat softmax; it makes a hard one.",
            "C": "But nu acts through ratios of counts, and a common scale does not change them.",
        },
    )


@exercise("07", "one image by hand", step="exp(-1) = .368, exp(-2) = .135, exp(-3) = .050. Which share has the first?")
def check_boda_by_hand(answer) -> Feedback:
    """Check the DoDA loss of an image at distances .5 (own pair), 1 (positive), 2 and 3 (negatives)."""
    own, near, mid, far = (math.exp(-a) for a in (0.5, 1, 2, 3))
    return compare(
        answer,
        1 + math.log(near + mid + far),
        "Minus the logarithm of the positive's share: a cross-entropy whose logits are minus the distances.",
        mistakes=[
            (1 + math.log(own + near + mid + far), "The image's own pair is left out of the denominator."),
            (1 + math.log(mid + far), "The denominator holds the positives too, not the negatives alone."),
            (1 + math.log(math.exp(-1) + math.exp(-4) + math.exp(-9)), "The distances enter as they are, not squared."),
            (-1 - math.log(near + mid + far), "The sign is turned: minus the log of a share is positive."),
            (near / (near + mid + far), "This is the positive's share; the loss is minus its logarithm."),
            (math.log(near + mid + far), "This is the log of the denominator; the positive's distance is missing."),
            (-1 + math.log(sum(map(math.exp, (1, 2, 3)))), "The softmax runs over minus the distances."),
            (-math.log10(near / (near + mid + far)), "Use the natural logarithm, math.log, as torch does."),
        ],
        otherwise="The positive's share is exp(-1) over the sum of exp(-distance) over all pairs but the own one.",
    )


@exercise("07", "the factor of a pair", step="sqrt(1218 / 79) = 3.93. What is still to be divided by?")
def check_count_factor(answer) -> Feedback:
    """Check the factor on the positive distance of a Mat_19 basophil: N 79 against 1218, nu .5, T 1."""
    own, other = 79, 1218
    ratio = math.sqrt(other / own)
    return compare(
        answer,
        ratio / own,
        "A move by 1 counts as .05: twenty times less than in DoDA, and this pair is a small one.",
        mistakes=[
            (ratio, "This is the calibration alone; balanced BoDA also divides by the image's own count."),
            (1 / own, "This is nu = 0; the ratio of the counts to the power nu is missing."),
            (other / own / own, "This is nu = 1; with nu = .5 take the square root of the ratio."),
            (ratio / other, "Own and other are swapped somewhere: other over own in the ratio, own in the division."),
            (ratio * own, "Balanced means divided by the count, not multiplied."),
            (0.5 * other / own / own, "nu is a power, not a factor."),
        ],
        otherwise="(N of the other pair / N of the own pair) to the power nu, divided by N of the own pair and T.",
    )


def _cases():
    """(name, distances, positive, exists) of one image each; the own pair is not among them."""
    import torch

    return [
        ("plain", torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1, 0, 0]) > 0, torch.tensor([1, 1, 1]) > 0),
        ("two positives", torch.tensor([1.0, 4.0, 2.5]), torch.tensor([1, 1, 0]) > 0, torch.tensor([1, 1, 1]) > 0),
        ("ghost", torch.tensor([1.0, 2.0, 0.0]), torch.tensor([1, 0, 0]) > 0, torch.tensor([1, 1, 0]) > 0),
        ("ghost positive", torch.tensor([1.0, 0.0, 2.0]), torch.tensor([1, 1, 0]) > 0, torch.tensor([1, 0, 1]) > 0),
        ("far", torch.tensor([900.0, 950.0, 2000.0]), torch.tensor([1, 0, 0]) > 0, torch.tensor([1, 1, 1]) > 0),
        ("alone", torch.tensor([1.0, 2.0]), torch.tensor([0, 0]) > 0, torch.tensor([1, 1]) > 0),
    ]


def _fixed(a, positive, exists):
    """Return what the answer should, to compare with."""
    import torch

    positive = positive & exists
    if not positive.any():
        return 0.0 * a.sum()
    return a[positive].mean() + torch.logsumexp(-a[exists], 0)


_HINTS = {
    "plain": "Already for distances 1 (positive), 2 and 3 the value is off: positive's distance + log of the sum.",
    "two positives": "With two positives it is off: take the mean of the terms over the positives.",
    "ghost": "A pair that does not exist still takes its share of the softmax: exp(0) = 1. Use `exists`.",
    "ghost positive": "A positive that does not exist is no positive: combine `positive` with `exists`.",
    "far": "At distances of 900 and more every exp is 0 and log 0 is -inf: torch.logsumexp survives.",
    "alone": "An image without any positive should give exactly 0: mean over an empty tensor is nan.",
}


def _fault(function, case: str, distances, positive, exists) -> Feedback | str | None:
    """Say what is wrong with a learner's loss of one image, or nothing; a function that fails has its own feedback."""
    import torch

    a, reference = distances.clone().requires_grad_(), distances.clone().requires_grad_()
    loss = call(function, a, positive.clone(), exists.clone())
    if isinstance(loss, Feedback):
        return loss
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        return f"Return one number as a tensor: got {type(loss).__name__}."
    expected = _fixed(reference, positive, exists)
    if not torch.allclose(loss.detach().reshape(()).float(), expected.detach(), atol=1e-5, rtol=1e-5):
        return _HINTS[case]
    if not loss.requires_grad:
        return f"In the case '{case}' the result has no graph: return 0 * distances.sum(), not a plain 0."
    (gradient,) = torch.autograd.grad(loss.sum(), a, allow_unused=True)
    (wanted,) = torch.autograd.grad(expected, reference)
    if gradient is None or not torch.allclose(gradient, wanted, atol=1e-5):
        return f"In the case '{case}' the value is right but the gradient is not: is there a nan in it?"
    return None


@exercise(
    "07",
    "a loss to fix",
    step="positive = positive & exists; distances[positive].mean() + torch.logsumexp(-distances[exists], 0).",
)
def check_fixed_loss(answer) -> Feedback:
    """Check a function ``(distances, positive, exists) -> loss of one image`` that survives ghosts and far points."""
    for case in _cases():
        fault = _fault(answer, *case)
        if isinstance(fault, Feedback):
            return fault
        if fault:
            return hint(fault)
    return right("Mask, then log-sum-exp, then a 0 that keeps its graph: these three guards are all it takes.")
