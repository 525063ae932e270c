"""Checks of notebook 06: a reversed gradient by hand, the schedule of its strength, what chance is."""

import math

from wbc_tutorial.course.exercises.answers import agrees, compare
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import outcome

__all__ = ["check_chance", "check_reversed_by_hand", "check_strength_schedule"]


@exercise("06", "a reversed gradient by hand")
def check_reversed_by_hand(answer) -> Feedback:
    """Check the gradients for (w, v): L = (v * reverse(w * x, 0.5) - 1)**2 with x = 2, w = 3, v = 1."""
    return compare(
        answer,
        (-10.0, 60.0),
        "The discriminator's v walks downhill; w, which lies before the reversal, walks uphill at half the slope.",
        expected="Expected two numbers: (gradient for w, gradient for v).",
        mistakes=[
            ((60.0, -10.0), "The right numbers in the wrong order: w first, then v."),
            ((20.0, 60.0), "That is without reversal. What lies before it gets -0.5 times its gradient."),
            ((10.0, 60.0), "The size is right; the reversal also turns the sign of what flows back to w."),
            ((-20.0, 60.0), "The sign is right; the reversal also multiplies by its strength, 0.5."),
            ((-10.0, -30.0), "v lies after the reversal: its gradient is not touched."),
            ((-10.0, -60.0), "v lies after the reversal: its sign is not turned."),
            ((-10.0, 30.0), "v lies after the reversal: its gradient is not multiplied by the strength."),
            ((20.0, -30.0), "The other one is reversed: w lies before the reversal, v after it."),
            ((-5.0, 30.0), "The derivative of a square has a factor 2."),
            ((-10.0, 10.0), "The gradient for v is dL/d(prediction) times what v multiplies, w * x."),
        ],
        otherwise="Forward, nothing happens: v * w * x = 6, so dL/d(prediction) = 10. Then go back, factor by factor.",
    )


_SCHEDULE_MISTAKES = (
    (
        lambda p: 1 / (1 + math.exp(-10 * p)),
        "This runs from .5 to 1, a plain sigmoid. Stretch it: twice the sigmoid, minus 1.",
    ),
    (lambda p: 2 / (1 + math.exp(-10 * p)), "This runs from 1 to 2: subtract 1."),
    (
        lambda p: 1 - 2 / (1 + math.exp(-10 * p)),
        "This runs from 0 to -1. One sign is turned: that of the exponent or that of the whole.",
    ),
    (lambda p: 2 / (1 + math.exp(-p)) - 1, "This rises too slowly: the exponent is -10 p."),
    (lambda p: p, "A straight line; the schedule is steep at first and then flat."),
)


@exercise("06", "the schedule of the strength")
def check_strength_schedule(answer) -> Feedback:
    """Check a function ``strength(progress)``: 0 at the start, .987 half way, nearly 1 at the end."""
    points = [0.0, 0.05, 0.2, 0.5, 0.9, 1.0]
    values = outcome(answer, [(p,) for p in points])
    if isinstance(values, Feedback):
        return values

    def same(function) -> bool:
        return all(agrees(value, function(p), 3) for value, p in zip(values, points, strict=True))

    if same(lambda p: 2 / (1 + math.exp(-10 * p)) - 1):
        return right("Nothing at first, while the discriminator knows nothing; then fast; then nearly constant.")
    for function, text in _SCHEDULE_MISTAKES:
        if same(function):
            return hint(text)
    if not agrees(values[0], 0.0):
        return hint(f"At progress 0 the strength should be 0; yours is {values[0]:.3g}.")
    return hint(f"It starts at 0, as it should. At .5 it should be .9866; yours is {values[3]:.4g}.")


@exercise("06", "what chance is")
def check_chance(answer) -> Feedback:
    """Check (accuracy, loss) of a discriminator that learned nothing, three laboratories, 24 images of each."""
    return compare(
        answer,
        (1 / 3, math.log(3)),
        "Compare the discriminator with these two numbers; with unequal shares, chance is the largest share.",
        expected="Expected two numbers: (accuracy, loss).",
        mistakes=[
            ((math.log(3), 1 / 3), "The right numbers in the wrong order: accuracy first."),
            ((0.5, math.log(2)), "That is for two laboratories; here there are three."),
            ((1 / 24, math.log(24)), "It guesses one of three laboratories, not one of 24 images."),
            ((1 / 72, math.log(72)), "It guesses one of three laboratories, not one of 72 images."),
            ((1 / 3, 1 / 3), "The accuracy is right; the loss is minus the logarithm of the true laboratory's share."),
            ((1 / 3, 2 / 3), "The accuracy is right; the loss is a cross-entropy, not the share of errors."),
            ((1 / 3, -math.log(3)), "A loss is not negative: minus the logarithm of 1/3 is log 3."),
            ((1 / 3, math.log10(3)), "Use the natural logarithm, as torch does."),
            ((1 / 3, math.log2(3)), "Use the natural logarithm, as torch does."),
            ((1 / 3, 0.0), "A loss of 0 belongs to a discriminator that is sure and always right."),
            ((0.0, math.log(3)), "The loss is right; a blind guess is right now and then: how often?"),
        ],
        otherwise="Knowing nothing, it gives each laboratory the same share. How often is it right? And -log of that?",
        shares=(True, False),
    )
