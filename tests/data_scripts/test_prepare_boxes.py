"""Whole fields with boxes (chula, bccd) and the patients of jhu_21: cells, labels, groups, refusals."""

import csv

import numpy as np
import pytest
from PIL import Image
from real_sets.boxes import BCCD_CROP_PX
from support.fake_sets import colours, encoded, picture, prepare, prepared, run, write


def field(cells, width=1440, height=900, seed=0):
    """A field of a given seed with squares of 60 px: `cells` are (x, y, colour), in pixels."""
    pixels = (colours(width, height, seed) // 4 + 180).astype(np.uint8)
    for x, y, colour in cells:
        pixels[max(y - 30, 0) : y + 30, max(x - 30, 0) : x + 30] = colour
    return encoded(pixels, compress_level=0)


def yolo(*boxes):
    """A text file of boxes: (class, x, y) in shares."""
    return "".join(f"{kind} {x} {y} 0.1 0.1\n" for kind, x, y in boxes).encode()


def chula(root, more=()):
    """Two fields: one with two cells, one whose text file stands in another folder."""
    return write(root / "WBC_Samples", {
        "train/images/B-30_0047.png": field([(720, 450, (200, 0, 0)), (20, 450, (0, 200, 0))], seed=1),
        "train/labels/B-30_0047.txt": yolo((2, 0.5, 0.5), (4, 20 / 1440, 0.5)),
        "valid/images/L-8_0044.png": field([(300, 300, (0, 0, 200))], seed=2),
        "labels/L-8_0044.txt": yolo((3, 300 / 1440, 300 / 900)),
        **dict(more),
    })  # fmt: skip


@pytest.mark.parametrize("below", ["", "WBC_Samples"])
def test_chula_cells_are_cut_around_their_boxes(below, tmp_path):
    chula(tmp_path / "in")
    code, out, err = prepare("chula", "--source", tmp_path / "in" / below, "--out", tmp_path / "out", "--size", 70)
    assert (code, err) == (0, [])
    facts, cells, rejected = prepared(tmp_path / "out")
    assert not rejected
    assert [(row["source_file"], row["label"], row["native_label"], row["group"]) for row in cells] == [
        ("train/images/B-30_0047.png#0", "basophil", "basophil", "B-30"),
        ("train/images/B-30_0047.png#1", "monocyte", "monocyte", "B-30"),
        ("valid/images/L-8_0044.png#0", "lymphocyte_typical", "lymphocyte", "L-8"),
    ]
    first, second, third = np.load(tmp_path / "out" / "images.npy")
    assert tuple(first[35, 35]) == (200, 0, 0)  # 280 px around the box, shrunk four times
    assert tuple(third[35, 35]) == (0, 0, 200)
    assert tuple(second[35, 4]) == (0, 200, 0)  # the square was moved inward: the cell stands at its edge
    assert any("1 cells lie near the edge of their picture: the square was moved inward" in line for line in out)
    assert facts["um_per_px"] == 25 / 70


BAD_TEXTS = {
    "no-text": (None, "boxes not certain: no text file of this name holds its boxes"),
    "empty": (b"", "no cell: its text file has no box"),
    "class-too-large": (b"5 .5 .5 .1 .1\n", "boxes unreadable: X_1.txt has the unknown class 5"),
    "outside": (b"1 1.5 .5 .1 .1\n", "line 1, has a number out of its range"),
    "not-a-number": (b"1 nan .5 .1 .1\n", "line 1, has a number out of its range"),
    "too-few": (b"1 .5 .5\n", "line 1, is not <class> <x> <y> <width> <height>"),
    "too-many": (b"1 .5 .5 .1 .1 .9\n", "line 1, is not <class>"),
    "fraction-of-a-class": (b"1.5 .5 .5 .1 .1\n", "line 1, is not <class>"),
    "second-line": (b"1 .5 .5 .1 .1\n\nblob\n", "line 3, is not <class>"),
    "not-text": (b"\xff\xfe\x00", "boxes unreadable: X_1.txt is no text of boxes"),
}


@pytest.mark.parametrize("case", BAD_TEXTS)
def test_chula_bad_boxes_lose_their_field_only(case, tmp_path):
    content, expected = BAD_TEXTS[case]
    more = {"train/images/X_1.png": field([(500, 500, (9, 9, 99))], seed=3)}
    chula(tmp_path / "in", more | ({} if content is None else {"train/labels/X_1.txt": content}))
    assert prepare("chula", "--source", tmp_path / "in", "--out", tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert len(cells) == 3
    assert list(rejected) == ["train/images/X_1.png"]
    assert expected in rejected["train/images/X_1.png"]


def test_chula_two_texts_for_one_field_and_one_cell_in_two_boxes(tmp_path):
    more = {
        "train/images/X_1.png": field([(500, 500, (9, 9, 99))], seed=3),
        "train/labels/X_1.txt": yolo((1, 0.3, 0.5)),
        "labels/X_1.txt": yolo((0, 0.3, 0.5)),
        "train/images/Y_1.png": field([(700, 500, (9, 99, 9))], seed=4),
        "train/labels/Y_1.txt": yolo((1, 0.5, 0.5), (0, 0.5, 0.5)),
    }
    chula(tmp_path / "in", more)
    assert prepare("chula", "--source", tmp_path / "in", "--out", tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert len(cells) == 3
    assert rejected["train/images/X_1.png"].startswith("boxes not certain: labels/X_1.txt and train/labels/X_1.txt")
    for number in (0, 1):
        assert rejected[f"train/images/Y_1.png#{number}"].startswith("duplicates with different labels: ")


def voc(*boxes, width=640, height=480):
    """An annotation: (name, left, top, right, bottom)."""
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
        f"<ymax>{bottom}</ymax></bndbox></object>"
        for name, left, top, right, bottom in boxes
    )
    size = f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
    return f"<annotation>{size}{objects}</annotation>".encode()


WHITE = ("WBC", 290, 210, 350, 270)


def bccd(root, annotations, kinds):
    """Fields 1, 2, ... with these annotations, and the crops' folders: {number: kind}."""
    files = {f"BCCD_cropped/{kind}/BloodImage_{number:05}_1.jpg": b"a crop" for number, kind in kinds.items()}
    for number, annotation in enumerate(annotations, start=1):
        files[f"fields/BCCD/Annotations/BloodImage_{number:05}.xml"] = annotation
        content = field([(320, 240, (number, 0, 150))], 640, 480, seed=number)
        files[f"fields/BCCD/JPEGImages/BloodImage_{number:05}.png"] = content
    return write(root, files)


def test_bccd_boxes_and_kinds(tmp_path):
    red = ("RBC", 10, 10, 90, 90)
    annotations = [voc(red, WHITE), voc(WHITE, WHITE), voc(red), voc(WHITE), voc(WHITE), b"<annotation>",
                   voc(("WBC", 600, 460, 700, 560)), voc(WHITE)]  # fmt: skip
    kinds = {1: "Eosinophil", 2: "Monocyte", 3: "Basophil", 5: "Blob", 8: "Monocyte"}
    source = bccd(tmp_path / "in", annotations, kinds)
    write(source, {"BCCD_cropped/Basophil/BloodImage_00008_2.jpg": b"x"})
    code, out, err = prepare("bccd", "--source", source, "--out", tmp_path / "out", "--size", 75)
    assert (code, err) == (0, [])
    _, cells, rejected = prepared(tmp_path / "out")
    assert [(row["source_file"], row["label"]) for row in cells] == [("BloodImage_00001.png", "eosinophil")]
    assert tuple(np.load(tmp_path / "out" / "images.npy")[0][37, 37]) == (1, 0, 150)
    reasons = {name[11:16].lstrip("0"): reason for name, reason in rejected.items()}
    assert reasons["2"].startswith("several white cells: 2 boxes")
    assert reasons["3"].startswith("no white cell: 0 boxes")
    assert reasons["4"].startswith("image without label: neither BCCD_cropped nor labels.csv names it")
    assert reasons["5"].startswith("unknown label: blob is none of basophil, eosinophil")
    assert reasons["6"].startswith("boxes unreadable: BloodImage_00006.xml cannot be read")
    assert "has a box outside the picture" in reasons["7"]
    assert reasons["8"].startswith("two labels: basophil and monocyte")
    assert any(f"BCCD states no scale: the square of {BCCD_CROP_PX} px" in line for line in out)


def test_bccd_kinds_from_a_table(tmp_path):
    source = bccd(tmp_path / "in", [voc(WHITE), voc(WHITE), voc(WHITE)], {})
    table = ',Image,Category\n0,1,NEUTROPHIL\n1,2,"NEUTROPHIL, MONOCYTE"\n2,3,\n'
    write(source, {"labels.csv": table.encode()})
    assert prepare("bccd", "--source", source, "--out", tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert [(row["label"], row["native_label"]) for row in cells] == [("neutrophil", "neutrophil")]
    assert rejected["BloodImage_00002.png"].startswith("unknown label: neutrophil, monocyte is none of")
    assert rejected["BloodImage_00003.png"].startswith("unknown label: not given is none of")


@pytest.mark.parametrize(
    "annotation",
    [b'<!DOCTYPE a [<!ENTITY x "boom">]><annotation>&x;</annotation>', b"", b"\xff\xfe", b"<a/>", bytes(2**20 + 1),
     voc(WHITE, width=0), voc(("WBC", "x", 1, 2, 3)), voc(("WBC", "nan", 1, 2, 3)), voc(("WBC", "inf", 1, 2, 3))],
)  # fmt: skip
def test_bccd_hostile_annotation_loses_its_field_only(annotation, tmp_path):
    source = bccd(tmp_path / "in", [voc(WHITE), annotation], {1: "Monocyte", 2: "Monocyte"})
    assert prepare("bccd", "--source", source, "--out", tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert (len(cells), list(rejected)) == (1, ["BloodImage_00002.png"])
    assert rejected["BloodImage_00002.png"].startswith(("boxes unreadable: ", "no white cell: "))


@pytest.mark.parametrize(
    ("layout", "files", "more", "expected"),
    [
        ("chula", {"a.png": b"x"}, (), "none of Chula's folders (WBC_Samples with train and valid) is here"),
        ("bccd", {"a.png": b"x"}, (), "none of BCCD's folders (JPEGImages and Annotations) is here"),
        ("bccd", {"JPEGImages/a.png": b"x", "Annotations/a.xml": b"x"}, (), "do not say which kind of white cell"),
        ("bccd", {"JPEGImages/a.png": b"x", "Annotations/a.xml": b"x"}, ("--field-um", 20), "--field-um: not for bccd"),
        ("jhu_21", {"a.png": b"x"}, (), 'no folder "Signed slides" is here; give the folder that holds Patient_'),
    ],
)
def test_wrong_folder_is_one_line(layout, files, more, expected, tmp_path):
    code, out, err = prepare(layout, "--source", write(tmp_path / "in", files), "--out", tmp_path / "out", *more)
    assert (code, out, len(err)) == (2, [], 1)
    assert expected in err[0]
    assert not (tmp_path / "out").exists()


def test_box_sets_are_counted_against_the_published_numbers(tmp_path):
    chula(tmp_path / "in")
    code, out, err = run("download", "chula", "--check", tmp_path / "in")
    assert (code, len(err)) == (2, 1)
    assert any(line.split() == ["lymphocyte", "1", "of", "111", "-110"] for line in out)
    assert "neutrophil 112" in err[0]


def jhu(seed):
    return picture(seed, 360, 363, "JPEG")


def test_jhu_the_folder_is_the_label_and_the_patient_the_group(tmp_path):
    signed = "Data/All/Patient_07/2019-01-01/Signed slides"
    files = {
        f"{signed}/Lymphocyte, variant/LY_1.jpg": jhu(1),
        f"{signed}/Blast, no lineage spec/NGS_2.jpg": jhu(2),
        f"{signed}/Promonocyte/PMO_3.jpg": jhu(3),
        f"{signed}/Lymphocyte/Thumbs.db": b"x",
        f"{signed}/Monocyte/MO_4.jpg": jhu(4)[:-2000],
        f"{signed}/Monocyte/MO_5.jpg": jhu(5),
        f"{signed}/Unheard of/MO_6.jpg": jhu(6),
        f"{signed}/MO_7.jpg": jhu(7),
        "Data/All/Patient_08/Signed slides/Band neutrophils/BNE_8.jpg": jhu(5),
        "Data/All/Patient_08/Signed slides/Smudge cells/S_9.jpg": jhu(9),
        "Data/All/Patient_08/Signed slides/Monocyte/small.jpg": picture(10, 224, 224, "JPEG"),
        "Data/All/Patient_08/Unsigned slides/Monocyte/MO_10.jpg": jhu(11),
        "Data/All/Signed slides/Monocyte/MO_11.jpg": jhu(12),
        "Data/readme.txt": b"x",
    }
    code, out, err = prepare("jhu_21", "--source", write(tmp_path / "in", files), "--out", tmp_path / "out")
    assert (code, err) == (0, [])
    _, cells, rejected = prepared(tmp_path / "out")
    assert [(row["label"], row["native_label"], row["group"]) for row in cells] == [
        ("myeloblast", "Blast, no lineage spec", "patient 07"),
        ("lymphocyte_atypical", "Lymphocyte, variant", "patient 07"),
        ("smudge_cell", "Smudge cells", "patient 08"),
    ]
    reasons = {name.rsplit("/", 1)[-1]: reason.partition(":")[0] for name, reason in rejected.items()}
    assert reasons == {
        "PMO_3.jpg": "dropped label Promonocyte", "Thumbs.db": "not an image", "MO_4.jpg": "truncated",
        "MO_5.jpg": "duplicates with different labels", "BNE_8.jpg": "duplicates with different labels",
        "MO_6.jpg": "unknown class folder", "MO_7.jpg": "not in a class folder", "small.jpg": "unexpected size",
        "MO_10.jpg": "no label", "MO_11.jpg": "no patient", "readme.txt": "not an image",
    }  # fmt: skip
    assert any("No licence grant was found" in line for line in out)


def test_jhu_is_not_offered_for_download(tmp_path):
    code, _, err = run("download", "jhu_21", "--out", tmp_path)
    assert (code, len(err)) == (2, 1)
    assert "invalid choice: 'jhu_21'" in err[0]


def test_box_crops_are_the_plain_crop(tmp_path):
    content = field([(700, 400, (10, 200, 30))], seed=8)
    chula(tmp_path / "in", {"train/images/Z_1.png": content, "train/labels/Z_1.txt": yolo((0, 700 / 1440, 400 / 900))})
    prepare("chula", "--source", tmp_path / "in", "--out", tmp_path / "out", "--size", 64)
    with (tmp_path / "out" / "cells.csv").open() as file:
        row = [one["source_file"] for one in csv.DictReader(file)].index("train/images/Z_1.png#0")
    with Image.open(tmp_path / "in" / "WBC_Samples" / "train" / "images" / "Z_1.png") as image:
        plain = image.resize((64, 64), Image.Resampling.BICUBIC, box=(560, 260, 840, 540))
    difference = np.abs(np.load(tmp_path / "out" / "images.npy")[row].astype(int) - np.asarray(plain))
    assert difference.mean() < 1.5
