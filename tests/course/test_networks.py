"""The network that the package brings along: small, readable, trained on the known laboratories alone."""

import numpy as np
import pytest

from wbc_tutorial.course import networks
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.thread import course_cells
from wbc_tutorial.evaluation.adaptation import predict


def test_it_is_small_and_knows_the_thirteen_classes_from_known_laboratories_alone():
    model = networks.trained_network()
    assert model.classes == CLASSES and model.provenance["train"] == ["sim_matek", "sim_acevedo"]
    assert (networks.FOLDER / "erm.pt").stat().st_size < 1_000_000


def test_it_is_better_than_chance_on_cells_that_it_never_saw():
    cells = course_cells("sim_acevedo")
    assert np.mean(predict(networks.trained_network(), cells).argmax(axis=1) == cells.labels) >= 4 / 8


def test_answers_are_the_probabilities_of_the_logits():
    cells = course_cells()
    model = networks.trained_network()
    logits = np.asarray(predict(model, cells))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for images in (cells.images, cells.images.transpose(0, 2, 3, 1)):
        assert np.allclose(networks.answers(model, images), expected, atol=1e-3)


def test_a_network_that_is_not_there_is_answered_by_those_that_are():
    with pytest.raises(FileNotFoundError, match=r"no trained network 'ermm' in the package, only .*erm.*; python"):
        networks.trained_network("ermm")
