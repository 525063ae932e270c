"""Labels that contradict one another, whatever way they came in: refused, and listed with the reason."""

import os

import numpy as np
import pytest
from support.fake_sets import colours, encoded, pack, picture, png_of, prepare, prepared, write

from wbc_tutorial.data.classes import CLASSES_11
from wbc_tutorial.data.prepared import load_prepared

PIXELS = colours(260, 260, 1)
OTHER_FORM = {  # the same pixels as a.png, in another file
    "same-bytes": ("b.png", lambda first: first.read_bytes()),
    "other-compression": ("b.png", lambda _: encoded(PIXELS, compress_level=9)),
    "other-format": ("b.bmp", lambda _: encoded(PIXELS, "BMP")),
    "other-format-without-loss": ("b.webp", lambda _: encoded(PIXELS, "WEBP", lossless=True)),
    "fourth-channel": ("b.tif", lambda _: encoded(np.dstack([PIXELS, PIXELS[..., 0]]), "TIFF")),
    "bytes-at-the-end": ("b.png", lambda first: first.read_bytes() + bytes(9)),
    "16-bit": ("b.png", lambda _: png_of(PIXELS.astype(np.uint16) * 257)),
}
LINKS = {
    "hard-link": os.link,
    "link": os.symlink,
    "link-to-the-folder": lambda first, second: (second.parent.rmdir(), os.symlink(first.parent, second.parent)),
}


def own(source, out, *more):
    return prepare("folder", "--source", source, "--domain", "mine", "--um-per-px", 0.1, "--out", out, *more)


