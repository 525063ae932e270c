"""Benchmarks: which laboratories train, which stay unseen, in which classes, and the settings each starts from."""

import html
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from wbc_tutorial.data.cell_images import CellImages, concatenate
from wbc_tutorial.data.checks import number_between, whole_number
from wbc_tutorial.data.classes import CLASSES, CLASSES_11, COARSE_CLASSES
from wbc_tutorial.data.laboratories import LABORATORIES
from wbc_tutorial.data.prepared import domains_below, load_prepared, pixel_digests
from wbc_tutorial.data.simulated import load_simulated

__all__ = ["BENCHMARKS", "Benchmark", "Copies"]


class Copies(NamedTuple):
    """Images of an unseen laboratory that are images of training laboratories, too.

    Attributes
    ----------
    unseen : str
        The unseen laboratory.
    train : tuple of str
        The training laboratories that hold the same images.
    shared, total : int
        How many of its images they hold, and how many it has.
    """

    unseen: str
    train: tuple[str, ...]
    shared: int
    total: int

    def __str__(self) -> str:
        several = "laboratories" if len(self.train) > 1 else "laboratory"
        return (
            f"{self.shared:,} of {self.total:,} images of the unseen laboratory {self.unseen} are also images of the "
            f"training {several} {' and '.join(self.train)}"
        )


