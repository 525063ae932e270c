"""Checks of notebook 06: a game without reversal, a gradient by hand, a schedule that waits, what chance is."""

import math

from wbc_tutorial.course.exercises.answers import agrees, compare
from wbc_tutorial.course.exercises.explained import explained, measured_and_letter
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import outcome

__all__ = ["check_chance", "check_no_reversal", "check_reversed_by_hand", "check_waiting_schedule"]


@exercise("06", "without the reversal", step="In play: shown = z in place of the reversal, and loss - ... in the line.")
def check_no_reversal(answer) -> Feedback:
    """Check (discriminator's loss, letter) when its loss is subtracted, not reversed: above 1,000 in 200 steps."""
    read = measured_and_letter(answer, 1)
    if isinstance(read, Feedback):
        return read
    (loss,), letter = read
    if loss < 0:
        return hint(
            "A cross-entropy is not negative: play(...) returns the discriminator's own loss, as its last value."
        )
    if loss < 10:
        return hint(
            "It is far above 10 when the loss is subtracted and nothing is reversed: are both changes made, and is the "
            "cell with `def play` run again?"
        )
    return explained(
        letter,
        "A",
        "Both players are paid for a discriminator that errs. It errs with ever more confidence, the features need not "
        "change, and a reward without a bound drowns the classes too. The layer turns the sign only for what lies "
        "before it.",
        {
            "B": "But features that hold nothing would give it log 2, a blind guess; this loss is far larger.",
            "C": "But a discriminator that learned nothing has a loss of log 2. This one has learned to be wrong.",
            "D": "But nothing is reversed here, so the strength plays no part.",
        },
    )


@exercise(
    "06",
    "a reversed gradient by hand",
    step="dL/d(prediction) = 2 (6 - 1) = 10. For v times w x; for w times v x times -.5.",
)
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


def _plain_schedule(p: float) -> float:
    return 2 / (1 + math.exp(-10 * p)) - 1


def _waiting_schedule(p: float) -> float:
    return _plain_schedule((p - 0.2) / 0.8) if p > 0.2 else 0.0


_SCHEDULE_MISTAKES = (
    (_plain_schedule, "This is the schedule of the notebook: it does not wait."),
    (
        lambda p: _plain_schedule(p - 0.2) if p > 0.2 else 0.0,
        "It waits, but then it runs too slowly to the end: the rest, .8 of the training, is the whole of its way.",
    ),
    (
        lambda p: _plain_schedule((p - 0.2) / 0.8),
        "Below .2 it is negative: the backbone would help the discriminator. Keep it at 0 until then.",
    ),
    (
        lambda p: _plain_schedule(p) if p > 0.2 else 0.0,
        "At .2 it jumps to .76. Let it begin its whole way there, from 0.",
    ),
    (
        lambda p: 2 / (1 + math.exp(-10 * max(0.0, (p - 0.2) / 0.8))),
        "This runs from 1 to 2: subtract 1.",
    ),
    (lambda p: max(0.0, (p - 0.2) / 0.8), "A straight line; the schedule is steep at first and then flat."),
)


@exercise("06", "a schedule that waits", step="q = (p - .2) / .8 is the progress of the rest; s(q) where q is above 0.")
def check_waiting_schedule(answer) -> Feedback:
    """Check a function ``strength(progress)``: 0 up to .2, then the whole schedule over the rest of the training."""
    points = [0.0, 0.1, 0.2, 0.25, 0.4, 0.6, 1.0]
    values = outcome(answer, [(p,) for p in points])
    if isinstance(values, Feedback):
        return values

    def same(function) -> bool:
        return all(agrees(value, function(p), 3) for value, p in zip(values, points, strict=True))

    if same(_waiting_schedule):
        return right("The discriminator has a fifth of the training to itself before anything is hidden from it.")
    for function, text in _SCHEDULE_MISTAKES:
        if same(function):
            return hint(text)
    if any(abs(value) > 5e-4 for value in values[:3]):
        return hint(f"Up to .2 the strength should be 0; at .1 yours is {values[1]:.3g}.")
    return hint(f"It waits, as it should. At .6, half of the rest, it should be .9866; yours is {values[5]:.4g}.")


@exercise(
    "06", "what chance is", step="A third of the guesses is right, and the true laboratory always has the share 1/3."
)
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
