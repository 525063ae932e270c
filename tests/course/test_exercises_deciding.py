"""Checks of notebook 13: the stub, the solution in several forms, known mistakes with their own hints, garbage."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.special import softmax
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_black_patch,
    check_borrowed_threshold,
    check_false_alarm_of_a_patient,
    check_risk_at_coverage,
    check_rule_of_two,
    check_temperature,
)

CHECKS = [
    check_black_patch,
    check_borrowed_threshold,
    check_temperature,
    check_risk_at_coverage,
    check_rule_of_two,
    check_false_alarm_of_a_patient,
]
GARBAGE = ["a string", 5, -1.5, 0, [1, 2], [[]], {}, {1: 2}, object(), np.nan, np.inf, np.zeros((2, 3)), b"",
           [("a", "b")], print, 10**400, 1j, (None, None)]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: type(answer).__name__)
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


def at_temperature(logits, t):
    return softmax(logits / t, axis=1)


def risk(confidence, right, coverage):
    n = round(coverage * len(confidence))
    return 1 - np.mean(right[np.argsort(-confidence)[:n]])


def test_solutions_pass():
    assert all(check_black_patch(answer) for answer in ("AC", "a, c", {"A", "C"}, ["C", "A"], np.array(["A", "C"])))
    assert all(check_borrowed_threshold(answer) for answer in ("CD", "d, c", {"C", "D"}, ["D", "C"]))
    assert check_temperature(at_temperature)
    assert check_temperature(lambda z, t: (torch.as_tensor(z) / t).softmax(1))
    assert check_temperature(lambda z, t: at_temperature(z, t).tolist())
    assert check_risk_at_coverage(risk) and check_risk_at_coverage(lambda *given: torch.tensor(risk(*given)))
    assert check_risk_at_coverage(lambda *given: [risk(*given)])
    for answer in (0.352, "0,352", "35 %", 35.2, [0.35], np.float32(0.352), torch.tensor([0.352]), Fraction(44, 125)):
        assert check_rule_of_two(answer), answer
    assert "per cent" in check_rule_of_two(35.2).text
    for answer in (1 - 0.99**200 - 2 * 0.99**199, 0.6, "60 %", np.array([0.595])):
        assert check_false_alarm_of_a_patient(answer), answer


def test_the_solutions_are_what_many_patients_show():
    generator = np.random.default_rng(0)
    found = generator.binomial(3, 0.6, 200_000)
    assert check_rule_of_two(float(np.mean(found < 2).round(2)))
    alarms = generator.binomial(200, 0.01, 200_000)
    assert check_false_alarm_of_a_patient(float(np.mean(alarms >= 2).round(2)))


def test_known_mistakes_get_hints_of_their_own():
    get_hints_of_their_own(check_borrowed_threshold, ["A", "B", "E", "C", "D", "X", 7])
    get_hints_of_their_own(check_black_patch, ["B", "D", "E", "A", "C", "X", 7])
    get_hints_of_their_own(
        check_temperature,
        [
            lambda z, t: at_temperature(z, 1 / t),
            lambda z, t: softmax(z, axis=1) / t,
            lambda z, t: softmax(z, axis=1),
            lambda z, t: softmax(z / t, axis=0),
            lambda z, t: np.exp(z / t),
            lambda z, t: z / t,
            lambda z, t: softmax(z, axis=1) ** (1 / t),
            lambda z, t: np.zeros_like(z),
            lambda z, t: z[0],
            lambda z, t: 1 / 0,
            lambda z, t: None,
            at_temperature(np.eye(2), 1),
        ],
    )
    get_hints_of_their_own(
        check_risk_at_coverage,
        [
            lambda c, r, k: 1 - risk(c, r, k),
            lambda c, r, k: risk(-c, r, k),
            lambda c, r, k: risk(c, r, k) * round(k * len(c)) / len(c),
            lambda c, r, k: 1 - np.mean(r[: round(k * len(c))]),
            lambda c, r, k: 1 - np.mean(r[c >= k]) if (c >= k).any() else np.nan,
            lambda c, r, k: 1 - np.mean(r),
            lambda c, r, k: 0.123,
            lambda c, r, k: 1 / 0,
            lambda c, r, k: None,
        ],
    )
    get_hints_of_their_own(check_rule_of_two, [0.648, 0.064, 0.4, 0.16, 0.288, 0.36, 0.784, 0.5, 0.3501, "many"])
    get_hints_of_their_own(
        check_false_alarm_of_a_patient, [0.4046, 0.866, 0.01, 2, 0.0001, 0.2707, 0.134, 0.5, 0.599, "many"]
    )


def test_hints_do_not_give_the_solution_away():
    for check, solution in ((check_rule_of_two, "0.35"), (check_false_alarm_of_a_patient, "0.59"),
                            (check_black_patch, "A and C")):  # fmt: skip
        for answer in (..., 4, "B", "A", 0.5):
            assert solution not in check(answer).text
