"""Checks of notebook 10: a silhouette by hand, what the mix of classes gives away, and what a UMAP picture says."""

import numpy as np

from wbc_tutorial.course.exercises.answers import compare, outcome
from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered

__all__ = ["check_class_mix", "check_silhouette_by_hand", "check_umap_claims"]


def check_silhouette_by_hand(answer) -> Verdict:
    """Check the silhouette of the image at 0: class A at 0, 1 and 5, class B at 6 and 10, class C at 20 and 22."""
    mistakes = [
        ((-5 / 8,), "The sign is turned: an image nearer to its own class than to others has a positive silhouette."),
        (((8 - 2) / 8,), "a is the mean distance to the *others* of the class: the image itself does not count."),
        (((8 - 1) / 8,), "a is the *mean* distance to the others of the class, not the distance to the nearest."),
        (((6 - 3) / 6,), "b is the *mean* distance to the other class, not the distance to its nearest image."),
        (((6 - 1) / 6,), "Both distances are means: a over the others of the class, b over all images of class B."),
        (((14.5 - 3) / 14.5,), "b is taken over the *nearest* other class only, not over all images of other classes."),
        (((21 - 3) / 21,), "b belongs to the nearest other class, not to the farthest."),
        ((5.0,), "b - a is right; now divide it by the larger of the two."),
        ((5 / 3,), "Divide by the larger of a and b: a silhouette never exceeds 1."),
        ((3 / 8,), "That is a / b; the silhouette is (b - a) / max(a, b)."),
        ((5 / 11,), "Divide by the larger of a and b, not by their sum."),
    ]
    return compare(
        "a silhouette by hand",
        answer,
        (5 / 8,),
        "a = 3, b = 8. Far from 1 although class B is farther than class A is wide: silhouettes are strict.",
        mistakes=mistakes,
        otherwise="First a: the mean of two distances. Then, for B and for C, the mean distance; b is the smaller one.",
        expected="Expected one number between -1 and 1, for example answer = 0.5.",
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


_MIX_HINTS = {
    "most images": "A class is guessed by its *share* in each laboratory, not by its number of images: the score is "
    "balanced, so a large laboratory has no advantage.",
    "accuracy": "That is the accuracy; balanced accuracy is the mean of the laboratories' recalls. First divide each "
    "row by its sum.",
    "not divided": "That is the sum of the recalls; their mean is asked.",
    "classes": "Divide by the number of laboratories, not by the number of classes.",
    "row": "Take the largest share of each class (over the laboratories), not of each laboratory.",
    "column": "Shares within a laboratory are needed, P(class | laboratory), not within a class.",
    "chance": "That is guessing without looking at the class. Here the class of the image is known.",
    "least": "For each class the guess is the laboratory where its share is largest, not smallest.",
}


def check_class_mix(answer) -> Verdict:
    """Check a function: counts (D, C) -> balanced accuracy of the best guess of the laboratory from the class alone."""
    name = "what the mix of classes gives away"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict

    def read(value):
        value = value.item() if hasattr(value, "item") else value
        return float(value) if not isinstance(value, str | bool) and np.isfinite(float(value)) else None

    with np.errstate(all="ignore"):
        given = outcome(name, _without_none(answer), [(np.array(counts),) for counts in _COUNTS], read)
    if isinstance(given, Verdict):
        return given
    if np.allclose(given, [_class_mix(counts) for counts in _COUNTS], atol=1e-3):
        return right(
            name, "So an accuracy above 1 / D need not be read from stain or light: compare it with this first."
        )
    for wrong, text in _MIX_HINTS.items():
        if np.allclose(given, [_class_mix(counts, wrong) for counts in _COUNTS], atol=1e-3):
            return hint(name, text)
    text = "For [[80, 20], [30, 170]], class 0 has a share of .80 against .15. Whom do you guess for class 0, whom for "
    return hint(name, text + "class 1, and which share of each laboratory is then right?")


def _without_none(function):
    """Let a stub that returns nothing be told apart from one that fails."""
    if not callable(function):
        return function

    def called(*given):
        value = function(*given)
        return np.nan if value is None or value is ... else value

    return called


_CLAIMS = (
    (True, "Claim 1: near neighbours are what UMAP tries to keep; that two images share a cluster is evidence."),
    (False, "Claim 2: think of the three clouds, one ten times as far away as the other."),
    (False, "Claim 3: think of the three clouds, one thirty times as wide as another."),
    (True, "Claim 4: the silhouettes and the classifier look at the features; they never saw the picture."),
    (False, "Claim 5: what does the laboratory classifier say of features in which laboratories look mixed?"),
)


def check_umap_claims(answer) -> Verdict:
    """Check five times True or False: which claims a UMAP picture, or the numbers beside it, can support."""
    name = "what the picture can support"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    try:
        values = list(answer.tolist() if hasattr(answer, "tolist") else answer)
    except Exception:  # an odd object is no list
        values = []
    if any(value is ... for value in values):
        return hint(name, "Replace every ... with True or False.")
    if len(values) != len(_CLAIMS) or not all(isinstance(value, bool | np.bool_) for value in values):
        return hint(name, "Expected five times True or False, for example answer = [True, True, True, True, True].")
    for value, (truth, text) in zip(values, _CLAIMS, strict=True):
        if bool(value) != truth:
            return hint(name, text)
    return right(name, "A picture raises questions; numbers from the features answer them.")
