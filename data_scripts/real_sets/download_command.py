"""The command behind download.py: fetch a set, check it against what is published, say what to do next."""

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from real_sets.archives import unpack
from real_sets.arguments import OneLineParser, comma_list
from real_sets.bloodmnist import KNOWN_MD5
from real_sets.boxes import bccd, chula
from real_sets.errors import BadInput
from real_sets.fetch import digest_of, fetch, get_text, usable_address
from real_sets.known_folders import known_folders
from real_sets.listing import Listing
from real_sets.names import printable
from real_sets.prepared_set import leftovers
from real_sets.sources import MATEK_STEPS, MLL_CLASSES, SOURCES, Archive, bloodmnist_file, laboratory_of, mll_file
from wbc_tutorial.data.classes import CLASSES

__all__ = ["check", "download_or_check", "read_arguments", "zenodo_digests"]

CHECKED = ("acevedo_20", "matek_19", "mll_23", "raabin", "chula", "bccd")
_BOX_LAYOUTS: dict[str, Callable[..., Listing]] = {"chula": chula, "bccd": bccd}
_ZENODO_RECORD = "https://zenodo.org/api/records/14277609"
_EXAMPLES = """\
  python data_scripts/download.py bloodmnist --out downloads
  python data_scripts/download.py mll_23 --classes basophil,monocyte --out downloads
  python data_scripts/download.py raabin --check downloads"""


def read_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line; bad usage raises `BadInput`."""
    parser = OneLineParser(
        prog="download.py",
        description="Download real cells from where their authors published them, and check what came. An interrupted "
        "download continues when the same command is run again.",
        examples=_EXAMPLES,
    )
    parser.add_argument("name", choices=(*SOURCES, "matek_19"), metavar="NAME",
                        help=f"{', '.join(SOURCES)}, matek_19 (prints the steps of its archive's client)")  # fmt: skip
    parser.add_argument("--out", type=Path, help="the folder to download to")
    parser.add_argument("--classes", type=comma_list, metavar="A,B", help="mll_23: only these (default: all)")
    parser.add_argument("--size", type=int, default=64, help="bloodmnist: 28, 64, 128 or 224 px (default: 64)")
    parser.add_argument("--url", help="another address of the same file; mll_23, bccd: of the folder of the zips")
    parser.add_argument("--allow-http", action="store_true", help="take --url also by plain http (default: https only)")
    parser.add_argument("--check", type=Path, metavar="DIR", help="fetch nothing: count what lies in DIR")
    options = parser.parse_args(argv)
    if options.check is None and options.out is None:
        raise BadInput("--out DIR is missing: name the folder to download to")
    if options.check is not None and options.name not in CHECKED:
        raise BadInput(f"--check: only for {', '.join(CHECKED)}; {options.name} is checked while it is fetched")
    if options.size not in KNOWN_MD5:
        raise BadInput(f"--size {options.size}: BloodMNIST has 28, 64, 128 and 224 px")
    unknown = [name for name in options.classes or () if name not in MLL_CLASSES]
    if unknown or (options.classes and options.name != "mll_23"):
        raise BadInput(f"--classes {','.join(options.classes)}: only for mll_23, which has {', '.join(MLL_CLASSES)}")
    if options.url is not None:
        options.url = usable_address(options.url, allow_http=options.allow_http)
    return options


def _published(name: str) -> dict[str, int]:
    """Return label -> number of published files, under the labels that `_found` counts."""
    laboratory = laboratory_of(name)
    counts = dict(zip(CLASSES, laboratory.counts, strict=True))
    if name in _BOX_LAYOUTS:
        counts = dict(laboratory.native_counts)
    elif not any(counts.values()):
        counts |= {laboratory.native_labels[label]: count for label, count in laboratory.native_counts.items()}
    elif name == "matek_19":  # its folders are the codes of its own publication
        counts = {label: counts[known] for label, known in laboratory.native_labels.items()} | laboratory.native_counts
    counts |= {label: laboratory.native_counts.get(label, 0) for label in laboratory.dropped}
    return {label: count for label, count in counts.items() if count}


def _found(name: str, folder: Path) -> Counter:
    """Count the files, or for fields with boxes the cells, of each label."""
    if name in _BOX_LAYOUTS:
        return Counter(item.native_label for item in _BOX_LAYOUTS[name](folder, classes=13, field_um=None).items)
    listing = known_folders(name, folder, classes=13, field_um=None)
    found = Counter(item.native_label if name == "matek_19" else item.label for item in listing.items)
    found.update(reason.split(":")[0].removeprefix("dropped label ") for _, reason in listing.rejected
                 if reason.startswith("dropped label "))  # fmt: skip
    return found


def check(name: str, folder: Path) -> None:
    """Compare the files of each label with the published counts, and say what is missing.

    Raises
    ------
    BadInput
        When a label has fewer files than published.
    """
    found, expected, missing = _found(name, folder), _published(name), []
    for label in (*expected, *sorted(set(found) - set(expected))):
        count, wanted = found[label], expected.get(label)
        remark = "" if wanted is None or count == wanted else f"   {count - wanted:+,}"
        print(f"{label:24}{count:8,} of {wanted if wanted is not None else '?':>6}{remark}")
        if wanted is not None and count < wanted:
            missing.append(f"{label} {wanted - count:,}")
    if missing:
        raise BadInput(f"{folder}: pictures of {name} are missing ({', '.join(missing)}); fetch them again from "
                       f"{laboratory_of(name).source}")  # fmt: skip
    print(f"complete: {sum(found.values()):,} pictures of {laboratory_of(name).title}")


def zenodo_digests(record: str = _ZENODO_RECORD) -> dict[str, str]:
    """Return file name -> ``"md5:..."`` as the record itself states them; empty when it does not answer."""
    try:
        files = json.loads(get_text(record))["files"]
        return {file["key"]: file["checksum"] for file in files if re.fullmatch("md5:[0-9a-f]+", file["checksum"])}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        print(f"note: {record} gives no digests ({type(problem).__name__})")
        return {}


def _noted_digest(note: Path) -> str:
    """Return the digest that the first download left, or nothing."""
    if not note.is_file():
        return ""
    found = re.match(r"[0-9a-f]{64}\b", note.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise BadInput(f"{note}: holds no SHA-256, so it is damaged; delete it to take the next download as it comes")
    return f"sha256:{found[0]}"


def _fetch_once(archive: Archive, out: Path, *, digest: str, limit: int, allow_http: bool) -> Path:
    """Fetch a file, or check the one that is there.

    Where no digest is published, the SHA-256 of the first download is written beside the file, and every later one
    must have the same.
    """
    file = out / archive.file
    note = file.with_name(file.name + ".sha256")
    known = digest or _noted_digest(note)
    kind, _, expected = known.partition(":")
    came = not file.is_file()
    if came:
        try:
            fetch(archive.address, file, digest=known, limit=limit, allow_http=allow_http)
        except BadInput as problem:
            if not digest and f"expected {expected}" in str(problem) and expected:
                raise BadInput(f"{problem} since {note} was written; delete that note if you trust the new file"
                               ) from None  # fmt: skip
            raise
    elif known and digest_of(file, kind) != expected:
        raise BadInput(f"{file}: its {kind} is not {expected}; delete it and run the same command again")
    head = f"{file}: {file.stat().st_size:,} bytes" if came else f"{file}: already there"
    if known:
        _say(f"{head}, its {kind} is right" if digest else f"{head}, its sha256 is that of the first download")
        return file
    note.write_text(f"{digest_of(file, 'sha256')}  {file.name}\n", encoding="utf-8")
    _say(f"{head}; no digest is published: its sha256 was written to {note.name}, later downloads must have it, too")
    return file


def _fetch_and_unpack(archive: Archive, out: Path, **options) -> None:
    """Fetch an archive and unpack it, unless its folder is there."""
    folder = out / archive.folder
    if folder.is_dir():
        _say(f"{folder}: already there")
        return
    for note in leftovers(folder):
        _say(f"note: {note}")
    file = _fetch_once(archive, out, **options)
    unpack(file, folder)
    _say(f"{folder}: unpacked; {file.name} may be deleted")


def _say(line: str) -> None:
    print(printable(line))


def _with_url(archive: Archive, url: str | None, *, is_folder: bool) -> Archive:
    """Replace the address by the user's."""
    if not url:
        return archive
    return Archive(f"{url.rstrip('/')}/{archive.file}" if is_folder else url, archive.file, archive.folder)


