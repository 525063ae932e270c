"""Metrics: honest scores when classes are rare, and when whole classes are missing."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.data.counts import SHOT_GROUPS, shot_groups

__all__ = [
    "CalibrationBins",
    "F1Scores",
    "balanced_accuracy",
    "calibration_bins",
    "calibration_error",
    "confusion",
    "f1_scores",
    "recall_by_domain",
    "recall_by_shots",
    "recalls",
    "summary",
]

MANY_ENOUGH = 10
"""Images that a class needs in the truth to enter `F1Scores.macro_min10`: of two images, one moves F1 by a half."""


def f1_scores(truth, predicted, n_classes: int) -> "F1Scores":
    r"""Compute F1 = 2 TP / (2 TP + FP + FN) of each class, and its averages.

    Parameters
    ----------
    truth, predicted : int (N,)
        Class numbers, 0 to ``n_classes - 1``.
    n_classes : int
        C.

    Returns
    -------
    F1Scores
        ``micro``, ``macro`` (classes present in the truth), ``macro_all`` (all C classes), ``macro_min10`` (classes
        with ten images or more in the truth), ``per_class``.

    Raises
    ------
    ValueError
        When the lists are empty, differ in length, or hold something else than numbers 0 .. C-1.

    See Also
    --------
    balanced_accuracy : the mean recall, which does not see where wrong images go.

    Notes
    -----
    scikit-learn's default macro average runs over the union of true and predicted labels: a single stray prediction
    of a class that is not in the truth lowers it (.4076 here). So the label list is always passed.

    Examples
    --------
    >>> scores = f1_scores([0, 0, 0, 0, 1, 1, 2, 2, 2, 3], [0, 0, 1, 4, 1, 1, 2, 0, 2, 2], n_classes=6)
    >>> scores
    F1Scores(micro 0.600, macro 0.510 over 4 classes, macro_all 0.340, macro_min10 nan)
    >>> round(scores.micro, 4), round(scores.macro, 4), round(scores.macro_all, 4)
    (0.6, 0.5095, 0.3397)
    """
    from sklearn.metrics import f1_score

    truth, predicted = _checked(truth, predicted, n_classes)
    labels = np.arange(n_classes)
    per_class = f1_score(truth, predicted, labels=labels, average=None, zero_division=0)
    n = np.bincount(truth, minlength=n_classes)
    micro = f1_score(truth, predicted, labels=labels, average="micro", zero_division=0)
    many = n >= MANY_ENOUGH
    return F1Scores(
        micro=float(micro),
        macro=float(per_class[n > 0].mean()),
        macro_all=float(np.where(n > 0, per_class, 0).mean()),
        macro_min10=float(per_class[many].mean()) if many.any() else float("nan"),
        per_class=np.where(n > 0, per_class, np.nan),
    )


@dataclass(frozen=True, eq=False, repr=False)
class F1Scores:
    """What `f1_scores` returns.

    Attributes
    ----------
    micro : float
        F1 over all decisions at once; for one label per image it equals the accuracy.
    macro : float
        Mean F1 over the classes **present in the truth** (the headline).
    macro_all : float
        Mean F1 over all C classes; a class absent from the truth counts 0.
    macro_min10 : float
        Mean F1 over the classes with ten images or more in the truth; NaN where there is none.
    per_class : float64 (C,)
        F1 of each class; NaN where the class is absent from the truth.
    """

    micro: float
    macro: float
    macro_all: float
    macro_min10: float
    per_class: np.ndarray

    def __repr__(self) -> str:
        present = int((~np.isnan(self.per_class)).sum())
        return (
            f"F1Scores(micro {self.micro:.3f}, macro {self.macro:.3f} over {present} classes, "
            f"macro_all {self.macro_all:.3f}, macro_min10 {self.macro_min10:.3f})"
        )


def confusion(truth, predicted, n_classes: int) -> np.ndarray:
    """Count images of true class i predicted as j: int64 (C, C), rows = truth.

    Parameters and errors are those of `f1_scores`.

    Examples
    --------
    >>> confusion([0, 0, 1], [0, 1, 1], n_classes=3).tolist()
    [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    """
    from sklearn.metrics import confusion_matrix

    truth, predicted = _checked(truth, predicted, n_classes)
    return confusion_matrix(truth, predicted, labels=np.arange(n_classes)).astype(np.int64)


def recalls(truth, predicted, n_classes: int) -> np.ndarray:
    """Compute the recall TP / (TP + FN) of each class, float64 (C,); NaN where the class is absent from the truth.

    Parameters and errors are those of `f1_scores`.

    Examples
    --------
    >>> recalls([0, 0, 1], [0, 1, 1], n_classes=3).tolist()
    [0.5, 1.0, nan]
    """
    from sklearn.metrics import recall_score

    truth, predicted = _checked(truth, predicted, n_classes)
    return recall_score(truth, predicted, labels=np.arange(n_classes), average=None, zero_division=np.nan)


def balanced_accuracy(truth, predicted, n_classes: int) -> float:
    """Compute the mean recall over the classes present in the truth.

    It is scikit-learn's ``balanced_accuracy_score``, without the warning that comes with each stray prediction.
    Parameters and errors are those of `f1_scores`.

    Examples
    --------
    >>> balanced_accuracy([0, 0, 1], [0, 1, 1], n_classes=3)
    0.75
    """
    return float(np.nanmean(recalls(truth, predicted, n_classes)))


def recall_by_domain(truth, predicted, domains, n_domains: int, n_classes: int) -> np.ndarray:
    """Compute the recall of every domain-class pair, float64 (D, C); NaN where the pair has no image.

    Parameters
    ----------
    truth, predicted, domains : int (N,)
    n_domains, n_classes : int
        D and C.

    Raises
    ------
    ValueError
        What `f1_scores` refuses, or domains that are not one number 0 .. D-1 for each image.
    """
    truth, predicted = _checked(truth, predicted, n_classes)
    domains, _ = _checked(domains, domains, n_domains, names=("domains", "domains"))
    if len(domains) != len(truth):
        raise ValueError(f"domains {domains.shape} and truth {truth.shape}: expected one domain for each image")
    table = np.full((n_domains, n_classes), np.nan)
    for domain in np.unique(domains):
        here = domains == domain
        table[domain] = recalls(truth[here], predicted[here], n_classes)
    return table


def recall_by_shots(truth, predicted, training_counts) -> dict[str, float]:
    """Compute the mean recall of many-, medium-, few- and zero-shot classes, by how often training saw them.

    Parameters
    ----------
    truth, predicted : int (N,)
    training_counts : int (C,)
        Training images of each class, all laboratories together; groups as in `wbc_tutorial.shot_groups`.

    Returns
    -------
    dict
        ``"many"``, ``"medium"``, ``"few"``, ``"zero"`` -> mean recall; NaN where no class of the group is in the truth.
    """
    groups = shot_groups(training_counts)
    recall = recalls(truth, predicted, len(groups))
    means = {}
    for group in SHOT_GROUPS:
        inside = recall[groups == group]
        means[group] = float(np.nanmean(inside)) if np.any(~np.isnan(inside)) else np.nan
    return means


class CalibrationBins(NamedTuple):
    """What `calibration_bins` returns: one entry per bin of the confidence, float64 (n_bins,).

    Attributes
    ----------
    n_images : int64 (n_bins,)
    confidence, accuracy : float64 (n_bins,)
        Mean confidence, and the share that is right; NaN in a bin without images.
    """

    n_images: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def calibration_bins(truth, probabilities, n_bins: int = 15) -> CalibrationBins:
    """Compare confidence with accuracy in equal-width bins of the confidence, which is the largest probability.

    Parameters
    ----------
    truth : int (N,)
    probabilities : float (N, C)
        Each row sums to 1.
    n_bins : int, default=15

    Raises
    ------
    ValueError
        Lists of other shapes, or numbers that are no probabilities.

    See Also
    --------
    calibration_error : the one number made of them.

    Notes
    -----
    Source: Guo et al., "On calibration of modern neural networks", ICML 2017.

    Examples
    --------
    >>> bins = calibration_bins([0, 1, 1, 1], [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]], n_bins=2)
    >>> bins.n_images.tolist(), bins.confidence.tolist(), bins.accuracy.tolist()
    ([0, 4], [nan, 0.75], [nan, 0.75])
    """
    probabilities = _array("probabilities", probabilities)
    whole_number("n_bins", n_bins, least=1)
    if probabilities.ndim != 2 or not probabilities.size or not np.issubdtype(probabilities.dtype, np.number):
        raise ValueError(f"probabilities are {probabilities.dtype} {probabilities.shape}; expected float (N, C)")
    probabilities = probabilities.astype(np.float64)
    if not ((probabilities >= -1e-6) & (probabilities <= 1 + 1e-6)).all():
        raise ValueError("probabilities hold a number outside 0 to 1; make them from logits with softmax")
    truth, predicted = _checked(truth, probabilities.argmax(axis=1), probabilities.shape[1])
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    n = np.bincount(bins, minlength=n_bins)
    sums = (np.bincount(bins, weights=values, minlength=n_bins) for values in (confidence, predicted == truth))
    mean_confidence, accuracy = (np.where(n > 0, each / np.maximum(n, 1), np.nan) for each in sums)
    return CalibrationBins(n, mean_confidence, accuracy)


def calibration_error(truth, probabilities, n_bins: int = 15) -> float:
    """Compute the expected calibration error, sum over bins of (images in bin / N) * ``|accuracy - mean confidence|``.

    Parameters and errors are those of `calibration_bins`.

    Examples
    --------
    >>> round(calibration_error([0, 1], [[0.9, 0.1], [0.2, 0.8]]), 6)  # right both times, .9 and .8 sure of it
    0.15
    """
    n, confidence, accuracy = calibration_bins(truth, probabilities, n_bins)
    return float(np.nansum(n * np.abs(accuracy - confidence)) / n.sum())


def summary(truth, logits, training_counts) -> dict[str, float]:
    """Compute every score of one row of the results: F1, balanced accuracy, worst class, shot groups, calibration.

    Parameters
    ----------
    truth : int (N,)
    logits : float (N, C)
    training_counts : int (C,)
        Training images per class, all laboratories together.

    Returns
    -------
    dict
        Column of ``results.csv`` -> number.

    Raises
    ------
    ValueError
        Logits that are not a finite table, or what `f1_scores` refuses.
    """
    from scipy.special import softmax

    logits = _array("logits", logits).astype(np.float64)
    if logits.ndim != 2 or not np.isfinite(logits).all():
        raise ValueError(f"logits are {logits.shape}; expected finite numbers (N, C): did the training diverge?")
    predicted, n_classes = logits.argmax(axis=1), logits.shape[1]
    scores = f1_scores(truth, predicted, n_classes)
    recall = recalls(truth, predicted, n_classes)
    return {
        "n_images": len(logits),
        "f1_micro": scores.micro,
        "f1_macro": scores.macro,
        "f1_macro_all": scores.macro_all,
        "f1_macro_min10": scores.macro_min10,
        "balanced_accuracy": float(np.nanmean(recall)),
        "worst_class_recall": float(np.nanmin(recall)),
        **{f"recall_{group}": value for group, value in recall_by_shots(truth, predicted, training_counts).items()},
        "calibration_error": calibration_error(truth, softmax(logits, axis=1)),
    }


def _checked(truth, predicted, n_classes: int, *, names=("truth", "predicted")) -> tuple[np.ndarray, np.ndarray]:
    """Return both as integer arrays of one length with numbers below `n_classes`, or say what is wrong with them."""
    whole_number("the number of classes" if names[0] == "truth" else "the number of domains", n_classes, least=1)
    truth, predicted = _array(names[0], truth), _array(names[1], predicted)
    if truth.ndim != 1 or truth.shape != predicted.shape or not len(truth):
        raise ValueError(
            f"{names[0]} {truth.shape} and {names[1]} {predicted.shape}: expected two lists of one length, not 0"
        )
    for name, values in zip(names, (truth, predicted), strict=True):
        if not np.issubdtype(values.dtype, np.integer):
            raise ValueError(
                f"{name} is {values.dtype}; expected class numbers (integers): take argmax of logits first"
            )
        if values.min() < 0 or values.max() >= n_classes:
            raise ValueError(f"{name} runs from {values.min()} to {values.max()}; expected 0 to {n_classes - 1}")
    return truth, predicted


def _array(name: str, values) -> np.ndarray:
    """Return lists, arrays or a tensor on any device as an array."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    try:
        return np.asarray(values)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: got a {type(values).__name__} of unequal rows, expected a plain list of numbers"
        ) from None
