"""Augmentation: each effect does what it names, to its share of the images, the same from the same generator."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from wbc_tutorial.transforms import augmentation


def pictures(n=4, size=16, seed=0):
    return 0.2 + 0.6 * torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_physical_augmentation_with_nothing_to_draw_only_turns():
    """A disc stays the same disc under any rotation, and its colours too when all ranges are 0."""
    y, x = np.mgrid[:32, :32] - 15.5
    disc = torch.from_numpy(np.where(np.hypot(x, y) < 9, 0.3, 0.9)).float().expand(4, 3, 32, 32)
    still = {"magnification": 0, "stain_vectors": 0, "uptake": 0, "light": 0, "blur": 0, "noise": 0}
    out = augmentation.stain_augment(disc, torch.Generator().manual_seed(0), **still)
    assert (out - disc).abs().mean() < 0.02
    assert torch.allclose(out[..., 14:18, 14:18], torch.tensor(0.3), atol=1e-3)


@pytest.mark.parametrize("what", ["magnification", "stain_vectors", "uptake", "light", "blur", "noise"])
def test_each_range_changes_what_it_names(what):
    images = pictures()
    still = {"magnification": 0, "stain_vectors": 0, "uptake": 0, "light": 0, "blur": 0, "noise": 0, "share": 1}

    def draw(**ranges):
        return augmentation.stain_augment(images, torch.Generator().manual_seed(0), **(still | ranges))

    width = 1.2 if what == "blur" else 0.4
    without, with_it = draw(), draw(**{what: width})
    assert (without - with_it).abs().max() > 0.01
    if what == "blur":
        assert with_it.std() < without.std()
    assert torch.equal(with_it, draw(**{what: width})), "the same generator, the same images"


def test_every_effect_touches_its_share_of_the_images():
    images = pictures(1).expand(200, -1, -1, -1)
    still = {"magnification": 0, "stain_vectors": 0, "uptake": 0, "blur": 0, "noise": 0}

    def brightness(share):
        generator = torch.Generator().manual_seed(0)
        return augmentation.stain_augment(images, generator, **still, light=0.5, share=share).mean((1, 2, 3))

    untouched = brightness(0)
    for share in (0, 0.5, 1):
        touched = ((brightness(share) - untouched).abs() > 1e-3).float().mean().item()
        assert touched == pytest.approx(share, abs=0.1)


def test_a_quarter_turn_is_a_quarter_turn():
    image = pictures(1)
    n = torch.zeros(1)
    turned = augmentation._turn(image, n + math.pi / 2, n, n > 0)
    assert min((turned - torch.rot90(image, k, (2, 3))).abs().max() for k in (1, 3)) < 1e-4
    assert torch.allclose(augmentation._turn(image, n, n, n == 0), image.flip(3), atol=1e-5)


@pytest.mark.parametrize("largest", [None, 4.0])
def test_each_image_is_blurred_by_its_own_gaussian(largest):
    images, sigma = pictures(4, size=40), [0.2, 1.2, 2.5, 4.0]
    blurred = augmentation._blur(images, torch.tensor(sigma), largest).numpy()
    for image, own, s in zip(images.numpy(), blurred, sigma, strict=True):
        np.testing.assert_allclose(own, gaussian_filter(image, (0, s, s), mode="mirror"), atol=2e-4)


def test_a_wide_blur_is_as_wide_as_it_says():
    dot = torch.zeros(1, 1, 65, 65)
    dot[0, 0, 32, 32] = 1
    x = torch.arange(65) - 32.0
    for sigma in (1.0, 4.0, 7.0):
        profile = augmentation._blur(dot, torch.tensor([sigma]))[0, 0].sum(0)
        assert (profile * x**2).sum().sqrt().item() == pytest.approx(sigma, rel=0.01)


def test_an_image_is_blurred_alike_in_any_batch():
    images = pictures(3, size=24)
    alone = augmentation._blur(images[:1], torch.tensor([0.8]), largest=2.0)
    together = augmentation._blur(images, torch.tensor([0.8, 2.0, 0.0]), largest=2.0)
    assert torch.allclose(alone, together[:1], atol=1e-6)
    assert torch.allclose(together[2], images[2], atol=1e-6), "no blur, the same image"


def test_a_small_image_can_be_blurred_widely_and_an_empty_batch_at_all():
    assert torch.isfinite(augmentation._blur(pictures(2, size=5), torch.tensor([1.0, 9.0]))).all()
    assert augmentation.stain_augment(torch.zeros(0, 3, 8, 8), torch.Generator()).shape == (0, 3, 8, 8)


def test_augment_is_a_symmetry_and_a_line_in_optical_density():
    image = pictures(1).expand(16, -1, -1, -1)
    turned = augmentation.augment(image, torch.Generator().manual_seed(0), stain_jitter=0)
    views = torch.cat(augmentation.symmetries(image[:1]))
    assert all(any(torch.equal(one, view) for view in views) for one in turned)
    stained = augmentation.augment(image, torch.Generator().manual_seed(0), stain_jitter=0.1)
    before, after = -turned.log().flatten(2), -stained.log().flatten(2)
    for x, y in zip(before.flatten(0, 1), after.flatten(0, 1), strict=True):
        slope, intercept = np.polyfit(x, y, 1)
        assert abs(slope - 1) <= 0.101 and abs(intercept) <= 0.051
