"""Every check, whatever it is given: feedback, at once, and no error."""

import itertools
import math
import sys
import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch

from wbc_tutorial.course import exercises

CHECKS = {name: getattr(exercises, name) for name in exercises.__all__ if name.startswith("check_")}


class Hostile:
    """Whatever one asks of it, it refuses."""

    def _refuse(self, *_):
        raise RuntimeError("no")

    __eq__ = __hash__ = __len__ = __iter__ = __array__ = __float__ = __getitem__ = __bool__ = __str__ = _refuse
    __repr__ = __int__ = __index__ = __contains__ = __call__ = _refuse

    @property
    def shape(self):
        raise RuntimeError("no")

    tolist = item = detach = dtype = ndim = shape


class ClaimsToBeHuge:
    shape = (10**12,)

    def tolist(self):
        raise AssertionError("asked for its elements before its size was looked at")

    __iter__ = __array__ = tolist


class DictThatRaises(dict):
    def __getitem__(self, key):
        raise KeyError(key)


def itself():
    held = []
    held.append(held)
    return held


HUGE = np.broadcast_to(np.float64(1), 10**9)
TEXTS = ["", "x", "٠٫٢٥", "½", "1/0", "25 % %", "-", "1e999", "9" * 10_000, "A" * 10_000, "\0", "🩸", "1_000", "²"]
ODD = {
    "nothing": [None, ..., NotImplemented, type, object(), Exception("x"), [], (), {}, set(), b"", b"0.25",
                bytearray(9)],
    "numbers": [math.nan, math.inf, -math.inf, 10**400, -1, 0, True, 1j, Decimal("NaN"), Decimal("1e999"),
                Fraction(1, 3)],
    "texts": TEXTS,
    "lists of texts": [[text] * 5 for text in TEXTS],
    "numpy": [np.bool_(True), np.array(None), np.array([]), np.zeros((2, 3)), np.zeros((0, 2)), np.datetime64("NaT"),
              np.timedelta64(1), np.array(["a", None]), np.ma.masked, np.ma.masked_all(2), np.float16(0.25),
              np.zeros(2, dtype=[("a", int)]), np.void(b"x"), np.random.default_rng(0), np.full(2, np.nan)],
    "torch": [torch.zeros(()), torch.zeros(2, 2), torch.zeros(2, requires_grad=True), torch.zeros(3, device="meta"),
              torch.eye(2).to_sparse(), torch.zeros(2, dtype=torch.cfloat), torch.nn.Linear(2, 2)],
    "tables": [pd.Series([1, 2]), pd.Series(dtype=float), pd.DataFrame({"a": [1, 2]}), pd.Index(["A", "C"]), pd.NA,
               pd.NaT, scipy.sparse.csr_array(np.eye(3)), scipy.sparse.eye_array(10**6)],
    "huge": [HUGE, np.broadcast_to(np.float64(1), (10**9, 2)), np.broadcast_to(True, 10**9), range(10**12),
             torch.zeros(1).expand(10**9), itertools.count(), (0.5 for _ in itertools.count()), [HUGE, HUGE],
             np.broadcast_to("A", 10**9), ClaimsToBeHuge(), [0.5] * 10**6, dict.fromkeys(range(10**5), "NGS"),
             [[[[[[0.5]]]]]], itself(), np.broadcast_to(np.uint8(1), (96, 96, 10**6))],
    "hostile": [Hostile(), [Hostile()] * 2, {"SEG": Hostile()}, DictThatRaises(A=1), {"A": HUGE}, (Hostile(), 1),
                lambda *_: Hostile()],
    "functions": [print, int, len, max, sorted, lambda: 1, lambda *_: None, lambda *_: ..., lambda *_: "x",
                  lambda *_: math.nan, lambda *_: HUGE, lambda *_: (HUGE, HUGE), lambda *a: a,
                  lambda *_: itertools.count(), lambda *_: [[1], [1, 2]], lambda *_: torch.zeros(1).expand(10**9),
                  lambda *_: 1 / 0, lambda *_: sys.exit(), lambda *_: {}, lambda *_: scipy.sparse.eye_array(10**6),
                  lambda *_: torch.zeros(2, device="meta")],
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def torch_is_warm():
    """Leave torch's first optimizer, which loads more of torch, out of what is timed below."""
    exercises.check_training_step(len)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("name", CHECKS)
def test_no_answer_makes_a_check_fail_or_wait(name, kind):
    for number, answer in enumerate(ODD[kind]):
        start = time.perf_counter()
        feedback = CHECKS[name](answer)
        assert isinstance(feedback, exercises.Feedback) and feedback.text, (number, type(answer))
        assert len(feedback.text) < 400, (number, feedback.text)
        assert time.perf_counter() - start < 5, (number, type(answer), "a whole array was read")


@pytest.mark.parametrize("name", CHECKS)
def test_what_a_learner_may_well_answer_gets_a_hint_of_the_exercise(name):
    """The last net, "This answer cannot be read", is for objects that nobody thought of."""
    for kind in ("numbers", "texts", "lists of texts", "numpy", "torch", "tables", "huge", "functions"):
        for number, answer in enumerate(ODD[kind]):
            assert "cannot be read" not in CHECKS[name](answer).text, (kind, number)


def test_a_function_that_asks_to_leave_does_not_end_the_kernel():
    assert "SystemExit" in exercises.check_imbalance_ratio(lambda counts: sys.exit()).text


def test_an_interrupt_from_the_keyboard_is_let_through():
    def interrupted(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exercises.check_imbalance_ratio(interrupted)
