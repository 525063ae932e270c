"""The centroids: running means, full passes, several processes."""

import pytest
import torch
import torch.multiprocessing as mp
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


def one_process(rank, address, results):
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    features, labels, domains = batch(n=9, dtype=torch.float64)
    mine = slice(0, 7) if rank == 0 else slice(7, 9)  # unequal shares: a mean of means would be wrong
    boda = BoDA(COUNTS, 5).double()
    boda(features[mine], labels[mine], domains[mine], 0.0)
    torch.save(boda.state_dict(), f"{results}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_several_processes_share_sums_and_counts(tmp_path):
    mp.spawn(one_process, args=(f"file://{tmp_path}/meet", str(tmp_path)), nprocs=2)
    features, labels, domains = batch(n=9, dtype=torch.float64)
    alone = BoDA(COUNTS, 5).double()
    alone(features, labels, domains, 0.0)
    for rank in range(2):
        state = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for key, value in alone.state_dict().items():
            torch.testing.assert_close(state[key], value)
    sums, counts = pair_sums(features, labels, domains, COUNTS.shape)
    assert counts.sum() == 9 and torch.allclose(sums.sum((0, 1)), features.sum(0))
