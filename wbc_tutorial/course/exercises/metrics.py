"""Checks of notebook 03: absent pairs, the ceiling of a macro average, F1-macro over the classes present."""

import numbers
from collections.abc import Mapping

import numpy as np

from wbc_tutorial.course.exercises.answers import agrees, compare
from wbc_tutorial.course.exercises.feedback import Feedback, exercise, hint, right
from wbc_tutorial.course.exercises.reading import call, items, number

__all__ = ["check_absent_pairs", "check_ceiling", "check_macro_over_present", "check_same_micro_lower_macro"]

_COUNTS = ((12, 0, 3, 0), (7, 5, 0, 0), (0, 9, 4, 2))


def _pairs(answer) -> list[tuple[int, int]] | None:
    """Return the answer as pairs of whole numbers, also where they are written as 0.0; None when it holds others."""
    pairs = [items(pair, most=2) for pair in items(answer) or []]
    if not pairs or any(pair is None or len(pair) != 2 for pair in pairs):
        return None
    values = [(number(d), number(c)) for d, c in pairs]
    whole = all(value is not None and value.is_integer() for pair in values for value in pair)
    return [(int(d), int(c)) for d, c in values] if whole else None


def _rows_and_columns(answer) -> bool:
    """Say whether an answer holds the rows apart from the columns, as np.where returns them."""
    parts = [items(part) for part in items(answer, most=100) or []]
    return len(parts) == 2 and None not in parts and len(parts[0]) == len(parts[1]) > 2


@exercise("03", "the pairs that do not exist", step="There are five zeros in the table. Write (row, column) of each.")
def check_absent_pairs(answer) -> Feedback:
    """Check the pairs (d, c) of the exercise's table that hold no image, in any order and any sequence."""
    given = None if isinstance(answer, Mapping) else _pairs(answer)
    if given is None:
        if _rows_and_columns(answer):
            return hint("These are the rows and the columns apart: list(zip(rows, columns)) makes pairs of them.")
        return hint("Expected a list of pairs of whole numbers, such as [(0, 1), (2, 3)].")
    pairs = set(given)
    counts = np.array(_COUNTS)
    absent = {(int(d), int(c)) for d, c in np.argwhere(counts == 0)}
    present = {(int(d), int(c)) for d, c in np.argwhere(counts > 0)}
    if len(given) > len(pairs):
        return hint("One of your pairs stands there twice.")
    if pairs == absent:
        return right(f"{len(absent)} of {counts.size} pairs are absent, so K = |M| = {len(present)}.")
    if pairs == present:
        return hint("These are the pairs of M, those that exist; the question asks for the others.")
    if pairs == {(c, d) for d, c in absent}:
        return hint("The laboratory comes first: (d, c), row then column.")
    if pairs == {(d + 1, c + 1) for d, c in absent}:
        return hint("Count from 0, as Python does: the first laboratory is d = 0, the first class c = 0.")
    if pairs & present:
        return hint("At least one of your pairs holds images: look again at its row and column.")
    if pairs < absent:
        return hint(f"All of yours are absent, but {len(absent - pairs)} more are too: go row by row.")
    return hint("One of your pairs lies outside the table: 3 laboratories (rows), 4 classes (columns).")


@exercise("03", "the ceiling", step="Ten classes score 1 and three score 0: their mean.")
def check_ceiling(answer) -> Feedback:
    """Check the F1-macro over all 13 classes of a perfect classifier on a laboratory that has 10 of them."""
    return compare(
        answer,
        10 / 13,
        "Ten classes with F1 = 1 and three that count 0: nothing that the classifier does can lift it.",
        mistakes=[
            (1.0, "1 is the average over the classes present. Over all 13, what do the three others count?"),
            (3 / 13, "That is the share which is lost, not the share which is left."),
            (10.0, "The right direction; a macro average is a mean, a number between 0 and 1."),
        ],
        otherwise="Write down 13 F1 scores, one per class, for a classifier without any error; take their mean.",
        expected="Expected one number between 0 and 1.",
        shares=True,
    )


def _f1_macro(truth: np.ndarray, predicted: np.ndarray, chosen) -> float:
    """F1-macro over the classes `chosen`, from the definition."""
    scores = []
    for c in chosen:
        hits, said, there = ((predicted == c) & (truth == c)).sum(), (predicted == c).sum(), (truth == c).sum()
        scores.append(2 * hits / (said + there) if said + there else 0.0)
    return float(np.mean(scores))


