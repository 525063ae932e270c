"""Verdict: honest metrics when classes are rare, and when whole classes are missing."""

from dataclasses import dataclass

import numpy as np

from wbc_tutorial.data.counts import SHOT_GROUPS, shot_groups

__all__ = [
    "F1Scores",
    "balanced_accuracy",
    "calibration_error",
    "confusion",
    "f1_scores",
    "recall_by_domain",
    "recall_by_shots",
    "recalls",
    "summary",
]


@dataclass(frozen=True)
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
    per_class : float64 (C,)
        F1 of each class; NaN where the class is absent from the truth.
    """

    micro: float
    macro: float
    macro_all: float
    per_class: np.ndarray


def _checked(truth, predicted, n_classes: int) -> tuple[np.ndarray, np.ndarray]:
    truth, predicted = np.asarray(truth), np.asarray(predicted)
    if truth.ndim != 1 or truth.shape != predicted.shape or not len(truth):
        raise ValueError(
            f"truth {truth.shape} and predicted {predicted.shape}: expected two lists of one length, not 0"
        )
    for name, values in (("truth", truth), ("predicted", predicted)):
        if not np.issubdtype(values.dtype, np.integer):
            raise ValueError(
                f"{name} is {values.dtype}; expected class numbers (integers): take argmax of logits first"
            )
        if values.min() < 0 or values.max() >= n_classes:
            raise ValueError(f"{name} runs from {values.min()} to {values.max()}; expected 0 to {n_classes - 1}")
    return truth, predicted


def f1_scores(truth, predicted, n_classes: int) -> F1Scores:
    r"""F1 = 2 TP / (2 TP + FP + FN), averaged three ways.

    Parameters
    ----------
    truth, predicted : int (N,)
        Class numbers, 0 to ``n_classes - 1``.
    n_classes : int
        C.

    Returns
    -------
    F1Scores
        ``micro``, ``macro`` (classes present in the truth), ``macro_all`` (all C classes), ``per_class``.

    Raises
    ------
    ValueError
        When the lists are empty, differ in length, or hold a number outside 0 .. C-1.

    Notes
    -----
    scikit-learn's default macro average runs over the union of true and predicted labels: a single stray prediction
    of a class that is not in the truth lowers it (.4076 here). So the label list is always passed.

    Examples
    --------
    >>> scores = f1_scores([0, 0, 0, 0, 1, 1, 2, 2, 2, 3], [0, 0, 1, 4, 1, 1, 2, 0, 2, 2], n_classes=6)
    >>> round(scores.micro, 4), round(scores.macro, 4), round(scores.macro_all, 4)
    (0.6, 0.5095, 0.3397)
    """
    from sklearn.metrics import f1_score

    truth, predicted = _checked(truth, predicted, n_classes)
    labels = np.arange(n_classes)
    per_class = f1_score(truth, predicted, labels=labels, average=None, zero_division=0)
    present = np.isin(labels, truth)
    micro = f1_score(truth, predicted, labels=labels, average="micro", zero_division=0)
    return F1Scores(
        micro=float(micro),
        macro=float(per_class[present].mean()),
        macro_all=float(np.where(present, per_class, 0).mean()),
        per_class=np.where(present, per_class, np.nan),
    )


def confusion(truth, predicted, n_classes: int) -> np.ndarray:
    """Count images of true class i predicted as j: int64 (C, C), rows = truth."""
    truth, predicted = _checked(truth, predicted, n_classes)
    counts = np.zeros((n_classes, n_classes), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def recalls(truth, predicted, n_classes: int) -> np.ndarray:
    """Recall TP / (TP + FN) of each class, float64 (C,); NaN where the class is absent from the truth."""
    counts = confusion(truth, predicted, n_classes)
    n = counts.sum(axis=1)
    return np.where(n > 0, np.diag(counts) / np.maximum(n, 1), np.nan)


def balanced_accuracy(truth, predicted, n_classes: int) -> float:
    """Mean recall over the classes present in the truth."""
    return float(np.nanmean(recalls(truth, predicted, n_classes)))


def recall_by_domain(truth, predicted, domains, n_domains: int, n_classes: int) -> np.ndarray:
    """Recall of every (laboratory, class) pair, float64 (D, C); NaN where the pair has no image."""
    truth, predicted, domains = np.asarray(truth), np.asarray(predicted), np.asarray(domains)
    table = np.full((n_domains, n_classes), np.nan)
    for domain in np.unique(domains):
        here = domains == domain
        table[domain] = recalls(truth[here], predicted[here], n_classes)
    return table


def recall_by_shots(truth, predicted, training_counts) -> dict[str, float]:
    """Mean recall of many-, medium-, few- and zero-shot classes, by how often each was seen in training.

    Parameters
    ----------
    truth, predicted : int (N,)
    training_counts : int (C,)
        Training images of each class, all laboratories together; groups as in `statistics.shot_groups`.
    """
    recall = recalls(truth, predicted, len(training_counts))
    groups = shot_groups(training_counts)
    means = {}
    for group in SHOT_GROUPS:
        inside = recall[groups == group]
        means[group] = float(np.nanmean(inside)) if np.any(~np.isnan(inside)) else np.nan
    return means


def calibration_error(truth, probabilities, n_bins: int = 15) -> float:
    """Compute the expected calibration error, sum over bins of (images in bin / N) * |accuracy - mean confidence|.

    Parameters
    ----------
    truth : int (N,)
    probabilities : float (N, C)
        Each row sums to 1.
    n_bins : int
        Equal-width bins of the confidence (the largest probability). Source: Guo et al. 2017.
    """
    truth, probabilities = np.asarray(truth), np.asarray(probabilities, dtype=np.float64)
    if probabilities.ndim != 2 or len(truth) != len(probabilities):
        raise ValueError(f"{len(truth)} labels and probabilities {probabilities.shape}; expected (N,) and (N, C)")
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gap = np.bincount(bins, weights=right - confidence, minlength=n_bins)
    return float(np.abs(gap).sum() / len(truth))


def summary(truth, logits, training_counts) -> dict[str, float]:
    """Every number of one row of the results: F1, balanced accuracy, worst class, shot groups, calibration.

    Parameters
    ----------
    truth : int (N,)
    logits : float (N, C)
    training_counts : int (C,)
        Training images per class, all laboratories together.
    """
    logits = np.asarray(logits, dtype=np.float64)
    predicted, n_classes = logits.argmax(axis=1), logits.shape[1]
    scores = f1_scores(truth, predicted, n_classes)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    recall = recalls(truth, predicted, n_classes)
    return {
        "n_images": len(logits),
        "f1_micro": scores.micro,
        "f1_macro": scores.macro,
        "f1_macro_all": scores.macro_all,
        "balanced_accuracy": float(np.nanmean(recall)),
        "worst_class_recall": float(np.nanmin(recall)),
        **{f"recall_{group}": value for group, value in recall_by_shots(truth, predicted, training_counts).items()},
        "calibration_error": calibration_error(truth, exponentials / exponentials.sum(axis=1, keepdims=True)),
    }
