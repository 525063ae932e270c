"""The latent space: the picture is repeatable and checks its input; numbers agree with known answers; every figure."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import silhouette_samples

from wbc_tutorial.course import plots
from wbc_tutorial.course.widgets import embeddings, interactive_neighbours
from wbc_tutorial.data.classes import CLASSES
from wbc_tutorial.evaluation.latent import Separation, classical_scaling, embed, neighbours_kept, separation
from wbc_tutorial.losses import transferability

LABS = ("sim_matek", "sim_acevedo", "sim_mll")


def blobs(n=90, apart=(6.0, 0.0), h=8):
    """Features with classes and laboratories this far apart."""
    random = np.random.default_rng(0)
    labels, laboratories = np.arange(n) % 3, np.arange(n) // 3 % 3
    z = random.normal(size=(n, h))
    z[np.arange(n), labels] += apart[0]
    z[np.arange(n), h - 1 - laboratories] += apart[1]
    return z.astype(np.float32), labels, laboratories


def test_the_picture_is_repeatable_and_keeps_neighbours():
    z, labels, _ = blobs()
    a, b, other = embed(z, seed=3), embed(z, seed=3), embed(z, seed=4)
    assert a.dtype == np.float32 and a.shape == (90, 2) and np.isfinite(a).all()
    assert np.array_equal(a, b) and not np.array_equal(a, other)
    same_class = labels[np.argsort(squareform(pdist(a)), axis=1)[:, 1]] == labels
    assert same_class.mean() > 0.95
    assert not np.array_equal(a, embed(z, seed=3, min_dist=0.9))


def test_torch_keeps_its_number_of_threads():
    before = torch.get_num_threads()
    for n in (1, 2):
        torch.set_num_threads(n)
        embed(blobs()[0])
        assert torch.get_num_threads() == n
    torch.set_num_threads(before)


def test_a_tensor_will_do_and_stays_as_it_is():
    z = torch.tensor(blobs()[0], requires_grad=True)
    before = z.detach().clone()
    assert np.array_equal(embed(z), embed(z.detach().numpy()))
    assert torch.equal(z.detach(), before)


@pytest.mark.parametrize("z", [np.zeros((30, 3)), np.repeat(np.eye(3), 10, axis=0), np.arange(40.0)[:, None]])
def test_odd_features_still_give_a_finite_picture(z):
    assert np.isfinite(embed(z, n_neighbors=5)).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"features": np.zeros((15, 3))}, "15 images and n_neighbors=15; expected at least 16"),
        ({"features": np.zeros((9, 3)), "n_neighbors": 3}, "expected at least 10 images"),
        ({"features": np.zeros(30)}, r"shape \(30,\); expected a table"),
        ({"features": np.zeros((0, 3))}, "expected a table"),
        ({"features": np.full((30, 3), np.nan)}, "30 of 30 rows hold nan or inf"),
        ({"n_neighbors": 1}, "n_neighbors is 1; expected a whole number of 2 or more"),
        ({"n_neighbors": 2.5}, "n_neighbors is 2.5"),
        ({"min_dist": -0.1}, "min_dist is -0.1; expected a number from 0 to 1"),
        ({"min_dist": 2}, "min_dist is 2"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "x"}, "seed is 'x'"),
    ],
)
def test_bad_input_is_named_with_its_cure(options, said):
    with pytest.raises(ValueError, match=said):
        embed(**{"features": blobs()[0]} | options)


def test_separation_tells_classes_from_laboratories():
    by_class = separation(*blobs(n=300))
    by_laboratory = separation(*blobs(n=300, apart=(0.0, 6.0)))
    assert by_class.class_silhouette > 0.4 and by_laboratory.laboratory_silhouette > 0.4
    assert by_class.laboratory_silhouette < 0.05 and by_laboratory.class_silhouette < 0.05
    assert by_laboratory.laboratory_accuracy > 0.98 and by_class.laboratory_accuracy < 0.5
    assert by_class.laboratory_chance == pytest.approx(1 / 3)


def test_the_classifier_stays_at_chance_when_laboratories_are_unequal():
    z = np.random.default_rng(0).normal(size=(600, 5))
    found = separation(z, np.arange(600) % 3, np.r_[np.zeros(540, int), np.ones(60, int)])
    assert found.laboratory_chance == 0.5 and abs(found.laboratory_accuracy - 0.5) < 0.1


def test_the_silhouette_is_the_mean_over_images_in_the_features_as_they_are():
    z, labels, domains = blobs(n=60)
    z[:, 0] *= 50  # standardising would undo this
    assert separation(z, labels, domains).class_silhouette == pytest.approx(silhouette_samples(z, labels).mean())


def test_what_is_not_defined_is_nan():
    z, labels, domains = blobs(n=30)
    one_laboratory = separation(z, labels, np.zeros(30, int))
    assert np.isnan(one_laboratory.laboratory_silhouette) and np.isnan(one_laboratory.laboratory_accuracy)
    assert one_laboratory.laboratory_chance == 1 and not np.isnan(one_laboratory.class_silhouette)
    assert np.isnan(separation(z, np.arange(30), domains).class_silhouette)
    lone = separation(z, labels, np.r_[1, np.zeros(29, int)])
    assert np.isnan(lone.laboratory_accuracy) and np.isfinite(lone.laboratory_silhouette)


def test_labels_that_do_not_fit_are_refused():
    z, labels, domains = blobs(n=30)
    with pytest.raises(ValueError, match=r"labels are int64 \(29,\)"):
        separation(z, labels[1:], domains)
    with pytest.raises(ValueError, match="domains are float64"):
        separation(z, labels, domains.astype(float))


def test_neighbours_kept_is_one_for_a_copy_and_chance_for_noise():
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 2))
    assert neighbours_kept(x, 3 * x + 1) == 1
    assert abs(neighbours_kept(x, random.normal(size=(200, 2)), k=20) - 20 / 199) < 0.03
    with pytest.raises(ValueError, match="k=199"):
        neighbours_kept(x, x, k=199)


def test_classical_scaling_gives_back_points_of_a_plane():
    x = np.random.default_rng(1).normal(size=(12, 2))
    d = squareform(pdist(x))
    assert np.allclose(squareform(pdist(classical_scaling(d))), d)
    skewed = 1.5 * np.triu(d) + 0.5 * np.tril(d) + np.eye(12)
    assert np.allclose(classical_scaling(skewed), classical_scaling(d))  # mean of both directions, diagonal 0
    assert classical_scaling([[0.0]]).tolist() == [[0, 0]] and classical_scaling([[0, 2], [2, 0]]).shape == (2, 2)
    with pytest.raises(ValueError, match="square"):
        classical_scaling(np.ones((2, 3)))


def title(axis):
    """Wherever the style puts it."""
    return axis.get_title(loc="left") or axis.get_title()


def drawn_map(numbers=None):
    z, labels, domains = blobs()
    return plots.latent_map(z[:, :2], labels, domains, labels == 1, CLASSES, LABS, title="ERM", numbers=numbers)


def test_the_map_draws_every_point_in_each_of_three_colourings():
    figure = drawn_map(Separation(0.1, 0.25, float("nan"), 1 / 3))
    assert len(figure.axes) == 3
    for axis in figure.axes:
        offsets = np.concatenate([part.get_offsets() for part in axis.collections])
        assert len(offsets) == 90 and not len(axis.get_xticks())
    titles = [title(axis) for axis in figure.axes]
    assert "0.10" in titles[0] and "0.25" in titles[1] and "named right nan, chance 0.33" in titles[1]
    assert "33% of 90" in titles[2] and "sim_mll 33%" in titles[2]
    legends = [[text.get_text() for text in axis.get_legend().get_texts()] for axis in figure.axes]
    assert legends == [["BAS", "EOS", "EBO"], list(LABS), ["right", "wrong"]]
    assert "silhouette" not in title(drawn_map().axes[0])


def test_lists_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"points \(4, 2\), 3 labels"):
        plots.latent_map(np.zeros((4, 2)), [0] * 3, [0] * 4, [True] * 4, CLASSES, LABS)


def test_the_graph_joins_one_class_across_laboratories():
    z, labels, domains = blobs()
    keep = ~((labels == 2) & (domains == 1))
    found = transferability(*(torch.as_tensor(values[keep]) for values in (z, labels, domains)))
    figure = plots.transferability_graph({"ERM": found, "BoDA": found}, CLASSES, LABS)
    edges = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 2]
    assert len(edges) == 3 + 3 + 1  # two classes in three laboratories, one in two
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["BAS", "EBO", "EOS"]
    assert "alpha / mean of beta and gamma" in title(figure.axes[1])


def test_the_slider_s_picture_follows_its_controls():
    z, labels, domains = blobs(n=40)
    pictures = embeddings(z, n_neighbors=(3, 9), min_dist=(0.0, 0.8))
    figure = interactive_neighbours(pictures, z, labels, domains, classes=CLASSES, domain_names=LABS)
    controls, picture = figure.children
    seen = [picture.png]
    for control, value in zip(controls.children, (3, 0.0, "class"), strict=True):
        control.value = value
        seen.append(picture.png)
    assert len(set(seen)) == 4 and all(value.startswith(b"\x89PNG") for value in seen)
    del pictures[3, 0.0]
    with pytest.raises(ValueError, match=r"no picture for .* = \(3, 0.0\)"):
        interactive_neighbours(pictures, z, labels, domains, classes=CLASSES, domain_names=LABS)
