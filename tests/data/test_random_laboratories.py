"""Laboratories drawn at random: the same for a seed, unlike one another, and no cell of the course among them."""

import numpy as np
import pytest

from wbc_tutorial.data.random_laboratories import random_laboratory, random_look
from wbc_tutorial.data.simulated import load_simulated
from wbc_tutorial.data.simulator import LOOKS

MIX = {"NGS": 3, "MYO": 2, "BAS": 1}


def test_a_seed_draws_the_same_laboratory_and_another_seed_another_one():
    first, again, other = (
        random_laboratory(4, MIX, size=16),
        random_laboratory(4, MIX, size=16),
        random_laboratory(5, MIX),
    )
    assert np.array_equal(first.images, again.images) and first.labels.tolist() == [0, 3, 3, 8, 8, 8]
    assert first.domain_names == ("random_4",) and other.domain_names == ("random_5",)
    assert random_look(4) == random_look(4) != random_look(5)


def test_looks_stay_near_those_of_the_simulated_laboratories():
    looks = [random_look(seed) for seed in range(60)]
    background = np.array([look.background for look in looks])
    assert background.min() > 0.6 and background.max() <= 0.99
    known = np.array([look.chromatin for look in LOOKS.values()])
    drawn = np.array([look.chromatin for look in looks])
    assert (drawn.min(axis=0) > 0.5 * known.min(axis=0)).all() and (drawn <= 1.4).all()
    assert len({look.jpeg_quality for look in looks}) == 3 and len({look.sharpening for look in looks}) == 3
    assert np.std([look.stain_strength for look in looks]) > 0.08


def test_backgrounds_differ_between_laboratories_more_than_within_one():
    parts = [random_laboratory(seed, {"LYT": 6}, size=16) for seed in range(6)]
    light = np.array([np.quantile(part.images, 0.8, axis=(2, 3)) for part in parts])  # (6, 6, 3)
    assert light.mean(axis=1).std(axis=0).mean() > light.std(axis=1).mean()


def test_no_cell_is_one_of_the_course():
    ours = random_laboratory(0, {"EOS": 3}, size=16).images
    theirs = load_simulated("sim_mll", size=16, counts={"sim_mll": {"EOS": 3}}).images
    assert not any(np.array_equal(a, b) for a in ours for b in theirs)


@pytest.mark.parametrize("seed", [-1, 1.5, "a"])
def test_a_seed_that_is_no_whole_number_is_named(seed):
    with pytest.raises(ValueError, match="seed"):
        random_look(seed)
