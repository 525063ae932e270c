"""A sealed test set: no label is left in it, one read is free, every read is logged, tampering is seen."""

import csv
import json

import numpy as np
import pytest
from real_sets.errors import BadInput
from real_sets.sealed import score_once, seal

from wbc_tutorial.data.prepared import load_every_image

CLASSES = ("basophil", "monocyte", "neutrophil")  # what the network can say
LABELS = ["basophil", "monocyte", "neutrophil_band", "monocyte", "smudge_cell", "basophil"]


def a_set(folder, labels=LABELS):
    """Write a prepared set by hand; its file names give the labels away."""
    folder.mkdir()
    np.save(folder / "images.npy", np.random.default_rng(0).integers(0, 256, (len(labels), 8, 8, 3), dtype=np.uint8))
    (folder / "set.json").write_text(json.dumps({"size": 8, "um_per_px": 3.125, "source": "secret/place"}))
    rows = [f"{i},{label},new,,{label}/im{i}.png,{label}\n" for i, label in enumerate(labels)]
    (folder / "cells.csv").write_text("id,label,domain,group,source_file,native_label\n" + "".join(rows))
    return folder


def predicted(path, names, classes=CLASSES, first=0):
    """Write the table that `predict` writes."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "predicted", "confidence", *classes])
        writer.writerows([f"cell {first + i}", name, 0.9, *[0.1] * len(classes)] for i, name in enumerate(names))
    return path


@pytest.fixture
def sealed(tmp_path):
    seal([str(a_set(tmp_path / "set")), "--out", str(tmp_path / "sealed"), "--rule", "ERM, seed 0"])
    return tmp_path / "sealed"


RIGHT = ["basophil", "monocyte", "neutrophil", "basophil", "monocyte", "basophil"]


def test_no_file_of_a_sealed_set_holds_a_label(sealed):
    for path in sealed.iterdir():
        content = path.read_bytes()
        assert not any(name.encode() in content for name in {*LABELS, "secret"}), path.name
    cells, table = load_every_image(sealed, classes=CLASSES)
    assert len(cells) == len(LABELS) and (table.truth == "").all()


def test_the_score_is_that_of_the_labels_in_the_classes_that_were_predicted(sealed, capsys, tmp_path):
    csv_file = predicted(tmp_path / "p.csv", RIGHT)
    score_once([str(sealed), "--predictions", str(csv_file), "--why", "final"])
    (line,) = csv.DictReader((sealed / "reads.csv").read_text().splitlines())
    assert line["n_images"] == "5", "a smudge cell is none of the three classes"
    assert line["f1_micro"] == "0.8000" and line["f1_macro"] == f"{(4 / 5 + 2 / 3 + 1) / 3:.4f}"
    out = capsys.readouterr().out
    assert "ERM, seed 0" in out and "This was read 1" in out


def test_a_second_read_is_asked_for_and_logged(sealed, tmp_path):
    arguments = [str(sealed), "--predictions", str(predicted(tmp_path / "p.csv", RIGHT)), "--why", "final"]
    score_once(arguments)
    with pytest.raises(BadInput, match=r"was read 1 time\(s\), first at .* \(final\): it is no unseen set any more"):
        score_once(arguments)
    score_once([*arguments, "--again"])
    lines = list(csv.DictReader((sealed / "reads.csv").read_text().splitlines()))
    assert [line["read"] for line in lines] == ["1", "2"] and lines[1]["previous"]


def test_a_log_that_was_changed_is_seen(sealed, tmp_path):
    arguments = [str(sealed), "--predictions", str(predicted(tmp_path / "p.csv", RIGHT)), "--why", "final", "--again"]
    for _ in range(3):
        score_once(arguments)
    log = sealed / "reads.csv"
    first, *lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join([first, lines[0].replace("0.8000", "0.4000"), *lines[1:]]))
    with pytest.raises(BadInput, match="line 3 does not follow"):
        score_once(arguments)
    log.write_text("".join([first, *lines[1:]]))
    with pytest.raises(BadInput, match="line 2 does not follow"):
        score_once(arguments)


def test_a_seal_that_was_changed_is_seen(sealed, tmp_path):
    path = sealed / "sealed.json"
    facts = json.loads(path.read_text())
    arguments = [str(sealed), "--predictions", str(predicted(tmp_path / "p.csv", RIGHT)), "--why", "x"]
    for name, value in (("labels_sha256", "0" * 64), ("labels", "AAAA"), ("key", "zz"), ("rule", None)):
        changed = {k: v for k, v in (facts | {name: value}).items() if v is not None}
        path.write_text(json.dumps(changed))
        with pytest.raises(BadInput, match="seal"):
            score_once(arguments)
        assert not (sealed / "reads.csv").exists()


def test_what_seal_refuses(tmp_path, sealed):
    new = ["--out", str(tmp_path / "new")]
    with pytest.raises(BadInput, match="exists: give --out a new folder"):
        seal([str(tmp_path / "set"), "--out", str(sealed), "--rule", "x"])
    with pytest.raises(BadInput, match="has no labels to seal"):
        seal([str(sealed), *new, "--rule", "x"])
    with pytest.raises(BadInput, match="--rule is empty"):
        seal([str(tmp_path / "set"), *new, "--rule", "  "])
    with pytest.raises((BadInput, FileNotFoundError), match="is missing"):
        seal([str(tmp_path / "nowhere"), *new, "--rule", "x"])
    assert not (tmp_path / "new").exists()


def test_what_score_once_refuses(tmp_path, sealed):
    good = predicted(tmp_path / "p.csv", RIGHT)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    cases = (
        (tmp_path / "set", good, "is no sealed set"),
        (sealed, tmp_path / "none.csv", "cannot be read"),
        (sealed, tmp_path / "bad.csv", "no columns file and predicted"),
        (sealed, predicted(tmp_path / "other.csv", RIGHT, first=1), "names other images"),
        (sealed, predicted(tmp_path / "few.csv", RIGHT[:3]), "names other images"),
        (sealed, predicted(tmp_path / "odd.csv", [*RIGHT[:5], "platelet"]), "unknown class 'platelet'"),
    )
    for folder, table, message in cases:
        with pytest.raises(BadInput, match=message):
            score_once([str(folder), "--predictions", str(table), "--why", "x"])
    assert not (sealed / "reads.csv").exists()
