"""Methods: what each is called, and what it changes in the one loop."""

from collections.abc import Callable, Mapping

import numpy as np

from wbc_tutorial.losses.classification import GroupDRO, Mixup, balanced_softmax, class_weighted
from wbc_tutorial.training.alignment import CORAL, DANN, BoDA
from wbc_tutorial.transforms.augmentation import augment

__all__ = ["ALIGNING", "FAMILIES", "METHODS", "method_options"]

METHODS = {
    "erm": "ERM",
    "coral": "CORAL",
    "dann": "DANN",
    "boda": "BoDA",
    "boda_authors": "BoDA, authors",
    "boda_scaled": "BoDA, scaled",
    "boda_plus": "BoDA+",
    "erm_plus": "ERM+",
    "class_weighted": "weighted CE",
    "balanced_softmax": "bal. softmax",
    "group_dro": "group DRO",
    "mixup": "mixup",
}
"""Method -> its name in tables.

BoDA stands in three settings: as the slides print it; as its authors run it, with their CORAL-like macro term of weight
1; and with its scale mended, distances times the mean count of a domain-class pair. BoDA+ is BoDA with a re-trained
classifier, our reading of the slides' "Ours+"; ERM+ is its control, ERM with a re-trained classifier. The last four are
for comparison.
"""

BODA_SETTINGS = {"boda": {}, "boda_authors": {"macro_weight": 1.0}, "boda_scaled": {"count_scale": "mean"}}
"""Options of `wbc_tutorial.BoDA` in each setting."""

ALIGNING = ("coral", "dann", *BODA_SETTINGS, "boda_plus", "group_dro")
"""Methods that compare laboratories: with a single one to train on they are ERM (BoDA+ is ERM+)."""

FAMILIES = tuple(
    (method, f"{method}_plus") if f"{method}_plus" in METHODS else (method,)
    for method in METHODS
    if not method.endswith("_plus")
)
"""Methods that share their training: a method with a plus only re-trains the classifier of the one without."""


def method_options(
    method: str, counts: np.ndarray, n_features: int, *, augmentation: Callable = augment, boda: Mapping | None = None
) -> dict:
    """Return the options of `wbc_tutorial.fit` for a method: none for ERM, one for each alignment.

    Parameters
    ----------
    method : str
        A key of `METHODS`; with ``_plus`` it trains as without.
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
    trained_as = method.removesuffix("_plus")
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
