"""Prepared sets: read row by row; what contradicts itself or is damaged is one clear error."""

import json
import os
import zipfile

import numpy as np
import pandas as pd
import pytest
from support.small_sets import write_set

from wbc_tutorial.data import prepared_files
from wbc_tutorial.data.classes import CLASSES, CLASSES_11, COARSE_CLASSES
from wbc_tutorial.data.prepared import domains_below, load_prepared
from wbc_tutorial.data.prepared_files import images_digest, read_facts

LABELS = ["monocyte", "basophil", "neutrophil_band", "monocyte"]


def test_prepared_set_is_read_row_by_row(tmp_path):
    stack = write_set(tmp_path / "s", ["monocyte", "basophil", "neutrophil_band"], ["x", "y", "x"])
    cells = load_prepared(tmp_path / "s")
    assert cells.images.shape == (3, 3, 6, 6) and cells.domain_names == ("x", "y")
    assert isinstance(cells.images.stacks[0], np.memmap)
    np.testing.assert_array_equal(cells.images[1], stack[1].transpose(2, 0, 1))
    np.testing.assert_array_equal(cells.images[np.array([2, 0])], stack[[2, 0]].transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(cells.of_domain("y").images[:], stack[1:2].transpose(0, 3, 1, 2))
    assert cells.labels.tolist() == [9, 0, 7] and cells.um_per_px == pytest.approx(25 / 6)


def test_label_spaces_leave_out_and_say_so(tmp_path):
    write_set(tmp_path, ["neutrophil", "neutrophil_segmented", "myeloblast", "smudge_cell"], ["x"] * 4)
    coarse = load_prepared(tmp_path, classes=COARSE_CLASSES)
    assert coarse.labels.tolist() == [4, 4] and coarse.provenance["left_out"] == {"myeloblast": 1, "smudge_cell": 1}
    eleven = load_prepared(tmp_path, classes=CLASSES_11)
    assert eleven.labels.tolist() == [CLASSES.index("neutrophil_segmented"), CLASSES.index("myeloblast")]
    assert eleven.provenance["left_out"] == {"neutrophil": 1, "smudge_cell": 1}


def test_monoblasts_are_left_out_of_eleven_classes(tmp_path):
    write_set(tmp_path, ["monocyte"] * 3, ["x"] * 3, natives=["MON", "MOB", "MOB"])
    assert len(load_prepared(tmp_path)) == len(load_prepared(tmp_path, classes=COARSE_CLASSES)) == 3
    eleven = load_prepared(tmp_path, classes=CLASSES_11)
    assert len(eleven) == 1 and eleven.provenance["left_out"] == {"monocyte": 2}


def test_classes_are_named_as_anyone_names_them(tmp_path):
    write_set(tmp_path, ["monocyte", "NGB", "Basophil"], ["x"] * 3)
    cells = load_prepared(tmp_path, classes=["ngb", "Monocyte"])
    assert cells.classes == ("neutrophil_band", "monocyte") and cells.labels.tolist() == [1, 0]
    coarse = load_prepared(tmp_path, classes=("neutrophil", "monocyte"))
    assert coarse.labels.tolist() == [1, 0] and coarse.provenance["left_out"] == {"Basophil": 1}
    for classes, message in (
        (("neutrophil", "NGB"), "mixes coarse and fine"),
        ("monocyte", "expected several"),
        ((), "none; expected"),
        (("cell",), "unknown class 'cell'"),
        (("smudge_cell",), "holds no image of the classes smudge_cell"),
    ):
        with pytest.raises(ValueError, match=message):
            load_prepared(tmp_path, classes=classes)


def test_laboratories_are_chosen_in_any_order(tmp_path):
    write_set(tmp_path, LABELS, ["x", "y", "x", "z"])
    cells = load_prepared(tmp_path, domains=["z", "x"])
    assert cells.domain_names == ("z", "x") and cells.domains.tolist() == [1, 1, 0]
    assert load_prepared(tmp_path, domains="y").labels.tolist() == [0]
    for domains in (["w"], ["x", "x"]):
        with pytest.raises(ValueError, match="holds the domains x, y, z; asked for were"):
            load_prepared(tmp_path, domains=domains)


def test_a_table_that_was_sorted_keeps_its_labels(tmp_path):
    write_set(tmp_path, LABELS, ["x", "y", "x", "y"], groups=["s1", "s2", "s3", "s4"])
    before = load_prepared(tmp_path, domains=["x", "y"])
    table = pd.read_csv(tmp_path / "cells.csv", dtype=str, keep_default_na=False)
    table.sort_values(["label", "group"], ascending=False).to_csv(tmp_path / "cells.csv", index=False)
    after = load_prepared(tmp_path, domains=["x", "y"])
    assert after.labels.tolist() == before.labels.tolist() and after.digest() == before.digest()
    np.testing.assert_array_equal(after.images[:], before.images[:])
    assert after.groups.tolist() == ["s1", "s2", "s3", "s4"]


def test_a_spreadsheet_s_utf8_is_read(tmp_path):
    """A byte order mark, carriage returns, an empty last line, accents written in two signs."""
    write_set(tmp_path, LABELS, ["Z\u00fcrich"] * 4)
    text = (tmp_path / "cells.csv").read_text(encoding="utf-8").replace("\u00fc", "u\u0308")
    (tmp_path / "cells.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", " \r\n").encode() + b"\r\n")
    assert load_prepared(tmp_path).domain_names == ("Z\u00fcrich",)


