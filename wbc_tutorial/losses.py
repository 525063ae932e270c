"""Floor 3, the losses as pure functions: CORAL, gradient reversal and the domain-adversarial loss, BoDA."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from wbc_tutorial.covariances import CovarianceGap
from wbc_tutorial.distances import check_batch, check_number, check_range, scaled_distances, wide
from wbc_tutorial.transferability import Transferability, boda_image_bounds, boda_lower_bound, transferability

__all__ = ["REDUCTIONS", "boda_loss", "coral_loss", "domain_adversarial_loss", "reversal_strength", "reverse_gradient"]
__all__ += ["Transferability", "boda_image_bounds", "boda_lower_bound", "transferability"]  # from the room next door

REDUCTIONS = ("pairs", "samples", "sum")
"""How `boda_loss` averages: over (image, positive) pairs, over images, or not at all."""


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


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, strength):
        ctx.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.strength * gradient, None


def reverse_gradient(x: Tensor, strength: float) -> Tensor:
    r"""Pass `x` on unchanged; multiply its gradient by :math:`-\mathrm{strength}` on the way back.

    What comes after learns to tell domains apart, what comes before to prevent it; strength 0 lets nothing back.

    Parameters
    ----------
    x : Tensor, any shape
    strength : float

    Raises
    ------
    ValueError
        A strength that is negative or not finite.

    References
    ----------
    Ganin, Lempitsky. Unsupervised domain adaptation by backpropagation. ICML 2015.

    Examples
    --------
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> reverse_gradient(x, 0.5).sum().backward()
    >>> x.grad
    tensor([-0.5000, -0.5000])
    """
    check_number("strength", strength, zero=True)
    return _Reversal.apply(x, strength)


def reversal_strength(progress: float) -> float:
    r"""Return how strongly to reverse gradients at `progress` p in [0, 1]: :math:`2/(1+e^{-10p}) - 1`.

    Raises
    ------
    ValueError
        A progress outside [0, 1].

    Examples
    --------
    >>> [round(reversal_strength(p), 6) for p in (0, 0.1, 1)]
    [0.0, 0.462117, 0.999909]
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress: got {progress!r}, expected a number from 0 (first step) to 1 (last step)")
    return 2 / (1 + math.exp(-10 * progress)) - 1


def domain_adversarial_loss(domain_logits: Tensor, domains: Tensor) -> Tensor:
    r"""Return the discriminator's cross-entropy: :math:`-\frac1N \sum_i \log \mathrm{softmax}(o_i)_{d_i}`.

    Parameters
    ----------
    domain_logits : Tensor, shape (N, D)
        The discriminator's output on features that went through `reverse_gradient`.
    domains : Tensor of int64, shape (N,)
        In 0..D-1.

    Returns
    -------
    Tensor, shape (); 0 with a graph for an empty batch, log D for a discriminator that knows nothing

    Raises
    ------
    ValueError
        A domain outside 0..D-1; shapes or dtypes that do not fit together.

    References
    ----------
    Ganin et al. Domain-adversarial training of neural networks. JMLR 2016.

    Examples
    --------
    >>> round(domain_adversarial_loss(torch.zeros(4, 2), torch.tensor([0, 0, 1, 1])).item(), 6)
    0.693147
    """
    logits, domains = check_batch(domain_logits, domains=domains)
    check_range("domains", domains, logits.shape[1])
    return F.cross_entropy(logits, domains, reduction="sum") / max(1, len(logits))


def boda_loss(
    features: Tensor,
    labels: Tensor,
    domains: Tensor,
    centroids: Tensor,
    counts: Tensor,
    *,
    nu: float = 0.5,
    temperature: float = 1.0,
    count_scale: float | str = 1.0,
    balanced: bool = True,
    reduction: str = "pairs",
) -> Tensor:
    r"""BoDA: pull an image towards its class in other domains, push it from all else, calibrated by the counts.

    .. math:: l_i = -\frac1{|P_i|} \sum_{d \in P_i} \Big[ -a_i(d, y_i)
        - \log \sum_{(d',c') \in M \setminus \{(d_i,y_i)\}} e^{-a_i(d',c')} \Big]

    with :math:`a_i(d,c) = (N_{dc}/N_i)^\nu \lVert z_i - \mu_{dc} \rVert_2 / (N_i T)`, :math:`M` the pairs that exist,
    :math:`P_i` the other domains that hold the image's class. Gradient flows through `features` only.

    Parameters
    ----------
    features : Tensor, shape (N, h)
    labels, domains : Tensor of int64, shape (N,)
    centroids : Tensor, shape (D, C, h)
        A centroid that is not finite (not yet known: fill it with nan) counts as absent.
    counts : Tensor, shape (D, C)
        Training images per pair; 0 = the pair does not exist, whatever its centroid holds.
    nu : float
        Calibration; 0 switches the ratio of counts off.
    temperature : float
    count_scale : float or {"mean", "harmonic"}
        Multiplies all distances, as ``temperature / count_scale`` would. Dividing by thousands of images makes the
        pull vanish; the mean or the harmonic mean of the existing pairs' counts brings it back.
    balanced : bool
        False leaves out the division by the image's own count; with ``nu=0`` as well that is DoDA.
    reduction : {"pairs", "samples", "sum"}
        Mean over (image, positive) pairs; mean of l over images with a positive; sum over pairs / (D - 1).

    Returns
    -------
    Tensor, shape (), float32 or float64; 0 with a graph when no image has a positive

    Raises
    ------
    ValueError
        An image whose own count is 0, a number out of range, shapes or dtypes that do not fit, unknown reduction.

    References
    ----------
    Yang, Wang, Katabi. On multi-domain long-tailed recognition. ECCV 2022; "pairs" is the reference code's reduction.

    Examples
    --------
    >>> z = torch.tensor([(0, 1), (2, 0), (0, 3), (1, 1), (3, 2)], dtype=torch.float64)
    >>> mu = torch.tensor([[(0, 0), (3, 0), (0, 4)], [(1, 0), (3, 1), (torch.nan, torch.nan)]])
    >>> counts = torch.tensor([[8, 2, 1], [4, 1, 0]])
    >>> loss = boda_loss(z, torch.tensor([0, 1, 2, 0, 1]), torch.tensor([0, 0, 0, 1, 1]), mu, counts)
    >>> round(loss.item(), 12)
    1.038346448543
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction: got {reduction!r}, expected one of {REDUCTIONS}")
    options = dict(nu=nu, temperature=temperature, count_scale=count_scale, balanced=balanced)
    a, positive, others = scaled_distances(features, labels, domains, centroids, counts, **options)  # (N, K) each
    used = positive.any(1)  # an image without a positive is left out
    a, positive, others = a[used], positive[used], others[used]
    log_denominator = (-a).masked_fill(~others, -torch.inf).logsumexp(1)  # (N',)
    n_positives = positive.sum(1)
    terms = (a * positive).sum(1) + n_positives * log_denominator  # |P_i| l_i
    if reduction == "pairs":
        loss = terms.sum() / max(1, n_positives.sum())
    elif reduction == "samples":
        loss = (terms / n_positives).sum() / max(1, len(terms))
    else:
        loss = terms.sum() / max(1, len(counts) - 1)
    return loss.to(features.dtype if features.dtype == torch.float64 else torch.float32)
