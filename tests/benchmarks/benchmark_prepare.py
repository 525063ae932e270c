"""How much faster prepare reads pictures than one plain Pillow loop, as a ratio measured in one run.

    PYTHONPATH=data_scripts python tests/benchmarks/benchmark_prepare.py LAYOUT --source DIR [--repeat 5] [--size 64]

Both read the same files, cut the same square and shrink it by the same filter. Rounds of the two alternate, and the
ratio is that of the medians, so that a busy machine slows both.
"""  # fmt: skip

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from real_sets.arguments import OneLineParser
from real_sets.errors import one_line_errors
from real_sets.known_folders import known_folders
from real_sets.listing import Item
from real_sets.pictures import RESAMPLING
from real_sets.reading import read_listing

from wbc_tutorial.data.processors import usable_processors

__all__ = ["compare", "plain_loop"]


def plain_loop(items: Sequence[Item], root: Path, size: int) -> np.ndarray:
    """Open, convert, cut, shrink: one picture after the other, as anyone would write it first."""
    pictures = []
    for item in items:
        image = Image.open(root / item.file).convert("RGB")
        left, top = (image.width - item.crop) / 2, (image.height - item.crop) / 2
        box = (left, top, left + item.crop, top + item.crop)
        pictures.append(np.asarray(image.resize((size, size), RESAMPLING, box=box)))
    return np.stack(pictures)


def compare(layout: str, source: Path, *, repeat: int, size: int, jobs: int, rounds: int = 5) -> dict[str, float]:
    """Return seconds of both, their ratio, and by how much the pixels differ."""
    listing = known_folders(layout, source, classes=13, field_um=None)
    root = listing.root
    listing.items = list(listing.items) * repeat
    plain, ours = [], []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder, "scratch.raw")
        for _ in range(rounds):
            start = time.perf_counter()
            expected = plain_loop(listing.items, root, size)
            middle = time.perf_counter()
            read_listing(listing, scratch, size=size, jobs=jobs, main_batch=False)
            plain.append(middle - start)
            ours.append(time.perf_counter() - middle)
        found = np.fromfile(scratch, dtype=np.uint8).reshape(expected.shape)
    difference = np.abs(found.astype(np.int16) - expected)
    return {
        "pictures": len(listing.items),
        "plain_seconds": statistics.median(plain),
        "prepare_seconds": statistics.median(ours),
        "ratio": statistics.median(plain) / statistics.median(ours),
        "mean_difference": float(difference.mean()),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what the command line asks for and print one line."""
    parser = OneLineParser(prog="benchmark_prepare.py", description=__doc__.split("\n")[0])
    parser.add_argument("layout", choices=("acevedo_20", "matek_19", "mll_23", "raabin"))
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=5, help="read the files this many times (default 5)")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--jobs", type=int, default=usable_processors(), help="threads (default: the processors)")
    options = parser.parse_args(argv)
    facts = compare(options.layout, options.source, repeat=options.repeat, size=options.size, jobs=options.jobs)
    print(f"{options.layout}: {facts['pictures']} pictures, plain loop {facts['plain_seconds']:.2f} s, "
          f"prepare with {options.jobs} threads {facts['prepare_seconds']:.2f} s: {facts['ratio']:.2f} times as fast; "
          f"mean difference {facts['mean_difference']:.2f} of 255")  # fmt: skip


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
