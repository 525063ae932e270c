"""The alignment modules: what turns ERM into CORAL, DANN or BoDA; they hold the losses' state and are called alike."""

import torch
from torch import Tensor, nn

from wbc_tutorial.data.checks import whole_number
from wbc_tutorial.losses.boda import check_options, check_pairs, unchecked_boda_loss
from wbc_tutorial.losses.checks import (
    as_table,
    check_batch,
    check_number,
    check_progress,
    check_range,
    readable,
)
from wbc_tutorial.losses.coral import check_variant, unchecked_coral_loss
from wbc_tutorial.losses.dann import reversal_strength, reverse_gradient, unchecked_adversarial_loss
from wbc_tutorial.training.centroids import Centroids
from wbc_tutorial.training.device import without_autocast

__all__ = ["CORAL", "DANN", "Alignment", "BoDA"]


class Alignment(nn.Module):
    """What the training loop may ask of every alignment.

    ``alignment(features, labels, domains, progress)`` is the term to add to the cross-entropy, weight included;
    `progress` runs from 0 (first step) to 1 (last). With weight 0 it is exactly 0 and training is ERM, bit for bit.

    Attributes
    ----------
    weight : float
    last_penalty : float
        The term's last value before the weight; nan until there is one.

    Notes
    -----
    On the CPU every call checks the values of labels and domains. On a graphics card a look at them would make the
    program wait for the card in each step, so calls check only shapes and dtypes there; `check_training_set` checks the
    values once, and `wbc_tutorial.fit` calls it. Features that are not finite give a penalty that is not finite: the
    loop reports it.
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
        """Return the weighted penalty, computed outside autocast.

        Parameters
        ----------
        features : Tensor, shape (N, h)
        labels, domains : Tensor of int64, shape (N,)
        progress : float in [0, 1]

        Raises
        ------
        ValueError
            Arguments that do not fit together, or do not fit what the alignment was built for.
        """
        check_progress(progress)
        features, labels, domains = check_batch(features, labels=labels, domains=domains)
        self.check_width(features.shape[1])
        if readable(labels):
            self.check_numbers(labels, domains)
        with without_autocast(features.device):
            return self.penalty(features, labels, domains, progress)

    def penalty(self, features: Tensor, labels: Tensor, domains: Tensor, progress: float) -> Tensor:
        """Return the weighted penalty of a batch that was checked; nothing in it makes a graphics card wait."""
        raise NotImplementedError

    def check_width(self, n_features: int) -> None:
        """Raise ValueError unless the alignment takes this many features per image."""

    def check_numbers(self, labels: Tensor, domains: Tensor) -> None:
        """Raise ValueError unless all labels and domains are among those that the alignment was built for."""

    def check_training_set(self, labels, domains) -> None:
        """Check, once and before training, all labels and domains (N,) of the training set."""
        self.check_numbers(torch.as_tensor(labels).long(), torch.as_tensor(domains).long())

    def weigh(self, penalty: Tensor) -> Tensor:
        """Remember the penalty and return it weighted."""
        self._last = penalty.detach()
        return self.weight * penalty

    def wants_refresh(self, step: int | None = None) -> bool:
        """Say whether to call ``refresh(features, labels, domains)`` with the whole training set before this step."""
        return False


def nothing(features: Tensor) -> Tensor:
    """Return exactly 0 with a graph, whatever the features hold."""
    return features[:0].sum()


class CORAL(Alignment):
    """Match means and covariances between domains: `wbc_tutorial.coral_loss` times a weight.

    Parameters
    ----------
    weight : float, default=1.0
    variant : {"reference", "deep"}, default="reference"

    Raises
    ------
    ValueError
        A weight that is negative or not finite; an unknown variant.

    See Also
    --------
    wbc_tutorial.coral_loss : the loss, with its equation.

    Examples
    --------
    >>> coral = CORAL(weight=2.0)
    >>> coral
    CORAL(weight=2.0, variant='reference')
    >>> x = torch.tensor([(0.0, 0), (2, 0), (0, 2), (2, 2), (1, 1), (3, 1), (2, 4)])
    >>> domains = torch.tensor([0, 0, 0, 0, 1, 1, 1])
    >>> round(coral(x, domains, domains, 0.5).item(), 6)  # labels play no part
    3.444444
    """

    def __init__(self, weight: float = 1.0, variant: str = "reference"):
        super().__init__(weight)
        check_variant(variant)
        self.variant = variant
        self._numbers: Tensor | None = None

    def __repr__(self) -> str:
        return f"CORAL(weight={self.weight}, variant={self.variant!r})"

    def check_training_set(self, labels, domains) -> None:
        """Remember which domains there are: a search in each step would make a graphics card wait."""
        self._numbers = torch.unique(torch.as_tensor(domains).long())

    def penalty(self, features, labels, domains, progress):  # noqa: D102
        if not self.weight:
            return nothing(features)
        if readable(domains) or self._numbers is None:
            numbers = torch.unique(domains)
        else:
            numbers = self._numbers = self._numbers.to(domains.device)  # a copy in the first step alone
        return self.weigh(unchecked_coral_loss(features, domains, numbers, variant=self.variant))


class DANN(Alignment):
    """Make features that a discriminator cannot tell domains from, by gradient reversal.

    The gradient that reaches the features is multiplied by ``-reversal_strength(progress)``, the discriminator's own
    is not. Its parameters belong in the optimizer: ``[*model.parameters(), *alignment.parameters()]``.

    Parameters
    ----------
    n_features, n_domains : int
        Width of the features, number of domains.
    weight : float, default=1.0
    conditional : bool, default=False
        Show the discriminator the true class as well, so that features need only hide what the class does not tell.
    n_classes : int, default=None
        Needed when `conditional`.
    hidden : int, default=128
        Width of the discriminator.

    Attributes
    ----------
    discriminator : nn.Module
        Two linear layers. Building it leaves torch's random state as it was: what follows is as in ERM.
    last_accuracy : float
        Share of the last batch whose domain it named; nan until there is one.

    Raises
    ------
    ValueError
        A number out of range; ``conditional=True`` without the number of classes.

    See Also
    --------
    wbc_tutorial.domain_adversarial_loss : the loss, with its equation.
    wbc_tutorial.reverse_gradient : the layer before the discriminator.

    Examples
    --------
    >>> dann = DANN(n_features=8, n_domains=2)
    >>> dann
    DANN(weight=1.0, 8 features, 2 domains, hidden=128)
    >>> x, domains = torch.zeros(4, 8), torch.tensor([0, 0, 0, 1])
    >>> loss = dann(x, domains, domains, progress=0.5)
    >>> dann.last_accuracy in (0.25, 0.75)  # all features are equal, so is every answer
    True
    """

    def __init__(self, n_features, n_domains, weight=1.0, conditional=False, n_classes=None, *, hidden=128):
        super().__init__(weight)
        for name, value in (("n_features", n_features), ("n_domains", n_domains), ("hidden", hidden)):
            whole_number(name, value, least=1)
        if conditional:
            if n_classes is None:
                raise ValueError("conditional=True needs the number of classes, got n_classes=None")
            whole_number("n_classes", n_classes, least=1)
        self.n_features, self.n_domains = n_features, n_domains
        self.n_classes = n_classes if conditional else 0
        with torch.random.fork_rng(devices=[]):
            self.discriminator = nn.Sequential(
                nn.Linear(n_features + self.n_classes, hidden), nn.ReLU(), nn.Linear(hidden, n_domains)
            )
        self._accuracy: Tensor | None = None

    def __repr__(self) -> str:
        seen = f"{self.n_features} features" + (f" and {self.n_classes} classes" if self.n_classes else "")
        hidden = self.discriminator[0].out_features
        return f"DANN(weight={self.weight}, {seen}, {self.n_domains} domains, hidden={hidden})"

    @property
    def last_accuracy(self) -> float:  # noqa: D102
        return float("nan") if self._accuracy is None else self._accuracy.item()

    def check_width(self, n_features):  # noqa: D102
        _check_width("DANN", n_features, self.n_features)

    def check_numbers(self, labels, domains):  # noqa: D102
        check_range("domains", domains, self.n_domains)
        if self.n_classes:
            check_range("labels", labels, self.n_classes)

    def penalty(self, features, labels, domains, progress):  # noqa: D102
        if not self.weight:
            return nothing(features)
        x = reverse_gradient(features, reversal_strength(progress)).to(self.discriminator[0].weight.dtype)
        if self.n_classes:
            one_hot = labels[:, None] == torch.arange(self.n_classes, device=labels.device)  # (N, C)
            x = torch.cat([x, one_hot.to(x.dtype)], 1)
        logits = self.discriminator(x)
        self._accuracy = (logits.detach().argmax(1) == domains).float().mean()
        return self.weigh(unchecked_adversarial_loss(logits, domains))


class BoDA(Alignment):
    r"""Balanced domain-class alignment: ``weight * boda_loss(...) + macro_weight * coral_loss(...)``.

    Parameters
    ----------
    counts : int, shape (D, C)
        Training images per domain-class pair; `from_labels` counts them.
    n_features : int
    weight : float, default=0.1
        Of the BoDA term; 0.1 in the reference code.
    nu, temperature, count_scale, balanced, reduction : default=0.5, 1.0, 1.0, True, "pairs"
        See `wbc_tutorial.boda_loss`; ``balanced=False, nu=0`` is DoDA.
    macro_weight : float, default=0.0
        Of a CORAL term on all steps: 0 is the slides' objective, 1 the reference code's.
    start : float in [0, 1], default=0.1
        Progress at which the BoDA term sets in: by then centroids exist.
    centroids : {"running", "refresh"}, default="running"
        From the batches, for free; or from a full pass over the training set, as the reference code: the loop then
        calls `refresh` whenever `wants_refresh` says so.
    refresh_every : int, default=120
        Steps between full passes.
    momentum, old_weight : float, default=0.98, 0.2
        See `wbc_tutorial.training.centroids.Centroids`.

    Attributes
    ----------
    centroids : Centroids
    steps : Tensor of int64, shape ()
        Training steps taken. Everything that the next step depends on is in the state dict, this included.

    Raises
    ------
    ValueError
        On construction, for any option out of range. In a call, for an image of a pair whose count is 0.
    RuntimeError
        ``centroids="refresh"`` and no full pass when the BoDA term sets in.

    See Also
    --------
    wbc_tutorial.boda_loss : the loss, with its equation.

    Examples
    --------
    >>> labels, domains = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])
    >>> boda = BoDA.from_labels(labels, domains, n_domains=2, n_classes=2, n_features=1, weight=1.0)
    >>> boda
    BoDA(weight=1.0, nu=0.5, count_scale=1.0, 4 pairs of 2 domains x 2 classes)
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
        whole_number("n_features", n_features, least=1)
        whole_number("refresh_every", refresh_every, least=1)
        check_number("macro_weight", macro_weight, zero=True)
        if centroids not in ("running", "refresh"):
            raise ValueError(f"centroids: got {centroids!r}, expected 'running' or 'refresh'")
        check_progress(start, "start")
        self.options = {"nu": nu, "temperature": temperature, "count_scale": count_scale}
        self.options |= {"balanced": balanced, "reduction": reduction}
        check_options(**self.options)
        self.macro_weight, self.start, self.refresh_every = macro_weight, start, refresh_every
        self.from_batches, self.n_features = centroids == "running", n_features
        self.register_buffer("counts", _whole_counts(counts))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        n_domains, n_classes = self.counts.shape
        self.centroids = Centroids(n_domains, n_classes, n_features, momentum=momentum, old_weight=old_weight)
        self._ready = False

    @classmethod
    def from_labels(cls, labels, domains, n_domains: int, n_classes: int, n_features: int, **options) -> "BoDA":
        """Build it from the labels and domains (N,) of all training images; `options` are those of the class."""
        labels, domains = torch.as_tensor(labels).long(), torch.as_tensor(domains).long()
        check_range("labels", labels, n_classes)
        check_range("domains", domains, n_domains)
        counts = torch.bincount(domains * n_classes + labels, minlength=n_domains * n_classes)
        return cls(counts.view(n_domains, n_classes), n_features, **options)

    def __repr__(self) -> str:
        options = f"weight={self.weight}, nu={self.options['nu']}, count_scale={self.options['count_scale']!r}"
        if not self.options["balanced"]:
            options += ", balanced=False"
        if self.macro_weight:
            options += f", macro_weight={self.macro_weight}"
        n_domains, n_classes = self.counts.shape
        return f"BoDA({options}, {int((self.counts > 0).sum())} pairs of {n_domains} domains x {n_classes} classes)"

    def check_width(self, n_features):  # noqa: D102
        _check_width("BoDA", n_features, self.n_features)

    def check_numbers(self, labels, domains):  # noqa: D102
        check_pairs(labels, domains, self.counts)

    def penalty(self, features, labels, domains, progress):  # noqa: D102
        if self.training:
            self.steps += 1
            if self.weight and self.from_batches:
                self.centroids.update(features, labels, domains)
        loss = nothing(features)
        if self.macro_weight:
            numbers = torch.arange(len(self.counts), device=domains.device)
            loss = loss + self.macro_weight * unchecked_coral_loss(features, domains, numbers, variant="reference")
        if self.weight and progress >= self.start:
            self._need_centroids()
            known = self.centroids.known().to(features.dtype)
            loss = loss + self.weigh(unchecked_boda_loss(features, labels, domains, known, self.counts, **self.options))
        return loss

    def wants_refresh(self, step: int | None = None) -> bool:
        """Say whether a full pass is due before this step (default: the steps taken so far)."""
        if not self.weight or self.from_batches:
            return False
        return (self.steps.item() if step is None else step) % self.refresh_every == 0

    def refresh(self, features: Tensor, labels: Tensor, domains: Tensor) -> None:
        """Move the centroids to the means of the whole training set's features, shape (N, h)."""
        features, labels, domains = check_batch(features, labels=labels, domains=domains)
        self.check_width(features.shape[1])
        self.check_numbers(labels, domains)
        self.centroids.refresh(features, labels, domains)

    def _need_centroids(self) -> None:
        """Raise RuntimeError when centroids come from full passes and there was none; look only until there was."""
        if self.from_batches or self._ready:
            return
        self._ready = bool(self.centroids.initialised.any())
        if not self._ready:
            raise RuntimeError("no centroids yet: call refresh(features, labels, domains) on the training set")


def _check_width(name: str, given: int, expected: int) -> None:
    if given != expected:
        raise ValueError(
            f"features: got {given} per image, expected {expected}; build {name} with n_features=model.n_features"
        )


def _whole_counts(counts) -> Tensor:
    """Return the table of counts (D, C) as int64, or say what is wrong with it."""
    table = as_table("counts", counts, torch.empty(0, dtype=torch.float64))
    if table.ndim != 2 or not table.numel() or not (table.isfinite() & (table >= 0) & (table == table.round())).all():
        raise ValueError(f"counts: got shape {tuple(table.shape)}, expected (D, C) with whole numbers >= 0")
    return table.long()
