"""Figures of notebooks 04 to 08: their words follow the data; shipped and live runs, spread and intervals are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wbc_tutorial.course import plots
from wbc_tutorial.data.classes import CLASSES

LABELS, DOMAINS = np.tile([0, 0, 1], 20), np.repeat([0, 1], 30)
Z = np.random.default_rng(0).normal(size=(60, 4))
HEAD = np.array([[-1.0, 0.0], [1.0, 0.0]]), np.zeros(2)
N = len(CLASSES)
COUNTS = np.arange(4, 4 + N)
PLANE = [(0, 1), (2, 0), (1, 1), (3, 2)], [0, 1, 0, 1], [0, 0, 1, 1]

FALLS = pd.DataFrame({"method": ["erm", "erm"], "fold": [0, 1], "dyes": [0.2, 0.3]}).set_index(["method", "fold"])

FIGURES = {
    "clouds": (lambda: plots.clouds({"before": Z[:, :2]}, DOMAINS), "the means lie 0."),
    "mixed_clouds": (lambda: plots.mixed_clouds({"before": Z[:, :2]}, LABELS, DOMAINS, title="T"), "T. Two classes"),
    "decision_planes": (
        lambda: plots.decision_planes({"game": (np.c_[2 * LABELS - 1, LABELS], *HEAD)}, LABELS, DOMAINS),
        "game: 100% lie in the region of their class",
    ),
    "latent_planes": (
        lambda: plots.latent_planes({"ERM": Z}, LABELS, DOMAINS, names=("a", "b"), classes=CLASSES, chosen=(0,)),
        "below BAS by colour. ERM: the laboratories' means lie",
    ),
    "curves": (lambda: plots.curves([0, 1], {"ERM": [1, 0.5]}, xlabel="step", ylabel="loss"), "ERM from 1.00 to 0.50"),
    "training_curve": (
        lambda: plots.training_curve([2, 1], validation={1: 1.5, 2: 1.25}), "held-out images from 1.50 to 1.25"
    ),
    "recall_fall": (
        lambda: plots.recall_fall({"known": np.full(N, 0.5), "unseen": np.linspace(0, 0.5, N)}, CLASSES, COUNTS),
        "known: mean 0.50; unseen: mean 0.25. The largest gap is that of basophil (4)",
    ),
    "score_bars": (lambda: plots.score_bars({"ERM": 0.25}, label="recall"), "Bars of recall: ERM 0.25"),
    "boda_plane": (
        lambda: plots.boda_plane(*PLANE, classes=("eosinophil", "monocyte"), image=3), "Image 3's shares of the softmax"
    ),
    "count_factors": (
        lambda: plots.count_factors(np.full((2, N), 100), ("a", "b"), scales={"x 100": 100.0}),
        "x 100: 26 of 26 pairs in it",
    ),
    "gradient_by_count": (
        lambda: plots.gradient_by_count(np.array([[4, 9]]), {"DoDA": np.array([[1.0, 0.1]])}),
        "DoDA: from 1.0e+00 down to 1.0e-01",
    ),
    "boda_curves": (lambda: plots.boda_curves({"mean": [3, 2]}, level=3.09), "mean ends near 2.50. The dotted"),
    "transfer_bars": (lambda: plots.transfer_bars({"ERM": (1.0, 2.0, 2.0)}), "Alpha: ERM 0.50"),
    "boda_bound": (
        lambda: plots.boda_bound({"DoDA": np.array([1.0, 1.0])}, {"DoDA": np.array([0.5, 2.0])}), "DoDA: 1 of 2"
    ),
    "shares_by_class": (
        lambda: plots.shares_by_class({"balanced": np.full((1, N), 1 / N)}, CLASSES, ["a"]), "a, balanced: largest 8%"
    ),
    "head_norms": (
        lambda: plots.head_norms(COUNTS, {"first": np.where(COUNTS > 10, 2.0, 1.0)}, CLASSES), "in the rarer half"
    ),
    "falls_by_part": (lambda: plots.falls_by_part(FALLS), "ERM dyes 0.25"),
    "score_plane": (
        lambda: plots.score_plane({"known": [(0.9, 0.7)]}, {"known": [(0.8, 0.8)]}), "known: micro -0.10, macro +0.10"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIGURES)
def test_the_words_of_a_figure_say_what_was_drawn(name):
    draw, words = FIGURES[name]
    figure = draw()
    assert words in plots.alt_of(figure), figure.alt
    assert len(figure.alt.split()) >= 5 and figure.alt.endswith(".") and "nan" not in figure.alt
    plt.close(figure)


def test_a_recall_that_rests_on_few_images_is_hollow():
    images = {"known": np.where(np.arange(N) < 2, 1, 50)}
    figure = plots.recall_fall({"known": np.full(N, 0.5)}, CLASSES, COUNTS, images=images)
    drawn = next(each for each in figure.axes[0].collections if len(each.get_offsets()) == N)
    white = (drawn.get_facecolors() == 1).all(axis=1)
    assert white.sum() == 2 and white[-2:].all()  # sorted by training images: the two are the rarest
    assert "hollow: fewer than 10 images" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    plt.close(figure)


def test_an_interval_is_a_whisker_and_the_number_stands_beside_it():
    figure = plots.score_bars({"a": 0.5, "b": 0.2}, intervals={"a": (0.4, 0.7)})
    (whisker,) = figure.axes[0].lines
    assert whisker.get_xdata().tolist() == [0.4, 0.7]
    assert [text.get_position()[0] > 0.7 for text in figure.axes[0].texts] == [True, False]
    plt.close(figure)


def test_the_live_run_has_an_arrow_of_its_own_among_the_shipped_ones():
    before, after = {"known": [(0.9, 0.7)] * 3}, {"known": [(0.8, 0.8)] * 3}
    figure = plots.score_plane(before, after, live={"known": ((0.5, 0.2), (0.4, 0.3))})
    assert len(figure.axes[0].texts) == 4  # each arrow is an annotation
    assert "this run, live" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    low, high = figure.axes[0].get_xlim()
    assert low < 0.4 and high > 0.9
    plt.close(figure)


def test_several_levels_and_the_spread_between_runs_are_drawn():
    spread = {"a": ([0.1, 0.2], [0.5, 0.6])}
    figure = plots.curves(
        [0, 1], {"a": [0.3, 0.4]}, xlabel="x", ylabel="y", level={"blind": 0.5, "told": 0.83}, spread=spread
    )
    axis = figure.axes[0]
    assert {line.get_ydata()[0] for line in axis.lines if len(set(line.get_ydata())) == 1} == {0.5, 0.83}
    (band,) = axis.collections
    assert band.get_paths()[0].get_extents().get_points()[:, 1].tolist() == [0.1, 0.6]
    plt.close(figure)


def test_the_running_mean_looks_back_and_begins_with_the_first_value():
    figure = plots.training_curve(np.arange(40.0), window=11)
    smooth = next(line for line in figure.axes[0].lines if "mean" in line.get_label())
    assert smooth.get_ydata()[0] == 0 and smooth.get_ydata()[20] == 15
    plt.close(figure)
