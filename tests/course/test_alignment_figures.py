"""Figures and slider of notebooks 05 and 06: every panel is drawn, and the slider's picture follows its controls."""

import numpy as np

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets import interactive_reversal
from wbc_tutorial.data.classes import CLASSES

LABELS, DOMAINS = np.tile([0, 0, 1], 20), np.repeat([0, 1], 30)


def features(seed, h=2):
    return np.tanh(np.random.default_rng(seed).normal(size=(60, h)))


def test_clouds_mark_each_laboratory_s_mean():
    z = features(0)
    (axis,) = plots.clouds({"before": z}, DOMAINS).axes
    marked = np.array([line.get_xydata()[0] for line in axis.lines if line.get_marker() == "P"])
    assert np.allclose(marked, [z[d == DOMAINS].mean(axis=0) for d in (0, 1)])


def test_mixed_clouds_say_how_many_of_each_class_there_are():
    figure = plots.mixed_clouds({"before": features(0), "after": features(1)}, LABELS, DOMAINS)
    texts = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {"A, class 0 (20)", "A, class 1 (10)", "B, class 0 (20)", "B, class 1 (10)"} < texts


def test_decision_planes_colour_the_side_that_the_head_names():
    plane = features(0), np.array([[-1.0, 0.0], [1.0, 0.0]]), np.zeros(2)  # class 1 to the right
    (axis,) = plots.decision_planes({"game": plane}, LABELS, DOMAINS).axes
    of_class_0, of_class_1 = (np.asarray(image.get_array())[..., 3] for image in axis.images)
    assert of_class_0[:, :59].all() and not of_class_0[:, 61:].any()
    assert of_class_1[:, 61:].all() and not of_class_1[:, :59].any()


def test_latent_planes_leave_out_pairs_without_a_cell():
    labels = np.where(DOMAINS == 0, LABELS, 0)  # class 1 is missing from the second laboratory
    z = {"ERM": features(0, 5), "CORAL": features(1, 5)}
    figure = plots.latent_planes(z, labels, DOMAINS, names=("a", "b"), classes=CLASSES, chosen=(0, 1))
    names = [text.get_text() for text in figure.axes[3].get_legend().get_texts()]
    assert names == ["BAS, a", "EOS, a", "BAS, b"]


def test_curves_draw_the_running_mean():
    (axis,) = plots.curves(range(4), {"a": [0, 1, 0, 1]}, xlabel="x", ylabel="y", window=2).axes
    assert axis.lines[-1].get_ydata().tolist() == [0, 0.5, 0.5, 0.5]


def test_the_slider_s_picture_follows_its_controls():
    head = np.array([[-1.0, 0.3], [1.0, 0.2]]), np.zeros(2)
    games = {(name, s): (features(i), *head) for i, (name, s) in enumerate([("a", 0), ("a", 2), ("b", 0), ("b", 2)])}
    figure = interactive_reversal(games, {"a": LABELS, "b": 1 - LABELS}, DOMAINS)
    controls, picture = figure.children
    game, strength = controls.children
    seen = [picture.png]
    for control, value in ((strength, 2), (game, "b"), (strength, 0)):
        control.value = value
        seen.append(picture.png)
    assert len(set(seen)) == 4 and all(value.startswith(b"\x89PNG") for value in seen)
