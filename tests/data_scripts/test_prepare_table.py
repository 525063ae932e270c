"""A user's own CSV: columns by any name, boxes, scales, padding, slides; every row is read or rejected."""

import doctest

import numpy as np
import pytest
from PIL import Image
from support.fake_sets import colours, encoded, picture, prepare, prepared, write


def table(tmp_path, text, *more, files=("a.png", "b.png", "c.png"), domain="mine", scale=0.1):
    """Prepare the table `text`; its pictures lie beside it: (exit code, lines on stdout, lines on stderr)."""
    write(tmp_path / "in", {name: picture(seed) for seed, name in enumerate(files)})
    content = text if isinstance(text, bytes) else text.encode()
    cells = write(tmp_path / "in", {"cells.csv": content}) / "cells.csv"
    given = [*(["--domain", domain] if domain else []), *(["--um-per-px", scale] if scale else [])]
    return prepare("table", "--cells", cells, "--out", tmp_path / "out", *given, *more)


def read(tmp_path, text, *more, **options):
    """The same, when it goes well: (rows of cells.csv, {file: reason}, notes)."""
    code, _, err = table(tmp_path, text, *more, **options)
    assert (code, err) == (0, [])
    facts, cells, rejected = prepared(tmp_path / "out")
    return cells, rejected, facts["notes"]


def refused(tmp_path, text, *more, **options):
    """The same, when nothing is prepared: the one line."""
    code, _, err = table(tmp_path, text, *more, **options)
    assert (code, len(err)) == (2, 1)
    assert not (tmp_path / "out").exists()
    return err[0]


def field(tmp_path, text, *more, scale=None):
    """Prepare rows that name field.png, 400 x 300 px, a red square of 100 px around (200, 150) on blue."""
    pixels = np.full((300, 400, 3), (0, 0, 255), np.uint8)
    pixels[100:200, 150:250] = (200, 30, 30)
    write(tmp_path / "in", {"field.png": encoded(pixels)})
    return table(tmp_path, text, "--size", 32, *more, scale=scale)


def test_examples_in_the_docstrings():
    from real_sets import cell_table

    result = doctest.testmod(cell_table)
    assert (result.failed, result.attempted > 0) == (0, True)


def test_rows_become_cells(tmp_path):
    text = "file,label,domain,group\na.png,BAS,lab one,s1\nb.png,Monocyte,,s2\nc.png,neutrophil-band,lab one,s1\n"
    cells, rejected, notes = read(tmp_path, text)
    assert [(row["label"], row["domain"], row["group"], row["source_file"], row["native_label"]) for row in cells] == [
        ("basophil", "lab one", "s1", "a.png", "BAS"), ("monocyte", "mine", "s2", "b.png", "Monocyte"),
        ("neutrophil_band", "lab one", "s1", "c.png", "neutrophil-band")]  # fmt: skip
    assert (rejected, notes) == ({}, [])