@dataclass(frozen=True, repr=False)
class Benchmark:
    """Training laboratories, unseen laboratories, label space, folds and default settings.

    Parameters
    ----------
    name : str
        What the column ``benchmark`` of the results says.
    train, unseen : tuple of str
        Names of laboratories, any but with a comma or a plus sign. Those of `unseen` are used for the test only.
    classes : tuple of str, default=CLASSES
    backbone : str, default="efficientnet_lite0"
    steps, per_domain : int, default=400, 32
        Training batches, and images of each laboratory in one.
    learning_rate : float, default=1e-3
        Adam's peak rate for a pretrained backbone; `small_cnn`, trained from scratch, takes 2e-3. The ingredient
        ``high_lr`` of a recipe triples it, and 3e-3 is what ERM's grid on known laboratories chose
        (docs/leave_one_laboratory_out.md).
    frozen_batch_norm : bool, default=False
        Keep the statistics that batch norm was pretrained with.
    n_folds : int, default=5
        The images of the training laboratories are always cut into this many folds.

    Raises
    ------
    ValueError
        No training or no unseen laboratory, one that is both, a name that cannot be used, or a number out of range.

    See Also
    --------
    BENCHMARKS : those that have a name.
    Settings : what is changed for a run.

    Examples
    --------
    >>> mine = Benchmark("mine", train=("Klinik-A", "hopital_b"), unseen=("lab 3",), classes=COARSE_CLASSES)
    >>> mine
    Benchmark('mine': trains on Klinik-A and hopital_b; unseen: lab 3; 5 classes; efficientnet_lite0, 400 steps)
    >>> mine.leave_out("Klinik-A").unseen
    ('Klinik-A',)
    """

    name: str
    train: tuple[str, ...]
    unseen: tuple[str, ...]
    classes: tuple[str, ...] = CLASSES
    backbone: str = "efficientnet_lite0"
    steps: int = 400
    per_domain: int = 32
    learning_rate: float = 1e-3
    frozen_batch_norm: bool = False
    n_folds: int = 5

    def __post_init__(self):
        object.__setattr__(self, "name", unicodedata.normalize("NFC", self.name))
        for which in ("train", "unseen"):
            object.__setattr__(self, which, _checked_names(which, getattr(self, which)))
        if isinstance(self.classes, str) or not isinstance(self.classes, Sequence) or len(self.classes) < 2:
            raise ValueError(f"classes is {self.classes!r}: expected two or more names, such as wbc.COARSE_CLASSES")
        object.__setattr__(self, "classes", tuple(self.classes))
        for number, least in {"steps": 1, "per_domain": 1, "n_folds": 2}.items():
            whole_number(number, getattr(self, number), least=least)
        number_between("learning_rate", self.learning_rate, 1e-12, 10, "(Adam's peak rate, such as 1e-3)")
        both = [name for name in self.train if name in self.unseen]
        if both:
            raise ValueError(f"{', '.join(both)}: trained on and unseen at once; name each laboratory on one side")

    def __repr__(self) -> str:
        train, unseen = (" and ".join(names) for names in (self.train, self.unseen))
        return (
            f"Benchmark({self.name!r}: trains on {train}; unseen: {unseen}; {len(self.classes)} classes; "
            f"{self.backbone}, {self.steps} steps)"
        )

    def _repr_html_(self) -> str:
        facts = {
            "benchmark": self.name,
            "trains on": ", ".join(self.train),
            "unseen": ", ".join(self.unseen),
            f"{len(self.classes)} classes": ", ".join(self.classes),
            "network": self.backbone,
            "training": f"{self.steps} steps, in each {self.per_domain} images of every laboratory",
            "folds": str(self.n_folds),
        }
        lines = "".join(f"<tr><th>{name}</th><td>{html.escape(value)}</td></tr>" for name, value in facts.items())
        return f"<table>{lines}</table>"

    @property
    def simulated(self) -> bool:
        """Whether all laboratories are the package's own simulated ones."""
        return all(name in LABORATORIES and LABORATORIES[name].simulated for name in self.train + self.unseen)

    def leave_out(self, laboratory: str) -> "Benchmark":
        """Return the benchmark in which this training laboratory is the unseen one; the true unseen ones stay unread.

        A batch keeps its number of images: each laboratory that is left gives more of them.

        Parameters
        ----------
        laboratory : str
            One of `train`, which holds two or more.
        """
        laboratory = unicodedata.normalize("NFC", laboratory)
        if laboratory not in self.train or len(self.train) < 2:
            labs = ", ".join(self.train)
            raise ValueError(f"cannot leave out {laboratory!r}: expected one of two or more training ones ({labs})")
        train = tuple(name for name in self.train if name != laboratory)
        per_domain = self.per_domain * len(self.train) // len(train)
        name = f"{self.name}-without-{laboratory}"
        return replace(self, name=name, train=train, unseen=(laboratory,), per_domain=per_domain)

    def load(self, data: str | Path | None = None) -> CellImages:
        """Load all laboratories, the training ones first. Sets that hold none of them are not opened.

        Parameters
        ----------
        data : path, default=None
            A prepared set, or a folder of prepared sets; None for simulated laboratories.

        Raises
        ------
        ValueError, FileNotFoundError
            With the laboratory that is missing and how to prepare it.
        """
        wanted = self.train + self.unseen
        if self.simulated and data is None:
            return load_simulated(wanted)
        where, _ = self._found(data)
        for name in wanted:
            if len(where[name]) > 1:
                folders = " and ".join(map(str, where[name]))
                raise ValueError(f"{name} is in {folders}: keep one of them, or give --data that folder alone")
        parts = [
            load_prepared(folder, classes=self.classes, domains=[name for name in wanted if where[name][0] == folder])
            for folder in dict.fromkeys(where[name][0] for name in wanted)
        ]
        return concatenate(parts).of_domain(*wanted)

    def copies(self, data: str | Path | None) -> list[Copies]:
        """Find the unseen laboratories that hold images of training laboratories: their scores would flatter.

        Images are the same when their prepared pixels are: the column ``pixel_digest`` of ``cells.csv`` is compared,
        which data_scripts/prepare.py writes. Sets of different sizes, and copies that were saved again, are compared
        by ``prepare.py check``.

        Parameters
        ----------
        data : path
            As `load` takes it.
        """
        if data is None:
            return []
        where, _ = self._found(data)
        wanted = self.train + self.unseen
        folders = dict.fromkeys(where[name][0] for name in wanted)
        found = pd.concat([pixel_digests(folder, classes=self.classes, domains=wanted) for folder in folders])
        trained = found[found.domain.isin(self.train) & (found.pixel_digest != "")]
        copies = []
        for name in self.unseen:
            digests = found.pixel_digest[found.domain == name]
            shared = digests.isin(trained.pixel_digest)
            if shared.any():
                held = set(trained.domain[trained.pixel_digest.isin(digests)])
                train = tuple(known for known in self.train if known in held)
                copies.append(Copies(name, train, int(shared.sum()), len(digests)))
        return copies

    def _found(self, data: str | Path | None) -> tuple[dict[str, list[Path]], list[str]]:
        """Return where each laboratory in `data` is, and what is not readable; raise when one is missing."""
        wanted = self.train + self.unseen
        if self.simulated:
            raise ValueError(
                f"{self.name} draws its own cells: leave out --data, or name the laboratories to use with --train and "
                "--unseen"
            )
        if data is None:
            raise ValueError(
                f"{self.name} needs --data DIR with prepared images of {', '.join(wanted)} "
                "(data_scripts/prepare.py makes it)"
            )
        where, unreadable = domains_below(data)
        missing = [name for name in wanted if name not in where]
        if missing:
            raise ValueError(
                f"{data} lacks {', '.join(missing)}, which {self.name} needs; it holds "
                f"{', '.join(sorted(where)) or 'none'}: prepare the missing ones into the same folder"
                + "".join(f" (not readable: {problem})" for problem in unreadable)
            )
        return where, unreadable

    def unused(self, data: str | Path | None) -> list[str]:
        """Name what lies in `data` and is not used: laboratories not asked for, and sets that cannot be read.

        Parameters
        ----------
        data : path
            As `load` takes it.
        """
        if data is None:
            return []
        where, unreadable = self._found(data)
        return [name for name in where if name not in self.train + self.unseen] + unreadable


