"""BoDA: balanced domain-class alignment, with the distances to centroids that it is made of and their checks."""

import math

import torch
from torch import Tensor

from wbc_tutorial.losses.checks import as_table, check_batch, check_finite, check_number, check_range, wide

__all__ = [
    "REDUCTIONS",
    "boda_loss",
    "check_options",
    "check_pairs",
    "check_tables",
    "scaled_distances",
    "unchecked_boda_loss",
]

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

    .. math:: l_i = -\frac1{|P_i|} \sum_{d \in P_i} \left[ -a_i(d, y_i)
        - \log \sum_{(d',c') \in M \setminus \{(d_i,y_i)\}} e^{-a_i(d',c')} \right]

    with :math:`a_i(d,c) = (N_{dc}/N_i)^\nu \lVert z_i - \mu_{dc} \rVert_2 / (N_i T)`, :math:`M` the domain-class pairs
    that exist, :math:`P_i` the other domains that hold the image's class. Gradient flows through `features` only.

    Parameters
    ----------
    features : Tensor, shape (N, h)
    labels, domains : Tensor of int64, shape (N,)
    centroids : Tensor, shape (D, C, h)
        A centroid that is not finite (not yet known: fill it with nan) counts as absent.
    counts : Tensor, shape (D, C)
        Training images per domain-class pair; 0 = the pair does not exist, whatever its centroid holds.
    nu : float, default=0.5
        Calibration; 0 switches the ratio of counts off.
    temperature : float, default=1.0
    count_scale : float or {"mean", "harmonic"}, default=1.0
        Multiplies all distances, as ``temperature / count_scale`` would. Dividing by thousands of images makes the
        pull vanish; the mean or the harmonic mean of the existing pairs' counts brings it back.
    balanced : bool, default=True
        False leaves out the division by the image's own count; with ``nu=0`` as well that is DoDA.
    reduction : {"pairs", "samples", "sum"}, default="pairs"
        Mean over (image, positive) pairs; mean of l over images with a positive; sum over pairs / (D - 1).

    Returns
    -------
    Tensor, shape (), float32 or float64; 0 with a graph when no image has a positive

    Raises
    ------
    ValueError
        A feature that is not finite, an image whose own count is 0, a number out of range, an unknown reduction,
        shapes, dtypes or devices that do not fit together.

    See Also
    --------
    scaled_distances : the distances :math:`a_i(d, c)` themselves.
    wbc_tutorial.BoDA : this loss with its centroids, as a module for the training loop.

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
    options = {"nu": nu, "temperature": temperature, "count_scale": count_scale, "balanced": balanced}
    check_options(**options, reduction=reduction)
    checked = _check(features, labels, domains, centroids, counts)
    return unchecked_boda_loss(*checked, **options, reduction=reduction)


def unchecked_boda_loss(features, labels, domains, centroids, counts, *, reduction: str, **options) -> Tensor:
    """Compute `boda_loss` from arguments that are known to be right; nothing in it makes a graphics card wait."""
    a, positive, others = _distances_to_all(features, labels, domains, centroids, counts, **options)  # (N, D*C) each
    n_positives = positive.sum(1)  # (N,): |P_i|
    used = n_positives > 0  # an image without a positive is left out
    scores = torch.where(others, -a, -torch.inf)
    log_denominator = torch.where(used[:, None], scores, 0.0).logsumexp(1)  # (N,)
    terms = torch.where(used, (a * positive).sum(1) + n_positives * log_denominator, 0.0)  # |P_i| l_i
    if reduction == "pairs":
        loss = terms.sum() / n_positives.sum().clamp_min(1)
    elif reduction == "samples":
        loss = (terms / n_positives.clamp_min(1)).sum() / used.sum().clamp_min(1)
    else:
        loss = terms.sum() / max(1, len(counts) - 1)
    return loss.to(features.dtype)


