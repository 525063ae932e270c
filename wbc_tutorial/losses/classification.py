"""Classification losses: cross-entropy, and what students ask for besides alignment.

Each is a ``classification_loss(logits, labels, domains)`` for `wbc_tutorial.fit`; mixup brings its own
``augmentation`` too. Logits that are not finite give a loss that is not finite, which `wbc_tutorial.fit` reports.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.losses.checks import as_table, check_batch, check_number, check_range, readable
from wbc_tutorial.transforms.augmentation import augment

__all__ = ["GroupDRO", "Mixup", "balanced_softmax", "class_weighted", "cross_entropy"]

ClassificationLoss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``(logits (N, C), labels (N,), domains (N,)) -> scalar``."""


def cross_entropy(logits: Tensor, labels: Tensor, domains: Tensor | None = None) -> Tensor:
    r"""Return softmax cross-entropy, :math:`-\frac1N \sum_i \log \mathrm{softmax}(o_i)_{y_i}`: what ERM minimises.

    Parameters
    ----------
    logits : Tensor, shape (N, C)
    labels : Tensor of int64, shape (N,)
    domains : Tensor, default=None
        Not used: all classification losses are called alike.

    Raises
    ------
    ValueError
        No image; shapes, dtypes or devices that do not fit together; on the CPU, a label outside 0..C-1.

    Examples
    --------
    >>> round(cross_entropy(torch.zeros(2, 4), torch.tensor([0, 3])).item(), 4)  # log 4
    1.3863
    """
    return F.cross_entropy(*_checked(logits, labels))


def class_weighted(counts) -> ClassificationLoss:
    """Make a cross-entropy that weighs each image by ``1 / N_c``, N_c the training images of its class.

    Parameters
    ----------
    counts : int (C,) or (D, C)
        Training images; laboratories are summed. A class without images gets weight 0.

    Returns
    -------
    callable
        ``(logits, labels, domains) -> scalar``.

    Raises
    ------
    ValueError
        Counts that are negative, not finite, all 0, or of another shape.

    Examples
    --------
    >>> loss = class_weighted([3, 1])
    >>> logits = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    >>> round(loss(logits, torch.tensor([0, 1]), None).item(), 4)  # (0.1269 / 3 + 2.1269 / 1) / (1/3 + 1/1)
    1.6269
    """
    n = _per_class(counts)
    weight = torch.where(n > 0, n.sum() / n.clamp_min(1), 0.0)

    def weighted_cross_entropy(logits: Tensor, labels: Tensor, domains: Tensor | None) -> Tensor:
        logits, labels = _checked(logits, labels, n_classes=len(weight))
        return F.cross_entropy(logits, labels, weight.to(logits))

    return weighted_cross_entropy


def balanced_softmax(counts) -> ClassificationLoss:
    """Make a cross-entropy of ``logits + log N_c``: the logits need no longer say how common a class is.

    Parameters
    ----------
    counts : int (C,) or (D, C)
        Training images; laboratories are summed. A class without images is taken as 1.

    Returns
    -------
    callable
        ``(logits, labels, domains) -> scalar``.

    Raises
    ------
    ValueError
        Counts that are negative, not finite, all 0, or of another shape.

    Notes
    -----
    Source: Ren et al., "Balanced meta-softmax for long-tailed visual recognition", NeurIPS 2020; the same shift is
    the logit adjustment of Menon et al., ICLR 2021, with tau = 1.

    Examples
    --------
    >>> loss = balanced_softmax([3, 1])
    >>> round(loss(torch.zeros(1, 2), torch.tensor([1]), None).item(), 4)  # -log(1 / (3 + 1))
    1.3863
    """
    log_counts = _per_class(counts).clamp_min(1).log()

    def balanced_cross_entropy(logits: Tensor, labels: Tensor, domains: Tensor | None) -> Tensor:
        logits, labels = _checked(logits, labels, n_classes=len(log_counts))
        return F.cross_entropy(logits + log_counts.to(logits), labels)

    return balanced_cross_entropy


