"""Packs and BloodMNIST: many laboratories in one set, labels that must agree, and what is refused."""

import zipfile

import numpy as np
import pytest
from support.fake_sets import blood, pack, picture, prepare, prepared


def test_packs_make_one_set_of_several_laboratories(tmp_path):
    source = pack(tmp_path / "packs")
    small, other, third = (picture(seed, 112, 112, "JPEG") for seed in (11, 12, 13))
    pack(source, "acevedo_20", [("BAS", "BA", "", 360, 363, "BAS/BA_1.jpg", small),
                                ("EOS", "EO", "", 366, 369, "EOS/EO_2.jpg", other),
                                ("NEU", "NEUTROPHIL", "", 360, 363, "NEU/NEUTROPHIL_3.jpg", third)])  # fmt: skip
    assert prepare("packs", "--source", source, "--out", tmp_path / "out")[0] == 0
    facts, cells, rejected = prepared(tmp_path / "out")
    assert [(row["domain"], row["label"], row["group"], row["acquisition"]) for row in cells] == [
        ("chula", "basophil", "s1", ""), ("chula", "neutrophil", "s2", ""),
        ("acevedo_20", "basophil", "", "main"), ("acevedo_20", "eosinophil", "", "second")]  # fmt: skip
    assert list(rejected) == ["acevedo_20/NEU/NEUTROPHIL_3.jpg"]
    assert facts["domains"]["acevedo_20"]["licence"] == "CC BY 4.0"
    prepare("packs", "--source", source, "--out", tmp_path / "one", "--domains", "acevedo_20", "--main-batch")
    assert [row["label"] for row in prepared(tmp_path / "one")[1]] == ["basophil"]


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_packs_bad_members_and_rows(tmp_path):
    good, other = picture(1, 112, 112, "JPEG"), picture(2, 112, 112, "JPEG")
    rows = [("BAS", "basophil", "s", 300, 300, "BAS/good.jpg", good),
            ("EOS", "eosinophil", "s", 300, 300, "EOS/gone.jpg", None),
            ("EOS", "monocyte", "s", 300, 300, "EOS/disagree.jpg", other),
            ("XXX", "blob", "s", 300, 300, "XXX/blob.jpg", other),
            ("BAS", "basophil", "s", 300, 300, "BAS/wide.jpg", picture(3, 112, 90, "JPEG")),
            ("BAS", "basophil", "s", "", "", "BAS/crc.jpg", b"to-be-damaged" * 50)]  # fmt: skip
    extra = [("chula/BAS/extra.jpg", other), ("../../evil.jpg", other), ("chula/BAS/good.jpg", good),
             ("chula/readme.txt", b"")]  # fmt: skip
    source = pack(tmp_path / "packs", rows=rows, extra=extra)
    with (source / "manifest.csv").open("a") as file:
        file.write(
            "chula,MON,monocyte,s,300,300,chula/BAS/good2.jpg\nchula,BAS,basophil,s,300,300,chula/BAS/good2.jpg\n"
        )
    with zipfile.ZipFile(source / "chula.zip", "a") as archive:
        archive.writestr("chula/BAS/good2.jpg", other)
    content = (source / "chula.zip").read_bytes()
    (source / "chula.zip").write_bytes(content.replace(b"to-be-damaged", b"has-been-dama", 1))
    assert prepare("packs", "--source", source, "--out", tmp_path / "out")[0] == 0
    facts, cells, rejected = prepared(tmp_path / "out")
    assert facts["found"] == 11
    assert [row["source_file"] for row in cells] == ["chula/BAS/good.jpg"]
    reasons = {file.split("/")[-1]: reason for file, reason in rejected.items()}
    assert reasons["gone.jpg"].startswith("label without image: manifest.csv names it, but chula.zip does not hold it")
    assert reasons["disagree.jpg"].startswith("labels disagree: the code EOS is not monocyte (MON)")
    assert reasons["blob.jpg"].startswith("unknown label: blob (XXX) is not a label of chula")
    assert reasons["wide.jpg"].startswith("not square: 112x90 px")
    assert reasons["crc.jpg"].startswith("unreadable: Bad CRC-32")
    assert reasons["extra.jpg"].startswith("image without label: no row in manifest.csv")
    assert reasons["evil.jpg"].startswith(("image without label", "not an image"))
    assert reasons["good.jpg"].startswith("listed twice: ")
    assert reasons["good2.jpg"].startswith("two labels: ")
    assert reasons["readme.txt"].startswith("not an image: ")
    assert not (tmp_path.parent / "evil.jpg").exists()


