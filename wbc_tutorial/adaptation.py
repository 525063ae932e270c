"""Floor 4, adaptation: what may be taken from a tested laboratory's images without their labels."""

import numpy as np
import torch
from torch import nn

from wbc_tutorial.batches import as_tensor
from wbc_tutorial.cell_images import CellImages
from wbc_tutorial.models import Classifier

__all__ = ["adapt_batch_norm"]


@torch.no_grad()
def adapt_batch_norm(
    model: Classifier, cells: CellImages, *, share: float = 1.0, n_images: int = 1024, seed: int = 0
) -> Classifier:
    """Move batch-norm statistics, in place, towards those of these images; their labels are not read.

    For each layer the mean m' and variance v' over `n_images` images drawn at random, averaged over batches of 64. With
    s = `share`, the new mean is that of a mixture of the old and the new images, ``s m' + (1 - s) m``, and the new
    variance that mixture's, ``s v' + (1 - s) v + s (1 - s) (m' - m)^2``.

    Parameters
    ----------
    model : Classifier
    cells : CellImages
        Of one laboratory.
    share : float in [0, 1]
        1 = the new statistics alone. They carry the laboratory's mix of classes as well as its look: where the two
        differ from training, a mixture is safer.
    n_images, seed : int
        How many images, and which.

    Raises
    ------
    ValueError
        For a model without batch norm, or a share outside [0, 1].

    Notes
    -----
    Li et al., "Adaptive batch normalization for practical domain adaptation", Pattern Recognition 80 (2018); mixed
    statistics: Schneider et al., "Improving robustness against common corruptions by covariate shift adaptation",
    NeurIPS 2020.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        raise ValueError("the model has no batch norm to adapt")
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; expected 0 (nothing changes) to 1 (the new statistics alone)")
    model.eval()
    old = [(layer.running_mean.clone(), layer.running_var.clone(), layer.momentum) for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.train().momentum = None  # the plain mean over batches
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(cells), generator=generator)[:n_images].numpy()
    for part in np.array_split(rows, max(1, round(len(rows) / 64))):
        model.features(as_tensor(cells.images[part], next(model.parameters()).device))
    for layer, (mean, variance, momentum) in zip(layers, old, strict=True):
        shift = (layer.running_mean - mean).square()
        layer.running_mean.lerp_(mean, 1 - share)
        layer.running_var.lerp_(variance, 1 - share).add_(shift, alpha=share * (1 - share))
        layer.eval().momentum = momentum
    return model
