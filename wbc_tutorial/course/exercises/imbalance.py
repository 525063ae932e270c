"""Checks of notebook 01: the imbalance ratio, F1-macro by hand, pull and push."""

from wbc_tutorial.course.exercises.answers import agrees, compare
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import call, number
from wbc_tutorial.data.laboratories import LABORATORIES

__all__ = ["check_imbalance_ratio", "check_macro_f1", "check_pull_and_push", "check_weighted_push"]

_CASES = ((8, 4, 2), (5, 0, 20, 1), LABORATORIES["acevedo_20"].counts)


def _ratio_of(function, counts: tuple[int, ...]) -> float | Feedback:
    """Return what a learner's function makes of counts, or a hint."""
    value = call(function, list(counts))
    if isinstance(value, Feedback):
        divides = "ZeroDivisionError" in value.text
        return hint("It divides by zero: which counts belong to classes that exist?") if divides else value
    value = number(value)
    if value is None:
        return hint(f"On {list(counts)} it should return one finite number; does a class with 0 images count?")
    return value


@exercise(
    "01",
    "imbalance ratio",
    step="Two lines are enough: keep the counts above 0, then divide the largest of them by the smallest.",
)
def check_imbalance_ratio(answer) -> Feedback:
    """Check a function: counts -> images of the largest class over images of the smallest class that exists."""
    for counts in _CASES:
        value = _ratio_of(answer, counts)
        if isinstance(value, Feedback):
            return value
        largest, smallest = max(counts), min(n for n in counts if n)
        if agrees(value, largest / smallest, 3):
            continue
        for wrong, text in (
            (smallest / largest, "Upside down: the ratio is 1 for a balanced set and grows with the imbalance."),
            (largest / sum(counts), "That is the share of the largest class. Which class should it be compared with?"),
            (
                largest * len(counts) / sum(counts),
                "That compares with the mean class. Compare with the smallest class that exists.",
            ),
            (round(largest / smallest), "Your function rounds its result: return the ratio as it is."),
        ):
            if agrees(value, wrong, 3):
                return hint(text)
        return hint(f"On {list(counts)} it returns {value:.4g}. Largest count over smallest count above 0?")
    return right("Missing classes are left out of the ratio: they are a problem of their own (notebook 03).")


@exercise(
    "01",
    "F1-macro by hand",
    step="Neutrophils: TP 8, FP 1, FN 0. Eosinophils: TP 1, FP 0, FN 1. F1 of each, then their mean.",
)
def check_macro_f1(answer) -> Feedback:
    """Check F1-macro for truth = 8 neutrophils and 2 eosinophils, all but one eosinophil called neutrophil."""
    neutrophil, eosinophil = 2 * 8 / (2 * 8 + 1), 2 * 1 / (2 * 1 + 1)
    return compare(
        answer,
        (neutrophil + eosinophil) / 2,
        "One error in ten images costs .1 of F1-micro, and more of F1-macro: the error fell on a rare class.",
        mistakes=[
            (0.9, "That is the accuracy (= F1-micro). Compute F1 = 2 TP / (2 TP + FP + FN) per class, then average."),
            ((1 + 0.5) / 2, "That is the mean recall (balanced accuracy). F1 also counts false alarms: FP."),
            ((8 / 9 + 1) / 2, "That is the mean precision. F1 also counts what was missed: FN."),
            (
                0.8 * neutrophil + 0.2 * eosinophil,
                "That weights the classes by their images. In a macro average each class counts the same.",
            ),
            (neutrophil, "That is F1 of the neutrophils alone. Average it with the other class."),
            (eosinophil, "That is F1 of the eosinophils alone. Average it with the other class."),
        ],
        otherwise="Fill in TP, FP and FN for each class: a missed eosinophil is a false alarm of the neutrophils.",
        expected="Expected one number between 0 and 1.",
        shares=True,
    )


@exercise(
    "01",
    "pull and push",
    step="Pull = 11 times 12/13. Push = (18,347 - 11) times 1/13. Divide the second by the first.",
)
def check_pull_and_push(answer) -> Feedback:
    """Check push over pull at the start of training for Mat_19's 11 atypical lymphocytes."""
    counts = LABORATORIES["matek_19"].counts
    total, n = sum(counts), counts[11]
    push, pull = (total - n) / 13, n * 12 / 13
    return compare(
        answer,
        push / pull,
        "In the first step, well over a hundred votes to stay silent for one to speak.",
        mistakes=[
            (pull / push, "Upside down: push over pull."),
            (
                (total - n) / n,
                "That counts images. Weight each with its gradient: 1/C for a push, 1 - 1/C for a pull.",
            ),
            ((total - n) / 13 / n, "Nearly: an image of the class itself pulls with 1 - p, not with 1."),
            (push, "That is the push alone; divide it by the pull."),
            (pull, "That is the pull alone; divide the push by it."),
        ],
        otherwise="At the start every p is 1/13. Pull: 11 images times 1 - 1/13. Push: all the others times 1/13.",
        expected="Expected one positive number: push divided by pull.",
    )


@exercise(
    "01",
    "change it and explain",
    step="An image of class i now counts w_i times, so class c as a whole counts N_c * w_c = N/13, whatever c is.",
)
def check_weighted_push(answer) -> Feedback:
    """Check push over pull in the first step for metamyelocytes of Mat_19 when each image weighs N / (13 N_c)."""
    counts = LABORATORIES["matek_19"].counts
    total, n = sum(counts), counts[6]
    unweighted = (total - n) / (12 * n)
    weight = total / (13 * n)
    return compare(
        answer,
        1.0,
        "Every class has the same total weight: twelve of them push with 1/13, and one pulls with 12/13.",
        mistakes=[
            (unweighted, "That is the ratio without weights. Multiply the images of each class by their weight first."),
            (unweighted / weight, "You weighted the pull alone. The images that push have weights too."),
            (unweighted * weight, "Weight the pull too, and each image that pushes with the weight of its class."),
            (12.0, "Twelve classes push with 1/13 each; one pulls with 12/13. Put both into the ratio."),
            (1 / 12, "One class pulls with 12/13; how many classes push with 1/13 each?"),
        ],
        otherwise="Weighted pull: w_c * N_c * 12/13. Weighted push: the sum of w_i * N_i / 13 over the twelve others.",
        expected="Expected one positive number: push divided by pull.",
    )  # fmt: skip
