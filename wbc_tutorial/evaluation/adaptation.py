"""Predictions, and what they may take from a laboratory's images without their labels once a network is trained.

`predict` is what others call. The rest are its ingredients: batch norm with the laboratory's own statistics (AdaBN), a
head made of its own features (T3A), and labels that spread to neighbours.
"""

import copy
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from sklearn.neighbors import kneighbors_graph
from sklearn.semi_supervised import LabelSpreading
from torch import Tensor, nn

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.checks import number_between, whole_number
from wbc_tutorial.evaluation.calibration import class_mix
from wbc_tutorial.losses.checks import check_finite
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.batches import as_tensor
from wbc_tutorial.training.features import check_model_and_cells, extract

__all__ = ["StepBackWarning", "adapt_batch_norm", "features_and_logits", "label_spreading", "predict", "t3a_head"]


IMAGES_PER_CLASS, LARGEST_SHARE = 50, 0.6
"""With fewer images, or with one name for a larger share of them, a laboratory is not read by its images together: in
eight simulated laboratories of 60 to 240 images label spreading loses .1 to .4 F1-macro (docs/results.md)."""


class StepBackWarning(UserWarning):
    """A laboratory was read image by image, although a recipe would use its images together."""


def predict(model: Classifier, cells: CellImages, **options) -> np.ndarray:
    """Compute the logits (N, C) of all images; without options, each image's depend on that image alone.

    Parameters
    ----------
    model : Classifier
        Its weights and statistics stay as they are.
    cells : CellImages
        Labels are not used. What uses a laboratory's images together is done for each laboratory on its own.
    **options
        Those of `features_and_logits`; ``wbc.Recipe(...).predict_options(known=False)`` gives them for an unseen
        laboratory.

    Returns
    -------
    float32 (N, C)
        ``scipy.special.softmax(logits, axis=1)`` makes probabilities of them.

    Raises
    ------
    ValueError
        For an argument of another kind or out of range.

    See Also
    --------
    features_and_logits : the same with the latent features, and all options.

    Examples
    --------
    >>> from wbc_tutorial.models import small_cnn
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 3, 16, 16), dtype=np.uint8)
    >>> cells = CellImages(images, np.zeros(4, int), np.zeros(4, int), ("a", "b"), ("lab1",))
    >>> predict(small_cnn(n_classes=2, width=4), cells, tta=True).shape
    (4, 2)
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
    held_back: float = 0.0,
    step_back: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute features (N, h) and logits (N, C) of all images.

    Parameters
    ----------
    model : Classifier
        Its weights and statistics stay as they are.
    cells : CellImages
        Labels are not used. What uses a laboratory's images together is done for each laboratory on its own.
    adabn : dict, default=None
        Options of `adapt_batch_norm`; None = batch norm's statistics stay.
    tta : bool, default=False
        Test-time augmentation: average the features over the square's eight symmetries.
    n_support : int, default=0
        Images per class for `t3a_head`; 0 = the head stays.
    n_neighbours : int, default=0
        Neighbours of each image for `label_spreading`, which comes last; 0 = no spreading.
    held_back : float, default=0.0
        Follow the laboratory's mix of classes, which `class_mix` estimates with so many imagined images; 0 = do not.
        The head must answer for an even mix (`balance_head`).
    step_back : bool, default=False
        Read a laboratory image by image where using its images together is unsafe: where it has fewer than 50 images
        per class, or where the network gives one name to more than 60 % of them. A recipe asks for it.

    Returns
    -------
    features : float32 (N, h)
    logits : float32 (N, C)

    Raises
    ------
    ValueError
        For an argument of another kind or out of range.

    Warns
    -----
    StepBackWarning
        With the laboratory that was read image by image, and why.
    """
    check_model_and_cells(model, cells)
    whole_number("n_support", n_support)
    whole_number("n_neighbours", n_neighbours)
    features = np.empty((len(cells), model.n_features), dtype=np.float32)
    logits = np.empty((len(cells), model.n_classes), dtype=np.float32)
    for number in np.unique(cells.domains):
        here = np.flatnonzero(cells.domains == number)
        part = cells.subset(here)
        if step_back and (adabn is not None or n_support or n_neighbours or held_back):
            features[here], logits[here] = extract(model, part, tta=tta)
            if reason := _why_unsafe(logits[here]):
                name = cells.domain_names[number]
                warnings.warn(f"{name} was read image by image: {reason}", StepBackWarning, stacklevel=2)
                continue
        adapted = model if adabn is None else adapt_batch_norm(copy.deepcopy(model), part, **adabn)
        features[here], logits[here] = extract(adapted, part, tta=tta)
        if n_support:
            known = (torch.as_tensor(each[here]) for each in (features, logits))
            head = t3a_head(copy.deepcopy(model.head).cpu(), *known, n_support=n_support)
            logits[here] = head(torch.as_tensor(features[here])).detach().numpy()
        if n_neighbours:
            logits[here] = label_spreading(features[here], logits[here], n_neighbours=n_neighbours)
        if held_back:
            logits[here] += np.log(class_mix(logits[here], held_back=held_back)).astype(np.float32)
    return features, logits


