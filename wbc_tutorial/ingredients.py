"""Floor 5, the ingredients: what may be changed around any method, each a switch of its own, off by default."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor

from wbc_tutorial.augmentation import augment_physically
from wbc_tutorial.normalisation import drop_colour, standardise_contrast, standardise_stain, white_balance

__all__ = ["INGREDIENTS", "Ingredient"]


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
    test : dict
        Options of `adaptation.read`, for every laboratory.
    adapt : dict
        More of them, for laboratories that were not trained on: these look at a laboratory's images as a whole,
        without labels.
    """

    what: str
    source: str
    standardise: Callable[[Tensor], Tensor] | None = None
    fit: dict = field(default_factory=dict)
    boda: dict = field(default_factory=dict)
    longer: int = 1
    rate: float = 1.0
    momentum: float | None = None
    test: dict = field(default_factory=dict)
    adapt: dict = field(default_factory=dict)

    @property
    def after_training(self) -> bool:
        """Whether it changes how a trained network reads, and nothing about its training."""
        return bool(self.test or self.adapt)


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
    "strong_physics": Ingredient(
        "Stronger physics: stain vectors drawn twice as far, dye uptake half as far again, light a third further.",
        "strength as what is tuned: Tellez et al., Medical Image Analysis 58 (2019)",
        fit={"augmentation": partial(augment_physically, stain_vectors=0.4, uptake=0.6, light=0.4)},
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
        adapt={"batch_norm": {"share": 1.0}},
    ),
    "half_norm": Ingredient(
        "Batch norm takes its statistics half from training, half from the tested laboratory's images.",
        "Schneider et al., NeurIPS 2020",
        adapt={"batch_norm": {"share": 0.5}},
    ),
    "even_norm": Ingredient(
        "The same, from images drawn so that the classes which the network predicts are equally frequent.",
        "prediction-balanced sampling: Gong et al., 'NOTE', NeurIPS 2022, here for a whole laboratory at once",
        adapt={"batch_norm": {"share": 0.5, "even": True}},
    ),
    "prototypes": Ingredient(
        "Each class's weights are averaged with its 20 most surely read features of the tested laboratory.",
        "Iwasawa and Matsuo, 'T3A', NeurIPS 2021, here for a whole laboratory at once",
        adapt={"n_support": 20},
    ),
    "spreading": Ingredient(
        "The 20 most surely read cells of each class name their nearest neighbours in the latent space, those theirs.",
        "label spreading: Zhou et al., NIPS 2003; Iscen et al., CVPR 2019",
        adapt={"n_neighbours": 10},
    ),
    "views": Ingredient(
        "Each cell is read in the square's eight symmetries, and the features are averaged.",
        "test-time augmentation: Krizhevsky et al., NeurIPS 2012",
        test={"all_views": True},
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
