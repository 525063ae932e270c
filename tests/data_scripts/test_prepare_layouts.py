"""The known layouts: labels, slides, traps of the real sets, and what each refuses."""

import numpy as np
import pytest
from support.fake_sets import colours, encoded, picture, prepare, prepared, write


def jpegs(root, names, width=360, height=363):
    return write(root, {name: picture(seed, width, height, "JPEG") for seed, name in enumerate(names)})


ACEVEDO = ("basophil/BA_1.jpg", "ig/MY_2.jpg", "ig/MMY_3.jpg", "ig/PMY_4.jpg", "neutrophil/BNE_5.jpg",
           "neutrophil/SNE_6.jpg", "monocyte/MO_7.jpg", "erythroblast/ERB_8.jpg", "lymphocyte/LY_9.jpg",
           "eosinophil/EO_10.jpg")  # fmt: skip


@pytest.mark.parametrize("below", ["", "PBC_dataset_normal_DIB", "download/PBC_dataset_normal_DIB"])
def test_acevedo_labels_are_whole_prefixes_wherever_the_set_lies(below, tmp_path):
    jpegs(tmp_path / "in" / below, ACEVEDO)
    write(tmp_path / "in", {"__MACOSX/PBC_dataset_normal_DIB/basophil/._BA_1.jpg": b"x"} if below else {})
    code, out, _ = prepare("acevedo_20", "--source", tmp_path / "in", "--out", tmp_path / "out")
    assert code == 0
    (line,) = [line for line in out if "licence" in line]
    assert "licence CC BY 4.0; cite Acevedo" in line
    _, cells, rejected = prepared(tmp_path / "out")
    labels = {row["source_file"]: row["label"] for row in cells}
    assert not rejected
    assert labels["ig/MY_2.jpg"] == "myelocyte"
    assert labels["ig/MMY_3.jpg"] == "metamyelocyte"
    assert labels["ig/PMY_4.jpg"] == "promyelocyte"
    assert labels["neutrophil/BNE_5.jpg"] == "neutrophil_band"
    assert {row["acquisition"] for row in cells} == {"main"}


def test_acevedo_traps(tmp_path):
    more = ("ig/IG_11.jpg", "neutrophil/NEUTROPHIL_12.jpg", "platelet/PLATELET_13.jpg", "neutrophil/XNE_14.jpg",
            "neutrophil/SNE.jpg")  # fmt: skip
    source = jpegs(tmp_path / "in", (*ACEVEDO, *more))
    write(source, {
        "neutrophil/.DS_169665.jpg": b"\0\0\0\1Bud1",
        "eosinophil/EO_20.jpg": picture(50, 366, 369, "JPEG"),
        "basophil/BA_21.jpg": picture(51, 360, 360, "JPEG"),
        "basophil/BA_22.jpg": picture(52, 224, 224, "JPEG"),
        "eosinophil/EO_23.jpg": picture(4, 360, 363, "JPEG"),
        "basophil/BA_24.jpg": picture(0, 360, 363, "JPEG"),
    })  # fmt: skip
    prepare("acevedo_20", "--source", source, "--out", tmp_path / "all")
    facts, cells, rejected = prepared(tmp_path / "all")
    assert facts["found"] == 21
    assert {file: reason.split(":")[0] for file, reason in rejected.items()} == {
        "ig/IG_11.jpg": "dropped label IG",
        "neutrophil/NEUTROPHIL_12.jpg": "dropped label NEUTROPHIL",
        "platelet/PLATELET_13.jpg": "dropped label PLATELET",
        "neutrophil/XNE_14.jpg": "unknown prefix",
        "neutrophil/SNE.jpg": "unknown prefix",
        "neutrophil/.DS_169665.jpg": "not an image",
        "basophil/BA_22.jpg": "unexpected size",
        "eosinophil/EO_23.jpg": "duplicates with different labels",
        "neutrophil/BNE_5.jpg": "duplicates with different labels",
        "basophil/BA_24.jpg": "duplicate",
    }
    assert "this set's pictures have 360x363 px; use the originals" in rejected["basophil/BA_22.jpg"]
    second = {row["source_file"] for row in cells if row["acquisition"] == "second"}
    assert second == {"eosinophil/EO_20.jpg", "basophil/BA_21.jpg"}
    prepare("acevedo_20", "--source", source, "--out", tmp_path / "main", "--main-batch")
    _, cells, rejected = prepared(tmp_path / "main")
    assert {row["acquisition"] for row in cells} == {"main"}
    assert rejected["eosinophil/EO_20.jpg"].startswith("second acquisition: 366x369 px, another colour; leave out")


