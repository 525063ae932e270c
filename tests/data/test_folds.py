"""Folds: every image is validated once, rare classes are kept, and a slide never stands on both sides."""

import warnings

import numpy as np
import pytest
from support.small_sets import make_cells

from wbc_tutorial.data.folds import SplitWarning, folds


def test_folds_cover_every_image_once_and_keep_rare_classes():
    labels = np.repeat([0, 1, 2, 3], [50, 7, 2, 1])
    cells = make_cells(np.tile(labels, 2), np.repeat([0, 1], 60), names=("a", "b"))
    splits = folds(cells, 5, seed=3)
    np.testing.assert_array_equal(np.sort(np.concatenate([held for _, held in splits])), np.arange(120))
    for train, held in splits:
        assert not set(train) & set(held) and len(train) + len(held) == 120
        assert cells.subset(held).counts[:, 0].tolist() == [10, 10]
        assert np.all(cells.subset(held).counts[:, 1] >= 1)
    assert [s[1].tolist() for s in splits] == [s[1].tolist() for s in folds(cells, 5, seed=3)]
    assert [s[1].tolist() for s in splits] != [s[1].tolist() for s in folds(cells, 5, seed=4)]


def test_folds_where_every_class_is_rarer_than_the_folds():
    for groups in (None, np.array([f"slide{i}" for i in range(12)], dtype=object)):
        cells = make_cells(np.repeat([0, 1, 2], 4), groups=groups)
        held = np.concatenate([part for _, part in folds(cells, 5)])
        np.testing.assert_array_equal(np.sort(held), np.arange(12))


def test_a_slide_never_stands_on_both_sides():
    groups = np.repeat([f"slide{i}" for i in range(12)], 10).astype(object)
    cells = make_cells(np.tile([0, 1], 60), groups=groups)
    for train, held in folds(cells, 5):
        assert not set(groups[train]) & set(groups[held])


@pytest.mark.parametrize(
    ("n", "groups", "n_folds", "message"),
    [
        (4, None, 5, "4 images: too few"),
        (10, "same", 5, "1 group .slides, patients.: too few"),
        (10, None, 1, "n_folds is 1: expected .* 2 or more"),
    ],
)
def test_folds_that_cannot_be_made(n, groups, n_folds, message):
    groups = None if groups is None else np.full(n, groups, dtype=object)
    with pytest.raises(ValueError, match=message):
        folds(make_cells(np.zeros(n, dtype=int), groups=groups), n_folds)


@pytest.mark.parametrize("n_folds", ["5", 2.5, None, True])
def test_the_number_of_folds_is_a_number(n_folds):
    with pytest.raises(ValueError, match="n_folds is .*expected a whole number of folds, 2 or more"):
        folds(make_cells([0] * 10), n_folds)


@pytest.mark.parametrize("blank", ["", "  "])
def test_one_blank_group_is_refused_and_not_a_split_by_image(blank):
    groups = np.array([f"slide{i % 7}" for i in range(100)], dtype=object)
    groups[[3, 50]] = blank
    cells = make_cells(np.tile([0, 1], 50), groups=groups)
    with pytest.raises(ValueError, match="a: 2 of 100 images have no group.*column group of cells.csv"):
        folds(cells)


def test_laboratories_with_and_without_slides_stand_side_by_side():
    groups = np.array([f"slide{i % 7}" for i in range(70)] + [""] * 70, dtype=object)
    cells = make_cells(np.tile([0, 1], 70), np.repeat([0, 1], 70), groups=groups, names=("a", "b"))
    for train, held in folds(cells):
        assert not (set(groups[train]) & set(groups[held])) - {""}


FIVE_SLIDES = ((2, 0), (3, 1), (5, 1), (2, 0), (2, 1))  # images, class


def test_as_many_slides_as_folds_leave_no_fold_empty():
    """Stratified by class they would: then whole slides are spread by their sizes."""
    labels = np.repeat([label for _, label in FIVE_SLIDES], [n for n, _ in FIVE_SLIDES])
    groups = np.repeat([f"s{i}" for i in range(5)], [n for n, _ in FIVE_SLIDES]).astype(object)
    splits = folds(make_cells(labels, groups=groups))
    assert sorted(len(held) for _, held in splits) == [2, 2, 2, 3, 5] and all(len(train) for train, _ in splits)
    assert all(len(set(groups[held])) == 1 for _, held in splits)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_slides_no_fold_is_empty(seed):
    generator = np.random.default_rng(seed)
    sizes = generator.integers(1, 9, generator.integers(2, 9))
    groups = np.repeat([f"s{i}" for i in range(len(sizes))], sizes).astype(object)
    cells = make_cells(generator.integers(0, 3, len(groups)), groups=groups)
    n_folds = int(generator.integers(2, len(sizes) + 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SplitWarning)
        splits = folds(cells, n_folds, seed=seed)
    assert len(splits) == n_folds
    np.testing.assert_array_equal(np.sort(np.concatenate([held for _, held in splits])), np.arange(len(groups)))
    for train, held in splits:
        assert len(train) and len(held) and not set(groups[train]) & set(groups[held])


def test_a_class_in_one_slide_only_is_said_once():
    labels = np.array([0, 1] * 10 + [2, 0, 1])
    groups = np.array([f"s{i % 5}" for i in range(20)] + ["s5"] * 3, dtype=object)
    twice = make_cells(np.tile(labels, 2), np.repeat([0, 1], 23), groups=np.tile(groups, 2), names=("a", "b"))
    with pytest.warns(SplitWarning, match=r"one group: erythroblast of a .s5., erythroblast of b .s5.;") as said:
        splits = folds(twice, 3)
    assert len(said) == 1 and len(splits) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folds(make_cells(labels), 3)  # by image: nothing to say


def test_a_laboratory_without_images_is_passed_over(cells):
    only = cells.subset(cells.domains == 0)
    for (train, held), (of_one, held_of_one) in zip(folds(only, 3), folds(only.of_domain("x"), 3), strict=True):
        assert np.array_equal(train, of_one) and np.array_equal(held, held_of_one)
