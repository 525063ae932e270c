"""Prepare real cells: bring every picture to one physical field and one label space, and list what is left out.

    python data_scripts/prepare.py LAYOUT --source DIR --out OUT [--size 64]

LAYOUT is folder (your own pictures), acevedo_20, matek_19, mll_23, raabin, jhu_21, bloodmnist, chula, bccd or packs.
OUT becomes a folder with images.npy, cells.csv, set.json and rejected.csv; read + rejected = found, always.
"""  # fmt: skip

import sys
from collections.abc import Sequence

from real_sets.errors import one_line_errors


def main(argv: Sequence[str] | None = None) -> None:
    """Prepare what the command line asks for."""
    from real_sets.prepare_command import prepare, read_arguments  # slow: numpy, Pillow

    prepare(*read_arguments(sys.argv[1:] if argv is None else argv))


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
