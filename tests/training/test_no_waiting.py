"""No step of an alignment looks at a value: on a graphics card each look would make the program wait for the card.

Such looks are counted here on the processor, by the operations that stand for them; `test_gpu.py` asks the card itself.
"""

import pytest
import torch
from support.pair_batches import COUNTS, batch
from torch.utils._python_dispatch import TorchDispatchMode

from wbc_tutorial.losses.classification import GroupDRO, balanced_softmax, class_weighted, cross_entropy
from wbc_tutorial.training import alignment as modules
from wbc_tutorial.training.alignment import CORAL, DANN, BoDA

WAITING = {"_local_scalar_dense", "nonzero", "_unique2", "unique_dim", "masked_select", "bincount", "equal", "item"}


class Looks(TorchDispatchMode):
    """Write down every operation whose result's value or shape has to be known before the program can go on."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = operation.overloadpacket.__name__
        indices = args[1] if name in ("index", "index_put", "index_put_") else ()
        by_mask = any(isinstance(index, torch.Tensor) and index.dtype == torch.bool for index in indices)
        if name in WAITING or by_mask:
            self.found.append(name)
        return operation(*args, **(kwargs or {}))


ALIGNMENTS = {
    "coral": CORAL,
    "deep coral": lambda: CORAL(variant="deep"),
    "dann": lambda: DANN(5, 2),
    "conditional dann": lambda: DANN(5, 2, conditional=True, n_classes=3),
    "boda": lambda: BoDA(COUNTS, 5),
    "boda, mean scale": lambda: BoDA(COUNTS, 5, count_scale="mean", reduction="samples"),
    "boda, harmonic scale": lambda: BoDA(COUNTS, 5, count_scale="harmonic", reduction="sum"),
    "boda with macro": lambda: BoDA(COUNTS, 5, macro_weight=1.0),
    "boda, refreshed": lambda: BoDA(COUNTS, 5, centroids="refresh"),
}


def looks_of(call):
    with Looks() as looks:
        call().backward()
    return looks.found


@pytest.fixture
def as_on_a_card(monkeypatch):
    """Take the path that tensors on a card take, with tensors that are here."""
    monkeypatch.setattr(modules, "readable", lambda values: False)
    monkeypatch.setattr("wbc_tutorial.losses.classification.readable", lambda values: False)


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_no_step_of_an_alignment_waits(name, as_on_a_card):
    alignment = ALIGNMENTS[name]()
    features, labels, domains = batch()
    alignment.check_training_set(labels, domains)
    if alignment.wants_refresh(0):
        alignment.refresh(*batch(1, n=50))
    features.requires_grad_()
    alignment(features, labels, domains, 0.5)  # the first step may look once: whether there are centroids
    assert looks_of(lambda: alignment(features, labels, domains, 0.6)) == []
    assert features.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_the_path_of_a_card_has_the_values_of_the_other(name, monkeypatch):
    values = []
    for on_a_card in (False, True):
        monkeypatch.setattr(modules, "readable", lambda values, there=on_a_card: not there)
        torch.manual_seed(0)
        alignment = ALIGNMENTS[name]()
        alignment.check_training_set(*batch(1, n=50)[1:])
        if alignment.wants_refresh(0):
            alignment.refresh(*batch(1, n=50))
        values.append(alignment(*batch(), 0.5).item())
    assert values[0] == pytest.approx(values[1], rel=1e-6) and values[0] > 0


def test_coral_finds_the_domains_itself_where_no_one_has_told_it(as_on_a_card):
    features, labels, domains = batch()
    told, untold = CORAL(), CORAL()
    told.check_training_set(labels, domains)
    assert told(features, labels, domains, 0.5) == untold(features, labels, domains, 0.5) > 0


@pytest.mark.parametrize(
    "loss",
    [cross_entropy, class_weighted([3, 2, 1]), balanced_softmax([3, 2, 1]), GroupDRO(2)],
    ids=["cross_entropy", "class_weighted", "balanced_softmax", "group_dro"],
)
def test_no_classification_loss_waits(loss, as_on_a_card):
    _, labels, domains = batch()
    logits = torch.randn(12, 3, requires_grad=True)
    assert looks_of(lambda: loss(logits, labels, domains)) == []


@pytest.mark.parametrize(
    "look",
    [
        lambda x: x.sum().item(),
        lambda x: bool((x > 0).any()),
        lambda x: x[x > 0],
        lambda x: x.unique(),
        lambda x: x.nonzero(),
        lambda x: torch.bincount(x.long().abs().flatten()),
        lambda x: max(1, x.sum()),
    ],
)
def test_the_test_sees_looks(look):
    with Looks() as looks:
        look(torch.ones(2, 2))
    assert looks.found
