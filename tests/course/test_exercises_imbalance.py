"""Notebook 01's checks: the stub, the solution, each known mistake with a hint of its own, and garbage."""

import numpy as np
import pytest
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_imbalance_ratio,
    check_macro_f1,
    check_pull_and_push,
    check_weighted_push,
)
from wbc_tutorial.course.plots import long_tail, majority_vote

GARBAGE = ["", "x", -5, 1e9, [], [[]], {}, object(), float("nan"), np.zeros((2, 3)), b"", True, [1, 2], print, int, max]
CHECKS = [check_imbalance_ratio, check_macro_f1, check_pull_and_push, check_weighted_push]


def ratio(counts):
    existing = [n for n in counts if n]
    return max(existing) / min(existing)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE])
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (check_imbalance_ratio, (ratio, lambda counts: np.float64(ratio(counts)), lambda n: np.array([ratio(n)]))),
        (check_macro_f1, ((16 / 17 + 2 / 3) / 2, 0.8, 0.804, np.float32(0.8039), 80.39, "80.4 %")),
        (check_weighted_push, (1, 1.0, "1", np.float64(1.0), "12/12", [1.001])),
        (check_pull_and_push, (18336 / 132, 139, 138.9, np.array(138.909), [138.9])),
    ],
)
def test_solutions_are_right(check, answers):
    assert all(check(answer) for answer in answers)


MISTAKES = {
    check_imbalance_ratio: [
        lambda n: max(n) / min(n), lambda n: 1 / ratio(n), lambda n: max(n) / sum(n),
        lambda n: max(n) * len(n) / sum(n),
        lambda n: "many", lambda n: n.nothing, lambda n: 7.0, 771.3, lambda n: np.float64(max(n)) / max(min(n), 1e-9),
    ],
    check_macro_f1: [0.807, 0.9, 0.75, 0.9444, 0.8 * 16 / 17 + 0.2 * 2 / 3, 16 / 17, 2 / 3, 0.5, "x"],
    check_weighted_push: [101.84, 101.84 / 94.087, 101.84 * 94.087, 12, 1 / 12, 5, "x"],
    check_pull_and_push: [132 / 18336, 18336 / 11, 18336 / 143, 18336 / 13, 132 / 13, 12.0, "x"],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])


def test_a_ratio_right_on_one_set_only_is_not_accepted():
    assert not check_imbalance_ratio(lambda counts: max(counts) / 2 if len(counts) == 3 else 20.0)


@pytest.mark.parametrize("n", [1, 30, 1000])
def test_a_long_tail_has_its_total_and_its_ratio(n):
    counts = long_tail(n, 100_000, 13)
    assert abs(counts.sum() - 100_000) <= 13
    assert counts[0] / counts[-1] == pytest.approx(n, rel=0.02)
    assert np.all(np.diff(counts) <= 0)


def test_the_majority_vote_is_drawn_for_every_stop_of_the_slider():
    import matplotlib.pyplot as plt

    for exponent in np.arange(0, 3.01, 0.5):
        plt.close(majority_vote(10**exponent))
