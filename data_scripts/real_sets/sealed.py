"""The commands ``prepare.py seal`` and ``prepare.py score-once``: a test set whose labels are read once, by the scorer.

Sealing keeps honest people from looking by accident or out of habit, and makes every look count: each score is a line
of ``reads.csv``, and each line holds the digest of the line before it. It is no lock: whoever wants the labels can undo
it.
"""

import base64
import csv
import hashlib
import json
import secrets
import shutil
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from filelock import FileLock

from real_sets.arguments import OneLineParser
from real_sets.errors import BadInput
from real_sets.prepared_set import write_facts, write_table
from wbc_tutorial.data.classes import class_within, find_class, find_classes
from wbc_tutorial.data.prepared_files import images_digest, read_cells, read_facts, read_images
from wbc_tutorial.evaluation.metrics import f1_scores

__all__ = ["score_once", "seal"]

_HIDDEN = ("label", "native_label")
_NOT_CLASSES = ("file", "predicted", "confidence", "truth")
_READS = ("read", "time", "why", "predictions_sha256", "n_images", "f1_micro", "f1_macro", "f1_macro_min10", "previous")


def _stream(key: bytes, length: int) -> bytes:
    """Return as many bytes as asked for that only the key decides."""
    blocks = range(-(-length // 32))
    return b"".join(hashlib.sha256(key + number.to_bytes(8, "big")).digest() for number in blocks)[:length]


def _mixed(key: bytes, content: bytes) -> bytes:
    """Hide the content, or show what was hidden: the same operation, exclusive or with the stream of the key."""
    return bytes(np.frombuffer(content, np.uint8) ^ np.frombuffer(_stream(key, len(content)), np.uint8))


def seal(argv: Sequence[str]) -> None:
    """Copy a prepared set without its labels, which go hidden into ``sealed.json`` with the rule that was written down.

    Raises
    ------
    BadInput
        Bad usage, an --out that exists, or a set without labels.
    """
    parser = OneLineParser(
        prog="prepare.py seal",
        description="Seal a prepared set: a copy whose labels only score-once reads. Write the rule down first.",
        examples='  python data_scripts/prepare.py seal data/new --out sealed/new --rule "ERM, seed 0, no recipe"',
    )
    parser.add_argument("set", type=Path, metavar="SET", help="a prepared set with labels")
    parser.add_argument("--out", type=Path, required=True, metavar="OUT", help="a new folder")
    parser.add_argument("--rule", required=True, help="which method and recipe will be scored, and how it was chosen")
    given = parser.parse_args(argv)
    if not given.rule.strip():
        raise BadInput("--rule is empty: write down which method and recipe will be scored, before anyone looks")
    if given.out.exists():
        raise BadInput(f"{given.out} exists: give --out a new folder; nothing is overwritten")
    cells, facts = read_cells(given.set / "cells.csv"), read_facts(given.set / "set.json")
    read_images(given.set / "images.npy")
    if not (cells.label != "").any():
        raise BadInput(f"{given.set} has no labels to seal; give a prepared set with labels, not one sealed before")
    answers = json.dumps(cells.label.tolist(), ensure_ascii=False).encode()
    key = secrets.token_bytes(32)
    hidden = {
        "format": "wbc_tutorial sealed set 1",
        "sealed": datetime.now(UTC).isoformat(timespec="seconds"),
        "rule": given.rule.strip(),
        "n_images": len(cells),
        "labels_sha256": hashlib.sha256(answers).hexdigest(),
        "key": key.hex(),
        "labels": base64.b64encode(_mixed(key, zlib.compress(answers, 9))).decode(),
    }
    blank = cells.assign(source_file=[f"cell {number}" for number in cells.id], **dict.fromkeys(_HIDDEN, ""))
    working = given.out.with_name(given.out.name + ".part")
    if working.exists():
        raise BadInput(f"{working} exists, left by a sealing that was stopped: remove it, then seal again")
    working.mkdir(parents=True)
    shutil.copyfile(given.set / "images.npy", working / "images.npy")
    write_table(working / "cells.csv", list(blank.columns), blank.to_numpy().tolist())
    kept = {name: facts[name] for name in ("format", "size", "field_um", "um_per_px", "n_images") if name in facts}
    write_facts(working / "set.json", kept | {"images_digest": images_digest(working / "images.npy"), "sealed": True})
    (working / "sealed.json").write_text(json.dumps(hidden, indent=2) + "\n", encoding="utf-8")
    working.rename(given.out)
    print(f"{given.out}: {len(cells):,} images, labels sealed; rule: {hidden['rule']}")
    print("next: python -m wbc_tutorial predict --model FILE --data", given.out, "--out predictions.csv")


def score_once(argv: Sequence[str]) -> None:
    """Score a table of predictions against sealed labels, and log the read before the score is shown.

    Raises
    ------
    BadInput
        Bad usage, a damaged seal or log, or predictions of other images.
    """
    parser = OneLineParser(
        prog="prepare.py score-once",
        description="Score predictions against the labels of a sealed set. Every score is logged in reads.csv.",
        examples="  python data_scripts/prepare.py score-once sealed/new --predictions predictions.csv --why final",
    )
    parser.add_argument("sealed", type=Path, metavar="SEALED", help="a folder that seal made")
    parser.add_argument("--predictions", type=Path, required=True, metavar="CSV", help="what predict wrote")
    parser.add_argument("--why", required=True, help="why the labels are read, in a few words")
    parser.add_argument("--again", action="store_true", help="read once more, after the labels were read already")
    given = parser.parse_args(argv)
    labels, rule = _opened(given.sealed)
    content, predicted, classes = _predictions(given.predictions, read_cells(given.sealed / "cells.csv").id.tolist())
    log = given.sealed / "reads.csv"
    with FileLock(given.sealed / "reads.lock"):
        before = _read_log(log)
        if before and not given.again:
            raise BadInput(
                f"{given.sealed} was read {len(before)} time(s), first at {before[0]['time']} ({before[0]['why']}): it "
                "is no unseen set any more. To read it once more and have that logged, add --again"
            )
        scores = _scores(labels, predicted, classes)
        line = {"read": len(before) + 1, "time": datetime.now(UTC).isoformat(timespec="seconds"), "why": given.why}
        line |= {"predictions_sha256": hashlib.sha256(content).hexdigest(), **scores}
        line["previous"] = _digest_of(before[-1]) if before else ""
        with log.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _READS, lineterminator="\n")
            if not before:
                writer.writeheader()
            writer.writerow(line)
    print(f"rule, written down before: {rule}")
    print(f"F1-micro {scores['f1_micro']}, F1-macro {scores['f1_macro']} ({scores['n_images']} images)")
    print(f"This was read {line['read']} of the set; {log} holds them all.")


def _opened(folder: Path) -> tuple[list[str], str]:
    """Return the labels and the rule."""
    path = folder / "sealed.json"
    if not path.is_file():
        raise BadInput(f"{path} is missing: {folder} is no sealed set; prepare.py seal makes one")
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        answers = zlib.decompress(_mixed(bytes.fromhex(facts["key"]), base64.b64decode(facts["labels"])))
        labels, rule = json.loads(answers), str(facts["rule"])
        whole = hashlib.sha256(answers).hexdigest() == facts["labels_sha256"] and isinstance(labels, list)
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise BadInput(f"{path} is damaged ({type(error).__name__}): seal the set again") from None
    if not whole:
        raise BadInput(f"{path} was changed after it was sealed: its labels do not match their digest; seal it again")
    return labels, rule


def _predictions(path: Path, ids: list[str]) -> tuple[bytes, list[str], tuple[str, ...]]:
    """Return the file's bytes, the predicted class of each image, and the classes that could be predicted."""
    try:
        content = path.read_bytes()
        rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path} cannot be read ({error}); give the table that predict wrote") from None
    if not rows or not {"file", "predicted"} <= set(rows[0]):
        raise BadInput(f"{path} has no columns file and predicted; give the table that predict wrote")
    expected = [f"cell {number}" for number in ids]
    if [row["file"] for row in rows] != expected:
        raise BadInput(f"{path} names other images than the sealed set: run predict with --data on the sealed folder")
    try:
        classes = find_classes([name for name in rows[0] if name not in _NOT_CLASSES])
        return content, [find_class(row["predicted"], classes) for row in rows], classes
    except ValueError as error:
        raise BadInput(f"{path}: {error}; give the table that predict wrote") from None


