"""Re-weighting, balanced softmax, group DRO and mixup, against hand-computed values."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.experiments.methods import FAMILIES, METHODS, fit_options
from wbc_tutorial.losses.classification import GroupDRO, Mixup, balanced_softmax, class_weighted, cross_entropy
from wbc_tutorial.models import small_cnn
from wbc_tutorial.training import fit

LOGITS = torch.tensor([[2.0, 0.0, 1.0], [0.5, 0.5, 0.0], [0.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
LABELS, DOMAINS = torch.tensor([0, 2, 1, 1]), torch.tensor([0, 0, 0, 1])


def test_equal_counts_give_plain_cross_entropy():
    plain = cross_entropy(LOGITS, LABELS, DOMAINS)
    for loss in (class_weighted([7, 7, 7]), balanced_softmax([[3, 5, 1], [4, 2, 6]])):
        torch.testing.assert_close(loss(LOGITS, LABELS, DOMAINS), plain)


def test_class_weights_by_hand():
    each = F.cross_entropy(LOGITS, LABELS, reduction="none")
    weights = torch.tensor([1 / 10, 1 / 5, 1 / 2])[LABELS]
    loss = class_weighted([10, 5, 2])
    torch.testing.assert_close(loss(LOGITS, LABELS, DOMAINS), (weights * each).sum() / weights.sum())
    assert torch.isfinite(class_weighted([10, 5, 0])(LOGITS, torch.tensor([0, 1, 1, 0]), DOMAINS))


def test_balanced_softmax_shifts_by_log_counts():
    expected = F.cross_entropy(LOGITS + torch.tensor([math.log(8), math.log(2), 0]), LABELS)
    torch.testing.assert_close(balanced_softmax([8, 2, 0])(LOGITS, LABELS, DOMAINS), expected)


@pytest.mark.parametrize("counts", [[0, 0], [1, -1], [[[1]]]])
def test_counts_that_mean_nothing_are_refused(counts):
    with pytest.raises(ValueError, match="expected training images per class"):
        balanced_softmax(counts)


def test_group_dro_turns_to_the_worse_laboratory():
    loss = GroupDRO(2, step=0.5)
    a = F.cross_entropy(LOGITS[:3], LABELS[:3])
    b = F.cross_entropy(LOGITS[3:], LABELS[3:])
    q = torch.softmax(torch.stack([0.5 * a, 0.5 * b]), 0)
    torch.testing.assert_close(loss(LOGITS, LABELS, DOMAINS), q[0] * a + q[1] * b)
    for _ in range(20):
        value = loss(LOGITS, LABELS, DOMAINS)
    assert loss.weights[int(b > a)] > 0.9 and torch.isclose(value, torch.maximum(a, b), rtol=0.1)


def test_mixup_mixes_images_and_losses_alike():
    mixup = Mixup(a=1.0)
    images = torch.rand(4, 3, 8, 8) * 0.8 + 0.1
    mixed = mixup.augment(images.clone(), torch.Generator().manual_seed(3))
    assert 0 < mixup.share < 1 and sorted(mixup.partner.tolist()) == [0, 1, 2, 3]
    assert mixed.shape == images.shape and mixed.std() < images.std()
    each = [F.cross_entropy(LOGITS, y) for y in (LABELS, LABELS[mixup.partner])]
    torch.testing.assert_close(mixup(LOGITS, LABELS, DOMAINS), mixup.share * each[0] + (1 - mixup.share) * each[1])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_in_the_one_loop(method):
    generator = np.random.default_rng(0)
    labels, domains = np.tile([0, 1, 2, 1], 8), np.repeat([0, 1], 16)
    images = generator.integers(0, 256, (32, 3, 16, 16), dtype=np.uint8)
    cells = CellImages(images, labels, domains, ("a", "b", "c"), ("x", "y"))
    torch.manual_seed(0)
    model = small_cnn(3, width=4)
    history = fit(
        model, cells, steps=4, per_domain=8, progress=None, **fit_options(method, cells.counts, model.n_features)
    )
    assert np.all(np.isfinite(history.loss)) and method in {m for family in FAMILIES for m in family}
