"""Classes from a laboratory's own features, without its labels: T3A, and label spreading."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import softmax
from sklearn.datasets import make_moons
from torch import nn

from wbc_tutorial.evaluation.adaptation import label_spreading, t3a_head


def test_t3a_by_hand():
    """Two images of class 0: the one of lowest entropy joins its weights; class 1 has none and keeps its direction."""
    head = nn.Linear(2, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 5.0]]))
    z = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    logits = torch.tensor([[9.0, 0.0], [1.0, 0.0]])
    adjusted = t3a_head(head, z, logits, n_support=1)
    expected = F.normalize(torch.tensor([1 + 0.6, 0.8]), dim=0)  # (1, 0) + (.6, .8)
    assert torch.allclose(adjusted.weight[0], expected) and torch.allclose(adjusted.weight[1], torch.tensor([0.0, 1.0]))
    assert adjusted.bias is None and not adjusted.weight.grad_fn
    both = t3a_head(head, z, logits, n_support=5).weight[0]
    assert torch.allclose(both, F.normalize(torch.tensor([1 + 0.6 + 1, 0.8]), dim=0)), "all there are"
    assert torch.equal(head.weight, torch.tensor([[2.0, 0.0], [0.0, 5.0]])), "the trained head is left alone"


def test_t3a_follows_a_laboratory_whose_features_have_turned():
    """Features turned by 40 degrees: the trained head errs, one made of the features of lowest entropy does not."""
    generator = torch.Generator().manual_seed(0)
    truth = torch.arange(300) % 3
    angle = truth * 2 * torch.pi / 3 + torch.pi * 40 / 180 + 0.3 * torch.randn(300, generator=generator)
    z = torch.stack([angle.cos(), angle.sin()], 1)
    head = nn.Linear(2, 3, bias=False)
    centres = torch.arange(3) * 2 * torch.pi / 3
    head.weight.data = 5 * torch.stack([centres.cos(), centres.sin()], 1)
    before = (head(z).argmax(1) == truth).float().mean()
    after = (t3a_head(head, z, head(z), n_support=90)(z).argmax(1) == truth).float().mean()
    assert after > before + 0.05


@pytest.mark.parametrize(
    ("shapes", "n", "match"), [(((4, 2), (4, 3)), 0, "n_support is 0"), (((4, 5), (4, 3)), 2, r"features are \(4, 5\)")]
)
def test_t3a_says_what_they_expect(shapes, n, match):
    with pytest.raises(ValueError, match=match):
        t3a_head(nn.Linear(2, 3), *(torch.zeros(shape) for shape in shapes), n_support=n)


def spread_by_solving(features, logits, n_neighbours, n_support, alpha):
    """The formula of the docstring, solved exactly with dense matrices."""
    z = features / np.linalg.norm(features, axis=1, keepdims=True)
    near = np.argsort(-z @ z.T, axis=1)
    joined = np.zeros((len(z), len(z)))
    for row, order in enumerate(near):
        for other in [other for other in order if other != row][:n_neighbours]:
            joined[row, other] = joined[other, row] = 1
    degree = joined.sum(1)
    joined /= np.sqrt(np.outer(degree, degree))
    shares = softmax(logits.astype(float), axis=1)
    entropy, start = -(shares * np.log(shares)).sum(1), np.zeros_like(shares)
    for number in range(logits.shape[1]):
        rows = np.flatnonzero(logits.argmax(1) == number)
        start[rows[np.argsort(entropy[rows])[:n_support]], number] = 1
    return np.linalg.solve(np.eye(len(z)) - alpha * joined, (1 - alpha) * start)


@pytest.mark.parametrize("alpha", [0.5, 0.9, 0.99])
def test_spreading_solves_its_equation(alpha):
    generator = np.random.default_rng(0)
    features, logits = generator.normal(size=(60, 4)), generator.normal(size=(60, 3)).astype(np.float32)
    exact = spread_by_solving(features, logits, 6, 5, alpha)
    ours = label_spreading(features, logits, n_neighbours=6, n_support=5, alpha=alpha)
    assert ours.dtype == np.float32 and np.allclose(np.exp(ours).sum(1), 1, atol=1e-5)
    assert np.allclose(np.exp(ours), exact / exact.sum(1, keepdims=True), atol=0.01)


def test_labels_follow_the_shape_of_a_class():
    """Two interleaved moons, entropy lowest at the crown of each; the given logits cut them straight."""
    z, truth = make_moons(400, noise=0.05, random_state=0)
    z = np.column_stack([z, np.full(len(z), 3.0)])  # directions, so the plane is lifted off the origin
    height = 4 * (0.25 - z[:, 1])  # class 0 is the upper moon
    logits = np.stack([-height, height], axis=1)
    before = (logits.argmax(1) == truth).mean()
    after = (label_spreading(z, logits, n_support=20).argmax(1) == truth).mean()
    assert before < 0.92 and after > 0.98


def test_spreading_does_not_depend_on_the_order_of_images_or_the_length_of_features():
    generator = np.random.default_rng(1)
    z, logits = generator.normal(size=(80, 5)), generator.normal(size=(80, 4)).astype(np.float32)
    order = generator.permutation(80)
    ours = label_spreading(z, logits)
    backwards = label_spreading(z[::-1], logits[::-1])[::-1]
    assert np.allclose(backwards, ours, atol=1e-3)
    assert np.allclose(label_spreading(z[order], logits[order]), ours[order], atol=1e-3)
    longer = z * generator.uniform(0.5, 2, (80, 1))
    assert np.allclose(label_spreading(longer, logits), ours, atol=1e-5)


def test_an_island_without_a_start_keeps_its_own_logits():
    """Two far-off pairs of images; only the first pair holds the image of lowest entropy."""
    z = np.array([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [0.01, 1.0]])
    logits = np.array([[5.0, 0.0], [4.0, 0.0], [1.0, 0.0], [2.0, 0.0]], dtype=np.float32)
    ours = label_spreading(z, logits, n_neighbours=1, n_support=1)
    assert np.allclose(ours[2:], F.log_softmax(torch.from_numpy(logits[2:]), 1), atol=1e-6)
    assert (ours.argmax(1) == 0).all() and np.isfinite(ours).all()


@pytest.mark.parametrize("n", [1, 3, 11])
def test_few_images_keep_their_labels(n):
    """With ten neighbours each of eleven images is tied to all: the commonest class must not take them."""
    generator, truth = np.random.default_rng(0), np.arange(n) % 4 == 3
    z = np.eye(3)[truth.astype(int)] + 0.05 * generator.normal(size=(n, 3))
    logits = 9 * np.eye(2, dtype=np.float32)[truth.astype(int)]
    ours = label_spreading(z, logits)
    assert np.allclose(ours, F.log_softmax(torch.from_numpy(logits), 1), atol=1e-6) and len(ours) == n
    apart = label_spreading(np.repeat(z, 20, axis=0), np.repeat(logits, 20, axis=0))
    assert (apart.argmax(1) == np.repeat(truth, 20)).all(), "and with twenty of each, spreading keeps what is right"


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9, 30])
def test_images_that_are_all_alike_keep_their_label(n):
    logits = np.tile(np.array([[1.0, 3.0, 2.0]], dtype=np.float32), (n, 1))
    ours = label_spreading(np.ones((n, 4), np.float32), logits)
    assert ours.shape == (n, 3) and np.isfinite(ours).all() and (ours.argmax(1) == 1).all()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_neighbours": 0}, "n_neighbours is 0"),
        ({"n_support": 0}, "n_support is 0"),
        ({"alpha": 1.0}, "alpha is 1.0"),
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"logits": np.zeros((5, 3))}, "4 features and 5 rows of logits"),
    ],
)
def test_spreading_says_what_it_expects(options, match):
    arguments = {"features": np.ones((4, 2)), "logits": np.zeros((4, 3))} | options
    with pytest.raises(ValueError, match=match):
        label_spreading(**arguments)
