"""Features and logits of a whole set of images, with the network as it is."""

from functools import reduce

import numpy as np
import torch

from wbc_tutorial.data.cell_images import CellImages, check_cells
from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.batches import as_tensor
from wbc_tutorial.transforms.augmentation import symmetries

__all__ = ["check_model_and_cells", "extract"]


@torch.inference_mode()
def extract(
    model: Classifier, cells: CellImages, batch_size: int = 64, *, tta: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return latent features (N, h) and logits (N, C) of all images.

    Always in float32, on whatever device the model is. The model is set to evaluation; nothing else in it changes. With
    `tta` an image's features are the mean over the square's eight symmetries, and its logits those of that mean; the
    head is linear, so they are the mean logits too.

    Parameters
    ----------
    model : Classifier
    cells : CellImages
        Labels are not used.
    batch_size : int, default=64
    tta : bool, default=False
        Test-time augmentation.

    Returns
    -------
    features : float32 (N, h)
    logits : float32 (N, C)

    Raises
    ------
    ValueError
        For an argument of another kind.

    See Also
    --------
    wbc_tutorial.predict : logits alone, with what may be taken from the test images themselves.
    """
    check_model_and_cells(model, cells)
    whole_number("batch_size", batch_size, least=1)
    model.eval()
    device = next(model.parameters()).device
    features, logits = [torch.empty(0, model.n_features)], [torch.empty(0, model.n_classes)]
    for start in range(0, len(cells), batch_size):
        images = as_tensor(cells.images[np.arange(start, min(start + batch_size, len(cells)))], device)
        views = symmetries(images) if tta else (images,)
        latent = reduce(torch.add, (model.features(view) for view in views)) / len(views)  # (n, h)
        features.append(latent.float().cpu())
        logits.append(model.head(latent).float().cpu())
    return torch.cat(features).numpy(), torch.cat(logits).numpy()


def check_model_and_cells(model: Classifier, cells: CellImages) -> None:
    """Raise ValueError unless this is a classifier, and these are cells of as many classes."""
    if not isinstance(model, Classifier):
        raise ValueError(
            f"model: got a {type(model).__name__}, expected a Classifier, such as wbc.small_cnn(n_classes=13)"
        )
    check_cells(cells)
    if model.n_classes != len(cells.classes):
        raise ValueError(
            f"the model tells {model.n_classes} classes apart and the cells have {len(cells.classes)}: build it with "
            f"n_classes={len(cells.classes)}"
        )
