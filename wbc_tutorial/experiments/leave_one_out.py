"""Leave one out: each training laboratory in turn is the unseen one, and one table of what that shows."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from wbc_tutorial.evaluation.intervals import paired_interval
from wbc_tutorial.experiments.benchmarks import Benchmark
from wbc_tutorial.experiments.methods import METHODS
from wbc_tutorial.experiments.runner import run
from wbc_tutorial.experiments.settings import Settings
from wbc_tutorial.experiments.store import whole_file
from wbc_tutorial.experiments.tables import filter_split, step

__all__ = [
    "COLUMNS",
    "MEAN",
    "LeaveOneOut",
    "as_text",
    "headline",
    "leave_one_out_table",
    "left_out",
    "run_leave_one_out",
]

COLUMNS = ["laboratory", "method", "runs", "known_f1_macro", "f1_macro", "f1_macro_min10", "points", "low", "high"]

MEAN = "mean over laboratories"
"""What the column ``laboratory`` says in the last rows, one a method."""

TABLE = "leave_one_out.csv"


class LeaveOneOut(NamedTuple):
    """What `run_leave_one_out` returns.

    Attributes
    ----------
    table : DataFrame
        As `leave_one_out_table` returns it.
    rows : dict
        Laboratory -> the rows of the runs in which it was left out.
    """

    table: pd.DataFrame
    rows: dict[str, pd.DataFrame]


def left_out(train: Sequence[str], classes: Sequence[str]) -> list[Benchmark]:
    """Return a benchmark for each of your own laboratories, in which that one is unseen and the others train.

    A batch has as many images as it would have with all of them, as in `Benchmark.leave_out`.

    Parameters
    ----------
    train : sequence of str
        Two or more laboratories.
    classes : sequence of str
        The label space.

    Raises
    ------
    ValueError
        Fewer than two laboratories, or a name that cannot be used.

    Examples
    --------
    >>> [(each.train, each.unseen) for each in left_out(("a", "b"), ("basophil", "monocyte"))]
    [(('b',), ('a',)), (('a',), ('b',))]
    """
    if len(train) < 2:
        raise ValueError(
            "--leave-one-out trains on the laboratories that are left: expected two or more in --train, got "
            f"{', '.join(train) or 'none'}"
        )
    benchmarks = []
    for laboratory in train:
        rest = tuple(name for name in train if name != laboratory)
        if len(rest) < len(train) - 1:
            raise ValueError(f"--train names {laboratory} twice: give each laboratory once")
        per_domain = Benchmark.per_domain * len(train) // len(rest)
        name = f"{'+'.join(train)}-without-{laboratory}"
        benchmarks.append(Benchmark(name, rest, (laboratory,), tuple(classes), per_domain=per_domain))
    return benchmarks


def run_leave_one_out(
    runs: dict[Path, Settings],
    methods: Sequence[str],
    *,
    out: str | Path,
    say: Callable[[str], None] = print,
    afterwards: float = 0.0,
    **options,
) -> LeaveOneOut:
    """Run each benchmark into a folder of its own, and write one table of all into ``leave_one_out.csv``.

    When it is killed, the same call continues where it stopped.

    Parameters
    ----------
    runs : dict
        Folder in `out` -> settings, whose benchmark has one unseen laboratory.
    methods : sequence of str
        Keys of `METHODS`.
    out : path
        Folder of the whole.
    say : callable, default=print
        Told what `wbc_tutorial.run` tells, and which laboratory is left out.
    afterwards : float, default=0.0
        Seconds that the caller goes on after this call, for the time that is said to be left.
    **options
        Those of `wbc_tutorial.run`.

    Returns
    -------
    LeaveOneOut

    Raises
    ------
    ValueError, FileNotFoundError, FloatingPointError, ConnectionError
        As `wbc_tutorial.run`; or for a folder that holds something else.
    """
    out = Path(out)
    _check_folder(out)
    told = set()

    def say_once(line: str) -> None:
        if line not in told or not line.startswith("Not used in"):  # it is the same for each laboratory
            say(line)
        told.add(line)

    rows: dict[str, pd.DataFrame] = {}
    for number, (folder, settings) in enumerate(runs.items(), 1):
        (laboratory,) = settings.benchmark.unseen
        say(f"Laboratory {number} of {len(runs)} left out: {laboratory}")
        later = len(runs) - number
        rows[laboratory] = run(
            settings, methods, out=folder, say=say_once,
            afterwards=lambda whole, later=later: whole * later + afterwards, **options,
        )  # fmt: skip
    table = leave_one_out_table(rows)
    with whole_file(out / TABLE) as file:
        file.write(table.to_csv(index=False).encode())
    return LeaveOneOut(table, rows)


def _check_folder(out: Path) -> None:
    """Refuse a folder that holds something else, before anything is trained; `ResultsStore` checks those below it."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: give --out a folder")
    for name, what in {"cells.csv": "a prepared set of images", "settings.json": "the results of other runs"}.items():
        if (out / name).exists():
            raise ValueError(f"{out} holds {what} ({name}): give --out another folder")
    path = out / TABLE
    if not path.exists():
        return
    head = path.read_bytes().split(b"\n", 1)[0].strip() if path.is_file() else b""
    if head != ",".join(COLUMNS).encode():
        raise ValueError(f"{path} was not written by this program: move it away, or give another --out")


