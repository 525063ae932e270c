"""Screening of a patient: blasts found and missed, false alarms, and the alarm."""

import numpy as np
import pytest
import torch

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.classes import CLASSES, CODES
from wbc_tutorial.evaluation.screening import screen

TRUTH = [CODES.index(code) for code in ("NGS", "NGS", "LYT", "MYO", "MYO", "MYO")]


@pytest.fixture
def cells():
    n = len(TRUTH)
    return CellImages(np.zeros((n, 3, 8, 8), np.uint8), TRUTH, [0] * n, CLASSES, ("lab",))


def said(*codes):
    return np.array([CODES.index(code) for code in codes])


def test_found_missed_and_false(cells):
    result = screen(cells, said("NGS", "MYO", "LYT", "MYO", "MON", "LYA"))
    assert (result.n, result.blasts, result.found, result.false_alarms) == (6, 3, 1, 1)
    assert result.missed_as == {"MON": 1, "LYA": 1} and result.taken_for == {"NGS": 1} and result.alarm
    assert repr(result) == "6 cells, 3 blasts: 1 found (missed as 1 LYA, 1 MON), 1 false (from 1 NGS): alarm"


def test_the_alarm_needs_two_named_blasts_unless_told_otherwise(cells):
    one = said("NGS", "NGS", "LYT", "MYO", "LYT", "LYT")
    assert not screen(cells, one).alarm and screen(cells, one, least=1).alarm
    assert repr(screen(cells, one)).endswith("0 false: no alarm")


def test_logits_tensors_and_classes_say_the_same(cells):
    classes = said("NGS", "NGS", "LYT", "MYO", "MYO", "LYT")
    logits = torch.nn.functional.one_hot(torch.as_tensor(classes), 13).float().requires_grad_()
    assert screen(cells, logits) == screen(cells, classes) == screen(cells, logits.detach().numpy())


@pytest.mark.parametrize("wrong", [[0] * 5, [0] * 5 + [13], [0] * 5 + [-1], [[0.5]], []])
def test_other_answers_are_refused_in_one_line(cells, wrong):
    with pytest.raises(ValueError, match="for 6 cells; expected one class of 0 to 12 for each"):
        screen(cells, np.array(wrong))


def test_classes_without_a_blast_are_refused(cells):
    five = CellImages(cells.images, [0] * 6, [0] * 6, ("neutrophil", "monocyte"), ("lab",))
    with pytest.raises(ValueError, match="expected myeloblast among them"):
        screen(five, [0] * 6)
