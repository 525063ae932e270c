"""Checks of notebook 01: the imbalance ratio, F1-macro by hand, pull and push."""

from wbc_tutorial.course.exercises.answers import near, number
from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered
from wbc_tutorial.data.laboratories import LABORATORIES

__all__ = ["check_imbalance_ratio", "check_macro_f1", "check_pull_and_push"]

_CASES = ((8, 4, 2), (5, 0, 20, 1), LABORATORIES["acevedo_20"].counts)


def check_imbalance_ratio(answer) -> Verdict:
    """Check a function: counts -> images of the largest class over images of the smallest class that exists."""
    name = "imbalance ratio"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if not callable(answer):
        return hint(name, "Hand over the function itself, without calling it: answer = my_ratio.")
    for counts in _CASES:
        try:
            value = number(answer(list(counts)))
        except ZeroDivisionError:
            return hint(name, "It divides by zero: which counts belong to classes that exist?")
        except Exception as error:
            return hint(name, f"On {list(counts)} your function raised {type(error).__name__}: {error}.")
        if value is None:
            return hint(
                name, f"On {list(counts)} it should return one finite number; does a class with 0 images count?"
            )
        largest, smallest = max(counts), min(n for n in counts if n)
        if near(value, largest / smallest, 1e-6):
            continue
        if near(value, smallest / largest, 1e-6):
            return hint(name, "Upside down: the ratio is 1 for a balanced set and grows with the imbalance.")
        if near(value, largest / sum(counts), 1e-6):
            return hint(name, "That is the share of the largest class. Which class should it be compared with?")
        if len(set(counts)) > 1 and near(value, largest / (sum(counts) / len(counts)), 1e-6):
            return hint(name, "That compares with the mean class. Compare with the smallest that exists.")
        return hint(name, f"On {list(counts)} it returns {value:.4g}. Largest count over smallest count above 0?")
    return right(name, "Missing classes are left out of the ratio: they are a problem of their own (notebook 03).")


def check_macro_f1(answer) -> Verdict:
    """Check F1-macro for truth = 8 neutrophils and 2 eosinophils, all but one eosinophil called neutrophil."""
    name = "F1-macro by hand"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    value = number(answer)
    if value is None:
        return hint(name, "Expected one number between 0 and 1.")
    neutrophil, eosinophil = 2 * 8 / (2 * 8 + 1), 2 * 1 / (2 * 1 + 1)
    for wrong, text in (
        (0.9, "That is the accuracy (= F1-micro). Compute F1 = 2 TP / (2 TP + FP + FN) for each class, then average."),
        ((1 + 0.5) / 2, "That is the mean recall (balanced accuracy). F1 also counts false alarms: FP."),
        ((8 / 9 + 1) / 2, "That is the mean precision. F1 also counts what was missed: FN."),
        (0.8 * neutrophil + 0.2 * eosinophil, "That weights the classes by their images. Macro: each counts the same."),
        (neutrophil, "That is F1 of the neutrophils alone. Average it with the other class."),
        (eosinophil, "That is F1 of the eosinophils alone. Average it with the other class."),
    ):
        if abs(value - wrong) < 1.5e-3:
            return hint(name, text)
    if abs(value - (neutrophil + eosinophil) / 2) < 5e-3:
        return right(name, "One error in ten images costs .1 of micro, and more of macro: it fell on a rare class.")
    return hint(name, "Fill in TP, FP and FN for each class: a missed eosinophil is a false alarm of the neutrophils.")


def check_pull_and_push(answer) -> Verdict:
    """Check push over pull at the start of training for Mat_19's 11 atypical lymphocytes."""
    name = "pull and push"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    value = number(answer)
    if value is None or value <= 0:
        return hint(name, "Expected one positive number: push divided by pull.")
    counts = LABORATORIES["matek_19"].counts
    total, n = sum(counts), counts[11]
    push, pull = (total - n) / 13, n * 12 / 13
    if near(value, push / pull):
        return right(name, "In the first step, well over a hundred votes to stay silent for one to speak.")
    for wrong, text in (
        (pull / push, "Upside down: push over pull."),
        ((total - n) / n, "That counts images. Weight each with its gradient: 1/C for a push, 1 - 1/C for a pull."),
        ((total - n) / 13 / n, "Nearly: an image of the class itself pulls with 1 - p, not with 1."),
        (push, "That is the push alone; divide it by the pull."),
        (pull, "That is the pull alone; it belongs in the denominator."),
    ):
        if near(value, wrong, 3e-4):
            return hint(name, text)
    return hint(name, "At the start every p is 1/13. Pull: 11 images times 1 - 1/13. Push: all the others times 1/13.")
