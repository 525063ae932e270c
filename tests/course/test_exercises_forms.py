"""The forms of an answer: every right one is accepted, and one rule of rounding holds in all exercises."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from wbc_tutorial.course.exercises import check_boda_by_hand, check_class_share, check_gap_closed, check_runs_needed
from wbc_tutorial.course.exercises.answers import agrees
from wbc_tutorial.course.exercises.feedback import Feedback
from wbc_tutorial.course.exercises.reading import items, letters_in, number, numbers_in

QUARTER = [
    0.25, "0.25", "0,25", ".25", ",25", " 0.25 ", "1/4", "1 / 4", "2.5e-1", "+0.25", "25 %", "25%", "25 per cent",
    "25 percent", "25 Per Cent", "٠٫٢٥", "０.２５", Fraction(1, 4), Decimal("0.25"), np.float32(0.25), np.float16(0.25),
    np.array(0.25), np.array([0.25]), np.array([[0.25]]), np.array("0.25"), torch.tensor(0.25), torch.tensor([[0.25]]),
    torch.tensor(0.25, requires_grad=True), [0.25], (0.25,), {0.25}, ["1/4"], pd.Series([0.25]), [np.array([0.25])],
    (value for value in [0.25]),
]  # fmt: skip


@pytest.mark.parametrize("answer", QUARTER, ids=lambda answer: f"{type(answer).__name__} {answer!r}"[:30])
def test_a_number_is_read_from_every_form(answer):
    assert number(answer) == pytest.approx(0.25)


@pytest.mark.parametrize("answer", ["", "x", "0.2.5", "1/0", "1/2/3", "1,000.5", "2²", "nan", "inf", "1e999", True])
def test_what_is_no_number_is_not_read_as_one(answer):
    assert number(answer) is None


@pytest.mark.parametrize(
    "answer",
    [(320, 0.39), [320, "0,39"], "320, 0.39", "(320, 0.39)", "320; 0,39", "320 0.39", "320 and 0.39", "320,0.39",
     np.array([[320, 0.39]]), torch.tensor([320, 0.39]), pd.Series([320, 0.39]), (np.array([320]), Decimal("0.39"))],
    ids=repr,
)  # fmt: skip
def test_two_numbers_are_read_from_every_form(answer):
    assert numbers_in(answer, 2) == pytest.approx((320, 0.39))


def test_two_numbers_in_a_set_have_no_order_and_are_not_read():
    assert numbers_in({320, 0.39}, 2) is None


@pytest.mark.parametrize(
    "answer", ["AC", "a, c", "A and C", "A & C", "{A, C}", {"A", "C"}, ["A", "C"], ("c", "a"), np.array(["A", "C"]),
               pd.Index(["A", "C"]), {"A": True, "B": False, "C": 1}, {"A, C"}],
    ids=lambda answer: str(sorted(answer)) if isinstance(answer, set) else repr(answer),  # a set has no order
)  # fmt: skip
def test_letters_are_read_from_every_form(answer):
    assert letters_in(answer) == {"A", "C"}


@pytest.mark.parametrize("answer", ["", "F", "I think A", "A or B", 7, [], [1], None, {"A": False}])
def test_what_names_no_statement_is_a_hint(answer):
    assert isinstance(letters_in(answer), Feedback)


def test_the_size_of_an_array_is_looked_at_before_its_elements():
    class Large:
        shape = (200,)

        def tolist(self):
            raise AssertionError("read")

    assert items(Large()) is None
    assert items(np.arange(100)) == list(range(100)) and items(np.arange(101)) is None
    assert items(range(10**12)) is None and items("text") is None and items({"a": 1}) is None


@pytest.mark.parametrize(
    ("solution", "right", "wrong"),
    [
        (5 / 12, (5 / 12, 0.41667, 0.4167, 0.417, 0.42), (0.4, 0.41, 0.415, 0.419, 0.5)),
        (5 / 8, (0.625, 0.62, 0.63), (0.6, 0.61, 0.64, 0.627)),
        (1.0986, (1.0986, 1.099, 1.10, 1.1), (1.0, 1.09, 1.11, 1)),
        (138.909, (138.909, 138.9, 139, 140), (138, 137.9, 130, 100)),
        (-0.03, (-0.03,), (0.03, -0.031, -0.029)),
        (15, (15, 15.04), (14, 16, 15.5)),
        (0, (0, 1e-4), (0.01,)),
    ],
)
def test_two_rounded_digits_or_more_are_right(solution, right, wrong):
    assert all(agrees(value, solution) for value in right)
    assert not any(agrees(value, solution) for value in wrong)


def test_a_function_s_result_needs_three_digits():
    assert agrees(0.246, 0.24631, 3) and not agrees(0.25, 0.24631, 3)


def test_per_cent_is_accepted_with_a_word_about_it_where_a_share_is_asked():
    for answer in (25, "25 %", "25 per cent"):
        feedback = check_gap_closed(answer)
        assert feedback and "as a share between 0 and 1 it is 0.25" in feedback.text
    assert "per cent" not in check_gap_closed(0.25).text
    assert check_class_share("41.7 %") and not check_boda_by_hand(40.8)


def test_a_number_of_runs_is_whole():
    assert check_runs_needed("16") and check_runs_needed(16.0)
    assert "whole number" in check_runs_needed(16.05).text
