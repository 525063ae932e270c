"""Prepare real cells: bring every picture to one physical field and one label space, and list what is left out.

    python data_scripts/prepare.py LAYOUT --source DIR --out OUT [--size 64]
    python data_scripts/prepare.py check DIR [DIR ...] [--train A,B --unseen C]
    python data_scripts/prepare.py seal SET --out SEALED --rule TEXT
    python data_scripts/prepare.py score-once SEALED --predictions CSV --why TEXT

LAYOUT is folder (your own pictures), table (one CSV that names files, labels and boxes), boxes (your own pictures with
boxes, as YOLO, COCO or Pascal VOC store them), acevedo_20, matek_19, mll_23, raabin, jhu_21, bloodmnist, chula, bccd or
packs.
OUT becomes a folder with images.npy, cells.csv, set.json and rejected.csv; read + rejected = found, always.
check reads prepared sets and says what they share, such as copies of one cell in two laboratories.
seal copies a set without its labels; score-once scores predictions against them, once, and keeps a log.
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
    if list(argv[:1]) in (["seal"], ["score-once"]):
        from real_sets.sealed import score_once, seal

        (seal if argv[0] == "seal" else score_once)(argv[1:])
        return
    from real_sets.prepare_command import prepare, read_arguments  # slow: numpy, Pillow

    prepare(*read_arguments(argv))


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
