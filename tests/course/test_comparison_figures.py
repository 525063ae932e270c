"""The figures that compare methods: every count is written, every absent class hatched, every interval drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Text

from wbc_tutorial.course import plots
from wbc_tutorial.data.classes import CLASSES, COARSE_CLASSES
from wbc_tutorial.evaluation.metrics import calibration_error


def matrix(n_classes, absent, seed):
    counts = np.random.default_rng(seed).integers(0, 30, (n_classes, n_classes))
    counts[list(absent)] = 0
    return counts


@pytest.mark.parametrize(("classes", "absent"), [(CLASSES, (2, 7, 12)), (COARSE_CLASSES, ()), (COARSE_CLASSES, (0,))])
def test_confusion_pair_writes_every_count_and_hatches_absent_classes(classes, absent):
    pair = {"ERM": matrix(len(classes), absent, 0), "BoDA": matrix(len(classes), absent, 1)}
    figure = plots.confusion_pair(pair, classes, title="unseen")
    *panels, bar = figure.axes
    assert [axis.get_title(loc="left") for axis in panels] == ["ERM", "BoDA"]
    assert bar.get_ylabel() == "share of the true class"
    codes = [plots.class_code(name) for name in classes]
    for axis, counts in zip(panels, pair.values(), strict=True):
        written = np.zeros_like(counts)
        for text in filter(Text.get_text, axis.texts):
            j, i = map(int, text.get_position())
            written[i, j] = int(text.get_text())
        assert np.array_equal(written, counts)
        (ground,) = axis.patches
        assert ground.get_hatch() and ground.get_bbox().bounds == (0, 0, len(classes), len(classes))
        shares = axis.collections[0].get_array()
        assert np.flatnonzero(np.ma.getmaskarray(shares).all(axis=1)).tolist() == list(absent), "they show the hatches"
        assert np.allclose(shares.sum(axis=1).compressed(), 1)
        assert [label.get_text() for label in axis.get_xticklabels()] == codes
        assert [label.get_text() for label in axis.get_yticklabels()] == codes


def test_confusion_pair_takes_one_method_and_refuses_another_shape():
    assert len(plots.confusion_pair({"ERM": matrix(5, (), 0)}, COARSE_CLASSES).axes) == 2
    with pytest.raises(ValueError, match=r"BoDA is \(4, 4\); expected \(5, 5\)"):
        plots.confusion_pair({"BoDA": matrix(4, (), 0)}, COARSE_CLASSES)


def test_reliability_gives_each_method_its_error_and_marker():
    truth = np.repeat([0, 1], 20)
    sure = np.where(truth[:, None] == [0, 1], 0.95, 0.05)
    wrong = sure[::-1]
    figure = plots.reliability({"ERM": truth, "DANN": truth}, {"ERM": sure, "DANN": wrong})
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    assert calibration_error(truth, wrong) == pytest.approx(0.95)
    assert list(lines) == ["accuracy = confidence", "ERM, ECE 0.050", "DANN, ECE 0.950"]
    assert lines["ERM, ECE 0.050"].get_xydata() == pytest.approx(np.array([[0.95, 1.0]]))
    assert lines["DANN, ECE 0.950"].get_xydata() == pytest.approx(np.array([[0.95, 0.0]]))
    assert len({(line.get_marker(), line.get_color()) for line in lines.values()}) == 3
    with pytest.raises(ValueError, match="expected the same names"):
        plots.reliability({"ERM": truth}, {"DANN": wrong})


def test_reliability_leaves_out_bins_of_a_few_images():
    few = np.array([[0.9, 0.1]] * 4 + [[0.6, 0.4]] * 5)
    figure = plots.reliability({"ERM": np.zeros(9, int)}, {"ERM": few})
    assert figure.axes[0].lines[1].get_xdata() == pytest.approx([0.6])


def test_the_fall_shows_every_run_and_the_means():
    rows = pd.DataFrame(
        {"method": ["erm"] * 4 + ["mine"] * 2, "split": ["in_domain"] * 2 + ["unseen"] * 4,
         "fold": [0, 1, 0, 1, 0, 1], "seed": 0, "domain": "a", "f1_macro": [0.8, 0.6, 0.4, 0.2, 0.5, 0.3]}
    )  # fmt: skip
    (axis,) = plots.fall(rows, names={"erm": "ERM"}).axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["ERM", "mine"], "no name is no reason to drop it"
    offsets = [np.ma.filled(c.get_offsets(), np.nan) for c in axis.collections if isinstance(c, PathCollection)]
    points = {tuple(map(float, xy)) for each in offsets for xy in each}
    runs = {(0.8, 0.0), (0.6, 0.0), (0.4, 0.0), (0.2, 0.0), (0.5, 1.0), (0.3, 1.0)}
    means = {(0.7, 0.0), (0.3, 0.0), (0.4, 1.0)}
    assert {(round(x, 6), y) for x, y in points if np.isfinite(x)} >= runs | means
    assert sorted(text.get_text() for text in axis.texts) == ["0.30", "0.40", "0.70"]


def test_difference_bars_fill_what_excludes_zero():
    lines = {
        "coral": {"mean": 0.01, "low": -0.02, "high": 0.03, "runs": 5},
        "boda": {"mean": 0.04, "low": 0.01, "high": 0.06, "runs": 5},
        "boda_plus": {"mean": -0.02, "low": np.nan, "high": np.nan, "runs": 1},
    }
    figure = plots.difference_bars(pd.DataFrame.from_dict(lines, orient="index"))
    (axis,) = figure.axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["CORAL", "BoDA", "BoDA+"]
    assert [text.get_text() for text in axis.texts] == ["+0.010", "+0.040", "-0.020"]
    intervals = [line.get_xdata() for line in axis.lines if line.get_marker() == "|"]
    assert [tuple(x) for x in intervals] == [(-0.02, 0.03), (0.01, 0.06)]
    filled = [line.get_markerfacecolor() != "w" for line in axis.lines if line.get_marker() == "o"]
    assert filled == [False, True, False]
    low, high = axis.get_xlim()
    assert low == -high and high > 0.06


def test_paired_runs_puts_each_run_where_both_scores_say():
    index = pd.MultiIndex.from_product([[0, 1], [0, 1]], names=["fold", "seed"])
    first, second = pd.Series([0.1, 0.2, 0.3, 0.4], index), pd.Series([0.2, 0.3, 0.25, 0.5], index)
    figure = plots.paired_runs(first, second.iloc[:3], names=("ERM", "CORAL"))
    axis = figure.axes[0]
    points = np.concatenate([collection.get_offsets() for collection in axis.collections])
    assert points.tolist() == [[0.1, 0.2], [0.2, 0.3], [0.3, 0.25]], "a run that one of them lacks is left out"
    assert axis.get_xlabel() == "F1-macro, ERM" and axis.get_ylabel() == "F1-macro, CORAL"
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["fold 0", "fold 1"]
    plt.close(figure)
