"""Test time: what may be taken from a laboratory's images without their labels, once a network is trained."""

import copy

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from sklearn.neighbors import kneighbors_graph
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor, nn

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.batches import as_tensor
from wbc_tutorial.training.features import extract

__all__ = ["adapt_batch_norm", "features_and_logits", "label_spreading", "predict", "t3a_head"]


def predict(model: Classifier, cells: CellImages, **options) -> np.ndarray:
    """Return the logits (N, C) of all images; without options each image is named by itself.

    Parameters
    ----------
    model : Classifier
        It is left as it is.
    cells : CellImages
        Labels are not used. What uses a laboratory's images together is done for each laboratory on its own.
    **options
        Those of `features_and_logits`; `wbc_tutorial.experiments.recipes.Recipe.predict_options` gives them.

    Returns
    -------
    float32 (N, C)
        Softmax makes probabilities of them.

    See Also
    --------
    features_and_logits : the same with the latent features, and all options.
    """
    return features_and_logits(model, cells, **options)[1]


def features_and_logits(
    model: Classifier,
    cells: CellImages,
    *,
    adabn: dict | None = None,
    tta: bool = False,
    n_support: int = 0,
    n_neighbours: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Return features (N, h) and logits (N, C) of all images; the model given is left as it is.

    Parameters
    ----------
    model : Classifier
    cells : CellImages
        Labels are not used. What uses a laboratory's images together is done for each laboratory on its own.
    adabn : dict, default=None
        Options of `adapt_batch_norm`; None = batch norm's statistics stay.
    tta : bool, default=False
        Test-time augmentation: average the features over the square's eight symmetries.
    n_support : int, default=0
        Images a class for `t3a_head`; 0 = the head stays.
    n_neighbours : int, default=0
        Neighbours of each image for `label_spreading`, which comes last; 0 = no spreading.

    Returns
    -------
    features : float32 (N, h)
    logits : float32 (N, C)
    """
    features = np.empty((len(cells), model.n_features), dtype=np.float32)
    logits = np.empty((len(cells), model.n_classes), dtype=np.float32)
    for number in np.unique(cells.domains):
        here = np.flatnonzero(cells.domains == number)
        part = cells.subset(here)
        adapted = model if adabn is None else adapt_batch_norm(copy.deepcopy(model), part, **adabn)
        features[here], logits[here] = extract(adapted, part, tta=tta)
        if n_support:
            known = (torch.as_tensor(each[here]) for each in (features, logits))
            head = t3a_head(copy.deepcopy(model.head).cpu(), *known, n_support=n_support)
            logits[here] = head(torch.as_tensor(features[here])).detach().numpy()
        if n_neighbours:
            logits[here] = label_spreading(features[here], logits[here], n_neighbours=n_neighbours)
    return features, logits


@torch.no_grad()
def adapt_batch_norm(
    model: Classifier,
    cells: CellImages,
    *,
    share: float = 1.0,
    class_balanced: bool = False,
    n_images: int = 1024,
    seed: int = 0,
) -> Classifier:
    """Move batch-norm statistics, in place, towards those of these images; their labels are not read.

    For each layer the mean m' and variance v' over `n_images` images drawn at random, averaged over batches of 64. With
    s = `share`, the new mean is that of a mixture of the old and the new images, ``s m' + (1 - s) m``, and the new
    variance that mixture's, ``s v' + (1 - s) v + s (1 - s) (m' - m)^2``.

    Parameters
    ----------
    model : Classifier
    cells : CellImages
        Of one laboratory.
    share : float in [0, 1]
        1 = the new statistics alone. They carry the laboratory's mix of classes as well as its look: where the two
        differ from training, a mixture is safer.
    class_balanced : bool
        Draw the images so that the classes which the model itself predicts, after a first adaptation to images drawn at
        random, are equally frequent: the laboratory's look is wanted, not its mix.
    n_images, seed : int
        How many images, and which.

    Raises
    ------
    ValueError
        For a model without batch norm, or a share outside [0, 1].

    Notes
    -----
    Li et al., "Adaptive batch normalization for practical domain adaptation", Pattern Recognition 80 (2018); mixed
    statistics: Schneider et al., "Improving robustness against common corruptions by covariate shift adaptation",
    NeurIPS 2020; prediction-balanced sampling: Gong et al., "NOTE: robust continual test-time adaptation against
    temporal correlation", NeurIPS 2022.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        raise ValueError("the model has no batch norm to adapt")
    if not 0 <= share <= 1:
        raise ValueError(f"share is {share}; expected 0 (nothing changes) to 1 (the new statistics alone)")
    model.eval()
    old = [(layer.running_mean.clone(), layer.running_var.clone()) for layer in layers]
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(cells), generator=generator)[:n_images].numpy()
    _mix_statistics(model, layers, old, cells.images[rows], share)
    if class_balanced:
        predicted = extract(model, cells)[1].argmax(1)
        weights = torch.as_tensor(1 / np.bincount(predicted)[predicted])
        rows = torch.multinomial(weights, n_images, replacement=True, generator=generator).numpy()
        _mix_statistics(model, layers, old, cells.images[rows], share)
    return model


def _mix_statistics(model: Classifier, layers: list[nn.Module], old: list, images: np.ndarray, share: float) -> None:
    """Set each layer's statistics to those of a mixture of the old images and these."""
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.train().momentum = None  # the plain mean over batches
    for part in np.array_split(images, max(1, round(len(images) / 64))):
        model.features(as_tensor(part, next(model.parameters()).device))
    for layer, (mean, variance), momentum in zip(layers, old, momenta, strict=True):
        shift = (layer.running_mean - mean).square()
        layer.running_mean.lerp_(mean, 1 - share)
        layer.running_var.lerp_(variance, 1 - share).add_(shift, alpha=share * (1 - share))
        layer.eval().momentum = momentum


@torch.no_grad()
def t3a_head(head: nn.Linear, features: Tensor, logits: Tensor, *, n_support: int = 20) -> nn.Linear:
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
    >>> t3a_head(head, z, z).weight.argmax(1).tolist()
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
    for number, support in enumerate(_lowest_entropy(logits, n_support)):
        weights = F.normalize(head.weight[number], dim=0)
        adjusted.weight[number] = F.normalize(weights + directions[support].sum(0), dim=0)
    return adjusted


def label_spreading(
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
    >>> label_spreading(z, logits, n_neighbours=2, n_support=1).argmax(1).tolist()
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
    for number, rows in enumerate(_lowest_entropy(logits, n_support)):
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


def _lowest_entropy(logits: Tensor, n_support: int) -> list[Tensor]:
    """For each class the rows of lowest entropy, `n_support` at most, among those that the logits name so."""
    predicted, entropy = logits.argmax(1), torch.distributions.Categorical(logits=logits).entropy()
    named = [torch.where(predicted == number)[0] for number in range(logits.shape[1])]
    return [rows[entropy[rows].argsort(stable=True)[:n_support]] for rows in named]
