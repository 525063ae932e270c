"""Cross-entropy, re-weighting, balanced softmax, group DRO and mixup, against hand-computed values."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.experiments.methods import FAMILIES, METHODS, method_options
from wbc_tutorial.losses.classification import GroupDRO, Mixup, balanced_softmax, class_weighted, cross_entropy
from wbc_tutorial.models import small_cnn
from wbc_tutorial.training.loop import fit

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
    options = method_options(method, cells.counts, model.n_features)
    history = fit(model, cells, steps=4, per_domain=8, progress=None, **options)
    assert np.all(np.isfinite(history.loss)) and method in {m for family in FAMILIES for m in family}


def mixed():
    mixup = Mixup()
    mixup.augment(torch.rand(4, 3, 4, 4), torch.Generator().manual_seed(0))
    return mixup


LOSSES = {
    "cross_entropy": lambda: cross_entropy,
    "class_weighted": lambda: class_weighted([3, 2, 1]),
    "balanced_softmax": lambda: balanced_softmax([3, 2, 1]),
    "GroupDRO": lambda: GroupDRO(2),
    "Mixup": mixed,
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("logits", "labels", "domains", "message"),
    [
        (LOGITS.tolist(), LABELS, DOMAINS, "logits: got a list"),
        (LOGITS[0], LABELS, DOMAINS, r"logits: got torch.float32 \(3,\), expected a floating tensor of shape"),
        (LOGITS, LABELS.tolist(), DOMAINS, "labels: got a list, expected an int64 tensor"),
        (LOGITS, LABELS.float(), DOMAINS, "labels: got torch.float32"),
        (LOGITS, LABELS[:3], DOMAINS, r"labels: got shape \(3,\), expected \(4,\)"),
        (LOGITS, torch.tensor([0, 1, 3, 1]), DOMAINS, r"labels: got 0..3, expected 0..2"),
        (LOGITS[:0], LABELS[:0], DOMAINS[:0], "logits: got no image"),
    ],
)
def test_what_cannot_be_scored_is_refused(name, logits, labels, domains, message):
    with pytest.raises(ValueError, match=message):
        LOSSES[name]()(logits, labels, domains)


@pytest.mark.parametrize("name", LOSSES)
def test_logits_that_are_not_finite_are_not_hidden(name):
    """The loop looks for them: see `fit`."""
    bad = LOGITS.clone()
    bad[0] = float("nan")
    assert torch.isnan(LOSSES[name]()(bad, LABELS, DOMAINS))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: class_weighted(None), "counts: got None, expected a table of numbers"),
        (lambda: class_weighted([[1, 2], [3]]), "counts: got a list"),
        (lambda: class_weighted([float("nan"), 1]), "expected training images per class"),
        (lambda: class_weighted([3, 2])(LOGITS, LABELS, DOMAINS), "logits: got 3 classes, expected 2"),
        (lambda: GroupDRO(0), "n_domains is 0"),
        (lambda: GroupDRO(2, step=-1), "step: got -1"),
        (lambda: GroupDRO(2)(LOGITS, LABELS, torch.tensor([0, 0, 2, 1])), "domains: got 0..2, expected 0..1"),
        (lambda: Mixup(a=0), "a: got 0, expected a finite number > 0"),
        (lambda: Mixup()(LOGITS, LABELS, DOMAINS), "use both parts"),
        (lambda: mixed()(LOGITS[:3], LABELS[:3], DOMAINS[:3]), "of the batch that was mixed last"),
    ],
)
def test_options_that_mean_nothing_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_group_dro_says_where_its_weights_are():
    loss = GroupDRO(2, step=1.0)
    loss.weights = torch.tensor([0.25, 0.75])
    assert repr(loss) == "GroupDRO(step=1.0, weights=[0.25, 0.75])" and repr(Mixup()) == "Mixup(a=0.2)"
