"""Checks of notebook 09: the stub, the solution, each known mistake with a hint of its own, and garbage."""

import math

import numpy as np
import pytest
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_paired_difference,
    check_runs_needed,
    check_shared_luck,
    check_what_the_table_carries,
)

CHECKS = [check_shared_luck, check_paired_difference, check_what_the_table_carries, check_runs_needed]
GARBAGE = ["a string", "0.4", 5, -1.5, 0, [1, 2], [[]], {}, {1: 2}, object(), np.nan, np.inf, np.zeros((2, 3)), b"",
           [("a", "b")], print, 10**400, 1j, (None, None)]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: repr(answer)[:20])
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


def paired(a, b):
    gap = b - a
    return gap.mean(), gap.std(ddof=1) * math.sqrt(1 / len(gap) + 0.25)


def test_solutions_pass():
    assert check_paired_difference(paired)
    assert check_paired_difference(lambda a, b: list(paired(a, b)))
    assert check_paired_difference(lambda a, b: [round(float(value), 3) for value in paired(a, b)])
    assert all(
        check_what_the_table_carries(answer)
        for answer in ({"A", "D"}, ["d", "a"], "AD", "A, D", "A and D", np.array(["A", "D"]))
    )
    assert all(
        check_shared_luck(answer) for answer in ({"B", "D"}, "BD", "d and b", {"B": True, "D": True, "A": False})
    )
    assert check_runs_needed(16) and check_runs_needed(np.int64(16))


def test_known_mistakes_get_hints_of_their_own():
    n = len
    get_hints_of_their_own(
        check_paired_difference,
        [
            lambda a, b: paired(b, a),
            lambda a, b: ((b - a).mean(), math.sqrt((a.var(ddof=1) + b.var(ddof=1)) * (1 / n(a) + 0.25))),
            lambda a, b: ((b - a).mean(), (b - a).std(ddof=1) / math.sqrt(n(a))),
            lambda a, b: ((b - a).mean(), (b - a).std(ddof=1) * 0.5),
            lambda a, b: ((b - a).mean(), (b - a).std(ddof=1) * (1 / math.sqrt(n(a)) + 0.25)),
            lambda a, b: ((b - a).mean(), (b - a).std(ddof=1)),
            lambda a, b: ((b - a).mean(), (b - a).std() * math.sqrt(1 / n(a) + 0.25)),
            lambda a, b: ((b - a).mean(), b.std(ddof=1) - a.std(ddof=1)),
            lambda a, b: None,
            lambda a, b: 1 / 0,
            lambda a, b: (b - a).mean(),
            paired(np.ones(3), np.arange(3)),
        ],
    )
    get_hints_of_their_own(check_shared_luck, ["A", "C", "E", "B", "D", "X", 7])
    get_hints_of_their_own(check_what_the_table_carries, ["AB", "AC", "AE", "A", "D", "X", 7])
    get_hints_of_their_own(check_runs_needed, [4, 2, 0.0025, 0.01, 64, 15, 8, 100, 16.05, "many"])


def test_hints_do_not_give_the_solution_away():
    for check, solution in ((check_runs_needed, "16"), (check_what_the_table_carries, "A and D")):
        for answer in (..., 4, "B", "AB", "A"):
            assert solution not in check(answer).text
