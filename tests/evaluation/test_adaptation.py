"""Predictions for a laboratory: batch-norm statistics of its images, the eight symmetries, and what stays as it was."""

import numpy as np
import pytest
import torch
from torch import nn

from wbc_tutorial import models
from wbc_tutorial.course.networks import trained_network
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.random_laboratories import random_laboratory
from wbc_tutorial.evaluation.adaptation import (
    StepBackWarning,
    adapt_batch_norm,
    features_and_logits,
    label_spreading,
    predict,
    t3a_head,
)
from wbc_tutorial.evaluation.metrics import f1_scores
from wbc_tutorial.experiments.recipes import Recipe
from wbc_tutorial.training.device import seed_everything
from wbc_tutorial.training.features import extract
from wbc_tutorial.training.loop import fit
from wbc_tutorial.transforms import augmentation


def test_adapted_batch_norm_has_the_statistics_of_the_images(cells):
    model = models.small_cnn(3, width=4)
    adapt_batch_norm(model, cells, n_images=48)
    layer, first = model.backbone[1], model.backbone[0]
    with torch.no_grad():
        maps = first((torch.from_numpy(cells.images).float() / 255 - model.mean) / model.std)
    assert torch.allclose(layer.running_mean, maps.mean((0, 2, 3)), atol=1e-5)
    assert not model.training and layer.momentum == 0.1
    with pytest.raises(ValueError, match="no batch norm"):
        adapt_batch_norm(models.use_group_norm(model), cells)


