"""Bad pictures and bad labels in a user's own folder: each is rejected with one clear reason, and the counts add up."""

import os

import numpy as np
import pytest
from PIL import Image
from support.fake_sets import (
    colours,
    encoded,
    own_laboratory,
    picture,
    prepare,
    prepared,
    raw_png,
    tiff_of,
    write,
)

from wbc_tutorial.data.prepared import load_prepared

GREY = colours(260, 260)[..., 0]
BAD_FILES = {
    "empty-file": ("BAS/x.png", b"", "empty file: 0 bytes; fetch it again"),
    "text-named-png": ("BAS/x.png", b"hello", "unreadable: neither JPEG, PNG, TIFF nor another picture inside"),
    "truncated-jpeg": ("BAS/x.jpg", picture(9, kind="JPEG")[:-900], "truncated: "),
    "truncated-png": ("BAS/x.png", picture(9)[:-9000], "fetch it again"),
    "truncated-tiff": ("BAS/x.tif", picture(9, kind="TIFF")[:150_000], "fetch it again"),
    "damaged-png": ("BAS/x.png", picture(9)[:900] + bytes(900) + picture(9)[1800:], "fetch it again"),
    "grey": ("BAS/x.png", encoded(GREY), "grey: one channel, but the stain's colour is needed"),
    "grey-with-alpha": ("BAS/x.png", encoded(Image.fromarray(GREY).convert("LA")), "grey: one channel"),
    "grey-jpeg": ("BAS/x.jpg", encoded(GREY, "JPEG"), "grey: one channel"),
    "grey-saved-as-colour": ("BAS/x.png", encoded(np.stack([GREY] * 3, 2)), "grey: three equal channels"),
    "black-and-white": ("BAS/x.png", encoded(Image.fromarray(GREY).convert("1")), "grey: one channel"),
    "16-bit-grey": ("BAS/x.png", encoded(GREY.astype(np.uint16) * 257), "grey: one channel, but"),
    "16-bit-too-dark": ("BAS/x.tif", tiff_of(colours(260, 260).astype(np.uint16) * 8), "16-bit: its brightest value"),
    "float-grey-tiff": ("BAS/x.tif", encoded(GREY.astype(np.float32), "TIFF"), "grey: one channel, but"),
    "float-tiff": (
        "BAS/x.tif",
        tiff_of(colours(260, 260).astype(np.float32)),
        "format: this kind of TIFF (32-bit floats) is not read here; convert it to 8-bit RGB",
    ),
    "float-tiff-cut-off": ("BAS/x.tif", tiff_of(colours(260, 260).astype(np.float32))[:9000], "unreadable: neither"),
    "heic": ("BAS/x.jpg", b"\0\0\0\x18ftypheic" + bytes(99), "format: HEIC is not read here; convert it to 8-bit RGB"),
    "animated-gif": (
        "BAS/x.gif",
        encoded(colours(260, 260), "GIF", save_all=True, append_images=[Image.fromarray(colours(260, 260, 3))]),
        "several pages: 2 pictures in one file",
    ),
    "cmyk-jpeg": ("BAS/x.jpg", encoded(Image.fromarray(colours(260, 260)).convert("CMYK"), "JPEG"), "CMYK: "),
    "lab-tiff": ("BAS/x.tif", encoded(Image.new("LAB", (260, 260)), "TIFF"), "colour mode: LAB is not RGB; convert"),
    "zero-size": ("BAS/x.png", raw_png(0, 0, 8, 2), "fetch it again"),
    "pixel-bomb": ("BAS/x.png", raw_png(30_000, 30_000, 8, 2), "too large: the picture has"),
    "big-picture": ("BAS/x.png", raw_png(9_000, 9_000, 8, 2), "too large: the picture has 9000x9000 px"),
    "several-pages": (
        "BAS/x.tif",
        encoded(colours(260, 260), "TIFF", save_all=True, append_images=[Image.new("RGB", (260, 260))]),
        "several pages: 2 pictures in one file; save one picture per file",
    ),
    "too-small": ("BAS/x.png", picture(9, 200, 260), "too small: 200x260 px, but the field needs 250x250 px; use the"),
    "windows-thumbnails": ("BAS/Thumbs.db", b"x", "not an image: expected .jpg"),
    "mac-hidden-file": ("BAS/.DS_Store", b"x", "not an image: a hidden file"),
    "mac-resource-fork": ("__MACOSX/BAS/a.png", picture(9), "not an image: a hidden file"),
    "text-file": ("BAS/notes.txt", b"x", "not an image: expected .jpg"),
    "unknown-class-folder": ("blast/x.png", picture(9), "unknown class folder: blast; rename it to a class or code"),
    "outside-class-folders": ("x.png", picture(9), "not in a class folder: expected <class>/<image>"),
    "nested-folder": ("BAS/more/x.png", picture(9), "not in a class folder: expected <class>/<image>, found 2"),
    "identical": ("BAS/x.png", picture(1), "duplicate: the same pixels as BAS/b.png, which is kept"),
}


def own(source, out, *more):
    return prepare("folder", "--source", source, "--domain", "mine", "--um-per-px", 0.1, "--out", out, *more)


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file_is_rejected_with_its_reason(case, tmp_path):
    name, content, expected = BAD_FILES[case]
    source = write(own_laboratory(tmp_path / "in"), {name: content})
    code, out, err = own(source, tmp_path / "out")
    assert (code, err) == (0, [])
    facts, cells, rejected = prepared(tmp_path / "out")
    assert list(rejected) == [name]
    assert expected in rejected[name]
    assert [row["source_file"] for row in cells] == ["BAS/a.png", "BAS/b.png", "monocyte/c.png"]
    assert out[0] == "found 4 = read 3 + rejected 1"
    assert rejected[name] in out[1]
    assert facts["counts"] == {"mine": {"basophil": 2, "monocyte": 1}}


