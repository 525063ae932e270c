"""Prepare real cells: bring every picture to one physical field and one label space, and list what is left out.

    python data_scripts/prepare.py LAYOUT --source DIR --out OUT [--size 64] [--classes 13]

LAYOUT is folder, acevedo_20, matek_19, mll_23, raabin, bloodmnist or packs. OUT becomes a folder with images.npy,
cells.csv, set.json and rejected.csv; read + rejected = found, always.
"""  # fmt: skip

import argparse
import contextlib
import math
import os
import re
import shlex
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from real_sets import prepared_set
from real_sets.bloodmnist import bloodmnist
from real_sets.labels import read_label_table
from real_sets.layouts import Listing, folder, known_folders
from real_sets.packs import packs
from real_sets.problems import BadInput, OneLineParser, one_line_errors
from real_sets.reading import Picture, drop_duplicates, read_listing

import wbc_tutorial
from wbc_tutorial.data.classes import CLASSES, COARSE_CLASSES

LAYOUTS = ("folder", "acevedo_20", "matek_19", "mll_23", "raabin", "bloodmnist", "packs")


def _positive(text: str) -> float:
    """Read a finite number above zero."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise ValueError
    return value


def _one_bracket(text: str | None) -> re.Pattern[str] | None:
    """Read a regular expression with exactly one capturing bracket."""
    with contextlib.suppress(re.error):
        pattern = None if text is None else re.compile(text)
        if pattern is None or pattern.groups == 1:
            return pattern
    raise BadInput(f"--group-by {text!r}: expected a regular expression with one bracket around what names the slide "
                   r"or patient, such as '(S\d+)_'")  # fmt: skip


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; bad usage raises `BadInput`."""
    parser = OneLineParser(prog="prepare.py", description=__doc__.split("\n")[0])
    parser.add_argument("layout", choices=LAYOUTS)
    parser.add_argument("--source", type=Path, required=True, help="the unpacked set, or its parent")
    parser.add_argument("--out", type=Path, required=True, help="the prepared set: a new folder")
    parser.add_argument("--size", type=int, default=64, help="side of a prepared image, pixels (default 64)")
    parser.add_argument("--classes", type=int, choices=(13, 11, 5), default=13, help="label space (default 13)")
    parser.add_argument("--field-um", type=_positive, help="side of the square kept, micrometres (default 25)")
    parser.add_argument("--domain", help="folder: name of the laboratory")
    parser.add_argument("--um-per-px", type=_positive, help="folder: micrometres per pixel")
    parser.add_argument("--labels", type=Path, help="folder: CSV with native,label or file,label")
    parser.add_argument("--group-by", help="folder: regular expression; its bracket is the slide in the name")
    parser.add_argument("--domains", type=lambda text: text.split(","), help="packs: which, e.g. raabin,chula")
    parser.add_argument("--main-batch", action="store_true", help="Ace_20: leave out the second acquisition")
    parser.add_argument("--overwrite", action="store_true", help="replace the prepared set at --out")
    parser.add_argument("--jobs", type=int, default=processors(), help="threads (default: the processors)")
    options = parser.parse_args(argv)
    if not 8 <= options.size <= 1024:
        raise BadInput(f"--size {options.size}: expected 8 to 1024 pixels")
    if not 1 <= options.jobs <= 256:
        raise BadInput(f"--jobs {options.jobs}: expected 1 to 256 threads")
    own = {"--domain": options.domain, "--um-per-px": options.um_per_px, "--labels": options.labels,
           "--group-by": options.group_by}  # fmt: skip
    given = [name for name, value in own.items() if value is not None]
    if options.layout == "folder":
        missing = [name for name in ("--domain", "--um-per-px") if own[name] is None]
        if missing:
            raise BadInput(f"folder needs {' and '.join(missing)}: a name for the laboratory, and how many "
                           "micrometres one pixel shows")  # fmt: skip
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", options.domain):
            raise BadInput(f"--domain {options.domain!r}: use letters, digits, '_', '-' and '.'")
        options.group_by = _one_bracket(options.group_by)
    elif given:
        raise BadInput(f"{', '.join(given)}: only for the layout folder; {options.layout} brings its own")
    if options.domains and options.layout != "packs":
        raise BadInput("--domains: only for the layout packs; leave it out")
    if options.main_batch and options.layout not in ("acevedo_20", "packs"):
        raise BadInput("--main-batch: only for acevedo_20 and packs; leave it out")
    return options


def list_source(options: argparse.Namespace) -> Listing:
    """Call the layout the user named."""
    common = {"classes": options.classes, "field_um": options.field_um}
    if options.layout == "folder":
        table = read_label_table(options.labels) if options.labels else None
        return folder(options.source, domain=options.domain, um_per_px=options.um_per_px, table=table,
                      group_by=options.group_by, **common)  # fmt: skip
    if options.layout == "packs":
        return packs(options.source, domains=options.domains, **common)
    if options.layout == "bloodmnist":
        return bloodmnist(options.source, **common)
    return known_folders(options.layout, options.source, **common)


