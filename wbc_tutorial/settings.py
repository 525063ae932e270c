"""Floor 5, the settings: all that the results of an experiment depend on, checked when they are given."""

from dataclasses import dataclass

from wbc_tutorial import models, recipes
from wbc_tutorial.benchmarks import BENCHMARKS

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What the results depend on; everything else of a run follows from it.

    Attributes
    ----------
    benchmark : str
        A key of `BENCHMARKS`.
    data : str or None
        Folder of prepared sets; None for simulated cells.
    backbone : str or None
        A key of `models.BACKBONES`; None = the benchmark's own.
    steps : int or None
        Training batches; None = the benchmark's own. The ingredient ``longer`` doubles it.
    recipe : tuple of str
        Keys of `ingredients.INGREDIENTS`; () = none.
    leave_out : str or None
        A training laboratory that is not trained on and takes the place of the unseen ones: for choosing a recipe.
        The benchmark's unseen laboratories are then not scored at all.
    """

    benchmark: str = "simulated"
    data: str | None = None
    backbone: str | None = None
    steps: int | None = None
    recipe: tuple[str, ...] = ()
    leave_out: str | None = None

    def __post_init__(self):
        if self.benchmark not in BENCHMARKS:
            raise ValueError(f"unknown benchmark {self.benchmark!r}; choose one of {', '.join(BENCHMARKS)}")
        defaults = BENCHMARKS[self.benchmark]
        object.__setattr__(self, "backbone", self.backbone or defaults.backbone)
        object.__setattr__(self, "steps", defaults.steps if self.steps is None else self.steps)
        object.__setattr__(self, "recipe", recipes.check_recipe(self.recipe))
        if self.backbone not in models.BACKBONES:
            raise ValueError(f"unknown backbone {self.backbone!r}; choose one of {', '.join(models.BACKBONES)}")
        if self.steps < 1:
            raise ValueError(f"steps is {self.steps}; expected 1 or more")
        if self.leave_out is not None and self.leave_out not in defaults.train:
            labs = ", ".join(defaults.train)
            raise ValueError(f"leave_out is {self.leave_out!r}; expected one of the training laboratories {labs}")

    @property
    def train(self) -> tuple[str, ...]:
        """Laboratories that are trained on."""
        return tuple(name for name in BENCHMARKS[self.benchmark].train if name != self.leave_out)

    @property
    def unseen(self) -> tuple[str, ...]:
        """Laboratories that are scored and not trained on."""
        return (self.leave_out,) if self.leave_out else BENCHMARKS[self.benchmark].unseen
