"""CORAL's properties, gradient reversal, and inputs at the edge of what numbers can hold: always finite."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wbc_tutorial.losses import boda_loss, coral_loss, domain_adversarial_loss, reverse_gradient, transferability
from wbc_tutorial.losses.boda import unchecked_boda_loss
from wbc_tutorial.losses.coral import unchecked_coral_loss
from wbc_tutorial.losses.dann import unchecked_adversarial_loss

F64 = torch.float64
quick = settings(deadline=None, max_examples=30, derandomize=True, database=None)


def coral_by_covariances(x, domains, variant):
    """Return CORAL as its definition says, (h, h) matrices and all."""
    groups = [x[domains == d] for d in domains.unique()]
    groups = [group for group in groups if len(group) > 1]
    terms, h = [], x.shape[1]
    for i, one in enumerate(groups):
        for other in groups[i + 1 :]:
            gap = torch.cov(one.T).view(h, h) - torch.cov(other.T).view(h, h)
            mean = (one.mean(0) - other.mean(0)).square().mean()
            terms.append(gap.square().sum() / (4 * h**2) if variant == "deep" else mean + gap.square().mean())
    return sum(terms) / max(1, len(terms))


@st.composite
def batches(draw):
    sizes = torch.tensor(draw(st.lists(st.integers(1, 7), min_size=1, max_size=4)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    domains = torch.repeat_interleave(10 * torch.arange(len(sizes)), sizes)
    order = torch.randperm(len(domains), generator=generator)
    x = torch.randn(len(domains), draw(st.integers(1, 12)), generator=generator, dtype=F64)
    return x[order] * (1 + domains[order, None]) + domains[order, None], domains[order]


variants = st.sampled_from(["reference", "deep"])


@quick
@given(batches(), variants)
def test_coral_in_gram_form_equals_the_covariance_form_and_so_does_its_gradient(batch, variant):
    x, domains = batch
    loss, slope = [], []
    for form in (
        lambda x: coral_loss(x, domains, variant=variant),
        lambda x: coral_by_covariances(x, domains, variant),
    ):
        leaf = x.clone().requires_grad_()
        value = form(leaf) + 0 * leaf.sum()
        value.backward()
        loss.append(value.detach())
        slope.append(leaf.grad)
    torch.testing.assert_close(loss[0], loss[1], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(slope[0], slope[1], rtol=1e-9, atol=1e-9)


@quick
@given(batches(), variants, st.integers(0, 99))
def test_coral_does_not_see_shifts_rotations_names_or_order(batch, variant, seed):
    x, domains = batch
    generator = torch.Generator().manual_seed(seed)
    rotation, _ = torch.linalg.qr(torch.randn(x.shape[1], x.shape[1], generator=generator, dtype=F64))
    order = torch.randperm(len(x), generator=generator)
    moved = (x @ rotation + 5 * rotation[0])[order]
    loss = coral_loss(moved, 90 - domains[order], variant=variant)
    torch.testing.assert_close(loss, coral_loss(x, domains, variant=variant), rtol=1e-9, atol=1e-9)


@quick
@given(batches(), st.sampled_from([0.1, 3.0]))
def test_coral_scales_as_square_and_fourth_power(batch, s):
    x, domains = batch
    covariance = 4 * coral_loss(x, domains, variant="deep")
    mean = coral_loss(x, domains) - covariance
    scaled = 4 * coral_loss(s * x, domains, variant="deep")
    torch.testing.assert_close(scaled, s**4 * covariance, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(coral_loss(s * x, domains) - scaled, s**2 * mean, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("variant", ["reference", "deep"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, F64])
def test_coral_of_identical_domains_is_zero(dtype, variant):
    x = 100 * torch.randn(16, 64, dtype=F64).to(dtype)
    loss = coral_loss(torch.cat([x, x]), torch.arange(32) // 16, variant=variant)
    assert 0 <= loss < 1e-8  # covariances of 1e4: their squares cancel to rounding


def test_coral_gradcheck():
    x, domains = torch.randn(7, 3, dtype=F64, requires_grad=True), torch.tensor([0, 0, 0, 1, 1, 1, 2])
    for variant in ("reference", "deep"):
        assert torch.autograd.gradcheck(lambda x, v=variant: coral_loss(x, domains, variant=v), x)


@pytest.mark.parametrize("strength", [0, 0.3, 2.0])
def test_reversal_is_the_identity_forward_and_minus_strength_backward(strength):
    x = torch.randn(5, 3, requires_grad=True)
    y = reverse_gradient(x, strength)
    assert torch.equal(y, x)
    slope = torch.randn(5, 3)
    y.backward(slope)
    assert torch.equal(x.grad, -strength * slope)


def test_adversarial_gradients_pull_in_opposite_directions():
    x, domains = torch.randn(6, 4, dtype=F64, requires_grad=True), torch.tensor([0, 1, 2, 0, 1, 2])
    w = torch.randn(4, 3, dtype=F64, requires_grad=True)
    there = torch.autograd.grad(domain_adversarial_loss(x @ w, domains), (x, w))
    back = torch.autograd.grad(domain_adversarial_loss(reverse_gradient(x, 0.7) @ w, domains), (x, w))
    torch.testing.assert_close(back[0], -0.7 * there[0])
    torch.testing.assert_close(back[1], there[1])
    assert torch.autograd.gradcheck(lambda x: domain_adversarial_loss(x, domains), x[:, :3])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, F64])
@pytest.mark.parametrize("distance", [0.0, 1e-30, 1e-3, 1.0, 1e3])
@pytest.mark.parametrize("option", [{}, {"nu": 1}, {"nu": 0}, {"balanced": False, "nu": 1}, {"count_scale": "mean"}])
def test_boda_is_finite_for_extreme_counts_distances_and_dtypes(dtype, distance, option):
    h = 2048
    counts = torch.tensor([[1, 10**6, 8484], [10**6, 1, 0]])
    direction = torch.nn.functional.normalize(torch.randn(2, 3, h), dim=-1)
    domains, labels = counts.nonzero().T
    mu = torch.where(counts[..., None] > 0, distance * direction, torch.nan)
    z = torch.zeros(len(labels), h, dtype=dtype, requires_grad=True)
    for reduction in ("pairs", "samples", "sum"):
        loss = boda_loss(z, labels, domains, mu, counts, **option, reduction=reduction)
        z.grad = None
        loss.backward()
        assert loss.isfinite() and z.grad.isfinite().all()
        assert loss.dtype == (F64 if dtype == F64 else torch.float32) and z.grad.dtype == dtype
    penalty = coral_loss(z + 1e3 * torch.randn(len(labels), h).to(dtype), domains)
    penalty.backward()
    assert penalty.isfinite() and z.grad.isfinite().all()


@pytest.mark.parametrize("reduction", ["pairs", "samples", "sum"])
def test_float32_agrees_with_float64(reduction):
    generator = torch.Generator().manual_seed(0)
    counts = torch.tensor([[15, 8484, 70], [1015, 1646, 592]])
    domains, labels = counts.nonzero().T
    z, mu = (torch.randn(*shape, 512, generator=generator, dtype=F64) for shape in ((6,), (2, 3)))
    mu[0, 0] = z[3] + 1e-3  # near points, where a matrix-product form of the distance loses its digits
    exact = boda_loss(
        z.float().double(), labels, domains, mu.float(), counts, reduction=reduction, count_scale="harmonic"
    )
    single = boda_loss(z.float(), labels, domains, mu.float(), counts, reduction=reduction, count_scale="harmonic")
    torch.testing.assert_close(single.double(), exact, rtol=1e-5, atol=0)


def test_losses_do_not_change_under_autocast():
    x, domains, labels = torch.randn(8, 16), torch.arange(8) % 2, torch.arange(8) // 4
    mu, counts = torch.randn(2, 2, 16), torch.tensor([[9, 1], [3, 20]])
    calls = (
        lambda: coral_loss(x, domains),
        lambda: boda_loss(x, labels, domains, mu, counts),
        lambda: domain_adversarial_loss(x, domains),
        lambda: transferability(x, labels, domains).matrix,
    )
    for call in calls:
        with torch.autocast("cpu", torch.bfloat16):
            inside = call()
        assert torch.equal(inside, call())


@pytest.mark.parametrize("head_first", [True, False])
def test_a_head_pair_beside_a_tail_pair_pulls_less(head_first):
    """The finding of the course: dividing by N = 8484 leaves a head image almost without a pull."""
    counts = torch.tensor([[15, 8484], [1000, 1000]])
    mu = torch.tensor([[[0.0], [4.0]], [[1.0], [5.0]]])
    label = int(head_first)
    z = torch.tensor([[2.0 + label]], requires_grad=True)  # its class on one side, the other on the other
    loss = boda_loss(z, torch.tensor([label]), torch.tensor([0]), mu, counts)
    loss.backward()
    pull = z.grad.abs().item()
    assert pull < 1e-3 if head_first else pull > 1e-2
    assert loss.item() == pytest.approx(1.0986, abs=1e-3) or not head_first  # log(4 - 1): nothing was learned


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_arithmetic_without_checks_does_not_hide_what_is_not_finite(bad):
    """The training loop looks at the loss alone: an image that overflowed must show there."""
    x, domains, labels = torch.randn(8, 4), torch.arange(8) % 2, torch.arange(8) // 4
    x[5] = bad
    mu, counts = torch.randn(2, 2, 4), torch.tensor([[9, 1], [3, 20]])
    options = {"nu": 0.5, "temperature": 1.0, "count_scale": 1.0, "balanced": True}
    for reduction in ("pairs", "samples", "sum"):
        assert not unchecked_boda_loss(x, labels, domains, mu, counts, reduction=reduction, **options).isfinite()
    for variant in ("reference", "deep"):
        assert not unchecked_coral_loss(x, domains, torch.arange(2), variant=variant).isfinite()
    assert not unchecked_adversarial_loss(x, domains).isfinite()
