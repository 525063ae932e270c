"""CORAL: the gap between the domains' means and covariances, without an (h, h) matrix."""

import torch
import torch.nn.functional as F
from torch import Tensor

from wbc_tutorial.losses.checks import check_batch, wide

__all__ = ["CovarianceGap", "coral_loss"]


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
    variant : {"reference", "deep"}

    Returns
    -------
    Tensor, shape (), float32 or float64; 0 with a graph when fewer than two domains are left

    Raises
    ------
    ValueError
        Unknown variant; shapes or dtypes that do not fit together.

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
    if variant not in ("reference", "deep"):
        raise ValueError(f"variant: got {variant!r}, expected 'reference' or 'deep'")
    features, domains = check_batch(features, domains=domains)
    _, owner, sizes = torch.unique(domains, return_inverse=True, return_counts=True)
    if (sizes > 1).sum() < 2:
        return features[:0].sum()
    member = F.one_hot(owner, len(sizes)).to(wide(features.device))[:, sizes > 1]  # (N, D)
    return CovarianceGap.apply(features, member, sizes[sizes > 1], variant == "deep")


class CovarianceGap(torch.autograd.Function):
    r"""CORAL's value and gradient by hand: twice as fast as recorded step by step.

    With :math:`K = \tilde X \tilde X^\top` (N, N) of the centred rows, the covariance part is
    :math:`\sum_{ij} W_{ij} K_{ij}^2`, where W depends on the domains of i and j alone; its gradient is
    :math:`4 (W \circ K) \tilde X`, centred again. See `wbc_tutorial.losses.coral_loss` for what is computed.

    Parameters of ``apply``
    -----------------------
    features : Tensor, shape (N, h)
    member : Tensor, shape (N, D)
        1 where the image belongs to the domain; rows of zeros are left out.
    sizes : Tensor, shape (D,)
        Images of each domain, 2 or more.
    deep : bool
        Deep CORAL's weights: covariance / 4, no mean part.
    """

    @staticmethod
    def forward(ctx, features, member, sizes, deep):
        """Return the penalty, averaged over pairs of domains, and keep what the gradient needs."""
        h, n_domains = features.shape[1], len(sizes)
        n_pairs, share = n_domains * (n_domains - 1) / 2, member / sizes  # (N, D)
        contrast = n_domains * torch.eye(n_domains).to(member) - 1  # sum over pairs |p_a - p_b|^2 = <p, contrast p>
        x = features.to(member.dtype)
        means = share.T @ x  # (D, h)
        centred = torch.addmm(x, member, means, alpha=-1)  # (N, h), each domain about its own mean
        gram = centred @ centred.T  # (N, N)
        weight = contrast / torch.outer(sizes - 1, sizes - 1) / (n_pairs * h**2 * (4 if deep else 1))  # (D, D)
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
        return torch.addmm(share @ toward, pull, centred).to(gradient.dtype) * gradient, None, None, None