def _why_unsafe(logits: np.ndarray) -> str:
    """Say why the images of a laboratory should not be used together, or "" if they may."""
    n, n_classes = logits.shape
    if n < IMAGES_PER_CLASS * n_classes:
        return f"{n} images are fewer than {IMAGES_PER_CLASS} for each of {n_classes} classes"
    largest = np.bincount(logits.argmax(axis=1)).max() / n
    if largest > LARGEST_SHARE:
        return f"{largest:.0%} of its images get one name, more than {LARGEST_SHARE:.0%}"
    return ""


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
    """Move batch-norm statistics, in place, towards those of these images (AdaBN); labels are not used.

    For each layer the mean m' and variance v' are taken over `n_images` images drawn at random, averaged over batches
    of 64. With s = `share`, the new mean is that of a mixture of the old and the new images, ``s m' + (1 - s) m``, and
    the new variance is that mixture's, ``s v' + (1 - s) v + s (1 - s) (m' - m)^2``.

    Parameters
    ----------
    model : Classifier
        Changed in place.
    cells : CellImages
        Of one laboratory.
    share : float in [0, 1], default=1.0
        1 = the new statistics alone. They carry the laboratory's mix of classes as well as its look: where its mix
        differs from that of training, a mixture is safer.
    class_balanced : bool, default=False
        Draw the images so that the classes which the model itself predicts, after a first adaptation to images drawn at
        random, are equally frequent: the laboratory's look is wanted, not its mix.
    n_images : int, default=1024
        How many images are drawn, at most.
    seed : int, default=0
        Of the draw.

    Returns
    -------
    Classifier
        The same model, set to evaluation.

    Raises
    ------
    ValueError
        For a model without batch norm, fewer than two images, or a number out of range.

    Notes
    -----
    Li et al., "Adaptive batch normalization for practical domain adaptation", Pattern Recognition 80 (2018); mixed
    statistics: Schneider et al., "Improving robustness against common corruptions by covariate shift adaptation",
    NeurIPS 2020; prediction-balanced sampling: Gong et al., "NOTE: robust continual test-time adaptation against
    temporal correlation", NeurIPS 2022.
    """
    check_model_and_cells(model, cells)
    number_between("share", share, 0, 1, "(0 changes nothing, 1 takes the new statistics alone)")
    whole_number("n_images", n_images, least=1)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        raise ValueError("the model has no batch norm to adapt; leave this out for a network with group norm")
    if min(len(cells), n_images) < 2:  # one image has no variance
        where = cells.domain_names[cells.domains[0]] if len(cells) else "cells"
        raise ValueError(
            f"{where}: batch norm would adapt to {min(len(cells), n_images)} of its images, expected two or more: "
            "leave adabn out of the recipe"
        )
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


