"""The command behind prepare.py: its arguments, the order of its steps, and what it prints at the end."""

import argparse
import contextlib
import logging
import re
import shlex
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

import wbc_tutorial
from real_sets import prepared_set
from real_sets.arguments import OneLineParser, comma_list, positive_number
from real_sets.bloodmnist import bloodmnist
from real_sets.boxed_folder import FORMATS, boxed_folder
from real_sets.boxes import bccd, chula
from real_sets.cell_table import cell_table, read_columns
from real_sets.errors import BadInput
from real_sets.jhu import jhu_21
from real_sets.known_folders import known_folders
from real_sets.labels import read_label_table
from real_sets.listing import Listing
from real_sets.names import printable, unusable_domain_name
from real_sets.own_folder import own_folder
from real_sets.packs import packs
from real_sets.reading import Picture, drop_duplicates, read_listing, remarks
from wbc_tutorial.data.classes import CLASSES, COARSE_CLASSES
from wbc_tutorial.data.prepared_files import images_digest
from wbc_tutorial.data.processors import usable_processors

__all__ = ["LAYOUTS", "prepare", "read_arguments"]

LAYOUTS = {
    "folder": "your own pictures: <class>/<image> or <split>/<class>/<image>",
    "table": "your own pictures, named by one CSV or .xlsx: file, label and, where known, slide, scale, box",
    "boxes": "your own pictures with boxes around the cells, as YOLO, COCO or Pascal VOC store them",
    "acevedo_20": "PBC dataset, Barcelona (Acevedo 2020)",
    "matek_19": "AML-Cytomorphology_LMU, Munich (Matek 2019)",
    "mll_23": "MLL23, Munich Leukemia Laboratory (2025)",
    "raabin": "Raabin-WBC, Tehran (2022), the unpacked Train.rar",
    "jhu_21": "Johns Hopkins (Sidhom 2021), your own copy",
    "bloodmnist": "BloodMNIST (MedMNIST+), the .npz file",
    "chula": "Chulalongkorn University, Bangkok: fields with boxes",
    "bccd": "Blood Cell Count and Detection: fields with boxes",
    "packs": "zips of small pictures, <domain>/<CODE>/<file>, with a manifest.csv",
}
_EXAMPLES = """\
  python data_scripts/prepare.py acevedo_20 --source downloads --out data/acevedo_20 --main-batch
  python data_scripts/prepare.py folder --source my_images --domain my_lab --um-per-px 0.1 --out data/my_lab
  python data_scripts/prepare.py folder --source my_images --domain my_lab --um-per-px 0.1 \\
      --labels map.csv --group-by '(S[0-9]+)_' --out data/my_lab
  python data_scripts/prepare.py table --cells cells.csv --domain my_lab --um-per-px 0.1 --out data/my_lab
  python data_scripts/prepare.py table --cells boxes.csv --images fields --domain my_lab \\
      --columns file=image,label=class,group=slide --labels map.csv --pad --out data/my_lab
  python data_scripts/prepare.py boxes --format yolo --source my_fields --domain my_lab --um-per-px 0.1 \\
      --labels map.csv --pad --out data/my_lab"""
_FOR_OWN = """\
the layout table: one row a cell. file is relative to the folder of CELLS.csv, or to --images; x, y is the left top
corner of the cell's box and w, h its width and height, in pixels. The square of 25 um around the box's centre is kept;
where the scale is not given (neither um_per_px in the row nor --um-per-px), the square of the box's longer side.

the layout boxes: one cell a box, cut in the same way. --format says how the boxes are stored:
  yolo  one text file a picture (images/a.jpg, labels/a.txt) and data.yaml or classes.txt with the names of the classes
  coco  one JSON file with the lists images, annotations and categories
  voc   one XML file a picture (JPEGImages/a.jpg, Annotations/a.xml)
--labels MAP.csv gives each of these names its class; an empty label leaves its boxes out, such as RBC."""
_TAKEN_BY = {
    "source": [name for name in LAYOUTS if name != "table"],
    **dict.fromkeys(("cells", "images", "columns"), ["table"]),
    "format": ["boxes"],
    "pad": ["table", "boxes"],
    "group_by": ["folder", "boxes"],
    **dict.fromkeys(("domain", "um_per_px", "labels"), ["folder", "table", "boxes"]),
    "domains": ["packs"],
    "main_batch": ["acevedo_20", "packs"],
}
"""Option -> the layouts that take it; the others are for all."""
_NEEDED_BY = {
    "folder": {"domain": "a name for the laboratory", "um_per_px": "how many micrometres one pixel shows"},
    "table": {"cells": "the table with the columns file and label"},
    "boxes": {"format": "how the boxes are stored, yolo, coco or voc", "domain": "a name for the laboratory"},
}
"""Layout -> the options that it cannot do without, besides --source."""


