"""The centroids: running means, full passes, sums over pairs."""

import pytest
import torch
from support.pair_batches import COUNTS, PAIRS, batch

from wbc_tutorial.training.alignment import BoDA
from wbc_tutorial.training.centroids import Centroids, pair_sums


def test_refresh_golden():
    boda = BoDA(torch.ones(1, 1), 1, centroids="refresh").double()
    pair, got = torch.tensor([0, 0]), []
    for fresh in (1.0, 2.0, 3.0):
        boda.refresh(torch.tensor([[fresh - 4], [fresh + 4]], dtype=torch.float64), pair, pair)
        got.append(boda.centroids.mean.item())
    assert got == pytest.approx([1, 1.8, 2.76], abs=1e-10, rel=0)


def test_running_centroids_are_unbiased_means_and_absent_ones_stay_absent():
    memory = Centroids(2, 3, 5, momentum=1.0).double()
    batches = [batch(seed, dtype=torch.float64) for seed in range(4)]
    for features, labels, domains in batches:
        memory.update(features.requires_grad_(), labels, domains)
    features, labels, domains = (torch.cat(parts) for parts in zip(*batches, strict=True))
    for d, c in PAIRS.tolist():
        torch.testing.assert_close(memory.mean[d, c], features[(domains == d) & (labels == c)].mean(0).detach())
    assert memory.initialised.tolist() == (COUNTS > 0).tolist() and memory.known()[1, 1].isnan().all()
    assert not memory.mean.requires_grad


def test_running_centroids_forget_by_age():
    memory, pair = Centroids(1, 1, 1, momentum=0.5).double(), torch.tensor([0])
    for value in (1.0, 2.0, float("inf"), 4.0):  # a batch that overflowed teaches nothing
        memory.update(torch.tensor([[value]], dtype=torch.float64), pair, pair)
    assert memory.mean.item() == pytest.approx((0.125 * 1 + 0.25 * 2 + 4) / 1.375, abs=1e-12)


def test_sums_and_counts_of_pairs_by_hand():
    features, labels, domains = batch(n=9, dtype=torch.float64)
    sums, counts = pair_sums(features.requires_grad_(), labels, domains, COUNTS.shape)
    for d, c in PAIRS.tolist():
        here = (domains == d) & (labels == c)
        assert counts[d, c] == here.sum()
        torch.testing.assert_close(sums[d, c], features[here].sum(0).detach())
    assert counts.sum() == 9 and not sums.requires_grad
    with pytest.raises(ValueError, match=r"labels: got 0..2, expected 0..1"):
        pair_sums(features, labels, domains, (2, 2))
    with pytest.raises(ValueError, match="features: got None"):
        pair_sums(None, labels, domains, COUNTS.shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"momentum": 2}, "momentum=2"),
        ({"old_weight": 1.0}, "old_weight=1.0"),
        ({"momentum": float("nan")}, "momentum: got nan"),
        ({"n_features": 0}, "n_features is 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Centroids(**{"n_domains": 1, "n_classes": 1, "n_features": 1} | options)
