"""Checks of notebook 09: shared luck, a paired difference, what a table carries, how many runs a claim needs."""

import math

import numpy as np

from wbc_tutorial.course.exercises.answers import compare, recognise
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import array_in, letters_in, number, outcome
from wbc_tutorial.course.exercises.statements import check_letters

__all__ = ["check_paired_difference", "check_runs_needed", "check_shared_luck", "check_what_the_table_carries"]


@exercise("09", "shared luck", step="Run it with fold_sd=0.09, then with seeds=30. Which share moves, which stays?")
def check_shared_luck(answer) -> Feedback:
    """Check which of A .. E explain what happens in the coverage laboratory when the luck of the folds grows."""
    return check_letters(
        answer,
        "BD",
        "Seeds of a fold rise and fall with it: they are one piece of news, told three times.",
        wrong={
            "A": "with 95 of 100 before and after, the mean of the folds does not suffer. Which interval does?",
            "C": "try it: with more seeds the interval over all runs becomes narrower and misses more often.",
            "E": "try it: ten times as many draws leave the share where it is. What is drawn is the trouble.",
        },
        missing={
            "B": "what do the three seeds of one fold have in common?",
            "D": "which interval keeps its 95 of 100, and what is done before it is taken?",
        },
    )


_RUNS = (
    ((0.40, 0.50, 0.30, 0.45), (0.43, 0.52, 0.31, 0.50)),
    ((0.61, 0.35, 0.42, 0.28, 0.50), (0.60, 0.36, 0.47, 0.27, 0.52)),
)


_TEST_PER_TRAINING = 0.25
"""Test images per training image of five folds."""


def _paired(a: np.ndarray, b: np.ndarray, wrong: str = "") -> tuple[float, float]:
    """Mean of ``b - a`` and its corrected standard error over paired folds, right or wrong in a named way."""
    gap, n = b - a, len(a)
    spread, inflated = gap.std(ddof=1), math.sqrt(1 / n + _TEST_PER_TRAINING)
    return {
        "": (gap.mean(), spread * inflated),
        "sign": (-gap.mean(), spread * inflated),
        "unpaired": (gap.mean(), math.sqrt(a.var(ddof=1) + b.var(ddof=1)) * inflated),
        "uncorrected": (gap.mean(), spread / math.sqrt(n)),
        "correction alone": (gap.mean(), spread * math.sqrt(_TEST_PER_TRAINING)),
        "added outside": (gap.mean(), spread * (1 / math.sqrt(n) + _TEST_PER_TRAINING)),
        "deviation": (gap.mean(), spread),
        "ddof 0": (gap.mean(), gap.std() * inflated),
        "difference of deviations": (gap.mean(), b.std(ddof=1) - a.std(ddof=1)),
    }[wrong]


@exercise(
    "09",
    "a paired difference",
    step="gap = second - first is one number a fold; its std(ddof=1) is s, and the length of the arrays is k.",
)
def check_paired_difference(answer) -> Feedback:
    """Check a function: two arrays of F1, a value per fold -> (mean of second - first, its corrected standard error).

    The correction is that of Nadeau and Bengio (2003): s * sqrt(1 / k + test images / training images).
    """
    runs = [(np.array(a), np.array(b)) for a, b in _RUNS]
    given = outcome(answer, [(a.copy(), b.copy()) for a, b in runs], lambda value: array_in(value, (2,)))
    if isinstance(given, Feedback):
        return given
    if not all(np.isfinite(values).all() for values in given):
        return hint("Expected two finite numbers: return the mean difference and its corrected standard error.")

    def same(wrong: str) -> bool:
        wanted = [_paired(a, b, wrong) for a, b in runs]
        return all(np.allclose(x, y, rtol=0, atol=5.1e-4) for x, y in zip(given, wanted, strict=True))

    return recognise(
        same,
        "Fold by fold first; and as folds share images, the error is half as large again.",
        mistakes=[
            ("sign", "The sign is turned: second minus first, so that a gain of the second is positive."),
            ("unpaired", "That takes the two lists as unrelated. Subtract fold by fold first, then take the spread."),
            (
                "uncorrected",
                "That is about the plain error, for folds that share nothing. Add .25 to 1/k, then take the root.",
            ),
            ("correction alone", "Under the root stands .25 alone. Where is 1/k?"),
            ("added outside", "1/k and .25 are added first; then the root is taken of the sum."),
            ("deviation", "That is the spread of single differences, s. Multiply it by the root of 1/k + .25."),
            ("ddof 0", "Few folds: use ddof=1, or the spread comes out too small."),
            ("difference of deviations", "A difference of two spreads is not the spread of the differences."),
        ],
        otherwise="First gap = second - first, one number a fold. Then its mean, and s = std(ddof=1) times a root.",
    )


_WRONG_STATEMENTS = (
    ("B", "B: an interval that holds zero shows neither a gain nor that there is none. It leaves the question open."),
    ("C", "C: both were compared with ERM. Whether X beats Y is a third comparison: pair those two."),
    ("E", "E: other laboratories, stains and classes were not in these runs; the interval knows nothing of them."),
)


@exercise(
    "09",
    "what a table carries",
    step="Take the statements one by one: which runs, which laboratory, which pair does each speak of?",
)
def check_what_the_table_carries(answer) -> Feedback:
    """Check which of A .. E follow from: X +.040 (+.013 .. +.067), Y +.012 (-.006 .. +.030), 15 runs each."""
    letters = letters_in(answer)
    if isinstance(letters, Feedback):
        return letters
    if letters == {"A", "D"}:
        return right("One gain shown in these runs, one left open: nothing more.")
    for letter, text in _WRONG_STATEMENTS:
        if letter in letters:
            return hint(text)
    if letters == {"A"}:
        return hint("A is right. There is one more, and it is the modest one about Y.")
    return hint("An interval that excludes zero shows a gain in these runs: which statement says just that?")


@exercise("09", "how many runs", step=".04 / sqrt(n) = .01: square both sides.")
def check_runs_needed(answer) -> Feedback:
    """Check how many paired runs give a standard error of .01 when single differences spread by .04."""
    value = number(answer)
    if value is not None and value > 1 and abs(value - round(value)) > 1e-6:
        return hint("A number of runs is a whole number.")
    return compare(
        answer,
        16.0,
        "The error falls with the root of the runs: four times the precision costs sixteen times the training.",
        mistakes=[
            (4.0, "Four runs halve the spread, to .02: the error falls with the square root of the number."),
            (2.0, "Two runs bring .04 to .028: the error falls with the square root of the number."),
            (0.0025, "That is .01 / 4; asked is a number of runs, 1 or more."),
            (0.01, "That is the error; asked is the number of runs that reaches it."),
            (64.0, "That is (.04 / .005) squared: an error half as large as asked."),
            (15.0, "Close: .04 / sqrt(15) is .0103, still above .01."),
            (8.0, "With 8 runs the error is .014: square the ratio .04 / .01, do not double it."),
        ],
        otherwise="Standard error = spread / sqrt(runs). Put in .01 and .04 and solve for the runs.",
    )
