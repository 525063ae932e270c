"""Floor 4, adaptation: what may be taken from a tested laboratory's images without their labels."""

import copy

import numpy as np
import torch
from torch import nn

from wbc_tutorial.batches import as_tensor
from wbc_tutorial.cell_images import CellImages
from wbc_tutorial.models import Classifier
from wbc_tutorial.training import extract
from wbc_tutorial.transduction import prototype_head, spread_labels

__all__ = ["adapt_batch_norm", "read"]


def read(
    model: Classifier,
    cells: CellImages,
    *,
    batch_norm: dict | None = None,
    all_views: bool = False,
    n_support: int = 0,
    n_neighbours: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, h) and logits (N, C) of one laboratory's images; the model given is left as it is.

    Parameters
    ----------
    model : Classifier
    cells : CellImages
        Of one laboratory.
    batch_norm : dict, optional
        Options of `adapt_batch_norm`; None = its statistics stay.
    all_views : bool
        Average the features over the square's eight symmetries.
    n_support : int
        Images a class for `prototype_head`; 0 = the head stays.
    n_neighbours : int
        Of each image, for `spread_labels`, which comes last, from 20 images a class; 0 = each keeps its reading.
    """
    if batch_norm is not None:
        model = adapt_batch_norm(copy.deepcopy(model), cells, **batch_norm)
    features, logits = extract(model, cells, all_views=all_views)
    if n_support:
        head = prototype_head(
            copy.deepcopy(model.head).cpu(), *map(torch.as_tensor, (features, logits)), n_support=n_support
        )
        logits = head(torch.as_tensor(features)).detach().numpy()
    if n_neighbours:
        logits = spread_labels(features, logits, n_neighbours=n_neighbours)
    return features, logits


@torch.no_grad()
def adapt_batch_norm(
    model: Classifier,
    cells: CellImages,
    *,
    share: float = 1.0,
    even: bool = False,
    n_images: int = 1024,
    seed: int = 0,
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
    even : bool
        Draw the images so that the classes which the model itself predicts, after a first adaptation to images drawn at
        random, are equally frequent: the laboratory's look is wanted, not its mix.
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
    NeurIPS 2020; prediction-balanced sampling: Gong et al., "NOTE: robust continual test-time adaptation against
    temporal correlation", NeurIPS 2022.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        raise ValueError("the model has no batch norm to adapt")
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; expected 0 (nothing changes) to 1 (the new statistics alone)")
    model.eval()
    old = [(layer.running_mean.clone(), layer.running_var.clone()) for layer in layers]
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(cells), generator=generator)[:n_images].numpy()
    _mix_statistics(model, layers, old, cells.images[rows], share)
    if even:
        predicted = extract(model, cells)[1].argmax(1)
        weights = torch.as_tensor(1 / np.bincount(predicted)[predicted])
        rows = torch.multinomial(weights, n_images, replacement=True, generator=generator).numpy()
        _mix_statistics(model, layers, old, cells.images[rows], share)
    return model


def _mix_statistics(model: Classifier, layers: list[nn.Module], old: list, images: np.ndarray, share: float) -> None:
    """Set each layer's statistics to those of a mixture of the old images and these."""
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.train().momentum = None  # the plain mean over batches
    for part in np.array_split(images, max(1, round(len(images) / 64))):
        model.features(as_tensor(part, next(model.parameters()).device))
    for layer, (mean, variance), momentum in zip(layers, old, momenta, strict=True):
        shift = (layer.running_mean - mean).square()
        layer.running_mean.lerp_(mean, 1 - share)
        layer.running_var.lerp_(variance, 1 - share).add_(shift, alpha=share * (1 - share))
        layer.eval().momentum = momentum
