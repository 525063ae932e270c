"""The latent space: a UMAP picture of the features, and the numbers that belong beside it."""

import warnings
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

__all__ = ["Separation", "classical_scaling", "embed", "neighbours_kept", "separation"]


def embed(features, *, n_neighbors: int = 15, min_dist: float = 0.1, seed: int = 0) -> np.ndarray:
    """Lay features out in the plane with UMAP; same input, seed and machine: same picture.

    Parameters
    ----------
    features : float (N, h)
    n_neighbors : int, default=15
        Nearest images that each image is tied to, itself included; 2 to N - 1.
    min_dist : float, default=0.1
        How close points may lie in the picture, in [0, 1].
    seed : int, default=0
        Another seed gives another picture of the same features.

    Returns
    -------
    float32 (N, 2)
        What is near what has a meaning. Distances between groups, their sizes, their density and the axes have none.

    Raises
    ------
    ValueError
        Features that are not a finite table, fewer images than ``n_neighbors + 1`` (or than 10), options out of range.

    Notes
    -----
    McInnes, Healy, Melville. UMAP: uniform manifold approximation and projection. arXiv:1802.03426. It runs on one
    thread: with several, UMAP is not repeatable.

    See Also
    --------
    separation, neighbours_kept : numbers that belong beside the picture.
    """
    from threadpoolctl import threadpool_limits

    x = _table(features)
    if not isinstance(n_neighbors, Integral) or n_neighbors < 2:
        raise ValueError(f"n_neighbors is {n_neighbors!r}; expected a whole number of 2 or more, such as 15")
    if not isinstance(min_dist, Real) or not 0 <= min_dist <= 1:
        raise ValueError(f"min_dist is {min_dist!r}; expected a number from 0 to 1, such as 0.1")
    if not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed!r}; expected a whole number from 0 to 2**32 - 1")
    if len(x) < max(10, n_neighbors + 1):
        raise ValueError(
            f"{len(x)} images and n_neighbors={n_neighbors}; expected at least {max(10, n_neighbors + 1)} images: "
            "give more images or lower n_neighbors"
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)  # a part of umap not used here
        warnings.filterwarnings("ignore", "n_jobs value .* overridden to 1 by setting random_state", UserWarning)
        warnings.filterwarnings("ignore", r"\s*Spectral initialisation failed", UserWarning)  # it starts at random then
        from umap import UMAP

        mapper = UMAP(n_neighbors=int(n_neighbors), min_dist=float(min_dist), random_state=int(seed), n_jobs=1)
        with threadpool_limits(limits=1):  # afterwards torch has its threads back: numba would leave it all processors
            return np.asarray(mapper.fit_transform(x), dtype=np.float32)


def separation(features, labels, domains) -> "Separation":
    r"""Measure, in the features themselves, how far classes and laboratories lie apart.

    The silhouette of image i compares a_i, its mean distance to the others of its group, with b_i, its mean distance
    to the nearest other group; the groups are classes, or laboratories:

    .. math:: s_i = \frac{b_i - a_i}{\max(a_i, b_i)}

    The laboratory classifier is logistic regression on standardised features, laboratories weighed alike, scored by
    balanced accuracy (the mean recall of the laboratories) on held-out fifths of the images. It stays at 1 / D where
    features say nothing of the laboratory, however different the numbers of images are. Where laboratories differ in
    their mix of classes, the class of a cell alone tells something about its laboratory.

    Parameters
    ----------
    features : float (N, h)
        Latent features, not points of a UMAP picture.
    labels, domains : int (N,)

    Returns
    -------
    Separation

    Raises
    ------
    ValueError
        Features that are not a finite table, or labels and domains that are not one whole number for each image.

    Notes
    -----
    Euclidean distances. Source: Rousseeuw, "Silhouettes", J. Comput. Appl. Math. 20, 1987.

    Examples
    --------
    >>> x = np.array([[0.0, 0], [0, 1], [9, 0], [9, 1]]).repeat(5, axis=0)
    >>> found = separation(x, labels=[0] * 10 + [1] * 10, domains=[0, 1] * 10)
    >>> round(found.class_silhouette, 2), round(found.laboratory_silhouette, 2), found.laboratory_chance
    (0.94, -0.1, 0.5)
    """
    x = _table(features)
    labels, domains = _numbers("labels", labels, len(x)), _numbers("domains", domains, len(x))
    return Separation(
        class_silhouette=_silhouette(x, labels),
        laboratory_silhouette=_silhouette(x, domains),
        laboratory_accuracy=_laboratory_accuracy(x, domains),
        laboratory_chance=1 / len(np.unique(domains)),
    )


