"""The memory of BoDA: one centroid per domain-class pair, from the batches or from full passes."""

import torch
from torch import Tensor, nn

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.losses.checks import check_batch, check_number, check_range, wide

__all__ = ["Centroids", "pair_sums"]


class Centroids(nn.Module):
    r"""Centroids without gradient, kept in one of two ways.

    `update` with every batch: :math:`\mu` is the mean of all images seen so far, an image of t steps ago weighing
    ``momentum**t``. The weights are summed beside it, so nothing is biased towards a starting value.

    `refresh` with the whole training set: :math:`\mu \leftarrow (1-m) \cdot \mathrm{fresh} + m \cdot \mathrm{old}`
    with m = `old_weight`. Either way the first value of a pair overwrites.

    Parameters
    ----------
    n_domains, n_classes, n_features : int
    momentum : float in [0, 1], default=0.98
        1 never forgets; 0.98 remembers about 50 steps.
    old_weight : float in [0, 1), default=0.2
        m of `refresh`; 0.2 in the reference code.

    Attributes
    ----------
    mean : Tensor, shape (D, C, h)
    seen : Tensor, shape (D, C)
        Summed weights of the images that `update` saw.
    initialised : Tensor of bool, shape (D, C)
        Whether the pair has a centroid.

    Raises
    ------
    ValueError
        A number out of range.

    Examples
    --------
    >>> centroids, pair = Centroids(1, 1, 1), torch.tensor([0])
    >>> for fresh in (1.0, 2.0, 3.0):
    ...     centroids.refresh(torch.tensor([[fresh]]), pair, pair)
    ...     print(round(centroids.mean.item(), 6))
    1.0
    1.8
    2.76
    """

    def __init__(self, n_domains, n_classes, n_features, *, momentum=0.98, old_weight=0.2):
        super().__init__()
        for name, value in (("n_domains", n_domains), ("n_classes", n_classes), ("n_features", n_features)):
            whole_number(name, value, least=1)
        check_number("momentum", momentum, zero=True)
        check_number("old_weight", old_weight, zero=True)
        if momentum > 1 or old_weight >= 1:
            raise ValueError(f"got {momentum=}, {old_weight=}; expected 0 <= momentum <= 1, 0 <= old_weight < 1")
        self.momentum, self.old_weight = momentum, old_weight
        self.register_buffer("mean", torch.zeros(n_domains, n_classes, n_features))
        self.register_buffer("seen", torch.zeros(n_domains, n_classes))
        self.register_buffer("initialised", torch.zeros(n_domains, n_classes, dtype=torch.bool))

    def known(self) -> Tensor:
        """Return the centroids (D, C, h); nan where there is none yet, so that `boda_loss` takes it as absent."""
        return torch.where(self.initialised[..., None], self.mean, torch.nan)

    @torch.no_grad()
    def update(self, features: Tensor, labels: Tensor, domains: Tensor) -> None:
        """Take in one batch that was checked; nothing in it makes a graphics card wait."""
        sums, counts = unchecked_pair_sums(features, labels, domains, self.seen.shape)
        new = (counts > 0) & sums.isfinite().all(-1)  # a batch that overflowed teaches nothing
        seen = self.momentum * self.seen + counts * new
        step = (sums - counts[..., None] * self.mean) / seen.clamp_min(1)[..., None]
        self._store(new, self.mean + step)
        self.seen.copy_(seen)

    @torch.no_grad()
    def refresh(self, features: Tensor, labels: Tensor, domains: Tensor) -> None:
        """Take in the whole training set; a pair without an image keeps its centroid."""
        sums, counts = pair_sums(features, labels, domains, self.seen.shape)
        fresh = sums / counts.clamp_min(1)[..., None]
        mixed = (1 - self.old_weight) * fresh + self.old_weight * self.mean
        new = (counts > 0) & fresh.isfinite().all(-1)
        self._store(new, torch.where(self.initialised[..., None], mixed, fresh))

    def _store(self, new: Tensor, values: Tensor) -> None:
        self.mean.copy_(torch.where(new[..., None], values, self.mean))
        self.initialised |= new


def pair_sums(features: Tensor, labels: Tensor, domains: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Sum features and count images per domain-class pair.

    Parameters
    ----------
    features : Tensor, shape (N, h)
    labels, domains : Tensor of int64, shape (N,)
    shape : (D, C)

    Returns
    -------
    sums : Tensor, shape (D, C, h)
    counts : Tensor, shape (D, C)

    Raises
    ------
    ValueError
        A label or domain outside the table; shapes, dtypes or devices that do not fit together.

    Examples
    --------
    >>> sums, n = pair_sums(torch.tensor([[1.0], [2.0]]), torch.tensor([1, 1]), torch.tensor([0, 0]), (1, 2))
    >>> sums.tolist(), n.tolist()
    ([[[0.0], [3.0]]], [[0.0, 2.0]])
    """
    features, labels, domains = check_batch(features, labels=labels, domains=domains)
    check_range("domains", domains, shape[0])
    check_range("labels", labels, shape[1])
    return unchecked_pair_sums(features, labels, domains, shape)


def unchecked_pair_sums(features: Tensor, labels: Tensor, domains: Tensor, shape) -> tuple[Tensor, Tensor]:
    """Compute `pair_sums` from arguments that are known to be right; nothing in it makes a graphics card wait."""
    pair = torch.arange(shape[0] * shape[1], device=labels.device)
    member = (domains * shape[1] + labels)[:, None] == pair  # (N, D*C)
    member = member.to(wide(features.device))
    sums, counts = member.T @ features.detach().to(member.dtype), member.sum(0)  # (D*C, h), (D*C,)
    return sums.view(*shape, -1), counts.view(shape)
