"""The alignment modules: one signature, weights, warm-up, what a saved state holds."""

import copy
import io

import pytest
import torch
from support.pair_batches import COUNTS, batch
from torch import nn

from wbc_tutorial import losses
from wbc_tutorial.training.alignment import CORAL, DANN, BoDA
from wbc_tutorial.training.centroids import Centroids


def every_alignment(weight=1.0):
    return {
        "coral": CORAL(weight),
        "deep coral": CORAL(weight, variant="deep"),
        "dann": DANN(5, 2, weight),
        "conditional dann": DANN(5, 2, weight, conditional=True, n_classes=3),
        "boda": BoDA(COUNTS, 5, weight=weight),
        "boda, refreshed": BoDA(COUNTS, 5, weight=weight, centroids="refresh"),
        "boda with macro": BoDA(COUNTS, 5, weight=weight, macro_weight=weight),
        "doda": BoDA(COUNTS, 5, weight=weight, balanced=False, nu=0),
    }


def train(alignment, steps, model=None, optimizer=None, *, first=0, total=20):
    """Run the course's loop on random batches; return the model, its optimizer and the losses."""
    model = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 3)) if model is None else model
    alignment_parameters = [] if alignment is None else list(alignment.parameters())
    optimizer = optimizer or torch.optim.Adam([*model.parameters(), *alignment_parameters], lr=0.01)
    history = []
    for step in range(first, first + steps):
        images, labels, domains = batch(step)
        features = model[:2](images)
        loss = nn.functional.cross_entropy(model[2](features), labels)
        if alignment is not None:
            if alignment.wants_refresh(step):
                alignment.refresh(model[:2](batch(99, n=60)[0]), *batch(99, n=60)[1:])
            loss = loss + alignment(features, labels, domains, step / total)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    return model, optimizer, history


@pytest.mark.parametrize("name", every_alignment())
def test_one_signature_and_the_weight_is_a_factor(name):
    values = []
    for weight in (1.0, 3.0):
        torch.manual_seed(0)
        alignment = every_alignment(weight)[name]
        if alignment.wants_refresh(0):
            alignment.refresh(*batch(1, n=50))
        features, labels, domains = batch()
        features.requires_grad_()
        loss = alignment(features, labels, domains, 0.5)
        loss.backward()
        assert loss.shape == () and features.grad.abs().sum() > 0
        values.append(loss.item())
    assert values[1] == pytest.approx(3 * values[0], rel=1e-6)


@pytest.mark.parametrize("name", every_alignment())
def test_weight_zero_is_erm_bit_for_bit(name):
    torch.manual_seed(3)
    erm, _, _ = train(None, 8)
    after_erm = torch.rand(4)
    torch.manual_seed(3)
    alignment = every_alignment(0.0)[name]  # building it must not touch the random state either
    model, _, _ = train(alignment, 8)
    assert all(torch.equal(a, b) for a, b in zip(erm.parameters(), model.parameters(), strict=True))
    assert torch.equal(torch.rand(4), after_erm)
    torch.manual_seed(3)
    other, _, _ = train(every_alignment(1.0)[name], 8)  # and with weight 1 it is not ERM
    assert not all(torch.equal(a, b) for a, b in zip(erm.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("name", every_alignment())
def test_a_saved_state_reproduces_the_next_steps_bit_for_bit(name):
    torch.manual_seed(1)
    alignment = every_alignment(0.7)[name]
    model, optimizer, _ = train(alignment, 7)
    file = io.BytesIO()
    torch.save({"alignment": alignment.state_dict(), "optimizer": optimizer.state_dict()}, file)
    copied = copy.deepcopy(model)
    _, _, expected = train(alignment, 5, model, optimizer, first=7)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    torch.manual_seed(2)
    fresh = every_alignment(0.7)[name]
    fresh.load_state_dict(state["alignment"])
    resumed = torch.optim.Adam([*copied.parameters(), *fresh.parameters()], lr=0.01)
    resumed.load_state_dict(state["optimizer"])
    _, _, got = train(fresh, 5, copied, resumed, first=7)
    assert got == expected
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), copied.parameters(), strict=True))
    assert fresh.state_dict().keys() == alignment.state_dict().keys()
    assert all(torch.equal(fresh.state_dict()[key], value) for key, value in alignment.state_dict().items())