def test_matek_codes_and_a_missing_folder_shifts_nothing(tmp_path):
    names = ["NGS/SNE_0001.tiff", "LYT/LY_2018_cool.tiff", "MYO/MYO_0001.tiff", "MOB/MOB_1.tiff", "PMB/PMB_1.tiff"]
    opaque = np.full((400, 400, 1), 255, dtype=np.uint8)
    files = {f"AML-Cytomorphology_LMU/{name}": encoded(np.concatenate([colours(400, 400, seed), opaque], 2), "TIFF")
             for seed, name in enumerate(names)}  # fmt: skip
    source = write(tmp_path / "PKG - AML-Cytomorphology_LMU", files)
    code, out, _ = prepare("matek_19", "--source", source, "--out", tmp_path / "out")
    assert code == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert {row["native_label"]: row["label"] for row in cells} == {
        "NGS": "neutrophil_segmented", "LYT": "lymphocyte_typical", "MYO": "myeloblast", "MOB": "monocyte"}  # fmt: skip
    assert list(rejected) == ["PMB/PMB_1.tiff"]
    note = next(line for line in out if line.startswith("note: matek_19 has no image of "))
    assert "basophil" in note
    assert "monocyte" not in note
    assert "keep their numbers" in note
    prepare("matek_19", "--source", source, "--out", tmp_path / "eleven", "--classes", 11)
    assert "MOB/MOB_1.tiff" in prepared(tmp_path / "eleven")[2]


def test_mll_both_spellings_and_dropped_classes(tmp_path):
    names = ["normoblast/a.TIF", "01-NORMO/b.TIF", "lymphocyte_reactive/c.TIF", "08-LYMPH-neo/d.TIF", "readme/i.TIF",
             "lymphocyte/e.TIF", "basophil/basophil/f.TIF", "hairy_cell/g.TIF", "16-PLZ/h.TIF"]  # fmt: skip
    write(tmp_path / "in", {name: picture(seed, 288, 288, "TIFF") for seed, name in enumerate(names)})
    assert prepare("mll_23", "--source", tmp_path / "in", "--out", tmp_path / "out", "--size", 96)[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert {row["source_file"][-5]: row["label"] for row in cells} == {
        "a": "erythroblast", "b": "erythroblast", "c": "lymphocyte_atypical", "d": "lymphocyte_atypical",
        "e": "lymphocyte_typical", "f": "basophil"}  # fmt: skip
    assert rejected["hairy_cell/g.TIF"].startswith("dropped label hairy_cell: ")
    assert rejected["16-PLZ/h.TIF"].startswith("dropped label 16-PLZ: ")
    assert rejected["readme/i.TIF"].startswith("unknown class folder: readme is none of this set's")


def test_raabin_is_grouped_by_slide_and_only_the_training_part_is_read(tmp_path):
    names = ["Train/Basophil/20190526_162951_0.jpg", "Train/Neutrophil/95-8-3-1_576_1.jpg", "Train/Monocyte/cell.jpg"]
    jpegs(tmp_path / "raabin", [*names, "TestA/Basophil/1_2_3.jpg"], 575, 575)
    assert prepare("raabin", "--source", tmp_path / "raabin", "--out", tmp_path / "out")[0] == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert [(row["label"], row["group"]) for row in cells] == [("basophil", "20190526"), ("neutrophil", "95-8-3-1")]
    assert rejected["Monocyte/cell.jpg"].startswith("no slide: ")


@pytest.mark.parametrize("name", ["acevedo_20", "matek_19", "mll_23", "raabin"])
def test_wrong_folder_is_one_line(name, tmp_path):
    write(tmp_path / "in", {"holiday/beach.jpg": picture()})
    code, _, err = prepare(name, "--source", tmp_path / "in", "--out", tmp_path / "out")
    assert (code, len(err)) == (2, 1)
    assert "none of this set's class folders" in err[0]
    assert "as --source" in err[0]


def test_set_that_lies_there_twice_is_not_guessed(tmp_path):
    for place in ("a", "b"):
        jpegs(tmp_path / "in" / place / "PBC_dataset_normal_DIB", ACEVEDO[:1])
    code, _, err = prepare("acevedo_20", "--source", tmp_path / "in", "--out", tmp_path / "out")
    assert (code, len(err)) == (2, 1)
    assert "holds the set more than once" in err[0]