def leave_one_out_table(rows: dict[str, pd.DataFrame], *, against: str = "erm") -> pd.DataFrame:
    """Put what each method scores on each laboratory that was left out into one table.

    Parameters
    ----------
    rows : dict
        Laboratory -> the rows of its runs, as `wbc_tutorial.run` returns them.
    against : str, default="erm"
        The method to compare with.

    Returns
    -------
    DataFrame
        A row for each laboratory and method: ``runs`` (folds and seeds), the means over them of ``known_f1_macro``, on
        the validation images of the laboratories that trained, and of ``f1_macro`` and ``f1_macro_min10`` on the one
        that was left out, and ``points``: 100 times the difference of ``f1_macro`` to `against` in the same runs. At
        the end one row a method, the mean over the laboratories, with ``low`` and ``high``: the 95 % interval of that
        difference over laboratories, in points, as `wbc_tutorial.paired_interval` gives it; NaN for fewer than three.

    See Also
    --------
    wbc_tutorial.tables.differences : the same over folds, for one benchmark.
    """
    lines = [line for laboratory, each in rows.items() for line in _of_laboratory(laboratory, each, against)]
    table = pd.DataFrame(lines, columns=COLUMNS)
    means = []
    for method in (method for method in METHODS if method in set(table.method)):
        of_method = table[table.method == method]
        low, high = (np.nan, np.nan) if method == against else paired_interval(of_method.points.to_numpy(float))
        line = of_method[["known_f1_macro", "f1_macro", "f1_macro_min10", "points"]].mean().to_dict()
        line |= {"laboratory": MEAN, "method": method, "runs": of_method.runs.sum(), "low": low, "high": high}
        means.append(line)
    return pd.DataFrame([*lines, *means], columns=COLUMNS)


def _of_laboratory(laboratory: str, rows: pd.DataFrame, against: str) -> list[dict]:
    """Return a line for each method on one laboratory that was left out."""
    known = filter_split(rows, "in_domain").groupby("method").f1_macro.mean()
    rows = rows[rows.split == "unseen"]
    scores = rows.pivot_table("f1_macro", ["fold", "seed"], "method")
    lines = []
    for method in (method for method in METHODS if method in scores):
        here = rows[rows.method == method]
        points = np.nan
        if against in scores and method != against:
            points = 100 * (scores[method] - scores[against]).mean()
        means = here[["f1_macro", "f1_macro_min10"]].mean().to_dict() | {"known_f1_macro": known.get(method, np.nan)}
        lines.append({"laboratory": laboratory, "method": method, "runs": len(here), "points": points} | means)
    return lines


def headline(table: pd.DataFrame) -> str:
    """Say in a sentence what the first method scores on known laboratories and on those left out, in the mean.

    Parameters
    ----------
    table : DataFrame
        Of `leave_one_out_table`.
    """
    line = table[table.laboratory == MEAN].iloc[0]
    return (
        f"{METHODS[line.method]} scores F1-macro {line.known_f1_macro:.2f} on the known laboratories and "
        f"{line.f1_macro:.2f} on the laboratory left out, mean of {table.laboratory.nunique() - 1} laboratories: "
        f"{step(line.known_f1_macro, line.f1_macro)}"
    )


def as_text(table: pd.DataFrame) -> str:
    """Return the headline, then the table in columns, to be printed.

    Parameters
    ----------
    table : DataFrame
        Of `leave_one_out_table`.
    """
    shown = table.assign(method=table.method.map(METHODS))
    scores = dict.fromkeys(("known_f1_macro", "f1_macro", "f1_macro_min10"), "{:.3f}")
    for name, form in (scores | {"points": "{:+.1f}"}).items():
        shown[name] = [form.format(value) if np.isfinite(value) else "-" for value in table[name]]
    bounds = zip(table.low, table.high, strict=True)
    shown["95 % interval"] = [f"{low:+.1f} to {high:+.1f}" if np.isfinite(low) else "-" for low, high in bounds]
    shorter = {"known_f1_macro": "known", "f1_macro": "left out", "f1_macro_min10": "10+ images"}
    shown = shown.drop(columns=["low", "high"]).rename(columns=shorter)
    told = shown.loc[:, [name == "laboratory" or not (shown[name] == "-").all() for name in shown]]
    text = told.to_string(index=False)
    few = "" if table.laboratory.nunique() > 3 else " An interval needs three laboratories."
    points = f"\npoints: 100 times the difference in F1-macro to ERM; its interval is over laboratories.{few}"
    return (
        f"\n{headline(table)}\n\nEach laboratory in turn left out, F1-macro on the known ones and on it (10+ images: "
        f"classes with ten images or more):\n{text}{'' if table.points.isna().all() else points}"
    )