@pytest.mark.parametrize("name", ["images.npy", "cells.csv", "set.json"])
def test_missing_file_of_a_prepared_set_is_named(tmp_path, name):
    write_set(tmp_path, ["monocyte"], ["x"])
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing.*prepare.py"):
        load_prepared(tmp_path)


def table(change):
    """Return a damage of cells.csv, given as a function of its text."""
    return "cells.csv", lambda path: path.write_bytes(change(path.read_text()))


def facts(**entries):
    return "set.json", lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | entries))


def text(content):
    return "set.json", lambda path: path.write_bytes(content)


def array(change):
    return "images.npy", lambda path: np.save(path, change(np.load(path)), allow_pickle=True)


def header(said):
    raw = (said.ljust(117) + "\n").encode()
    magic = b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little")
    return "images.npy", lambda path: path.write_bytes(magic + raw + bytes(999))


def to_npz(path):
    stack = np.load(path)
    with path.open("wb") as file:
        np.savez(file, stack)


def rows(first):
    return table(lambda text: text.replace(text.splitlines()[1], first, 1).encode())


DAMAGES = {
    "fewer images": array(lambda a: a[:2]),
    "more images": array(lambda a: np.concatenate([a, a])),
    "another size": array(lambda a: a[:, :4, :4]),
    "floats": array(lambda a: a.astype(np.float32)),
    "one channel": array(lambda a: a[..., :1]),
    "four channels": array(lambda a: np.concatenate([a, a[..., :1]], -1)),
    "no square": array(lambda a: a[:, :4]),
    "three axes": array(lambda a: a[0]),
    "no image": array(lambda a: a[:0]),
    "fortran order": array(np.asfortranarray),
    "pickled objects": array(lambda _: np.array([{"a": 1}], dtype=object)),
    "an npz": ("images.npy", to_npz),
    "a zip": ("images.npy", lambda path: zipfile.ZipFile(path, "w").close()),
    "text": ("images.npy", lambda path: path.write_bytes(b"not numpy")),
    "an empty array": ("images.npy", lambda path: path.write_bytes(b"")),
    "a cut array": ("images.npy", lambda path: path.write_bytes(path.read_bytes()[:-5])),
    "a longer array": ("images.npy", lambda path: path.write_bytes(path.read_bytes() + b"12345")),
    "a negative length": header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 6, 6, 3), }"),
    "a length of text": header("{'descr': '|u1', 'fortran_order': False, 'shape': ('4', 6, 6, 3), }"),
    "a huge length": header("{'descr': '|u1', 'fortran_order': False, 'shape': (10**30, 6, 6, 3), }"),
    "a claim of terabytes": header("{'descr': '|u1', 'fortran_order': False, 'shape': (10000000000, 6, 6, 3), }"),
    "a cut header": header("{'descr': (((((("),
    "an odd type": header("{'descr': 'no type', 'fortran_order': False, 'shape': (4, 6, 6, 3), }"),
    "no json": text(b"{"),
    "a list": text(b"[1]"),
    "null": text(b"null"),
    "a string": text(b'"set"'),
    "an empty json": text(b""),
    "a json of another encoding": text('{"source": "Zürich"}'.encode("cp1252")),
    "a deep json": text(b"[" * 100_000),
    "um_per_px is a list": facts(um_per_px=[1]),
    "um_per_px is text": facts(um_per_px="abc"),
    "um_per_px is true": facts(um_per_px=True),
    "um_per_px is negative": facts(um_per_px=-0.1),
    "um_per_px is no number": facts(um_per_px=float("nan")),
    "um_per_px is endless": facts(um_per_px=float("inf")),
    "um_per_px is tiny": facts(um_per_px=1e-300),
    "um_per_px is of another size": facts(um_per_px=25 / 64),
    "size is another": facts(size=64),
    "size is text": facts(size="6"),
    "n_images is another": facts(n_images=5),
    "n_images is a fraction": facts(n_images=4.0),
    "n_images is huge": facts(n_images=10**400),
    "format is another program's": facts(format="another program"),
    "format is a list": facts(format=["wbc_tutorial prepared set 1"]),
    "digest is a number": facts(digest=5),
    "the images' digest is another": facts(images_digest="0" * 64),
    "the images' digest is a list": facts(images_digest=["0"]),
    "unknown label": rows("0,thrombocyte,x,"),
    "no label": rows("0,,x,"),
    "no domain": rows("0,monocyte,,"),
    "no id": rows(",monocyte,x,"),
    "an id twice": rows("1,monocyte,x,"),
    "an id beyond": rows("4,monocyte,x,"),
    "an id as a fraction": rows("0.0,monocyte,x,"),
    "one entry too many": rows("0,monocyte,x,,,"),
    "one entry too few": rows("0,monocyte,x"),
    "an open quote": rows('0,"monocyte,x,'),
    "missing columns": table(lambda text: b"id,label\n0,monocyte\n"),
    "a column twice": table(lambda text: text.replace("group", "label").encode()),
    "no rows": table(lambda text: text.splitlines()[0].encode()),
    "an empty table": table(lambda text: b""),
    "a row less": table(lambda text: "\n".join(text.splitlines()[:-1]).encode()),
    "semicolons": table(lambda text: text.replace(",", ";").encode()),
    "NUL bytes": table(lambda text: text.replace("monocyte", "mono\0cyte").encode()),
    "UTF-16": table(lambda text: text.encode("utf-16")),
    "cp1252": table(lambda text: text.replace(",x,", ",Zürich,").encode("cp1252")),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_file_is_named_in_one_line_with_the_fix(tmp_path, what):
    write_set(tmp_path, LABELS, ["x"] * 4)
    name, damage = DAMAGES[what]
    damage(tmp_path / name)
    with pytest.raises(ValueError, match="prepare") as caught:
        load_prepared(tmp_path)
    said = str(caught.value)
    assert type(caught.value) is ValueError and "\n" not in said and len(said) < 500
    assert str(tmp_path) in said and (name in said or name == "set.json" and "images.npy" in said)
    if what == "semicolons":
        assert "semicolons" in said
    if name == "cells.csv" and "label" not in what:  # other laboratories are found beside it, and this is told
        where, unreadable = domains_below(tmp_path)
        assert "" not in where and all(str(tmp_path) in line for line in unreadable)


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
@pytest.mark.parametrize("name", ["images.npy", "cells.csv", "set.json"])
def test_a_file_that_may_not_be_read_is_named(tmp_path, name):
    write_set(tmp_path, LABELS, ["x"] * 4)
    (tmp_path / name).chmod(0)
    with pytest.raises(ValueError, match=f"{name}: cannot be read"):
        load_prepared(tmp_path)


