"""Checks of notebook 08: class-balanced weights, how often a class is drawn, and two scores that part."""

import math
import numbers

import numpy as np

from wbc_tutorial.course.exercises.answers import judge, number, recognise
from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered

__all__ = ["check_balanced_weights", "check_class_share", "check_two_scores"]

_COUNTS = (
    ((90, 10, 0), (20, 20, 20)),
    ((5, 31, 0, 238), (88, 227, 0, 0), (1, 2, 3, 4)),
)


def _weights(counts: np.ndarray, wrong: str = "") -> np.ndarray:
    """Return the weights of an image of each pair, right or wrong in a named way; 0 where there is none."""
    n = np.asarray(counts, dtype=float)
    present = (n > 0).sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore"):
        inverse = np.where(n > 0, 1 / n, 0)
    return {
        "": inverse / present,
        "no classes": inverse,
        "all classes": inverse / n.shape[1],
        "pooled": np.where(n > 0, 1 / np.maximum(n.sum(axis=0), 1), 0) / (n.sum(axis=0) > 0).sum(),
        "natural": np.where(n > 0, 1 / n.sum(axis=1, keepdims=True), 0),
        "root": np.sqrt(inverse) / present,
        "shares": n / n.sum(axis=1, keepdims=True),
    }[wrong]


def check_balanced_weights(answer) -> Verdict:
    """Check a function: counts (D, C) -> weight of one image of each pair, 0 where the pair does not exist."""
    name = "class-balanced weights"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if not callable(answer):
        return hint(name, "Expected the function itself: answer = balanced_weights, without brackets.")
    given = []
    for counts in _COUNTS:
        try:
            with np.errstate(all="ignore"):
                values = answer(np.array(counts))
            values = None if values is None or values is ... else np.asarray(values, dtype=float)
        except Exception as error:  # any error of a learner's function is a hint
            return hint(name, f"Your function stops with {type(error).__name__}: {error}")
        if values is None:
            return hint(name, "Your function returns nothing yet: replace its ... and end it with return.")
        if values.shape != np.shape(counts):
            return hint(name, f"Expected one weight per pair, shape {np.shape(counts)}; got {values.shape}.")
        given.append(values)
    if not all(np.isfinite(values).all() for values in given):
        return hint(name, "1 / 0: a pair that does not exist needs a weight of 0, not inf or nan.")

    def same(wrong):
        wanted = [_weights(counts, wrong) for counts in _COUNTS]
        return all(np.allclose(a, b, rtol=1e-6, atol=1e-12) for a, b in zip(given, wanted, strict=True))

    return recognise(
        name,
        same,
        "Summed over the images of a laboratory the weights are 1, and every class has its share.",
        mistakes=[
            (
                "no classes",
                "Classes of a laboratory are alike, but a laboratory with more classes is drawn more often.",
            ),
            ("all classes", "Divide by the classes present in the laboratory, not by all columns of the table."),
            ("pooled", "You count over all laboratories together; balance inside each one."),
            ("natural", "That draws every image of a laboratory alike: its frequent classes stay frequent."),
            ("root", "Half way: the square root tempers the imbalance, it does not remove it."),
            ("shares", "These are the shares of the images as they are; a rare class needs the larger weight."),
        ],
        otherwise="Weight times N[d, c], summed over the classes, should be 1 in each laboratory; equal parts.",
    )


def check_class_share(answer) -> Verdict:
    """Check P(class 0) when laboratories are alike and classes alike in each, N = ((90, 10, 0), (20, 20, 20))."""
    return judge(
        "how often a class is drawn",
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
    )  # fmt: skip


def check_two_scores(answer) -> Verdict:
    """Check (change of accuracy, change of balanced accuracy) when 90/90 and 2/10 right become 81/90 and 8/10."""
    name = "two scores that part"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if isinstance(answer, str) or not hasattr(answer, "__len__") or not hasattr(answer, "__getitem__"):
        return hint(name, "Expected two numbers: answer = (change of accuracy, change of balanced accuracy).")
    try:
        values = [number(value) for value in answer]
    except Exception:
        return hint(name, "Expected two numbers in a tuple or a list.")
    if len(values) != 2 or None in values:
        return hint(name, "Expected exactly two finite numbers.")
    micro, macro = (89 - 92) / 100, (0.9 + 0.8) / 2 - (1 + 0.2) / 2

    def near(*wanted: numbers.Real) -> bool:
        return all(math.isclose(a, b, abs_tol=1.5e-3) for a, b in zip(values, wanted, strict=True))

    if near(micro, macro):
        return right(name, "Six rare cells gained, nine frequent ones lost: micro falls by .03, macro rises by .25.")
    for wanted, text in (
        ((macro, micro), "The two are swapped: the accuracy first."),
        ((-micro, -macro), "The signs are turned: after minus before."),
        ((100 * micro, 100 * macro), "Right in per cent; give both as numbers between -1 and 1."),
        ((0.89, 0.85), "These are the scores after; the question asks for the changes."),
        ((0.92, 0.60), "These are the scores before; the question asks for the changes."),
        ((macro, macro), "The first is a share of all 100 images: nine more errors, six fewer."),
        ((micro, micro), "The second is the mean of the two recalls, each class counted once."),
    ):
        if near(*wanted):
            return hint(name, text)
    if math.isclose(values[0], micro, abs_tol=1.5e-3):
        return hint(name, "The accuracy is right. Balanced accuracy: mean of the two recalls, before and after.")
    if math.isclose(values[1], macro, abs_tol=1.5e-3):
        return hint(name, "The balanced accuracy is right. Accuracy: right answers among all 100, before and after.")
    return hint(name, "Accuracy counts right answers among 100; balanced accuracy is the mean of the two recalls.")
