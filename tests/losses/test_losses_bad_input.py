"""Every public loss, given what it cannot use: one ValueError that says what was given, never another error."""

import numpy as np
import pytest
import torch

from wbc_tutorial import losses

Z = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 1.0], [3.0, 2.0]])
Y, D = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
MU, COUNTS = torch.zeros(2, 2, 2), torch.tensor([[8, 2], [4, 1]])

GOOD = {
    "coral_loss": {"features": Z, "domains": D},
    "domain_adversarial_loss": {"domain_logits": Z, "domains": D},
    "boda_loss": {"features": Z, "labels": Y, "domains": D, "centroids": MU, "counts": COUNTS},
    "scaled_distances": {"features": Z, "labels": Y, "domains": D, "centroids": MU, "counts": COUNTS},
    "boda_image_bounds": {"features": Z, "labels": Y, "domains": D, "centroids": MU, "counts": COUNTS},
    "transferability": {"features": Z, "labels": Y, "domains": D},
}


def bad_features():
    for bad in (float("nan"), float("inf"), -float("inf")):
        holed = Z.clone()
        holed[2, 1] = bad
        yield holed, r"image 2 holds nan or inf \(1 of 4 images do\), expected finite numbers"
    yield from (
        (Z.tolist(), "got a list, expected a floating tensor.* convert with torch.as_tensor"),
        (tuple(Z), "got a tuple"),
        (None, "got None"),
        (Z.numpy(), r"got an array of float32 \(4, 2\).* convert with torch.as_tensor"),
        ("features", "got a str"),
        (Z.bool(), r"got torch.bool \(4, 2\)"),
        (Z.long(), "got torch.int64"),
        (Z.to(torch.complex64), "got torch.complex64"),
        (Z.to_sparse(), "expected a floating tensor"),
        (Z[0], r"\(2,\), expected a floating tensor of shape \(N, h\)"),
        (Z[None], r"\(1, 4, 2\).* pool or flatten"),
        (Z.sum(), r"\(\), expected"),
        (Z[:, :0], r"\(4, 0\), expected"),
        (Z.to("meta"), "on meta"),
    )


def bad_ids():
    yield from (
        (lambda ids: ids.tolist(), "got a list, expected an int64 tensor; convert with torch.as_tensor"),
        (lambda ids: tuple(ids.tolist()), "got a tuple"),
        (lambda ids: None, "got None"),
        (lambda ids: ids.numpy(), "got an array of int64"),
        (lambda ids: ids.bool(), "got torch.bool"),
        (lambda ids: ids.float(), "got torch.float32"),
        (lambda ids: ids.to(torch.complex64), "got torch.complex64"),
        (lambda ids: ids[:3], r"got shape \(3,\), expected \(4,\)"),
        (lambda ids: ids[:, None], r"got shape \(4, 1\)"),
        (lambda ids: ids.sum(), r"got shape \(\)"),
        (lambda ids: ids.to("meta"), r"on meta, while \w+ is on cpu; move it with"),
    )


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize(("bad", "message"), list(bad_features()), ids=str)
def test_features_that_cannot_be_used(name, bad, message):
    first, *_ = GOOD[name]
    with pytest.raises(ValueError, match=f"{first}: .*{message}"):
        getattr(losses, name)(**GOOD[name] | {first: bad})


@pytest.mark.parametrize(("name", "which"), [(n, key) for n in GOOD for key in ("labels", "domains") if key in GOOD[n]])
@pytest.mark.parametrize(("change", "message"), list(bad_ids()), ids=[message[:20] for _, message in bad_ids()])
def test_labels_and_domains_that_cannot_be_used(name, which, change, message):
    with pytest.raises(ValueError, match=f"{which}: .*{message}"):
        getattr(losses, name)(**GOOD[name] | {which: change(GOOD[name][which])})


TABLES = [
    (None, "got None, expected a table of numbers"),
    ([[1, 2], [3]], "got a list, expected a table"),
    ("counts", "got a str"),
    (torch.zeros(2, 2).to("meta"), "got .* on meta, expected"),
    (torch.zeros(2, 2, dtype=torch.complex64), "got torch.complex64"),
    (torch.zeros(3), "got shape"),
    (torch.zeros(0, 2), "got shape"),
]


