"""Metrics, against hand-computed values and an independent oracle."""

import math

import numpy as np
import pytest
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
    assert metrics.balanced_accuracy(truth, truth, 7) == balanced_accuracy_score(truth, truth) == 1


def test_relabelling_classes_changes_no_average():
    order = np.random.default_rng(0).permutation(6)
    a = metrics.f1_scores(TRUTH, PREDICTED, 6)
    b = metrics.f1_scores(order[TRUTH], order[PREDICTED], 6)
    assert (a.micro, a.macro) == pytest.approx((b.micro, b.macro))


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([], [], "not 0"), ([0, 1], [0], "one length"), ([0, 6], [0, 0], "0 to 5"), ([0, 1], [0, -1], "0 to 5"),
        ([0.0, 1.0], [0, 1], "argmax"), ([[0]], [[0]], "two lists"),
    ],
)  # fmt: skip
def test_input_that_cannot_be_scored(truth, predicted, message):
    with pytest.raises(ValueError, match=message):
        metrics.f1_scores(truth, predicted, 6)


def test_recall_by_domain_marks_absent_pairs():
    table = metrics.recall_by_domain([0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1], 3, 3)
    np.testing.assert_array_equal(table, [[0.5, 1, np.nan], [np.nan, 1, np.nan], [np.nan] * 3])


def test_recall_by_shots():
    means = metrics.recall_by_shots([0, 0, 1, 2, 3], [0, 1, 1, 2, 0], [500, 100, 20, 0, 3])
    assert means == {"many": 0.5, "medium": 1.0, "few": 1.0, "zero": 0.0}
    assert math.isnan(metrics.recall_by_shots([0], [0], [500, 1])["few"])


def test_calibration_error_by_hand():
    probabilities = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
    assert metrics.calibration_error([0, 1, 1, 1], probabilities, n_bins=10) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)
    assert metrics.calibration_error([0, 1], np.eye(2)) == 0


def test_summary_agrees_with_its_parts():
    logits = np.log([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])
    row = metrics.summary([0, 1, 1], logits, [200, 30, 0])
    assert row["n_images"] == 3 and row["f1_micro"] == pytest.approx(2 / 3) and row["worst_class_recall"] == 0.5
    assert row["recall_many"] == 1 and row["recall_medium"] == 0.5 and math.isnan(row["recall_zero"])
    probabilities = np.exp(logits)
    assert row["calibration_error"] == pytest.approx(metrics.calibration_error([0, 1, 1], probabilities))