BAD_PACKS = {
    "no-manifest": (lambda source: (source / "manifest.csv").unlink(), [], "packs need a manifest.csv"),
    "manifest-empty": (lambda source: (source / "manifest.csv").write_bytes(b""), [], "the columns domain,code,"),
    "manifest-only-a-header": (
        lambda source: (source / "manifest.csv").write_bytes(
            (source / "manifest.csv").read_bytes().splitlines(True)[0]
        ),
        [],
        "manifest.csv: no domain at all; it lists nothing below its first line",
    ),
    "two-zips-of-one-name": (
        lambda source: (source / "CHULA.zip").write_bytes(b""),
        [],
        "chula.zip: 2 files have this name, but manifest.csv lists it",
    ),
    "manifest-columns": (lambda source: (source / "manifest.csv").write_text("a,b\n"), [], "the columns domain,"),
    "manifest-short-row": (
        lambda source: (source / "manifest.csv").write_bytes((source / "manifest.csv").read_bytes() + b"chula,BAS\n"),
        [],
        "a row names no domain or no file; complete or remove it",
    ),
    "manifest-not-utf8": (
        lambda source: (source / "manifest.csv").write_bytes(b"\xff\xfe\x00"),
        [],
        "not a readable CSV",
    ),
    "no-zip": (
        lambda source: (source / "chula.zip").unlink(),
        [],
        "chula.zip: no such file, but manifest.csv lists it",
    ),
    "broken-zip": (lambda source: (source / "chula.zip").write_bytes(b"PK?"), [], "chula.zip: not a readable zip"),
    "unknown-domain": (lambda source: None, ["--domains", "chula,mars"], "no domain mars; it lists chula"),
    "larger-field": (lambda source: None, ["--field-um", "40"], "--field-um 40: packs show 25 um"),
}


@pytest.mark.parametrize("case", BAD_PACKS)
def test_bad_packs_give_one_line(case, tmp_path):
    spoil, more, expected = BAD_PACKS[case]
    spoil(pack(tmp_path / "packs"))
    code, out, err = prepare("packs", "--source", tmp_path / "packs", "--out", tmp_path / "out", *more)
    assert (code, out, len(err)) == (2, [], 1)
    assert expected in err[0]
    assert not (tmp_path / "out").exists()


def test_bloodmnist(tmp_path):
    target = tmp_path.parent / f"{tmp_path.name}-out"
    path = blood(tmp_path / "bloodmnist_64.npz", 64, test_labels=np.array([[9], *[[i] for i in range(1, 8)]]))
    code, out, _ = prepare("bloodmnist", "--source", tmp_path, "--out", target)
    assert code == 0
    facts, cells, rejected = prepared(target)
    assert facts["field_um"] == 20.0
    assert [row["label"] for row in cells[:6]] == ["basophil", "eosinophil", "erythroblast", "lymphocyte_typical",
                                                   "monocyte", "neutrophil"]  # fmt: skip
    assert facts["found"] == 24
    assert rejected["test/0"].startswith("unknown label: 9 is not 0 to 7")
    assert rejected["train/3"].startswith("dropped label ig: ")
    assert any("its MD5 is not the published one" in line for line in out)
    with np.load(path) as arrays:
        np.testing.assert_array_equal(np.load(target / "images.npy")[0], arrays["train_images"][0])


def header(text):
    """An array file with the given text where the description of the array stands."""
    raw = (text.ljust(117) + "\n").encode()
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw + bytes(999)


