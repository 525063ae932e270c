"""The command line, thin: ``python -m wbc_tutorial`` runs an experiment and leaves a ledger, tables and figures."""

import argparse
import sys
from pathlib import Path

from wbc_tutorial import __version__


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message} (--help lists the options)\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m wbc_tutorial",
        description="Train on known laboratories, test on unseen ones, and leave tables and figures.",
        epilog="A killed run continues where it stopped when the same command is given again.",
    )
    add = parser.add_argument
    add("--benchmark", default="simulated", help="simulated (default), open5, paper or paper11")
    add("--data", metavar="DIR", help="prepared images, for the benchmarks of real cells")
    add(
        "--methods",
        default="erm,coral,dann,boda,boda_plus",
        help="comma-separated; default: %(default)s; also erm_plus, class_weighted, balanced_softmax, group_dro, mixup",
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
        help="comma-separated ingredients around the method: light, stain, contrast, grey, physics, "
        "strong_physics, balanced, frozen_norm, group_norm, test_norm, half_norm, even_norm, prototypes, spreading, "
        "views, averaging, quick, longer, mean_scale, macro (default: none)",
    )
    add("--leave-out", metavar="LAB", help="score this training laboratory in place of the unseen ones: for choosing")
    add("--scheduler", metavar="ADDRESS", help="send the runs to a Dask cluster, such as tcp://127.0.0.1:8786")
    add("--out", metavar="DIR", help="folder of the results (default: results/<benchmark>)")
    add("--version", action="version", version=__version__)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0 when done, 2 for bad usage or bad data with one line on stderr."""
    given = _parser().parse_args(arguments)
    from wbc_tutorial import environment, experiments, report

    environment.use_threads()
    out = Path(given.out or f"results/{given.benchmark}")
    try:
        methods, recipe = ([name for name in text.split(",") if name] for text in (given.methods, given.recipe))
        settings = experiments.Settings(
            given.benchmark, given.data, given.backbone, given.steps, tuple(recipe), given.leave_out
        )
        rows = experiments.run(
            settings, methods, n_folds=given.folds, seeds=(given.seed,), out=out, scheduler=given.scheduler
        )
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print("python -m wbc_tutorial: " + " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"\nstopped; finished runs are kept in {out}: the same command continues", file=sys.stderr)
        return 130
    print(report.as_text(rows, simulated=settings.benchmark == "simulated"))
    print("\nDrawing the report ...", flush=True)
    page, *figures = report.write(out, rows)
    print(f"{page}  (open it in a browser; one file that holds everything)")
    print(f"Beside it: results.csv, predictions/, figures/ ({len(figures)} PNG)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
