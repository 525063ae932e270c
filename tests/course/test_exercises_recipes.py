"""Checks of notebook 12: the stub, the solution, each known mistake with a hint of its own, and garbage."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_chosen_where,
    check_gap_closed,
    check_more_cells,
    check_t3a_weights,
    check_twenty_looks,
    check_white_balance,
)
from wbc_tutorial.evaluation.adaptation import t3a_head

CHECKS = [
    check_more_cells,
    check_twenty_looks,
    check_gap_closed,
    check_white_balance,
    check_t3a_weights,
    check_chosen_where,
]
GARBAGE = ["a string", 5, -1.5, 0, [1, 2], [[]], {}, {1: 2}, object(), np.nan, np.inf, np.zeros((2, 3)), b"",
           [("a", "b")], print, 10**400, 1j, (None, None)]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: repr(answer)[:20])
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


def without_light(images, light):
    return (images / light[:, :, None, None]).clamp(0, 1)


def t3a_weights(w, z):
    return F.normalize(F.normalize(w, dim=0) + F.normalize(z, dim=1).sum(0), dim=0)


def test_solutions_pass():
    assert check_t3a_weights(t3a_weights) and check_t3a_weights(lambda w, z: t3a_weights(w, z).double().numpy())
    head = torch.nn.Linear(3, 2)
    z = torch.rand(4, 3)
    ours = t3a_head(head, z, torch.tensor([[9.0, 0.0]] * 4), n_support=4).weight[0]
    assert torch.allclose(t3a_weights(head.weight[0], z), ours, atol=1e-6), "the exercise is the library's formula"
    assert all(check_more_cells(answer) for answer in ({"A", "D"}, "ad", "A and D", np.array(["A", "D"])))
    for answer in (1 - 0.95**20, 0.64, "64 %", 64, "0,642", [0.64], np.float32(0.642), torch.tensor(0.6415)):
        assert check_twenty_looks(answer), answer
    assert check_gap_closed((0.45 - 0.30) / (0.90 - 0.30)) and check_gap_closed(np.float32(0.25))
    assert "per cent" in check_gap_closed(25).text and check_gap_closed("25 %") and check_gap_closed("1/4")
    assert check_white_balance(without_light)
    assert check_white_balance(lambda images, light: np.clip(images.numpy() / light.numpy()[..., None, None], 0, 1))
    assert all(
        check_chosen_where(answer)
        for answer in ({"A", "C"}, ["c", "a"], "AC", "A, C", {"A": True, "B": False, "C": True})
    )


def test_known_mistakes_get_hints_of_their_own():
    get_hints_of_their_own(check_more_cells, ["B", "C", "E", "A", "D", "X", 7])
    get_hints_of_their_own(check_twenty_looks, [0.05, 0.358, 1, 0.95, 0.05**20, 0.377, 0.5, 0.645, "many"])
    get_hints_of_their_own(check_gap_closed, [0.15, 0.5, 0.75, 0.15 / 0.58, 0.6, 4, 0.9, "much"])
    get_hints_of_their_own(
        check_white_balance,
        [
            lambda images, light: images / light[:, :, None, None],
            lambda images, light: images * light[:, :, None, None],
            lambda images, light: (images - light[:, :, None, None]).clamp(0, 1),
            lambda images, light: (images / light.mean(1)[:, None, None, None]).clamp(0, 1),
            lambda images, light: (images / light[:1, :, None, None]).clamp(0, 1),
            lambda images, light: images,
            lambda images, light: images / light,
            lambda images, light: images.mean(),
            lambda images, light: None,
            lambda images, light: 1 / 0,
            lambda images, light: images**2,
            torch.zeros(2),
        ],
    )
    get_hints_of_their_own(
        check_t3a_weights,
        [
            lambda w, z: F.normalize(w, dim=0) + F.normalize(z, dim=1).sum(0),
            lambda w, z: (F.normalize(w, dim=0) + F.normalize(z, dim=1).sum(0)) / 4,
            lambda w, z: F.normalize(w + z.sum(0), dim=0),
            lambda w, z: F.normalize(F.normalize(w, dim=0) + z.sum(0), dim=0),
            lambda w, z: F.normalize(w + F.normalize(z, dim=1).sum(0), dim=0),
            lambda w, z: F.normalize(F.normalize(w, dim=0) + F.normalize(z, dim=1).mean(0), dim=0),
            lambda w, z: F.normalize(z, dim=1).sum(0) / F.normalize(z, dim=1).sum(0).norm(),
            lambda w, z: F.normalize(F.normalize(w, dim=0) + F.normalize(z, dim=0).sum(0), dim=0),
            lambda w, z: w / w.norm(),
            lambda w, z: z,
            lambda w, z: w * 2,
            lambda w, z: None,
            lambda w, z: w @ z[0],
        ],
    )
    get_hints_of_their_own(check_chosen_where, ["B", "D", "E", "A", "C", "X", 7])


def test_a_function_without_a_return_is_told_so():
    for check in (check_white_balance, check_t3a_weights):
        assert "returns nothing yet" in check(lambda *_: None).text
        assert "Expected an array of shape (" in check(lambda *_: 5.0).text


def test_hints_do_not_give_the_solution_away():
    for check, solution in ((check_gap_closed, "0.25"), (check_chosen_where, "A and C")):
        for answer in (..., 4, "B", "AB", "A", 0.5):
            assert solution not in check(answer).text
