"""The training loop: cross-entropy plus, for the alignment methods, one more line.

Every method of the course runs through `fit`. Notebook 04 writes the same loop out by hand.
"""

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm.auto import tqdm

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.losses.checks import check_number
from wbc_tutorial.losses.classification import cross_entropy
from wbc_tutorial.models import Classifier, freeze_batch_norm
from wbc_tutorial.training.alignment import Alignment
from wbc_tutorial.training.batches import as_tensor, batches
from wbc_tutorial.training.device import Device, choose_device
from wbc_tutorial.training.features import check_model_and_cells, extract
from wbc_tutorial.training.frozen import FrozenViews
from wbc_tutorial.transforms.augmentation import augment

__all__ = ["History", "fit"]

LOOK_EVERY = 100
"""Steps between two looks at the losses. A look makes a graphics card wait; training that diverged stops there."""


@dataclass(repr=False)
class History:
    """What `fit` leaves behind: one number a step, and how long a step took.

    Attributes
    ----------
    loss : list of float
        Cross-entropy plus the weighted alignment penalty.
    alignment : list of float
        The weighted penalty alone; empty without alignment.
    seconds_per_step : float
    """

    loss: list[float] = field(default_factory=list)
    alignment: list[float] = field(default_factory=list)
    seconds_per_step: float = float("nan")

    def __repr__(self) -> str:
        if not self.loss:
            return "History(no steps)"
        each = f"{self.seconds_per_step:.3f} s a step"
        return f"History({len(self.loss)} steps, loss {self.loss[0]:.3f} -> {self.loss[-1]:.3f}, {each})"


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

    Without `alignment` this is ERM; `wbc_tutorial.CORAL`, `wbc_tutorial.DANN` or `wbc_tutorial.BoDA` make it the
    others. Adam, the learning rate following a cosine to 0; each batch holds `per_domain` images of every laboratory.

    Parameters
    ----------
    model : Classifier
        Such as ``wbc.small_cnn(n_classes=13)``, with as many classes as `cells`.
    cells : CellImages
        Training images only. The model remembers their classes: see `wbc_tutorial.save_model`.
    alignment : callable, default=None
        ``wbc.CORAL()``, ``wbc.DANN(n_features, n_domains)`` or ``wbc.BoDA(counts, n_features)``; its parameters
        (DANN's discriminator) are trained too.
    steps : int, default=400
        Training batches.
    per_domain : int, default=24
        Images of each laboratory in a batch.
    learning_rate : float, default=2e-3
        Adam's peak rate: 2e-3 suits `small_cnn`; a pretrained backbone takes about a tenth of it.
    classification_loss : callable, default=cross_entropy
        ``(logits, labels, domains) -> scalar``; others are in `wbc_tutorial.losses`.
    augmentation : callable or None, default=augment
        ``(images, generator) -> images``; None = images as they are. For a model on a frozen network it draws
        one more view of each image, once.
    class_balanced : bool, default=False
        Sample the classes of each laboratory equally often.
    frozen_batch_norm : bool, default=False
        Keep batch-norm statistics as they are (pretrained backbones).
    ema : float in [0, 1), default=0.0
        The tested weights are an exponential moving average over the steps; this is the weight of the old ones. 0 =
        the weights of the last step.
    seed : int, default=0
        Order of the images and their augmentation. `wbc_tutorial.seed_everything` sets the network's first weights.
    device : Device or str, default=None
        Where to train; None = `wbc_tutorial.choose_device`, which also says in which precision.
    progress : str or None, default="training"
        Label of the progress bar; None = no bar.

    Returns
    -------
    History
        ``loss`` and ``alignment``, one number per step, and ``seconds_per_step``.

    Raises
    ------
    ValueError
        For an argument of another kind or out of range, or a laboratory without training images; before any step.
    FloatingPointError
        When training diverges: a loss, a penalty or a weight that is not finite.

    See Also
    --------
    wbc_tutorial.predict : the logits of other images.
    wbc_tutorial.retrain_classifier : a new head on frozen features, which makes BoDA+ of BoDA.

    Examples
    --------
    >>> import numpy as np
    >>> from wbc_tutorial.models import small_cnn
    >>> images = np.random.default_rng(0).integers(0, 256, (8, 3, 16, 16), dtype=np.uint8)
    >>> cells = CellImages(images, np.arange(8) % 2, np.arange(8) // 4, ("a", "b"), ("lab1", "lab2"))
    >>> history = fit(small_cnn(n_classes=2, width=4), cells, steps=3, per_domain=2, progress=None)
    >>> len(history.loss), history.alignment
    (3, [])
    """
    check_model_and_cells(model, cells)
    _check_numbers(steps, per_domain, learning_rate, ema, seed)
    _check_callables(alignment, classification_loss, augmentation)
    place, generator = choose_device(device), torch.Generator().manual_seed(seed)
    order = batches(cells, steps, per_domain, generator, class_balanced)
    parameters = _ready(model, alignment, cells, place, frozen_batch_norm)
    views = FrozenViews(model, cells, augmentation, progress) if model.trunk is not None else None
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(ema), use_buffers=True) if ema else None
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    losses: list[Tensor] = []
    penalties: list[Tensor] = []
    start = time.perf_counter()
    for step, rows in enumerate(_bar(order, steps, progress)):
        if isinstance(alignment, Alignment) and alignment.wants_refresh(step):
            refresh(alignment, model, cells)
            _train_mode(model, frozen_batch_norm)
        images, labels, domains = _batch(cells, rows, place)
        if augmentation is not None and views is None:
            images = augmentation(images, generator)
        with place.autocast():
            if views is None:
                features = model.features(images)  # (N, h)
            else:
                features = model.backbone(views.batch(rows, generator).to(images.device))  # of a frozen network
            logits = model.head(features)  # (N, C)
        loss = _scalar("classification_loss", classification_loss(logits.float(), labels, domains))
        if alignment is not None:  # the one line that tells CORAL, DANN and BoDA from ERM
            penalty = _scalar("alignment", alignment(features.float(), labels, domains, step / steps))
            penalties.append(penalty.detach())
            loss = loss + penalty
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if average is not None:
            average.update_parameters(model)
        losses.append(loss.detach())
        if len(losses) % LOOK_EVERY == 0:
            _stop_if_diverged(losses, penalties, learning_rate)
    _stop_if_diverged(losses, penalties, learning_rate)
    if average is not None:
        model.load_state_dict(average.module.state_dict())
    _stop_if_weights_are_lost(model, learning_rate)
    model.classes = cells.classes
    seconds = (time.perf_counter() - start) / steps
    return History(torch.stack(losses).tolist(), torch.stack(penalties).tolist() if penalties else [], seconds)


def _scalar(name: str, value) -> Tensor:
    """Return a loss, or say that a function of the user's own returns something else, such as nothing."""
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.squeeze()
    given = f"a tensor {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
    raise ValueError(f"{name}: it returned {given}, expected a scalar tensor, such as the mean over the batch")


def _ready(
    model: Classifier, alignment: Callable | None, cells: CellImages, place: Device, frozen_batch_norm: bool
) -> list[nn.Parameter]:
    """Check the alignment against all training images, put it and the model in their place, return what is trained."""
    if isinstance(alignment, Alignment):
        alignment.check_width(model.n_features)
        alignment.check_training_set(cells.labels, cells.domains)
    model.to(torch.device(place.name), memory_format=torch.channels_last)
    _train_mode(model, frozen_batch_norm)
    parameters = list(model.parameters())
    if isinstance(alignment, nn.Module):
        alignment.to(torch.device(place.name)).train()
        parameters += list(alignment.parameters())
    return parameters


def _train_mode(model: Classifier, frozen_batch_norm: bool) -> None:
    model.train()
    if frozen_batch_norm:
        freeze_batch_norm(model)


def _batch(cells: CellImages, rows: np.ndarray, place: Device) -> tuple[Tensor, Tensor, Tensor]:
    """Return images (N, 3, S, S), labels (N,) and domains (N,) of these rows on the device."""
    device = torch.device(place.name)
    labels, domains = (torch.as_tensor(ids[rows], device=device) for ids in (cells.labels, cells.domains))
    return as_tensor(cells.images[rows], device), labels, domains


def _bar(order: Iterator[np.ndarray], steps: int, label: str | None) -> Iterator[np.ndarray]:
    """Yield the batches behind a progress bar, which a terminal or a notebook sees move, and a log sees rarely."""
    watched = sys.stderr.isatty() or "ipykernel" in sys.modules
    calm = 0.1 if watched else 15  # seconds between two states of the bar
    return tqdm(order, desc=label, total=steps, disable=label is None, leave=False, mininterval=calm)


def refresh(alignment, model: Classifier, cells: CellImages) -> None:
    """Give the alignment the features of all training images, as the reference code does every 120 steps."""
    device = next(model.parameters()).device
    features, labels, domains = extract(model, cells)[0], cells.labels, cells.domains
    alignment.refresh(*(torch.as_tensor(values, device=device) for values in (features, labels, domains)))


def _stop_if_diverged(losses: list[Tensor], penalties: list[Tensor], learning_rate: float) -> None:
    """Raise FloatingPointError if one of the last losses is not finite; a look at many at once costs little."""
    since = max(0, len(losses) - LOOK_EVERY)
    finite = torch.stack(losses[since:]).isfinite().tolist()
    if all(finite):
        return
    first = since + finite.index(False)
    what, also = "the loss is", ""
    if penalties and not penalties[first].isfinite():
        what, also = "the loss and the alignment penalty are", " or the alignment's weight"
    raise FloatingPointError(f"{what} not finite from step {first} on: lower learning_rate ({learning_rate}){also}")


def _stop_if_weights_are_lost(model: Classifier, learning_rate: float) -> None:
    """Raise FloatingPointError if a weight or a batch-norm statistic is not finite."""
    for name, values in model.state_dict().items():
        if not values.isfinite().all():
            raise FloatingPointError(
                f"{name} of the trained model is not finite: lower learning_rate ({learning_rate})"
            )


def _check_numbers(steps: int, per_domain: int, learning_rate: float, ema: float, seed: int) -> None:
    whole_number("steps", steps, least=1)
    whole_number("per_domain", per_domain, least=1)
    check_number("learning_rate", learning_rate, zero=False)
    if learning_rate > 1e30:  # beyond, Adam's own arithmetic overflows
        raise ValueError(f"learning_rate: got {learning_rate}, expected a number such as 2e-3")
    if not isinstance(ema, Real) or isinstance(ema, bool) or not 0 <= ema < 1:
        raise ValueError(f"ema: got {ema!r}, expected 0 (off) to below 1, such as 0.99")
    if whole_number("seed", seed) >= 2**63:
        raise ValueError(f"seed: got {seed}, expected a whole number below 2**63")


def _check_callables(alignment, classification_loss, augmentation) -> None:
    """Raise ValueError unless each can be called; a name or a class in place of an object is what happens most."""
    if alignment is not None and (isinstance(alignment, type) or not callable(alignment)):
        given = f"the class {alignment.__name__}" if isinstance(alignment, type) else repr(alignment)
        raise ValueError(
            f"alignment: got {given}, expected None or an object: wbc.CORAL(), "
            "wbc.DANN(model.n_features, n_domains) or wbc.BoDA(cells.counts, model.n_features)"
        )
    if not callable(classification_loss):
        raise ValueError(
            f"classification_loss: got {classification_loss!r}, expected a function (logits, labels, domains) -> "
            "scalar; leave it out for cross-entropy"
        )
    if augmentation is not None and not callable(augmentation):
        raise ValueError(
            f"augmentation: got {augmentation!r}, expected a function (images, generator) -> images, or None for none"
        )
