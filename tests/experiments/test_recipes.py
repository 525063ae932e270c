"""The recipe: each ingredient does what its sentence says, alone and in company, and none is on by default."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from wbc_tutorial import models
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.evaluation.calibration import balance_head
from wbc_tutorial.experiments.methods import BODA_SETTINGS, METHODS, method_options
from wbc_tutorial.experiments.recipes import INGREDIENTS, RECOMMENDED_RECIPE, Recipe
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.training.alignment import CORAL, DANN, BoDA
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.loop import fit


def test_a_recipe_is_put_in_order_each_ingredient_once():
    assert Recipe(["stain_augment", "white_balance", "white_balance"]).names == ("white_balance", "stain_augment")
    for text in ("tta,white_balance", " white_balance + tta ", ["white_balance", "tta"], Recipe("tta,white_balance")):
        assert Recipe(text) == Recipe(("white_balance", "tta"))
    for nothing in ("", "none", (), [], " , "):
        assert Recipe(nothing) == Recipe() and str(Recipe(nothing)) == "none" and not Recipe(nothing)
    whole = RECOMMENDED_RECIPE
    assert Recipe(str(whole)) == whole and pickle.loads(pickle.dumps(whole)) == whole
    assert "tta" in whole and "tta" not in whole.without("tta") and len(whole) == len(whole.without("tta")) + 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["salt"], "unknown ingredient 'salt' of the recipe; choose among white_balance, reinhard"),
        (["group_norm", "adabn"], "group_norm and adabn exclude each other"),
        (["group_norm", "frozen_bn"], "group_norm and frozen_bn exclude each other"),
        (["adabn_mixed", "adabn"], "adabn and adabn_mixed exclude each other: each sets batch norm's statistics"),
        (["adabn_balanced", "adabn_mixed"], "adabn_mixed and adabn_balanced exclude each other"),
        (["stain_augment_strong", "tta", "stain_augment"], "exclude each other: each sets the augmentation"),
        (["t3a", "class_mix"], "t3a and class_mix exclude each other: class_mix starts from calibrated probabilities"),
        ([3], r"\[3\] is no recipe: expected names of ingredients"),
        (None, "None is no recipe: expected names of ingredients"),
    ],
)
def test_what_cannot_be_a_recipe_is_said(names, message):
    with pytest.raises(ValueError, match=message):
        Recipe(names)


def test_jupyter_shows_what_each_ingredient_does_and_when():
    shown = Recipe("white_balance,class_balanced,tta")._repr_html_()
    for name, stage in (("white_balance", "before"), ("class_balanced", "in"), ("tta", "after")):
        assert f"<td>{name}</td><td>{stage} training</td>" in shown
    assert "the method alone" in Recipe()._repr_html_()


def test_every_ingredient_says_what_it_does_and_changes_something_somewhere():
    for name, ingredient in INGREDIENTS.items():
        assert ingredient.what.endswith(".") and len(ingredient.what) > 20
        recipe = Recipe(name)
        changes = (
            *(ingredient.normalise, ingredient.group_norm, ingredient.bn_momentum is not None, ingredient.even_mix),
            *(recipe.fit_options, recipe.boda_options, recipe.steps_factor != 1, recipe.learning_rate_factor != 1),
            recipe.predict_options(known=False),
        )
        assert any(changes), name
        after = ingredient.even_mix or bool(recipe.predict_options(known=False))
        assert (ingredient.stage == "after training") == after == (recipe.training_part == Recipe())


def test_images_through_a_recipe():
    images = np.random.default_rng(0).integers(60, 200, (3, 3, 16, 16), dtype=np.uint8)
    assert np.array_equal(Recipe().preview(images), images)
    assert np.array_equal(Recipe("class_balanced,ema,tta").preview(images), images)
    brightest = np.quantile(Recipe("white_balance").preview(images), 0.95, axis=(2, 3))
    assert np.allclose(brightest, 0.95 * 255, atol=4)
    one, same, other = (Recipe("stain_augment").preview(images, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_a_prepared_model_sees_what_the_preview_shows():
    images = np.random.default_rng(0).integers(60, 200, (3, 3, 16, 16), dtype=np.uint8)
    recipe = Recipe("od_rescale,grayscale")
    model = recipe.prepare(models.small_cnn(3, width=4))
    seen = model.normalise(torch.as_tensor(images).float() / 255)
    assert torch.equal((seen * 255).round().byte(), torch.as_tensor(recipe.preview(images)))
    assert Recipe().prepare(model).normalise is None


def test_the_stronger_stain_augmentation_moves_colours_further():
    images = 0.2 + 0.6 * torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)).expand(100, -1, -1, -1)

    def spread(name):
        drawn = Recipe(name).fit_options["augmentation"](images, torch.Generator().manual_seed(0))
        return drawn.mean((2, 3)).std(0).mean()

    assert spread("stain_augment_strong") > 1.2 * spread("stain_augment")


@pytest.mark.parametrize("name", INGREDIENTS)
def test_every_ingredient_alone_trains_and_changes_something(cells, name):
    def trained(recipe):
        seed_everything(0)
        model = recipe.prepare(models.small_cnn(3, width=4))
        options = {"learning_rate": 2e-3 * recipe.learning_rate_factor} | recipe.fit_options
        options |= method_options("boda", cells.counts, model.n_features, boda=recipe.boda_options)
        fit(model, cells, steps=8 * recipe.steps_factor, per_domain=6, progress=None, device="cpu", **options)
        if recipe.even_mix:
            balance_head(model, cells)
        return predict(model, cells, **recipe.predict_options(known=False) | {"step_back": False})

    plain, changed = trained(Recipe()), trained(Recipe(name))
    assert np.isfinite(changed).all() and not np.allclose(plain, changed, atol=1e-6)


def test_high_lr_sets_rate_and_momentum():
    model = models.small_cnn(3, width=4)
    for layer in (norms := [each for each in model.modules() if isinstance(each, nn.BatchNorm2d)]):
        layer.momentum = 0.01
    Recipe("class_balanced").prepare(model)
    assert {layer.momentum for layer in norms} == {0.01} and Recipe("class_balanced").learning_rate_factor == 1
    recipe = Recipe("class_balanced,high_lr")
    recipe.prepare(model)
    assert {layer.momentum for layer in norms} == {0.1} and recipe.learning_rate_factor == 3


def test_group_norm_keeps_scale_and_shift_and_no_statistics():
    model = models.small_cnn(3, width=8)
    before = [layer.weight.clone() for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    Recipe("group_norm").prepare(model)
    after = [layer.weight for layer in model.modules() if isinstance(layer, nn.GroupNorm)]
    assert len(before) == 4 and all(map(torch.equal, before, after))
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    images = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(model.train()(images), model.eval()(images), atol=1e-6)
    assert torch.allclose(model(images)[:1], model(images[:1]), atol=1e-6), "other images of the batch play no part"


def test_ema_leaves_the_moving_average_of_the_steps(cells):
    def trained(steps, ema):
        seed_everything(0)
        model = models.small_cnn(3, width=4)
        fit(model, cells, steps=steps, per_domain=4, ema=ema, augmentation=None, progress=None, device="cpu")
        return model.head.weight.detach().double()

    assert torch.allclose(trained(1, 0.9), trained(1, 0.0)), "the first step's weights start the average"
    assert not torch.allclose(trained(6, 0.9), trained(6, 0.0))


def test_the_settings_put_benchmark_recipe_and_method_together():
    counts = np.full((2, 13), 4)
    plain = Settings().fit_options("erm", counts, 192)
    assert (plain["steps"], plain["per_domain"], plain["learning_rate"]) == (500, 24, 2e-3)
    assert "alignment" not in plain and not plain["frozen_batch_norm"]
    changed = Settings(recipe="double_steps,high_lr,frozen_bn,class_balanced", steps=7).fit_options("erm", counts, 192)
    assert (changed["steps"], changed["learning_rate"]) == (14, pytest.approx(6e-3))
    assert changed["frozen_batch_norm"] and changed["class_balanced"]
    assert Settings("open5").fit_options("erm", counts, 192)["learning_rate"] == 1e-3
    assert Settings("fine13").fit_options("erm", counts, 192)["learning_rate"] == 1e-3
    assert Settings("open5", backbone="small_cnn").fit_options("erm", counts, 192)["learning_rate"] == 2e-3
    assert Settings("paper").fit_options("erm", counts, 192)["frozen_batch_norm"]
    for network in ("small_cnn", "resnet18", "dinov2_s14_linear"):
        mine = Settings("open5", backbone=network, learning_rate=1e-3, recipe="high_lr")
        assert mine.fit_options("erm", counts, 192)["learning_rate"] == pytest.approx(3e-3)
        assert mine.identity()["learning_rate"] == 1e-3
    assert replace(Settings("open5"), backbone="small_cnn").peak_rate == 2e-3, "not the other network's"


@pytest.mark.parametrize("rate", [0, -1, 11, float("nan"), "fast", True])
def test_a_learning_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="learning_rate is .*Adam's peak rate"):
        Settings("open5", learning_rate=rate)


def test_each_method_changes_what_its_name_says():
    counts = np.full((2, 13), 4)
    kinds = {"coral": CORAL, "dann": DANN, **dict.fromkeys((*BODA_SETTINGS, "boda_plus"), BoDA)}
    for method in METHODS:
        options = method_options(method, counts, 8)
        alignment = options.pop("alignment", None)
        assert isinstance(alignment, kinds.get(method, type(None)))
        assert bool(options) == (method not in (*kinds, "erm", "erm_plus", "erm_head")), method
    boda = Settings(recipe="boda_coral_term").fit_options("boda", counts, 8)["alignment"]
    assert boda.macro_weight == 1 and method_options("boda", counts, 8)["alignment"].macro_weight == 0
    authors, scaled = (method_options(f"boda_{name}", counts, 8)["alignment"] for name in ("authors", "scaled"))
    assert authors.macro_weight == 1 and authors.options["count_scale"] == 1.0
    assert scaled.macro_weight == 0 and scaled.options["count_scale"] == "mean"
    mixup = Settings(recipe="stain_augment").fit_options("mixup", counts, 8)
    assert mixup["augmentation"] != INGREDIENTS["stain_augment"].fit["augmentation"], "mixup mixes what comes out of it"
    with pytest.raises(ValueError, match="unknown method 'magic'; choose among erm, coral"):
        method_options("magic", counts, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"benchmark": "other"}, "unknown benchmark 'other'; choose one of simulated, open5"),
        ({"benchmark": None}, "benchmark is None: expected a Benchmark, or one of simulated, open5"),
        ({"backbone": "vgg"}, "unknown backbone 'vgg'; choose one of small_cnn"),
        *(({"steps": steps}, "steps is .*: expected a whole number, 1 or more") for steps in (0, -3, 2.5, True, "4")),
        ({"recipe": "salt"}, "unknown ingredient 'salt'"),
        ({"device": "tpu"}, "device"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Settings(**change)