def two_places(tmp_path, how, label):
    """Put the picture BAS/a.png a second time into the folder of another label; (cells, rejected)."""
    source = write(tmp_path / "in", {"BAS/a.png": encoded(PIXELS), "MON/c.png": picture(3)})
    first, folder = source / "BAS" / "a.png", source / label
    folder.mkdir(exist_ok=True)
    if how in LINKS:
        LINKS[how](first, folder / "b.png")
    else:
        name, content = OTHER_FORM[how]
        (folder / name).write_bytes(content(first))
    assert own(source, tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    return [row["source_file"] for row in cells], rejected


@pytest.mark.parametrize("how", [*OTHER_FORM, *LINKS])
def test_one_picture_with_two_labels_is_left_out(how, tmp_path):
    cells, rejected = two_places(tmp_path, how, "EOS")
    assert cells == ["MON/c.png"]
    assert len(rejected) == 2
    for reason in rejected.values():
        assert reason.startswith("duplicates with different labels: BAS/a.png (basophil), EOS/")
        assert reason.endswith(" (eosinophil); keep the right one")


@pytest.mark.parametrize("how", [*OTHER_FORM, "hard-link", "link"])
def test_one_picture_twice_with_one_label_is_kept_once(how, tmp_path):
    cells, rejected = two_places(tmp_path, how, "basophil")
    assert cells == ["BAS/a.png", "MON/c.png"]
    assert list(rejected.values()) == ["duplicate: the same pixels as BAS/a.png, which is kept"]


def test_links_in_circles_end(tmp_path):
    source = write(tmp_path / "in", {"BAS/a.png": picture(1), "EOS/b.png": picture(2)})
    os.symlink(source / "EOS", source / "BAS" / "eos")
    os.symlink(source / "BAS", source / "EOS" / "bas")
    os.symlink(source, source / "EOS" / "top")
    assert own(source, tmp_path / "out")[0] == 0
    _, cells, _ = prepared(tmp_path / "out")
    assert {row["source_file"] for row in cells} <= {"BAS/a.png", "EOS/b.png"}


def test_maze_of_links_is_refused(tmp_path):
    source = write(tmp_path / "in", {f"{i}/a.png": picture(i) for i in range(9)})
    for i in range(9):
        for j in range(9):
            os.symlink(source / str(j), source / str(i) / f"to{j}")
    code, _, err = own(source, tmp_path / "out")
    assert (code, len(err)) == (2, 1)
    assert "links lead to this folder more than 20 times; remove the links" in err[0]


@pytest.mark.parametrize(
    ("folder", "label", "kept"),
    [("BAS", "EOS", None), ("EOS", "eosinophil", "eosinophil"), ("neutrophil", "NGB", "neutrophil_band"),
     ("NGS", "neutrophil", "neutrophil"), ("NGS", "NGB", None), ("lymphocyte", "NGS", None), ("x", "NGB",
                                                                                           "neutrophil_band")],
)  # fmt: skip
def test_table_of_files_against_the_class_folder(folder, label, kept, tmp_path):
    source = write(tmp_path / "in", {f"{folder}/a.png": picture(1), "x/b.png": picture(2)})
    (tmp_path / "map.csv").write_text(f"file,label\n{folder}/a.png,{label}\nx/b.png,BAS\n")
    assert own(source, tmp_path / "out", "--labels", tmp_path / "map.csv")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert {row["source_file"]: row["label"] for row in cells}.get(f"{folder}/a.png") == kept
    if kept is None:
        assert rejected[f"{folder}/a.png"].startswith("two labels: ")
        assert rejected[f"{folder}/a.png"].endswith(f" in map.csv, but its folder is {folder}; keep one")


def test_rows_for_one_folder_in_other_case_that_disagree(tmp_path):
    source = write(tmp_path / "in", {"Seg/a.png": picture(1), "x/b.png": picture(2)})
    (tmp_path / "map.csv").write_text("native,label\nSEG,NGS\nseg,NGB\nx,MON\n")
    assert own(source, tmp_path / "out", "--labels", tmp_path / "map.csv")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert [row["label"] for row in cells] == ["monocyte"]
    assert rejected == {"Seg/a.png": "two labels: neutrophil_segmented and neutrophil_band in map.csv; keep one"}


def test_prefix_against_folder_and_folder_in_folder(tmp_path):
    jpeg = [picture(seed, 360, 363, "JPEG") for seed in range(4)]
    write(tmp_path / "acevedo", {"basophil/BA_1.jpg": jpeg[0], "basophil/EO_2.jpg": jpeg[1], "ig/MY_3.jpg": jpeg[2]})
    assert prepare("acevedo_20", "--source", tmp_path / "acevedo", "--out", tmp_path / "one")[0] == 0
    _, cells, rejected = prepared(tmp_path / "one")
    assert [row["label"] for row in cells] == ["basophil", "myelocyte"]
    assert rejected["basophil/EO_2.jpg"].startswith("two labels: the file's prefix is EO, but its folder is basophil")
    tiff = [picture(seed, 288, 288, "TIFF") for seed in range(3)]
    write(tmp_path / "mll", {"basophil/eosinophil/a.TIF": tiff[0], "monocyte/monocyte/b.TIF": tiff[1]})
    assert prepare("mll_23", "--source", tmp_path / "mll", "--out", tmp_path / "two")[0] == 0
    _, cells, rejected = prepared(tmp_path / "two")
    assert [row["label"] for row in cells] == ["monocyte"]
    assert rejected["basophil/eosinophil/a.TIF"].startswith("two labels: its folders are basophil and eosinophil")


def test_copies_of_another_laboratory_are_told(tmp_path):
    files = {f"BAS/{i}.png": picture(i) for i in range(3)} | {"MON/x.png": picture(9)}
    source = write(tmp_path / "in", files)
    copied = encoded(colours(260, 260, 1), "BMP")
    other = write(tmp_path / "copy", {"EOS/first.bmp": copied, "EOS/new.png": picture(20)})
    data, unseen = tmp_path / "data", ("--domain", "unseen_lab")
    _, out, _ = own(source, data / "train")
    assert not any("unseen" in line for line in out)
    write(data, {"damaged/cells.csv": b"\xff\xfe\0", "empty/cells.csv": b"", "foreign/cells.csv": b"a,b\n1,2\n"})
    _, out, _ = own(other, data / "two", *unseen)
    expected = ("1 of 2 images of unseen_lab are also images of mine (in train): where one of the two is trained on, "
                "the other is no unseen laboratory")  # fmt: skip
    assert [line for line in out if line.startswith("note: ")] == [f"note: {expected}"]
    assert prepared(data / "two")[0]["notes"] == [expected]
    _, out, _ = own(other, data / "two", *unseen, "--overwrite")
    assert len([line for line in out if "no unseen laboratory" in line]) == 1
    for again in (("--size", 32, *unseen), ("--domain", "mine")):  # cannot be compared; the same laboratory once more
        _, out, _ = own(other, data / str(again[1]), *again)
        assert not any("is also" in line or "of mine (in train)" in line for line in out)


def test_same_picture_in_two_laboratories_of_one_pack(tmp_path):
    same, other = picture(1, 112, 112, "JPEG"), picture(2, 112, 112, "JPEG")
    source = pack(tmp_path / "packs", "chula", [("BAS", "basophil", "s1", 300, 300, "BAS/a.jpg", same)])
    pack(source, "bccd", [("BAS", "basophil", "", 300, 300, "BAS/b.jpg", same),
                          ("EOS", "eosinophil", "", 300, 300, "EOS/c.jpg", other)])  # fmt: skip
    assert prepare("packs", "--source", source, "--out", tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert [row["source_file"] for row in cells] == ["chula/BAS/a.jpg", "bccd/EOS/c.jpg"]
    assert rejected["bccd/BAS/b.jpg"] == "duplicate: the same pixels as chula/BAS/a.jpg, which is kept"


def test_monoblasts_are_left_out_of_11_classes_wherever_they_are_counted(tmp_path):
    opaque = np.full((400, 400, 1), 255, dtype=np.uint8)
    files = {f"AML-Cytomorphology_LMU/{name}_1.tiff": encoded(np.concatenate([colours(400, 400, i), opaque], 2), "TIFF")
             for i, name in enumerate(("MOB/MOB", "MON/MON", "NGS/NGS", "LYA/LYA"))}  # fmt: skip
    source = write(tmp_path / "in", files)
    for classes in (13, 11):
        arguments = ("--source", source, "--out", tmp_path / str(classes), "--classes", classes)
        assert prepare("matek_19", *arguments)[0] == 0
    all_13, all_11 = (load_prepared(tmp_path / name, classes=CLASSES_11) for name in ("13", "11"))
    assert len(load_prepared(tmp_path / "13")) == 4
    np.testing.assert_array_equal(all_13.images[:], all_11.images[:])
    np.testing.assert_array_equal(all_13.labels, all_11.labels)
    assert len(all_11) == 2


def test_near_copies_are_kept(tmp_path):
    nearly = PIXELS.copy()
    nearly[100:160, 100:160] ^= 255
    files = {"BAS/a.png": encoded(PIXELS), "EOS/b.png": encoded(nearly)}
    assert own(write(tmp_path / "in", files), tmp_path / "out")[0] == 0
    assert len(prepared(tmp_path / "out")[1]) == 2
