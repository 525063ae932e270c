"""Errors along maturation."""

import numpy as np
import pytest

import wbc_tutorial as wbc
from wbc_tutorial.evaluation.maturation import MATURATION, error_kinds

N = len(wbc.CLASSES)


def called(true, said, n=1):
    counts = np.eye(N, dtype=int)
    row = wbc.CLASSES.index(true)
    counts[row] = 0
    counts[row, wbc.CLASSES.index(said)] = n
    return error_kinds(counts, wbc.CLASSES)


@pytest.mark.parametrize(
    ("true", "said", "kind"),
    [
        ("neutrophil_band", "neutrophil_segmented", "next_stage"),
        ("myelocyte", "promyelocyte", "next_stage"),
        ("myeloblast", "neutrophil_segmented", "same_lineage"),
        ("lymphocyte_typical", "lymphocyte_atypical", "same_lineage"),
        ("eosinophil", "neutrophil_segmented", "same_lineage"),
        ("myeloblast", "lymphocyte_atypical", "other_lineage"),
        ("monocyte", "smudge_cell", "other_lineage"),
    ],
)
def test_each_confusion_has_its_kind(true, said, kind):
    found = called(true, said)
    assert found[kind] == pytest.approx(1 / N) and found["right"] == pytest.approx(1 - 1 / N)
    assert sum(found.values()) == pytest.approx(1)


def test_right_is_the_balanced_accuracy_of_the_classes_that_are_there():
    truth, said = np.array([0, 0, 0, 3, 5]), np.array([0, 1, 0, 3, 4])
    counts = wbc.confusion(truth, said, N)
    assert error_kinds(counts, wbc.CODES)["right"] == pytest.approx(wbc.balanced_accuracy(truth, said, N))
    assert (
        called("monocyte", "basophil", n=500)["right"] == called("monocyte", "basophil")["right"]
    )  # classes count alike


def test_maturation_is_a_line_of_classes():
    assert len(set(MATURATION)) == 6 and set(MATURATION) <= set(wbc.CLASSES)


@pytest.mark.parametrize(
    ("counts", "classes", "said"),
    [
        (np.eye(2), ["neutrophil", "monocyte"], "unknown class .neutrophil."),
        (np.eye(3), ["basophil", "monocyte"], "expected .2, 2."),
        (np.zeros((2, 2)), ["basophil", "monocyte"], "one image or more"),
        (-np.eye(2), ["basophil", "monocyte"], "numbers of images"),
    ],
)
def test_what_cannot_be_split_is_refused(counts, classes, said):
    with pytest.raises(ValueError, match=said):
        error_kinds(counts, classes)