def test_the_saved_state_holds_steps_counts_and_centroids():
    boda = BoDA(COUNTS, 5)
    train(boda, 4)
    state = boda.state_dict()
    assert state["steps"] == 4 and torch.equal(state["counts"], COUNTS)
    assert {"centroids.mean", "centroids.seen", "centroids.initialised"} < state.keys()


@pytest.mark.parametrize("name", every_alignment())
def test_under_autocast_the_result_is_that_of_the_same_input_outside(name):
    torch.manual_seed(0)
    alignment = every_alignment()[name]
    if alignment.wants_refresh(0):
        alignment.refresh(*batch(1, n=50))
    twin = copy.deepcopy(alignment)
    features, labels, domains = batch()
    half = features.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        inside = alignment(half, labels, domains, 1.0)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, twin(half, labels, domains, 1.0))


def test_boda_is_the_pure_function_on_its_centroids_and_starts_after_the_warm_up():
    boda = BoDA(COUNTS, 5, weight=0.3, macro_weight=0.2, start=0.4, nu=1.0, reduction="sum")
    features, labels, domains = batch()
    macro = 0.2 * losses.coral_loss(features, domains)
    assert torch.equal(boda(features, labels, domains, 0.39), macro)
    assert boda.last_penalty != boda.last_penalty  # nan: there was none yet
    later, labels, domains = batch(1)
    loss = boda(later, labels, domains, 0.4)
    mu = boda.centroids.known()
    term = losses.boda_loss(later, labels, domains, mu, COUNTS, nu=1.0, reduction="sum")
    torch.testing.assert_close(loss, 0.2 * losses.coral_loss(later, domains) + 0.3 * term)
    assert boda.last_penalty == pytest.approx(term.item())


def test_boda_in_evaluation_mode_leaves_its_state_alone():
    boda = BoDA(COUNTS, 5)
    boda(*batch(), 0.5)
    before = copy.deepcopy(boda.state_dict())
    boda.eval()(*batch(1), 0.5)
    assert all(torch.equal(before[key], value) for key, value in boda.state_dict().items())


def test_counts_from_labels():
    labels, domains = torch.tensor([0, 0, 2, 1]), torch.tensor([0, 0, 1, 1])
    for kind in (lambda x: x, lambda x: x.numpy()):
        boda = BoDA.from_labels(kind(labels), kind(domains), 2, 3, 4, weight=0.5)
        assert boda.counts.tolist() == [[2, 0, 0], [0, 1, 1]] and boda.weight == 0.5
    with pytest.raises(ValueError, match=r"labels: got 0..2, expected 0..1"):
        BoDA.from_labels(labels, domains, 2, 2, 4)


def test_refresh_is_due_on_schedule_and_its_absence_is_not_silent():
    boda = BoDA(COUNTS, 5, centroids="refresh", refresh_every=3)
    assert [step for step in range(8) if boda.wants_refresh(step)] == [0, 3, 6] and boda.wants_refresh()
    with pytest.raises(RuntimeError, match="call refresh"):
        boda(*batch(), 0.5)
    boda.refresh(*batch(1, n=50))
    assert boda(*batch(), 0.5) > 0 and not boda.wants_refresh()  # two steps were taken
    assert not BoDA(COUNTS, 5).wants_refresh(0) and not CORAL().wants_refresh(0)


