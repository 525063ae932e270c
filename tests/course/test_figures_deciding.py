"""Figures of intervals, choices, ablations, maps and decisions: what they draw is what the numbers say."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from wbc_tutorial.course import plots
from wbc_tutorial.course.plots.style import PALETTE
from wbc_tutorial.data.classes import CLASSES, CODES, LINEAGES


@pytest.fixture(autouse=True)
def in_style():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def test_intervals_that_miss_the_truth_stand_out_and_all_are_counted():
    low = np.array([-1.0, 0.2, -0.5, -0.9] * 25)
    high = np.array([1.0, 0.9, -0.1, 0.9] * 25)
    figure = plots.intervals_and_truth({"t": {"4 runs": (low, high)}}, 0.0, shown=8)
    (axis,) = figure.axes
    assert axis.get_title(loc="left").endswith("50% hold the truth") and "50%" in figure.alt
    holds, misses = axis.collections
    assert len(holds.get_segments()) == 4 and len(misses.get_segments()) == 4
    assert [segment[0, 1] for segment in misses.get_segments()] == [1, 2, 5, 6]
    with pytest.raises(ValueError, match="each with the same columns"):
        plots.intervals_and_truth({"a": {"x": (low, high)}, "b": {"y": (low, high)}}, 0.0)


def test_the_best_choice_is_marked_where_it_was_found_and_where_it_landed():
    looked, following = np.array([0.01, 0.05, -0.02]), np.array([0.02, -0.01, 0.0])
    figure = plots.choices(looked, following, title="x")
    every, best = figure.axes[0].collections
    assert np.allclose(every.get_offsets(), np.c_[looked, following])
    assert np.allclose(best.get_offsets(), [[0.05, -0.01]]) and "+0.050" in figure.alt and "-0.010" in figure.alt


def test_the_best_of_k_rises_to_the_largest_and_the_next_laboratory_shows_the_same_choice():
    looked, following = np.arange(20) / 100, np.linspace(0.3, -0.1, 20)
    figure = plots.best_of_many(looked, following, draws=300)
    first, second = (line.get_ydata() for line in figure.axes[0].lines[1:])
    assert first[0] == pytest.approx(looked.mean(), abs=0.01) and first[-1] == pytest.approx(0.19)
    assert (np.diff(first) >= 0).all() and second[-1] == pytest.approx(following[19])


def recipes():
    names = {"none": "none", "a": "a alone", "b": "b alone", "c": "all but a", "d": "all but b", "e": "all"}
    values = pd.DataFrame(
        {(recipe, "erm"): [v, v + 0.1] for recipe, v in zip(names, (0, 0.1, 0.3, 0.4, 0.2, 0.5), strict=True)}
    )
    values.columns = values.columns.set_names(["recipe", "method"])
    return pd.DataFrame({"closed": values.mean()}), values, names


def test_the_ablation_stands_in_three_sorted_panels_with_a_dot_per_run():
    figure = plots.gap_panels(*recipes(), title="x")
    shown = [[text.get_text() for text in axis.get_yticklabels()] for axis in figure.axes]
    assert shown == [["b alone", "a alone"], ["all but a", "all but b"], ["all", "none"]]
    first = figure.axes[0]
    assert [bar.get_width() for bar in first.patches] == pytest.approx([35, 15])
    dots = [line.get_xdata() for line in first.lines if line.get_marker() == "o"]
    assert np.allclose(dots, [[30, 40], [10, 20]])
    assert len({axis.get_xlim() for axis in figure.axes}) == 1, "one scale"


def test_the_decisive_bars_are_five_at_most_and_say_which_ingredient():
    figure = plots.decisive_bars(*recipes(), title="x")
    shown = [" ".join(text.get_text().split()) for text in figure.axes[0].get_yticklabels()]
    assert shown == ["ERM, no recipe", "best alone: b", "worst alone: a", "the whole recipe", "all but b"]


def test_shares_of_a_confusion_matrix_stand_lineage_by_lineage_and_small_ones_have_no_number():
    counts = np.eye(13, dtype=int) * 90
    counts[0, 1], counts[0, 2] = 8, 2  # 8 % and 2 % of the basophils
    figure = plots.confusion_shares({"ERM": counts}, CLASSES, title="x")
    axis = figure.axes[0]
    rows = [text.get_text() for text in axis.get_yticklabels()]
    lineages = [LINEAGES.index(cell.lineage) for code in rows for cell in _cells() if cell.code == code]
    assert sorted(rows) == sorted(CODES) and lineages == sorted(lineages)
    written = {text.get_text() for text in axis.texts if text.get_text()}
    assert written == {"100", "90", "8"}
    with pytest.raises(ValueError, match=r"ERM is \(2, 2\); expected \(13, 13\)"):
        plots.confusion_shares({"ERM": np.eye(2, dtype=int)}, CLASSES)


def _cells():
    from wbc_tutorial.data.classes import CELL_CLASSES

    return CELL_CLASSES


def test_a_map_says_how_much_of_the_fall_lies_inside_the_cell():
    image, cell = np.full((16, 16, 3), 200, np.uint8), np.zeros((16, 16), bool)
    cell[:8] = True
    fall = np.zeros((4, 4))
    fall[0, 0], fall[3, 3], fall[3, 0] = 0.3, 0.1, -0.5
    figure = plots.importance_maps([image], [fall], [cell], [cell], ["EOS"], title="x")
    assert "EOS 75%" in figure.alt
    with pytest.raises(ValueError, match="1 images, 0 maps, 1 nuclei, 1 cells, 1 titles"):
        plots.importance_maps([image], [], [cell], [cell], ["EOS"])


def test_dose_curves_draw_every_cell_and_their_mean():
    values = np.array([[0.1, 0.5], [0.3, 0.9]])
    figure = plots.dose_curves({"dye": ((0, 1), {"EOS": values})})
    thin, mean = figure.axes[0].lines[:-1], figure.axes[0].lines[-1]
    assert np.allclose([line.get_ydata() for line in thin], values) and np.allclose(mean.get_ydata(), [0.2, 0.7])
    assert "EOS 0.20 to 0.70" in figure.alt


def test_risk_by_coverage_ends_at_the_share_of_errors_and_marks_the_threshold():
    sure, good = np.array([0.9, 0.6, 0.8, 0.7]), np.array([True, False, True, False])
    figure = plots.risk_by_coverage({"known": sure}, {"known": good}, threshold=0.7)
    line, mark = figure.axes[0].lines
    assert np.allclose(line.get_xdata(), [0.25, 0.5, 0.75, 1]) and np.allclose(line.get_ydata(), [0, 0, 1 / 3, 0.5])
    assert np.allclose(mark.get_xydata(), [[0.75, 1 / 3]])
    with pytest.raises(ValueError, match="expected the same names"):
        plots.risk_by_coverage({"a": sure}, {"b": good})


def test_costs_mark_the_cheapest_threshold_of_each_line():
    figure = plots.costs_by_threshold({"known": [3, 1, 2], "unseen": [1, 2, 4]}, np.array([0.1, 0.2, 0.3]), chosen=0.2)
    marks = [line.get_xydata()[0] for line in figure.axes[0].lines if line.get_marker() not in ("None", None)]
    assert np.allclose(marks, [[0.2, 1], [0.1, 1]])
    assert "known is cheapest at 0.20, 1.00 a patient" in figure.alt


def test_the_live_run_stands_among_all_shipped_ones():
    figure = plots.live_among_shipped({"known": [0.7, 0.72, 0.71], "unseen": [0.3, 0.2, 0.4]}, {"unseen": 0.25})
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    (live,) = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert [len(line.get_xdata()) for line in dots] == [3, 3]
    assert live.get_xydata().tolist() == [[0.25, 1]] and to_hex(live.get_markeredgecolor()) == PALETTE[1].lower()
    assert figure.alt.endswith("unseen: 0.25 among 0.20 to 0.40.")


def test_scores_by_the_number_of_laboratories_average_the_unseen_ones_of_each_run():
    rows = pd.DataFrame(
        [(n, draw, split, domain, 0.1 * n + shift) for n in (1, 2) for draw in (0, 1)
         for split, domain, shift in (("in_domain", "known", 0.5), ("unseen", "u", 0.0), ("unseen", "v", 0.2))],
        columns=["n_laboratories", "draw", "split", "domain", "f1_macro"],
    )  # fmt: skip
    figure = plots.score_by_laboratories(rows)
    known, unseen = figure.axes[0].lines
    assert np.allclose(known.get_xydata(), [[1, 0.6], [2, 0.7]])
    assert np.allclose(unseen.get_xydata(), [[1, 0.2], [2, 0.3]])


def test_differences_show_the_folds_behind_a_mean_and_count_the_intervals():
    table = pd.DataFrame({"mean": [0.02, 0.0], "low": [0.01, -0.01], "high": [0.03, 0.01]}, index=["coral", "boda"])
    folds = pd.DataFrame({"coral": [0.01, 0.03], "boda": [-0.02, 0.02]})
    figure = plots.difference_bars(table, per_fold=folds, title="unseen")
    assert figure.axes[0].get_title(loc="left") == "unseen: 1 of 2 intervals exclude zero"
    assert np.allclose([c.get_offsets()[:, 0] for c in figure.axes[0].collections], [[0.01, 0.03], [-0.02, 0.02]])
