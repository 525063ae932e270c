"""The eight cells and the patient: the same everywhere, in no training set, and as a laboratory photographs them."""

import numpy as np
import pytest

from wbc_tutorial.data import thread
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.simulator import LOOKS, simulate_cell
from wbc_tutorial.data.thread import EIGHT_CELLS, course_cells, patient


def test_eight_cells_of_eight_classes_in_each_laboratory():
    for laboratory in LOOKS:
        cells = course_cells(laboratory, size=16)
        assert len(cells) == len(set(cells.labels)) == len(EIGHT_CELLS) == 8
        assert cells.domain_names == (laboratory,) and set(cells.domains) == {0}


def test_it_is_the_same_cell_under_another_look():
    one, other = (course_cells(laboratory, size=32) for laboratory in ("sim_acevedo", "sim_mll"))
    assert not np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)
    dark = [images.astype(float).mean(axis=1).reshape(8, -1) for images in (one.images, other.images)]
    alike = [np.corrcoef(a, b)[0, 1] for a, b in zip(*dark, strict=True)]
    assert min(alike) > 0.6, "light and dark lie at the same places"


def test_no_training_set_holds_them():
    code, index = EIGHT_CELLS[0]
    name = CLASSES[course_cells(size=16).labels[0]]
    mine = course_cells(size=16).images[0].transpose(1, 2, 0)
    assert not any(np.array_equal(mine, simulate_cell("sim_mll", name, k, size=16)) for k in range(index + 3))


def test_the_patient_has_three_blasts_in_200_cells_and_none_before_the_illness():
    blast = CLASSES.index("myeloblast")
    ill, healthy = patient(size=8), patient(blasts=0, size=8)
    assert len(ill) == len(healthy) == 200
    assert np.sum(ill.labels == blast) == 3 and not np.any(healthy.labels == blast)
    shared = min(np.sum(part.labels == CLASSES.index("neutrophil_segmented")) for part in (ill, healthy))
    assert np.array_equal(ill.images[:shared], healthy.images[:shared]), "the other cells are the same"


def test_drawn_once_a_session_and_nobody_can_spoil_it_for_others(monkeypatch):
    first = patient(size=8)
    kept = first.images.copy()
    monkeypatch.setattr(thread, "simulate_cell", None)
    first.images[:] = 0
    assert np.array_equal(patient(size=8).images, kept)


@pytest.mark.parametrize("blasts", [-1, 21, 2.5, "3", None])
def test_a_wrong_number_of_blasts_is_answered_in_one_line(blasts):
    with pytest.raises(ValueError, match="expected a whole number from 0 to 20"):
        patient(blasts=blasts, size=8)


def test_an_unknown_laboratory_is_named():
    with pytest.raises(ValueError, match="unknown simulated laboratory 'mll_23'"):
        course_cells("mll_23")
