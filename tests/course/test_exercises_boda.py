"""Checks of notebooks 07 and 08: the stub, the solution, each known mistake with a hint of its own, and garbage."""

import math

import numpy as np
import pytest
import torch
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_another_mix,
    check_balanced_weights,
    check_boda_by_hand,
    check_class_share,
    check_count_factor,
    check_fixed_loss,
    check_scale_for_one,
    check_two_scores,
)
from wbc_tutorial.data.classes import CODES
from wbc_tutorial.data.laboratories import LABORATORIES

CHECKS = [
    check_another_mix,
    check_scale_for_one,
    check_boda_by_hand,
    check_count_factor,
    check_fixed_loss,
    check_balanced_weights,
    check_class_share,
    check_two_scores,
]
GARBAGE = ["a string", "0.4", "5", 5, -1.5, 0, [1, 2], [[]], {}, {1: 2}, object(), np.nan, np.inf, np.zeros((2, 3)),
           b"", True, [("a", "b")], print, 10**400, 1j, torch.zeros(3), (None, None)]  # fmt: skip
near, mid, far = (math.exp(-a) for a in (1, 2, 3))


def mended(a, positive, exists):
    positive = positive & exists
    return a[positive].mean() + torch.logsumexp(-a[exists], 0) if positive.any() else 0 * a.sum()


def naive(a, positive, exists):
    positive = positive & exists
    return -torch.log(torch.exp(-a[positive]) / torch.exp(-a[exists]).sum()).mean() if positive.any() else 0 * a.sum()


def balanced_weights(counts):
    present = (counts > 0).sum(axis=1, keepdims=True)
    return np.where(counts > 0, 1 / (np.maximum(counts, 1) * present), 0)


def inverse(n):
    return np.where(n > 0, 1 / np.maximum(n, 1), 0)


def present(n):
    return (n > 0).sum(axis=1, keepdims=True)


def factor(laboratory, other, code):
    """Return the factor on the distance to the positive of a pair of the real laboratories."""
    own, across = (LABORATORIES[name].counts[CODES.index(code)] for name in (laboratory, other))
    return (across / own) ** 0.5 / own


SCALE = 1 / factor("acevedo_20", "matek_19", "EBO")
RARE = SCALE * factor("matek_19", "acevedo_20", "MMZ")


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: repr(answer)[:20])
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (check_boda_by_hand, (1 + math.log(near + mid + far), 0.408, torch.tensor(0.4076), np.float32(0.4076))),
        (check_count_factor, ((1218 / 79) ** 0.5 / 79, 0.0497, 0.05, np.array(0.0497), torch.tensor([[0.0497]]))),
        (
            check_scale_for_one,
            (
                (SCALE, RARE, "D"),
                [round(SCALE), round(RARE), "d"],
                (f"{SCALE:.3g}", RARE, "D"),
                f"{SCALE:.4g}; {RARE:.4g}; D",
            ),
        ),
        (check_another_mix, ((3, 40, "B"), ["0", np.int64(7), "b"], (torch.tensor(3), 40.0, "B"), "3, 40, B")),
        (check_fixed_loss, (mended, lambda a, p, e: mended(a, p, e).reshape(1))),
        (check_balanced_weights, (balanced_weights, lambda n: balanced_weights(n).tolist())),
        (check_class_share, (5 / 12, 0.417, 0.42, 41.7, "5/12", np.float64(5 / 12))),
        (
            check_two_scores,
            ((-0.03, 0.25), [-0.03, 0.25], np.array([-0.03, 0.25]), torch.tensor([-0.03, 0.25]), (-3, 25)),
        ),
    ],
)
def test_solutions_are_right(check, answers):
    for answer in answers:
        assert check(answer), check(answer)


MISTAKES = {
    check_scale_for_one: [
        (1 / SCALE, RARE, "D"), (SCALE, 0.548, "D"), (1 / factor("matek_19", "acevedo_20", "EBO"), RARE, "D"),
        (1000, RARE, "D"), (SCALE, RARE, "A"), (SCALE, RARE, "B"), (SCALE, RARE, "C"), (SCALE, RARE, "Z"), (SCALE, "D"),
    ],
    check_another_mix: [
        (40, 3, "B"), (3, 3, "B"), (0.1, 0.4, "B"), (3, 40, "A"), (3, 40, "C"), (3, 40, "D"), (3, 40, "X"), "B",
    ],
    check_boda_by_hand: [
        1 + math.log(math.exp(-0.5) + near + mid + far), 1 + math.log(mid + far), -1 - math.log(near + mid + far),
        1 + math.log(math.exp(-1) + math.exp(-4) + math.exp(-9)), near / (near + mid + far),
        math.log(near + mid + far), -1 + math.log(1 / near + 1 / mid + 1 / far),
        7.0, "x",
    ],
    check_count_factor: [
        (1218 / 79) ** 0.5, 1 / 79, 1218 / 79**2, (1218 / 79) ** 0.5 / 1218,
        (1218 / 79) ** 0.5 * 79, 0.5 * 1218 / 79**2, 1e-9, "x",
    ],
    check_fixed_loss: [
        lambda a, p, e: a[p].mean() - torch.logsumexp(-a[e], 0),
        lambda a, p, e: a[p].sum() + torch.logsumexp(-a[e], 0),
        lambda a, p, e: a[p].mean() + torch.logsumexp(-a, 0),
        lambda a, p, e: a[p].mean() + torch.logsumexp(-a[e], 0),
        naive,
        lambda a, p, e: a[p & e].mean() + torch.logsumexp(-a[e], 0),
        lambda a, p, e: mended(a, p, e).detach(),
        lambda a, p, e: mended(a, p, e) if (p & e).any() else torch.zeros(()),
        lambda a, p, e: mended(a, p, e) + 0 * torch.sqrt(a - a.min()).sum(),
        lambda a, p, e: None,
        lambda a, p, e: 1 / 0,
        lambda a, p, e: 0.5,
        "x",
    ],
    check_balanced_weights: [
        inverse, lambda n: inverse(n) / n.shape[1], lambda n: np.where(n > 0, 1 / n.sum(axis=1, keepdims=True), 0),
        lambda n: np.where(n > 0, 1 / n.sum(axis=0).clip(1), 0) / (n.sum(axis=0) > 0).sum(),
        lambda n: np.sqrt(inverse(n)) / present(n), lambda n: n / n.sum(axis=1, keepdims=True),
        lambda n: 1 / (n * present(n)), lambda n: np.nan_to_num(1 / (n * present(n)), posinf=0),
        lambda n: balanced_weights(n)[0], lambda n: None, lambda n: 0.5 * inverse(n),
        lambda n: 1 // 0, "x",
    ],
    check_class_share: [1 / 3, 110 / 160, (0.9 + 1 / 3) / 2, 1 / 2, 5 / 6, 1 / 6, 2 / 5, 0.99, "x"],
    check_two_scores: [
        (0.25, -0.03), (0.03, -0.25), (0.89, 0.85), (0.92, 0.60), (0.25, 0.25), (-0.03, -0.03), (-0.03, 0.1),
        (0.7, 0.25), (0.7, 0.7), (1, 2, 3), "x",
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])
