"""The losses against worked numbers, the edge rules and the error messages."""

import math
import warnings

import pytest
import torch

from wbc_tutorial import losses

F64 = torch.float64
NAN = float("nan")


def golden_1():
    """D=2, C=3, h=2; pair (1, 2) does not exist and its centroid holds nan."""
    z = torch.tensor([(0, 1), (2, 0), (0, 3), (1, 1), (3, 2)], dtype=F64, requires_grad=True)
    mu = torch.tensor([[(0, 0), (3, 0), (0, 4)], [(1, 0), (3, 1), (NAN, NAN)]], dtype=F64)
    counts = torch.tensor([[8, 2, 1], [4, 1, 0]])
    return z, torch.tensor([0, 1, 2, 0, 1]), torch.tensor([0, 0, 0, 1, 1]), mu, counts


def golden_2():
    z = torch.tensor([(0, 0.5), (4, 0.5), (1, 1), (3, 1), (0, 3), (5, 2)], dtype=F64)
    mu = torch.tensor([[(4 * c, d) for c in range(2)] for d in range(3)], dtype=F64)
    counts = torch.tensor([[6, 3], [1, 2], [2, 4]])
    return z, torch.tensor([0, 1] * 3), torch.tensor([0, 0, 1, 1, 2, 2]), mu, counts


def near(value, expected, tolerance=1e-10):
    assert torch.as_tensor(value, dtype=F64).tolist() == pytest.approx(expected, rel=0, abs=tolerance)


GOLDEN_1 = [
    (0, 1, 1.051905166780, (-0.001320861125, 0.020817016128)),
    (0, 0.5, 0.877910996059, (-0.002561427925, 0.039207513402)),
    (0.5, 1, 1.038346448543, (-0.005311730844, 0.013260968551)),
    (0.5, 0.5, 0.943195225445, (-0.010739272940, 0.026547826298)),
    (1, 1, 1.201326189587, (-0.005537288092, 0.008736149479)),
    (1, 0.5, 1.304993160760, (-0.011235415068, 0.017654626743)),
]


@pytest.mark.parametrize(("nu", "temperature", "value", "slope"), GOLDEN_1)
def test_boda_golden_1(nu, temperature, value, slope):
    z, *rest = golden_1()
    loss = losses.boda_loss(z, *rest, nu=nu, temperature=temperature)
    near(loss, value)
    loss.backward()
    near(z.grad[0], list(slope))
    assert (z.grad[2] == 0).all()  # the third image has no positive
    near(losses.boda_loss(z, *rest, nu=nu, temperature=temperature, reduction="sum"), 4 * value)


def test_doda_golden():
    near(losses.boda_loss(*golden_1(), nu=0, balanced=False), 0.745079447940)


@pytest.mark.parametrize(
    ("nu", "pairs", "total"),
    [
        (0, 1.156714010936, 6.940284065617),
        (0.5, 1.271787544216, 7.630725265296),
        (1, 1.782925755612, 10.697554533675),
    ],
)
def test_boda_golden_2(nu, pairs, total):
    near(losses.boda_loss(*golden_2(), nu=nu), pairs)
    near(losses.boda_loss(*golden_2(), nu=nu, reduction="samples"), pairs)  # nothing is missing: the same mean
    near(losses.boda_loss(*golden_2(), nu=nu, reduction="sum"), total)


def test_transferability_golden():
    z, labels, domains, mu, _ = golden_2()
    t = losses.transferability(z, labels, domains, mu)
    near([t.alpha, t.beta, t.gamma], [1.525594649114, 3.864227228986, 4.100974367501])
    assert t.pairs == ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)) and t.matrix.shape == (6, 6)
    near(t.matrix[0], [math.dist((0, 0.5), p) for p in ((0, 0), (4, 0), (0, 1), (4, 1), (0, 2), (4, 2))])
    near(t.margin, t.beta + t.gamma - t.alpha)


def test_transferability_default_centroids_are_the_means_and_absent_pairs_are_left_out():
    z = torch.tensor([(0.0, 0.0), (2.0, 0.0), (1.0, 3.0), (5.0, 0.0)])
    t = losses.transferability(z, torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 0]))
    assert t.pairs == ((0, 0), (0, 1), (1, 0))
    near(t.matrix[0, 0], 1.0)
    near(t.alpha, (math.sqrt(10) + 3) / 2)  # (0,0)->(1,0) and back: two ordered pairs, counted once each
    mu = torch.zeros(2, 2, 2)
    mu[0, 1] = NAN
    assert losses.transferability(z, torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 0]), mu).pairs == (
        (0, 0),
        (1, 0),
    )
    assert math.isnan(losses.transferability(z[:2], torch.zeros(2).long(), torch.zeros(2).long()).alpha)


def test_coral_golden():
    x = torch.tensor([(0, 0), (2, 0), (0, 2), (2, 2), (1, 1), (3, 1), (2, 4)], dtype=F64)
    domains = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    near(losses.coral_loss(x, domains), 1.722222222222)
    near(losses.coral_loss(x, domains, variant="deep"), 0.180555555556)
    shift = torch.where(domains[:, None] == 0, x[domains == 0].mean(0), x[domains == 1].mean(0))
    near(losses.coral_loss(x - shift, domains), 0.722222222222)  # without the difference of means


def test_adversarial_loss_and_strength():
    logits, domains = torch.tensor([[2.0, 0.0], [0.0, 0.0]], dtype=F64), torch.tensor([0, 1])
    near(losses.domain_adversarial_loss(logits, domains), (math.log(1 + math.exp(-2)) + math.log(2)) / 2)
    near(losses.reversal_strength(0.1), 2 / (1 + math.exp(-1)) - 1)
    assert losses.reversal_strength(0) == 0 and 0.9999 < losses.reversal_strength(1) < 1
    assert losses.domain_adversarial_loss(logits[:0], domains[:0]) == 0


