"""Checks of notebook 08: another mix, class-balanced weights, how often a class is drawn, two scores that part."""

import warnings

import numpy as np

from wbc_tutorial.course.exercises.answers import agrees, compare, recognise
from wbc_tutorial.course.exercises.explained import explained, measured_and_letter
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint
from wbc_tutorial.course.exercises.reading import array_in, call

__all__ = ["check_another_mix", "check_balanced_weights", "check_class_share", "check_two_scores"]

_CELLS = 200
"""Of the course's patient."""


@exercise("08", "another mix", step="Change only the share of MYO, run the cell twice, and write down both counts.")
def check_another_mix(answer) -> Feedback:
    """Check (cells named blasts at a share of .01, the same at .30, letter) of the patient's 200 cells."""
    read = measured_and_letter(answer, 2)
    if isinstance(read, Feedback):
        return read
    (few, many), letter = read
    if any(value != round(value) or not 0 <= value <= _CELLS for value in (few, many)):
        return hint(f"Expected two numbers of cells, each between 0 and {_CELLS}.")
    if many < few:
        return hint("A larger share can only add cells to a class: is the first number that of .01, the second of .30?")
    if many == few:
        return hint("Both numbers are the same: is the share changed, and does the sum of all shares stay 1?")
    return explained(
        letter,
        "B",
        "The network sees the same cells. Against every other class the blasts' logit rises by log(.30 / .70) - "
        "log(.01 / .99) = 3.7, and a cell in doubt by less than that changes its name: the mix has to be known, not "
        "wished.",
        {
            "A": "But the features are frozen, and so is the head: no weight has changed.",
            "C": "But the same 200 cells were shown: none of them has become a blast.",
            "D": "But the softmax was not made flatter: one logit was moved against all others.",
        },
    )


_COUNTS = (
    ((90, 10, 0), (20, 20, 20)),
    ((5, 31, 0, 238), (88, 227, 0, 0), (1, 2, 3, 4)),
)


def _weights(counts: np.ndarray, wrong: str = "") -> np.ndarray:
    """Return the weights of an image of each pair, right or wrong in a named way; 0 where there is none."""
    n = np.asarray(counts, dtype=float)
    present = (n > 0).sum(axis=1, keepdims=True)
    inverse = np.where(n > 0, 1 / np.maximum(n, 1), 0)
    return {
        "": inverse / present,
        "no classes": inverse,
        "all classes": inverse / n.shape[1],
        "pooled": np.where(n > 0, 1 / np.maximum(n.sum(axis=0), 1), 0) / (n.sum(axis=0) > 0).sum(),
        "natural": np.where(n > 0, 1 / n.sum(axis=1, keepdims=True), 0),
        "root": np.sqrt(inverse) / present,
        "shares": n / n.sum(axis=1, keepdims=True),
    }[wrong]


