"""Notebook 04's checks: the stub, the solution, each known mistake with a hint of its own, and garbage."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from support.exercise_checks import get_hints_of_their_own, gets_a_hint

from wbc_tutorial.course.exercises import (
    check_cleared_too_late,
    check_cross_entropy,
    check_share_of_fall,
    check_training_step,
)
from wbc_tutorial.models import small_cnn

P = math.exp(2) / (math.exp(2) + 2)
BINARY = [math.log1p(math.exp(-2)), math.log(2), math.log(2)]
CHECKS = [check_cleared_too_late, check_cross_entropy, check_share_of_fall, check_training_step]
GARBAGE = ["a string", 7, -1.5, [1, 2], {}, object(), np.nan, math.inf, np.zeros(3), torch.zeros(2), True, 1j, print]


def step(model, optimizer, images, labels):
    optimizer.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    optimizer.step()


def by_features_and_head(model, optimizer, images, labels):
    optimizer.zero_grad()
    F.cross_entropy(model.head(model.features(images)), labels).backward()
    optimizer.step()


def moved_too_early(model, optimizer, images, labels):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(images), labels)
    optimizer.step()
    loss.backward()


def never_cleared(model, optimizer, images, labels):
    F.cross_entropy(model(images), labels).backward()
    optimizer.step()


def never_moved(model, optimizer, images, labels):
    F.cross_entropy(model(images), labels).backward()


def cleared_too_late(model, optimizer, images, labels):
    F.cross_entropy(model(images), labels).backward()
    optimizer.zero_grad()
    optimizer.step()


def never_differentiated(model, optimizer, images, labels):
    F.cross_entropy(model(images), labels)
    optimizer.step()


def nothing(model, optimizer, images, labels): ...


def twice(model, optimizer, images, labels):
    step(model, optimizer, images, labels)
    step(model, optimizer, images, labels)


def changed_tensors(do):
    """Do what the exercise asks for, with the course's network on noise, and count the tensors that differ."""
    torch.manual_seed(0)
    model, images, labels = small_cnn(n_classes=13), torch.rand(4, 3, 32, 32), torch.arange(4)
    start = {name: values.clone() for name, values in model.state_dict().items()}
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(2):
        do(model.train(), optimizer, images, labels)
    return sum(not torch.equal(values, start[name]) for name, values in model.state_dict().items())


def with_loss(loss_of):
    def wrong(model, optimizer, images, labels):
        optimizer.zero_grad()
        loss_of(model(images), labels).backward()
        optimizer.step()

    return wrong


LATE, USUAL = changed_tensors(cleared_too_late), changed_tensors(step)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("answer", [..., None, *GARBAGE], ids=lambda answer: type(answer).__name__)
def test_no_answer_and_garbage_get_a_hint(check, answer):
    gets_a_hint(check, answer)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (check_cross_entropy, (-math.log(P), np.float32(-math.log(P)), torch.tensor(-math.log(P)), 0.24, [0.2395])),
        (check_share_of_fall, (0.6, 0.60, (0.7 - 0.4) / (0.9 - 0.4), 60, "60 %", "3/5", np.float32(0.6))),
        (check_cleared_too_late, ((LATE, "C"), [str(LATE), "c"], (np.int64(LATE), "C"), f"{LATE}, C", ("C", LATE))),
        (check_training_step, (step, by_features_and_head)),
    ],
)
def test_solutions_are_right(check, answers):
    assert all(check(answer) for answer in answers)


MISTAKES = {
    check_cleared_too_late: [
        (0, "C"), (USUAL, "C"), (USUAL - LATE, "C"), (3, "C"), (LATE, "A"), (LATE, "B"), (LATE, "D"), (LATE, "E"), LATE,
    ],
    check_cross_entropy: [
        P, math.log(P), -math.log10(P), sum(BINARY), sum(BINARY) / 3, BINARY[0], -math.log((1 - P) / 2), -2, 5, "x",
    ],
    check_share_of_fall: [
        0.225 / 0.6, 0.4, 0.3, 0.5, 0.7 / 0.9, 0.3 / 0.9, 0.3 / 0.7, 5 / 3, 0.604, 5, "x",
    ],
    check_training_step: [
        never_cleared, never_moved, moved_too_early, cleared_too_late, never_differentiated, nothing, twice,
        with_loss(lambda z, y: F.cross_entropy(z.softmax(1), y)),
        with_loss(lambda z, y: F.cross_entropy(z, y, reduction="sum")),
        with_loss(lambda z, y: -F.cross_entropy(z, y)),
        with_loss(lambda z, y: F.binary_cross_entropy_with_logits(z, F.one_hot(y, 3).float())),
        lambda model, optimizer, images, labels: 1 / 0,
        "x",
    ],
}  # fmt: skip


@pytest.mark.parametrize("check", MISTAKES)
def test_each_mistake_has_a_hint_of_its_own(check):
    get_hints_of_their_own(check, MISTAKES[check])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [(nothing, "replace its ..."), (never_differentiated, "no gradient was computed"), (never_moved, "act?"),
     (cleared_too_late, "between backward and step"), (moved_too_early, "first loss.backward()")],
)  # fmt: skip
def test_an_unmoved_model_gets_the_hint_for_what_is_missing(wrong, words):
    assert words in check_training_step(wrong).text


def test_the_check_leaves_torch_s_random_numbers_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    check_training_step(step)
    assert torch.equal(torch.rand(1), expected)
