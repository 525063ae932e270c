"""Floor 4, adaptation: what may be taken from a tested laboratory's images without their labels."""

import numpy as np
import torch
from torch import nn

from wbc_tutorial.batches import as_tensor
from wbc_tutorial.cell_images import CellImages
from wbc_tutorial.models import Classifier

__all__ = ["adapt_batch_norm"]


@torch.no_grad()
def adapt_batch_norm(model: Classifier, cells: CellImages, *, n_images: int = 1024, seed: int = 0) -> Classifier:
    """Replace batch-norm statistics, in place, by those of these images; their labels are not read.

    For each layer the mean and variance over `n_images` images drawn at random, averaged over batches of 64.

    Source: Li et al., "Adaptive batch normalization for practical domain adaptation", Pattern Recognition 80 (2018).
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        raise ValueError("the model has no batch norm to adapt")
    model.eval()
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.train().momentum = None  # the plain mean over batches
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(cells), generator=generator)[:n_images].numpy()
    for part in np.array_split(rows, max(1, round(len(rows) / 64))):
        model.features(as_tensor(cells.images[part], next(model.parameters()).device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.eval().momentum = momentum
    return model
