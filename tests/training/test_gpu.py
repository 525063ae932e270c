"""On a graphics card: training, repeatability, precision, and no waiting in a step. Skipped where there is no card."""

import contextlib
import warnings

import numpy as np
import pytest
import torch

from wbc_tutorial import models
from wbc_tutorial.evaluation.adaptation import features_and_logits
from wbc_tutorial.losses.classification import GroupDRO
from wbc_tutorial.training.alignment import CORAL, DANN, BoDA
from wbc_tutorial.training.device import Device, choose_device, seed_everything
from wbc_tutorial.training.features import extract
from wbc_tutorial.training.loop import fit
from wbc_tutorial.training.retraining import retrain_classifier

pytestmark = [
    pytest.mark.skipif(
        choose_device().type == "cpu",
        reason="no graphics card here: neither torch.cuda nor torch.backends.mps is available",
    ),
    pytest.mark.filterwarnings("ignore:.*does not have a deterministic implementation:UserWarning"),
]

ALIGNMENTS = {
    "erm": lambda cells, h: None,
    "coral": lambda cells, h: CORAL(),
    "deep coral": lambda cells, h: CORAL(variant="deep"),
    "dann": lambda cells, h: DANN(h, 2),
    "conditional dann": lambda cells, h: DANN(h, 2, conditional=True, n_classes=3),
    "boda": lambda cells, h: BoDA(cells.counts, h, count_scale="mean", start=0.0),
    "boda, refreshed, with macro": lambda cells, h: BoDA(
        cells.counts, h, centroids="refresh", refresh_every=3, macro_weight=1.0, start=0.0
    ),
}


def tiny(seed=1):
    seed_everything(seed)
    return models.small_cnn(3, width=4)


def trained(cells, name, **options):
    model = tiny()
    seed_everything(0)
    history = fit(
        model,
        cells,
        steps=6,
        per_domain=8,
        alignment=ALIGNMENTS[name](cells, model.n_features),
        progress=None,
        **options,
    )
    return model, history


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_every_alignment_trains_on_the_card_and_the_same_seed_gives_the_same(cells, name):
    results = [trained(cells, name) for _ in range(2)]
    for model, history in results:
        assert {p.device.type for p in model.parameters()} == {choose_device().type}
        assert np.isfinite(history.loss).all() and np.isfinite(history.alignment).all()
        assert name == "erm" or any(history.alignment)
    assert results[0][1].loss == results[1][1].loss
    states = (model.state_dict() for model, _ in results)
    assert all(map(torch.equal, *(state.values() for state in states)))


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_in_float32_the_card_computes_what_the_processor_does(cells, name):
    here = trained(cells, name, device="cpu")[1]
    there = trained(cells, name, device=Device(choose_device().name, "float32"))[1]
    assert there.loss[:2] == pytest.approx(here.loss[:2], rel=2e-2)  # later, training amplifies the rounding


def test_group_dro_on_the_card(cells):
    losses = [
        fit(tiny(), cells, steps=4, per_domain=8, classification_loss=GroupDRO(2), progress=None).loss for _ in range(2)
    ]
    assert losses[0] == losses[1] and np.isfinite(losses[0]).all()


def test_evaluation_is_in_float32_and_agrees_with_the_processor(cells):
    model, _ = trained(cells, "erm")
    there = extract(model, cells, tta=True)
    here = extract(model.cpu(), cells, tta=True)
    for one, other in zip(there, here, strict=True):
        assert one.dtype == np.float32 and np.allclose(one, other, atol=2e-2)
        rounded = torch.as_tensor(one).bfloat16().float().numpy()
        assert not np.array_equal(one, rounded), "more digits than bfloat16 has"


def test_predictions_and_the_retrained_head_on_the_card(cells):
    model, _ = trained(cells, "erm")
    logits = features_and_logits(model, cells, adabn={"share": 0.5}, tta=True, n_support=5, n_neighbours=4)[1]
    assert logits.shape == (48, 3) and np.isfinite(logits).all()
    retrain_classifier(model, cells, steps=5)
    assert {p.device.type for p in model.parameters()} == {choose_device().type}
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@contextlib.contextmanager
def no_waiting():
    """Let the card's own watch raise at every wait."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says that the watch is a prototype
            torch.cuda.set_sync_debug_mode("error")
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="only NVIDIA's and AMD's cards can be asked whether they wait"
)
@pytest.mark.parametrize("name", [name for name in ALIGNMENTS if name != "erm"])
def test_no_step_of_an_alignment_waits_for_the_card(cells, name):
    alignment = ALIGNMENTS[name](cells, 16).to("cuda").train()
    alignment.check_training_set(cells.labels, cells.domains)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randperm(len(cells), generator=generator)[:24].numpy()
    features = torch.randn(24, 16, generator=generator).to("cuda").requires_grad_()
    labels, domains = (torch.as_tensor(ids[rows], device="cuda") for ids in (cells.labels, cells.domains))
    if alignment.wants_refresh(0):
        alignment.refresh(features.detach(), labels, domains)
    alignment(features, labels, domains, 0.5).backward()  # the first step loads kernels and may look once
    torch.cuda.synchronize()
    with no_waiting():
        alignment(features, labels, domains, 0.6).backward()
    assert features.grad.isfinite().all()


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="only NVIDIA's and AMD's cards can be asked whether they wait"
)
def test_the_watch_sees_a_wait():
    x = torch.ones(3, device="cuda")
    with no_waiting(), pytest.raises(RuntimeError):
        x.sum().item()


def test_frozen_features_are_computed_on_the_card(cells, tmp_path, monkeypatch):
    timm = pytest.importorskip("timm", reason="needs the extra: pip install -e '.[foundation]'")
    monkeypatch.setenv("WBC_TUTORIAL_CACHE", str(tmp_path / "cache"))
    torch.save(timm.create_model("vit_tiny_patch16_224", num_classes=0).state_dict(), tmp_path / "random.pth")
    model = models.build(f"frozen:vit_tiny_patch16_224={tmp_path / 'random.pth'}", len(cells.classes))
    seen = []
    remembered = type(model.trunk).remembered
    monkeypatch.setattr(
        type(model.trunk),
        "remembered",
        lambda self, images, **options: seen.append(images.device.type) or remembered(self, images, **options),
    )
    fit(model, cells, steps=2, per_domain=4, progress=None)
    assert set(seen) == {choose_device().type}
