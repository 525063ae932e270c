"""Trained networks that the package brings along, so that a notebook can ask one before it has trained any."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from wbc_tutorial.experiments.saved_models import load_model
from wbc_tutorial.models import Classifier

__all__ = ["trained_network"]

FOLDER = Path(__file__).parent / "trained"
REBUILD = "python data_scripts/rebuild/ship_networks.py"


@lru_cache
def trained_network(method: str = "erm") -> Classifier:
    """Return a small network that was trained on the two known simulated laboratories, fold 0, seed 0.

    Parameters
    ----------
    method : str, default="erm"
        Name of a file in ``wbc_tutorial/course/trained``, without its suffix.

    Returns
    -------
    Classifier
        The same object at each call: copy it before you train it further. ``.provenance`` says how it was trained.

    Raises
    ------
    FileNotFoundError
        The package brings no such network.

    See Also
    --------
    wbc_tutorial.predict : the logits of images.

    Examples
    --------
    >>> trained_network().classes[:2]
    ('basophil', 'eosinophil')
    """
    path = FOLDER / f"{method}.pt"
    if not path.is_file():
        there = ", ".join(sorted(file.stem for file in FOLDER.glob("*.pt"))) or "none"
        raise FileNotFoundError(f"no trained network {method!r} in the package, only {there}; {REBUILD} writes them")
    return load_model(path)


def answers(model: Classifier, images: np.ndarray) -> np.ndarray:
    """Return a network's probabilities for a few images.

    Parameters
    ----------
    model : Classifier
    images : uint8 (N, S, S, 3) or (N, 3, S, S)

    Returns
    -------
    float32 (N, C)
    """
    import torch

    images = np.asarray(images)
    images = images.transpose(0, 3, 1, 2) if images.shape[-1] == 3 else images
    with torch.inference_mode():
        pixels = torch.as_tensor(np.ascontiguousarray(images), dtype=torch.float32) / 255
        return model.eval()(pixels).softmax(dim=1).numpy()
