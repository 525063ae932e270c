"""Floor 5, the recipe: ingredients in company, which were tried, which was chosen, and what they change where."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from wbc_tutorial.batches import as_tensor
from wbc_tutorial.ingredients import INGREDIENTS
from wbc_tutorial.models import Classifier, use_group_norm

__all__ = [
    "CANDIDATES",
    "CHOSEN",
    "FIRST_CHOICE",
    "PASSED_OVER",
    "ROUNDS",
    "SECOND_CHOICE",
    "THIRD_CHOICE",
    "boda_changes",
    "check_recipe",
    "fit_changes",
    "look_through",
    "prepare_model",
    "rate_factor",
    "steps_factor",
    "test_changes",
    "training_part",
]


CANDIDATES = (
    (),
    ("physics", "balanced"),
    ("physics", "balanced", "half_norm"),
    ("contrast", "physics", "balanced", "half_norm"),
    ("contrast", "grey", "physics", "balanced", "half_norm"),
    ("physics", "balanced", "half_norm", "quick"),
    ("contrast", "grey", "physics", "balanced", "half_norm", "quick"),
    ("contrast", "physics", "balanced", "half_norm", "quick"),
    ("contrast", "physics", "balanced", "even_norm", "prototypes", "views", "quick"),
    ("contrast", "grey", "physics", "balanced", "even_norm", "prototypes", "views", "quick"),
    ("contrast", "strong_physics", "balanced", "even_norm", "prototypes", "views", "quick"),
    ("contrast", "physics", "balanced", "even_norm", "prototypes", "views", "quick", "longer"),
    ("contrast", "strong_physics", "balanced", "even_norm", "prototypes", "views", "quick", "longer"),
    ("contrast", "strong_physics", "even_norm", "prototypes", "views", "quick"),
    ("contrast", "strong_physics", "balanced", "even_norm", "prototypes", "spreading", "views", "quick", "longer"),
    ("contrast", "strong_physics", "balanced", "even_norm", "spreading", "views", "quick", "longer"),
    ("contrast", "strong_physics", "balanced", "even_norm", "prototypes", "spreading", "views", "quick"),
    ("contrast", "physics", "balanced", "even_norm", "prototypes", "spreading", "views", "quick", "longer"),
    ("contrast", "strong_physics", "balanced", "even_norm", "spreading", "views", "quick"),
)
"""The recipes among which one was chosen, by leaving out each training laboratory of ``open5`` in turn.

In four rounds (`ROUNDS`), whose rows are `ablation.selection`. After each the choice and its omissions were read on the
unseen laboratories (``tables.shipped`` of ``open5_first_recipe``, ``open5_second_recipe``, ``open5_third_recipe`` and
``open5_ablation``).
"""

FIRST_CHOICE = CANDIDATES[6]
"""Of the first round: the highest on the left-out laboratories, before the unseen ones were scored with any recipe."""

SECOND_CHOICE = CANDIDATES[8]
"""Of two rounds: the highest there among those that read known laboratories no worse than ERM without a recipe."""

PASSED_OVER = CANDIDATES[9]
"""Higher there than the second choice, and lower at home than ERM."""

THIRD_CHOICE = CANDIDATES[12]
"""Of three rounds, by the same rule."""

CHOSEN = CANDIDATES[16]
"""Of all four, by the same rule."""

ROUNDS = {7: FIRST_CHOICE, 10: SECOND_CHOICE, 14: THIRD_CHOICE, 19: CHOSEN}
"""How many of the candidates had been scored -> which of them was then chosen."""


def check_recipe(recipe) -> tuple[str, ...]:
    """Return the ingredients in the order of `INGREDIENTS`, each once.

    Raises
    ------
    ValueError
        For an unknown ingredient, or two that exclude each other.
    """
    unknown = [name for name in recipe if name not in INGREDIENTS]
    if unknown:
        raise ValueError(
            f"unknown ingredient {', '.join(map(repr, unknown))} of --recipe; choose among {', '.join(INGREDIENTS)}"
        )
    norms = [name for name in INGREDIENTS if name in recipe and name.endswith("_norm")]
    if "group_norm" in norms and len(norms) > 1:
        raise ValueError(f"{' and '.join(norms)} exclude each other: group norm leaves no batch norm to treat")
    adapted = [name for name in norms if INGREDIENTS[name].adapt]
    if len(adapted) > 1:
        raise ValueError(f"{' and '.join(adapted)} exclude each other: each sets batch norm's statistics")
    drawing = [name for name in INGREDIENTS if name in recipe and "augmentation" in INGREDIENTS[name].fit]
    if len(drawing) > 1:
        raise ValueError(f"{' and '.join(drawing)} exclude each other: each sets the augmentation")
    return tuple(name for name in INGREDIENTS if name in recipe)


def prepare_model(model: Classifier, recipe: tuple[str, ...]) -> Classifier:
    """Give a fresh model the recipe's input normalisation and norm layers."""
    steps = [INGREDIENTS[name].standardise for name in recipe if INGREDIENTS[name].standardise]

    def standardise(images: Tensor) -> Tensor:
        for step in steps:
            images = step(images)
        return images

    model.standardise = standardise if steps else None
    for momentum in (INGREDIENTS[name].momentum for name in recipe if INGREDIENTS[name].momentum is not None):
        for layer in model.modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                layer.momentum = momentum
    return use_group_norm(model) if "group_norm" in recipe else model


def look_through(recipe: tuple[str, ...], images: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Show images as a network meets them in training: drawn by the recipe's augmentation, then normalised.

    Parameters
    ----------
    recipe : tuple of str
    images : uint8 (N, 3, S, S)
    seed : int
        Of what the augmentation draws; each image has its own draw.

    Returns
    -------
    uint8 (N, 3, S, S)
    """
    shown = as_tensor(images)
    if augmentation := fit_changes(recipe).get("augmentation"):
        shown = augmentation(shown, torch.Generator().manual_seed(seed))
    for name in recipe:
        if standardise := INGREDIENTS[name].standardise:
            shown = standardise(shown)
    return (shown * 255).round().byte().numpy()


def fit_changes(recipe: tuple[str, ...]) -> dict:
    """Return the options of `training.fit` that the recipe sets."""
    return {option: value for name in recipe for option, value in INGREDIENTS[name].fit.items()}


def boda_changes(recipe: tuple[str, ...]) -> dict:
    """Return the options of `alignment.BoDA` that the recipe sets."""
    return {option: value for name in recipe for option, value in INGREDIENTS[name].boda.items()}


def test_changes(recipe: tuple[str, ...], *, known: bool) -> dict:
    """Return the options of `adaptation.read` that the recipe sets, for a laboratory that was trained on or another."""
    chosen = [INGREDIENTS[name] for name in recipe]
    parts = [each.test if known else each.test | each.adapt for each in chosen]
    return {option: value for part in parts for option, value in part.items()}


def rate_factor(recipe: tuple[str, ...]) -> float:
    """Return the recipe's factor on the learning rate."""
    return math.prod(INGREDIENTS[name].rate for name in recipe)


def steps_factor(recipe: tuple[str, ...]) -> int:
    """Return how many times as many steps the recipe trains."""
    return math.prod(INGREDIENTS[name].longer for name in recipe)


def training_part(recipe: tuple[str, ...]) -> tuple[str, ...]:
    """Return the recipe without what only comes after training: recipes that agree in it share a trained network."""
    return tuple(name for name in recipe if not INGREDIENTS[name].after_training)
