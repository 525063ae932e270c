"""The loop: cross-entropy plus, for the alignment methods, one more line.

Every method of the course runs through `fit`. Notebook 04 writes the same loop out by hand.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.losses.classification import cross_entropy
from wbc_tutorial.models import Classifier, freeze_batch_norm
from wbc_tutorial.training.batches import as_tensor, batches
from wbc_tutorial.training.device import Device, choose_device
from wbc_tutorial.training.features import extract
from wbc_tutorial.transforms.augmentation import augment

__all__ = ["History", "fit"]


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
    class_balanced: bool = False,
    frozen_batch_norm: bool = False,
    ema: float = 0.0,
    seed: int = 0,
    device: Device | str | None = None,
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
    class_balanced : bool
        Sample the classes of each laboratory equally often.
    frozen_batch_norm : bool
        Keep batch-norm statistics as they are (pretrained backbones).
    ema : float in [0, 1)
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
    place = choose_device(device)
    device = torch.device(place.name)
    generator = torch.Generator().manual_seed(seed)
    model.to(device, memory_format=torch.channels_last).train()
    parameters = list(model.parameters())
    if isinstance(alignment, nn.Module):
        alignment.to(device).train()
        parameters += list(alignment.parameters())
    if frozen_batch_norm:
        freeze_batch_norm(model)
    average = _moving_average(model, ema)
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    history, start = History(), time.perf_counter()
    order = batches(cells, steps, per_domain, generator, class_balanced)
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
        with place.autocast():
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
        raise ValueError(f"ema is {share}; expected 0 (off) to below 1")
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(share), use_buffers=True) if share else None


def refresh(alignment, model: Classifier, cells: CellImages) -> None:
    """Give the alignment the features of all training images, as the reference code does every 120 steps."""
    device = next(model.parameters()).device
    features, labels, domains = extract(model, cells)[0], cells.labels, cells.domains
    alignment.refresh(*(torch.as_tensor(values, device=device) for values in (features, labels, domains)))
