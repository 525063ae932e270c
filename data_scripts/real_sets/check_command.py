"""The command ``prepare.py check``: what prepared sets share that they should not, and what each laboratory holds."""

import argparse
import itertools
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from real_sets.arguments import OneLineParser, comma_list
from real_sets.errors import BadInput
from real_sets.labels import class_named, contradict
from real_sets.names import printable
from real_sets.near_duplicates import Appearance, appearance_of, near_duplicates
from real_sets.prepared_set import rejected_of, write_table
from real_sets.reading import TWO_LABELS, pixel_digest
from wbc_tutorial.data.prepared_files import read_cells, read_facts, read_images

__all__ = ["check"]

_EXAMPLES = """\
  python data_scripts/prepare.py check data
  python data_scripts/prepare.py check data/my_lab data/raabin --out check.csv
  python data_scripts/prepare.py check data --train acevedo_20,raabin --unseen my_lab"""
_COLUMNS = ("finding", "set", "domain", "file", "label", "group", "other_set", "other_domain", "other_file",
            "other_label", "other_group", "correlation")  # fmt: skip
_SHOWN = 5
"""So many examples of a finding are printed; the table of --out has all."""
_BLOCK = 1024


@dataclass(frozen=True)
class Cell:
    """One picture of a prepared set, as it is compared."""

    folder: str
    domain: str
    file: str
    label: str
    group: str
    digest: str

    def __str__(self) -> str:
        return f"{self.folder}: {self.file} ({self.domain}, {self.label})"


@dataclass(frozen=True)
class Pair:
    """Two pictures of the same cell; the correlation of the same pixels is 1."""

    first: Cell
    second: Cell
    correlation: float = 1.0

    @property
    def exact(self) -> bool:
        """Whether the pixels are the same."""
        return self.first.digest == self.second.digest

    @property
    def domains(self) -> tuple[str, str]:
        """The two laboratories."""
        return self.first.domain, self.second.domain

    def __str__(self) -> str:
        alike = "" if self.exact else f" [correlation {self.correlation:.3f}]"
        return f"{self.first} = {self.second}{alike}"


@dataclass
class Sets:
    """The prepared sets: their cells, what is compared of each, and the lines that describe each laboratory."""

    cells: list[Cell]
    appearance: Appearance
    described: list[str]


def _parser() -> OneLineParser:
    """Return the parser of the command line."""
    parser = OneLineParser(
        prog="prepare.py check",
        description="Check prepared sets before you train: duplicates and near-duplicates, labels that contradict one "
        "another, slides on both sides, classes of one slide, and the size and colours of each laboratory. "
        "Nothing is changed. Exit code 2 where a known and an unseen laboratory share pictures or slides.",
        examples=_EXAMPLES,
    )
    parser.add_argument("sets", nargs="+", type=Path, metavar="DIR", help="a prepared set, or a folder of such sets")
    parser.add_argument("--train", type=comma_list, metavar="A,B", help="the known laboratories")
    parser.add_argument("--unseen", type=comma_list, metavar="C", help="the unseen laboratories")
    parser.add_argument("--allow-leaks", action="store_true", help="exit with 0 although a leak was found")
    parser.add_argument("--out", type=Path, metavar="CSV", help="write all findings to this table, a new file")
    return parser


def _folders(places: Sequence[Path]) -> list[Path]:
    """Return the prepared sets at or one level below the places, each once."""
    found = []
    for place in places:
        if not place.is_dir():
            raise BadInput(f"{place}: no such folder; give a prepared set, or a folder of such sets")
        here = [place] if (place / "cells.csv").exists() else sorted(file.parent for file in place.glob("*/cells.csv"))
        here = [folder for folder in here if not folder.name.startswith(".")]
        if not here:
            raise BadInput(f"{place}: holds no prepared set (no cells.csv in it or one folder below); make one with "
                           "data_scripts/prepare.py")  # fmt: skip
        found += here
    return list({folder.resolve(): folder for folder in found}.values())