def _parser() -> OneLineParser:
    """Return the parser of the command line."""
    shown = "\n".join(f"  {name:12}{text}" for name, text in LAYOUTS.items())
    parser = OneLineParser(
        prog="prepare.py",
        description="Prepare real cells: bring every picture to one physical field and one label space, and list what "
        f"is left out.\n\nlayouts:\n{shown}\n\n{_FOR_OWN}\n\n"
        "prepared sets are compared by: prepare.py check DIR (see prepare.py check --help)",
        examples=_EXAMPLES,
    )
    parser.add_argument("layout", choices=LAYOUTS, metavar="LAYOUT", help="one of the layouts above")
    parser.add_argument("--source", type=Path, help="the unpacked set, or the folder that holds it")
    parser.add_argument("--cells", type=Path, metavar="CSV", help="table: the CSV that names the cells")
    parser.add_argument("--images", type=Path, metavar="DIR", help="table: folder of the pictures (default: the CSV's)")
    parser.add_argument("--columns", type=read_columns, metavar="A=B,...",
                        help="table: how the CSV calls its columns, such as file=image,label=class")  # fmt: skip
    parser.add_argument("--format", choices=FORMATS, help="boxes: how the boxes are stored")
    parser.add_argument("--pad", action="store_true",
                        help="table, boxes: fill what lies outside of a picture with its background")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="the prepared set: a new folder")
    parser.add_argument("--size", type=int, default=64, help="side of a prepared image, pixels (default: 64)")
    parser.add_argument("--classes", type=int, choices=(13, 11, 5), default=13,
                        help="label space: pictures of other classes are rejected (default: 13)")  # fmt: skip
    parser.add_argument("--field-um", type=positive_number, metavar="UM",
                        help="side of the square that is kept, micrometres (default: 25)")  # fmt: skip
    parser.add_argument("--domain", help="folder, table, boxes: name of the laboratory")
    parser.add_argument("--um-per-px", type=positive_number, metavar="X",
                        help="folder, table, boxes: micrometres per pixel")  # fmt: skip
    parser.add_argument("--labels", type=Path, metavar="CSV",
                        help="folder, table, boxes: table with native,label (folder: or file,label)")  # fmt: skip
    parser.add_argument("--group-by", metavar="PATTERN",
                        help="folder, boxes: regular expression; its bracket is the slide or patient in the name"
                        )  # fmt: skip
    parser.add_argument("--domains", type=comma_list, metavar="A,B", help="packs: which, such as raabin,chula")
    parser.add_argument("--main-batch", action="store_true", help="acevedo_20: leave out the second acquisition")
    parser.add_argument("--overwrite", action="store_true", help="replace the prepared set at --out")
    parser.add_argument("--jobs", type=int, default=usable_processors(), help="threads (default: the processors)")
    return parser


def _one_bracket(text: str | None) -> re.Pattern[str] | None:
    """Read a regular expression with exactly one capturing bracket."""
    with contextlib.suppress(re.error, OverflowError, RecursionError):
        pattern = None if text is None else re.compile(text)
        if pattern is None or pattern.groups == 1:
            return pattern
    raise BadInput(f"--group-by {text!r}: expected a regular expression with one bracket around what names the slide "
                   r"or patient, such as '(S\d+)_'")  # fmt: skip


def read_arguments(argv: Sequence[str]) -> tuple[argparse.Namespace, str]:
    """Read the command line; return its options and the command as it can be typed again.

    Raises
    ------
    BadInput
        Bad usage.
    """
    options = _parser().parse_args(argv)
    if not 8 <= options.size <= 1024:
        raise BadInput(f"--size {options.size}: expected 8 to 1024 pixels")
    if not 1 <= options.jobs <= 256:
        raise BadInput(f"--jobs {options.jobs}: expected 1 to 256 threads")
    _check_layout(options)
    if options.images is not None and not options.images.is_dir():
        raise BadInput(f"{options.images}: no such folder; --images names the folder of the pictures")
    if options.domain is not None:
        _check_domain(options)
    options.group_by = _one_bracket(options.group_by)
    options.source = options.source or options.cells
    return options, shlex.join(["python", "data_scripts/prepare.py", *argv])