@pytest.mark.parametrize("name", ["images.npy", "cells.csv", "set.json"])
def test_a_folder_in_the_place_of_a_file_is_named(tmp_path, name):
    write_set(tmp_path, LABELS, ["x"] * 4)
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match=f"{name}: cannot be read"):
        load_prepared(tmp_path)


def test_replaced_images_are_noticed(tmp_path):
    stack = write_set(tmp_path, LABELS, ["x"] * 4)
    path = tmp_path / "set.json"
    told = json.loads(path.read_text()) | {"images_digest": images_digest(tmp_path / "images.npy")}
    path.write_text(json.dumps(told))
    assert len(load_prepared(tmp_path)) == 4
    stack[2, 3, 3] ^= 1
    np.save(tmp_path / "images.npy", stack)
    with pytest.raises(ValueError, match="images.npy holds other images than those"):
        load_prepared(tmp_path)


@pytest.mark.parametrize(("row", "noticed"), [(0, True), (39, True), (1, False)])
def test_large_arrays_are_sampled(tmp_path, monkeypatch, row, noticed):
    monkeypatch.setattr(prepared_files, "_WHOLE_BELOW", 1000)
    monkeypatch.setattr(prepared_files, "_SAMPLED_ROWS", 14)
    stack = write_set(tmp_path, ["monocyte"] * 40, ["x"] * 40)
    before = images_digest(tmp_path / "images.npy")
    assert images_digest(tmp_path / "images.npy") == before
    stack[row, 0, 0, 0] ^= 1
    np.save(tmp_path / "images.npy", stack)
    assert (images_digest(tmp_path / "images.npy") != before) == noticed
    np.save(tmp_path / "images.npy", stack[:-1])
    assert images_digest(tmp_path / "images.npy") != before


