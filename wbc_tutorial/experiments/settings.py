"""Settings: all that the results of a run depend on, checked when they are given, and read in one place."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

import numpy as np

from wbc_tutorial import models
from wbc_tutorial.data.checks import number_between, whole_number
from wbc_tutorial.experiments.benchmarks import BENCHMARKS, Benchmark
from wbc_tutorial.experiments.methods import method_options
from wbc_tutorial.experiments.recipes import Recipe
from wbc_tutorial.training.device import Device, choose_device

__all__ = ["Settings"]

SMALL_CNN_RATE, ON_FROZEN_RATE = 2e-3, 8e-3
"""Adam's peak rate for the network that is trained from scratch, and for the layers on a frozen one. The second was
chosen among five on validation images of known laboratories (fine13, fold 0)."""
PEAK = "(Adam's peak rate, such as 1e-3)"


@dataclass(frozen=True)
class Settings:
    """What the results depend on, besides method, fold and seed.

    Parameters
    ----------
    benchmark : Benchmark or str, default="simulated"
        A `Benchmark`, or a key of `BENCHMARKS`.
    data : str, default=None
        Folder of prepared sets; None for simulated cells. Where the folder lies does not matter to the results.
    backbone : str, default=None
        A key of `models.BACKBONES`; None = the benchmark's own.
    steps : int, default=None
        Training batches; None = the benchmark's own. The ingredient ``double_steps`` doubles it.
    recipe : Recipe, str or iterable of str, default=Recipe()
        What is changed around the method.
    device : Device or str, default=None
        Where to compute; None = `choose_device`.
    learning_rate : float, default=None
        Adam's peak rate; None = that of the network, or the benchmark's for a pretrained one. The ingredient
        ``high_lr`` triples it.

    Raises
    ------
    ValueError
        For a name that does not exist, or a number out of range.

    See Also
    --------
    wbc_tutorial.run : runs methods, folds and seeds with these settings.

    Examples
    --------
    >>> settings = Settings("open5", backbone="small_cnn", steps=30, recipe="double_steps,tta", device="cpu")
    >>> settings.total_steps, settings.identity()["recipe"]
    (60, 'tta+double_steps')
    """

    benchmark: Benchmark | str = "simulated"
    data: str | None = None
    backbone: str | None = None
    steps: int | None = None
    recipe: Recipe | str | Iterable[str] = field(default_factory=Recipe)
    device: Device | str | None = None
    learning_rate: float | None = None

    def __post_init__(self):
        def put(name, value):
            object.__setattr__(self, name, value)

        if isinstance(self.benchmark, str):
            if self.benchmark not in BENCHMARKS:
                raise ValueError(f"unknown benchmark {self.benchmark!r}; choose one of {', '.join(BENCHMARKS)}")
            put("benchmark", BENCHMARKS[self.benchmark])
        if not isinstance(self.benchmark, Benchmark):
            raise ValueError(
                f"benchmark is {self.benchmark!r}: expected a Benchmark, or one of {', '.join(BENCHMARKS)}"
            )
        put("backbone", self.backbone or self.benchmark.backbone)
        put("steps", self.benchmark.steps if self.steps is None else self.steps)
        put("recipe", self.recipe if isinstance(self.recipe, Recipe) else Recipe(self.recipe))
        if not isinstance(self.device, Device):
            put("device", choose_device(self.device))
        models.check_backbone(self.backbone)
        put("steps", whole_number("steps", self.steps, least=1))
        if self.learning_rate is not None:
            put("learning_rate", number_between("learning_rate", self.learning_rate, 1e-12, 10, PEAK))

    @property
    def total_steps(self) -> int:
        """Training batches, the recipe's factor included."""
        return self.steps * self.recipe.steps_factor

    @property
    def peak_rate(self) -> float:
        """Adam's peak rate before the recipe's factor: the given one, the network's, or the benchmark's."""
        if self.learning_rate is not None:
            return self.learning_rate
        if self.backbone == "small_cnn":
            return SMALL_CNN_RATE
        return ON_FROZEN_RATE if models.is_frozen(self.backbone) else self.benchmark.learning_rate

    def fit_options(self, method: str, counts: np.ndarray, n_features: int) -> dict:
        """Return all options of `wbc_tutorial.fit` for a method: the benchmark's, changed by recipe and method.

        Parameters
        ----------
        method : str
            A key of `METHODS`.
        counts : int (D, C)
            Training images N[d, c].
        n_features : int
            h.
        """
        options = {
            "steps": self.total_steps,
            "per_domain": self.benchmark.per_domain,
            "learning_rate": self.peak_rate * self.recipe.learning_rate_factor,
            "frozen_batch_norm": self.benchmark.frozen_batch_norm,
            "device": self.device,
        } | self.recipe.fit_options
        augmentation = {"augmentation": options["augmentation"]} if "augmentation" in options else {}
        return options | method_options(method, counts, n_features, boda=self.recipe.boda_options, **augmentation)

    def identity(self) -> dict:
        """Return what two runs must share to stand in one results folder, as plain JSON values.

        Method, fold and seed are not among it: they name a run. Where the images lie is not among it either; the
        runner adds what they are.
        """
        facts = asdict(self.benchmark)
        facts |= {
            "benchmark": facts.pop("name"),
            "backbone": models.backbone_identity(self.backbone),
            "steps": self.steps,
            "learning_rate": self.peak_rate,
        }
        facts |= {"recipe": str(self.recipe), "device": self.device.type, "precision": self.device.precision}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in facts.items()}
