"""The classifier re-trained on frozen features: what makes BoDA+ of BoDA."""

import torch
import torch.nn.functional as F
from torch import nn

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.features import extract

__all__ = ["retrain_classifier"]


def retrain_classifier(
    model: Classifier,
    cells: CellImages,
    *,
    steps: int = 500,
    batch_size: int = 256,
    learning_rate: float = 1e-2,
    seed: int = 0,
) -> Classifier:
    """Re-train the linear head on class-balanced samples, the features frozen: BoDA_{r,c}, our reading of "Ours+".

    The features of all training images are computed once, without augmentation; a new head is drawn and trained with
    plain cross-entropy on samples that are class-balanced inside each laboratory (weight of an image:
    ``1 / (N[d, c] * classes present in d)``, each laboratory equally likely). Nothing but ``model.head`` changes:
    parameters and batch-norm buffers of the backbone stay bit for bit. The slides do not define "Ours+".

    Source: Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR 2020.
    """
    if not len(cells):
        raise ValueError("no training image: the classifier cannot be re-trained")
    device = next(model.parameters()).device
    features = torch.as_tensor(extract(model, cells)[0], device=device)
    labels = torch.as_tensor(cells.labels, device=device)
    counts = cells.counts
    present = (counts > 0).sum(axis=1)
    weights = torch.as_tensor(1 / (counts[cells.domains, cells.labels] * present[cells.domains]))
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model.head = nn.Linear(model.n_features, model.n_classes).to(device)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    for _ in range(steps):
        rows = torch.multinomial(weights, batch_size, replacement=True, generator=generator).to(device)
        loss = F.cross_entropy(model.head(features[rows]), labels[rows])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
    return model