def test_mixed_batch_norm_has_the_statistics_of_a_mixture(cells):
    """Two layers' statistics mixed half and half are those of both sets of maps put together."""
    dark, bright = (cells.subset(cells.domains == number) for number in (1, 0))
    model = models.small_cnn(3, width=4)
    adapt_batch_norm(model, dark)
    adapt_batch_norm(model, bright, share=0.5)
    first, layer = model.backbone[0], model.backbone[1]
    with torch.no_grad():
        maps = first((torch.from_numpy(cells.images).float() / 255 - model.mean) / model.std)
    assert torch.allclose(layer.running_mean, maps.mean((0, 2, 3)), atol=1e-5)
    assert torch.allclose(layer.running_var, maps.var((0, 2, 3)), rtol=1e-2)
    before = [layer.running_var.clone() for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    adapt_batch_norm(model, dark, share=0.0)
    after = [layer.running_var for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert all(map(torch.equal, before, after)), "a share of 0 changes nothing"
    with pytest.raises(ValueError, match="share is 1.5"):
        adapt_batch_norm(model, dark, share=1.5)


class ByBrightness(nn.Module):
    """A batch norm whose statistics the tests look at, behind a head that names bright images 1, others 0."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, images):
        self.norm(images)
        bright = (images.mean((1, 2, 3)) > 0.5).float()
        return torch.stack([1 - bright, bright], 1)


def test_class_balanced_statistics_are_those_of_equally_frequent_predictions():
    values = np.repeat([51, 204], [360, 40])  # .2 and .8; 9 in 10 are dark
    images = np.broadcast_to(values[:, None, None, None], (400, 3, 4, 4)).astype(np.uint8)
    cells = CellImages(images, np.zeros(400, int), np.zeros(400, int), ("a", "b"), ("x",))
    model = models.Classifier(ByBrightness(), 2, 2, (0, 0, 0), (1, 1, 1))
    nn.init.eye_(model.head.weight)
    nn.init.zeros_(model.head.bias)  # which is drawn at random, and may outweigh the brightness
    means = {}
    for balanced in (False, True):
        adapt_batch_norm(model, cells, class_balanced=balanced)
        means[balanced] = model.backbone.norm.running_mean.mean().item()
    assert means[False] == pytest.approx(0.26, abs=1e-3), "the laboratory's mix"
    assert means[True] == pytest.approx(0.5, abs=0.03), "half of what is predicted dark, half bright"


def test_class_balanced_statistics_mix_with_the_trained_ones_once():
    """Images are drawn twice, statistics mixed once: half of 0, which was trained, and half of .2."""
    images = np.full((70, 3, 4, 4), 51, dtype=np.uint8)
    cells = CellImages(images, np.zeros(70, int), np.zeros(70, int), ("a", "b"), ("x",))
    model = models.Classifier(ByBrightness(), 2, 2, (0, 0, 0), (1, 1, 1))
    adapt_batch_norm(model, cells, share=0.5, class_balanced=True)
    assert torch.allclose(model.backbone.norm.running_mean, torch.tensor(0.1))


def test_the_eight_symmetries_are_those_of_the_square():
    image = torch.arange(9.0).view(1, 1, 3, 3)
    views = augmentation.symmetries(image)
    assert torch.equal(views[0], image) and len({tuple(view.flatten().tolist()) for view in views}) == 8
    again = {tuple(view.flatten().tolist()) for view in augmentation.symmetries(views[5])}
    assert again == {tuple(view.flatten().tolist()) for view in views}, "a group"


def test_test_time_augmentation_gives_every_turn_the_same_logits(cells):
    seed_everything(0)
    model = models.small_cnn(3, width=4)
    turned = CellImages(np.rot90(cells.images, 1, (2, 3)), cells.labels, cells.domains, cells.classes, ("x", "y"))
    one, other = (extract(model, each, tta=True) for each in (cells, turned))
    assert np.allclose(one[0], other[0], atol=1e-5) and np.allclose(one[1], other[1], atol=1e-5)
    plain = extract(model, cells)[0]
    assert not np.allclose(plain, extract(model, turned)[0], atol=1e-5)
    singly = [extract(model, turned.subset(np.array([row])), tta=True)[0] for row in range(3)]
    assert np.allclose(np.concatenate(singly), other[0][:3], atol=1e-5)


def test_predictions_leave_the_model_as_it_was(cells, monkeypatch):
    moved, cpu = [], nn.Module.cpu  # in place: on a GPU the next laboratory would find its head elsewhere
    monkeypatch.setattr(nn.Module, "cpu", lambda self: moved.append(self) or cpu(self))
    seed_everything(0)
    model = models.small_cnn(3, width=4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    options = Recipe("adabn_balanced,t3a,label_spreading,tta").predict_options(known=False) | {"step_back": False}
    features, logits = features_and_logits(model, cells, **options)
    assert features.shape == (48, model.n_features) and logits.shape == (48, 3)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert np.array_equal(predict(model, cells, **options), logits), "nothing is left to chance"
    alone = features_and_logits(model, cells, n_support=5)
    assert not any(each is part for each in moved for part in model.modules())
    assert np.array_equal(alone[0], extract(model, cells)[0]), "T3A changes no feature"
    spread = features_and_logits(model, cells, n_support=5, n_neighbours=4)
    by_lab = [cells.domains == number for number in (0, 1)]
    expected = np.concatenate([label_spreading(*(each[here] for each in alone), n_neighbours=4) for here in by_lab])
    assert np.array_equal(spread[1], expected), "spreading starts from those, in each laboratory on its own"
    views = features_and_logits(model, cells, tta=True)
    assert all(map(np.array_equal, views, extract(model, cells, tta=True)))
    assert np.array_equal(predict(model, cells), extract(model, cells)[1]), "without options: the network alone"


def test_a_laboratory_is_predicted_on_its_own(cells):
    """What the other laboratory holds, and the order of the images, change nothing."""
    seed_everything(0)
    model = models.small_cnn(3, width=4)
    options = {"adabn": {"share": 0.5}, "n_support": 5}
    mixed = np.random.default_rng(0).permutation(len(cells))
    together = predict(model, cells.subset(mixed), **options)
    for number in (0, 1):
        rows = mixed[cells.domains[mixed] == number]
        alone = predict(model, cells.subset(rows), **options)
        assert np.allclose(together[cells.domains[mixed] == number], alone, atol=1e-5)


def test_a_known_laboratory_is_not_adapted_to():
    recipe = Recipe("adabn_mixed,t3a,label_spreading,tta")
    assert recipe.predict_options(known=True) == {"tta": True}
    assert set(recipe.predict_options(known=False)) == {"adabn", "n_support", "n_neighbours", "tta", "step_back"}
    assert Recipe().predict_options(known=False) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_support": -1}, "n_support is -1: expected a whole number, 0 or more"),
        ({"n_neighbours": 2.5}, "n_neighbours is 2.5"),
        ({"adabn": {"share": None}}, "share is None"),
        ({"adabn": {"n_images": 0}}, "n_images is 0: expected a whole number, 1 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(cells, options, message):
    with pytest.raises(ValueError, match=message):
        predict(models.small_cnn(3, width=4), cells, **options)


def test_no_image_gives_no_row_and_nothing_to_adapt_to(cells):
    model, nothing = models.small_cnn(3, width=4), cells.subset([])
    assert predict(model, nothing, tta=True).shape == (0, 3)
    for too_few in (nothing, cells.subset([0])):  # one image has no variance
        with pytest.raises(ValueError, match="would adapt to [01] of its images.*leave adabn out of the recipe"):
            adapt_batch_norm(model, too_few)


@pytest.mark.parametrize("bad", ["features", "logits"])
def test_numbers_that_are_not_finite_are_one_line(bad):
    given = {"features": np.ones((5, 2), np.float32), "logits": np.ones((5, 2), np.float32)}
    given[bad][3] = np.nan
    with pytest.raises(ValueError, match=f"^{bad}: image 3 holds nan or inf"):
        label_spreading(*given.values(), n_neighbours=2)
    with pytest.raises(ValueError, match=f"^{bad}: image 3 holds nan or inf"):
        t3a_head(nn.Linear(2, 2), *map(torch.as_tensor, given.values()))


def laboratory(n, class_of_all=None):
    """Images of n cells of two classes that a network trained on brightness tells apart."""
    labels = np.arange(n) % 2 if class_of_all is None else np.full(n, class_of_all)
    light = 60 + 120 * labels[:, None, None, None] + np.random.default_rng(0).integers(0, 20, (n, 3, 16, 16))
    return CellImages(light.astype(np.uint8), labels, np.zeros(n, int), ("dark", "bright"), ("lab",))


@pytest.fixture(scope="module")
def of_two():
    seed_everything(0)
    model = models.small_cnn(2, width=4)
    fit(model, laboratory(40), steps=30, progress=None)
    return model


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (laboratory(60), "60 images are fewer than 50 for each of 2 classes"),
        (laboratory(120, class_of_all=1), "100% of its images get one name, more than 60%"),
        (laboratory(120), None),
    ],
    ids=["few", "skewed", "enough"],
)
@pytest.mark.parametrize("recipe", ["label_spreading", "t3a,tta", "adabn_balanced"])
def test_a_recipe_steps_back_where_using_images_together_is_unsafe(of_two, cells, reason, recipe):
    options = Recipe(recipe).predict_options(known=False)
    one_by_one = predict(of_two, cells, tta="tta" in recipe)
    if reason is None:
        assert not np.array_equal(predict(of_two, cells, **options), one_by_one)
        return
    with pytest.warns(StepBackWarning, match=f"lab was read image by image: {reason}"):
        assert np.array_equal(predict(of_two, cells, **options), one_by_one)


def test_a_small_skewed_laboratory_loses_nothing_with_a_recipe():
    """60 simulated cells, 90 % of one class: at most .02 below the reading image by image."""
    model, cells = trained_network("erm"), random_laboratory(300, [54, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    plain = f1_scores(cells.labels, predict(model, cells, tta=True).argmax(1), 13).macro
    with pytest.warns(StepBackWarning):
        options = Recipe("adabn_balanced,t3a,label_spreading,tta").predict_options(known=False)
        assert f1_scores(cells.labels, predict(model, cells, **options).argmax(1), 13).macro >= plain - 0.02
    harm = predict(model, cells, **options | {"step_back": False})
    assert f1_scores(cells.labels, harm.argmax(1), 13).macro < plain - 0.02, "without stepping back it does harm"
