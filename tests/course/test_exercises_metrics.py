"""Notebook 03's checks: the stub, the solution, each known mistake with a hint of its own, and garbage."""

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_absent_pairs,
    check_ceiling,
    check_macro_over_present,
    check_same_micro_lower_macro,
)

ABSENT = [(0, 1), (0, 3), (1, 2), (1, 3), (2, 0)]
PRESENT = [(0, 0), (0, 2), (1, 0), (1, 1), (2, 1), (2, 2), (2, 3)]
GARBAGE = ["a string", 5, -1.5, [1, 2], [[]], {}, object(), np.nan, np.zeros((2, 3)), b"", True, [("a", "b")], print]


def macro(labels):
    return lambda truth, predicted, n: f1_score(
        truth, predicted, labels=labels(truth, predicted, n), average="macro", zero_division=0
    )


PRESENT_F1 = macro(lambda truth, predicted, n: np.unique(truth))


@pytest.mark.parametrize("check", [check_absent_pairs, check_ceiling, check_macro_over_present])
@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: type(answer).__name__)
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (
            check_absent_pairs,
            (
                ABSENT,
                set(ABSENT),
                ABSENT[::-1],
                np.array(ABSENT),
                tuple(map(list, ABSENT)),
                torch.tensor(ABSENT),
                np.array(ABSENT) * 1.0,
            ),
        ),
        (check_ceiling, (10 / 13, 0.769, 0.77, np.float64(10 / 13), 76.9, "10/13")),
        (check_macro_over_present, (PRESENT_F1, lambda *a: np.array(PRESENT_F1(*a)))),
    ],
)
def test_solutions_are_right(check, answers):
    assert all(check(answer) for answer in answers)


MISTAKES = {
    check_absent_pairs: [
        PRESENT, [(c, d) for d, c in ABSENT], [(d + 1, c + 1) for d, c in ABSENT], ABSENT[:3], [*ABSENT, (0, 0)],
        [*ABSENT, (3, 0)], [*ABSENT, (0, 1)], tuple(np.array(ABSENT).T), "x",
    ],
    check_ceiling: [1.0, 3 / 13, 10, 0.5, "x"],
    check_macro_over_present: [
        macro(lambda truth, predicted, n: np.union1d(truth, predicted)),
        macro(lambda truth, predicted, n: range(n)),
        lambda truth, predicted, n: (truth == predicted).mean(),
        lambda truth, predicted, n: np.mean([(predicted[truth == c] == c).mean() for c in np.unique(truth)]),
        macro(lambda truth, predicted, n: range(truth.max() + 1)),
        lambda truth, predicted, n: f1_score(truth, predicted, average=None, zero_division=0),
        lambda truth, predicted, n: None,
        lambda truth, predicted, n: np.nan,
        lambda truth, predicted, n: 0.123,
        lambda truth, predicted, n: 1 / 0,
        "x",
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])


@pytest.mark.parametrize(
    "answer",
    [[0, 0, 0, 0, 0, 0, 2, 2, 0, 0], "array", (0, 0, 0, 0, 2, 2, 2, 2, 5, 5), [0.0, 0, 0, 0, 0, 0, 2, 2, 0, 4]],
    ids=str,
)
def test_the_same_micro_with_a_lower_macro_may_be_reached_in_many_ways(answer):
    answer = np.array([0, 0, 0, 0, 0, 0, 2, 2, 0, 0]) if answer == "array" else answer
    assert check_same_micro_lower_macro(answer)


def test_each_mistake_of_the_puzzle_has_a_hint_of_its_own():
    truth, said = [0, 0, 0, 0, 1, 1, 2, 2, 2, 3], [0, 0, 1, 4, 1, 1, 2, 0, 2, 2]
    get_hints_of_their_own(check_same_micro_lower_macro, [..., truth, said, [0] * 10, [7, *said[1:]], said[:9]])


@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: type(answer).__name__)
def test_the_puzzle_gives_a_hint_for_no_answer_and_garbage(answer):
    gets_a_hint(check_same_micro_lower_macro, answer)