def test_picture_is_cut_as_in_a_folder(tmp_path):
    read(tmp_path, "file,label\na.png,BAS\n")
    source = write(tmp_path / "folder", {"BAS/a.png": picture(0)})
    prepare("folder", "--source", source, "--domain", "mine", "--um-per-px", 0.1, "--out", tmp_path / "other")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "images.npy"), np.load(tmp_path / "other" / "images.npy"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_and_column_names(delimiter, encoding, tmp_path):
    rows = [("Bild", "Zelle", "Maß"), ("ä.png", "BAS", "0.1"), ("b.png", "MON", "0.1")]
    text = "\n".join(delimiter.join(row) for row in rows).encode(encoding)
    cells, *_ = read(tmp_path, text, "--columns", "file=bild,label=Zelle,um_per_px=MASS".replace("MASS", "maß"),
                     files=("ä.png", "b.png"), scale=None)  # fmt: skip
    assert [row["source_file"] for row in cells] == ["ä.png", "b.png"]


def test_decimal_comma_is_read_and_thousands_are_not_guessed(tmp_path):
    text = "file;label;um_per_px\na.png;BAS;0,1\nb.png;BAS;1,234\nc.png;BAS;abc\n"
    cells, rejected, _ = read(tmp_path, text, scale=None)
    assert [row["source_file"] for row in cells] == ["a.png"]
    assert rejected["b.png"] == "bad number: um_per_px is '1,234'; write digits and a decimal point"
    assert rejected["c.png"].startswith("bad number: um_per_px is 'abc'")


def test_every_row_is_read_or_rejected_with_a_reason(tmp_path):
    rows = ["file,label,x,y,w,h", "a.png,BAS,,,,", "none.png,BAS,,,,", "b.png,cat,,,,", "c.png,,,,,", ",BAS,,,,",
            "b.png,MON,1,2,,", "b.png,MON,100,100,0,10", "b.png,MON,900,100,10,10", "b.png,MON,nan,100,10,10",
            "cells.csv,BAS,,,,"]  # fmt: skip
    text = "\n".join(rows) + "\n"
    cells, rejected, _ = read(tmp_path, text)
    assert len(cells) == 1
    with (tmp_path / "out" / "rejected.csv").open(encoding="utf-8") as file:
        reasons = sorted(line.split(",", 1)[1].strip().strip('"').partition(":")[0] for line in file)
    reasons.remove("reason")
    assert reasons == ["bad box", "bad number", "box not whole", "box outside", "label without image", "no file",
                       "no label", "not an image", "unknown label"]  # fmt: skip
    assert rejected["none.png"].endswith("name the folder of the pictures by --images")


def test_pictures_in_another_folder_are_found_by_their_names(tmp_path):
    write(tmp_path / "pictures", {"BAS/x.png": picture(7), "MON/y.png": picture(8)})
    text = "file,label\nBAS\\x.png,BAS\nY,MON\n"
    cells, *_ = read(tmp_path, text, "--images", tmp_path / "pictures")
    assert [row["source_file"] for row in cells] == ["BAS/x.png", "MON/y.png"]


def test_labels_are_translated(tmp_path):
    maps = write(tmp_path, {"map.csv": b"native,label\nBaso,BAS\nartefact,\n"}) / "map.csv"
    cells, rejected, _ = read(tmp_path, "file,label\na.png,baso\nb.png,MON\nc.png,artefact\n", "--labels", maps)
    assert [row["label"] for row in cells] == ["basophil", "monocyte"]
    assert rejected == {"c.png": "dropped label artefact: empty in map.csv"}
    maps.write_text("file,label\na.png,BAS\n")
    assert "expected the columns native,label" in refused(tmp_path / "2", "file,label\na.png,BAS\n", "--labels", maps)


def test_field_is_cut_around_the_centre_of_the_box(tmp_path):
    text = "file,label,x,y,w,h,um_per_px\nfield.png,BAS,190,130,20,40,0.25\nfield.png,MON,180,140,40,20,0.2\n"
    assert field(tmp_path, text, scale=7)[0] == 0  # the rows' own scale wins over the option's
    _, cells, _ = prepared(tmp_path / "out")
    images = np.load(tmp_path / "out" / "images.npy")
    assert [row["source_file"] for row in cells] == ["field.png#0", "field.png#1"]
    assert np.all(images[0][2:-2, 2:-2] == (200, 30, 30))  # 25 um are 100 px, the red square
    assert np.all(images[1][:2] == (0, 0, 255))  # 25 um are 125 px, 12.5 px more at each side
    assert np.all(images[1][5:-5, 5:-5] == (200, 30, 30))


def test_without_a_scale_the_box_is_the_field(tmp_path):
    code, out, _ = field(tmp_path, "file,label,x,y,w,h\nfield.png,BAS,150,120,100,60\n")
    assert code == 0
    assert np.all(np.load(tmp_path / "out" / "images.npy")[0][2:-2, 2:-2] == (200, 30, 30))
    assert "note: mine: rows without um_per_px: the square of the box stands for 25 um there" in out


def test_square_that_leaves_the_picture_is_refused_or_padded(tmp_path):
    text = "file,label,x,y,w,h\nfield.png,BAS,150,100,100,100\nfield.png,MON,-50,20,100,100\n"
    assert field(tmp_path / "1", text)[0] == 0
    rejected = prepared(tmp_path / "1" / "out")[2]
    assert rejected == {"field.png#1": "leaves the picture: the field of 100 px around (0, 70) reaches 50 px beyond "
                        "400x300 px; use --pad to fill it with the background's colour"}  # fmt: skip
    code, out, _ = field(tmp_path / "2", text.replace("-50,20", "350,100"), "--pad")
    assert code == 0
    assert any(
        line.startswith("note: 1 cells lie near the edge of their picture: what lies outside was") for line in out
    )
    image = np.load(tmp_path / "2" / "out" / "images.npy")
    assert len(image) == 2
    assert np.all(image[1] == (0, 0, 255))  # the colour of the four edges


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_padding_keeps_what_is_inside_in_its_place(kind, tmp_path):
    pixels = np.full((400, 400, 3), (230, 220, 225), np.uint8)
    pixels[:160, :160] = (90, 40, 140)  # a cell in the corner; the background is the commonest colour of the edges
    write(tmp_path / "in", {"f.img.jpg": encoded(pixels, kind)})
    text = "file,label,x,y,w,h\nf.img.jpg,BAS,-80,-80,320,320\n"
    assert table(tmp_path, text, "--pad", "--size", 32, scale=None)[0] == 0
    image = np.load(tmp_path / "out" / "images.npy")[0].astype(int)
    assert np.abs(image[9:23, 9:23] - (90, 40, 140)).max() <= 12  # 320 px become 32: the cell is from 8 to 24
    outside = np.concatenate([image[:7].reshape(-1, 3), image[:, :7].reshape(-1, 3), image[25:].reshape(-1, 3)])
    assert np.abs(outside - (230, 220, 225)).max() <= 12


def test_picture_smaller_than_the_field_is_padded(tmp_path):
    text = "file,label\na.png,BAS\n"
    assert "use --pad" in refused(tmp_path / "1", text, scale=0.08)
    cells, _, notes = read(tmp_path / "2", text, "--pad", scale=0.08)
    assert len(cells) == 1
    assert notes[0].startswith("1 cells lie near the edge")
    image = np.load(tmp_path / "2" / "out" / "images.npy")[0]
    small = np.asarray(Image.fromarray(colours(260, 260, 0)).resize((32, 32)))
    assert np.all(image[0] == image[-1])  # the frame
    assert abs(image[16:48, 16:48].mean() - small[8:24, 8:24].mean()) < 25


@pytest.mark.parametrize(("text", "message"), [
    ("file,label,group\na.png,BAS,s1\nb.png,BAS,\n", "1 of 2 rows of mine have no group, such as b.png"),
    ("file,label,x,y\na.png,BAS,1,2\n", "a box needs the four columns x, y, w, h, found only x, y"),
    ("name,label\na.png,BAS\n", "expected the columns file, label"),
    ("file,label\n", "holds no row below its first line"),
    ("file,label,domain\na.png,BAS,a+b\n", "line 2: the domain 'a+b' is no name for a laboratory"),
    ("file,label,um_per_px\na.png,BAS,10\n", "bad scale: um_per_px is 10, so that 25 um would be 2.5 pixels"),
])  # fmt: skip
def test_bad_table_is_one_line(text, message, tmp_path):
    assert message in refused(tmp_path, text)


def test_scale_and_laboratory_must_be_known(tmp_path):
    text = "file,label,domain,um_per_px\na.png,BAS,x,0.1\nb.png,BAS,,\n"
    assert "line 3: no laboratory is named" in refused(tmp_path / "1", text, domain=None)
    message = refused(tmp_path / "2", text, scale=None)
    assert "line 3: b.png has neither um_per_px nor a box" in message
    assert "use --um-per-px X" in message


def test_scale_for_all_is_compared_with_the_pictures(tmp_path):
    write(tmp_path / "in", {"d.png": picture(9, 260, 300)})
    text = "file,label\na.png,BAS\nd.png,MON\n"
    _, _, notes = read(tmp_path, text)
    assert notes == ["pictures of 2 sizes: 260x260 (1), 260x300 (1); --um-per-px 0.1 was used for all"]


def test_groups_may_be_missing_in_one_laboratory(tmp_path):
    cells, *_ = read(tmp_path, "file,label,domain,group\na.png,BAS,x,s1\nb.png,BAS,y,\nc.png,MON,x,s2\n")
    assert [row["group"] for row in cells] == ["s1", "", "s2"]


@pytest.mark.parametrize(("more", "message"), [
    (["--columns", "file"], "'file' is no pair such as label=class"),
    (["--columns", "picture=file"], "on the left stands one of file, label"),
    (["--columns", "file=a,label=a"], "the column 'a' is named twice"),
    (["--columns", "group=slide"], "expected the columns file, label, slide"),
    (["--source", "x"], "--source: not for table; leave it out"),
    (["--group-by", "(a)"], "--group-by: only for folder, boxes; leave it out"),
    (["--images", "none"], "no such folder; --images names the folder"),
    (["--domain", "a,b"], "--domain 'a,b'"),
])  # fmt: skip
def test_bad_usage_is_one_line(more, message, tmp_path):
    assert message in refused(tmp_path, "file,label\na.png,BAS\n", *more)


def test_options_of_the_table_are_refused_elsewhere(tmp_path):
    for more in (["--cells", "x"], ["--images", "x"], ["--columns", "file=x"], ["--pad"]):
        takers = "table, boxes" if more == ["--pad"] else "table"
        code, _, err = prepare("folder", "--source", "in", "--domain", "a", "--um-per-px", 1, "--out", "out", *more)
        assert (code, err) == (2, [f"error: {more[0]}: only for {takers}; leave it out"])
    (line,) = prepare("table", "--out", tmp_path / "out")[2]
    assert "table needs --cells, the table with the columns file and label" in line