def _weights_of(function, counts: tuple) -> tuple[np.ndarray | Feedback, bool]:
    """Return what a learner's function makes of counts, or a hint, and whether numpy warned of a division by 0."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = call(function, np.array(counts))
    weights = value if isinstance(value, Feedback) else array_in(value, np.shape(counts))
    return weights, any(issubclass(each.category, RuntimeWarning) for each in caught)


@exercise(
    "08",
    "class-balanced weights",
    step="present = (counts > 0).sum(axis=1, keepdims=True); divide by np.maximum(counts, 1).",
)
def check_balanced_weights(answer) -> Feedback:
    """Check a function: counts (D, C) -> weight of one image of each pair, 0 where the pair does not exist."""
    given, warned = [], False
    for counts in _COUNTS:
        weights, with_warning = _weights_of(answer, counts)
        if isinstance(weights, Feedback):
            return weights
        given.append(weights)
        warned |= with_warning
    if not all(np.isfinite(weights).all() for weights in given):
        return hint("1 / 0: a pair that does not exist needs a weight of 0, not inf or nan.")

    def same(wrong: str) -> bool:
        wanted = [_weights(counts, wrong) for counts in _COUNTS]
        return all(np.allclose(a, b, rtol=1e-3, atol=1e-12) for a, b in zip(given, wanted, strict=True))

    if same("") and warned:
        return hint("The weights are right, but numpy warns: 1 / 0 is computed first. Divide by np.maximum(counts, 1).")
    return recognise(
        same,
        "Summed over the images of a laboratory the weights are 1, and every class has its share.",
        mistakes=[
            ("no classes", "Classes of a laboratory are alike, but one with more classes is drawn more often."),
            ("all classes", "Divide by the classes present in the laboratory, not by all columns of the table."),
            ("pooled", "You count over all laboratories together; balance inside each one."),
            ("natural", "That draws every image of a laboratory alike: its frequent classes stay frequent."),
            ("root", "Half way: the square root tempers the imbalance, it does not remove it."),
            ("shares", "These are the shares of the images as they are; a rare class needs the larger weight."),
        ],
        otherwise="Weight times N[d, c], summed over the classes, should be 1 in each laboratory; equal parts.",
    )


@exercise("08", "how often a class is drawn", step="1/2 * 1/2 in the first laboratory. What in the second?")
def check_class_share(answer) -> Feedback:
    """Check P(class 0) when laboratories are alike and classes alike in each, N = ((90, 10, 0), (20, 20, 20))."""
    return compare(
        answer,
        (1 / 2 + 1 / 3) / 2,
        "Not 1/3: a class that a laboratory lacks leaves its share to the laboratory's other classes.",
        mistakes=[
            (1 / 3, "One third would be right if each laboratory had all three classes; the first has two."),
            (110 / 160, "That is the share of the images as they are, all laboratories in one pot."),
            ((0.9 + 1 / 3) / 2, "Laboratories are alike here, but the classes within them are still as they are."),
            (1 / 2, "That is the share within the first laboratory; the second is drawn as often."),
            (1 / 2 + 1 / 3, "Each laboratory is drawn half the time: take the mean of the two, not the sum."),
            (1 / 6, "That is 1/2 times 1/3; the two laboratories are alternatives, not conditions."),
            (2 / 5, "That counts the five existing pairs alike. Laboratories are alike first, then classes in each."),
        ],
        otherwise="First the laboratory, one half each; then a class among those it has. Add the two ways to class 0.",
        shares=True,
    )


def _which_is_wrong(change: float, balanced_change: float) -> str:
    """Say which of the two changes is wrong, and what it is."""
    if agrees(change, _ACCURACY):
        return "The accuracy is right. Balanced accuracy: mean of the two recalls, before and after."
    if agrees(balanced_change, _BALANCED):
        return "The balanced accuracy is right. Accuracy: right answers among all 100, before and after."
    return "Accuracy counts right answers among 100; balanced accuracy is the mean of the two recalls."


_ACCURACY, _BALANCED = (89 - 92) / 100, (0.9 + 0.8) / 2 - (1 + 0.2) / 2


@exercise(
    "08",
    "two scores that part",
    step="Before: 92 of 100 right, recalls 1.0 and .2. After: 89 right, recalls .9 and .8.",
)
def check_two_scores(answer) -> Feedback:
    """Check (change of accuracy, change of balanced accuracy) when 90/90 and 2/10 right become 81/90 and 8/10."""
    return compare(
        answer,
        (_ACCURACY, _BALANCED),
        "Six rare cells gained, nine frequent ones lost: accuracy falls by .03, balanced accuracy rises by .25.",
        mistakes=[
            ((_BALANCED, _ACCURACY), "The two are swapped: the accuracy first."),
            ((-_ACCURACY, -_BALANCED), "The signs are turned: after minus before."),
            ((0.89, 0.85), "These are the scores after; the question asks for the changes."),
            ((0.92, 0.60), "These are the scores before; the question asks for the changes."),
            ((_BALANCED, _BALANCED), "The first is a share of all 100 images: nine more errors, six fewer."),
            ((_ACCURACY, _ACCURACY), "The second is the mean of the two recalls, each class counted once."),
        ],
        otherwise=_which_is_wrong,
        expected="Expected two numbers: answer = (change of accuracy, change of balanced accuracy).",
        shares=True,
    )