class GroupDRO:
    """Group DRO: weigh laboratories by their loss, ``sum_d q_d CE_d``, where ``q_d`` grows as ``exp(step * CE_d)``.

    Parameters
    ----------
    n_domains : int
    step : float, default=0.01
        How fast the weights follow the losses.

    Attributes
    ----------
    weights : Tensor, shape (D,)
        q, which sums to 1 and moves with every call.

    Raises
    ------
    ValueError
        A number out of range; in a call, what `cross_entropy` refuses, or a domain outside 0..D-1.

    Notes
    -----
    Source: Sagawa et al., "Distributionally robust neural networks", ICLR 2020; its step is 0.01 too.

    Examples
    --------
    >>> loss = GroupDRO(n_domains=2, step=1.0)
    >>> _ = loss(torch.tensor([[3.0, 0.0], [0.0, 3.0]]), torch.tensor([0, 0]), torch.tensor([0, 1]))
    >>> loss  # the second laboratory is named wrong
    GroupDRO(step=1.0, weights=[0.05, 0.95])
    """

    def __init__(self, n_domains: int, step: float = 0.01):
        whole_number("n_domains", n_domains, least=1)
        check_number("step", step, zero=False)
        self.weights, self.step = torch.full((n_domains,), 1 / n_domains), step

    def __repr__(self) -> str:
        return f"GroupDRO(step={self.step}, weights={[round(weight, 2) for weight in self.weights.tolist()]})"

    def __call__(self, logits: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
        """Move the weights towards the laboratories with the larger loss, and return the weighted loss."""
        logits, labels = _checked(logits, labels)
        _, domains = check_batch(logits, name="logits", domains=domains)
        if readable(domains):
            check_range("domains", domains, len(self.weights))
        each = F.cross_entropy(logits, labels, reduction="none")  # (N,)
        numbers = torch.arange(len(self.weights), device=domains.device)
        member = (domains[:, None] == numbers).to(each.dtype)  # (N, D); its product adds in a fixed order on any device
        losses = each @ member / member.sum(0).clamp_min(1)  # (D,)
        self.weights = self.weights.to(losses.device) * (self.step * losses.detach()).exp()
        self.weights = self.weights / self.weights.sum()
        return self.weights.to(losses.dtype) @ losses


class Mixup:
    """Mixup: train on mixed images ``l x + (1 - l) x'`` with the loss ``l CE(y) + (1 - l) CE(y')``, l from Beta(a, a).

    Use both parts: ``fit(..., augmentation=mixup.augment, classification_loss=mixup)``.

    Parameters
    ----------
    a : float, default=0.2
        Near 0 one image of the two prevails; 1 = all mixtures are equally likely.
    before : callable, default=wbc_tutorial.augment
        ``(images, generator) -> images``, the augmentation of single images.

    Attributes
    ----------
    share : float
        l of the batch that was mixed last.
    partner : Tensor of int64, shape (N,)
        Which image of the batch each was mixed with; None before the first batch.

    Raises
    ------
    ValueError
        An `a` that is not above 0; in a call, what `cross_entropy` refuses, or logits of a batch that was not mixed.

    Notes
    -----
    Source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.

    Examples
    --------
    >>> mixup = Mixup(before=lambda images, generator: images)
    >>> mixed = mixup.augment(torch.rand(4, 3, 8, 8), torch.Generator().manual_seed(0))
    >>> mixup(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0]), None).item() > 0
    True
    """

    def __init__(self, a: float = 0.2, before: Callable[[Tensor, torch.Generator], Tensor] = augment):
        check_number("a", a, zero=False)
        self.a, self.before, self.share = a, before, 1.0
        self.partner: Tensor | None = None

    def __repr__(self) -> str:
        return f"Mixup(a={self.a})"

    def augment(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment each image, then mix it with a random other of the batch."""
        x, y = torch._standard_gamma(torch.full((2,), self.a), generator=generator).clamp_min(1e-9)
        self.share = float(x / (x + y))
        self.partner = torch.randperm(len(images), generator=generator).to(images.device)
        images = self.before(images, generator)
        return self.share * images + (1 - self.share) * images[self.partner]

    def __call__(self, logits: Tensor, labels: Tensor, domains: Tensor | None) -> Tensor:
        """Return the mixed loss of the batch that `augment` mixed last."""
        logits, labels = _checked(logits, labels)
        if self.partner is None or len(self.partner) != len(labels):
            raise ValueError(
                f"got logits of {len(labels)} images, expected those of the batch that was mixed last; "
                "use both parts: fit(..., augmentation=mixup.augment, classification_loss=mixup)"
            )
        own, other = F.cross_entropy(logits, labels), F.cross_entropy(logits, labels[self.partner])
        return self.share * own + (1 - self.share) * other


def _checked(logits: Tensor, labels: Tensor, n_classes: int | None = None) -> tuple[Tensor, Tensor]:
    """Return logits (N, C) and labels (N,) that fit together, or say what is wrong with them."""
    logits, labels = check_batch(logits, name="logits", labels=labels)
    if not len(logits):
        raise ValueError("logits: got no image, expected at least one; check how the batch was selected")
    if n_classes is not None and logits.shape[1] != n_classes:
        raise ValueError(f"logits: got {logits.shape[1]} classes, expected {n_classes}, as many as there are counts")
    if readable(labels):
        check_range("labels", labels, logits.shape[1])
    return logits, labels


def _per_class(counts) -> Tensor:
    """Return the training images of each class, (C,), or say what is wrong with the counts."""
    table = as_table("counts", counts, torch.empty(0))
    table = table.sum(0) if table.ndim == 2 else table
    if table.ndim != 1 or not len(table) or not (table.isfinite() & (table >= 0)).all() or table.sum() == 0:
        raise ValueError(f"counts {table.tolist()}: expected training images per class, (C,) or (D, C), not all 0")
    return table
