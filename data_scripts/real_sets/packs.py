"""Packs: ``<domain>.zip`` of small pictures that already show the field, with one ``manifest.csv``."""

import threading
import unicodedata
import zipfile
from collections import defaultdict
from functools import partial
from pathlib import Path

from real_sets.errors import BadInput
from real_sets.labels import class_named, keep_classes
from real_sets.listing import Item, Listing, check_groups, facts_of, reason_by_name
from real_sets.names import folded, unusable_domain_name
from real_sets.pictures import MAX_BYTES, Unusable
from real_sets.tables import read_table
from wbc_tutorial.data.classes import CLASSES, CODES
from wbc_tutorial.data.laboratories import FIELD_UM, LABORATORIES, OPEN_SETS

__all__ = ["packs"]

COLUMNS = ("domain", "code", "native_label", "group", "original_width", "original_height", "file")
_LABORATORIES = LABORATORIES | OPEN_SETS


class _Zip:
    """A zip that several threads read, each through a handle of its own."""

    def __init__(self, path: Path):
        self.path = path
        self.local = threading.local()
        try:
            with zipfile.ZipFile(path) as archive:
                self.members = archive.infolist()
        except (OSError, zipfile.BadZipFile) as problem:
            raise BadInput(f"{path}: not a readable zip ({problem}); fetch it again") from None

    def read(self, member: zipfile.ZipInfo) -> bytes:
        """Return one member's bytes; nothing is unpacked to the disk."""
        if member.flag_bits & 1:
            raise Unusable("encrypted: the zip's member needs a password; pack it without one")
        if member.file_size > MAX_BYTES:
            raise Unusable(f"too large: {member.file_size:,} bytes, the limit is {MAX_BYTES:,}")
        if not hasattr(self.local, "archive"):
            self.local.archive = zipfile.ZipFile(self.path)
        try:
            return self.local.archive.read(member)
        except Exception as problem:  # wrong checksum, unknown compression, cut off: one picture is lost
            raise Unusable(f"unreadable: {problem} in {self.path.name}; fetch it again") from problem


def _manifest(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Read the manifest's rows and what was unusual about it."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file; packs need a manifest.csv beside the zips")
    table = read_table(path, set(COLUMNS).issubset, f"the columns {','.join(COLUMNS)}")
    rows = []
    for line, row in table.rows:
        if not (row["file"] and row["domain"]):
            raise BadInput(f"{path}, line {line}: a row names no domain or no file; complete or remove it")
        row["domain"] = unicodedata.normalize("NFC", row["domain"])
        if problem := unusable_domain_name(row["domain"]):
            raise BadInput(f"{path}, line {line}: the domain {row['domain']!r} is no name for a laboratory: {problem}")
        rows.append(row)
    if not rows:
        raise BadInput(f"{path}: no domain at all; it lists nothing below its first line")
    return rows, table.notes


def _label(domain: str, row: dict[str, str], classes: int) -> tuple[str | None, str | None]:
    """Return (class, reason) of a manifest's row; the code and the native label must agree."""
    native, code = row["native_label"], row["code"]
    laboratory = _LABORATORIES.get(domain)
    if laboratory and native in laboratory.dropped:
        return None, f"dropped label {native}: {laboratory.dropped[native]}"
    label = laboratory.native_labels.get(native) if laboratory else class_named(code)
    if label is None:
        return None, f"unknown label: {native} ({code}) is not a label of {domain}; correct manifest.csv"
    expected = dict(zip(CLASSES, CODES, strict=True)).get(label, "NEU")
    if laboratory and code != expected:
        return None, f"labels disagree: the code {code} is not {native} ({expected}); correct manifest.csv"
    kept = keep_classes(label, native, classes)
    return kept, None if kept else f"outside {classes} classes: {label}; use --classes 13 to keep it"


def _size(row: dict[str, str]) -> tuple[int, int] | None:
    """Return the original's width and height, where the manifest states them."""
    try:
        size = int(row["original_width"]), int(row["original_height"])
    except ValueError:
        return None
    return size if min(size) > 0 else None


def packs(source: Path, *, domains: list[str] | None, classes: int, field_um: float | None) -> Listing:
    """List the zips of `source`, all domains in one listing.

    Parameters
    ----------
    source : Path
        Holds ``manifest.csv`` and one zip per domain.
    domains : list of str or None
        Those to list; None = all of the manifest.
    classes : {13, 11, 5}
    field_um : float or None
        At most the 25 um that packs show, the default.

    Raises
    ------
    BadInput
        When the manifest or a zip is missing or cannot be read.
    """
    rows, notes = _manifest(source / "manifest.csv")
    available = list(dict.fromkeys(row["domain"] for row in rows))
    chosen = [unicodedata.normalize("NFC", name) for name in domains or available]
    unknown = [name for name in chosen if name not in available]
    if unknown:
        raise BadInput(f"{source / 'manifest.csv'}: no domain {', '.join(unknown)}; it lists {', '.join(available)}")
    if field_um and field_um > FIELD_UM:
        raise BadInput(f"--field-um {field_um:g}: packs show {FIELD_UM:g} um; give at most that, or originals")
    listing = Listing(field_um or FIELD_UM, notes=notes)
    items: list[Item] = []
    for domain in chosen:
        laboratory = _LABORATORIES.get(domain)
        listing.domains[domain] = facts_of(laboratory) if laboratory else {}
        listing.expected[domain] = set(laboratory.native_labels.values()) if laboratory else set()
        items += _pack(source, domain, [row for row in rows if row["domain"] == domain], classes, listing)
    check_groups(source / "manifest.csv", items)
    listing.items = items
    return listing


def _pack(source: Path, domain: str, rows: list[dict[str, str]], classes: int, listing: Listing) -> list[Item]:
    """List one zip against its rows of the manifest."""
    paths = [path for path in sorted(source.iterdir()) if folded(path.name) == folded(f"{domain}.zip")]
    if len(paths) != 1 or not paths[0].is_file():
        found = "no such file" if not paths else f"{len(paths)} files have this name" if paths[1:] else "not a file"
        raise BadInput(f"{source / f'{domain}.zip'}: {found}, but manifest.csv lists it; fetch it or leave it out by "
                       "--domains")  # fmt: skip
    path = paths[0]
    archive = _Zip(path)
    by_file: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_file[row["file"]].append(row)
    items, seen = [], set()
    for member in sorted(archive.members, key=lambda one: one.filename):
        file = member.filename
        if member.is_dir():
            continue
        mine = by_file.get(file, [])
        label, reason = _label_of(mine, domain, file, classes)
        if file in seen:
            reason = "listed twice: the zip holds two files of this name; pack it again"
        seen.add(file)
        if reason:
            listing.reject(file, reason)
            continue
        items.append(Item(domain, file, mine[0]["native_label"], label, partial(archive.read, member),
                          mine[0]["group"], share=listing.field_um / FIELD_UM, original=_size(mine[0])))  # fmt: skip
    for file in sorted(set(by_file) - seen):
        listing.reject(file, f"label without image: manifest.csv names it, but {path.name} does not hold it; fetch the "
                             "zip again")  # fmt: skip
    return items


def _label_of(rows: list[dict[str, str]], domain: str, file: str, classes: int) -> tuple[str | None, str | None]:
    """Return (class, reason) of a file from all its rows of the manifest."""
    found = {_label(domain, row, classes) for row in rows}
    if len(found) > 1:
        return None, "two labels: manifest.csv gives this file more than one; keep one"
    if found:
        return found.pop()
    return None, reason_by_name(file) or "image without label: no row in manifest.csv; add one"
