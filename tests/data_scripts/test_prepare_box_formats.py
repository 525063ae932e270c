"""A user's own pictures with boxes (YOLO, COCO, VOC): the same cells from each, each faulty box accounted for."""

import json
import os

import numpy as np
import pytest
from support.fake_sets import colours, encoded, picture, prepare, prepared, write

CELLS = ((150, 100, (200, 30, 30), "Baso"), (300, 200, (30, 160, 60), "MON"))
"""Two cells of 40 x 40 px, as (x, y) of the centre, colour, class; the field is 400 x 300 px."""


def field(seed=0, cells=CELLS):
    pixels = (colours(400, 300, seed) // 8 + 200).astype(np.uint8)
    for x, y, colour, _ in cells:
        pixels[y - 20 : y + 20, x - 20 : x + 20] = colour
    return encoded(pixels, compress_level=1)


def shares(x, y, width=40, height=40):
    return f"{x / 400} {y / 300} {width / 400} {height / 300}"


def coco(images, annotations, names=("Baso", "MON")):
    """A COCO file: `images` are (id, file name), `annotations` are (id, image id, class number, box)."""
    return json.dumps({
        "images": [{"id": key, "file_name": name, "width": 400, "height": 300} for key, name in images],
        "annotations": [{"id": a, "image_id": b, "category_id": c, "bbox": d} for a, b, c, d in annotations],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
    }).encode()  # fmt: skip


def voc(*boxes, size=(400, 300)):
    """A VOC file: `boxes` are (class, left, top, right, bottom)."""
    places = ("xmin", "ymin", "xmax", "ymax")
    objects = "".join(
        f"<object><name>{name}</name><bndbox>{''.join(f'<{p}>{v}</{p}>' for p, v in zip(places, box, strict=True))}"
        "</bndbox></object>" for name, *box in boxes)  # fmt: skip
    return f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size>{objects}</annotation>".encode()


YOLO = {
    "images/s1_a.png": field(),
    "labels/s1_a.txt": "".join(f"{i} {shares(x, y)}\n" for i, (x, y, *_) in enumerate(CELLS)).encode(),
    "data.yaml": b"path: ../elsewhere\nnc: 2\nnames: [Baso, MON]\n",
}
COCO = {
    "images/s1_a.png": field(),
    "boxes.json": coco([(7, "s1_a.png")], [(i, 7, i, [x - 20, y - 20, 40, 40]) for i, (x, y, *_) in enumerate(CELLS)]),
}
VOC = {
    "JPEGImages/s1_a.png": field(),
    "Annotations/s1_a.xml": voc(*((name, x - 20, y - 20, x + 20, y + 20) for x, y, _, name in CELLS)),
}
SETS = {"yolo": YOLO, "coco": COCO, "voc": VOC}
PICTURE = {"yolo": "images/s1_a.png", "coco": "images/s1_a.png", "voc": "JPEGImages/s1_a.png"}


def boxes(tmp_path, kind, files, *more, scale=0.5):
    """Prepare a folder: (exit code, lines on stdout, lines on stderr)."""
    write(tmp_path / "in", {"../map.csv": b"native,label\nBaso,BAS\nRBC,\n", **files})
    given = ["--um-per-px", scale] if scale else []
    return prepare("boxes", "--format", kind, "--source", tmp_path / "in", "--out", tmp_path / "out", "--size", 32,
                   "--domain", "mine", "--labels", tmp_path / "map.csv", *given, *more)  # fmt: skip


def read(tmp_path, kind, files, *more, **options):
    """The same, when it goes well: (rows of cells.csv, {file: reason})."""
    code, _, err = boxes(tmp_path, kind, files, *more, **options)
    assert (code, err) == (0, [])
    return prepared(tmp_path / "out")[1:]


def refused(tmp_path, kind, files, *more, **options):
    """The same, when nothing is prepared: the one line."""
    code, out, err = boxes(tmp_path, kind, files, *more, **options)
    assert (code, out, len(err)) == (2, [], 1)
    assert not (tmp_path / "out").exists()
    return err[0]


@pytest.mark.parametrize("kind", SETS)
def test_each_format_gives_the_same_cells(kind, tmp_path):
    cells, rejected = read(tmp_path, kind, SETS[kind], "--group-by", r"(s\d)_")
    assert [(row["source_file"], row["label"], row["native_label"], row["domain"], row["group"]) for row in cells] == [
        (f"{PICTURE[kind]}#0", "basophil", "Baso", "mine", "s1"),
        (f"{PICTURE[kind]}#1", "monocyte", "MON", "mine", "s1"),
    ]
    assert rejected == {}
    images = np.load(tmp_path / "out" / "images.npy")
    for image, (*_, colour, _) in zip(images, CELLS, strict=True):  # 25 um are 50 px: 5 px of background at each side
        assert np.all(image[5:-5, 5:-5] == colour)
        assert image[:2].min() > 190


@pytest.mark.parametrize("kind", SETS)
def test_without_a_scale_the_box_is_the_field(kind, tmp_path):
    code, out, _ = boxes(tmp_path, kind, SETS[kind], scale=None)
    assert code == 0
    images = np.load(tmp_path / "out" / "images.npy")
    assert all(np.all(image[3:-3, 3:-3] == colour) for image, (*_, colour, _) in zip(images, CELLS, strict=True))
    assert "note: mine: no --um-per-px: the square of the box stands for 25 um" in out
    assert not any("pictures were enlarged" in line for line in boxes(tmp_path / "2", kind, SETS[kind], "--size", 8)[1])


@pytest.mark.parametrize("kind", SETS)
def test_field_that_leaves_the_picture_is_refused_or_padded(kind, tmp_path):
    name = {"yolo": "labels/s1_a.txt", "coco": "boxes.json", "voc": "Annotations/s1_a.xml"}[kind]
    edge = {
        "yolo": f"1 {shares(200, 20)}\n0 {shares(150, 100)}\n".encode(),
        "coco": coco([(1, "s1_a.png")], [(1, 1, 1, [180, 0, 40, 40]), (2, 1, 0, [130, 80, 40, 40])]),
        "voc": voc(("MON", 180, 0, 220, 40), ("Baso", 130, 80, 170, 120)),
    }[kind]
    cells, rejected = read(tmp_path / "1", kind, SETS[kind] | {name: edge})
    assert [row["label"] for row in cells] == ["basophil"]
    assert rejected[f"{PICTURE[kind]}#0"].startswith(
        "leaves the picture: the field of 50 px around (200, 20) reaches 5"
    )
    assert len(read(tmp_path / "2", kind, SETS[kind] | {name: edge}, "--pad")[0]) == 2


@pytest.mark.parametrize("layout", [
    "{split}/images/a.png {split}/labels/a.txt", "images/{split}/a.png labels/{split}/a.txt",
    "{split}/a.png {split}/a.txt"])  # fmt: skip
def test_yolo_splits_with_the_same_names_are_kept_apart(layout, tmp_path):
    files = {"data.yaml": b"names:\n  0: Baso\n  1: MON\n"}
    for number, split in enumerate(("train", "val")):
        image, text = layout.format(split=split).split()
        files |= {image: field(number), text: f"{number} {shares(*CELLS[number][:2])}\n".encode()}
    cells, rejected = read(tmp_path, "yolo", files)
    assert [row["label"] for row in cells] == ["basophil", "monocyte"]
    assert rejected == {}
    image, text = layout.format(split="train").split()
    cells, rejected = read(tmp_path / "2", "yolo", {name: content for name, content in files.items() if name != text})
    assert [row["label"] for row in cells] == ["monocyte"]  # the text of val's a is not train's
    assert rejected == {image: "no boxes: there is no text file of boxes of this name; add it, or move the picture "
                        "elsewhere"}  # fmt: skip


@pytest.mark.parametrize(("name", "content"), [
    ("classes.txt", b"Baso\nMON\n"), ("labels/classes.txt", b"\xef\xbb\xbfBaso\r\nMON\r\n"),
    ("obj.names", b"Baso\nMON"), ("data.yaml", b"names: {0: Baso, 1: MON}\n"),
    ("dataset.yml", b"names:\n- Baso\n- MON\nnc: 2\n")])  # fmt: skip
def test_yolo_names_of_the_classes(name, content, tmp_path):
    files = {key: value for key, value in YOLO.items() if key != "data.yaml"} | {name: content}
    cells, rejected = read(tmp_path, "yolo", files)
    assert [row["native_label"] for row in cells] == ["Baso", "MON"]
    assert rejected == {}


def test_yolo_without_names_takes_the_numbers_from_the_table(tmp_path):
    files = {key: value for key, value in YOLO.items() if key != "data.yaml"}
    write(tmp_path / "in", files)
    arguments = (
        "boxes",
        "--format",
        "yolo",
        "--source",
        tmp_path / "in",
        "--out",
        tmp_path / "out",
        "--domain",
        "mine",
    )
    code, _, err = prepare(*arguments)
    assert (code, len(err)) == (2, 1)
    assert "neither data.yaml nor classes.txt says which class a number is" in err[0]
    write(tmp_path, {"numbers.csv": b"native,label\n0,BAS\n1,MON\n"})
    assert prepare(*arguments, "--um-per-px", 0.5, "--labels", tmp_path / "numbers.csv")[0] == 0
    assert [row["label"] for row in prepared(tmp_path / "out")[1]] == ["basophil", "monocyte"]


BAD_LINES = {
    f"9 {shares(150, 100)}": "unknown class number: 9 has no name in data.yaml; add it, or correct the number",
    "0 1.5 .5 .1 .1": "bad box: s1_a.txt, line 3, has a number out of its range",
    "0 nan .5 .1 .1": "bad box: s1_a.txt, line 3, has a number out of its range",
    "0 .5 .5 -.1 .1": "bad box: s1_a.txt, line 3, has a number out of its range",
    "0 .5 .5 .1 0": "bad box: s1_a.txt, line 3, has a number out of its range",
    "0 .5 .5 .1": "bad box: s1_a.txt, line 3, is not <class> <x> <y> <width> <height>; write boxes, not outlines",
    "0 .1 .1 .2 .1 .2 .2 .1 .2": "line 3, is not <class> <x> <y> <width> <height>",
    "Baso .5 .5 .1 .1": "line 3, is not <class> <x> <y> <width> <height>",
    "-1 .5 .5 .1 .1": "line 3, is not <class> <x> <y> <width> <height>",
    "0 .5 .5 .001 .001": "bad box: its longer side has 0.4 px; expected 4 to 4000",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_yolo_bad_line_loses_its_box_only(line, tmp_path):
    files = YOLO | {"labels/s1_a.txt": YOLO["labels/s1_a.txt"] + line.encode() + b"\n"}
    cells, rejected = read(tmp_path, "yolo", files, scale=None)
    assert len(cells) == 2
    assert list(rejected) == ["images/s1_a.png#2"]
    assert BAD_LINES[line] in rejected["images/s1_a.png#2"]


def test_yolo_every_file_is_accounted_for(tmp_path):
    files = YOLO | {
        "images/b.png": field(1), "images/c.png": field(2), "labels/c.txt": b"\n", "labels/d.txt": b"0 .5 .5 .1 .1\n",
        "images/e.png": field(3), "labels/e.txt": b"\xff\xfe", "notes.doc": b"x", "README.dataset.txt": b"by hand",
        "images/f.png": b"no picture", "labels/f.txt": f"0 {shares(150, 100)}".encode(), "labels/._c.txt": b"\0\5",
        "images/g.png": field(4), "labels/g.txt": b"0 .1 .1 .1 .1\n", "images/g.txt": b"1 .1 .1 .1 .1\n",
    }  # fmt: skip
    cells, rejected = read(tmp_path, "yolo", files)
    assert len(cells) == 2
    assert {name: reason.partition(":")[0] for name, reason in rejected.items()} == {
        "images/b.png": "no boxes", "images/c.png": "no cell", "labels/d.txt": "boxes without image",
        "images/e.png": "boxes unreadable", "notes.doc": "not an image", "README.dataset.txt": "not an image",
        "images/f.png#0": "unreadable", "labels/._c.txt": "not an image", "images/g.png": "boxes not certain",
    }  # fmt: skip
    assert "images/g.txt and labels/g.txt hold its boxes" in rejected["images/g.png"]


@pytest.mark.parametrize(("name", "content", "message"), [
    ("data.yaml", b"names: [Baso", "data.yaml: no readable YAML"),
    ("data.yaml", b"[" * 200_000, "data.yaml: no readable YAML"),
    ("data.yaml", b"names: !!python/object/apply:os.system ['touch hacked']", "no picture left, all 2 found were"),
    ("data.yaml", b"a: &a [x, x]\nnames: [*a, *a]", "expected the entry names with the name of each class"),
    ("data.yaml", b"nc: 3\nnames: [Baso, MON]", "nc is 3, but names holds 2"),
    ("data.yaml", b"just text", "expected the entry names"),
    ("data.yaml", b"\xff\xfe\x00", "no readable list of class names"),
    ("classes.txt", b"Baso\nEOS\n", "data.yaml: names other classes than classes.txt; keep the right file"),
    ("classes.txt", b"Baso\n\nMON\n", "classes.txt: expected the name of one class in each line"),
])  # fmt: skip
def test_yolo_bad_names_are_one_line(name, content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in refused(tmp_path, "yolo", YOLO | {name: content})
    assert not (tmp_path / "hacked").exists()


def annotated(*more, images=((7, "s1_a.png"),)):
    """The COCO set with one good box, image 8 `t.png`, and these annotations: (box number 1 on, as dicts)."""
    good = {"id": 1, "image_id": 7, "category_id": 0, "bbox": [130, 80, 40, 40]}
    content = json.loads(coco(images, []))
    content["annotations"] = [good, *more]
    return COCO | {"boxes.json": json.dumps(content).encode()}


NUL = {"id": 2, "image_id": 7, "category_id": 1, "bbox": [280, 180, 40, 40]}
BAD_ANNOTATIONS = {
    "unknown-class": ({"category_id": 5}, "images/s1_a.png#1", "unknown class number: no category has the id 5"),
    "class-is-a-list": ({"category_id": [1]}, "images/s1_a.png#1", "unknown class number: no category has the id [1]"),
    "no-image": ({"image_id": 9}, "boxes.json#annotation 2", "box without image: no image has the id 9"),
    "image-is-a-list": ({"image_id": []}, "boxes.json#annotation 2", "box without image: no image has the id []"),
    "not-a-number": ({"bbox": [float("nan"), 1, 40, 40]}, "images/s1_a.png#1", "are not four numbers"),
    "endless": ({"bbox": [1, 1, float("inf"), 40]}, "images/s1_a.png#1", "are not four numbers"),
    "text": ({"bbox": ["1", 1, 40, 40]}, "images/s1_a.png#1", "are not four numbers"),
    "negative": (
        {"bbox": [280, 180, -40, 40]},
        "images/s1_a.png#1",
        "bad box: -40x40 px; its width and height must be",
    ),
    "three-numbers": ({"bbox": [1, 2, 3]}, "images/s1_a.png#1", "bad box: bbox is [1, 2, 3], expected [left, top,"),
    "no-box": ({"bbox": None}, "images/s1_a.png#1", "bad box: bbox is None"),
    "crowd": ({"iscrowd": 1}, "images/s1_a.png#1", "several cells: the annotation is a crowd"),
    "outside": ({"bbox": [900, 180, 40, 40]}, "images/s1_a.png#1", "box outside: its centre (920, 200) is not in the"),
    "huge": ({"bbox": [0, 0, 10**40, 1]}, "images/s1_a.png#1", "are not four numbers"),
}


@pytest.mark.parametrize("case", BAD_ANNOTATIONS)
def test_coco_bad_annotation_loses_its_box_only(case, tmp_path):
    change, name, reason = BAD_ANNOTATIONS[case]
    cells, rejected = read(tmp_path, "coco", annotated(NUL | change))
    assert len(cells) == 1
    assert list(rejected) == [name]
    assert reason in rejected[name]


def test_coco_ids_that_stand_twice(tmp_path):
    other = NUL | {"bbox": [100, 200, 40, 40]}
    cells, rejected = read(tmp_path / "1", "coco", annotated(NUL, other))
    assert len(cells) == 1
    assert {reason.partition(";")[0] for reason in rejected.values()} == {
        "two boxes: several annotations have the id 2"
    }
    cells, rejected = read(tmp_path / "2", "coco", annotated(NUL, NUL))  # the same twice is one cell
    assert (len(cells), list(rejected)) == (2, ["images/s1_a.png#2"])
    assert rejected["images/s1_a.png#2"].startswith("duplicate: the same pixels")
    files = annotated(NUL | {"image_id": 8}, images=[(7, "s1_a.png"), (8, "b.png"), (8, "c.png")])
    cells, rejected = read(tmp_path / "3", "coco", files | {"images/b.png": field(1), "images/c.png": field(2)})
    assert len(cells) == 1
    assert rejected["boxes.json#annotation 2"].startswith("box without image: 2 images have the id 8")
    assert rejected["images/b.png"].startswith("no cell")


def test_coco_pictures_are_only_those_of_the_folder(tmp_path):
    write(tmp_path, {"secret.png": field(5)})
    names = ["../secret.png", str(tmp_path / "secret.png"), "images/../../secret.png", "gone.png", ""]
    images = [(7, "s1_a.png"), *enumerate(names, start=20)]
    content = annotated(*({"id": 50 + i, "image_id": 20 + i, "category_id": 0, "bbox": [130, 80, 40, 40]}
                          for i in range(5)), images=images)  # fmt: skip
    cells, rejected = read(tmp_path, "coco", content)
    assert [row["source_file"] for row in cells] == ["images/s1_a.png#0"]
    kinds = sorted(reason.partition(":")[0] for reason in rejected.values())
    assert kinds == ["bad entry", "box without image", *["boxes without image"] * 4]


def test_coco_one_file_for_each_folder(tmp_path):
    files = {}
    for number, split in enumerate(("train", "valid")):
        x, y, *_ = CELLS[number]
        files[f"{split}/a.png"] = field(number)
        files[f"{split}/_annotations.coco.json"] = coco([(0, "a.png")], [(0, 0, number, [x - 20, y - 20, 40, 40])])
    cells, rejected = read(tmp_path, "coco", files)
    assert [(row["source_file"], row["label"]) for row in cells] == [("train/a.png#0", "basophil"),
                                                                    ("valid/a.png#0", "monocyte")]  # fmt: skip
    assert rejected == {}
    files["boxes.json"] = coco([(0, "a.png")], [(0, 0, 0, [1, 1, 40, 40])])
    rejected = read(tmp_path / "2", "coco", files)[1]
    assert "the picture a.png fits train/a.png and valid/a.png" in rejected["boxes.json#a.png#0"]


@pytest.mark.parametrize(("content", "message"), [
    (b"", "boxes.json: it is no JSON"), (b"[1, 2", "boxes.json: it is no JSON"), (b"[" * 100_000, "it is no JSON"),
    (b"[1]", "it is no COCO file: images, annotations, categories missing"), (b"\xff\xfe", "it is no JSON"),
    (b'{"images": [], "annotations": {}}', "it is no COCO file: annotations, categories missing"),
    (b'{"images": [3], "annotations": [], "categories": []}', "the list images holds something else than objects"),
    (b'{"images": [], "annotations": [], "categories": [{"id": 1}]}', "has no id or no name; correct it"),
    (b'{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}',
     "its category 1 has two names, a and b; keep one"),
    (b'{"images": [{"id": ' + b"9" * 5000 + b"}]}", "it is no JSON"),
])  # fmt: skip
def test_coco_other_json_is_one_line(content, message, tmp_path):
    assert message in refused(tmp_path, "coco", COCO | {"boxes.json": content})


BOMB = '<!DOCTYPE a [<!ENTITY x "boom"><!ENTITY y "&x;&x;&x;">]><annotation><size/>&y;</annotation>'


@pytest.mark.parametrize(("content", "reason"), [
    (BOMB.encode(), "declares a document type"), (BOMB.encode("utf-16"), "declares a document type"),
    (b"", "it is no XML"), (b"<annotation>", "it is no XML"), (b"<?xml version='1.0' encoding='none'?><a/>", "no XML"),
    (b"<a/>" + bytes(2**20), "the limit is"),
])  # fmt: skip
def test_voc_hostile_file_loses_its_picture_only(content, reason, tmp_path):
    files = VOC | {"JPEGImages/b.png": field(1), "Annotations/b.xml": content}
    cells, rejected = read(tmp_path, "voc", files)
    assert len(cells) == 2
    assert list(rejected) == ["JPEGImages/b.png"]
    assert rejected["JPEGImages/b.png"].startswith("boxes unreadable: b.xml cannot be read")
    assert reason in rejected["JPEGImages/b.png"]


@pytest.mark.parametrize(("box", "reason"), [
    (("Baso", "nan", 1, 30, 30), "are not four numbers"), (("Baso", "x", 1, 30, 30), "are not four numbers"),
    (("Baso", 30, 1, 10, 30), "bad box: -20x29 px"), (("Baso", 900, 1, 940, 40), "box outside"),
    (("", 130, 80, 170, 120), "no label: the box has no class"), (("Blob", 130, 80, 170, 120), "unknown label: Blob"),
    (("RBC", 130, 80, 170, 120), "dropped label RBC: empty in map.csv"), (("Baso", 1, 1, 2), "are not four numbers"),
])  # fmt: skip
def test_voc_bad_box_loses_itself_only(box, reason, tmp_path):
    box = (*box, *[""] * (5 - len(box)))
    cells, rejected = read(tmp_path, "voc", VOC | {"Annotations/s1_a.xml": voc(("Baso", 130, 80, 170, 120), box)})
    assert len(cells) == 1
    assert list(rejected) == ["JPEGImages/s1_a.png#1"]
    assert reason in rejected["JPEGImages/s1_a.png#1"]


@pytest.mark.parametrize("kind", ["coco", "voc"])
def test_boxes_of_another_size_of_the_picture_are_refused(kind, tmp_path):
    message = refused(tmp_path, kind, SETS[kind] | {PICTURE[kind]: picture(3, 200, 150)})
    assert "unexpected size: 200x150 px, but this set's pictures have 400x300 px" in message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipe_in_place_of_boxes_is_not_waited_for(tmp_path):
    write(tmp_path / "in", YOLO | {"images/b.png": field(1)})
    os.mkfifo(tmp_path / "in" / "labels" / "b.txt")
    rejected = read(tmp_path, "yolo", {})[1]
    assert rejected["labels/b.txt"].startswith("not a file")
    assert rejected["images/b.png"].startswith("no boxes")


@pytest.mark.parametrize(("kind", "files", "message"), [
    ("yolo", {"a.png": b"x"}, "holds no text file of boxes; YOLO stores images/a.jpg with labels/a.txt"),
    ("coco", {"a.png": b"x"}, "holds no JSON file; COCO stores all boxes in one"),
    ("voc", {"a.png": b"x"}, "holds no XML file of boxes; Pascal VOC stores"),
    ("voc", VOC | {"JPEGImages/s1_a.png": b""}, "no picture left, all 2 found were rejected, 2 as empty file"),
])  # fmt: skip
def test_folder_without_boxes_is_one_line(kind, files, message, tmp_path):
    assert message in refused(tmp_path, kind, files)


@pytest.mark.parametrize(("more", "message"), [
    (["--format", "zip"], "argument --format: invalid choice: 'zip'"),
    (["--um-per-px", "50"], "--um-per-px 50: 25 um would be 0.5 pixels"),
    (["--group-by", "a"], "--group-by 'a': expected a regular expression with one bracket"),
    (["--domain", "a+b"], "--domain 'a+b': it holds '+'"),
    (["--cells", "x.csv"], "--cells: only for table; leave it out"),
    (["--labels", "{}/file.csv"], "file.csv: expected the columns native,label: a picture holds cells of several"),
    (["--source", "{}/none"], "no such folder; --source names the folder of the pictures and their boxes"),
])  # fmt: skip
def test_bad_usage_is_one_line(more, message, tmp_path):
    write(tmp_path, {"file.csv": b"file,label\na.png,BAS\n"})
    assert message in refused(tmp_path, "yolo", YOLO, *[text.format(tmp_path) for text in more])


def test_what_boxes_need_is_said():
    code, _, err = prepare("boxes", "--out", "out")
    assert (code, err) == (2, [
        "error: boxes needs --source, the folder of the pictures, and --format, how the boxes are stored, yolo, coco "
        "or voc, and --domain, a name for the laboratory; see prepare.py --help"])  # fmt: skip
