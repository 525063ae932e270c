"""Checks of notebook 09: a paired difference and its spread, what a table carries, how many runs a claim needs."""

import math

import numpy as np

from wbc_tutorial.course.exercises.answers import judge, letters_in, recognise
from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered

__all__ = ["check_paired_difference", "check_runs_needed", "check_what_the_table_carries"]

_RUNS = (
    ((0.40, 0.50, 0.30, 0.45), (0.43, 0.52, 0.31, 0.50)),
    ((0.61, 0.35, 0.42, 0.28, 0.50), (0.60, 0.36, 0.47, 0.27, 0.52)),
)


def _paired(a: np.ndarray, b: np.ndarray, wrong: str = "") -> tuple[float, float]:
    """Mean of ``b - a`` and its standard error over paired runs, right or wrong in a named way."""
    gap, n = b - a, len(a)
    error = gap.std(ddof=1) / math.sqrt(n)
    return {
        "": (gap.mean(), error),
        "sign": (-gap.mean(), error),
        "unpaired": (gap.mean(), math.sqrt((a.var(ddof=1) + b.var(ddof=1)) / n)),
        "deviation": (gap.mean(), gap.std(ddof=1)),
        "deviation, ddof 0": (gap.mean(), gap.std()),
        "ddof 0": (gap.mean(), gap.std() / math.sqrt(n)),
        "by n": (gap.mean(), gap.std(ddof=1) / n),
        "difference of deviations": (gap.mean(), b.std(ddof=1) - a.std(ddof=1)),
    }[wrong]


def check_paired_difference(answer) -> Verdict:
    """Check a function: two lists of F1, run by run -> (mean of second - first, its standard error)."""
    name = "a paired difference"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if not callable(answer):
        return hint(name, "Expected the function itself: answer = paired_difference, without brackets.")
    given = []
    for a, b in _RUNS:
        try:
            values = answer(np.array(a), np.array(b))
            values = None if values is None or values is ... else np.asarray(values, dtype=float)
        except Exception as error:  # any error of a learner's function is a hint
            return hint(name, f"Your function stops with {type(error).__name__}: {error}")
        if values is None:
            return hint(name, "Your function returns nothing yet: replace its ... and end it with return.")
        if values.shape != (2,) or not np.isfinite(values).all():
            return hint(name, "Expected two finite numbers: return the mean difference and its standard error.")
        given.append(values)

    def same(wrong: str) -> bool:
        wanted = [_paired(np.array(a), np.array(b), wrong) for a, b in _RUNS]
        return all(np.allclose(x, y, rtol=1e-4, atol=1e-6) for x, y in zip(given, wanted, strict=True))

    return recognise(
        name,
        same,
        "Run by run first, then mean and spread: what both methods share has dropped out.",
        mistakes=[
            ("sign", "The sign is turned: second minus first, so that a gain of the second is positive."),
            ("unpaired", "That takes the two lists as unrelated. Subtract run by run first, then take the spread."),
            (
                "deviation",
                "That is the spread of single differences; their mean is surer, by the root of their number.",
            ),
            ("deviation, ddof 0", "A sample's spread takes ddof=1, and the mean's error is smaller than the spread."),
            ("ddof 0", "Few runs: use ddof=1, or the spread comes out too small."),
            ("by n", "Divide by the square root of the number of runs, not by the number."),
            ("difference of deviations", "A difference of two spreads is not the spread of the differences."),
        ],
        otherwise="First gap = second - first, one number a run. Then its mean, and std(ddof=1) / sqrt(runs).",
    )


def check_what_the_table_carries(answer) -> Verdict:
    """Check which of A .. E follow from: X +.040 (+.012 .. +.066), Y +.012 (-.006 .. +.031), 15 runs each."""
    name = "what a table carries"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    letters = letters_in(name, answer)
    if isinstance(letters, Verdict):
        return letters
    if letters == {"A", "D"}:
        return right(name, "One gain shown in these runs, one left open: nothing more.")
    for letter, text in (
        ("B", "B: an interval that holds zero shows neither a gain nor that there is none. It leaves the matter open."),
        ("C", "C: both were compared with ERM. Whether X beats Y is a third comparison: pair those two."),
        ("E", "E: other laboratories, stains and classes were not in these runs; the interval knows nothing of them."),
    ):  # fmt: skip
        if letter in letters:
            return hint(name, text)
    if letters == {"A"}:
        return hint(name, "A is right. There is one more, and it is the modest one about Y.")
    return hint(name, "An interval that excludes zero carries a gain in these runs: which statement says just that?")


def check_runs_needed(answer) -> Verdict:
    """Check how many paired runs give a standard error of .01 when single differences spread by .04."""
    return judge(
        "how many runs",
        answer,
        16,
        "The error falls with the root of the runs: four times the precision costs sixteen times the training.",
        mistakes=[
            (4, "Four runs halve the spread, to .02: the error falls with the square root of the number."),
            (2, "Two runs bring .04 to .028: the error falls with the square root of the number."),
            (0.0025, "That is .01 / 4; asked is a number of runs, 1 or more."),
            (0.01, "That is the error; asked is the number of runs that reaches it."),
            (64, "That is (.04 / .005) squared: an error half as large as asked."),
            (15, "Close: .04 / sqrt(15) is .0103, still above .01."),
            (8, "With 8 runs the error is .014: square the ratio .04 / .01, do not double it."),
        ],
        otherwise="Standard error = spread / sqrt(runs). Put in .01 and .04 and solve for the runs.",
    )
