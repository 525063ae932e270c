"""Checks of notebook 10: ten times the features, a silhouette, what a mix of classes and a picture give away."""

import numbers
import re

import numpy as np

from wbc_tutorial.course.exercises.answers import compare, recognise
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right, your_turn
from wbc_tutorial.course.exercises.reading import items, outcome
from wbc_tutorial.course.exercises.statements import check_letters

__all__ = ["check_class_mix", "check_silhouette_by_hand", "check_ten_times_the_features", "check_umap_claims"]


@exercise(
    "10", "ten times the features", step="Print alpha, the ratio and the silhouettes before and after, side by side."
)
def check_ten_times_the_features(answer) -> Feedback:
    """Check which of A .. E hold when all features are multiplied by ten and the measures are taken again."""
    return check_letters(
        answer,
        "CD",
        "A length alone says nothing: divide it by another length of the same space.",
        wrong={
            "A": "compare the two accuracies: the classifier brings every feature to spread 1 before it learns.",
            "B": "print both: a silhouette is a ratio of distances. What happens to a ratio when both sides grow?",
            "E": "no image has changed its neighbours: all distances grew alike.",
        },
        missing={
            "C": "which number of the graph's title compares two lengths of the same space?",
            "D": "could a method lower alpha without moving one image past another?",
        },
    )


@exercise("10", "a silhouette by hand", step="a = (1 + 5) / 2; then the mean distance to B, (6 + 10) / 2, and to C.")
def check_silhouette_by_hand(answer) -> Feedback:
    """Check the silhouette of the image at 0: class A at 0, 1 and 5, class B at 6 and 10, class C at 20 and 22."""
    return compare(
        answer,
        5 / 8,
        "a = 3, b = 8. Far from 1 although class B is farther than class A is wide: silhouettes are strict.",
        mistakes=[
            (-5 / 8, "The sign is turned: an image nearer to its own class than to others has a positive silhouette."),
            ((8 - 2) / 8, "a is the mean distance to the *others* of the class: the image itself does not count."),
            ((8 - 1) / 8, "a is the *mean* distance to the others of the class, not the distance to the nearest."),
            ((6 - 3) / 6, "b is the *mean* distance to the other class, not the distance to its nearest image."),
            ((6 - 1) / 6, "Both distances are means: a over the others of the class, b over all images of class B."),
            ((14.5 - 3) / 14.5, "b is the mean over the *nearest* other class, not over all images of other classes."),
            ((21 - 3) / 21, "b belongs to the nearest other class, not to the farthest."),
            (5.0, "b - a is right; now divide it by the larger of the two."),
            (5 / 3, "Divide by the larger of a and b: a silhouette never exceeds 1."),
            (3 / 8, "That is a / b; the silhouette is (b - a) / max(a, b)."),
            (5 / 11, "Divide by the larger of a and b, not by their sum."),
        ],
        otherwise="First a: the mean of two distances. Then, for B and for C, the mean distance; b is the smaller one.",
        expected="Expected one number between -1 and 1, for example answer = 0.5.",
        shares=True,
    )


_COUNTS = (((80, 20), (30, 170)), ((50, 0, 50), (20, 20, 60), (0, 90, 10)), ((7, 3, 5), (14, 6, 40)))


def _class_mix(counts, wrong: str = "") -> float:
    """Balanced accuracy of naming the laboratory by the class alone, right or wrong in a named way."""
    n = np.asarray(counts, dtype=float)
    within = n / n.sum(axis=1, keepdims=True)  # P(class | laboratory)
    by_count = np.eye(len(n))[n.argmax(axis=0)].T  # the laboratory with most images of the class
    return {
        "": within.max(axis=0).sum() / len(n),
        "accuracy": n.max(axis=0).sum() / n.sum(),
        "most images": (within * by_count).sum() / len(n),
        "not divided": within.max(axis=0).sum(),
        "classes": within.max(axis=0).mean(),
        "row": within.max(axis=1).mean(),
        "column": (n / n.sum(axis=0)).max(axis=0).mean(),
        "chance": 1 / len(n),
        "least": within.min(axis=0).sum() / len(n),
    }[wrong]


