"""What turns ERM into CORAL, DANN or BoDA: modules that hold the losses' state, all called alike."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wbc_tutorial.losses import boda_loss, coral_loss, domain_adversarial_loss, reversal_strength, reverse_gradient
from wbc_tutorial.losses.boda import check_tables
from wbc_tutorial.losses.checks import check_batch, check_number, check_range
from wbc_tutorial.training.centroids import Centroids

__all__ = ["CORAL", "DANN", "Alignment", "BoDA"]


def nothing(features: Tensor) -> Tensor:
    """Return exactly 0 with a graph, whatever the features hold."""
    return features[:0].sum(dtype=torch.float64 if features.dtype == torch.float64 else torch.float32)


class Alignment(nn.Module):
    """What the training loop may ask of every alignment.

    ``alignment(features, labels, domains, progress)`` is the term to add to the cross-entropy, weight included;
    `progress` runs from 0 (first step) to 1 (last). With weight 0 it is exactly 0 and training is ERM, bit for bit.

    Attributes
    ----------
    weight : float
    last_penalty : float
        The term's last value before the weight; nan until there is one.
    """

    def __init__(self, weight: float):
        super().__init__()
        check_number("weight", weight, zero=True)
        self.weight = weight
        self._last: Tensor | None = None

    @property
    def last_penalty(self) -> float:  # noqa: D102
        return float("nan") if self._last is None else self._last.item()

    def forward(self, features: Tensor, labels: Tensor, domains: Tensor, progress: float) -> Tensor:
        """Return the weighted penalty, computed outside autocast."""
        if not 0 <= progress <= 1:
            raise ValueError(f"progress: got {progress!r}, expected a number from 0 (first step) to 1 (last step)")
        with torch.autocast(features.device.type, enabled=False):
            return self.penalty(features, labels, domains, progress)

    def weigh(self, penalty: Tensor) -> Tensor:
        """Remember the penalty and return it weighted."""
        self._last = penalty.detach()
        return self.weight * penalty

    def wants_refresh(self, step: int | None = None) -> bool:
        """Say whether to call ``refresh(features, labels, domains)`` with the whole training set before this step."""
        return False


class CORAL(Alignment):
    """Match means and covariances between domains: `wbc_tutorial.losses.coral_loss` times a weight.

    Parameters
    ----------
    weight : float
    variant : {"reference", "deep"}

    Examples
    --------
    >>> x = torch.tensor([(0.0, 0), (2, 0), (0, 2), (2, 2), (1, 1), (3, 1), (2, 4)])
    >>> domains = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    >>> round(CORAL(weight=2.0)(x, domains, domains, 0.5).item(), 6)  # labels play no part
    3.444444
    """

    def __init__(self, weight: float = 1.0, variant: str = "reference"):
        super().__init__(weight)
        self.variant = variant

    def penalty(self, features, labels, domains, progress):  # noqa: D102
        return self.weigh(coral_loss(features, domains, variant=self.variant)) if self.weight else nothing(features)


class DANN(Alignment):
    """Make features that a discriminator cannot tell domains from, by gradient reversal.

    The gradient that reaches the features is multiplied by ``-reversal_strength(progress)``, the discriminator's own
    is not. Its parameters belong in the optimizer: ``[*model.parameters(), *alignment.parameters()]``.

    Parameters
    ----------
    n_features, n_domains, hidden : int
        Width of the features, number of domains, width of the discriminator.
    weight : float
    conditional : bool
        Show the discriminator the true class as well, so that features need only hide what the class does not tell.
    n_classes : int, optional
        Needed when `conditional`.

    Attributes
    ----------
    discriminator : nn.Module
        Two linear layers. Building it leaves torch's random state as it was: what follows is as in ERM.
    last_accuracy : float
        Share of the last batch whose domain it named; nan until there is one.

    Examples
    --------
    >>> dann = DANN(n_features=8, n_domains=2)
    >>> x, domains = torch.zeros(4, 8), torch.tensor([0, 0, 0, 1])
    >>> loss = dann(x, domains, domains, progress=0.5)
    >>> dann.last_accuracy in (0.25, 0.75)  # all features are equal, so is every answer
    True
    """

    def __init__(self, n_features, n_domains, weight=1.0, conditional=False, n_classes=None, *, hidden=128):
        super().__init__(weight)
        if conditional and not n_classes:
            raise ValueError(f"conditional=True needs the number of classes, got n_classes={n_classes!r}")
        self.n_classes = n_classes if conditional else 0
        with torch.random.fork_rng(devices=[]):
            self.discriminator = nn.Sequential(
                nn.Linear(n_features + self.n_classes, hidden), nn.ReLU(), nn.Linear(hidden, n_domains)
            )
        self._accuracy: Tensor | None = None

    @property
    def last_accuracy(self) -> float:  # noqa: D102
        return float("nan") if self._accuracy is None else self._accuracy.item()

    def penalty(self, features, labels, domains, progress):  # noqa: D102
        if not self.weight:
            return nothing(features)
        first = self.discriminator[0]
        if features.shape[-1] != first.in_features - self.n_classes:
            raise ValueError(f"got {features.shape[-1]} features, expected {first.in_features - self.n_classes}")
        x = reverse_gradient(features, reversal_strength(progress)).to(first.weight.dtype)
        if self.n_classes:
            check_range("labels", labels, self.n_classes)
            x = torch.cat([x, F.one_hot(labels, self.n_classes).to(x.dtype)], 1)
        logits = self.discriminator(x)
        loss = domain_adversarial_loss(logits, domains)
        self._accuracy = (logits.detach().argmax(1) == domains).float().mean()
        return self.weigh(loss)


class BoDA(Alignment):
    r"""Balanced domain-class alignment: ``weight * boda_loss(...) + macro_weight * coral_loss(...)``.

    Parameters
    ----------
    counts : shape (D, C)
        Training images per pair; `from_labels` counts them.
    n_features : int
    weight : float
        Of the BoDA term; 0.1 in the reference code.
    nu, temperature, count_scale, balanced, reduction
        See `wbc_tutorial.losses.boda_loss`; ``balanced=False, nu=0`` is DoDA.
    macro_weight : float
        Of a CORAL term on all steps: 0 is the slides' objective, 1 the reference code's.
    start : float in [0, 1]
        Progress at which the BoDA term sets in: by then centroids exist.
    centroids : {"running", "refresh"}
        From the batches, for free; or from a full pass over the training set, as the reference code: the loop then
        calls `refresh` whenever `wants_refresh` says so.
    refresh_every, momentum, old_weight : int, float, float
        Steps between full passes; for the others see `wbc_tutorial.centroids.Centroids`.

    Attributes
    ----------
    centroids : Centroids
    steps : Tensor of int64, shape ()
        Training steps taken. Everything that the next step depends on is in the state dict, this included.

    Raises
    ------
    ValueError
        On construction, for any option out of range.
    RuntimeError
        ``centroids="refresh"`` and no full pass when the BoDA term sets in.

    Examples
    --------
    >>> labels, domains = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    >>> boda = BoDA.from_labels(labels, domains, n_domains=2, n_classes=2, n_features=1, weight=1.0)
    >>> x = torch.tensor([[0.0], [2.0], [1.0], [3.0]])
    >>> boda(x, labels, domains, progress=0.0).item()  # not yet
    0.0
    >>> round(boda(x, labels, domains, progress=0.5).item(), 6)
    0.6348
    """

    def __init__(
        self, counts, n_features, *, weight=0.1, nu=0.5, temperature=1.0, count_scale=1.0, balanced=True,
        reduction="pairs", macro_weight=0.0, start=0.1, centroids="running", refresh_every=120, momentum=0.98,
        old_weight=0.2,
    ):  # fmt: skip
        super().__init__(weight)
        check_number("macro_weight", macro_weight, zero=True)
        check_number("refresh_every", refresh_every, zero=False)
        if centroids not in ("running", "refresh") or not 0 <= start <= 1:
            raise ValueError(f"got {centroids=}, {start=}; expected 'running' or 'refresh', 0 <= start <= 1")
        self.macro_weight, self.start, self.refresh_every = macro_weight, start, refresh_every
        self.from_batches = centroids == "running"
        self.options = {"nu": nu, "temperature": temperature, "count_scale": count_scale}
        self.options |= {"balanced": balanced, "reduction": reduction}
        self.register_buffer("counts", torch.as_tensor(counts).clone())
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.centroids = Centroids(*self.counts.shape, n_features, momentum=momentum, old_weight=old_weight)
        none = torch.zeros(0, dtype=torch.int64)  # a batch without images: all options are checked now, not later
        boda_loss(torch.zeros(0, n_features), none, none, self.centroids.mean, self.counts, **self.options)

    @classmethod
    def from_labels(cls, labels, domains, n_domains: int, n_classes: int, n_features: int, **options) -> "BoDA":
        """Build it from the labels and domains (N,) of all training images; `options` are those of the class."""
        labels, domains = torch.as_tensor(labels).long(), torch.as_tensor(domains).long()
        check_range("labels", labels, n_classes)
        check_range("domains", domains, n_domains)
        counts = torch.bincount(domains * n_classes + labels, minlength=n_domains * n_classes)
        return cls(counts.view(n_domains, n_classes), n_features, **options)

    def penalty(self, features, labels, domains, progress):  # noqa: D102
        self._check(features, labels, domains)
        if self.training:
            self.steps += 1
            if self.weight and self.from_batches:
                self.centroids.update(features, labels, domains)
        loss = nothing(features)
        if self.macro_weight:
            loss = loss + self.macro_weight * coral_loss(features, domains)
        if self.weight and progress >= self.start:
            if not self.from_batches and not self.centroids.initialised.any():
                raise RuntimeError("no centroids yet: call refresh(features, labels, domains) on the training set")
            known = self.centroids.known()
            loss = loss + self.weigh(boda_loss(features, labels, domains, known, self.counts, **self.options))
        return loss

    def wants_refresh(self, step: int | None = None) -> bool:
        """Say whether a full pass is due before this step (default: the steps taken so far)."""
        step = self.steps.item() if step is None else step
        return bool(self.weight) and not self.from_batches and step % self.refresh_every == 0

    def refresh(self, features: Tensor, labels: Tensor, domains: Tensor) -> None:
        """Move the centroids to the means of the whole training set's features, shape (N, h)."""
        self._check(features, labels, domains)
        self.centroids.refresh(features, labels, domains)

    def _check(self, features, labels, domains):
        features, labels, domains = check_batch(features, labels=labels, domains=domains)
        check_tables(features, labels, domains, self.centroids.mean, self.counts)
