"""BoDA: balanced domain-class alignment, with the distances to centroids that it is made of and their checks."""

import math

import torch
from torch import Tensor

from wbc_tutorial.losses.checks import check_batch, check_number, check_range, wide

__all__ = ["REDUCTIONS", "boda_loss", "check_tables", "scaled_distances"]

REDUCTIONS = ("pairs", "samples", "sum")
"""How `boda_loss` averages: over (image, positive) pairs, over images, or not at all."""


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


def scaled_distances(
    features, labels, domains, centroids, counts, *, nu=0.5, temperature=1.0, count_scale=1.0, balanced=True
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Measure how far each image lies from each pair that exists, in BoDA's units.

    .. math:: a_i(d,c) = \Big(\frac{N_{dc}}{N_i}\Big)^{\nu} \frac{\lVert z_i-\mu_{dc}\rVert_2}{N_i\,T} \cdot s

    with :math:`N_i = N_{d_i y_i}` and :math:`s` the `count_scale`. The factor is built in log space.

    Parameters are those of `wbc_tutorial.losses.boda_loss`, and so is what is raised.

    Returns
    -------
    distances : Tensor, shape (N, K)
        One column per pair with ``counts > 0`` and a finite centroid, domain by domain.
    positive : Tensor of bool, shape (N, K)
        The image's class in another domain.
    others : Tensor of bool, shape (N, K)
        Every pair but the image's own.

    Examples
    --------
    >>> a, positive, others = scaled_distances(torch.zeros(1, 2), torch.tensor([0]), torch.tensor([0]),
    ...     torch.tensor([[[0.0, 0.0]], [[3.0, 4.0]]]), torch.tensor([[4], [1]]), nu=0.5)
    >>> a.round(decimals=6).tolist(), positive.tolist()  # (1 / 4)^0.5 * 5 / 4
    ([[0.0, 0.625]], [[False, True]])
    """
    check_number("nu", nu, zero=True)
    check_number("temperature", temperature, zero=False)
    features, labels, domains = check_batch(features, labels=labels, domains=domains)
    centroids, counts = check_tables(features, labels, domains, centroids, counts)
    domain, label = ((counts > 0) & centroids.isfinite().all(-1)).nonzero(as_tuple=True)  # (K,), (K,)
    squared = (features[:, None] - centroids[domain, label]).square().sum(-1)  # (N, K)
    nonzero = squared > 0  # the root's slope at 0 is infinite: go round it before anything is masked
    distances = torch.where(nonzero, torch.where(nonzero, squared, 1.0).sqrt(), 0.0)
    log_own = counts[domains, labels].log()[:, None]  # (N, 1)
    log_factor = nu * (counts[domain, label].log() - log_own) - log_own * balanced  # (N, K)
    log_factor = log_factor + math.log(_scale_of(count_scale, counts)) - math.log(temperature)
    same_class, same_domain = labels[:, None] == label, domains[:, None] == domain  # (N, K)
    return distances.to(counts.dtype) * log_factor.exp(), same_class & ~same_domain, ~(same_class & same_domain)


def _scale_of(count_scale: float | str, counts: Tensor) -> float:
    """Return the number that `count_scale` stands for; "mean" and "harmonic" look at existing pairs only."""
    existing = counts[counts > 0]
    if isinstance(count_scale, str) and count_scale in ("mean", "harmonic"):
        if not len(existing):
            return 1.0
        return (existing.mean() if count_scale == "mean" else 1 / (1 / existing).mean()).item()
    if isinstance(count_scale, str):
        raise ValueError(f"count_scale: got {count_scale!r}, expected a number > 0, 'mean' or 'harmonic'")
    check_number("count_scale", count_scale, zero=False)
    return float(count_scale)


def check_tables(features: Tensor, labels: Tensor, domains: Tensor, centroids: Tensor, counts: Tensor):
    """Return centroids (D, C, h) and counts (D, C) as tensors that fit the checked batch, or say what is wrong."""
    counts = torch.as_tensor(counts).to(wide(features.device)).to(features.device)
    centroids = torch.as_tensor(centroids).detach().to(features.dtype).to(features.device)
    if counts.ndim != 2 or not (counts.isfinite() & (counts >= 0)).all():
        raise ValueError(f"counts: got shape {tuple(counts.shape)}, expected (D, C) with finite numbers >= 0")
    expected = (*counts.shape, features.shape[1])
    if centroids.shape != expected:
        raise ValueError(f"centroids: got shape {tuple(centroids.shape)}, expected (D, C, h) = {expected}")
    check_range("labels", labels, counts.shape[1])
    check_range("domains", domains, counts.shape[0])
    empty = (counts[domains, labels] == 0).nonzero()
    if len(empty):
        pair = (domains[empty[0]].item(), labels[empty[0]].item())
        raise ValueError(
            f"image {empty[0].item()} belongs to the pair (domain, class) = {pair}, whose count is 0; "
            "count the images you train on"
        )
    return centroids, counts
