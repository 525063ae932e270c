"""Floor 4, the loop: cross-entropy plus, for the alignment methods, one more line; and the classifier re-trained.

Every method of the course runs through `fit`. Notebook 04 writes the same loop out by hand.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from wbc_tutorial.augmentation import augment, symmetries
from wbc_tutorial.baselines import cross_entropy
from wbc_tutorial.batches import as_tensor, batches
from wbc_tutorial.cell_images import CellImages
from wbc_tutorial.models import Classifier, freeze_batch_norm

__all__ = ["History", "best_device", "extract", "fit", "retrain_classifier", "seed_everything"]


def seed_everything(seed: int) -> None:
    """Make what follows repeatable: same seed, same machine, same number of threads give the same result.

    Across machines the last digits differ, because sums are taken in another order.
    """
    torch.manual_seed(seed)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def best_device() -> torch.device:
    """Return the GPU when there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class History:
    """What `fit` leaves behind: one number a step, and how long a step took."""

    loss: list[float] = field(default_factory=list)
    alignment: list[float] = field(default_factory=list)
    seconds_per_step: float = float("nan")


def fit(
    model: Classifier,
    cells: CellImages,
    *,
    alignment: Callable[..., Tensor] | None = None,
    steps: int = 400,
    per_domain: int = 24,
    learning_rate: float = 2e-3,
    classification_loss: Callable[[Tensor, Tensor, Tensor], Tensor] = cross_entropy,
    augmentation: Callable[[Tensor, torch.Generator], Tensor] | None = augment,
    balanced: bool = False,
    frozen_batch_norm: bool = False,
    averaging: float = 0.0,
    seed: int = 0,
    device: torch.device | str | None = None,
    progress: str | None = "training",
) -> History:
    """Train `model` in place on ``cross_entropy(logits, labels) + alignment(features, labels, domains, progress)``.

    Without `alignment` this is ERM; ``alignment.CORAL()``, ``alignment.DANN(...)`` or ``alignment.BoDA(...)`` make it
    the others. Adam, the learning rate following a cosine to 0; each batch holds `per_domain` images of every
    laboratory; bfloat16 on a GPU.

    Parameters
    ----------
    model : Classifier
    cells : CellImages
        Training images only.
    alignment : callable, optional
        One of `wbc_tutorial.alignment`; its parameters (DANN's discriminator) are trained too.
    steps, per_domain, learning_rate : int, int, float
        Batches, images per laboratory in each, Adam's peak rate.
    classification_loss : callable
        ``(logits, labels, domains) -> scalar``; others stand in `wbc_tutorial.baselines`.
    augmentation : callable or None
        ``(images, generator) -> images``.
    balanced : bool
        Sample the classes of each laboratory equally often.
    frozen_batch_norm : bool
        Keep batch-norm statistics as they are (pretrained backbones).
    averaging : float in [0, 1)
        Leave the exponential moving average of the weights, this the share of the old; 0 = the last step's.
    seed : int
        Order of the images and their augmentation.
    progress : str or None
        Label of the progress bar; None = no bar.

    Returns
    -------
    History
    """
    if steps < 1 or per_domain < 1:
        raise ValueError(f"steps is {steps} and per_domain {per_domain}; both must be 1 or more")
    device = best_device() if device is None else torch.device(device)
    generator = torch.Generator().manual_seed(seed)
    model.to(device, memory_format=torch.channels_last).train()
    parameters = list(model.parameters())
    if isinstance(alignment, nn.Module):
        alignment.to(device).train()
        parameters += list(alignment.parameters())
    if frozen_batch_norm:
        freeze_batch_norm(model)
    average = _moving_average(model, averaging)
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    history, start = History(), time.perf_counter()
    order = batches(cells, steps, per_domain, generator, balanced)
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    calm = 0.1 if watched else 15  # seconds between two states of the bar: a log needs few
    bar = tqdm(order, desc=progress, total=steps, disable=progress is None, leave=False, mininterval=calm)
    for step, rows in enumerate(bar):
        if getattr(alignment, "wants_refresh", lambda _: False)(step):
            refresh(alignment, model, cells)
            model.train()
            if frozen_batch_norm:
                freeze_batch_norm(model)
        images = as_tensor(cells.images[rows], device)
        labels = torch.as_tensor(cells.labels[rows], device=device)
        domains = torch.as_tensor(cells.domains[rows], device=device)
        if augmentation is not None:
            images = augmentation(images, generator)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            features = model.features(images)
            logits = model.head(features)
        loss = classification_loss(logits.float(), labels, domains)
        if alignment is not None:  # the one line that tells CORAL, DANN and BoDA from ERM
            penalty = alignment(features.float(), labels, domains, step / steps)
            history.alignment.append(penalty.detach())
            loss = loss + penalty
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if average is not None:
            average.update_parameters(model)
        history.loss.append(loss.detach())
    if average is not None:
        model.load_state_dict(average.module.state_dict())
    _finish(history, learning_rate)
    history.seconds_per_step = (time.perf_counter() - start) / steps
    return history


def _finish(history: History, learning_rate: float) -> None:
    """Turn tensors into numbers, all at once: asking for each as it came would make a GPU wait."""
    history.loss = torch.stack(history.loss).tolist()
    history.alignment = torch.stack(history.alignment).tolist() if history.alignment else []
    if not np.all(np.isfinite(history.loss)):
        first = int(np.argmin(np.isfinite(history.loss)))
        raise FloatingPointError(f"the loss is not finite from step {first} on: lower learning_rate ({learning_rate})")


def _moving_average(model: Classifier, share: float) -> AveragedModel | None:
    if not 0 <= share < 1:
        raise ValueError(f"averaging is {share}; expected 0 (off) to below 1")
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(share), use_buffers=True) if share else None


def refresh(alignment, model: Classifier, cells: CellImages) -> None:
    """Give the alignment the features of all training images, as the reference code does every 120 steps."""
    device = next(model.parameters()).device
    features, labels, domains = extract(model, cells)[0], cells.labels, cells.domains
    alignment.refresh(*(torch.as_tensor(values, device=device) for values in (features, labels, domains)))


@torch.inference_mode()
def extract(
    model: Classifier, cells: CellImages, batch_size: int = 64, *, all_views: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, h) and logits (N, C) of all images, as float32 arrays; the model is set to evaluation.

    With `all_views` an image's features are the mean over the square's eight symmetries, and its logits those of the
    mean; the head is linear, so they are the mean logits too.
    """
    model.eval()
    device = next(model.parameters()).device
    features, logits = [], []
    for start in range(0, len(cells), batch_size):
        images = as_tensor(cells.images[np.arange(start, min(start + batch_size, len(cells)))], device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            views = symmetries(images) if all_views else (images,)
            latent = sum(model.features(view) for view in views) / len(views)
            logits.append(model.head(latent).float().cpu())
        features.append(latent.float().cpu())
    return torch.cat(features).numpy(), torch.cat(logits).numpy()


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