def download(options: argparse.Namespace) -> None:
    """Fetch the set the user named, and say what to do next."""
    source, laboratory, out = SOURCES[options.name], laboratory_of(options.name), options.out
    _say(laboratory.title)
    _say(f"  {source.page}")
    _say(f"  licence: {laboratory.licence}; cite: {laboratory.citation}")
    common = {"limit": source.limit, "allow_http": options.allow_http}
    archives, digests = source.archives, {}
    if options.name == "mll_23":
        archives = tuple(mll_file(label) for label in options.classes or MLL_CLASSES)
        digests = {} if options.url else zenodo_digests()
    elif options.name == "bloodmnist":
        archive, digest = bloodmnist_file(options.size)
        archives, digests = (archive,), {archive.file: digest}
    for each in archives:
        archive = _with_url(each, options.url, is_folder=options.name in ("mll_23", "bccd"))
        get = _fetch_and_unpack if archive.folder else _fetch_once
        get(archive, out, digest=digests.get(archive.file, ""), **common)
    _say("next: " + source.then.format(out=out, file=out / archives[0].file))


def download_or_check(options: argparse.Namespace) -> None:
    """Do what the command line asks for.

    Raises
    ------
    BadInput
        With the page of the set, where a file can be fetched by hand.
    """
    if options.check is not None:
        check(options.name, options.check)
    elif options.name == "matek_19":
        print(MATEK_STEPS.format(out=options.out))
    else:
        try:
            download(options)
        except BadInput as problem:
            page = f" (its page: {SOURCES[options.name].page})" if "by hand" in str(problem) else ""
            raise BadInput(f"{problem}{page}") from None