def scaled_distances(
    features, labels, domains, centroids, counts, *, nu=0.5, temperature=1.0, count_scale=1.0, balanced=True
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Measure how far each image lies from each domain-class pair that exists, in BoDA's units.

    .. math:: a_i(d,c) = \left(\frac{N_{dc}}{N_i}\right)^{\nu} \frac{\lVert z_i-\mu_{dc}\rVert_2}{N_i\,T} \cdot s

    with :math:`N_i = N_{d_i y_i}` and :math:`s` the `count_scale`. The factor is built in log space.

    Parameters are those of `wbc_tutorial.boda_loss`, and so is what is raised.

    Returns
    -------
    distances : Tensor, shape (N, K)
        One column per domain-class pair with ``counts > 0`` and a finite centroid, domain by domain.
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
    options = {"nu": nu, "temperature": temperature, "count_scale": count_scale, "balanced": balanced}
    check_options(**options)
    checked = _check(features, labels, domains, centroids, counts)
    there = _exists(checked[3], checked[4])  # (D*C,)
    a, positive, others = (each[:, there] for each in _distances_to_all(*checked, **options))
    return a, positive, others


def _distances_to_all(
    z: Tensor,
    labels: Tensor,
    domains: Tensor,
    centroids: Tensor,
    counts: Tensor,
    *,
    nu,
    temperature,
    count_scale,
    balanced,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what `scaled_distances` does, with a column for every pair (N, D*C): 0 or False where it is absent."""
    n_domains, n_classes = counts.shape
    counts, there = counts.to(wide(z.device)), _exists(centroids, counts)
    mu = torch.where(there[:, None], centroids.flatten(0, 1), 0.0)  # (D*C, h): no nan goes on from here
    squared = (z[:, None] - mu).square().sum(-1)  # (N, D*C)
    apart = squared != 0  # the root's slope at 0 is infinite: go round it before anything is masked; nan stays nan
    distances = torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)
    log_own = counts[domains, labels].log()[:, None]  # (N, 1)
    log_counts = torch.where(there, counts.flatten(), 1.0).log()  # (D*C,)
    log_factor = nu * (log_counts - log_own) - log_own * balanced  # (N, D*C)
    log_factor = log_factor + _log_scale(count_scale, counts) - math.log(temperature)
    pair = torch.arange(n_domains * n_classes, device=z.device)
    same_class = labels[:, None] == pair % n_classes  # (N, D*C)
    same_domain = domains[:, None] == pair // n_classes
    a = torch.where(there, distances.to(counts.dtype) * log_factor.exp(), 0.0)
    return a, there & same_class & ~same_domain, there & ~(same_class & same_domain)


def _exists(centroids: Tensor, counts: Tensor) -> Tensor:
    """Say which pairs (D*C,) have training images and a centroid."""
    return ((counts > 0) & centroids.isfinite().all(-1)).flatten()


def _log_scale(count_scale: float | str, counts: Tensor) -> Tensor | float:
    """Return the logarithm of what `count_scale` stands for; "mean" and "harmonic" look at existing pairs only."""
    if not isinstance(count_scale, str):
        return math.log(count_scale)
    there = counts > 0
    n = there.sum().clamp_min(1)
    if count_scale == "mean":
        return (counts.sum() / n).log()
    return (n / torch.where(there, 1 / counts, 0.0).sum()).log()


def check_options(*, nu, temperature, count_scale, balanced, reduction="pairs") -> None:
    """Raise ValueError unless the options of `boda_loss` can be computed with."""
    check_number("nu", nu, zero=True)
    check_number("temperature", temperature, zero=False)
    if isinstance(count_scale, str):
        if count_scale not in ("mean", "harmonic"):
            raise ValueError(f"count_scale: got {count_scale!r}, expected a number > 0, 'mean' or 'harmonic'")
    else:
        check_number("count_scale", count_scale, zero=False)
    if not isinstance(balanced, bool):
        raise ValueError(f"balanced: got {balanced!r}, expected True or False")
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction: got {reduction!r}, expected one of {REDUCTIONS}")


def _check(features, labels, domains, centroids, counts) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the five arguments of `boda_loss` as tensors that fit together, or say what is wrong."""
    features, labels, domains = check_batch(features, labels=labels, domains=domains)
    check_finite("features", features)
    centroids, counts = check_tables(features, centroids, counts)
    check_pairs(labels, domains, counts)
    return features, labels, domains, centroids, counts


def check_tables(features: Tensor, centroids: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Return centroids (D, C, h) and counts (D, C) as tensors that fit the features (N, h), or say what is wrong."""
    counts = as_table("counts", counts, torch.empty(0, dtype=wide(features.device), device=features.device))
    if counts.ndim != 2 or not counts.numel() or not (counts.isfinite() & (counts >= 0)).all():
        raise ValueError(f"counts: got shape {tuple(counts.shape)}, expected (D, C) with finite numbers >= 0")
    centroids = as_table("centroids", centroids, features)
    expected = (*counts.shape, features.shape[1])
    if centroids.shape != expected:
        raise ValueError(f"centroids: got shape {tuple(centroids.shape)}, expected (D, C, h) = {expected}")
    return centroids, counts


def check_pairs(labels: Tensor, domains: Tensor, counts: Tensor) -> None:
    """Raise ValueError unless every image belongs to a domain-class pair that the table `counts` (D, C) holds."""
    check_range("labels", labels, counts.shape[1])
    check_range("domains", domains, counts.shape[0])
    empty = (counts[domains, labels] == 0).nonzero()
    if len(empty):
        pair = (domains[empty[0]].item(), labels[empty[0]].item())
        raise ValueError(
            f"image {empty[0].item()} belongs to the pair (domain, class) = {pair}, whose count is 0; "
            "count the images you train on"
        )
