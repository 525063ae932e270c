"""Methods: what each is called, and what it changes in the one loop."""

from collections.abc import Callable, Mapping

import numpy as np

from wbc_tutorial.losses.classification import GroupDRO, Mixup, balanced_softmax, class_weighted
from wbc_tutorial.training.alignment import CORAL, DANN, BoDA
from wbc_tutorial.transforms.augmentation import augment

__all__ = ["ALIGNING", "FAMILIES", "METHODS", "RETRAINED", "RETRAINING", "method_options"]

METHODS = {
    "erm": "ERM",
    "coral": "CORAL",
    "dann": "DANN",
    "boda": "BoDA",
    "boda_authors": "BoDA, authors",
    "boda_scaled": "BoDA, scaled",
    "boda_plus": "BoDA+",
    "erm_plus": "ERM+",
    "erm_head": "ERM, new head",
    "class_weighted": "weighted CE",
    "balanced_softmax": "bal. softmax",
    "group_dro": "group DRO",
    "mixup": "mixup",
}
"""Method -> its name in tables.

BoDA stands in three settings: as the slides print it; as its authors run it, with their CORAL-like macro term of weight
1; and with its scale mended, distances times the mean count of a domain-class pair. BoDA+ is BoDA with a re-trained
classifier, our reading of the slides' "Ours+". Two controls tell what of it is the re-training: ERM+ is ERM with a
re-trained classifier, and "ERM, new head" re-trains it on the images as they are, common classes in the majority. The
last four are for comparison.
"""

BODA_SETTINGS = {"boda": {}, "boda_authors": {"macro_weight": 1.0}, "boda_scaled": {"count_scale": "mean"}}
"""Options of `wbc_tutorial.BoDA` in each setting."""

ALIGNING = ("coral", "dann", *BODA_SETTINGS, "boda_plus", "group_dro")
"""Methods that compare laboratories: with a single one to train on they are ERM (BoDA+ is ERM+)."""

RETRAINED = {"boda_plus": "boda", "erm_plus": "erm", "erm_head": "erm"}
"""Methods that only re-train the classifier -> the method whose network they take."""

FAMILIES = tuple(
    (method, *(other for other, network in RETRAINED.items() if network == method))
    for method in METHODS
    if method not in RETRAINED
)
"""Methods that share their training."""

RETRAINING = {"erm_head": {"class_balanced": False}}
"""Options of `wbc_tutorial.retrain_classifier` that differ from its own."""


def method_options(
    method: str, counts: np.ndarray, n_features: int, *, augmentation: Callable = augment, boda: Mapping | None = None
) -> dict:
    """Return the options of `wbc_tutorial.fit` for a method: none for ERM, one for each alignment.

    Parameters
    ----------
    method : str
        A key of `METHODS`; those of `RETRAINED` train as the method whose network they take.
    counts : int (D, C)
        Training images N[d, c].
    n_features : int
        h.
    augmentation : callable, default=augment
        Of single images; mixup mixes what comes out of it.
    boda : mapping, default=None
        Further options of `wbc_tutorial.BoDA`, for the methods that use it.

    Raises
    ------
    ValueError
        For an unknown method.

    Examples
    --------
    >>> method_options("erm", np.ones((2, 13)), n_features=192)
    {}
    >>> list(method_options("boda_plus", np.ones((2, 13)), n_features=192))
    ['alignment']
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; choose among {', '.join(METHODS)}")
    if method == "mixup":
        mixup = Mixup(before=augmentation)
        return {"augmentation": mixup.augment, "classification_loss": mixup}
    trained_as = RETRAINED.get(method, method)
    if trained_as in BODA_SETTINGS:
        return {"alignment": BoDA(counts, n_features, **(BODA_SETTINGS[trained_as] | dict(boda or {})))}
    options = {
        "erm": dict,
        "coral": lambda: {"alignment": CORAL()},
        "dann": lambda: {"alignment": DANN(n_features, len(counts))},
        "class_weighted": lambda: {"classification_loss": class_weighted(counts)},
        "balanced_softmax": lambda: {"classification_loss": balanced_softmax(counts)},
        "group_dro": lambda: {"classification_loss": GroupDRO(len(counts))},
    }
    return options[trained_as]()
