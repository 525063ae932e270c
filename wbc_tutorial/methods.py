"""Floor 5, the five methods: what each is called, and the one line that builds its alignment."""

import numpy as np

from wbc_tutorial.alignment import CORAL, DANN, Alignment, BoDA

__all__ = ["FAMILIES", "METHODS", "alignment_for"]

METHODS = {"erm": "ERM", "coral": "CORAL", "dann": "DANN", "boda": "BoDA", "boda_plus": "BoDA+"}
"""Method -> its name in tables. BoDA+ is BoDA with a re-trained classifier, our reading of the slides' "Ours+"."""

FAMILIES = (("erm",), ("coral",), ("dann",), ("boda", "boda_plus"))
"""Methods that share their training: BoDA+ only re-trains BoDA's classifier."""


def alignment_for(method: str, counts: np.ndarray, n_features: int) -> Alignment | None:
    """Build the one line that tells the methods apart; None for ERM.

    Parameters
    ----------
    method : str
        A key of `METHODS`; ``boda_plus`` trains as ``boda`` and re-trains the classifier afterwards.
    counts : int (D, C)
        Training images N[d, c].
    n_features : int
        h.
    """
    if method == "erm":
        return None
    if method == "coral":
        return CORAL()
    if method == "dann":
        return DANN(n_features, len(counts))
    if method in ("boda", "boda_plus"):
        return BoDA(counts, n_features)
    raise ValueError(f"unknown method {method!r}; choose among {', '.join(METHODS)}")