def _read_one(folder: Path) -> tuple[list[Cell], Appearance, np.ndarray, tuple[int, float | None]]:
    """Return a set's cells in the order of its images, what is compared, the mean colours (N, 3), size and scale."""
    try:
        facts, images = read_facts(folder / "set.json"), read_images(folder / "images.npy")
        table = read_cells(folder / "cells.csv")
    except (ValueError, OSError) as problem:
        raise BadInput(str(problem)) from None
    rows = {row["id"]: row for row in table.to_dict("records")}
    if len(table) != len(images) or set(rows) != {str(number) for number in range(len(images))}:
        raise BadInput(f"{folder / 'cells.csv'}: its ids are not the numbers 0 to {len(images) - 1} of the images in "
                       "images.npy; prepare the set again with data_scripts/prepare.py")  # fmt: skip
    cells, bits, grey, colours = [], [], [], []
    for start in range(0, len(images), _BLOCK):
        block = np.asarray(images[start : start + _BLOCK])
        appearance = appearance_of(block)
        bits.append(appearance.bits)
        grey.append(appearance.grey)
        colours.append(block.reshape(len(block), -1, 3).mean(axis=1))
        cells += [_cell(folder, rows[str(number)], pixel_digest(pixels)) for number, pixels in enumerate(block, start)]
    seen = Appearance(np.concatenate(bits), np.concatenate(grey))
    return cells, seen, np.concatenate(colours), (images.shape[1], facts.get("um_per_px"))


def _cell(folder: Path, row: dict[str, str], digest: str) -> Cell:
    """Return one cell of a row of ``cells.csv``."""
    label = class_named(row["label"])
    if label is None or not row["domain"]:
        what = f"the unknown label {row['label']!r}" if label is None else "no domain"
        raise BadInput(f"{folder / 'cells.csv'}: the image with id {row['id']} has {what}; correct it, or prepare the "
                       "set again with data_scripts/prepare.py")  # fmt: skip
    file = row.get("source_file") or f"image {row['id']}"
    return Cell(folder.resolve().name, row["domain"], file, label, row["group"], digest)


def _read(folders: Sequence[Path]) -> Sets:
    """Read all sets."""
    cells, bits, grey, colours = [], [], [], []
    scales: dict[str, set[tuple[int, float | None]]] = defaultdict(set)
    for folder in folders:
        here, appearance, means, scale = _read_one(folder)
        cells += here
        bits.append(appearance.bits)
        grey.append(appearance.grey)
        colours.append(means)
        for domain in dict.fromkeys(cell.domain for cell in here):
            scales[domain].add(scale)
    of_domain = np.array([cell.domain for cell in cells])
    means, described = np.concatenate(colours), []
    for domain, found in scales.items():
        red, green, blue = means[of_domain == domain].mean(axis=0)
        sizes = " and ".join(f"{side} px" + (f" of {scale:.4g} um" if scale else "") for side, scale in sorted(
            found, key=str))  # fmt: skip
        described.append(f"{domain}: {(of_domain == domain).sum():,} pictures, {sizes}, mean colour R {red:.0f} "
                         f"G {green:.0f} B {blue:.0f}")  # fmt: skip
    if len(set().union(*scales.values())) > 1:
        described.append("the sets differ in size or scale: of these, only near-duplicates are found, and only where "
                         "both show the same field")  # fmt: skip
    return Sets(cells, Appearance(np.concatenate(bits), np.concatenate(grey)), described)


def _pairs(sets: Sets) -> list[Pair]:
    """Return each pair of the same pixels, then each pair of pictures that show the same cell.

    Of several pictures with the same pixels, each forms a pair with the first one of its laboratory and label, and
    these form pairs with one another.
    """
    same: dict[str, list[int]] = defaultdict(list)
    for number, cell in enumerate(sets.cells):
        same[cell.digest].append(number)
    pairs, heads = [], {}
    for digest, numbers in same.items():
        kinds: dict[tuple[str, str], int] = {}
        for number in numbers:
            cell = sets.cells[number]
            first = kinds.setdefault((cell.domain, cell.label), number)
            if first != number:
                pairs.append(Pair(sets.cells[first], cell))
        heads[digest] = list(kinds.values())
        pairs += [Pair(sets.cells[a], sets.cells[b]) for a, b in itertools.combinations(heads[digest], 2)]
    one_each = [numbers[0] for numbers in same.values()]
    digests = list(same)
    appearance = Appearance(sets.appearance.bits[one_each], sets.appearance.grey[one_each])
    for (a, b), correlation in zip(*near_duplicates(appearance), strict=True):
        pairs += [Pair(sets.cells[first], sets.cells[second], float(correlation))
                  for first in heads[digests[a]] for second in heads[digests[b]]]  # fmt: skip
    return pairs


