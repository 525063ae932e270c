"""Notebook 07's plane of points: what Python answers when a point is dragged or a control is turned."""

import json

import numpy as np
import pytest
import torch

from wbc_tutorial.course.plots.boda import forces_on
from wbc_tutorial.course.widgets import interactive_points
from wbc_tutorial.losses import boda_loss

POINTS = np.array([(0.0, 1.0), (2.0, 0.0), (1.0, 1.0), (3.0, 2.0)])
LABELS, DOMAINS, NAMES = [0, 1, 0, 1], [0, 0, 1, 1], ("eosinophil", "monocyte")


@pytest.fixture
def plane():
    return interactive_points(POINTS, LABELS, DOMAINS, NAMES)


def drag(plane, image, x, y):
    """Do what the page does when the hand moves a point."""
    plane.plane.moved = {"image": image, "x": x, "y": y, "count": plane.plane.moved["count"] + 1}


def test_dragging_moves_the_point_the_sliders_and_the_answer(plane):
    before = plane.plane.scene
    drag(plane, 3, 4.5, 3.25)
    scene, controls = plane.plane.scene, plane._controls
    assert plane.points.tolist() == [*POINTS[:3].tolist(), [4.5, 3.25]] and POINTS[3].tolist() == [3, 2]
    assert (controls["image"].value, controls["x"].value, controls["y"].value) == (3, 4.5, 3.25)
    assert (scene["points"][3]["x"], scene["points"][3]["y"], scene["image"]) == (4.5, 3.25, 3)
    assert scene["title"] != before["title"] and "image 3" in scene["says"]


def test_the_answer_is_the_library_s_loss_gradient_and_shares(plane):
    drag(plane, 0, 0.5, -1.0)
    z = torch.tensor(plane.points, requires_grad=True)
    mu = torch.stack([z[[0]], z[[1]], z[[2]], z[[3]]]).detach().view(2, 2, 2)  # one image a pair
    loss = boda_loss(z, torch.tensor(LABELS), torch.tensor(DOMAINS), mu, torch.ones(2, 2), nu=0, balanced=False)
    loss.backward()
    arrows = np.array([point["arrow"] for point in plane.plane.scene["points"]])
    steepest = z.grad.norm(dim=1).max().item()
    assert np.allclose(arrows, -1.4 * z.grad.numpy() / steepest)
    assert f"mean loss {loss.item():.3f}, longest gradient {steepest:.3f}" == plane.plane.scene["title"]
    shares = [bar["share"] for bar in plane.plane.scene["bars"]]
    assert shares[0] is None and sum(shares[1:]) == pytest.approx(1)


def test_a_point_cannot_leave_the_plane_and_nonsense_moves_nothing(plane):
    drag(plane, 1, 99, -99)
    assert plane.points[1].tolist() == [6, -2]
    drag(plane, 7, 0, 0)
    assert np.isfinite(plane.points).all() and plane.points.shape == (4, 2)


def test_nu_is_grey_where_the_rule_does_not_use_it(plane):
    rule, nu = plane._controls["rule"], plane._controls["nu"]
    seen = {}
    for value in rule.options:
        rule.value = value
        seen[value] = nu.disabled
    assert seen == {"DoDA": True, "balanced": True, "balanced and calibrated": False}
    before = plane.plane.scene
    nu.value = 1.0
    assert plane.plane.scene != before and "nu 1.0" in plane.plane.scene["says"]


@pytest.mark.parametrize(("name", "value"), [("x", 1.5), ("y", -1.0), ("temperature", 0.5), ("rule", "balanced")])
def test_each_control_redraws(plane, name, value):
    before = plane.plane.scene["says"]
    plane._controls[name].value = value
    assert plane.plane.scene["says"] != before


def test_choosing_another_image_leaves_all_points_where_they_are(plane):
    drag(plane, 0, 1.5, 1.0)
    plane._controls["image"].value = 3
    assert (plane._controls["x"].value, plane._controls["y"].value) == (3, 2)
    assert plane.points.tolist() == [[1.5, 1.0], *POINTS[1:].tolist()]


def test_the_scene_is_plain_numbers_and_words(plane):
    assert json.loads(json.dumps(plane.plane.scene)) == plane.plane.scene
    assert {"points", "centroids", "bars", "legend", "says"} <= set(plane.plane.scene)
    assert "mouse" in repr(plane)


def test_an_image_without_a_positive_has_no_arrow_and_says_so():
    plane = interactive_points([(0, 0), (1, 1), (3, 0)], [0, 1, 0], [0, 0, 1], NAMES)
    plane._controls["image"].value = 1
    assert plane.plane.scene["points"][1]["arrow"] == [0, 0]
    assert "no positive" in plane.plane.scene["bars_title"]


def test_forces_leave_out_pairs_that_do_not_exist():
    forces = forces_on([(0, 0), (1, 1), (3, 0)], [0, 1, 0], [0, 0, 1], n_classes=2, nu=0.5)
    assert forces.pairs == [(0, 0), (0, 1), (1, 0)] and forces.shares.shape == (3, 3)
    assert np.allclose(forces.shares.sum(axis=1), 1) and not forces.positive[1].any()
