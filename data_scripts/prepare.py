"""Prepare real cells: bring every picture to one physical field and one label space, and list what is left out.

    python data_scripts/prepare.py LAYOUT --source DIR --out OUT [--size 64]
    python data_scripts/prepare.py check DIR [DIR ...] [--train A,B --unseen C]

LAYOUT is folder (your own pictures), table (one CSV that names files, labels and boxes),
acevedo_20, matek_19, mll_23, raabin, jhu_21, bloodmnist, chula, bccd or packs.
OUT becomes a folder with images.npy, cells.csv, set.json and rejected.csv; read + rejected = found, always.
check reads prepared sets and says what they share, such as copies of one cell in two laboratories.
"""  # fmt: skip

import sys
from collections.abc import Sequence

from real_sets.errors import one_line_errors


def main(argv: Sequence[str] | None = None) -> None:
    """Prepare, or check, what the command line asks for."""
    argv = sys.argv[1:] if argv is None else argv
    if list(argv[:1]) == ["check"]:
        from real_sets.check_command import check

        check(argv[1:])
        return
    from real_sets.prepare_command import prepare, read_arguments  # slow: numpy, Pillow

    prepare(*read_arguments(argv))


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
