"""The figure of the eight cells: a square for each answer, and words that follow the answers."""

import numpy as np
import pytest
import torch

from wbc_tutorial.course import plots
from wbc_tutorial.data.thread import course_cells


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def test_right_and_wrong_answers_are_marked_by_sign_too():
    cells = course_cells(size=16)
    answers = cells.labels.copy()
    answers[0] = cells.labels[1]
    figure = plots.named_cells(cells, {"ERM": answers, "you": cells.labels})
    assert texts(figure)[:2] == ["✗ NGB", "✓ NGB"] and len(texts(figure)) == 16
    assert "ERM: 7 of 8 right, NGS named NGB." in figure.alt and "you: 8 of 8 right." in figure.alt


def test_logits_and_probabilities_show_the_same_confidence():
    cells = course_cells(size=16)
    logits = torch.zeros(8, 13)
    logits[range(8), cells.labels] = 3
    one, two = (plots.named_cells(cells, {"m": values}) for values in (logits, logits.softmax(dim=1).numpy()))
    assert texts(one) == texts(two) and texts(one)[0] == "✓ NGS .63"


def test_the_cells_alone():
    figure = plots.named_cells(course_cells(size=16), {})
    assert not texts(figure) and figure.alt.startswith("8 simulated cells photographed in sim_mll: NGS, NGB")


def test_another_number_of_answers_is_refused():
    with pytest.raises(ValueError, match=r"ERM: answers of shape \(3,\) for 8 cells"):
        plots.named_cells(course_cells(size=16), {"ERM": np.zeros(3)})
