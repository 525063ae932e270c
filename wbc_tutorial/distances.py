"""Floor 3, distances from images to the centroids of pairs (domain, class), and the checks on what comes in."""

import math
from numbers import Real

import torch
from torch import Tensor

__all__ = ["check_batch", "check_number", "check_range", "check_tables", "scaled_distances", "wide"]


def wide(device: torch.device) -> torch.dtype:
    """Return the widest floating dtype of the device: float64, except on Apple's MPS, which has none."""
    return torch.float32 if device.type == "mps" else torch.float64


def check_batch(features: Tensor, **ids: Tensor) -> tuple[Tensor, ...]:
    """Return features as float32 (float64 stays) and every id vector as int64, or say what is wrong with them."""
    if not (isinstance(features, Tensor) and features.is_floating_point() and features.ndim == 2):
        given = f"{features.dtype} {tuple(features.shape)}" if isinstance(features, Tensor) else type(features)
        raise ValueError(f"expected a floating tensor of shape (images, features), got {given}; pool or flatten it")
    for name, values in ids.items():
        whole = isinstance(values, Tensor) and not values.is_floating_point() and not values.is_complex()
        if not whole or values.dtype == torch.bool:
            given = values.dtype if isinstance(values, Tensor) else type(values)
            raise ValueError(f"{name}: expected an int64 tensor, got {given}; convert with torch.as_tensor(x).long()")
        if values.shape != features.shape[:1]:
            raise ValueError(
                f"{name}: got shape {tuple(values.shape)}, expected ({len(features)},): one number per image"
            )
    features = features if features.dtype == torch.float64 else features.float()
    return features, *(values.to(features.device, torch.int64) for values in ids.values())


def check_range(name: str, values: Tensor, n: int) -> None:
    """Raise ValueError unless every value lies in 0..n-1."""
    if len(values) and not 0 <= values.min() <= values.max() < n:
        low, high = values.min().item(), values.max().item()
        raise ValueError(f"{name}: got {low}..{high}, expected 0..{n - 1}; renumber them or enlarge the table")


def check_number(name: str, value: float, *, zero: bool) -> None:
    """Raise ValueError unless `value` is finite and positive (or zero, where `zero` allows it)."""
    if not (isinstance(value, Real) and math.isfinite(value) and (value > 0 or (zero and value == 0))):
        raise ValueError(f"{name}: got {value!r}, expected a finite number {'>= 0' if zero else '> 0'}")


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
