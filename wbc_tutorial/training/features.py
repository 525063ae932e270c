"""Features and logits of a whole set of images, with the network as it is."""

import numpy as np
import torch

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.batches import as_tensor
from wbc_tutorial.transforms.augmentation import symmetries

__all__ = ["extract"]


@torch.inference_mode()
def extract(
    model: Classifier, cells: CellImages, batch_size: int = 64, *, tta: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return latent features (N, h) and logits (N, C) of all images; the model is set to evaluation.

    Always in float32, on whatever device the model is. With `tta` an image's features are the mean over the square's
    eight symmetries, and its logits those of that mean; the head is linear, so they are the mean logits too.

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
    """
    model.eval()
    device = next(model.parameters()).device
    features, logits = [torch.empty(0, model.n_features)], [torch.empty(0, model.n_classes)]
    for start in range(0, len(cells), batch_size):
        images = as_tensor(cells.images[np.arange(start, min(start + batch_size, len(cells)))], device)
        views = symmetries(images) if tta else (images,)
        latent = sum(model.features(view) for view in views) / len(views)  # (n, h)
        features.append(latent.float().cpu())
        logits.append(model.head(latent).float().cpu())
    return torch.cat(features).numpy(), torch.cat(logits).numpy()
