"""Transferability: how far the domain-class pairs lie from one another, and how that bounds BoDA."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.losses.boda import scaled_distances
from wbc_tutorial.losses.checks import as_table, check_batch, check_finite, check_number, check_range, wide

__all__ = ["Transferability", "boda_image_bounds", "boda_lower_bound", "transferability"]


@torch.no_grad()
def transferability(
    features: Tensor, labels: Tensor, domains: Tensor, centroids: Tensor | None = None
) -> "Transferability":
    r"""Measure transferability between all pairs of a domain and a class.

    .. math:: \mathrm{trans}((d,c) \to (d',c')) = \mathrm{mean}_{i \in (d,c)} \lVert z_i - \mu_{d'c'} \rVert_2

    Alpha, beta and gamma are means over ordered pairs of pairs, each counted once, however many images it has.

    Parameters
    ----------
    features : Tensor, shape (N, h)
    labels, domains : Tensor of int64, shape (N,)
    centroids : Tensor, shape (D, C, h), default=None
        None = the mean feature of each pair. A pair whose centroid is not finite is left out.

    Returns
    -------
    Transferability
        With ``alpha``, ``beta``, ``gamma``, ``matrix`` and ``pairs``.

    Raises
    ------
    ValueError
        No images; a feature that is not finite; shapes, dtypes, devices or numbers that do not fit together.

    See Also
    --------
    boda_lower_bound : what alpha, beta and gamma say about BoDA.

    References
    ----------
    Yang, Wang, Katabi. On multi-domain long-tailed recognition, imbalanced domain generalization and beyond.
    ECCV 2022, definitions 1 to 3.

    Examples
    --------
    >>> z = torch.tensor([(0, 0.5), (4, 0.5), (1, 1), (3, 1), (0, 3), (5, 2)])
    >>> mu = torch.tensor([[[4.0 * c, d] for c in range(2)] for d in range(3)])
    >>> t = transferability(z, torch.tensor([0, 1] * 3), torch.tensor([0, 0, 1, 1, 2, 2]), mu)
    >>> t
    Transferability(alpha 1.526, beta 3.864, gamma 4.101, margin 6.440, 6 domain-class pairs)
    >>> round(t.alpha, 9), round(t.beta, 9), round(t.gamma, 9)
    (1.525594649, 3.864227229, 4.100974368)
    """
    features, labels, domains = check_batch(features, labels=labels, domains=domains)
    check_finite("features", features)
    if not len(features):
        raise ValueError("features: got no image, expected at least one; check how the batch was selected")
    pairs, owner = torch.unique(torch.stack([domains, labels], 1), dim=0, return_inverse=True)  # (K, 2), (N,)
    z = features.to(wide(features.device))
    share = torch.nn.functional.one_hot(owner, len(pairs)).to(z.dtype)  # (N, K)
    share = share / share.sum(0)  # each column averages the images of one pair
    mu = (
        share.T @ z if centroids is None else _given_centroids(centroids, z, labels, domains)[pairs[:, 0], pairs[:, 1]]
    )  # (K, h)
    distances = torch.stack([torch.linalg.vector_norm(z - centre, dim=1) for centre in mu], 1)  # (N, K)
    known = mu.isfinite().all(1)
    matrix, pairs = (share.T @ distances)[known][:, known], pairs[known]
    same_domain, same_class = (pairs[:, None] == pairs[None]).unbind(-1)  # (K, K)
    kinds = (same_class & ~same_domain, ~same_class & same_domain, ~same_class & ~same_domain)
    alpha, beta, gamma = (matrix[kind].mean().item() for kind in kinds)
    return Transferability(alpha, beta, gamma, matrix, tuple((d, c) for d, c in pairs.tolist()))


def _given_centroids(centroids, z: Tensor, labels: Tensor, domains: Tensor) -> Tensor:
    """Return the given centroids (D, C, h) as a tensor that fits the batch, or say what is wrong."""
    centroids = as_table("centroids", centroids, z)
    if centroids.ndim != 3 or centroids.shape[2] != z.shape[1]:
        raise ValueError(f"centroids: got shape {tuple(centroids.shape)}, expected (D, C, h) with h = {z.shape[1]}")
    check_range("domains", domains, centroids.shape[0])
    check_range("labels", labels, centroids.shape[1])
    return centroids


@dataclass(frozen=True, eq=False, repr=False)
class Transferability:
    """How far the domain-class pairs lie from one another; see `transferability`.

    Attributes
    ----------
    alpha, beta, gamma : float
        Mean distance between pairs of the same class in different domains, of different classes in the same domain,
        of different classes in different domains; nan where there are no such pairs.
    matrix : Tensor, shape (K, K)
        Row = the pair the images come from, column = the pair whose centroid they are measured from.
    pairs : tuple of (int, int)
        The K pairs (domain, class) in the order of the rows.
    """

    alpha: float
    beta: float
    gamma: float
    matrix: Tensor
    pairs: tuple[tuple[int, int], ...]

    @property
    def margin(self) -> float:
        """(beta + gamma) - alpha: the larger, the better the features transfer."""
        return self.beta + self.gamma - self.alpha

    def __repr__(self) -> str:
        return (
            f"Transferability(alpha {self.alpha:.3f}, beta {self.beta:.3f}, gamma {self.gamma:.3f}, "
            f"margin {self.margin:.3f}, {len(self.pairs)} domain-class pairs)"
        )


def boda_lower_bound(
    alpha: float, beta: float, gamma: float, *, n_images: int, n_domains: int, n_classes: int
) -> float:
    r"""Bound BoDA from below by transferability: a small loss needs a small alpha, a large beta and gamma.

    .. math:: L \ge |Z| \log\left( D-1 + D(C-1) \exp\left(
        \frac{CD}{|Z|}\alpha - \frac{C}{|Z|}\beta - \frac{C(D-1)}{|Z|}\gamma \right)\right)

    It holds for ``nu=0``, ``temperature=1``, ``reduction="sum"``, all pairs present, `counts` the number of images
    per pair in the same images. Without the division by the counts (``balanced=False``) it does not.

    Parameters
    ----------
    alpha, beta, gamma : float
        From `transferability`.
    n_images, n_domains, n_classes : int
        :math:`|Z|`, D and C.

    Raises
    ------
    ValueError
        Fewer than two domains or classes, no image, or a distance that is negative or not finite.

    See Also
    --------
    boda_image_bounds : a bound for each image, for any counts.

    Examples
    --------
    >>> bound = boda_lower_bound(1.525594649114, 3.864227228986, 4.100974367501,
    ...                          n_images=6, n_domains=3, n_classes=2)
    >>> round(bound, 6)
    4.857916
    """
    whole_number("n_images", n_images, least=1)
    whole_number("n_domains", n_domains, least=2)
    whole_number("n_classes", n_classes, least=2)
    for name, value in (("alpha", alpha), ("beta", beta), ("gamma", gamma)):
        check_number(name, value, zero=True)
    exponent = n_classes * (n_domains * alpha - beta - (n_domains - 1) * gamma) / n_images
    ceiling = max(0.0, exponent)  # log-sum-exp by hand: no overflow however large the distances
    inner = (n_domains - 1) * math.exp(-ceiling) + n_domains * (n_classes - 1) * math.exp(exponent - ceiling)
    return n_images * (ceiling + math.log(inner))


def boda_image_bounds(features, labels, domains, centroids, counts, **options) -> Tensor:
    r"""Bound each image's BoDA loss from below, for any weights and any missing pairs.

    .. math:: l_i \ge \log\big(|P_i| + M_i \exp(A_i - B_i)\big) \ge \log |P_i|

    with :math:`A_i, B_i` the mean scaled distance to the image's positives and negatives, :math:`M_i` the number of
    negatives. Parameters and errors are those of `wbc_tutorial.scaled_distances`.

    Returns
    -------
    Tensor, shape (N,)
        0 for an image without a positive: the loss leaves it out.

    Examples
    --------
    >>> z, mu = torch.zeros(1, 1), torch.tensor([[[0.0], [1.0]], [[0.0], [1.0]]])
    >>> bound = boda_image_bounds(z, torch.tensor([0]), torch.tensor([0]), mu, torch.ones(2, 2), nu=0.0)
    >>> round(bound.item(), 6)  # log(1 + 2 / e)
    0.551445
    """
    a, positive, others = scaled_distances(features, labels, domains, centroids, counts, **options)
    negative = others & ~positive
    n_positives, n_negatives = positive.sum(1).to(a.dtype), negative.sum(1).to(a.dtype)
    to_positives = (a * positive).sum(1) / n_positives.clamp_min(1)
    to_negatives = (a * negative).sum(1) / n_negatives.clamp_min(1)
    bounds = torch.logaddexp(n_positives.log(), n_negatives.log() + to_positives - to_negatives)
    return torch.where(n_positives > 0, bounds, 0.0).detach()
