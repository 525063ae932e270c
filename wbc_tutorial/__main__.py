"""The command line, thin: ``python -m wbc_tutorial`` runs an experiment and leaves results, tables and figures."""

import argparse
import csv
import errno
import hashlib
import os
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable
from pathlib import Path

from wbc_tutorial import __version__

PROG = "python -m wbc_tutorial"

DEFAULT_METHODS = ("erm", "coral", "dann", "boda", "boda_plus")

EPILOG = """examples:
  five methods on simulated cells, one fold; nothing is downloaded
    python -m wbc_tutorial
  real cells that data_scripts/prepare.py has prepared, five folds: intervals need three or more
    python -m wbc_tutorial --benchmark open5 --data DIR --folds 5
  your own laboratories, whatever their names: two train, one stays unseen
    python -m wbc_tutorial --data DIR --train Klinik-A,hopital_b --unseen "lab 3" --classes 5
  each of your laboratories in turn is the unseen one
    python -m wbc_tutorial --data DIR --train Klinik-A,hopital_b,lab3 --classes 5 --leave-one-out
  two methods, with two ingredients around them
    python -m wbc_tutorial --methods erm,boda --recipe stain_augment,tta
  name the cells of a new folder with the network of a run
    python -m wbc_tutorial predict --model results/open5/models/erm-fold0-seed0.pt --data DIR --out predictions.csv

A run leaves report.html in its folder, one page that holds everything. A stopped run continues when the same command
is given again. `python -m wbc_tutorial predict --help` lists the options of predict."""

EPILOG_OF_PREDICT = """examples:
  name all cells of a prepared set; where it has labels, predictions.html beside the table shows scores and errors
    python -m wbc_tutorial predict --model results/open5/models/erm-fold0-seed0.pt --data DIR --out predictions.csv
  the same with batch norm's statistics taken from the new laboratory, and the mean over eight views of each cell
    python -m wbc_tutorial predict --model FILE --data DIR --out adapted.csv --recipe adabn,tta

DIR is what data_scripts/prepare.py writes, of the same size and field as the training images."""

CHECK_SETUP = 'python -c "import wbc_tutorial.course.environment as e; print(e.check())"'

