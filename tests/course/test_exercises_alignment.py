"""The checks of notebooks 05 and 06: stub, solution, each known mistake with a hint of its own, and garbage."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_batch_noise,
    check_boda_by_hand,
    check_chance,
    check_class_share,
    check_coral_by_hand,
    check_coral_of_three,
    check_means_of_mixes,
    check_no_reversal,
    check_reversed_by_hand,
    check_waiting_schedule,
)
from wbc_tutorial.losses import coral_loss, reversal_strength, reverse_gradient

CHECKS = [
    check_batch_noise, check_chance, check_coral_by_hand, check_coral_of_three, check_means_of_mixes, check_no_reversal,
    check_reversed_by_hand, check_waiting_schedule,
]  # fmt: skip
GARBAGE = ["a string", 7, -1.5, [1, 2], (1, None), [[1, 2], [3]], {}, object(), np.nan, (math.inf, 1), np.zeros(3)]
GARBAGE += [torch.zeros(2), torch.zeros(2, 2), True, 1j, print, lambda: 1, lambda *_: "x", lambda *_: None, int]


def coral(
    features, domains, *, reduce=lambda values: sum(values) / len(values), mean=1.0, cov=1.0, correction=1, ij=None
):
    parts = [features[domains == d] for d in domains.unique()]
    values = []
    for i, j in ij(len(parts)) if ij else combinations(range(len(parts)), 2):
        x, y = parts[i], parts[j]
        gap = torch.cov(x.T, correction=correction) - torch.cov(y.T, correction=correction)
        values.append(mean * (x.mean(0) - y.mean(0)).pow(2).mean() + cov * gap.pow(2).mean())
    return reduce(values)


def wrong(**options):
    return lambda features, domains: coral(features, domains, **options)


def pooled_rest(features, domains):
    """Only laboratory 0 against all others together: right for two, wrong for more."""
    return coral(features, (domains > 0).long())


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE])
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


def by_hand():
    x = torch.tensor([(0.0, 0), (2, 0), (1, 3), (1, 7)])
    domains = torch.tensor([0, 0, 1, 1])
    both = coral_loss(x, domains).item()
    covariance = 4 * coral_loss(x, domains, variant="deep").item()
    return both - covariance, covariance


def noise(n, h=192, pairs=30):
    """Measure what the exercise asks for: the mean penalty of two batches of one cloud."""
    generator = torch.Generator().manual_seed(5)
    batches = torch.randn((pairs, 2 * n, h), generator=generator, dtype=torch.float64)
    domains = torch.arange(2).repeat_interleave(n)
    return torch.stack([coral_loss(batch, domains) for batch in batches]).mean().item()


def waiting(p):
    return reversal_strength((p - 0.2) / 0.8) if p > 0.2 else 0.0


def reversed_by_autograd():
    w, v = torch.tensor(3.0, requires_grad=True), torch.tensor(1.0, requires_grad=True)
    ((v * reverse_gradient(w * 2, 0.5) - 1) ** 2).backward()
    return w.grad, v.grad


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (check_coral_by_hand, ((12.5, 17), by_hand(), np.array(by_hand()), list(by_hand()))),
        (check_coral_of_three, (coral_loss, coral, lambda z, d: float(coral(z, d)))),
        (check_means_of_mixes, (5, 5.0, 0.8 * 10 - 0.3 * 10, torch.tensor(5.0))),
        (check_reversed_by_hand, ((-10, 60), reversed_by_autograd())),
        (
            check_waiting_schedule,
            (waiting, lambda p: round(waiting(p), 3), lambda p: math.tanh(5 * max(0.0, p - 0.2) / 0.8)),
        ),
        (
            check_batch_noise,
            (
                (noise(12), noise(96), "B"),
                [0.35, 0.042, "b"],
                "0.35; 0.042; B",
                ("B", torch.tensor(0.36), 0.04),
                np.array([noise(12), noise(96), "B"], dtype=object),
            ),
        ),
        (check_no_reversal, ((11646.9, "A"), (1.6e4, "a"), "12000, A", [torch.tensor(15535.0), "A"], ("A", "16260"))),
        (check_chance, ((1 / 3, math.log(3)), (0.333, 1.099), (0.33, 1.1), (33.3, 1.0986), "1/3, 1,0986")),
    ],
)
def test_solutions_are_right(check, answers):
    assert all(check(answer) for answer in answers)


MISTAKES = {
    check_coral_by_hand: [
        (17, 12.5), (25, 68), (25, 17), (12.5, 68), (12.5, 34), (12.5, 4.25), (12.5, 2.5), (2.5, 17), (1, 2), "x",
    ],
    check_coral_of_three: [
        wrong(reduce=sum), wrong(correction=0), wrong(mean=0), wrong(cov=0), pooled_rest, wrong(cov=3.0),
        wrong(ij=lambda n: [(0, 1)]), wrong(ij=lambda n: [(i, i + 1) for i in range(n - 1)]),
        lambda z, d: 1 / 0, lambda z, d: None, "x",
    ],
    check_means_of_mixes: [0, 10, -5, 25, 0.5, 2, 7, 3.3, "x"],
    check_reversed_by_hand: [
        (60, -10), (20, 60), (10, 60), (-20, 60), (-10, -30), (-10, -60), (-10, 30), (20, -30), (-5, 30), (-10, 10),
        (1, 1), "x",
    ],
    check_waiting_schedule: [
        reversal_strength, lambda p: reversal_strength(p - 0.2) if p > 0.2 else 0.0,
        lambda p: math.tanh(6.25 * (p - 0.2)),
        lambda p: reversal_strength(p) if p > 0.2 else 0.0, lambda p: waiting(p) + 1,
        lambda p: max(0.0, (p - 0.2) / 0.8),
        lambda p: p + 0.1, lambda p: max(0.0, p - 0.2) ** 2, lambda p: 1 / 0, lambda p: None, "x",
    ],
    check_batch_noise: [
        (0.042, 0.35, "B"), (0.17, 0.042, "B"), (0.35, 0.17, "B"), (0.35, 0.042, "A"), (0.35, 0.042, "C"),
        (0.35, 0.042, "D"), (0.35, 0.042, "E"), (0.35, 0.042),
    ],
    check_no_reversal: [(0.69, "A"), (-1e4, "A"), (1e4, "B"), (1e4, "C"), (1e4, "D"), (1e4, "F"), 1e4],
    check_chance: [
        (math.log(3), 1 / 3), (0.5, math.log(2)), (1 / 24, math.log(24)), (1 / 72, math.log(72)), (1 / 3, 1 / 3),
        (1 / 3, 2 / 3), (1 / 3, -math.log(3)), (1 / 3, math.log10(3)), (1 / 3, 0), (0, math.log(3)), (1, 2), "x",
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])


def test_the_answers_that_mistakes_stand_for_are_computed_as_said():
    assert by_hand() == pytest.approx((12.5, 17))
    assert [gradient.item() for gradient in reversed_by_autograd()] == [-10, 60]


def test_a_function_that_writes_into_its_input_is_judged_by_what_it_returns():
    def careless(features, domains):
        value = coral(features, domains)
        features.zero_()
        return value

    assert check_coral_of_three(careless)
    assert check_coral_of_three(careless)


def test_two_rounded_digits_are_enough_and_a_number_that_was_cut_off_is_told_so():
    assert check_chance((0.33, 1.1)) and check_class_share(0.42) and check_boda_by_hand(0.41)
    assert "rounded on the way" in check_class_share(0.41).text
    assert "rounded on the way" not in check_chance((0.3, 1.1)).text
