"""Metrics, against hand-computed values and an independent oracle."""

import math
import warnings

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from wbc_tutorial.evaluation import metrics

TRUTH, PREDICTED = [0, 0, 0, 0, 1, 1, 2, 2, 2, 3], [0, 0, 1, 4, 1, 1, 2, 0, 2, 2]


def test_golden_f1():
    scores = metrics.f1_scores(TRUTH, PREDICTED, 6)
    assert scores.micro == pytest.approx(0.6, abs=1e-12)
    assert scores.macro == pytest.approx(0.509523809524, abs=1e-12)
    assert scores.macro_all == pytest.approx(0.339682539683, abs=1e-12)
    assert f1_score(TRUTH, PREDICTED, average="macro") == pytest.approx(0.407619047619, abs=1e-12)  # the trap
    assert np.isnan(scores.per_class[[4, 5]]).all() and not np.isnan(scores.per_class[:4]).any()


def f1_by_hand(truth, predicted, c):
    tp = sum(t == p == c for t, p in zip(truth, predicted, strict=True))
    wrong = sum((t == c) != (p == c) for t, p in zip(truth, predicted, strict=True))
    return 2 * tp / (2 * tp + wrong) if tp + wrong else 0.0


@pytest.mark.parametrize("seed", range(5))
def test_metrics_equal_plain_loops(seed):
    generator = np.random.default_rng(seed)
    truth, predicted = generator.integers(0, 4, 60), generator.integers(0, 6, 60)
    scores = metrics.f1_scores(truth, predicted, 7)
    each = [f1_by_hand(truth, predicted, c) for c in range(7)]
    assert scores.macro == pytest.approx(sum(each[:4]) / 4) and scores.macro_all == pytest.approx(sum(each[:4]) / 7)
    assert scores.micro == pytest.approx(accuracy_score(truth, predicted))
    oracle = np.mean([np.mean(predicted[truth == c] == c) for c in range(4)])
    assert metrics.balanced_accuracy(truth, predicted, 7) == pytest.approx(oracle)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "y_pred contains classes not in y_true", UserWarning)
        assert metrics.balanced_accuracy(truth, predicted, 7) == pytest.approx(
            balanced_accuracy_score(truth, predicted)
        )
    pairs = [[np.sum((truth == i) & (predicted == j)) for j in range(7)] for i in range(7)]
    assert metrics.confusion(truth, predicted, 7).tolist() == pairs
    assert np.isnan(metrics.recalls(truth, predicted, 7)[4:]).all()


def test_relabelling_classes_changes_no_average():
    order = np.random.default_rng(0).permutation(6)
    a = metrics.f1_scores(TRUTH, PREDICTED, 6)
    b = metrics.f1_scores(order[TRUTH], order[PREDICTED], 6)
    assert (a.micro, a.macro) == pytest.approx((b.micro, b.macro))


def test_macro_over_classes_with_ten_images_or_more():
    """Of two basophils one moves the macro average; among classes of ten or more it does not."""
    truth = [0] * 10 + [1] * 12 + [2] * 9 + [3] * 2
    predicted = [0] * 10 + [1] * 12 + [0] * 9 + [3, 1]
    scores = metrics.f1_scores(truth, predicted, 5)
    f1 = [f1_by_hand(truth, predicted, c) for c in range(4)]
    assert scores.macro_min10 == pytest.approx((f1[0] + f1[1]) / 2) and scores.macro == pytest.approx(sum(f1) / 4)
    assert math.isnan(metrics.f1_scores(TRUTH, PREDICTED, 6).macro_min10)
    assert "macro_min10 0.8" in repr(scores) and "over 4 classes" in repr(scores)
    logits = np.eye(5)[predicted]
    assert metrics.summary(truth, logits, [50] * 5)["f1_macro_min10"] == scores.macro_min10


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([], [], "not 0"), ([0, 1], [0], "one length"), ([0, 6], [0, 0], "0 to 5"), ([0, 1], [0, -1], "0 to 5"),
        ([0.0, 1.0], [0, 1], "argmax"), ([[0]], [[0]], "two lists"), (None, [0], "two lists"), ([0], None, "two lists"),
        ([True, False], [0, 1], "truth is bool"), (["a", "b"], [0, 1], "expected class numbers"),
        ([[0], [1, 2]], [0, 1], "truth: got a list of unequal rows"), ([1j, 0], [0, 1], "truth is complex128"),
        ([0, 1], torch.zeros(2), "predicted is float32"),
    ],
)  # fmt: skip
def test_input_that_cannot_be_scored(truth, predicted, message):
    for metric in (metrics.f1_scores, metrics.confusion, metrics.recalls, metrics.balanced_accuracy):
        with pytest.raises(ValueError, match=message):
            metric(truth, predicted, 6)


