"""The ingredients: each does what its sentence says, alone and in any combination, and none is on by default."""


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


def pictures(n=4, size=16, seed=0):
    return 0.2 + 0.6 * torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def test_the_stronger_physics_moves_colours_further():
    images = pictures(1).expand(100, -1, -1, -1)

    def spread(name):
        drawn = recipes.fit_changes((name,))["augmentation"](images, torch.Generator().manual_seed(0))
        return drawn.mean((2, 3)).std(0).mean()

    assert spread("strong_physics") > 1.2 * spread("physics")


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
