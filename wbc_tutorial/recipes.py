"""Floor 5, the recipe: what may be changed around any method, each ingredient a switch of its own, off by default."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from wbc_tutorial.augmentation import augment_physically
from wbc_tutorial.batches import as_tensor
from wbc_tutorial.models import Classifier, use_group_norm
from wbc_tutorial.normalisation import drop_colour, standardise_contrast, standardise_stain, white_balance

__all__ = [
    "CANDIDATES",
    "CHOSEN",
    "INGREDIENTS",
    "Ingredient",
    "adapted_share",
    "boda_changes",
    "check_recipe",
    "fit_changes",
    "look_through",
    "prepare_model",
    "rate_factor",
    "steps_factor",
]


@dataclass(frozen=True)
class Ingredient:
    """One thing that a recipe may change.

    Attributes
    ----------
    what : str
        One sentence: what it does.
    source : str
        Where it comes from.
    standardise : callable, optional
        Images -> images, part of the model: training and test images alike.
    fit : dict
        Options of `training.fit`.
    boda : dict
        Options of `alignment.BoDA`; nothing for other methods.
    longer : int
        Factor on the training steps.
    rate : float
        Factor on the learning rate.
    momentum : float, optional
        Weight of a new batch in batch norm's running statistics; None = the network's own.
    adapt : float
        Share of a tested laboratory in its batch-norm statistics; 0 = it is not looked at. Laboratories that were
        trained on keep theirs.
    """

    what: str
    source: str
    standardise: Callable[[Tensor], Tensor] | None = None
    fit: dict = field(default_factory=dict)
    boda: dict = field(default_factory=dict)
    longer: int = 1
    rate: float = 1.0
    momentum: float | None = None
    adapt: float = 0.0


INGREDIENTS = {
    "light": Ingredient(
        "White balance: each image is divided by the light of its own background.",
        "Land and McCann, J. Opt. Soc. Am. 61 (1971)",
        standardise=white_balance,
    ),
    "stain": Ingredient(
        "Stain normalisation: each image gets the same mean and spread of optical density in every channel.",
        "Reinhard et al., IEEE Comput. Graph. Appl. 21 (2001), here in optical density",
        standardise=standardise_stain,
    ),
    "contrast": Ingredient(
        "Two fixed points: each image's background, and how dark its nucleus is.",
        "Macenko et al., ISBI 2009, the scaling alone",
        standardise=standardise_contrast,
    ),
    "grey": Ingredient(
        "Colour is dropped: every channel gets the mean optical density.",
        "grey scale as a normalisation: Tellez et al., Medical Image Analysis 58 (2019)",
        standardise=drop_colour,
    ),
    "physics": Ingredient(
        "Augmentation in physical terms: any angle, magnification, stain vectors, light, gamma, focus and noise.",
        "Tellez et al., Medical Image Analysis 58 (2019)",
        fit={"augmentation": augment_physically},
    ),
    "balanced": Ingredient(
        "Class-balanced sampling inside each laboratory.",
        "Kang et al., ICLR 2020",
        fit={"balanced": True},
    ),
    "frozen_norm": Ingredient(
        "Batch norm keeps the statistics it was pretrained with.",
        "Gulrajani and Lopez-Paz, ICLR 2021 (DomainBed)",
        fit={"frozen_batch_norm": True},
    ),
    "group_norm": Ingredient(
        "Group norm in place of batch norm: no statistics of a batch or of a laboratory enter.",
        "Wu and He, ECCV 2018",
    ),
    "test_norm": Ingredient(
        "Batch norm takes its statistics from the tested laboratory's own images, without their labels.",
        "Li et al., 'Adaptive batch normalization', Pattern Recognition 80 (2018)",
        adapt=1.0,
    ),
    "half_norm": Ingredient(
        "Batch norm takes its statistics half from training, half from the tested laboratory's images.",
        "Schneider et al., NeurIPS 2020",
        adapt=0.5,
    ),
    "averaging": Ingredient(
        "The tested weights are an exponential moving average over the training steps.",
        "Izmailov et al., UAI 2018; Arpit et al., NeurIPS 2022",
        fit={"averaging": 0.99},
    ),
    "quick": Ingredient(
        "Three times the learning rate; batch-norm statistics follow within ten steps: a short training arrives.",
        "Smith and Topin, 'Super-convergence', 2019; EfficientNet's own statistics follow within a hundred steps",
        rate=3.0,
        momentum=0.1,
    ),
    "longer": Ingredient("Twice as many training steps.", "", longer=2),
    "mean_scale": Ingredient(
        "BoDA's distances are multiplied by the mean count of a pair, so that its pull does not vanish.",
        "notebook 07 of this course: count_scale='mean'",
        boda={"count_scale": "mean"},
    ),
    "macro": Ingredient(
        "BoDA with the CORAL-like term of its reference code, weight 1.",
        "Yang et al., ECCV 2022, reference code",
        boda={"macro_weight": 1.0},
    ),
}
"""What ``--recipe`` takes. Only those with ``adapt`` look at images of the tested laboratory, without their labels."""


CANDIDATES = (
    (),
    ("physics", "balanced"),
    ("physics", "balanced", "half_norm"),
    ("contrast", "physics", "balanced", "half_norm"),
    ("contrast", "grey", "physics", "balanced", "half_norm"),
    ("physics", "balanced", "half_norm", "quick"),
    ("contrast", "grey", "physics", "balanced", "half_norm", "quick"),
)
"""The recipes among which one was chosen, by leaving out each training laboratory of ``open5`` in turn."""

CHOSEN = CANDIDATES[-1]
"""The one that read highest on the left-out laboratories, before the unseen ones were scored with any of them."""


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
    if {"test_norm", "half_norm"} <= set(norms):
        raise ValueError("test_norm and half_norm exclude each other: both set batch norm's statistics")
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


def adapted_share(recipe: tuple[str, ...]) -> float:
    """Return the share that the tested laboratory gets in batch-norm statistics."""
    return max((INGREDIENTS[name].adapt for name in recipe), default=0.0)


def rate_factor(recipe: tuple[str, ...]) -> float:
    """Return the recipe's factor on the learning rate."""
    return math.prod(INGREDIENTS[name].rate for name in recipe)


def steps_factor(recipe: tuple[str, ...]) -> int:
    """Return how many times as many steps the recipe trains."""
    return math.prod(INGREDIENTS[name].longer for name in recipe)