_MIX_MISTAKES = [
    (
        "most images",
        "A class is guessed by its *share* in each laboratory, not by its number of images: the score is balanced, "
        "so a large laboratory has no advantage.",
    ),
    (
        "accuracy",
        "That is the accuracy; balanced accuracy is the mean of the laboratories' recalls. First divide each row by "
        "its sum.",
    ),
    ("not divided", "That is the sum of the recalls; their mean is asked."),
    ("classes", "Divide by the number of laboratories, not by the number of classes."),
    ("row", "Take the largest share of each class (over the laboratories), not of each laboratory."),
    ("column", "Shares within a laboratory are needed, P(class | laboratory), not within a class."),
    ("chance", "That is guessing without looking at the class. Here the class of the image is known."),
    ("least", "For each class the guess is the laboratory where its share is largest, not smallest."),
]


@exercise(
    "10",
    "what the mix of classes gives away",
    step="share = counts / counts.sum(axis=1, keepdims=True), then the largest share of each column.",
)
def check_class_mix(answer) -> Feedback:
    """Check a function: counts (D, C) -> balanced accuracy of the best guess of the laboratory from the class alone."""
    with np.errstate(all="ignore"):
        given = outcome(answer, [(np.array(counts),) for counts in _COUNTS])
    if isinstance(given, Feedback):
        return given

    def same(wrong: str) -> bool:
        return np.allclose(given, [_class_mix(counts, wrong) for counts in _COUNTS], atol=1e-3)

    return recognise(
        same,
        "So an accuracy above 1 / D need not come from stain or light: compare it with this number first.",
        mistakes=_MIX_MISTAKES,
        otherwise="For [[80, 20], [30, 170]], class 0 has a share of .80 against .15. Which laboratory do you guess "
        "for class 0, which for class 1, and which share of each laboratory is then right?",
    )


_CLAIMS = (
    (True, "Claim 1: near neighbours are what UMAP tries to keep; that two images share a cluster is evidence."),
    (False, "Claim 2: think of the three clouds, one ten times as far away as the other."),
    (False, "Claim 3: think of the three clouds, one thirty times as wide as another."),
    (True, "Claim 4: the silhouettes and the classifier look at the features; they never saw the picture."),
    (False, "Claim 5: what does the laboratory classifier say of features in which laboratories look mixed?"),
)
_TRUTH_VALUES = {"true": True, "t": True, "1": True, "1.0": True, "yes": True}
_TRUTH_VALUES |= {"false": False, "f": False, "0": False, "0.0": False, "no": False}


def _truth_values(answer) -> list:
    """Return True, False or None (unreadable) for each claim of an answer such as [True, False, ...] or "TFFTF"."""
    if isinstance(answer, str):
        words = re.findall(r"\w+", answer[:200])
        answer = list(words[0]) if len(words) == 1 else words
    values = items(answer, most=len(_CLAIMS)) or []
    simple = all(isinstance(value, str | numbers.Number | np.bool_) for value in values)
    return [_TRUTH_VALUES.get(str(value).strip().lower()) for value in values] if simple else []


@exercise("10", "what the picture can support", step="Look at the three clouds again: what was kept, what was lost?")
def check_umap_claims(answer) -> Feedback:
    """Check five times True or False: which claims a UMAP picture, or the numbers beside it, can support."""
    if any(value is ... for value in items(answer, most=len(_CLAIMS)) or []):
        return your_turn("Replace every ... with True or False.")
    values = _truth_values(answer)
    if len(values) != len(_CLAIMS) or None in values:
        return hint("Expected five times True or False, for example answer = [True, True, True, True, True].")
    for value, (truth, text) in zip(values, _CLAIMS, strict=True):
        if value != truth:
            return hint(text)
    return right("A picture raises questions; numbers from the features answer them.")