def test_identical_files_with_different_labels_are_all_rejected(tmp_path):
    source = write(own_laboratory(tmp_path / "in"), {"EOS/x.png": picture(0)})
    assert own(source, tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    reason = "duplicates with different labels: BAS/a.png (basophil), EOS/x.png (eosinophil); keep the right one"
    assert rejected == {"BAS/a.png": reason, "EOS/x.png": reason}
    assert [row["source_file"] for row in cells] == ["BAS/b.png", "monocyte/c.png"]


def test_links_and_special_files(tmp_path):
    source = own_laboratory(tmp_path / "in")
    os.symlink(tmp_path / "nowhere.png", source / "BAS" / "broken.png")
    os.mkfifo(source / "BAS" / "pipe.png")
    os.symlink(source, source / "BAS" / "loop")
    write(tmp_path / "elsewhere", {"e.png": picture(7)})
    os.symlink(tmp_path / "elsewhere", source / "EOS")
    assert own(source, tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert set(rejected) == {"BAS/broken.png", "BAS/pipe.png"}
    assert all(reason.startswith("not a file: ") for reason in rejected.values())
    assert [row["label"] for row in cells] == ["basophil", "basophil", "eosinophil", "monocyte"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_unreadable_permissions(tmp_path):
    source = own_laboratory(tmp_path / "in")
    (source / "BAS" / "a.png").chmod(0)
    assert own(source, tmp_path / "out")[0] == 0
    assert "unreadable: Permission denied" in prepared(tmp_path / "out")[2]["BAS/a.png"]


def test_table_of_folder_names_translates_and_drops(tmp_path):
    source = write(tmp_path / "in", {"Basos/a.png": picture(1), "junk/b.png": picture(2), "MON/c.png": picture(3)})
    (tmp_path / "map.csv").write_text("native,label\nBasos,BAS\njunk,\nabsent,EOS\n")
    code, out, _ = own(source, tmp_path / "out", "--labels", tmp_path / "map.csv")
    assert code == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert [(row["label"], row["native_label"]) for row in cells] == [("basophil", "Basos"), ("monocyte", "MON")]
    assert rejected == {"junk/b.png": "dropped label junk: empty in map.csv"}
    assert any("map.csv names the folder 'absent'" in line for line in out)


def test_slides_are_read_from_the_names_and_no_picture_without_one_slips_in(tmp_path):
    names = ("BAS/S1_1.png", "BAS/S2_2.png", "MON/S10_3.png", "MON/4.png", "MON/S_5.png")
    source = write(tmp_path / "in", {name: picture(i) for i, name in enumerate(names)})
    assert own(source, tmp_path / "out", "--group-by", r"(S\d*)_")[0] == 0
    assert [row["group"] for row in prepared(tmp_path / "out")[1]] == ["S1", "S2", "S10", "S"]
    assert own(source, tmp_path / "strict", "--group-by", r"/S(\d*)_")[0] == 0
    _, cells, rejected = prepared(tmp_path / "strict")
    assert [row["group"] for row in cells] == ["1", "2", "10"]
    assert sorted(rejected) == ["MON/4.png", "MON/S_5.png"]
    assert rejected["MON/4.png"].startswith("no group: nothing in the name fits --group-by /S(")
    assert load_prepared(tmp_path / "strict").groups.tolist() == ["1", "2", "10"]


def test_table_of_files_labels_without_images_and_images_without_labels(tmp_path):
    names = ("a.png", "b.png", "deep/c.png", "d.png", "e.png")
    source = write(tmp_path / "in", {name: picture(i) for i, name in enumerate(names)})
    (tmp_path / "map.csv").write_text(
        "file,label\na.png,BAS\nb.png,monocyte\nb.png,EOS\ndeep\\c.png,neutrophil\nd.png,\ngone.png,BAS\n"
        "../../etc/passwd,BAS\n"
    )
    assert own(source, tmp_path / "out", "--labels", tmp_path / "map.csv")[0] == 0
    facts, cells, rejected = prepared(tmp_path / "out")
    assert [(row["source_file"], row["label"]) for row in cells] == [
        ("a.png", "basophil"),
        ("deep/c.png", "neutrophil"),
    ]
    assert rejected["b.png"].startswith("two labels: monocyte and eosinophil in map.csv; keep one")
    assert rejected["d.png"] == "dropped: empty label in map.csv"
    assert rejected["e.png"] == "image without label: no row in map.csv; add one"
    assert rejected["gone.png"].startswith("label without image: map.csv names it")
    assert rejected["../../etc/passwd"].startswith("label without image: ")
    assert facts["found"] == 7


@pytest.mark.parametrize(
    ("classes", "kept", "reasons"),
    [
        (13, ["basophil", "lymphocyte_atypical", "neutrophil_band"], 0),
        (11, ["basophil", "neutrophil_band"], 1),
        (5, ["basophil", "lymphocyte", "neutrophil"], 0),
    ],
)
def test_label_space(classes, kept, reasons, tmp_path):
    files = {f"{code}/a.png": picture(i) for i, code in enumerate(("BAS", "LYA", "NGB"))}
    assert own(write(tmp_path / "in", files), tmp_path / "out", "--classes", classes)[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert [row["label"] for row in cells] == kept
    assert len(rejected) == reasons
    assert all(reason.startswith("outside 11 classes: ") for reason in rejected.values())
