"""Download real cells from where their authors published them, and check what came.

    python data_scripts/download.py NAME --out DIR

NAME is acevedo_20, mll_23, raabin, bloodmnist, chula, bccd or matek_19 (prints the steps of the archive's own
client). An interrupted download continues when the same command is run again.
"""  # fmt: skip

import sys
from collections.abc import Sequence

from real_sets.errors import one_line_errors


def main(argv: Sequence[str] | None = None) -> None:
    """Download or check what the command line asks for."""
    from real_sets.download_command import download_or_check, read_arguments  # slow: numpy, Pillow

    download_or_check(read_arguments(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