def _mix_statistics(model: Classifier, layers: list, old: list, images: np.ndarray, share: float) -> None:
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
    """Build a linear head whose weights are means of the laboratory's own features of lowest entropy (T3A).

    ``w'_c = normalise(sum of w_c / |w_c| and of z_i / |z_i| over the support of c)``, ``logits_c = w'_c . z``, no bias.
    The support of c are the `n_support` images of lowest entropy among those whose largest logit is c. Labels are not
    used.

    Parameters
    ----------
    head : nn.Linear
        Trained; its weights (C, h) are one member of each mean, so that a class without support keeps its direction.
    features : float (N, h)
    logits : float (N, C)
    n_support : int, default=20

    Returns
    -------
    nn.Linear
        A new head; the given one stays as it is.

    Raises
    ------
    ValueError
        Shapes that do not fit together, numbers that are not finite, or fewer than one image per class.

    Notes
    -----
    Iwasawa and Matsuo, "Test-time classifier adjustment module for model-agnostic domain generalization", NeurIPS
    2021. In the paper, images come one by one; here, all images of a laboratory are used at once.

    Examples
    --------
    >>> import torch
    >>> head = torch.nn.Linear(2, 2)
    >>> _ = head.weight.data.copy_(torch.eye(2))
    >>> z = torch.tensor([[3.0, 1.0], [1.0, 3.0]])
    >>> t3a_head(head, z, z).weight.argmax(1).tolist()
    [0, 1]
    """
    whole_number("n_support", n_support, least=1)
    if features.shape[0] != logits.shape[0] or features.shape[1:] != head.weight.shape[1:]:
        raise ValueError(
            f"features are {tuple(features.shape)}, logits {tuple(logits.shape)} and the head's weights "
            f"{tuple(head.weight.shape)}; expected (N, h), (N, C) and (C, h)"
        )
    check_finite("features", features)
    check_finite("logits", logits)
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
    """Let the images of lowest entropy in each class pass their label to their neighbours, and those to theirs.

    ``F = (1 - alpha) (I - alpha D^-1/2 A D^-1/2)^-1 Y``, by iteration. A joins images (0 or 1) of which one is among
    the `n_neighbours` nearest of the other, by the cosine of their features; D holds its row sums; Y is one-hot for the
    `n_support` images of lowest entropy among those whose largest logit is c, and 0 elsewhere. Labels are not used.

    Parameters
    ----------
    features : float (N, h)
        Of one laboratory.
    logits : float (N, C)
        They say where to start.
    n_neighbours : int, default=10
    n_support : int, default=20
    alpha : float in (0, 1), default=0.99
        Near 0 labels stay where they start, near 1 they travel far.

    Returns
    -------
    float (N, C)
        log F, each row of F normalised to the sum 1. Images that no start reaches keep the log-softmax of the given
        logits; so do all images where there are at most ``n_neighbours + 1`` of them, since all would be joined to all.

    Raises
    ------
    ValueError
        For arrays of different lengths or with numbers that are not finite, a number below 1, or alpha outside (0, 1).

    Notes
    -----
    A class with fewer images than neighbours is joined to other classes more than to itself, and has fewer starts than
    they: its images may take the label of another class, even where the network was right.

    Cosines order neighbours as the distances of features of length 1 do, which is how they are found. Source:
    Zhou et al., "Learning with local and global consistency", NIPS 2003; for a network's features of unlabelled images:
    Iscen et al., "Label propagation for deep semi-supervised learning", CVPR 2019. Iteration: scikit-learn.

    Examples
    --------
    Six cells on an arc. The network is sure of the first and of the last, and is wrong about the two beside the last:

    >>> import numpy as np
    >>> angle = np.array([0.0, 0.1, 0.2, 1.3, 1.4, 1.5])
    >>> z = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> logits = np.array([[9.0, 0], [1, 0], [1, 0], [1, 0], [1, 0], [0, 9]])
    >>> label_spreading(z, logits, n_neighbours=2, n_support=1).argmax(1).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    if len(features) != len(logits):
        raise ValueError(f"{len(features)} features and {len(logits)} rows of logits: expected one of each per image")
    whole_number("n_neighbours", n_neighbours, least=1)
    whole_number("n_support", n_support, least=1)
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; expected more than 0 (labels stay) and less than 1 (starts are forgotten)")
    z, scores = (torch.as_tensor(np.array(each)) for each in (features, logits))
    check_finite("features", z)
    check_finite("logits", scores)
    own = F.log_softmax(scores, dim=1).numpy()
    if len(z) <= n_neighbours + 1:
        return own  # all would be joined to all, and the commonest class take every image
    start = np.full(len(z), -1)
    for number, rows in enumerate(_lowest_entropy(scores, n_support)):
        start[rows] = number

    def joined(left: np.ndarray, _: np.ndarray) -> csr_array:
        near = kneighbors_graph(left, n_neighbours)
        return near.maximum(near.T)

    directions = F.normalize(z, dim=1).numpy()
    spread = LabelSpreading(kernel=joined, alpha=alpha, max_iter=10_000).fit(directions, start)
    reached = spread.label_distributions_.sum(axis=1) > 0
    shares = np.zeros_like(own)
    shares[:, spread.classes_] = spread.label_distributions_
    tiny = np.finfo(own.dtype).tiny
    return np.where(reached[:, None], np.log(shares.clip(tiny)), own)


def _lowest_entropy(logits: Tensor, n_support: int) -> list[Tensor]:
    """Return for each class the rows of lowest entropy, `n_support` at most, among those whose largest logit it is."""
    predicted, entropy = logits.argmax(1), torch.distributions.Categorical(logits=logits).entropy()
    chosen = [torch.where(predicted == number)[0] for number in range(logits.shape[1])]
    return [rows[entropy[rows].argsort(stable=True)[:n_support]] for rows in chosen]
