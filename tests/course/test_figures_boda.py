"""Figures of notebook 07: what they say of steps and centroids."""

import matplotlib.pyplot as plt

from wbc_tutorial.course import plots


def test_the_curves_start_at_the_step_of_their_first_value():
    figure = plots.boda_curves({"harmonic": range(40)}, window=15, start=30)
    (line,) = figure.axes[0].get_lines()
    assert line.get_xdata()[0] == 30 and line.get_xdata()[-1] == 69
    assert line.get_ydata()[20] == 20  # the mean of 15 steps stands at the middle one
    plt.close(figure)


def test_the_plane_says_which_markers_are_centroids():
    figure = plots.boda_plane([(0, 0), (1, 0)], [0, 0], [0, 1], classes=("monocyte",))
    assert "hollow: centroid" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    plt.close(figure)