@pytest.mark.parametrize("n_classes", [0, -1, 2.0, None, "6", True])
def test_a_number_of_classes_that_is_none(n_classes):
    with pytest.raises(ValueError, match="the number of classes is .*: expected a whole number, 1 or more"):
        metrics.f1_scores(TRUTH, PREDICTED, n_classes)


def test_lists_tuples_arrays_and_tensors_score_alike():
    expected = metrics.f1_scores(TRUTH, PREDICTED, 6).macro
    for kind in (tuple, np.array, torch.tensor, lambda x: np.array(x, dtype=np.uint8)):
        assert metrics.f1_scores(kind(TRUTH), kind(PREDICTED), 6).macro == expected


def test_recall_by_domain_marks_absent_pairs():
    table = metrics.recall_by_domain([0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], 3, 3)
    np.testing.assert_array_equal(table, [[0.5, 1, np.nan], [np.nan, 1, np.nan], [np.nan] * 3])
    with pytest.raises(ValueError, match="domains runs from 0 to 3; expected 0 to 2"):
        metrics.recall_by_domain([0, 0], [0, 1], [0, 3], 3, 3)
    with pytest.raises(ValueError, match="expected one domain for each image"):
        metrics.recall_by_domain([0, 0], [0, 1], [0], 3, 3)


def test_recall_by_shots():
    means = metrics.recall_by_shots([0, 0, 1, 2, 3], [0, 1, 1, 2, 0], [500, 100, 20, 0, 3])
    assert means == {"many": 0.5, "medium": 1.0, "few": 1.0, "zero": 0.0}
    assert math.isnan(metrics.recall_by_shots([0], [0], [500, 1])["few"])


def test_calibration_error_by_hand():
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
    assert metrics.calibration_error([0, 1, 1, 1], probabilities, n_bins=10) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)
    assert metrics.calibration_error([0, 1], np.eye(2)) == 0
    bins = metrics.calibration_bins([0, 1, 1, 1], probabilities, n_bins=10)
    assert bins.n_images.tolist() == [0] * 6 + [2, 0, 0, 2]
    assert np.nanmax(bins.confidence) == pytest.approx(0.9) and bins.accuracy[9] == 0.5 and np.isnan(bins.accuracy[0])


@pytest.mark.parametrize(
    ("truth", "probabilities", "n_bins", "message"),
    [
        ([0], [0.5, 0.5], 15, r"probabilities are float64 \(2,\)"),
        ([0], [[3.0, 0.5]], 15, "a number outside 0 to 1; make them from logits with softmax"),
        ([0], [[math.nan, 0.5]], 15, "outside 0 to 1"),
        ([0, 1], [[0.5, 0.5]], 15, "one length"),
        ([2], [[0.5, 0.5]], 15, "truth runs from 2 to 2"),
        ([0], [[0.5, 0.5]], 0, "n_bins is 0"),
        ([], np.zeros((0, 2)), 15, "expected float"),
    ],
)
def test_probabilities_that_are_none(truth, probabilities, n_bins, message):
    for metric in (metrics.calibration_bins, metrics.calibration_error):
        with pytest.raises(ValueError, match=message):
            metric(truth, probabilities, n_bins)


def test_the_calibration_error_is_that_of_its_bins():
    generator = np.random.default_rng(0)
    truth, probabilities = generator.integers(0, 4, 200), softmax(generator.normal(size=(200, 4)), axis=1)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    expected = 0.0
    for low in np.arange(15) / 15:
        inside = (confidence >= low) & (confidence < low + 1 / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert metrics.calibration_error(truth, probabilities) == pytest.approx(expected)


def test_logits_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="expected finite numbers .*: did the training diverge"):
        metrics.summary([0, 1], [[0.1, np.nan], [0, 1]], [1, 1])


def test_summary_agrees_with_its_parts():
    logits = np.log([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    row = metrics.summary([0, 1, 1], logits, [200, 30, 0])
    assert row["n_images"] == 3 and row["f1_micro"] == pytest.approx(2 / 3) and row["worst_class_recall"] == 0.5
    assert row["recall_many"] == 1 and row["recall_medium"] == 0.5 and math.isnan(row["recall_zero"])
    probabilities = np.exp(logits)
    assert row["calibration_error"] == pytest.approx(metrics.calibration_error([0, 1, 1], probabilities))
