"""Calibration and the even mix: against sums by hand, and on a mix of classes that moves."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.calibration import balance_head, calibrate, class_mix
from wbc_tutorial.models import small_cnn
from wbc_tutorial.training.loop import fit


def draws(generator, shares, n):
    """Labels in a mix, and the logits of the perfect classifier for it: a Gaussian per class on its own axis."""
    labels = generator.choice(len(shares), n, p=shares)
    points = generator.normal(size=(n, len(shares))) + 1.5 * np.eye(len(shares))[labels]
    return labels, log_softmax(1.5 * points + np.log(shares), axis=1)


def test_it_finds_the_temperature_and_the_bias_that_were_put_in():
    labels, logits = draws(np.random.default_rng(0), np.array([0.6, 0.3, 0.1]), 20_000)
    wrong = (logits - np.array([0.5, -0.5, 0.0])) * 3
    scale, bias, shares = calibrate(wrong, labels)
    assert scale == pytest.approx(1 / 3, rel=0.03)
    assert bias - bias.mean() == pytest.approx([0.5, -0.5, 0.0], abs=0.06)
    assert shares == pytest.approx([0.6, 0.3, 0.1], abs=0.01)


def test_perfect_separation_stays_finite():
    scale, bias, shares = calibrate(np.eye(3)[[0, 0, 1, 2]] * 50, [0, 0, 1, 2])
    assert np.isfinite([scale, *bias, *shares]).all() and shares.sum() == pytest.approx(1)


def test_an_even_mix_is_named_better_after_the_shares_are_taken_off():
    generator = np.random.default_rng(1)
    labels, logits = draws(generator, np.array([0.9, 0.08, 0.02]), 4000)
    scale, bias, shares = calibrate(logits, labels)
    truth, points = draws(generator, np.full(3, 1 / 3), 4000)
    skewed = points + np.log([0.9, 0.08, 0.02])  # what the network of the skewed mix would say
    even = skewed * scale + bias - np.log(shares)
    before, after = ((each.argmax(1) == truth).mean() for each in (skewed, even))
    assert after > before + 0.15
    assert softmax(even, axis=1).mean(0) == pytest.approx([1 / 3] * 3, abs=0.03)


@pytest.mark.parametrize("shares", [(0.9, 0.08, 0.02), (0.2, 0.3, 0.5)])
def test_the_mix_of_a_laboratory_is_found_without_its_labels(shares):
    generator = np.random.default_rng(3)
    labels, logits = draws(generator, np.array(shares), 20_000)
    even = logits - np.log(shares)
    found = class_mix(even, held_back=1)
    assert found == pytest.approx(np.bincount(labels) / len(labels), abs=0.02)
    named = (even.argmax(1) == labels).mean(), ((even + np.log(found)).argmax(1) == labels).mean()
    assert named[1] > named[0] + 0.01


def test_the_mix_is_a_fixed_point_of_its_equation():
    logits = np.random.default_rng(4).normal(size=(50, 4))
    q = class_mix(logits, held_back=10)
    assert q == pytest.approx((softmax(logits + np.log(q), axis=1).sum(0) + 10 / 4) / (50 + 10), abs=1e-5)


def test_few_images_hardly_move_the_mix():
    logits = 9 * np.eye(3)[[0] * 9 + [1]]
    assert class_mix(logits, held_back=100) == pytest.approx([0.384, 0.312, 0.303], abs=0.01)
    assert class_mix(logits, held_back=0.01) == pytest.approx([0.9, 0.1, 0], abs=0.01)


@pytest.mark.parametrize(
    ("logits", "held_back", "match"),
    [
        (np.zeros((0, 3)), 100, "one or more images"),
        (np.zeros(3), 100, r"logits are \(3,\)"),
        ([[np.nan, 0.0]], 100, "logits"),
        ([[1.0, 0.0]], 0, "held_back is 0"),
        ([[1.0, 0.0]], "many", "held_back"),
    ],
)
def test_the_mix_says_what_it_expects(logits, held_back, match):
    with pytest.raises(ValueError, match=match):
        class_mix(logits, held_back=held_back)


def test_the_head_says_what_the_formula_says():
    generator = np.random.default_rng(2)
    images = generator.integers(0, 256, (30, 3, 16, 16), dtype=np.uint8)
    cells = CellImages(images, np.arange(30) % 3, np.zeros(30, int), ("a", "b", "c"), ("lab",))
    torch.manual_seed(0)
    model = small_cnn(n_classes=3, width=4)
    before = predict(model, cells)
    scale, bias, shares = calibrate(before, cells.labels)
    assert balance_head(model, cells) is model
    assert predict(model, cells) == pytest.approx(before * scale + bias - np.log(shares), abs=1e-4)


def test_classes_that_nobody_has_take_no_image():
    """Thirteen classes are the default, and laboratories of a user's own hold some of them."""
    generator = np.random.default_rng(0)

    def brightness(n):
        labels = generator.integers(0, 3, n)
        pixels = generator.integers(0, 60, (n, 3, 16, 16)) + 60 * labels[:, None, None, None]
        return CellImages(pixels.astype(np.uint8), labels, np.zeros(n, int), tuple("abcdefghijklm"), ("lab",))

    torch.manual_seed(0)
    model = small_cnn(n_classes=13, width=4)
    fit(model, brightness(200), steps=100, per_domain=16, progress=None)
    test = brightness(200)
    assert (predict(model, test).argmax(1) == test.labels).all()
    balance_head(model, brightness(60))
    assert (predict(model, test).argmax(1) == test.labels).all() and model.head.bias.isfinite().all()


@pytest.mark.parametrize(("logits", "labels"), [(np.zeros((0, 3)), []), (np.zeros((2, 3)), [0]), (np.zeros(3), [0])])
def test_what_does_not_fit_is_refused(logits, labels):
    with pytest.raises(ValueError, match="expected \\(N, C\\) and \\(N,\\)"):
        calibrate(logits, labels)


@pytest.mark.parametrize(
    ("logit", "label", "message"),
    [
        (np.nan, 0, "logits: image 0 holds nan or inf"),
        (0.0, 7, r"labels: got 7..7, expected 0..2"),
        (0.0, 0.5, "labels are torch.float64; expected class numbers"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(logit, label, message):
    with pytest.raises(ValueError, match=message):
        calibrate(np.full((2, 3), logit), [label, label])
