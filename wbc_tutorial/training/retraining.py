"""The classifier re-trained on frozen features: what makes BoDA+ of BoDA."""

import torch
import torch.nn.functional as F
from torch import nn

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.losses.checks import check_number
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.features import check_model_and_cells, extract

__all__ = ["retrain_classifier"]


def retrain_classifier(
    model: Classifier,
    cells: CellImages,
    *,
    steps: int = 500,
    batch_size: int = 256,
    learning_rate: float = 1e-2,
    class_balanced: bool = True,
    seed: int = 0,
) -> Classifier:
    """Re-train the linear head on class-balanced samples, the features frozen: BoDA_{r,c}, our reading of "Ours+".

    The features of all training images are computed once, without augmentation; a new head is drawn and trained in
    float32 with plain cross-entropy on samples that are class-balanced inside each laboratory (weight of an image:
    ``1 / (N[d, c] * classes present in d)``, each laboratory equally likely). Nothing but ``model.head`` changes:
    parameters and batch-norm buffers of the backbone stay bit for bit. The slides do not define "Ours+".

    Parameters
    ----------
    model : Classifier
        Trained; changed in place.
    cells : CellImages
        The training images.
    steps, batch_size : int, default=500, 256
    learning_rate : float, default=1e-2
        Adam's peak rate; it follows a cosine to 0.
    class_balanced : bool, default=True
        False draws every image equally often inside its laboratory (weight ``1 / N[d]``), common classes in the
        majority: the control that tells the new head from the new mix.
    seed : int, default=0
        Of the new head and of the samples.

    Returns
    -------
    Classifier
        The same model.

    Raises
    ------
    ValueError
        For no image, or an argument of another kind or out of range.
    FloatingPointError
        When the features or the new head are not finite.

    Notes
    -----
    Source: Kang et al., "Decoupling representation and classifier for long-tailed recognition", ICLR 2020.
    """
    check_model_and_cells(model, cells)
    whole_number("steps", steps, least=1)
    whole_number("batch_size", batch_size, least=1)
    check_number("learning_rate", learning_rate, zero=False)
    if not len(cells):
        raise ValueError("cells: got no training image; the classifier cannot be re-trained")
    device = next(model.parameters()).device
    features = torch.as_tensor(extract(model, cells)[0], device=device)  # (N, h)
    labels = torch.as_tensor(cells.labels, device=device)
    counts = cells.counts
    present = (counts > 0).sum(axis=1)
    of_pair, of_domain = counts[cells.domains, cells.labels] * present[cells.domains], counts.sum(axis=1)[cells.domains]
    weights = torch.as_tensor(1 / (of_pair if class_balanced else of_domain))
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
    if not all(bool(values.isfinite().all()) for values in model.head.parameters()):
        raise FloatingPointError(
            f"the re-trained head is not finite: lower learning_rate ({learning_rate}), or train the features again if "
            "they diverged"
        )
    return model
