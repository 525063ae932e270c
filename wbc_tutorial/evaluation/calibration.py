"""Calibration: probabilities that hold for one mix of classes, carried over to an even mix, or to another one."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import softmax

from wbc_tutorial.data.cell_images import CellImages
from wbc_tutorial.data.checks import number_between
from wbc_tutorial.losses.checks import check_finite, check_range
from wbc_tutorial.models import Classifier
from wbc_tutorial.training.features import extract

__all__ = ["balance_head", "calibrate", "class_mix"]

_TOWARDS_NONE = 1e-3
"""Weight of the squared biases: a class that is hardly there moves its own bias little."""

_MOST_ROUNDS = 1000
"""Of expectation-maximisation: it stops as soon as no share moves by a millionth."""


def calibrate(logits, labels) -> tuple[float, np.ndarray, np.ndarray]:
    r"""Fit a scale and a bias per class so that the probabilities hold on these images.

    :math:`p(c \mid x) = \mathrm{softmax}_c(a \, s(x) + b)` with the :math:`a > 0` and :math:`b_c` of least
    cross-entropy, plus a small weight on :math:`\sum_c b_c^2`.

    Parameters
    ----------
    logits : float (N, C)
        Scores s of images that the network was not trained on.
    labels : int (N,)

    Returns
    -------
    scale : float
        a.
    bias : float64 (C,)
        b.
    shares : float64 (C,)
        The mean probability of each class: its share among these images.

    Raises
    ------
    ValueError
        No image, logits that are not finite, or arrays that do not fit together.

    Notes
    -----
    Bias-corrected temperature scaling: Alexandari, Kundaje and Shrikumar, "Maximum likelihood with bias-corrected
    calibration is hard-to-beat at label shift adaptation", ICML 2020.

    Examples
    --------
    >>> scale, bias, shares = calibrate([[9.0, 0.0], [9.0, 0.0], [9.0, 0.0], [0.0, 9.0]], [0, 0, 1, 1])
    >>> scale < 1, shares.round(1).tolist()
    (True, [0.5, 0.5])
    """
    scores, truth = torch.as_tensor(np.asarray(logits, dtype=np.float64)), torch.as_tensor(np.asarray(labels))
    if scores.ndim != 2 or not len(scores) or truth.shape != scores.shape[:1]:
        raise ValueError(
            f"logits are {tuple(scores.shape)} and labels {tuple(truth.shape)}; expected (N, C) and (N,), one or more "
            "images"
        )
    check_finite("logits", scores)
    if truth.is_floating_point():
        raise ValueError(f"labels are {truth.dtype}; expected class numbers (integers)")
    check_range("labels", truth, scores.shape[1])
    log_scale = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(scores.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_scale, bias], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = F.cross_entropy(scores * log_scale.exp() + bias, truth.long()) + _TOWARDS_NONE * bias.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    scale, bias = log_scale.exp().detach(), bias.detach()
    shares = (scores * scale + bias).softmax(1).mean(0)
    return scale.item(), bias.numpy(), shares.numpy()


def class_mix(logits, *, held_back: float = 100.0, expected: np.ndarray | None = None) -> np.ndarray:
    r"""Estimate a laboratory's mix of classes from all its images, without labels, by expectation-maximisation.

    .. math:: q_c \leftarrow \frac{\sum_i p_{ic} + m e_c}{N + m}, \qquad
              p_{ic} = \frac{q_c \exp s_{ic}}{\sum_k q_k \exp s_{ik}}

    from :math:`q = e`, until it stays. :math:`m` imagined images with the expected mix :math:`e` hold back an estimate
    from few images; ``logits + log(q)`` are the answers that hold for the estimated mix.

    Parameters
    ----------
    logits : float (N, C)
        Scores s that hold for an even mix, such as those of a network after `balance_head`.
    held_back : float, default=100.0
        m.
    expected : float (C,), default=None
        e, positive; None = an even mix.

    Returns
    -------
    float64 (C,)
        q, positive; its sum is 1.

    Raises
    ------
    ValueError
        No image, logits that are not finite, or a number out of range.

    Notes
    -----
    Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural
    Computation 14 (2002). It holds where the classes look alike in both laboratories and only their shares differ.

    Examples
    --------
    >>> class_mix([[9.0, 0.0]] * 900 + [[0.0, 9.0]] * 100).round(2).tolist()
    [0.86, 0.14]
    """
    number_between("held_back", held_back, 1e-6, 1e9, "(imagined images, such as 100)")
    scores = np.asarray(logits, dtype=np.float64)
    if scores.ndim != 2 or not scores.size:
        raise ValueError(f"logits are {scores.shape}; expected (N, C), one or more images")
    check_finite("logits", torch.as_tensor(scores))
    n, n_classes = scores.shape
    expected = np.full(n_classes, 1 / n_classes) if expected is None else expected
    mix = expected
    for _ in range(_MOST_ROUNDS):
        before, named = mix, softmax(scores + np.log(mix), axis=1)
        mix = (named.sum(axis=0) + held_back * expected) / (n + held_back)
        if np.abs(mix - before).max() < 1e-6:
            break
    return mix


@torch.no_grad()
def balance_head(model: Classifier, cells: CellImages, *, tta: bool = False) -> Classifier:
    r"""Change the head, in place, so that it answers as if all classes were equally frequent.

    The calibrated logits :math:`a \, s + b` hold for the mix of classes in `cells`; taking off the logarithm of their
    shares :math:`\pi_c` makes them hold for an even mix: ``W' = a W``, ``bias' = a bias + b - log(pi)``.

    Parameters
    ----------
    model : Classifier
        Trained.
    cells : CellImages
        Known laboratories, images that were not trained on; their labels are used. A class without an image among them
        is raised no more than the rarest class that has one: evened out to the others, it would take their images.
    tta : bool, default=False
        Whether predictions will average over the square's eight symmetries.

    Returns
    -------
    Classifier
        The same model.

    Raises
    ------
    ValueError
        For no image, or arguments of another kind.

    See Also
    --------
    calibrate : the fit behind it.

    Notes
    -----
    Scores on the same `cells` come out a little too high afterwards: C + 1 numbers were fitted to them.

    The correction of logits by class shares: Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier
    to new a priori probabilities", Neural Computation 14 (2002); Menon et al., "Long-tail learning via logit
    adjustment", ICLR 2021.
    """
    logits = extract(model, cells, tta=tta)[1]
    with torch.enable_grad():
        scale, bias, shares = calibrate(logits, cells.labels)
    shares = shares.clip(min=shares[np.unique(cells.labels)].min())
    head = model.head
    head.weight.mul_(scale)
    head.bias.mul_(scale).add_(torch.as_tensor(bias - np.log(shares)).to(head.bias))
    return model