def _check_layout(options: argparse.Namespace) -> None:
    """Check that the layout gets the options that it needs, and none that it does not take."""
    given = {name for name in _TAKEN_BY if getattr(options, name) not in (None, False)}
    for name in sorted(given):
        takers = _TAKEN_BY[name]
        if options.layout not in takers:
            who = f"not for {options.layout}" if name == "source" else f"only for {', '.join(takers)}"
            raise BadInput(f"{_option(name)}: {who}; leave it out")
    needed = {} if options.layout == "table" else {"source": "the folder of the pictures"}
    needed |= _NEEDED_BY.get(options.layout, {})
    if missing := [name for name in needed if name not in given]:
        what = ", and ".join(f"{_option(name)}, {needed[name]}" for name in missing)
        raise BadInput(f"{options.layout} needs {what}; see prepare.py --help")


def _option(name: str) -> str:
    """Return an option as it is typed."""
    return f"--{name.replace('_', '-')}"


def _check_domain(options: argparse.Namespace) -> None:
    """Check the laboratory's name."""
    options.domain = unicodedata.normalize("NFC", options.domain)
    if problem := unusable_domain_name(options.domain):
        raise BadInput(f"--domain {options.domain!r}: {problem}; use letters, digits, '_', '-', '.' and blanks inside")


def list_source(options: argparse.Namespace) -> Listing:
    """Call the layout the user named."""
    common = {"classes": options.classes, "field_um": options.field_um}
    own = {"domain": options.domain, "um_per_px": options.um_per_px,
           "labels": read_label_table(options.labels) if options.labels else None}  # fmt: skip
    if options.layout == "folder":
        return own_folder(options.source, group_by=options.group_by, **own, **common)
    if options.layout == "table":
        return cell_table(options.cells, images=options.images, columns=options.columns or {}, pad=options.pad, **own,
                          **common)  # fmt: skip
    if options.layout == "boxes":
        return boxed_folder(options.source, boxes=options.format, group_by=options.group_by, pad=options.pad, **own,
                            **common)  # fmt: skip
    if options.layout == "packs":
        return packs(options.source, domains=options.domains, **common)
    layouts: dict[str, Callable[..., Listing]] = {"bloodmnist": bloodmnist, "chula": chula, "bccd": bccd,
                                                  "jhu_21": jhu_21}  # fmt: skip
    if options.layout in layouts:
        return layouts[options.layout](options.source, **common)
    return known_folders(options.layout, options.source, **common)


def _kind(reason: str) -> str:
    """Return the short form of a reason."""
    return reason.partition(":")[0]


def write_set(working: Path, listing: Listing, pictures: list[Picture], options: argparse.Namespace,
              command: str) -> dict:  # fmt: skip
    """Write the four files of a prepared set into `working` and return the content of ``set.json``."""
    scratch = working / "scratch.raw"
    prepared_set.write_images(working / "images.npy", scratch, [one.place for one in pictures], options.size)
    scratch.unlink()
    items = [one.item for one in pictures]
    cells = [(i, one.item.label, one.item.domain, one.item.group, one.item.file, one.item.native_label,
              one.acquisition, one.digest) for i, one in enumerate(pictures)]  # fmt: skip
    prepared_set.write_table(working / "cells.csv", prepared_set.COLUMNS, cells, names=["source_file"])
    prepared_set.write_table(working / "rejected.csv", ("file", "reason"), sorted(listing.rejected), names=["file"])
    counts = {domain: Counter(item.label for item in items if item.domain == domain) for domain in listing.domains}
    facts = {
        "format": f"{prepared_set.FORMAT} 1",
        "size": options.size,
        "field_um": listing.field_um,
        "um_per_px": listing.field_um / options.size,
        "n_images": len(pictures),
        "found": len(pictures) + len(listing.rejected),
        "rejected": dict(Counter(_kind(reason) for _, reason in listing.rejected).most_common()),
        "layout": options.layout,
        "source": str(options.source),
        "domains": listing.domains,
        "counts": counts,
        "notes": listing.notes,
        "version": wbc_tutorial.__version__,
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": prepared_set.digest_of(working / "images.npy", [(item.label, item.domain, item.group)
                                                                  for item in items]),
        "images_digest": images_digest(working / "images.npy"),
    }  # fmt: skip
    prepared_set.write_facts(working / "set.json", facts)
    return facts