@dataclass(frozen=True, repr=False)
class Separation:
    """What the features separate; see `separation`.

    Attributes
    ----------
    class_silhouette, laboratory_silhouette : float
        Mean silhouette with classes, or laboratories, as the groups, in [-1, 1]; NaN where it is not defined.
    laboratory_accuracy : float
        Balanced accuracy of a classifier that names the laboratory, cross-validated; NaN where it is not defined.
    laboratory_chance : float
        What guessing gives: 1 / number of laboratories.
    """

    class_silhouette: float
    laboratory_silhouette: float
    laboratory_accuracy: float
    laboratory_chance: float

    def __repr__(self) -> str:
        return (
            f"Separation(silhouette of classes {self.class_silhouette:.2f}, of laboratories "
            f"{self.laboratory_silhouette:.2f}; laboratory named right {self.laboratory_accuracy:.2f}, "
            f"chance {self.laboratory_chance:.2f})"
        )


def neighbours_kept(features, points, k: int = 15) -> float:
    """Compute which share of each image's k nearest in the features are among its k nearest in the picture too.

    Chance gives k / (N - 1).

    Parameters
    ----------
    features : float (N, h)
    points : float (N, 2)
    k : int, default=15
        1 to N - 2.

    Raises
    ------
    ValueError
        Tables that are not finite or differ in length, or a `k` out of range.

    Examples
    --------
    >>> neighbours_kept([[0, 0], [1, 0], [5, 0], [7, 0]], [[0, 0], [0, 1], [0, 9], [0, 8]], k=1)
    1.0
    """
    from sklearn.neighbors import NearestNeighbors

    tables = _table(features), _table(points)
    n = len(tables[0])
    if len(tables[1]) != n or not 1 <= k <= n - 2:
        raise ValueError(f"{n} features, {len(tables[1])} points and k={k}; expected as many points, and k in 1..N-2")
    found = [NearestNeighbors(n_neighbors=k).fit(x).kneighbors(return_distance=False) for x in tables]
    return float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(*found, strict=True)]))


def classical_scaling(distances) -> np.ndarray:
    r"""Place K things in the plane so that distances are kept as well as a linear picture can.

    .. math:: B = -\tfrac12 J D^{(2)} J, \quad X = (\sqrt{\lambda_1} v_1, \sqrt{\lambda_2} v_2)

    with D(2) the squared distances, J = I - 1/K the centring, and the two largest eigenvalues of B.

    Parameters
    ----------
    distances : float (K, K)
        It need not be symmetric: the mean of both directions is taken. The diagonal is taken as 0.

    Returns
    -------
    float64 (K, 2)
        The sign of each axis is chosen so that its largest coordinate is positive.

    Raises
    ------
    ValueError
        A table that is not square, or holds a number that is negative or not finite.

    Notes
    -----
    Torgerson, "Multidimensional scaling", Psychometrika 17, 1952. No random start: one answer.

    Examples
    --------
    >>> classical_scaling([[0, 3, 5], [3, 0, 4], [5, 4, 0]]).round(2).shape
    (3, 2)
    """
    d = _table(distances)
    if d.shape[0] != d.shape[1] or (d < 0).any():
        raise ValueError(f"distances of shape {d.shape}; expected a square table, none negative")
    d = (d + d.T) / 2
    np.fill_diagonal(d, 0)
    centring = np.eye(len(d)) - 1 / len(d)
    values, vectors = np.linalg.eigh(-0.5 * centring @ d**2 @ centring)
    x = vectors[:, :-3:-1] * np.sqrt(np.maximum(values[:-3:-1], 0))
    x = np.pad(x, ((0, 0), (0, 2 - x.shape[1])))
    return x * np.where(x[np.abs(x).argmax(axis=0), [0, 1]] < 0, -1, 1)


def _silhouette(x: np.ndarray, groups: np.ndarray) -> float:
    from sklearn.metrics import silhouette_score

    return float(silhouette_score(x, groups)) if 2 <= len(np.unique(groups)) < len(x) else float("nan")


def _laboratory_accuracy(x: np.ndarray, domains: np.ndarray) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    smallest = np.unique(domains, return_counts=True)[1].min()
    if smallest < 2 or len(np.unique(domains)) < 2:
        return float("nan")
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000))
    parts = StratifiedKFold(min(5, int(smallest)), shuffle=True, random_state=0)
    return float(cross_val_score(classifier, x, domains, cv=parts, scoring="balanced_accuracy").mean())


def _table(values) -> np.ndarray:
    """Return a copy as float64 (N, h), or say what is wrong with it."""
    try:
        x = np.array(values.detach().cpu().numpy() if hasattr(values, "detach") else values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"got a {type(values).__name__} that makes no table; expected numbers, (N, h)") from None
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(f"got values of shape {x.shape}; expected a table with one row per image, (N, h)")
    if not np.isfinite(x).all():
        rows = int((~np.isfinite(x)).any(axis=1).sum())
        raise ValueError(f"{rows} of {len(x)} rows hold nan or inf; expected finite numbers: did the training diverge?")
    return x


def _numbers(name: str, values, n: int) -> np.ndarray:
    values = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if values.shape != (n,) or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{name} are {values.dtype} {values.shape}; expected one whole number for each of {n} images")
    return values