def with_array(path, name, content):
    """Replace one array of a fake BloodMNIST by the bytes of another file."""
    with zipfile.ZipFile(path) as archive:
        files = {member: archive.read(member) for member in archive.namelist()} | {f"{name}.npy": content}
    with zipfile.ZipFile(path, "w") as archive:
        for member, each in files.items():
            archive.writestr(member, each)


def describes(shape, kind="|u1", fortran="False"):
    return header(f"{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}")


BAD_BLOOD = {
    "header-cut": (
        lambda path: with_array(path, "train_images", header("{'descr': (((((")),
        "train_images has a damaged header",
    ),
    "negative-length": (
        lambda path: with_array(path, "train_images", describes("(-1, 28, 28, 3)")),
        "train_images is (-1, 28, 28, 3); expected at least one picture",
    ),
    "columns-first": (
        lambda path: with_array(path, "train_images", describes("(8, 28, 28, 3)", fortran="True")),
        "train_images is stored column by column, expected row by row",
    ),
    "two-labels-each": (
        lambda path: with_array(path, "train_labels", describes("(8, 2)")),
        "train has 8 images but 16 labels",
    ),
    "label-without-shape": (lambda path: with_array(path, "train_labels", describes("()")), "train_labels is ()"),
    "unknown-version": (
        lambda path: with_array(path, "train_labels", b"\x93NUMPY\x09\x00" + bytes(99)),
        "train_labels has the unknown array format (9, 0)",
    ),
    "no-file": (lambda path: path.unlink(), "holds 0 files bloodmnist*.npz; give the one file as --source"),
    "two-files": (lambda path: blood(path.with_name("bloodmnist_128.npz")), "holds 2 files bloodmnist*.npz"),
    "not-an-npz": (lambda path: path.write_bytes(b"<html>"), "not a readable .npz"),
    "cut-off": (lambda path: path.write_bytes(path.read_bytes()[:-2000]), "not a readable .npz"),
    "pickle-inside": (
        lambda path: blood(path, train_labels=np.array([{"a": 1}] * 8, dtype=object)),
        "not numbers; fetch",
    ),
    "array-missing": (lambda path: blood(path, val_labels=None), "not BloodMNIST"),
    "fewer-labels": (lambda path: blood(path, val_labels=np.zeros(7, int)), "val has 8 images but 7 labels; fetch"),
    "grey": (
        lambda path: blood(path, val_images=np.zeros((8, 28, 28), np.uint8)),
        "val_images is (8, 28, 28); expected",
    ),
    "floats": (
        lambda path: blood(path, val_images=np.zeros((8, 28, 28, 3), int)),
        "val_images is int64; expected uint8",
    ),
    "several-sizes": (
        lambda path: blood(path, val_images=np.zeros((8, 9, 9, 3), np.uint8)),
        "pictures of several sizes",
    ),
}


@pytest.mark.parametrize("case", BAD_BLOOD)
def test_bad_bloodmnist_gives_one_line(case, tmp_path):
    spoil, expected = BAD_BLOOD[case]
    spoil(blood(tmp_path / "bloodmnist.npz"))
    out_folder = tmp_path.parent / f"{tmp_path.name}-out"
    code, out, err = prepare("bloodmnist", "--source", tmp_path, "--out", out_folder)
    assert (code, out, len(err)) == (2, [], 1)
    assert expected in err[0]
    assert not out_folder.exists()


def test_slides_are_known_of_all_pictures_of_a_pack_or_of_none(tmp_path):
    rows = [("BAS", "basophil", group, 300, 300, f"BAS/{i}.jpg", picture(i, 112, 112, "JPEG"))
            for i, group in enumerate(("s1", "", "s2"))]  # fmt: skip
    source = pack(tmp_path / "in", "chula", rows)
    code, out, err = prepare("packs", "--source", source, "--out", tmp_path / "out")
    assert (code, out, len(err)) == (2, [], 1)
    assert "manifest.csv: 1 of 3 rows of chula have no group, such as chula/BAS/1.jpg; fill in the slide or" in err[0]
    pack(tmp_path / "none", "chula", [(*row[:2], "", *row[3:]) for row in rows])
    assert prepare("packs", "--source", tmp_path / "none", "--out", tmp_path / "out")[0] == 0