def _print(title: str, lines: Sequence[str], none: str = "none", shown: int | None = _SHOWN) -> None:
    """Print one section."""
    print(f"\n{title}")
    for line in lines[:shown] or [none]:
        print(f"  {printable(line)}")
    if shown is not None and len(lines) > shown:
        print(f"  ... and {len(lines) - shown:,} more; --out CSV lists all")


def _between(pairs: Sequence[Pair]) -> list[str]:
    """Count the pairs of each two laboratories."""
    counts = Counter(tuple(sorted(pair.domains)) for pair in pairs)
    text = "where one of the two is trained on, the other is no unseen laboratory"
    return [f"{count:,} inside {a}" if a == b else f"{count:,} between {a} and {b}: {text}"
            for (a, b), count in counts.most_common()]  # fmt: skip


def _other_slide(pair: Pair) -> bool:
    """Tell whether two pictures of one cell stand under two slides of one laboratory: folds may separate them."""
    first, second = pair.first, pair.second
    return first.domain == second.domain and first.group != second.group and bool(first.group and second.group)


def _slides(cells: Sequence[Cell]) -> tuple[list[str], dict[str, set[str]]]:
    """Return remarks about slides and classes, and slide -> laboratories."""
    of_class: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    of_group: dict[str, set[str]] = defaultdict(set)
    blank, total = Counter(), Counter()
    for cell in cells:
        total[cell.domain] += 1
        blank[cell.domain] += not cell.group
        if cell.group:
            of_class[cell.domain, cell.label][cell.group] += 1
            of_group[cell.group].add(cell.domain)
    lines = [f"{domain}: no slide or patient is known, so that one may lie in several folds" if blank[domain] == count
             else f"{domain}: {blank[domain]:,} of {count:,} pictures have no slide or patient"
             for domain, count in total.items() if blank[domain]]  # fmt: skip
    for (domain, label), groups in of_class.items():
        if len(groups) == 1 and blank[domain] < total[domain]:
            ((group, count),) = groups.items()
            lines.append(f"{domain}: all {count:,} pictures of {label} are from the slide {group}; "
                         "no fold can both train on this class and test it")  # fmt: skip
    return lines, of_group


def _left_out(folders: Sequence[Path]) -> list[str]:
    """Say of which cells prepare kept no picture, because their pictures carried two labels: nothing shows it here."""
    lines = []
    for folder in folders:
        of_cell = Counter(reason for _, reason in rejected_of(folder) if reason.startswith(f"{TWO_LABELS}:"))
        if of_cell:  # the reason names all pictures of one cell
            example = next(iter(of_cell)).removeprefix(f"{TWO_LABELS}: ").partition(";")[0]
            lines.append(f"{folder.resolve().name}: {of_cell.total():,} pictures of {len(of_cell):,} cells, such as "
                         f"{example}; all are listed in {folder / 'rejected.csv'}")  # fmt: skip
    return lines


def _row(finding: str, pair: Pair) -> tuple[object, ...]:
    """Return a pair as a row of the table."""
    a, b = pair.first, pair.second
    return (finding, a.folder, a.domain, a.file, a.label, a.group, b.folder, b.domain, b.file, b.label, b.group,
            f"{pair.correlation:.3f}")  # fmt: skip


def _check_sides(options: argparse.Namespace, domains: Iterable[str]) -> None:
    """Check --train and --unseen against the laboratories that were found."""
    held = sorted(set(domains))
    if (options.train is None) != (options.unseen is None):
        raise BadInput("--train and --unseen belong together: name the known and the unseen laboratories")
    for name in ("train", "unseen"):
        given = [unicodedata.normalize("NFC", domain) for domain in getattr(options, name) or []]
        if unknown := [domain for domain in given if domain not in held]:
            raise BadInput(f"--{name} {','.join(unknown)}: no such laboratory; the sets hold {', '.join(held)}")
        setattr(options, name, given)
    if both := set(options.train) & set(options.unseen):
        raise BadInput(f"--unseen {','.join(sorted(both))}: is named in --train, too; leave it out of one of them")