def _averages(truth: np.ndarray, predicted: np.ndarray, n_classes: int) -> dict[str, float]:
    """F1-macro over the classes present, and what other averages yield."""
    present, union = np.unique(truth), np.union1d(truth, predicted)
    return {
        "present": _f1_macro(truth, predicted, present),
        "union": _f1_macro(truth, predicted, union),
        "all": _f1_macro(truth, predicted, range(n_classes)),
        "micro": float((truth == predicted).mean()),
        "recall": float(np.mean([(predicted[truth == c] == c).mean() for c in present])),
    }


_CASES = (
    ([0, 0, 0, 0, 1, 1, 2, 2, 2, 3], [0, 0, 1, 4, 1, 1, 2, 0, 2, 2], 6),
    ([2, 2, 0, 5, 5, 5], [2, 1, 0, 5, 3, 2], 6),
    ([1, 1, 1], [1, 1, 1], 4),
    ([0, 3, 3], [2, 1, 1], 5),
)
_AVERAGE_HINTS = {
    "union": "You average over true and predicted labels together: a stray prediction moves the score.",
    "all": "You average over all n_classes; keep only those that occur in the truth.",
    "micro": "This is the share of right answers (micro). Compute F1 class by class, then average.",
    "recall": "This is the mean recall: your denominator leaves out the false positives.",
}


def _one_score(value) -> float | Feedback:
    """Return the one score that a learner's function returned, or a hint."""
    score = number(value)
    if score is not None:
        return score
    if isinstance(value, numbers.Real) or getattr(value, "shape", None) == ():
        return hint("Your function returns nan for some answers: where TP = 0 there may be a division 0 / 0.")
    return hint("Your function should return one number: take the mean over the classes at the end.")


@exercise(
    "03",
    "F1-macro over the classes present",
    step="Loop over np.unique(truth); for each c count TP, FP and FN as in the notebook's table; return the mean.",
)
def check_macro_over_present(answer) -> Feedback:
    """Check a function ``(truth, predicted, n_classes) -> F1-macro over the classes present in the truth``."""
    given, tables = [], []
    for true_labels, labels, n_classes in _CASES:
        truth, predicted = np.array(true_labels), np.array(labels)
        value = call(answer, truth.copy(), predicted.copy(), n_classes)
        score = value if isinstance(value, Feedback) else _one_score(value)
        if isinstance(score, Feedback):
            return score
        given.append(score)
        tables.append(_averages(truth, predicted, n_classes))

    def same(average: str) -> bool:
        return all(agrees(score, table[average], 3) for score, table in zip(given, tables, strict=True))

    if same("present"):
        return right("The same classes are averaged whatever the classifier says, so scores can be compared.")
    for average, text in _AVERAGE_HINTS.items():
        if same(average):
            return hint(text)
    if agrees(given[0], tables[0]["present"], 3):
        return hint("Right on the notebook's ten images, wrong on others: classes may skip numbers, such as 0, 2, 5.")
    return hint("Not one of the averages met here. For each class: 2 TP / (2 TP + FP + FN), then the mean.")


_TRUTH, _SAID = _CASES[0][0], _CASES[0][1]


def _ten_classes(answer) -> list[int] | Feedback:
    """Return ten whole numbers from 0 to 5, or a hint."""
    given = [number(each) for each in items(answer, most=20) or []]
    if len(given) != len(_TRUTH) or any(value is None or not value.is_integer() for value in given):
        return hint(f"Expected a list of ten classes, such as {_SAID}.")
    if not all(0 <= value <= 5 for value in given):
        return hint("The label space has six classes: 0 to 5.")
    return [int(value) for value in given]


@exercise(
    "03",
    "change it and explain",
    step="Keep six answers right. Move the errors so that the classes with few images lose everything.",
)
def check_same_micro_lower_macro(answer) -> Feedback:
    """Check ten answers with the same F1-micro as the notebook's, and an F1-macro over present classes below .4."""
    given = _ten_classes(answer)
    if isinstance(given, Feedback):
        return given
    truth, said = np.array(_TRUTH), np.array(given)
    micro, macro = float((truth == said).mean()), _f1_macro(truth, said, np.unique(truth))
    if micro != 0.6:
        return hint(f"{(truth == said).sum()} of ten are right; F1-micro stays .6 only with six.")
    if macro >= 0.4:
        return hint(f"F1-micro is .6, and F1-macro is {macro:.2f}: which classes would have to be lost altogether?")
    return right(
        f"F1-micro is still .6, and F1-macro is {macro:.2f}: micro counts right answers, macro asks where they lie."
    )
