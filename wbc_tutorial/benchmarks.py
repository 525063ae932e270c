"""Floor 5, the three benchmarks: which laboratories train, which stay unseen, and the settings each starts from."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from wbc_tutorial.cell_images import CellImages, concatenate
from wbc_tutorial.cells import CLASSES, CLASSES_11, COARSE_CLASSES
from wbc_tutorial.images import load_prepared, load_simulated

__all__ = ["BENCHMARKS", "Benchmark", "load_benchmark"]


@dataclass(frozen=True)
class Benchmark:
    """Training laboratories, unseen laboratories, label space, and default settings.

    Attributes
    ----------
    train, unseen : tuple of str
        Domains; those of `unseen` are read for the final test only.
    classes : tuple of str
    backbone : str
    steps, per_domain : int
        Training batches, and images of each laboratory in one.
    learning_rate : float
        Adam's peak rate for a pretrained backbone; `small_cnn`, trained from scratch, takes 2e-3.
    """

    name: str
    train: tuple[str, ...]
    unseen: tuple[str, ...]
    classes: tuple[str, ...]
    backbone: str
    steps: int
    per_domain: int
    learning_rate: float
    frozen_batch_norm: bool = False
    simulated: bool = False


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            "simulated", ("sim_matek", "sim_acevedo"), ("sim_mll",), CLASSES, "small_cnn", 500, 24, 3e-4, simulated=True
        ),
        Benchmark(
            "open5", ("acevedo_20", "raabin"), ("chula", "bccd"), COARSE_CLASSES, "efficientnet_lite0", 400, 32, 3e-4
        ),
        Benchmark(
            "paper",
            ("matek_19", "acevedo_20"),
            ("mll_23",),
            CLASSES,
            "resnet50",
            5000,
            24,
            5e-5,
            frozen_batch_norm=True,
        ),
        Benchmark(
            "paper11",
            ("matek_19", "acevedo_20"),
            ("mll_23",),
            CLASSES_11,
            "resnet50",
            5000,
            24,
            5e-5,
            frozen_batch_norm=True,
        ),
    )
}
"""By the name that ``--benchmark`` takes; ``paper11`` is ``paper`` on the public 11-class variant."""


def _prepared_sets(data: Path) -> list[Path]:
    """Return the prepared sets in `data`: the folder itself, or its sub-folders that hold cells.csv."""
    if not data.is_dir():
        raise FileNotFoundError(f"{data} is not a folder: give --data the output of data_scripts/prepare.py")
    if (data / "cells.csv").is_file():
        return [data]
    sets = sorted(path.parent for path in data.glob("*/cells.csv"))
    if not sets:
        raise FileNotFoundError(
            f"{data} holds no prepared set (no cells.csv in it or one folder below): run data_scripts/prepare.py first"
        )
    return sets


@lru_cache(maxsize=1)
def load_benchmark(name: str, data: str | None = None) -> CellImages:
    """Load all laboratories of a benchmark, the training ones first.

    Parameters
    ----------
    name : str
        A key of `BENCHMARKS`.
    data : str, optional
        A prepared set, or a folder of prepared sets; not for ``"simulated"``.

    Raises
    ------
    ValueError, FileNotFoundError
        With the laboratory that is missing and how to prepare it.
    """
    if name not in BENCHMARKS:
        raise ValueError(f"unknown benchmark {name!r}; choose one of {', '.join(BENCHMARKS)}")
    benchmark = BENCHMARKS[name]
    wanted = benchmark.train + benchmark.unseen
    if benchmark.simulated:
        if data is not None:
            raise ValueError("--benchmark simulated draws its own cells: leave out --data, or name another benchmark")
        return load_simulated(wanted)
    if data is None:
        raise ValueError(
            f"--benchmark {name} needs --data DIR with prepared images of {', '.join(wanted)} "
            "(data_scripts/prepare.py makes it)"
        )
    parts = [load_prepared(path, classes=benchmark.classes) for path in _prepared_sets(Path(data))]
    parts = [part.of_domain(*kept) for part in parts if (kept := [d for d in part.domain_names if d in wanted])]
    found = {domain for part in parts for domain in part.domain_names}
    missing = [domain for domain in wanted if domain not in found]
    if missing:
        raise ValueError(
            f"{data} lacks {', '.join(missing)}, which --benchmark {name} needs; it holds "
            f"{', '.join(sorted(found)) or 'none of its laboratories'}: prepare the missing ones into the same folder"
        )
    return concatenate(parts).of_domain(*wanted)
