"""Download real cells from where their authors published them, and check what came.

    python data_scripts/download.py NAME --out DIR

NAME is acevedo_20, mll_23, raabin, bloodmnist, chula, bccd or matek_19 (prints the steps of the archive's own
client). An interrupted download continues when the same command is run again.
"""  # fmt: skip

import argparse
import json
import sys
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from real_sets.archives import unpack
from real_sets.bloodmnist import KNOWN_MD5
from real_sets.fetch import digest_of, fetch
from real_sets.layouts import known_folders
from real_sets.prepared_set import leftovers
from real_sets.problems import BadInput, OneLineParser, one_line_errors
from real_sets.sources import MATEK_STEPS, MLL_CLASSES, SOURCES, bloodmnist_file, laboratory_of, mll_file

from wbc_tutorial.data.classes import CLASSES

CHECKED = ("acevedo_20", "matek_19", "mll_23", "raabin")
_ZENODO_RECORD = "https://zenodo.org/api/records/14277609"


def read_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; bad usage raises `BadInput`."""
    parser = OneLineParser(prog="download.py", description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=(*SOURCES, "matek_19"))
    parser.add_argument("--out", type=Path, help="where to put it")
    parser.add_argument(
        "--classes", type=lambda text: text.split(","), help="mll_23: only these, e.g. basophil,monocyte"
    )
    parser.add_argument("--size", type=int, default=64, help="bloodmnist: 28, 64, 128 or 224 px (default 64)")
    parser.add_argument("--url", help="another address of the same file; mll_23: of the folder of the zips")
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
    return options


def check(name: str, folder: Path) -> None:
    """Compare the files of each label with the published counts, and say what is missing.

    Raises
    ------
    BadInput
        When a label has fewer files than published.
    """
    laboratory = laboratory_of(name)
    listing = known_folders(name, folder, classes=13, field_um=None)
    by_folder = name == "matek_19"  # its folders are the codes of its own publication
    found = Counter(item.native_label if by_folder else item.label for item in listing.items)
    found.update(reason.split(":")[0].removeprefix("dropped label ") for _, reason in listing.rejected
                 if reason.startswith("dropped label "))  # fmt: skip
    published = dict(zip(CLASSES, laboratory.counts, strict=True))
    if not any(published.values()):
        published |= {laboratory.native_labels[label]: count for label, count in laboratory.native_counts.items()}
    if by_folder:
        published = {label: published[known] for label, known in laboratory.native_labels.items()}
        published |= laboratory.native_counts
    published |= {label: laboratory.native_counts.get(label, 0) for label in laboratory.dropped}
    expected = {label: count for label, count in published.items() if count}
    missing = []
    for label in (*expected, *sorted(set(found) - set(expected))):
        count, wanted = found[label], expected.get(label)
        remark = "" if wanted is None or count == wanted else f"   {count - wanted:+,}"
        print(f"{label:24}{count:8,} of {wanted if wanted is not None else '?':>6}{remark}")
        if wanted is not None and count < wanted:
            missing.append(f"{label} {wanted - count:,}")
    if missing:
        raise BadInput(f"{folder}: pictures of {name} are missing ({', '.join(missing)}); fetch them again from "
                       f"{laboratory.source}")  # fmt: skip
    print(f"complete: {sum(found.values()):,} pictures of {laboratory.title}")


def zenodo_digests(record: str = _ZENODO_RECORD) -> dict[str, str]:
    """Return file name -> ``"md5:..."`` as the record itself states them; empty when it does not answer."""
    try:
        with urllib.request.urlopen(record, timeout=30) as answer:
            files = json.loads(answer.read(2**22))["files"]
        return {file["key"]: file["checksum"] for file in files if file["checksum"].startswith("md5:")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        print(f"note: {record} gives no digests ({type(problem).__name__}); only the length will be checked")
        return {}


def _fetch_once(address: str, file: Path, *, digest: str, limit: int) -> Path:
    """Fetch a file, or check the one that is there."""
    if file.is_file():
        kind, _, expected = digest.partition(":")
        if digest and digest_of(file, kind) != expected:
            raise BadInput(f"{file}: its {kind} is not {expected}; delete it and run the same command again")
        print(f"{file}: already there" + (f", its {kind} is right" if digest else ""))
        return file
    fetch(address, file, digest=digest, limit=limit)
    checked = digest.partition(":")[0] if digest else "its length; no digest is published"
    print(f"{file}: {file.stat().st_size:,} bytes, checked by {checked}")
    return file


def _fetch_and_unpack(address: str, file: Path, folder: Path, *, digest: str, limit: int) -> None:
    """Fetch an archive and unpack it, unless its folder is there."""
    if folder.is_dir():
        print(f"{folder}: already there")
        return
    for note in leftovers(folder):
        print(f"note: {note}")
    unpack(_fetch_once(address, file, digest=digest, limit=limit), folder)
    print(f"{folder}: unpacked; {file.name} may be deleted")


def download(options: argparse.Namespace) -> None:
    """Fetch the set the user named, and say what to do next."""
    source, laboratory, out = SOURCES[options.name], laboratory_of(options.name), options.out
    print(f"{laboratory.title}\n  {source.page}\n  licence: {laboratory.licence}; cite: {laboratory.citation}")
    file = out / source.file
    if options.name == "bloodmnist":
        address, name, digest = bloodmnist_file(options.size)
        file = _fetch_once(options.url or address, out / name, digest=digest, limit=source.limit)
    elif options.name == "mll_23":
        digests = {} if options.url else zenodo_digests()
        for label in options.classes or MLL_CLASSES:
            address, name, folder = mll_file(label)
            if options.url:
                address = f"{options.url.rstrip('/')}/{name}"
            _fetch_and_unpack(address, out / name, out / folder, digest=digests.get(name, ""), limit=source.limit)
    elif source.kind == "rar":
        _fetch_once(options.url or source.address, file, digest="", limit=source.limit)
    else:
        _fetch_and_unpack(options.url or source.address, file, out / source.folder, digest="", limit=source.limit)
    print("next: " + source.then.format(out=out, file=file))


def main(argv: Sequence[str] | None = None) -> None:
    """Download or check what the command line asks for."""
    options = read_arguments(argv)
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


if __name__ == "__main__":
    sys.exit(one_line_errors(main))