def write_set(working: Path, listing: Listing, pictures: list[Picture], options: argparse.Namespace,
              command: str) -> dict:  # fmt: skip
    """Write the four files of a prepared set into `working` and return ``set.json``."""
    scratch = working / "scratch.raw"
    prepared_set.write_images(working / "images.npy", scratch, [one.place for one in pictures], options.size)
    scratch.unlink()
    cells = [(i, one.item.label, one.item.domain, one.item.group, one.item.file, one.item.native_label,
              one.acquisition) for i, one in enumerate(pictures)]  # fmt: skip
    prepared_set.write_table(working / "cells.csv", prepared_set.COLUMNS, cells)
    prepared_set.write_table(working / "rejected.csv", ("file", "reason"), sorted(listing.rejected))
    counts = {domain: Counter() for domain in listing.domains}
    for one in pictures:
        counts[one.item.domain][one.item.label] += 1
    facts = {
        "format": "wbc_tutorial prepared set 1",
        "size": options.size,
        "field_um": listing.field_um,
        "um_per_px": listing.field_um / options.size,
        "n_images": len(pictures),
        "found": len(pictures) + len(listing.rejected),
        "rejected": dict(Counter(reason.split(":")[0] for _, reason in listing.rejected).most_common()),
        "layout": options.layout,
        "domains": listing.domains,
        "counts": counts,
        "notes": listing.notes,
        "version": wbc_tutorial.__version__,
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": prepared_set.digest_of(working / "images.npy", [one.item.label for one in pictures]),
    }
    prepared_set.write_facts(working / "set.json", facts)
    return facts


def report(facts: dict, listing: Listing, out: Path) -> None:
    """Print what was found, read and rejected, and the images per class and domain."""
    print(f"found {facts['found']:,} = read {facts['n_images']:,} + rejected {len(listing.rejected):,}")
    for reason, count in facts["rejected"].items():
        example = next(f"{file}: {why}" for file, why in listing.rejected if why.split(":")[0] == reason)
        print(f"  {count:7,}  {reason}   (e.g. {example})")
    domains = list(facts["counts"])
    names = [name for name in dict.fromkeys((*CLASSES, *COARSE_CLASSES))
             if any(facts["counts"][domain][name] for domain in domains)]  # fmt: skip
    print("\n" + " " * 22 + "".join(f"{domain:>14}" for domain in domains))
    for name in names:
        print(f"{name:22}" + "".join(f"{facts['counts'][domain][name]:14,}" for domain in domains))
    for domain in domains:
        missing = sorted(listing.expected.get(domain, set()) - set(facts["counts"][domain]))
        if missing:
            print(f"note: {domain} has no image of {', '.join(missing)}; the other classes keep their numbers")
    for note in listing.notes:
        print(f"note: {note}")
    for known in listing.domains.values():
        if "licence" in known:
            print(f"{known['title']}: licence {known['licence']}; cite {known['citation']}")
    print(f"\n{out}: {facts['n_images']:,} images of {facts['size']} px = {facts['field_um']:g} um; "
          f"see rejected.csv for what was left out")  # fmt: skip


def prepare(options: argparse.Namespace, command: str) -> dict:
    """List, read, write; return the facts of the set that now lies at ``options.out``.

    Raises
    ------
    BadInput
        When nothing could be prepared; then nothing lies at ``options.out``.
    """
    prepared_set.check_target(options.out, options.source, overwrite=options.overwrite)
    listing = list_source(options)
    listing.notes += prepared_set.leftovers(options.out)
    with prepared_set.new_folder(options.out) as working, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # what matters of a picture stands in rejected.csv
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        scratch = working / "scratch.raw"
        pictures = read_listing(listing, scratch, size=options.size, jobs=options.jobs,
                                main_batch=options.main_batch)  # fmt: skip
        pictures = drop_duplicates(pictures, listing.rejected)
        if not pictures:
            if not listing.rejected:
                raise BadInput(f"{options.source}: holds no file at all; give the folder of the class folders")
            (kind, count), *_ = Counter(reason.split(":")[0] for _, reason in listing.rejected).most_common()
            file, reason = next(pair for pair in listing.rejected if pair[1].split(":")[0] == kind)
            raise BadInput(f"{options.source}: no picture left, all {len(listing.rejected):,} found were rejected, "
                           f"{count:,} as {kind}, such as {file}: {reason}")  # fmt: skip
        sides = [one.item.crop or min(one.original) * one.item.share for one in pictures]
        if enlarged := sum(side < options.size for side in sides):
            listing.notes.append(f"{enlarged:,} pictures were enlarged: their field has fewer than {options.size} px")
        facts = write_set(working, listing, pictures, options, command)
    report(facts, listing, options.out)
    return facts


def main(argv: Sequence[str] | None = None) -> None:
    """Prepare what the command line asks for."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    prepare(read_arguments(arguments), shlex.join(["python", "data_scripts/prepare.py", *arguments]))


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
