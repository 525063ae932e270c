"""Intervals of paired differences: worked numbers, measured coverage, and what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

from wbc_tutorial.evaluation.intervals import image_interval, paired_interval
from wbc_tutorial.evaluation.metrics import f1_scores


def test_it_is_students_interval_over_folds():
    differences = [0.10, 0.02, 0.06]
    expected = stats.t.interval(0.9, 2, loc=np.mean(differences), scale=stats.sem(differences))
    assert paired_interval(differences, level=0.9) == pytest.approx(expected)


def test_seeds_of_a_fold_are_averaged_first():
    by_seed = np.array([[0.1, 0.3], [0.0, 0.2], [0.4, 0.2], [0.1, np.nan]])
    assert paired_interval(by_seed) == pytest.approx(paired_interval([0.2, 0.1, 0.3, 0.1]))
    narrow, wide = (paired_interval(each) for each in (by_seed[:3].ravel(), by_seed[:3]))
    assert np.ptp(narrow) < np.ptp(wide), "six runs in three folds are not six folds"


def test_the_correction_for_shared_training_images_widens_by_its_factor():
    differences = np.random.default_rng(0).normal(size=5)
    plain, corrected = paired_interval(differences), paired_interval(differences, test_per_training=1 / 4)
    assert np.ptp(corrected) / np.ptp(plain) == pytest.approx(math.sqrt((1 / 5 + 1 / 4) / (1 / 5)))
    assert np.mean(corrected) == pytest.approx(np.mean(plain))


@pytest.mark.parametrize(
    "differences", [[], [0.1], [0.1, 0.2], [0.1, 0.2, math.nan], [[0.1, 0.2]], np.full((5, 3), np.nan)]
)
def test_fewer_than_three_folds_have_no_interval(differences):
    assert all(math.isnan(end) for end in paired_interval(differences))


def test_a_missing_fold_is_left_out():
    assert paired_interval([0.1, math.nan, 0.3, 0.2]) == paired_interval([0.1, 0.3, 0.2])


def covered(draw, n=2000):
    """How often the interval holds the true mean, which is 0."""
    generator = np.random.default_rng(0)
    held = [low <= 0 <= high for low, high in (paired_interval(draw(generator)) for _ in range(n))]
    return np.mean(held)


@pytest.mark.parametrize("k", [3, 5, 15])
def test_the_coverage_is_the_one_stated_for_few_folds(k):
    assert 0.93 <= covered(lambda generator: generator.normal(size=k)) <= 0.98


def test_the_coverage_is_the_one_stated_for_folds_times_seeds():
    def runs(generator):
        return generator.normal(size=(5, 1)) + generator.normal(size=(5, 3))  # fold and seed effects of equal size

    assert 0.93 <= covered(runs) <= 0.98
    assert covered(lambda generator: runs(generator).ravel()) < 0.87, "runs taken as folds: too narrow"


def test_the_level_is_the_coverage():
    generator = np.random.default_rng(1)
    held = [
        low <= 0 <= high for low, high in (paired_interval(generator.normal(size=5), level=0.8) for _ in range(2000))
    ]
    assert 0.77 <= np.mean(held) <= 0.83


@pytest.mark.parametrize(
    ("differences", "options", "message"),
    [
        (0.1, {}, r"shape \(\)"),
        (None, {}, r"shape \(\)"),
        (np.zeros((2, 2, 2)), {}, r"shape \(2, 2, 2\)"),
        ([0.1, math.inf, 0.2], {}, "finite"),
        ([[0.1, 0.2], [0.3]], {}, "makes no table of numbers"),
        (["a", "b", "c"], {}, "makes no table of numbers"),
        ([1j, 2, 3], {}, "makes no table of numbers"),
        ([1, 2, 3], {"level": 95}, "level is 95; expected a number between 0 and 1, such as 0.95"),
        ([1, 2, 3], {"level": "95 %"}, "level is '95 %'"),
        ([1, 2, 3], {"level": None}, "level is None"),
        ([1, 2, 3], {"test_per_training": -1}, "test_per_training is -1"),
    ],
)
def test_what_cannot_be_used_is_refused(differences, options, message):
    with pytest.raises(ValueError, match=message):
        paired_interval(differences, **options)


def _images(generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw truth and prediction of `n` images: three classes in a mix of 6 : 3 : 1, 80 % right."""
    truth = generator.choice(3, n, p=(0.6, 0.3, 0.1))
    wrong = generator.random(n) < 0.2
    return truth, np.where(wrong, (truth + generator.integers(1, 3, n)) % 3, truth)


def test_image_interval_covers_the_score_of_many_images():
    generator = np.random.default_rng(0)
    true = f1_scores(*_images(generator, 400_000), 3).macro
    draws = [image_interval(*_images(generator, 300), 3, n_resamples=200, seed=k) for k in range(400)]
    covered = np.mean([low <= true <= high for low, high in draws])
    assert 0.91 <= covered <= 0.98


def test_image_interval_is_wider_when_images_of_a_slide_are_alike():
    generator = np.random.default_rng(1)
    truth = np.tile([0, 1], 200)
    slides = np.repeat(np.arange(20), 20)
    good = np.isin(slides, np.arange(10))  # on ten slides all is right, on ten all is wrong
    predicted = np.where(good, truth, 1 - truth)
    single, whole = image_interval(truth, predicted, 2), image_interval(truth, predicted, 2, groups=slides)
    assert whole[1] - whole[0] > 3 * (single[1] - single[0])
    few = generator.permutation(truth)
    assert image_interval(truth, predicted, 2, groups=few) == single  # two groups are too few to draw from


def test_image_interval_of_images_that_are_all_right():
    assert image_interval([0, 1, 2, 2], [0, 1, 2, 2], 5) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": ["a"]}, "1 groups for 2 images"),
        ({"level": 95}, "level is 95"),
        ({"n_resamples": 0}, "n_resamples"),
        ({"seed": -1}, "seed"),
    ],
)
def test_image_interval_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        image_interval([0, 1], [0, 1], 2, **options)
