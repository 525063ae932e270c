"""CORAL: the gap between the domains' means and covariances, without an (h, h) matrix."""

import torch
from torch import Tensor

from wbc_tutorial.losses.checks import check_batch, check_finite, wide

__all__ = ["VARIANTS", "coral_loss", "unchecked_coral_loss"]

VARIANTS = ("reference", "deep")
"""The reference code's form, with a term for the means; Deep CORAL as it was published, without."""


def coral_loss(features: Tensor, domains: Tensor, *, variant: str = "reference") -> Tensor:
    r"""Penalise domains whose features differ in mean and covariance.

    For two domains X (n, h) and Y (m, h) with covariances :math:`C` (unbiased), averaged over all pairs of domains:

    .. math:: \frac1h \sum_j (\bar X_j - \bar Y_j)^2 + \frac1{h^2} \sum_{jk} (C_X - C_Y)_{jk}^2

    ``variant="deep"`` is Deep CORAL as published: :math:`\lVert C_X - C_Y \rVert_F^2 / (4h^2)`, no mean term.
    No (h, h) matrix is built: with centred rows
    :math:`\langle C_X, C_Y \rangle = \lVert \tilde X \tilde Y^\top \rVert_F^2 / ((n-1)(m-1))`, all in one (N, N) table.

    Parameters
    ----------
    features : Tensor, shape (N, h)
    domains : Tensor of int64, shape (N,)
        Any numbers; a domain with fewer than two images in the batch is left out.
    variant : {"reference", "deep"}, default="reference"

    Returns
    -------
    Tensor, shape (), float32 or float64; 0 with a graph when fewer than two domains are left

    Raises
    ------
    ValueError
        Unknown variant; a feature that is not finite; shapes, dtypes or devices that do not fit together.

    See Also
    --------
    wbc_tutorial.CORAL : this loss times a weight, as a module for the training loop.

    References
    ----------
    Sun, Saenko. Deep CORAL. ECCV workshops 2016; mean term and weights as in the multi-domain long-tail code.

    Examples
    --------
    >>> x = torch.tensor([(0, 0), (2, 0), (0, 2), (2, 2), (1, 1), (3, 1), (2, 4)], dtype=torch.float64)
    >>> d = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    >>> round(coral_loss(x, d).item(), 12), round(coral_loss(x, d, variant="deep").item(), 12)
    (1.722222222222, 0.180555555556)
    """
    check_variant(variant)
    features, domains = check_batch(features, domains=domains)
    check_finite("features", features)
    return unchecked_coral_loss(features, domains, torch.unique(domains), variant=variant)


def check_variant(variant: str) -> None:
    """Raise ValueError unless there is such a variant."""
    if variant not in VARIANTS:
        raise ValueError(f"variant: got {variant!r}, expected one of {VARIANTS}")


def unchecked_coral_loss(features: Tensor, domains: Tensor, numbers: Tensor, *, variant: str) -> Tensor:
    """Compute `coral_loss` from arguments that are known to be right; `numbers` are those of the D domains."""
    member = domains[:, None] == numbers  # (N, D)
    return _CovarianceGap.apply(features, member.to(wide(features.device)), variant == "deep")


class _CovarianceGap(torch.autograd.Function):
    r"""CORAL's value and gradient by hand: twice as fast as recorded step by step.

    With :math:`K = \tilde X \tilde X^\top` (N, N) of the centred rows, the covariance part is
    :math:`\sum_{ij} W_{ij} K_{ij}^2`, where W depends on the domains of i and j alone; its gradient is
    :math:`4 (W \circ K) \tilde X`, centred again. See `coral_loss` for what is computed.

    `apply` takes the features (N, h), `member` (N, D), which is 1 where the image belongs to the domain, and whether
    Deep CORAL is wanted: covariance / 4, no mean part. Nothing in it makes a graphics card wait.
    """

    @staticmethod
    def forward(ctx, features, member, deep):
        """Return the penalty, averaged over pairs of domains, and keep what the gradient needs."""
        sizes = member.sum(0)  # (D,)
        usable = (sizes > 1).to(member)  # (D,): one image has no covariance
        member = member * usable
        share = member / sizes.clamp_min(1)  # (N, D)
        h, n_domains = features.shape[1], usable.sum()
        n_pairs = (n_domains * (n_domains - 1) / 2).clamp_min(1)
        # for any p (D, ...): sum over pairs of domains |p_a - p_b|^2 = <p, contrast p>
        contrast = n_domains * torch.diag(usable) - torch.outer(usable, usable)  # (D, D)
        x = features.to(member.dtype)
        means = share.T @ x  # (D, h)
        centred = torch.addmm(x, member, means, alpha=-1)  # (N, h), each domain about its own mean
        gram = centred @ centred.T  # (N, N)
        degrees = (sizes - 1).clamp_min(1)
        weight = contrast / torch.outer(degrees, degrees) / (n_pairs * h**2 * (4 if deep else 1))  # (D, D)
        weighted = gram * (member @ weight @ member.T)  # (N, N)
        pull = 4 * (weighted - share @ (member.T @ weighted))  # (N, N): d covariance part / dx = pull @ centred
        toward = (0 if deep else 2 / (n_pairs * h)) * (contrast @ means)  # (D, h): d mean part / d means
        ctx.save_for_backward(pull, centred, share, toward)
        value = (weighted * gram).sum() + (toward * means).sum() / 2
        return value.clamp_min(0).to(features.dtype)  # rounding: -1e-17

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):
        """Return the gradient for the features."""
        pull, centred, share, toward = ctx.saved_tensors
        return torch.addmm(share @ toward, pull, centred).to(gradient.dtype) * gradient, None, None
