"""Checks of notebook 03: absent pairs, the ceiling of a macro average, F1-macro over the classes present."""

import numbers

import numpy as np

from wbc_tutorial.course.exercises.answers import number
from wbc_tutorial.course.exercises.verdict import Verdict, hint, right, unanswered

__all__ = ["check_absent_pairs", "check_ceiling", "check_macro_over_present"]

_COUNTS = ((12, 0, 3, 0), (7, 5, 0, 0), (0, 9, 4, 2))


def _pairs(answer) -> set[tuple[int, int]] | None:
    """Return the answer as a set of pairs of whole numbers; None when it is nothing of the kind."""
    try:
        pairs = [tuple(pair) for pair in answer]
    except TypeError:
        return None
    if any(len(pair) != 2 or not all(isinstance(i, numbers.Integral) for i in pair) for pair in pairs):
        return None
    return {(int(d), int(c)) for d, c in pairs}


def check_absent_pairs(answer) -> Verdict:
    """Check the pairs (d, c) of the exercise's table that hold no image; right for any order and any sequence."""
    name = "the pairs that do not exist"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    pairs = _pairs(answer)
    if pairs is None:
        return hint(name, "Expected a list of pairs of whole numbers, such as [(0, 1), (2, 3)].")
    counts = np.array(_COUNTS)
    absent = {(d, c) for d, c in np.ndindex(counts.shape) if counts[d, c] == 0}
    present = set(np.ndindex(counts.shape)) - absent
    if pairs == absent:
        return right(name, f"{len(absent)} of {counts.size} pairs are absent, so K = |M| = {len(present)}.")
    if pairs == present:
        return hint(name, "These are the pairs of M, those that exist; the question asks for the others.")
    if pairs == {(c, d) for d, c in absent}:
        return hint(name, "The laboratory comes first: (d, c), row then column.")
    if pairs == {(d + 1, c + 1) for d, c in absent}:
        return hint(name, "Count from 0, as Python does: the first laboratory is d = 0, the first class c = 0.")
    if pairs & present:
        return hint(name, "At least one of your pairs holds images: look again at its row and column.")
    if pairs < absent:
        return hint(name, f"All of yours are absent, but {len(absent - pairs)} more are too: go row by row.")
    return hint(name, "One of your pairs lies outside the table: 3 laboratories (rows), 4 classes (columns).")


def check_ceiling(answer) -> Verdict:
    """Check the F1-macro over all 13 classes of a perfect classifier on a laboratory that has 10 of them."""
    name = "the ceiling"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    value = number(answer)
    if value is None:
        return hint(name, "Expected one number between 0 and 1.")
    if abs(value - 10 / 13) < 2e-3:
        return right(name, "Ten classes with F1 = 1 and three that count 0: nothing the classifier does can lift it.")
    if abs(value - 1) < 2e-3:
        return hint(name, "1 is the average over the classes present. Over all 13, what do the three others count?")
    if abs(value - 3 / 13) < 2e-3:
        return hint(name, "That is the share which is lost, not the share which is left.")
    if abs(value - 10) < 2e-3 or abs(value - 100 * 10 / 13) < 0.2:
        return hint(name, "The right direction; a macro average is a mean, a number between 0 and 1.")
    return hint(name, "Write down 13 F1 scores, one per class, for a classifier without any error; take their mean.")


def _reference(truth, predicted, chosen) -> float:
    """F1-macro over the classes `chosen`, from the definition."""
    scores = []
    for c in chosen:
        hits, said, there = ((predicted == c) & (truth == c)).sum(), (predicted == c).sum(), (truth == c).sum()
        scores.append(2 * hits / (said + there) if said + there else 0.0)
    return float(np.mean(scores))


_CASES = (
    ([0, 0, 0, 0, 1, 1, 2, 2, 2, 3], [0, 0, 1, 4, 1, 1, 2, 0, 2, 2], 6),
    ([2, 2, 0, 5, 5, 5], [2, 1, 0, 5, 3, 2], 6),
    ([1, 1, 1], [1, 1, 1], 4),
    ([0, 3, 3], [2, 1, 1], 5),
)


def check_macro_over_present(answer) -> Verdict:
    """Check a function ``(truth, predicted, n_classes) -> F1-macro over the classes present in the truth``."""
    name = "F1-macro over the classes present"
    if (verdict := unanswered(name, answer)) is not None:
        return verdict
    if not callable(answer):
        return hint(name, "Expected the function itself: answer = macro_f1, without brackets.")
    given, tables = [], []
    for true_labels, labels, n_classes in _CASES:
        truth, predicted = np.array(true_labels), np.array(labels)
        try:
            value = answer(truth.copy(), predicted.copy(), n_classes)
        except Exception as error:  # any error of a learner's function is a hint
            return hint(name, f"Your function stops with {type(error).__name__}: {error}")
        if value is None or value is ...:
            return hint(name, "Your function returns nothing yet: replace its ... and end it with return.")
        if np.ndim(value) or (not isinstance(value, numbers.Real) and not hasattr(value, "item")):
            return hint(name, "Your function should return one number: take the mean over the classes at the end.")
        given.append(float(value))
        present, union = np.unique(truth), np.union1d(truth, predicted)
        tables.append({
            "present": _reference(truth, predicted, present),
            "union": _reference(truth, predicted, union),
            "all": _reference(truth, predicted, range(n_classes)),
            "micro": float((truth == predicted).mean()),
            "recall": float(np.mean([(predicted[truth == c] == c).mean() for c in present])),
        })  # fmt: skip
    if not np.all(np.isfinite(given)):
        return hint(name, "Your function returns nan for some answers: where TP = 0 there may be a division 0 / 0.")
    matches = {kind for kind in tables[0] if np.allclose(given, [table[kind] for table in tables], atol=1e-6)}
    if "present" in matches:
        return right(name, "The same classes are averaged whatever the classifier says, so scores can be compared.")
    if "union" in matches:
        return hint(name, "You average over true and predicted labels together: a stray prediction moves the score.")
    if "all" in matches:
        return hint(name, "You average over all n_classes; keep only those that occur in the truth.")
    if "micro" in matches:
        return hint(name, "This is the share of right answers (micro). Compute F1 class by class, then average.")
    if "recall" in matches:
        return hint(name, "This is the mean recall: your denominator leaves out the false positives.")
    if np.isclose(given[0], tables[0]["present"], atol=1e-6):
        return hint(
            name, "Right on the notebook's ten images, wrong on others: classes may skip numbers, such as 0, 2, 5."
        )
    return hint(name, "Not one of the averages met here. For each class: 2 TP / (2 TP + FP + FN), then the mean.")
