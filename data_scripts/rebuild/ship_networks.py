"""Train the networks that the package brings along, and put them into ``wbc_tutorial/course/trained``.

    python data_scripts/rebuild/ship_networks.py --out results/simulated [--methods erm,coral]

Each is the run of fold 0, seed 0 of the benchmark ``simulated``, full schedule. A run that --out holds already is not
repeated: the folder of ``ship_results.py`` will do.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_sets.arguments import OneLineParser
from real_sets.errors import BadInput, one_line_errors

from wbc_tutorial.course import environment
from wbc_tutorial.course.networks import FOLDER
from wbc_tutorial.experiments import runner
from wbc_tutorial.experiments.saved_models import load_model
from wbc_tutorial.experiments.settings import Settings

LARGEST = 1_000_000
"""Bytes of one file."""


def ship(out: Path, methods: tuple[str, ...]) -> list[Path]:
    """Train what is missing, and copy each network into the package.

    Parameters
    ----------
    out : Path
        Folder of results.
    methods : tuple of str

    Returns
    -------
    list of Path

    Raises
    ------
    BadInput
        A network that is too large to be shipped.
    """
    runner.run(Settings("simulated"), methods, out=out)
    written = []
    for method in methods:
        path = out / "models" / f"{method}-fold0-seed0.pt"
        load_model(path)  # it can be read
        if path.stat().st_size > LARGEST:
            raise BadInput(f"{path} has {path.stat().st_size:,} bytes, more than {LARGEST:,}: too large to be shipped")
        FOLDER.mkdir(exist_ok=True)
        written.append(Path(shutil.copyfile(path, FOLDER / f"{method}.pt")))
    return written


def main(arguments: list[str] | None = None) -> None:
    """Train what is missing, and say what was written."""
    first, *rest = __doc__.splitlines()
    parser = OneLineParser(description=first, examples="\n".join(line for line in rest if line.startswith("    ")))
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the results")
    parser.add_argument("--methods", default="erm", metavar="NAME,NAME", help="default: erm")
    given = parser.parse_args(arguments)
    environment.use_threads()
    try:
        written = ship(given.out, tuple(name.strip() for name in given.methods.split(",")))
    except (ValueError, FileNotFoundError) as error:
        raise BadInput(str(error)) from error
    for path in written:
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
