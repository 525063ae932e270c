"""The command line, thin: ``python -m wbc_tutorial`` runs an experiment and leaves results, tables and figures."""

import argparse
import sys
from pathlib import Path

from wbc_tutorial import __version__

PROG = "python -m wbc_tutorial"

EPILOG = """examples:
  python -m wbc_tutorial
  python -m wbc_tutorial --benchmark open5 --data DIR --folds 5
  python -m wbc_tutorial --data DIR --train Klinik-A,hopital_b --unseen lab3 --classes 5
  python -m wbc_tutorial --methods erm,boda --recipe stain_augment,tta

A killed run continues where it stopped when the same command is given again."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _parser() -> _Parser:
    parser = _Parser(
        prog=PROG,
        description="Train on known laboratories, test on unseen ones, and leave tables and figures.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("command", nargs="?", choices=["run"], default="run", help="what to do (default: run)")
    add("--benchmark", metavar="NAME", help="simulated (default), open5, paper or paper11")
    add("--data", metavar="DIR", help="prepared images, for real cells")
    add("--train", metavar="LAB,LAB", type=_names, help="laboratories of --data to train on, in place of a benchmark")
    add("--unseen", metavar="LAB,LAB", type=_names, help="laboratories of --data to test on, never trained on")
    add("--classes", type=int, choices=[13, 11, 5], help="label space for --train and --unseen (default: 13)")
    add(
        "--methods",
        metavar="A,B",
        type=_names,
        default="erm,coral,dann,boda,boda_plus",
        help="default: %(default)s; also erm_plus, class_weighted, balanced_softmax, group_dro, mixup",
    )
    add("--folds", type=int, default=1, metavar="K", help="how many of the five folds to run (default: 1)")
    add("--seed", type=int, default=0, metavar="S", help="seed of initialisation, order and augmentation (default: 0)")
    add(
        "--backbone",
        metavar="NAME",
        help="small_cnn, resnet18, resnet50, efficientnet_lite0 (default: the benchmark's)",
    )
    add("--steps", type=int, metavar="N", help="training batches (default: the benchmark's)")
    add(
        "--recipe",
        metavar="A,B",
        default="",
        help="ingredients around the method: white_balance, reinhard, od_rescale, grayscale, stain_augment, "
        "stain_augment_strong, class_balanced, frozen_bn, group_norm, adabn, adabn_mixed, adabn_balanced, t3a, "
        "label_spreading, tta, ema, high_lr, double_steps, boda_mean_scale, boda_coral_term (default: none)",
    )
    add("--leave-out", metavar="LAB", help="test on this training laboratory in place of the unseen ones: for choosing")
    add("--scheduler", metavar="ADDRESS", help="send the runs to a Dask cluster, such as tcp://127.0.0.1:8786")
    add("--out", metavar="DIR", help="folder of the results (default: results/<benchmark>)")
    add("--version", action="version", version=__version__)
    return parser


def _benchmark(given: argparse.Namespace):
    """Return the benchmark that the options name: a named one, or the user's own laboratories."""
    from wbc_tutorial.data.classes import CLASSES, CLASSES_11, COARSE_CLASSES
    from wbc_tutorial.experiments.benchmarks import BENCHMARKS, Benchmark

    if given.train or given.unseen:
        if given.benchmark:
            raise ValueError("--benchmark names its own laboratories: leave it out, or leave out --train and --unseen")
        if not (given.train and given.unseen):
            raise ValueError("--train and --unseen go together: name the laboratories to train on and to test on")
        classes = {13: CLASSES, 11: CLASSES_11, 5: COARSE_CLASSES}[given.classes or 13]
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


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 when done, 2 for bad usage or bad data with one line on stderr."""
    given = _parser().parse_args(arguments)
    out = None
    try:
        from wbc_tutorial import report
        from wbc_tutorial.course import environment
        from wbc_tutorial.experiments import runner
        from wbc_tutorial.experiments.settings import Settings

        environment.use_threads()
        benchmark = _benchmark(given)
        out = Path(given.out or f"results/{benchmark.name}")
        settings = Settings(benchmark, given.data, given.backbone, given.steps, given.recipe)
        rows = runner.run(
            settings, given.methods, n_folds=given.folds, seeds=(given.seed,), out=out, scheduler=given.scheduler
        )
        print(report.as_text(rows, simulated=benchmark.simulated))
        print("\nDrawing the report ...", flush=True)
        page, *figures = report.write(out, rows)
        print(f"{page}  (open it in a browser; one file that holds everything)")
        print(f"Beside it: results.csv, predictions/, figures/ ({len(figures)} PNG)")
    except (ValueError, OSError, ImportError, FloatingPointError) as error:
        print(f"{PROG}: " + " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = f"; finished runs are kept in {out}: the same command continues" if out else ""
        print(f"\nstopped{kept}", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
