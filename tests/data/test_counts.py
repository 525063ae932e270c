"""Counts and colours of sets of cells."""

import numpy as np
import pytest

from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.data.colour import colour_statistics
from wbc_tutorial.data.counts import counts_by_class, imbalance_ratio, label_divergence, shot_groups


def test_label_divergence_is_symmetric_and_bounded():
    a, b = [5, 1, 0], [1, 1, 8]
    assert label_divergence(a, b) == pytest.approx(label_divergence(b, a))
    assert 0 < label_divergence(a, b) < 1
    with pytest.raises(ValueError, match="images in both"):
        label_divergence([0, 0], [1, 1])


def test_imbalance_ratio_needs_an_image():
    with pytest.raises(ValueError, match="all counts are 0"):
        imbalance_ratio([0, 0])
    with pytest.raises(ValueError, match="none negative"):
        imbalance_ratio([1, -1])


@pytest.mark.parametrize("counts", [None, "12", 5, [], [1, None], ["a"], [[1], [1, 2]], [float("nan"), 1], [-1, 2]])
def test_what_is_no_list_of_counts_is_refused(counts):
    for function in (imbalance_ratio, shot_groups, lambda each: label_divergence(each, [1, 2])):
        with pytest.raises(ValueError, match="expected one or more numbers of images, none negative"):
            function(counts)


def test_colour_statistics_equal_numpys():
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
    mean, std = colour_statistics(images)
    np.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(std, (images / 255).std(axis=(0, 2, 3)))


def test_colour_statistics_need_an_image():
    with pytest.raises(ValueError, match="one or more"):
        colour_statistics(np.zeros((0, 3, 8, 8), dtype=np.uint8))


def test_counts_may_name_classes_and_codes():
    assert counts_by_class({"ngs": 4, "Smudge cell": 1}) == (0,) * 8 + (4, 0, 0, 0, 1)
    assert counts_by_class(np.arange(13)) == tuple(range(13)) and len(CLASSES) == 13


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([1, 2], "13 whole numbers"),
        ("1234567890123", "13 whole numbers"),
        (5, "13 whole numbers"),
        ([1.5] * 13, "a count is 1.5"),
        ([-1] + [0] * 12, "a count is -1"),
        ({"NGS": "many"}, "a count is 'many'"),
        ({"neutrophil": 3}, "unknown class 'neutrophil'"),
        ({"NGS": 3, "neutrophil_segmented": 1}, "name a class twice"),
    ],
)
def test_counts_that_cannot_be_meant(counts, message):
    with pytest.raises(ValueError, match=message):
        counts_by_class(counts)