def test_dann_reports_accuracy_reverses_and_conditions():
    torch.manual_seed(0)
    features, labels, domains = batch(n=40)
    features = (features + 3 * domains[:, None]).requires_grad_()
    dann = DANN(5, 2)
    assert dann.last_accuracy != dann.last_accuracy
    optimizer = torch.optim.Adam(dann.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        dann(features, labels, domains, 0.0).backward()
        optimizer.step()
    assert dann.last_accuracy > 0.95
    assert (features.grad == 0).all()  # strength 0: nothing reached the features
    slopes = []
    for progress in (0.1, 1.0):
        features.grad = None
        dann(features, labels, domains, progress).backward()
        slopes.append(features.grad / losses.reversal_strength(progress))
    torch.testing.assert_close(slopes[0], slopes[1])
    plain = features.detach().requires_grad_()
    losses.domain_adversarial_loss(dann.discriminator(plain), domains).backward()
    torch.testing.assert_close(slopes[0], -plain.grad)
    conditional = DANN(5, 2, conditional=True, n_classes=3)
    one, other = (conditional(features, (labels + shift) % 3, domains, 1.0) for shift in (0, 1))
    assert one != other  # the class is seen


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CORAL(-1), "weight: got -1"),
        (lambda: CORAL(None), "weight: got None"),
        (lambda: CORAL(variant="shallow"), "variant: got 'shallow'"),
        (lambda: DANN(0, 2), "n_features is 0"),
        (lambda: DANN(5, 2, hidden=1.5), "hidden is 1.5"),
        (lambda: DANN(5, 2)(torch.ones(1, 5), torch.tensor([0]), torch.tensor([2]), 0.5), "domains: got 2..2"),
        (lambda: CORAL()([[1.0]], *batch()[1:], 0.5), "features: got a list"),
        (lambda: CORAL()(batch()[0], batch()[1], None, 0.5), "domains: got None"),
        (lambda: CORAL()(*batch(), None), "progress: got None"),
        (lambda: BoDA([[1.5, 2]], 5), "counts: got shape"),
        (lambda: BoDA([[-1, 2]], 5), "expected .D, C. with whole numbers >= 0"),
        (lambda: BoDA(None, 5), "counts: got None"),
        (lambda: BoDA(COUNTS, 5, nu=-1), "nu: got -1"),
        (lambda: BoDA(COUNTS, 5, refresh_every=0), "refresh_every is 0"),
        (lambda: DANN(5, 2, conditional=True), "n_classes=None"),
        (lambda: DANN(5, 2, conditional=True, n_classes=2)(*batch(), 0.5), "labels: got 0..2, expected 0..1"),
        (lambda: CORAL()(*batch(), 1.5), "progress: got 1.5"),
        (lambda: BoDA(COUNTS, 5, centroids="exact"), "centroids: got 'exact'"),
        (lambda: BoDA(COUNTS, 5, reduction="mean"), "reduction: got 'mean'"),  # at once, not after the warm-up
        (lambda: BoDA(COUNTS, 5, temperature=0), "temperature: got 0"),
        (lambda: BoDA(COUNTS, 5, start=2), "start: got 2"),
        (lambda: Centroids(1, 1, 1, momentum=2), "momentum=2"),
        (lambda: BoDA(COUNTS, 5)(torch.ones(1, 5), torch.tensor([3]), torch.tensor([0]), 0.5), "expected 0..2"),
        (lambda: BoDA(COUNTS, 4)(*batch(), 0.5), "features: got 5 per image, expected 4; build BoDA"),
        (lambda: DANN(4, 2)(*batch(), 0.5), "features: got 5 per image, expected 4; build DANN"),
        (lambda: BoDA(COUNTS, 5)(torch.ones(1, 5), torch.tensor([1]), torch.tensor([1]), 0.0), r"\(1, 1\), whose"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", every_alignment())
def test_features_that_are_not_finite_are_passed_on_for_the_loop_to_report(name):
    alignment = every_alignment()[name]
    if alignment.wants_refresh(0):
        alignment.refresh(*batch(1, n=50))
    alignment(*batch(2), 0.4)
    features, labels, domains = batch()
    features[0] = float("nan")
    assert torch.isnan(alignment(features, labels, domains, 0.5))


@pytest.mark.parametrize("name", every_alignment())
def test_the_training_set_is_checked_once_before_training(name):
    alignment = every_alignment()[name]
    _, labels, domains = batch(n=50)
    alignment.check_training_set(labels.numpy(), domains.numpy())
    if name not in ("coral", "deep coral"):  # which take any numbers
        with pytest.raises(ValueError, match=r"domains: got 0..2, expected 0..1"):
            alignment.check_training_set(labels, torch.full_like(domains, 2) * (labels > 0))
    if "boda" in name or name == "doda":
        with pytest.raises(
            ValueError, match=r"image 1 belongs to the pair \(domain, class\) = \(1, 1\), whose count is 0"
        ):
            alignment.check_training_set([0, 1], [0, 1])


def test_representations_say_what_they_are():
    assert repr(CORAL(0.5)) == "CORAL(weight=0.5, variant='reference')"
    assert repr(DANN(5, 2, conditional=True, n_classes=3)) == (
        "DANN(weight=1.0, 5 features and 3 classes, 2 domains, hidden=128)"
    )
    assert repr(BoDA(COUNTS, 5, macro_weight=1.0, count_scale="mean")) == (
        "BoDA(weight=0.1, nu=0.5, count_scale='mean', macro_weight=1.0, 5 pairs of 2 domains x 3 classes)"
    )