def report(facts: dict, listing: Listing, out: Path) -> None:
    """Print what was found, read and rejected, and the images per class and domain."""
    lines = [f"found {facts['found']:,} = read {facts['n_images']:,} + rejected {len(listing.rejected):,}"]
    for kind, count in facts["rejected"].items():
        example = next(f"{file}: {reason}" for file, reason in listing.rejected if _kind(reason) == kind)
        lines.append(f"  {count:7,}  {kind}   (e.g. {example})")
    domains = list(facts["counts"])
    names = [name for name in dict.fromkeys((*CLASSES, *COARSE_CLASSES))
             if any(facts["counts"][domain][name] for domain in domains)]  # fmt: skip
    widths = [max(14, len(domain) + 2) for domain in domains]
    lines += ["", " " * 22 + "".join(f"{domain:>{width}}" for domain, width in zip(domains, widths, strict=True))]
    for name in names:
        lines.append(f"{name:22}" + "".join(f"{facts['counts'][domain][name]:{width},}"
                                            for domain, width in zip(domains, widths, strict=True)))  # fmt: skip
    for domain in domains:
        missing = sorted(listing.expected.get(domain, set()) - set(facts["counts"][domain]))
        if missing:
            lines.append(f"note: {domain} has no image of {', '.join(missing)}; the other classes keep their numbers")
    lines += [f"note: {note}" for note in listing.notes]
    for known in listing.domains.values():
        if "licence" in known:
            terms = known["licence"] if known["licence"].startswith("No ") else f"licence {known['licence']}"
            lines.append(f"{known['title']}: {terms}; cite {known['citation']}")
    lines += ["", f"{out}: {facts['n_images']:,} images of {facts['size']} px = {facts['field_um']:g} um; "
                  "see rejected.csv for what was left out"]  # fmt: skip
    print("\n".join(printable(line) for line in lines))


def _nothing_left(source: Path, rejected: Sequence[tuple[str, str]]) -> BadInput:
    """Say why no picture is left, with the commonest reason and an example."""
    if not rejected:
        return BadInput(f"{source}: holds no file at all; give the folder of the class folders")
    rows = [pair for pair in rejected if _kind(pair[1]) == "label without image"]
    files = len(rejected) - len(rows)
    shown = [pair for pair in rejected if pair not in rows] or rows
    kind, count = Counter(_kind(reason) for _, reason in shown).most_common(1)[0]
    file, reason = next(pair for pair in shown if _kind(pair[1]) == kind)
    all_files = {0: "no file was found", 1: "the only file found was rejected"}
    text = all_files.get(files, f"all {files:,} found were rejected")
    text += f", and {len(rows):,} row{'s' * (len(rows) > 1)} of the table name no file" if rows else ""
    share = f"{count:,} as {kind}, such as " if len(rejected) > 1 else ""
    return BadInput(f"{source}: no picture left, {text}, {share}{file}: {reason}")


def prepare(options: argparse.Namespace, command: str) -> dict:
    """List, read, write; return the facts of the set that now lies at ``options.out``.

    Raises
    ------
    BadInput
        When nothing could be prepared; then nothing lies at ``options.out``.
    """
    prepared_set.check_target(options.out, options.source, overwrite=options.overwrite)
    with prepared_set.new_set(options.out, overwrite=options.overwrite) as working, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")  # what matters of a picture stands in rejected.csv
        logging.getLogger("PIL").setLevel(logging.CRITICAL)
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        listing = list_source(options)
        listing.notes += [note for note in prepared_set.leftovers(options.out) if working.name not in note]
        pictures = read_listing(listing, working / "scratch.raw", size=options.size, jobs=options.jobs,
                                main_batch=options.main_batch)  # fmt: skip
        pictures = drop_duplicates(pictures, listing)
        if not pictures:
            raise _nothing_left(options.source, listing.rejected)
        listing.notes += remarks(pictures, listing, options.size)
        cells = [(one.item.domain, one.digest) for one in pictures]
        listing.notes += prepared_set.copies_beside(options.out, cells)
        facts = write_set(working, listing, pictures, options, command)
    report(facts, listing, options.out)
    return facts
