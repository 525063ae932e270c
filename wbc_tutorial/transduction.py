"""Floor 4, transduction: classes read off a laboratory's own features, all of its images at once and no label."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from sklearn.neighbors import kneighbors_graph
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor, nn

__all__ = ["prototype_head", "spread_labels"]


def _surest(logits: Tensor, n_support: int) -> list[Tensor]:
    """For each class the rows of lowest entropy, `n_support` at most, among those that the logits name so."""
    predicted, entropy = logits.argmax(1), torch.distributions.Categorical(logits=logits).entropy()
    named = [torch.where(predicted == number)[0] for number in range(logits.shape[1])]
    return [rows[entropy[rows].argsort(stable=True)[:n_support]] for rows in named]


@torch.no_grad()
def prototype_head(head: nn.Linear, features: Tensor, logits: Tensor, *, n_support: int = 20) -> nn.Linear:
    """Build a linear head whose weights are class means of a laboratory's own surest features (T3A).

    ``w'_c = normalise(sum of w_c / |w_c| and of z_i / |z_i| over the support of c)``, ``logits_c = w'_c . z``, no bias.
    The support of c: of the images that the given logits name c, the `n_support` of lowest entropy. No label is read.

    Parameters
    ----------
    head : nn.Linear
        Trained; its weights (C, h) are one member of each mean, so that a class without support keeps its direction.
    features : float (N, h)
    logits : float (N, C)
    n_support : int

    Notes
    -----
    Iwasawa and Matsuo, "Test-time classifier adjustment module for model-agnostic domain generalization", NeurIPS
    2021. There images arrive one by one; here the laboratory is there as a whole.

    Examples
    --------
    >>> import torch
    >>> head = torch.nn.Linear(2, 2)
    >>> _ = head.weight.data.copy_(torch.eye(2))
    >>> z = torch.tensor([[3.0, 1.0], [1.0, 3.0]])
    >>> prototype_head(head, z, z).weight.argmax(1).tolist()
    [0, 1]
    """
    if n_support < 1:
        raise ValueError(f"n_support is {n_support}; expected 1 or more images a class")
    if features.shape[0] != logits.shape[0] or features.shape[1:] != head.weight.shape[1:]:
        raise ValueError(
            f"features are {tuple(features.shape)}, logits {tuple(logits.shape)} and the head's weights "
            f"{tuple(head.weight.shape)}; expected (N, h), (N, C) and (C, h)"
        )
    directions = F.normalize(features, dim=1)
    adjusted = nn.Linear(head.in_features, head.out_features, bias=False)
    for number, support in enumerate(_surest(logits, n_support)):
        weights = F.normalize(head.weight[number], dim=0)
        adjusted.weight[number] = F.normalize(weights + directions[support].sum(0), dim=0)
    return adjusted


def spread_labels(
    features: np.ndarray,
    logits: np.ndarray,
    *,
    n_neighbours: int = 10,
    n_support: int = 20,
    alpha: float = 0.99,
) -> np.ndarray:
    """Let the surest images of each class name their neighbours, those theirs, and so on: logits (N, C).

    ``F = (1 - alpha) (I - alpha D^-1/2 A D^-1/2)^-1 Y``, by iteration. A joins images (0 or 1) of which one is among
    the `n_neighbours` nearest of the other, by the cosine of their features; D holds its row sums; Y is one-hot for the
    `n_support` images of lowest entropy that the given logits name c, and 0 elsewhere. Returned is log F, each row
    normalised to the sum 1. No label is read.

    A class with fewer images than neighbours is tied to others more than to itself, and has fewer starts than they: its
    images may lose their name, even where the network was right. Where all images would be tied to all, as with
    `n_neighbours` + 1 of them, the given logits stand.

    Parameters
    ----------
    features : float (N, h)
        Of one laboratory.
    logits : float (N, C)
        They name the images to start from; for images that no start reaches, their log-softmax is returned.
    n_neighbours, n_support : int
    alpha : float in (0, 1)
        Near 0 names stay where they start, near 1 they travel far.

    Raises
    ------
    ValueError
        For arrays of different lengths, a number below 1, or alpha outside (0, 1).

    Notes
    -----
    Cosines order neighbours as the distances of features of length 1 do, which is how they are found. Source:
    Zhou et al., "Learning with local and global consistency", NIPS 2003; for a network's features of unlabelled images:
    Iscen et al., "Label propagation for deep semi-supervised learning", CVPR 2019. Iteration: scikit-learn.

    Examples
    --------
    Six cells on an arc. The network is sure of the first and the last, and misnames the two beside the last:

    >>> import numpy as np
    >>> angle = np.array([0.0, 0.1, 0.2, 1.3, 1.4, 1.5])
    >>> z = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> logits = np.array([[9.0, 0], [1, 0], [1, 0], [1, 0], [1, 0], [0, 9]])
    >>> spread_labels(z, logits, n_neighbours=2, n_support=1).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    if len(features) != len(logits):
        raise ValueError(f"{len(features)} features and {len(logits)} rows of logits: expected one of each an image")
    if n_neighbours < 1 or n_support < 1:
        raise ValueError(f"n_neighbours is {n_neighbours} and n_support {n_support}; expected 1 or more")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; expected more than 0 (names stay) and less than 1 (starts are forgotten)")
    features, logits = (torch.as_tensor(np.array(each)) for each in (features, logits))
    own = F.log_softmax(logits, dim=1).numpy()
    if len(features) <= n_neighbours + 1:
        return own  # all would be tied to all, and the commonest name take every image
    start = np.full(len(features), -1)
    for number, rows in enumerate(_surest(logits, n_support)):
        start[rows] = number

    def joined(left: np.ndarray, _: np.ndarray) -> csr_array:
        near = kneighbors_graph(left, n_neighbours)
        return near.maximum(near.T)

    directions = F.normalize(features, dim=1).numpy()
    spread = LabelSpreading(kernel=joined, alpha=alpha, max_iter=10_000).fit(directions, start)
    reached = spread.label_distributions_.sum(axis=1) > 0
    shares = np.zeros_like(own)
    shares[:, spread.classes_] = spread.label_distributions_
    tiny = np.finfo(own.dtype).tiny
    return np.where(reached[:, None], np.log(shares.clip(tiny)), own)
