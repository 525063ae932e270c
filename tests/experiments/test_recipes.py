"""The ingredients: each does what its sentence says, alone and in any combination, and none is on by default."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from wbc_tutorial import __main__, models
from wbc_tutorial.evaluation.adaptation import read
from wbc_tutorial.experiments import recipes
from wbc_tutorial.experiments.methods import fit_options
from wbc_tutorial.experiments.recipes import INGREDIENTS
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit
from wbc_tutorial.transforms import augmentation, normalisation


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


def test_the_stronger_physics_moves_colours_further():
    images = pictures(1).expand(100, -1, -1, -1)

    def spread(name):
        drawn = recipes.fit_changes((name,))["augmentation"](images, torch.Generator().manual_seed(0))
        return drawn.mean((2, 3)).std(0).mean()

    assert spread("strong_physics") > 1.2 * spread("physics")


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


def test_group_norm_keeps_scale_and_shift_and_no_statistics():
    model = models.small_cnn(3, width=8)
    before = [layer.weight.clone() for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    models.use_group_norm(model)
    after = [layer.weight for layer in model.modules() if isinstance(layer, nn.GroupNorm)]
    assert len(before) == 4 and all(map(torch.equal, before, after))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    images = pictures()
    assert torch.allclose(model.train()(images), model.eval()(images)[:4], atol=1e-6)
    assert torch.allclose(model(images)[:1], model(images[:1]), atol=1e-6), "other images of the batch play no part"


def test_averaging_leaves_the_moving_average_of_the_steps(cells):
    def trained(steps, averaging):
        seed_everything(0)
        model = models.small_cnn(3, width=4)
        fit(model, cells, steps=steps, per_domain=4, averaging=averaging, augmentation=None, progress=None)
        return model.head.weight.detach().double()

    assert torch.allclose(trained(1, 0.9), trained(1, 0.0)), "the first step's weights start the average"
    assert not torch.allclose(trained(6, 0.9), trained(6, 0.0))
    with pytest.raises(ValueError, match="averaging is 1"):
        trained(1, 1.0)


@pytest.mark.parametrize("name", INGREDIENTS)
def test_every_ingredient_alone_trains_and_changes_something(cells, name):
    def trained(recipe):
        seed_everything(0)
        model = recipes.prepare_model(models.small_cnn(3, width=4), recipe)
        boda, steps = recipes.boda_changes(recipe), 8 * recipes.steps_factor(recipe)
        options = (
            {"learning_rate": 2e-3 * recipes.rate_factor(recipe)}
            | recipes.fit_changes(recipe)
            | fit_options("boda", cells.counts, model.n_features, boda=boda)
        )
        fit(model, cells, steps=steps, per_domain=6, progress=None, **options)
        return torch.from_numpy(read(model, cells, **recipes.test_changes(recipe, known=False))[1])

    plain, changed = trained(()), trained((name,))
    assert torch.isfinite(changed).all() and not torch.allclose(plain, changed, atol=1e-6)


def test_quick_sets_rate_and_momentum():
    model = models.small_cnn(3, width=4)
    for layer in (norms := [each for each in model.modules() if isinstance(each, nn.BatchNorm2d)]):
        layer.momentum = 0.01
    assert {layer.momentum for layer in norms} == {0.01} and recipes.rate_factor(("balanced",)) == 1
    recipes.prepare_model(model, ("quick",))
    assert {layer.momentum for layer in norms} == {0.1} and recipes.rate_factor(("balanced", "quick")) == 3


def test_a_recipe_is_checked_and_put_in_order(capsys):
    assert recipes.check_recipe(["physics", "light", "light"]) == ("light", "physics")
    assert recipes.check_recipe([]) == ()
    with pytest.raises(ValueError, match="unknown ingredient 'salt' of --recipe; choose among light"):
        recipes.check_recipe(["salt"])
    with pytest.raises(ValueError, match="exclude each other"):
        recipes.check_recipe(["group_norm", "test_norm"])
    with pytest.raises(ValueError, match="test_norm and half_norm exclude each other"):
        recipes.check_recipe(["half_norm", "test_norm"])
    with pytest.raises(ValueError, match="half_norm and even_norm exclude each other"):
        recipes.check_recipe(["even_norm", "half_norm"])
    with pytest.raises(ValueError, match="physics and strong_physics exclude each other: each sets the augmentation"):
        recipes.check_recipe(["strong_physics", "contrast", "physics"])
    with pytest.raises(SystemExit):
        __main__.main(["--help"])
    help_text = capsys.readouterr().out
    assert all(name in help_text for name in INGREDIENTS)
    assert __main__.main(["--recipe", "salt", "--out", "/nowhere"]) == 2


def test_every_ingredient_says_what_it_does():
    for ingredient in INGREDIENTS.values():
        assert ingredient.what.endswith(".") and len(ingredient.what) > 20
