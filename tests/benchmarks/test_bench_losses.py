"""How fast the losses are, as ratios measured in one run; outside the default test run.

python -m pytest -o addopts= -s tests/benchmarks/test_bench_losses.py
"""

import time

import pytest
import torch
import torch.nn.functional as F

from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.losses import coral_loss
from wbc_tutorial.models import resnet18, small_cnn
from wbc_tutorial.training.alignment import CORAL, DANN, BoDA

COUNTS = torch.tensor([LABORATORIES[name].counts for name in ("matek_19", "acevedo_20")])


@pytest.fixture(autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def fastest(*calls, rounds, warm_up=3):
    """Return the shortest time of each call, taken in turns: what others do on the machine only lengthens some."""
    for call in calls * warm_up:
        call()
    times = [[seconds(call) for call in calls] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]


def coral_by_covariances(x, domains):
    one, other = x[domains == 0], x[domains == 1]
    gap = torch.cov(one.T) - torch.cov(other.T)  # (h, h)
    return (one.mean(0) - other.mean(0)).square().mean() + gap.square().mean()


@pytest.mark.parametrize("per_domain", [16, 32])
def test_coral_against_the_covariance_form(per_domain):
    x, domains = torch.randn(2 * per_domain, 2048, requires_grad=True), torch.arange(2).repeat(per_domain)
    torch.testing.assert_close(coral_loss(x, domains), coral_by_covariances(x, domains), rtol=1e-3, atol=0)

    def ours():
        coral_loss(x, domains).backward()

    def theirs():
        coral_by_covariances(x, domains).backward()

    def twenty(call):  # in blocks: alternating single calls would time how the large matrices empty the caches
        return lambda: [call() for _ in range(20)]

    fast, slow = (block / 20 for block in fastest(twenty(ours), twenty(theirs), rounds=5, warm_up=1))
    speed_up = slow / fast
    print(f"\nCORAL, {per_domain} per domain: {1e3 * fast:.2f} ms, h x h {1e3 * slow:.1f} ms, {speed_up:.0f} times")
    assert speed_up >= 20


def step_of(model, alignment, images, labels, domains):
    parameters = [*model.parameters(), *([] if alignment is None else alignment.parameters())]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)

    def step():
        features = model.features(images)
        loss = F.cross_entropy(model.head(features), labels)
        if alignment is not None:
            loss = loss + alignment(features, labels, domains, 0.5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


BACKBONES = {"small_cnn": (lambda: small_cnn(13), 64, 60), "resnet18": (lambda: resnet18(13, pretrained=False), 64, 8)}
LIMITS = {"coral": 1.05, "dann": 1.10, "boda": 1.05, "boda and macro": 1.05}


@pytest.mark.parametrize("method", LIMITS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_training_step_against_erm(backbone, method):
    """Images of 64 px, 32 of each of two laboratories."""
    build, size, rounds = BACKBONES[backbone]
    model = build()
    alignment = {
        "coral": CORAL,
        "dann": lambda: DANN(model.n_features, 2),
        "boda": lambda: BoDA(COUNTS, model.n_features),
        "boda and macro": lambda: BoDA(COUNTS, model.n_features, macro_weight=1.0),
    }[method]()
    domains = torch.arange(2).repeat(32)
    labels = torch.multinomial((COUNTS > 0).float()[domains], 1)[:, 0]
    images = torch.rand(64, 3, size, size)
    erm, ours = (step_of(model, which, images, labels, domains) for which in (None, alignment))
    fast, slow = fastest(erm, ours, rounds=rounds)
    print(f"\n{backbone}, {method}: {1e3 * slow:.1f} ms, ERM {1e3 * fast:.1f} ms, {slow / fast:.3f} times")
    assert slow / fast <= LIMITS[method]