def _check_out(out: Path | None) -> None:
    """Refuse a table that would replace something, or that would lie inside a prepared set."""
    if out is None:
        return
    if out.exists() or out.is_symlink():
        raise BadInput(f"{out}: exists already; choose another --out for the table")
    if not out.parent.is_dir():
        raise BadInput(f"{out}: its folder does not exist; make it, or choose another --out for the table")
    if (out.parent / "images.npy").exists():
        raise BadInput(f"{out}: lies inside a prepared set, which would then not be known as one; choose another --out")


def _leaks(pairs: Sequence[Pair], shared: dict[str, set[str]], train: set[str], unseen: set[str]
           ) -> tuple[list[Pair], list[str]]:  # fmt: skip
    """Return the pairs, and the slides, that lie on both sides."""

    def crosses(domains: Iterable[str]) -> bool:
        return bool(train & set(domains)) and bool(unseen & set(domains))

    return [pair for pair in pairs if crosses(pair.domains)], [name for name, held in shared.items() if crosses(held)]


def check(argv: Sequence[str]) -> None:
    """Read the command line after the word ``check``, read the sets, print the findings.

    Raises
    ------
    BadInput
        Bad usage, a damaged set, or a leak between known and unseen laboratories.
    """
    options = _parser().parse_args(argv)
    _check_out(options.out)
    folders = _folders(options.sets)
    sets = _read(folders)
    _check_sides(options, (cell.domain for cell in sets.cells))
    pairs = _pairs(sets)
    exact, near = [pair for pair in pairs if pair.exact], [pair for pair in pairs if not pair.exact]
    wrong = [pair for pair in pairs if contradict(pair.first.label, pair.second.label)]
    moved = [pair for pair in pairs if _other_slide(pair)]
    remarks, of_group = _slides(sets.cells)
    shared = {name: held for name, held in of_group.items() if len(held) > 1}
    print("laboratories")
    for line in sets.described:
        print(f"  {printable(line)}")
    for title, found in (("the same pixels", exact), ("near-duplicates: the same cell, other pixels", near)):
        _print(f"{title}: {len(found):,} pairs", _between(found), shown=None)
        for pair in found[:_SHOWN]:
            print(f"    {printable(f'e.g. {pair}')}")
    _print(f"two labels for one cell: {len(wrong):,} pairs", [str(pair) for pair in wrong])
    if left_out := _left_out(folders):
        _print("two labels for one cell, so that prepare left all its pictures out", left_out, shown=None)
    _print(f"one cell in two slides of a laboratory: {len(moved):,} pairs (folds may separate them)",
           [str(pair) for pair in moved])  # fmt: skip
    _print(f"slides or patients of the same name in two laboratories: {len(shared):,}",
           [f"{name}: {', '.join(sorted(held))}" for name, held in sorted(shared.items())])  # fmt: skip
    _print("slides and classes", remarks, none="every class has two slides or more", shown=None)
    leaks, slides = _leaks(pairs, shared, set(options.train), set(options.unseen))
    if options.out is not None:
        findings = [("same pixels", exact), ("near-duplicate", near), ("two labels", wrong), ("two slides", moved),
                    ("leak", leaks)]  # fmt: skip
        rows = [_row(name, pair) for name, found in findings for pair in found]
        rows += [("slide shared", "", ", ".join(sorted(held)), "", "", name, *[""] * 6)
                 for name, held in sorted(shared.items())]  # fmt: skip
        write_table(options.out, _COLUMNS, rows)
        print(f"\n{options.out}: {len(rows):,} findings")
    if options.train:
        _conclude(leaks, slides, options)


def _conclude(leaks: Sequence[Pair], slides: Sequence[str], options: argparse.Namespace) -> None:
    """Print what known and unseen laboratories share; a leak is an error unless the user allows it."""
    _print(f"known ({', '.join(options.train)}) and unseen ({', '.join(options.unseen)}) laboratories share: "
           f"{len(leaks):,} pairs of pictures, {len(slides):,} slides",
           [*map(str, leaks), *(f"slide {name}" for name in slides)])  # fmt: skip
    if not (leaks or slides) or options.allow_leaks:
        return
    example = f"such as {leaks[0]}" if leaks else f"such as the slide {slides[0]}"
    raise BadInput(f"leak: known and unseen laboratories share {len(leaks):,} pairs of pictures and {len(slides):,} "
                   f"slides or patients, {example}; leave them out of one side, give different slides different names, "
                   "or use --allow-leaks")  # fmt: skip
