"""What students ask for besides alignment: re-weighting, balanced softmax, group DRO and mixup.

Each is a ``classification_loss(logits, labels, domains)`` for `wbc_tutorial.training.fit`; mixup brings its own
``augmentation`` too.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from wbc_tutorial.transforms.augmentation import augment

__all__ = ["GroupDRO", "Mixup", "balanced_softmax", "class_weighted", "cross_entropy"]


def cross_entropy(logits: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
    """Softmax cross-entropy, the mean of ``-log softmax(logits)[label]``: what ERM minimises."""
    return F.cross_entropy(logits, labels)


def class_weighted(counts) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Cross-entropy with each image weighed by ``1 / N_c``, N_c the training images of its class.

    Parameters
    ----------
    counts : int (C,) or (D, C)
        Training images; laboratories are summed. A class without images gets weight 0.
    """
    n = _per_class(counts)
    weight = torch.where(n > 0, n.sum() / n.clamp_min(1), 0.0)
    return lambda logits, labels, domains: F.cross_entropy(logits, labels, weight.to(logits))


def balanced_softmax(counts) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Cross-entropy of ``logits + log N_c``: the logits need no longer say how common a class is.

    Parameters
    ----------
    counts : int (C,) or (D, C)
        Training images; laboratories are summed. A class without images is taken as 1.

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
    prior = _per_class(counts).clamp_min(1).log()
    return lambda logits, labels, domains: F.cross_entropy(logits + prior.to(logits), labels)


class GroupDRO:
    """Weigh laboratories by how badly they do: ``sum_d q_d CE_d`` with ``q_d`` growing as ``exp(step * CE_d)``.

    Parameters
    ----------
    n_domains : int
    step : float
        How fast the weights follow the losses; 0.01 in the source: Sagawa et al., "Distributionally robust neural
        networks", ICLR 2020.
    """

    def __init__(self, n_domains: int, step: float = 0.01):
        self.weights, self.step = torch.full((n_domains,), 1 / n_domains), step

    def __call__(self, logits: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
        """Move the weights towards the worse laboratories, and return the weighted loss."""
        each = F.cross_entropy(logits, labels, reduction="none")
        n = torch.bincount(domains, minlength=len(self.weights))
        losses = torch.zeros_like(n, dtype=each.dtype).index_add(0, domains, each) / n.clamp_min(1)
        self.weights = self.weights.to(losses.device) * (self.step * losses.detach()).exp()
        self.weights = self.weights / self.weights.sum()
        return self.weights @ losses


class Mixup:
    """Train on mixed pairs: images ``l x + (1 - l) x'``, loss ``l CE(y) + (1 - l) CE(y')``, l from Beta(a, a).

    Use both parts: ``fit(..., augmentation=mixup.augment, classification_loss=mixup)``.

    Parameters
    ----------
    a : float
        0.2 in the source: Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    before : callable
        ``(images, generator) -> images``, the augmentation of single images.
    """

    def __init__(self, a: float = 0.2, before: Callable[[Tensor, torch.Generator], Tensor] = augment):
        self.a, self.before, self.share, self.partner = a, before, 1.0, None

    def augment(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment each image, then mix it with a random other of the batch."""
        x, y = torch._standard_gamma(torch.full((2,), self.a), generator=generator).clamp_min(1e-9)
        self.share = float(x / (x + y))
        self.partner = torch.randperm(len(images), generator=generator).to(images.device)
        images = self.before(images, generator)
        return self.share * images + (1 - self.share) * images[self.partner]

    def __call__(self, logits: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
        """Return the mixed loss of the batch that `augment` mixed last."""
        own, other = F.cross_entropy(logits, labels), F.cross_entropy(logits, labels[self.partner])
        return self.share * own + (1 - self.share) * other


def _per_class(counts) -> Tensor:
    counts = torch.as_tensor(counts).float()
    counts = counts.sum(0) if counts.ndim == 2 else counts
    if counts.ndim != 1 or counts.min() < 0 or counts.sum() == 0:
        raise ValueError(f"counts {counts.tolist()}: expected training images per class, (C,) or (D, C), not all 0")
    return counts
