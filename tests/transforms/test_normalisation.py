"""Normalisation: each function takes out what its sentence says, and optical density is one function in two bases."""

import math

import numpy as np
import pytest
import torch

from wbc_tutorial.transforms import normalisation
from wbc_tutorial.transforms.normalisation import light_absorbed, optical_density


def pictures(n=4, size=16, seed=0):
    return 0.2 + 0.6 * torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_white_balance_removes_any_lamp():
    images = pictures()
    lamp = torch.tensor([0.9, 0.7, 0.5]).view(1, 3, 1, 1)
    assert torch.allclose(normalisation.white_balance(images), normalisation.white_balance(images * lamp), atol=1e-6)
    balanced = normalisation.white_balance(images)
    background = balanced.flatten(2).quantile(0.95, dim=2)
    assert torch.allclose(background, torch.full_like(background, 0.95), atol=0.02)


def test_stain_normalisation_removes_uptake_and_light():
    images = pictures()
    thick = torch.exp(1.3 * images.log() - 0.1)  # OD' = 1.3 OD + 0.1
    one, other = normalisation.reinhard(images), normalisation.reinhard(thick)
    assert torch.allclose(one, other, atol=1e-4)
    assert not torch.allclose(images, one, atol=0.05)


each_normalisation = pytest.mark.parametrize(
    "function",
    [
        normalisation.white_balance,
        normalisation.reinhard,
        normalisation.od_rescale,
        normalisation.grayscale,
    ],
)


@each_normalisation
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_blank_image_stays_finite_and_in_range(function, value):
    out = function(torch.full((2, 3, 8, 8), value))
    assert torch.isfinite(out).all() and out.min() >= 0 and out.max() <= 1
    assert function(torch.zeros(0, 3, 8, 8)).shape == (0, 3, 8, 8)


@pytest.mark.parametrize("images", [torch.zeros(3, 8, 8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8)])
@each_normalisation
def test_normalisation_says_what_it_expects(function, images):
    with pytest.raises(ValueError, match=r"expected float \(N, 3, S, S\)"):
        function(images)


def test_contrast_removes_light_and_haze_and_leaves_the_hue():
    images = pictures()
    hazy = torch.tensor([0.9, 0.6, 0.7]).view(1, 3, 1, 1) * images**0.4  # OD' = .4 OD + the lamp's
    one, other = normalisation.od_rescale(images), normalisation.od_rescale(hazy)
    assert torch.allclose(one, other, atol=1e-4)
    density = -one.log()
    assert density.flatten(2).quantile(0.25, dim=2).sub(0.05).abs().max() < 0.02
    reddish = images * torch.tensor([1.0, 0.5, 0.5]).view(1, 3, 1, 1) ** (torch.arange(16) > 11)
    red, green, _ = -normalisation.od_rescale(reddish).log()[:, :, :, 12:].mean((0, 2, 3))
    assert green > 1.5 * red


def test_without_colour_only_darkness_is_left():
    images = pictures()
    grey = normalisation.grayscale(images)
    assert torch.equal(grey[:, 0], grey[:, 1]) and torch.equal(grey[:, 0], grey[:, 2])
    assert torch.allclose(-grey[:, 0].log(), -images.log().mean(1), atol=1e-5)
    assert torch.allclose(grey, normalisation.grayscale(images.flip(1)), atol=1e-6), "any order of the channels"


def test_optical_density_adds_where_light_multiplies():
    one, other = pictures(2), pictures(2, seed=1)
    assert torch.allclose(optical_density(one * other), optical_density(one) + optical_density(other), atol=1e-5)
    assert optical_density(torch.tensor([0.0])).item() == pytest.approx(math.log(255)), "black is clamped"
    with pytest.raises(ValueError, match="expected float in"):
        optical_density(torch.tensor([255], dtype=torch.uint8))


def test_light_absorbed_is_optical_density_to_base_ten():
    found = light_absorbed(np.array([240, 24, 255, 0]))
    np.testing.assert_allclose(found, [0, 1, 0, np.log10(240)])
    assert found.dtype == np.float64 and not np.signbit(found).any()
    grey = np.arange(1, 241, dtype=np.uint8).reshape(2, 3, 5, 8)
    natural = optical_density(torch.as_tensor(grey / 240)).numpy()
    np.testing.assert_allclose(light_absorbed(grey), natural / np.log(10), atol=1e-12)
    np.testing.assert_allclose(light_absorbed([1, 4095], background=4095), [np.log10(4095), 0], atol=1e-12)