def _scores(labels: list[str], predicted: list[str], classes: tuple[str, ...]) -> dict[str, object]:
    """Return the scores over the images whose label is among the classes, rounded for the log."""
    truth = [class_within(label, classes) if label else None for label in labels]
    pairs = [(classes.index(t), classes.index(p)) for t, p in zip(truth, predicted, strict=True) if t is not None]
    if not pairs:
        raise BadInput("no sealed label is one of the classes that can be predicted")
    scores = f1_scores(*zip(*pairs, strict=True), len(classes))
    numbers = {"f1_micro": scores.micro, "f1_macro": scores.macro, "f1_macro_min10": scores.macro_min10}
    return {"n_images": len(pairs)} | {name: f"{value:.4f}" for name, value in numbers.items()}


def _read_log(path: Path) -> list[dict[str, str]]:
    """Return the lines of the log, each checked against the one before it."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    previous = ""
    for number, line in enumerate(lines, 1):
        if set(line) != set(_READS) or line["previous"] != previous or line["read"] != str(number):
            raise BadInput(f"{path}: line {number + 1} does not follow from the line before it: the log was changed")
        previous = _digest_of(line)
    return lines


def _digest_of(line: dict) -> str:
    return hashlib.sha256("\t".join(str(line[name]) for name in _READS).encode()).hexdigest()
