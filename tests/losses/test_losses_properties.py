"""What must hold for any input: BoDA against a plain double loop, its invariances and limits, its two bounds."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wbc_tutorial import losses
from wbc_tutorial.losses import REDUCTIONS, boda_loss

F64 = torch.float64
quick = settings(deadline=None, max_examples=40, derandomize=True, database=None)


@st.composite
def problems(draw, missing=True, all_ones=False):
    """(features, labels, domains, centroids, counts): 1-4 domains, 1-4 classes, any pairs missing."""
    n_domains, n_classes = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    sizes = st.sampled_from([0, 1, 2, 7, 90, 8484] if missing else [1, 2, 7, 90])
    counts = draw(st.lists(sizes, min_size=n_domains * n_classes, max_size=n_domains * n_classes).filter(any))
    counts = torch.tensor(counts).view(n_domains, n_classes)
    counts = (counts > 0).long() if all_ones else counts
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    pairs = counts.nonzero()
    domains, labels = pairs[torch.randint(len(pairs), (draw(st.integers(1, 9)),), generator=generator)].T
    h = draw(st.integers(1, 5))
    z = 2 * torch.randn(len(labels), h, generator=generator, dtype=F64)
    mu = 2 * torch.randn(n_domains, n_classes, h, generator=generator, dtype=F64)
    return z, labels, domains, torch.where(counts[..., None] > 0, mu, torch.nan), counts


nus, temperatures = st.sampled_from([0, 0.5, 1]), st.sampled_from([0.5, 1, 3])
options = st.fixed_dictionaries(
    {
        "nu": nus,
        "temperature": temperatures,
        "count_scale": st.sampled_from([1, 5.5, "mean", "harmonic"]),
        "balanced": st.booleans(),
    }
)


def by_hand(z, labels, domains, mu, counts, *, nu, temperature, count_scale, balanced, reduction):
    """Return the loss and, image by image, (its loss, its number of positives): loops, no log space, no tensors."""
    counts, mu = counts.tolist(), mu.tolist()
    existing = [(d, c) for d, row in enumerate(counts) for c, n in enumerate(row) if n]
    if count_scale == "mean":
        count_scale = sum(counts[d][c] for d, c in existing) / len(existing)
    elif count_scale == "harmonic":
        count_scale = len(existing) / sum(1 / counts[d][c] for d, c in existing)
    images = []
    for point, y, home in zip(z.tolist(), labels.tolist(), domains.tolist(), strict=True):
        own = counts[home][y]

        def a(d, c, point=point, own=own):
            weight = (counts[d][c] / own) ** nu / (own if balanced else 1)
            return weight * math.dist(point, mu[d][c]) * count_scale / temperature

        others = [pair for pair in existing if pair != (home, y)]
        positives = [pair for pair in others if pair[1] == y]
        if positives:
            nearest = min(a(*pair) for pair in others)
            log_sum = math.log(sum(math.exp(nearest - a(*pair)) for pair in others)) - nearest
            total = sum(a(*pair) + log_sum for pair in positives)
            images.append((total / len(positives), len(positives)))
    total = sum(loss * n for loss, n in images)
    if reduction == "pairs":
        return total / max(1, sum(n for _, n in images))
    if reduction == "samples":
        return sum(loss for loss, _ in images) / max(1, len(images))
    return total / max(1, len(counts) - 1)


def same(value, expected, rel=1e-10):
    assert float(value) == pytest.approx(float(expected), rel=rel, abs=1e-10)


@quick
@given(problems(), options, st.sampled_from(REDUCTIONS))
def test_boda_equals_a_plain_double_loop(problem, option, reduction):
    same(boda_loss(*problem, **option, reduction=reduction), by_hand(*problem, **option, reduction=reduction))


@settings(quick, max_examples=15)
@given(problems(), options, st.sampled_from(REDUCTIONS))
def test_boda_gradient_is_the_slope(problem, option, reduction):
    z, *rest = problem
    assert torch.autograd.gradcheck(lambda x: boda_loss(x, *rest, **option, reduction=reduction), z.requires_grad_())


@quick
@given(problems(), options, st.integers(0, 99))
def test_boda_does_not_see_where_the_origin_is_nor_the_axes(problem, option, seed):
    z, labels, domains, mu, counts = problem
    generator = torch.Generator().manual_seed(seed)
    rotation, _ = torch.linalg.qr(torch.randn(z.shape[1], z.shape[1], generator=generator, dtype=F64))
    shift = 3 * torch.randn(z.shape[1], generator=generator, dtype=F64)
    moved = boda_loss(z @ rotation + shift, labels, domains, mu @ rotation + shift, counts, **option)
    same(moved, boda_loss(*problem, **option), rel=1e-8)


@quick
@given(problems(), options, st.sampled_from(REDUCTIONS), st.integers(0, 99))
def test_boda_does_not_see_the_names_of_domains_and_classes_nor_the_order(problem, option, reduction, seed):
    z, labels, domains, mu, counts = problem
    generator = torch.Generator().manual_seed(seed)
    d, c, order = (torch.randperm(n, generator=generator) for n in (*counts.shape, len(z)))
    renamed = z, c.argsort()[labels], d.argsort()[domains], mu[d][:, c], counts[d][:, c]
    renamed = *(part[order] for part in renamed[:3]), *renamed[3:]
    same(boda_loss(*renamed, **option, reduction=reduction), boda_loss(*problem, **option, reduction=reduction))


@quick
@given(problems(), nus, temperatures, st.sampled_from([2, 10, 1000]))
def test_counts_temperature_and_scale_trade_places(problem, nu, temperature, k):
    *rest, counts = problem
    more = boda_loss(*rest, k * counts, nu=nu, temperature=temperature)
    same(more, boda_loss(*problem, nu=nu, temperature=k * temperature))
    same(more, boda_loss(*problem, nu=nu, temperature=temperature, count_scale=1 / k))
    for name in ("mean", "harmonic"):  # scaled by the counts themselves, their unit cancels
        plain = boda_loss(*problem, nu=nu, count_scale=name)
        same(plain, boda_loss(*rest, k * counts, nu=nu, count_scale=name))


@quick
@given(problems(all_ones=True), nus)
def test_with_one_image_a_pair_boda_and_doda_are_the_same(problem, nu):
    same(boda_loss(*problem, nu=nu), boda_loss(*problem, nu=0, balanced=False))


@quick
@given(problems(), options)
def test_equal_counts_make_calibration_irrelevant_and_nu_0_is_its_absence(problem, option):
    z, labels, domains, mu, counts = problem
    level = 7 * (counts > 0)
    option = option | {"nu": 0}
    same(
        boda_loss(z, labels, domains, mu, level, **option),
        boda_loss(z, labels, domains, mu, level, **option | {"nu": 1}),
    )
    same(boda_loss(*problem, **option), boda_loss(*problem, **option | {"nu": 1e-13}))


@quick
@given(problems(), options, st.sampled_from(REDUCTIONS), st.sampled_from([math.nan, math.inf, 1e300, 0.0]))
def test_what_an_absent_pair_holds_changes_nothing(problem, option, reduction, junk):
    z, labels, domains, mu, counts = problem
    results = []
    for value in (5.0, junk):
        x = z.clone().requires_grad_()
        filled = torch.where(counts[..., None] > 0, mu, value)
        loss = boda_loss(x, labels, domains, filled, counts, **option, reduction=reduction)
        results.append((loss, *torch.autograd.grad(loss, x)))
    assert torch.equal(results[0][0], results[1][0]) and torch.equal(results[0][1], results[1][1])
    assert results[0][1].isfinite().all()


@quick
@given(problems(), options, st.integers(0, 99))
def test_moving_the_own_centroid_changes_nothing(problem, option, which):
    z, labels, domains, mu, counts = problem
    which %= len(z)
    one = z[which : which + 1], labels[which : which + 1], domains[which : which + 1]
    moved = mu.clone()
    moved[domains[which], labels[which]] += 10
    assert torch.equal(boda_loss(*one, moved, counts, **option), boda_loss(*one, mu, counts, **option))


@quick
@given(problems(missing=False), options)
def test_reductions_differ_by_the_number_of_images_when_nothing_is_missing(problem, option):
    assume(len(problem[-1]) > 1)
    pairs, samples, total = (boda_loss(*problem, **option, reduction=reduction) for reduction in REDUCTIONS)
    same(samples, pairs)
    same(total, len(problem[0]) * pairs)


def test_reductions_differ_otherwise():
    z, mu = torch.randn(4, 2, dtype=F64), torch.randn(3, 2, 2, dtype=F64)
    labels, domains = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    problem = z, labels, domains, mu, torch.tensor([[1, 1], [1, 1], [1, 0]])
    pairs, samples, total = (boda_loss(*problem, reduction=reduction) for reduction in REDUCTIONS)
    assert abs(pairs - samples) > 1e-6 and abs(total - 4 * pairs) > 1e-6


@pytest.mark.parametrize("shape", [(2, 6), (3, 4), (4, 3)])
def test_a_hot_temperature_leaves_log_of_the_other_pairs(shape):
    n_domains, n_classes = shape
    z, mu = torch.randn(5, 3, dtype=F64), torch.randn(*shape, 3, dtype=F64)
    loss = boda_loss(z, torch.zeros(5).long(), torch.zeros(5).long(), mu, torch.full(shape, 9), temperature=1e9)
    assert loss.item() == pytest.approx(2.397895, abs=1e-6)  # log(12 - 1)
    assert n_domains * n_classes == 12


@quick
@given(problems(), options)
def test_every_image_is_bounded_from_below(problem, option):
    bounds = losses.boda_image_bounds(*problem, **option)
    z, labels, domains, mu, counts = problem
    for i in range(len(z)):
        loss = boda_loss(z[i : i + 1], labels[i : i + 1], domains[i : i + 1], mu, counts, **option)
        n_positives = int((counts[:, labels[i]] > 0).sum()) - 1
        floor = math.log(n_positives) if n_positives else 0
        assert loss >= bounds[i] - 1e-9 >= floor - 2e-9


def spread(counts, seed, noise=1.0):
    """Images of all pairs in these numbers, around random points; their true means as centroids."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.tensor(counts)
    domains, labels = counts.nonzero().repeat_interleave(counts.flatten(), 0).T
    points = torch.randn(*counts.shape, 3, generator=generator, dtype=F64)
    z = points[domains, labels] + noise * torch.randn(len(labels), 3, generator=generator, dtype=F64)
    mu = torch.stack([z[(domains == d) & (labels == c)].mean(0) for d, c in counts.nonzero()]).view_as(points)
    return z, labels, domains, mu, counts


def bound_of(z, labels, domains, mu, counts):
    t = losses.transferability(z, labels, domains)
    n_domains, n_classes = counts.shape
    return losses.boda_lower_bound(t.alpha, t.beta, t.gamma, n_images=len(z), n_domains=n_domains, n_classes=n_classes)


@quick
@given(
    st.integers(2, 3).flatmap(
        lambda c: st.lists(st.lists(st.integers(1, 6), min_size=c, max_size=c), min_size=2, max_size=3)
    ),
    st.integers(0, 999),
    st.sampled_from([0.05, 1.0]),
)
def test_boda_is_bounded_by_transferability(counts, seed, noise):
    problem = spread(counts, seed, noise)
    assert boda_loss(*problem, nu=0, reduction="sum") >= bound_of(*problem) - 1e-9


def test_without_the_division_by_the_counts_the_bound_breaks():
    broken = 0
    for seed in range(10):
        problem = spread([[100, 1], [1, 50]], seed, noise=0.05)
        bound = bound_of(*problem)
        assert boda_loss(*problem, nu=0, reduction="sum") >= bound
        broken += bool(boda_loss(*problem, nu=0, balanced=False, reduction="sum") < bound)
    assert broken > 0