def _checked_names(which: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return laboratories without outer blanks, accents in the form in which prepared sets are read (NFC)."""
    if isinstance(names, str) or not isinstance(names, Sequence):
        raise ValueError(f"{which} is {names!r}: expected the names of one or more laboratories, each once")
    for name in names:
        if not isinstance(name, str) or not name.strip() or set(name) & {",", "+"} or not name.isprintable():
            raise ValueError(
                f"{name!r} cannot be the name of a laboratory: expected letters, digits, blanks, hyphens or "
                "underscores (a comma stands between names, a plus sign between pooled laboratories)"
            )
    normal = tuple(unicodedata.normalize("NFC", name.strip()) for name in names)
    if not names or len(set(normal)) < len(normal):
        raise ValueError(f"{which} is {names!r}: expected the names of one or more laboratories, each once")
    return normal


_SIMULATED = ("sim_matek", "sim_acevedo")
_STUDY = {"train": ("matek_19", "acevedo_20"), "unseen": ("mll_23",), "backbone": "resnet50"}
_STUDY |= {"steps": 5000, "per_domain": 24, "learning_rate": 5e-5, "frozen_batch_norm": True}

BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        benchmark.name: benchmark
        for benchmark in (
            Benchmark("simulated", _SIMULATED, ("sim_mll",), backbone="small_cnn", steps=500, per_domain=24),
            Benchmark("open5", ("acevedo_20", "raabin"), ("chula", "bccd"), COARSE_CLASSES),
            Benchmark("open5_plus", ("acevedo_20", "raabin", "jhu_21"), ("chula", "bccd"), COARSE_CLASSES),
            Benchmark("fine13", ("acevedo_20", "jhu_21"), ("matek_19",)),
            Benchmark("paper", **_STUDY),
            Benchmark("paper11", classes=CLASSES_11, **_STUDY),
        )
    }
)
"""By the name that ``--benchmark`` takes; ``paper11`` is ``paper`` on the public 11-class variant."""