@pytest.mark.parametrize("reduction", losses.REDUCTIONS)
def test_no_positive_gives_exactly_zero_with_a_graph(reduction):
    z, labels, domains, mu, counts = golden_1()
    cases = {
        "no positive in the batch": (z[2:3], labels[2:3], domains[2:3], mu, counts),
        "empty batch": (z[:0], labels[:0], domains[:0], mu, counts),
        "one domain": (z[:3], labels[:3], domains[:3], mu[:1], counts[:1]),
        "own pair the only pair": (z[:1], labels[:1], domains[:1], mu, torch.tensor([[8, 0, 0], [0, 0, 0]])),
        "no centroid known yet": (z, labels, domains, torch.full_like(mu, NAN), counts),
    }
    for name, case in cases.items():
        z.grad = None
        loss = losses.boda_loss(*case, reduction=reduction)
        assert loss.item() == 0, name
        loss.backward()
        assert (z.grad == 0).all(), name


def test_an_image_on_its_centroid_has_a_finite_gradient():
    z, labels, domains, mu, counts = golden_1()
    on_top = torch.stack([mu[1, 0], mu[0, 1]]).requires_grad_()  # on a positive, on the own centroid
    loss = losses.boda_loss(on_top, torch.tensor([0, 1]), torch.tensor([0, 0]), mu, counts)
    loss.backward()
    assert loss.isfinite() and on_top.grad.isfinite().all()


def test_image_bounds_leave_out_what_the_loss_leaves_out():
    bounds = losses.boda_image_bounds(*golden_1())
    assert bounds[2] == 0 and (bounds[[0, 1, 3, 4]] > 0).all()
    assert not bounds.requires_grad


@pytest.mark.parametrize(("variant", "sizes"), [("reference", (3, 1)), ("deep", (5,)), ("reference", (1, 1, 1))])
def test_coral_without_two_usable_domains_is_zero_with_a_graph(variant, sizes):
    domains = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    z = torch.randn(len(domains), 4, requires_grad=True)
    loss = losses.coral_loss(z, domains, variant=variant)
    loss.backward()
    assert loss.item() == 0 and (z.grad == 0).all()


def test_coral_leaves_out_a_domain_with_one_image():
    z, domains = torch.randn(7, 4), torch.tensor([0, 0, 0, 5, 5, 5, 9])
    near(losses.coral_loss(z, domains), losses.coral_loss(z[:6], domains[:6]).item())


def change(position, value):
    arguments = list(golden_1())
    arguments[position] = value
    return lambda: losses.boda_loss(*arguments)


def with_option(**options):
    return lambda: losses.boda_loss(*golden_1(), **options)


BAD = [
    (change(0, torch.ones(5, 2).long()), r"features: got torch.int64 \(5, 2\), expected a floating tensor"),
    (change(0, torch.ones(5, 2, 2)), r"pool or flatten"),
    (change(1, torch.ones(5)), r"labels: got torch.float32 \(5,\), expected an int64 tensor"),
    (change(2, torch.ones(5, dtype=torch.bool)), r"domains: got torch.bool \(5,\), expected an int64"),
    (change(1, torch.ones(4).long()), r"labels: got shape \(4,\), expected \(5,\)"),
    (change(1, torch.tensor([0, 1, 3, 0, 1])), r"labels: got 0..3, expected 0..2"),
    (change(2, torch.tensor([0, 0, -1, 1, 1])), r"domains: got -1..1, expected 0..1"),
    (change(1, torch.tensor([0, 1, 2, 0, 2])), r"image 4 .* \(domain, class\) = \(1, 2\), whose count is 0"),
    (change(3, torch.ones(3, 2, 2)), r"centroids: got shape \(3, 2, 2\), expected \(D, C, h\) = \(2, 3, 2\)"),
    (change(4, torch.tensor([[8, 2, 1], [4, 1, -1]])), r"counts: .* finite numbers >= 0"),
    (change(4, torch.ones(3)), r"counts: got shape \(3,\)"),
    (with_option(nu=-0.1), r"nu: got -0.1, expected a finite number >= 0"),
    (with_option(temperature=0), r"temperature: got 0, expected a finite number > 0"),
    (with_option(count_scale="median"), r"count_scale: got 'median'"),
    (with_option(count_scale=0), r"count_scale: got 0"),
    (with_option(reduction="mean"), r"reduction: got 'mean', expected one of \('pairs', 'samples', 'sum'\)"),
    (lambda: losses.coral_loss(torch.ones(4, 2), torch.zeros(4).long(), variant="x"), r"variant: got 'x'"),
    (lambda: losses.domain_adversarial_loss(torch.ones(2, 2), torch.tensor([0, 2])), r"got 0..2, expected 0..1"),
    (lambda: losses.reversal_strength(1.2), r"progress: got 1.2"),
    (lambda: losses.reverse_gradient(torch.ones(1), -1), r"strength: got -1"),
    (lambda: losses.transferability(torch.ones(0, 2), torch.ones(0).long(), torch.ones(0).long()), r"got no image"),
    (
        lambda: losses.boda_lower_bound(1, 1, 1, n_images=4, n_domains=1, n_classes=2),
        r"n_domains is 1: expected a whole number, 2 or more",
    ),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[message[:30] for _, message in BAD])
def test_errors_say_what_was_given_and_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_inputs_may_be_numpy_arrays_where_they_are_tables():
    z, labels, domains, mu, counts = golden_1()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        near(losses.boda_loss(z, labels.int(), domains, mu.numpy(), counts.numpy()), 1.038346448543)