FIXES = {
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "your disk quota is used up: free some space",
    errno.EACCES: "no permission, or the file is open in another program: close it, or choose another --out",
    errno.EPERM: "no permission: choose another --out",
    errno.EROFS: "the disk is read-only: choose another --out",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter --out",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


def _names(text: str) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", name.strip()) for name in text.split(",") if name.strip())


def _parser() -> _Parser:
    parser = _Parser(
        prog=PROG,
        description="Train on known laboratories, test on unseen ones, and leave tables and figures.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("command", nargs="?", choices=["run", "predict"], default="run", help="given first (default: run)")
    add("--benchmark", metavar="NAME", help="simulated, open5, open5_plus, fine13, paper, paper11 (default: simulated)")
    add("--data", metavar="DIR", help="prepared images, for real cells (data_scripts/prepare.py makes them)")
    add("--train", metavar="LAB,LAB", type=_names, help="laboratories of --data to train on, in place of a benchmark")
    add("--unseen", metavar="LAB,LAB", type=_names, help="laboratories of --data to test on, never trained on")
    add("--classes", type=int, choices=[13, 11, 5], help="label space for --train and --unseen (default: 13)")
    add(
        "--methods",
        metavar="A,B",
        type=_names,
        help="erm, coral, dann, boda, boda_authors, boda_scaled, boda_plus, erm_plus, erm_head, "
        "class_weighted, balanced_softmax, group_dro, mixup (default: erm,coral,dann,boda,boda_plus)",
    )
    add("--folds", type=int, default=1, metavar="K", help="how many of the five folds to run (default: 1)")
    add("--seed", type=int, default=0, metavar="S", help="seed of initialisation, order and augmentation (default: 0)")
    add(
        "--backbone",
        metavar="NAME",
        help="small_cnn, resnet18, resnet50, efficientnet_lite0; frozen, with features that are computed once: "
        "dinov2_s14, dinov2_s14_linear, frozen:NAME, frozen:NAME=FILE (default: the benchmark's)",
    )
    add("--steps", type=int, metavar="N", help="training batches (default: the benchmark's)")
    add("--learning-rate", type=float, metavar="R", help="Adam's peak rate, such as 1e-3 (default: the benchmark's)")
    add(
        "--recipe",
        metavar="A,B",
        default="",
        help="ingredients around the method: white_balance, reinhard, od_rescale, grayscale, stain_augment, "
        "stain_augment_strong, class_balanced, frozen_bn, group_norm, adabn, adabn_mixed, adabn_balanced, t3a, "
        "label_spreading, tta, even_mix, class_mix, ema, high_lr, double_steps, boda_mean_scale, boda_coral_term "
        "(default: none)",
    )
    add("--leave-out", metavar="LAB", help="test on this training laboratory in place of the unseen ones: for choosing")
    add("--leave-one-out", action="store_true", help="each training laboratory in turn is the unseen one; one table")
    add("--allow-leaks", action="store_true", help="run although an unseen laboratory is mostly copied from training")
    add("--scheduler", metavar="ADDRESS", help="send the runs to a Dask cluster, such as tcp://127.0.0.1:8786")
    add("--out", metavar="DIR", help="folder of the results, new or begun by the same command (default: results/NAME)")
    add("--version", action="version", version=__version__)
    return parser


def _predict_parser() -> _Parser:
    parser = _Parser(
        prog=f"{PROG} predict",
        description="Name the cells of prepared images with the network of a run. For teaching and research; not for "
        "diagnosis.",
        epilog=EPILOG_OF_PREDICT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command="predict", leave_one_out=False, out=None)  # `out` is the folder of a run's results
    add = parser.add_argument
    add("--model", metavar="FILE", required=True, help="a network of a run, such as DIR/models/erm-fold0-seed0.pt")
    add("--data", metavar="DIR", required=True, help="a prepared set, or a folder of them, with or without labels")
    add("--out", metavar="FILE.csv", dest="table", required=True, help="the table to write, a new file")
    add(
        "--recipe",
        metavar="A,B",
        help="ingredients after training: adabn, adabn_mixed, adabn_balanced, t3a, label_spreading, tta, class_mix, or "
        "none (default: those that the network was trained with)",
    )
    return parser


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Read the options of the command that stands first; without one, those of run."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["predict"]:
        return _predict_parser().parse_args(arguments[1:])
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.command == "predict":
        parser.error("predict has options of its own and stands first: predict --model FILE --data DIR --out FILE.csv")
    return given


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : list of str, default=None
        None = those of the command line.

    Returns
    -------
    int
        0 done; 2 bad usage, bad data or a failure, with one line on stderr; 130 interrupted; 141 when the reader of
        the output has gone.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a name that the screen's encoding lacks is printed as an escape
            stream.reconfigure(errors="backslashreplace")
    given = _parsed(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: _complain(f"note: {message}")
            command = {"predict": _predict, "run": _leave_one_out if given.leave_one_out else _run}
            status = command[given.command](given)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return _complain(f"stopped{_kept(given)}", 130)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        fix = FIXES.get(error.errno)
        return _complain(f"{error}{f'; {fix}{_kept(given)}' if fix else ''}")
    except (ValueError, ImportError, FloatingPointError) as error:
        return _complain(str(error))
    except (RuntimeError, MemoryError) as error:  # torch's own: out of memory, a device that is lost
        return _complain(f"{type(error).__name__}: {error}{_kept(given)}")


def _complain(text: str, status: int = 2) -> int:
    """Print one line on stderr and return the exit code."""
    print(f"{PROG}: {' '.join(text.split())}", file=sys.stderr, flush=True)
    return status


def _kept(given: argparse.Namespace) -> str:
    """Say what is left after an early end; "" while it is not known where the results go."""
    out = given.out
    if out is None:
        return ""
    places = Path(out).glob("*/") if given.leave_one_out else [Path(out)]
    n = sum(map(_n_finished, places))
    if not n:
        return "; no run was finished yet"
    return f"; {n} finished run{'s are' if n > 1 else ' is'} kept in {out}: the same command continues"


def _n_finished(folder: Path) -> int:
    """Count the runs that a results folder holds; 0 where there is none that can be read."""
    try:
        with open(folder / "results.csv", encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            return len({(row["method"], row["fold"], row["seed"]) for row in rows})
    except (OSError, ValueError, KeyError, csv.Error):
        return 0


def _run(given: argparse.Namespace) -> int:
    """Run the experiment, print its tables and draw the report."""
    print("Loading ...", flush=True)
    environment, report, runner, settings = _libraries()
    environment.use_threads()
    benchmark = _benchmark(given)
    given.out = Path(given.out or f"results/{_folder_name(benchmark.name)}")
    rows = runner.run(
        settings.Settings(benchmark, **_options(given)),
        _methods(given.methods, benchmark.train),
        n_folds=given.folds,
        seeds=(given.seed,),
        out=given.out,
        scheduler=given.scheduler,
        allow_leaks=given.allow_leaks,
        say=_say,
        afterwards=lambda _: report.SECONDS,
    )

    def draw() -> None:
        print(report.as_text(rows, simulated=benchmark.simulated))
        _say("\nDrawing the report ...")
        page, *figures = report.write(given.out, rows, benchmark.load(given.data))
        print(f"{page}  (open it in a browser; one file that holds everything)")
        print(f"Beside it: results.csv, predictions/, models/, figures/ ({len(figures)} PNG)")

    return _drawn(draw, f"all runs are kept in {given.out}: the same command draws it again")


def _options(given: argparse.Namespace) -> dict:
    """Return what the command line says about the settings, beside the benchmark."""
    return {name: getattr(given, name) for name in ("data", "backbone", "steps", "recipe", "learning_rate")}


def _say(line: str) -> None:
    print(line, flush=True)


def _drawn(draw: Callable[[], None], kept: str) -> int:
    """Draw a report; where that fails, say in one line what is kept."""
    try:
        draw()
    except BrokenPipeError:
        raise
    except Exception as error:  # whatever happens to a picture, the results are there
        return _complain(f"the report could not be drawn ({type(error).__name__}: {error}); {kept}")
    return 0


def _leave_one_out(given: argparse.Namespace) -> int:
    """Run the experiment once for each training laboratory, that one unseen, and print one table."""
    print("Loading ...", flush=True)
    environment, report, _, settings = _libraries()
    environment.use_threads()
    from wbc_tutorial.experiments import leave_one_out
    from wbc_tutorial.report.text import NOT_FOR_DIAGNOSIS, SIMULATED

    benchmarks = _each_left_out(given)
    name = benchmarks[0].name.removesuffix(f"-without-{benchmarks[0].unseen[0]}")
    given.out = Path(given.out or f"results/{_folder_name(f'{name}-leave-one-out')}")
    options = _options(given)
    runs = {given.out / _folder_name(each.unseen[0]): settings.Settings(each, **options) for each in benchmarks}
    if len({str(folder).casefold() for folder in runs}) < len(benchmarks):
        raise ValueError(
            "two laboratories of --train would share a folder of results: their names differ only in signs or capitals"
        )
    found = leave_one_out.run_leave_one_out(
        runs,
        _methods(given.methods, benchmarks[0].train),
        n_folds=given.folds,
        seeds=(given.seed,),
        out=given.out,
        scheduler=given.scheduler,
        allow_leaks=given.allow_leaks,
        say=_say,
        afterwards=report.SECONDS_WITHOUT_MAPS,
    )

    def draw() -> None:
        print(leave_one_out.as_text(found.table))
        print(f"\n{SIMULATED} {NOT_FOR_DIAGNOSIS}" if benchmarks[0].simulated else f"\n{NOT_FOR_DIAGNOSIS}")
        _say("\nDrawing the report ...")
        folders = {each.benchmark.unseen[0]: folder for folder, each in runs.items()}
        cells = {each.unseen[0]: each.load(given.data) for each in benchmarks}
        page = report.write_leave_one_out(given.out, found, folders, cells)
        print(f"{page}  (open it in a browser; one file that holds everything)")
        print("Beside it: leave_one_out.csv, this table, and a folder of results for each laboratory")

    return _drawn(draw, f"all runs are kept in {given.out}: the same command draws it again")


def _predict(given: argparse.Namespace) -> int:
    """Name the cells of prepared sets with a saved network."""
    print("Loading ...", flush=True)
    environment, report, *_ = _libraries()
    environment.use_threads()
    from wbc_tutorial.experiments import prediction

    prediction.check_new(given.table)
    report.page_beside(given.table)  # raises where someone else's page lies there
    found = prediction.predicted(given.model, given.data, recipe=given.recipe, say=_say)
    prediction.write_table(found, given.table)
    print(f"{given.table}  (for teaching and research; not for diagnosis)")

    def draw() -> None:
        page = report.write_prediction(found, given.table)
        print(f"{page}  (scores and errors on the cells with labels)" if page else "No cell has a label: no scores")

    return _drawn(draw, f"the table is in {given.table}")


def _libraries() -> tuple:
    """Import what takes seconds, or say in one line that it cannot be imported."""
    if "matplotlib" not in sys.modules:
        os.environ["MPLBACKEND"] = "Agg"  # figures go to files, whatever screen the environment names
    try:
        from wbc_tutorial import report
        from wbc_tutorial.course import environment
        from wbc_tutorial.experiments import runner, settings
    except Exception as error:  # a broken binary raises almost anything
        if isinstance(error.__cause__ or error.__context__, KeyboardInterrupt):  # Python wraps one in a class body
            raise KeyboardInterrupt from error
        raise ImportError(
            f"a library cannot be imported ({type(error).__name__}: {error}); in the folder that holds README.md, run "
            f"`python -m pip install -e .`; what else is missing is named by `{CHECK_SETUP}`"
        ) from error
    return environment, report, runner, settings


def _benchmark(given: argparse.Namespace):
    """Return the benchmark that the options name: a named one, or the user's own laboratories."""
    from wbc_tutorial.experiments.benchmarks import BENCHMARKS, Benchmark

    if given.train is not None or given.unseen is not None:
        if given.benchmark:
            raise ValueError("--benchmark names its own laboratories: leave it out, or leave out --train and --unseen")
        if not (given.train and given.unseen):
            raise ValueError("--train and --unseen go together: name the laboratories to train on and to test on")
        classes = _classes(given)
        name = f"{'+'.join(given.train)}-to-{'+'.join(given.unseen)}"
        benchmark = Benchmark(name, given.train, given.unseen, classes)
    else:
        if given.classes:
            raise ValueError("--classes goes with --train and --unseen: a named benchmark has its own classes")
        name = given.benchmark or "simulated"
        if name not in BENCHMARKS:
            raise ValueError(f"unknown benchmark {name!r}; choose one of {', '.join(BENCHMARKS)}")
        benchmark = BENCHMARKS[name]
    return benchmark.leave_out(given.leave_out) if given.leave_out else benchmark


def _each_left_out(given: argparse.Namespace) -> list:
    """Return the benchmarks of --leave-one-out, one for each training laboratory."""
    from wbc_tutorial.experiments.leave_one_out import left_out

    if given.leave_out:
        raise ValueError("--leave-one-out leaves out each laboratory in turn: leave out --leave-out")
    if given.unseen is not None:
        raise ValueError("--leave-one-out tests on each laboratory of --train in turn: leave out --unseen")
    if given.train is None or given.benchmark:
        benchmark = _benchmark(given)
        return [benchmark.leave_out(laboratory) for laboratory in benchmark.train]
    return left_out(given.train, _classes(given))


def _classes(given: argparse.Namespace) -> tuple[str, ...]:
    from wbc_tutorial.data.classes import CLASSES, CLASSES_11, COARSE_CLASSES

    return {13: CLASSES, 11: CLASSES_11, 5: COARSE_CLASSES}[given.classes or 13]


def _folder_name(name: str) -> str:
    """Turn the name of a benchmark into the name of a folder that every system takes."""
    safe = re.sub(r"[^\w.+-]+", "_", name).strip("._ ") or "run"
    if re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", safe, re.IGNORECASE):  # Windows keeps these for itself
        safe = f"_{safe}"
    return safe if len(safe) <= 80 else f"{safe[:70]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _methods(given: tuple[str, ...] | None, train: tuple[str, ...]) -> tuple[str, ...]:
    """Return the methods to run: those given, or of the default ones those that have something to align."""
    if given is not None:
        return given
    from wbc_tutorial.experiments.methods import ALIGNING, METHODS

    if len(train) > 1:
        return DEFAULT_METHODS
    left_out = [METHODS[method] for method in DEFAULT_METHODS if method in ALIGNING]
    print(f"Left out: {', '.join(left_out)}. With one training laboratory ({train[0]}) they equal ERM.")
    return tuple(method for method in DEFAULT_METHODS if method not in ALIGNING)


if __name__ == "__main__":
    sys.exit(main())