@pytest.mark.parametrize("name", ["boda_loss", "scaled_distances", "boda_image_bounds"])
@pytest.mark.parametrize("which", ["centroids", "counts"])
@pytest.mark.parametrize(("table", "message"), TABLES, ids=str)
def test_tables_that_cannot_be_used(name, which, table, message):
    with pytest.raises(ValueError, match=f"{which}: {message}"):
        getattr(losses, name)(**GOOD[name] | {which: table})


@pytest.mark.parametrize("centroids", [torch.zeros(2, 2), torch.zeros(2, 2, 3), [[1], [2, 3]], torch.zeros(1, 2, 2)])
def test_centroids_of_transferability(centroids):
    with pytest.raises(ValueError, match=r"centroids: got|domains: got 0..1, expected 0..0"):
        losses.transferability(Z, Y, D, centroids)


@pytest.mark.parametrize(
    ("x", "strength", "message"),
    [
        ([1.0], 1.0, "x: got a list, expected a floating tensor"),
        (None, 1.0, "x: got a NoneType"),
        (np.zeros(2), 1.0, "x: got a ndarray"),
        (torch.tensor([1]), 1.0, "x: got a tensor of torch.int64"),
        (Z, None, "strength: got None"),
        (Z, "1", "strength: got '1'"),
        (Z, float("nan"), "strength: got nan"),
        (Z, torch.tensor(1.0), "strength: got tensor"),
        (Z, True, "strength: got True"),
    ],
)
def test_a_gradient_that_cannot_be_reversed(x, strength, message):
    with pytest.raises(ValueError, match=message):
        losses.reverse_gradient(x, strength)


@pytest.mark.parametrize("progress", [None, "0.5", float("nan"), -0.1, [0.5]])
def test_progress_that_is_none(progress):
    with pytest.raises(ValueError, match="progress: got"):
        losses.reversal_strength(progress)


@pytest.mark.parametrize(
    "option",
    [
        {"nu": None},
        {"nu": "1"},
        {"nu": float("nan")},
        {"temperature": True},
        {"count_scale": None},
        {"count_scale": [1]},
        {"balanced": 1},
        {"reduction": None},
        {"reduction": ["pairs"]},
    ],
)
def test_options_that_cannot_be_used(option):
    (name,) = option
    with pytest.raises(ValueError, match=f"{name}: got"):
        losses.boda_loss(**GOOD["boda_loss"], **option)


@pytest.mark.parametrize(
    "option", [{"n_images": 0}, {"n_classes": 1.5}, {"alpha": float("nan")}, {"beta": -1}, {"gamma": None}]
)
def test_bounds_of_nothing(option):
    arguments = {"alpha": 1.0, "beta": 1.0, "gamma": 1.0, "n_images": 4, "n_domains": 2, "n_classes": 2} | option
    with pytest.raises(ValueError, match=next(iter(option))):
        losses.boda_lower_bound(**arguments)


@pytest.mark.parametrize("name", ["coral_loss", "domain_adversarial_loss", "boda_loss"])
def test_an_empty_batch_is_no_error(name):
    empty = {key: value[:0] if len(value) == 4 else value for key, value in GOOD[name].items()}
    first, *_ = empty
    empty[first] = empty[first].clone().requires_grad_()
    loss = getattr(losses, name)(**empty)
    loss.backward()
    assert loss.item() == 0


def test_nothing_that_is_asked_for_is_changed():
    """Other integer dtypes will do, and the arguments stay as they were."""
    before = {key: value.clone() for key, value in GOOD["boda_loss"].items()}
    expected = losses.boda_loss(**GOOD["boda_loss"])
    small = GOOD["boda_loss"] | {"labels": Y.to(torch.uint8), "domains": D.to(torch.int32), "counts": COUNTS.tolist()}
    assert torch.equal(losses.boda_loss(**small), expected)
    assert all(torch.equal(value, before[key]) for key, value in GOOD["boda_loss"].items())