def test_a_set_that_nobody_needs_stops_nobody(tmp_path):
    write_set(tmp_path / "a", ["monocyte"], ["x"])
    write_set(tmp_path / "b", ["thrombocyte"], ["y"])
    (tmp_path / "b" / "images.npy").unlink()
    for number, content in enumerate((b"", b"\0", b"id;domain\n0;y\n", "domain\nZürich".encode("cp1252"), b'"')):
        write_set(tmp_path / f"c{number}", ["monocyte"], ["z"])
        (tmp_path / f"c{number}" / "cells.csv").write_bytes(content)
    (tmp_path / "d" / "cells.csv").mkdir(parents=True)
    (tmp_path / "e").write_text("a file")
    where, unreadable = domains_below(tmp_path)
    assert where == {"x": [tmp_path / "a"], "y": [tmp_path / "b"]}
    assert len(unreadable) == 6 and all("cells.csv" in line and "\n" not in line for line in unreadable)
    assert domains_below(tmp_path / "a") == ({"x": [tmp_path / "a"]}, [])


def test_no_set_at_all_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no prepared set"):
        domains_below(tmp_path)
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        domains_below(tmp_path / "nothing")


def test_one_laboratory_in_two_sets_is_found_twice(tmp_path):
    for name in ("b", "a"):
        write_set(tmp_path / name, ["monocyte"], ["x"])
    assert domains_below(tmp_path)[0] == {"x": [tmp_path / "a", tmp_path / "b"]}


def test_a_set_of_a_later_version_says_so(tmp_path):
    path = tmp_path / "set.json"
    path.write_text('{"format": "wbc_tutorial prepared set 2"}')
    with pytest.raises(ValueError, match="the format is 'wbc_tutorial prepared set 2'.*install a newer wbc_tutorial"):
        read_facts(path)
    path.write_text('{"format": "wbc_tutorial prepared set 1"}')
    assert read_facts(path)
