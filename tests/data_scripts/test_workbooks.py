"""Tables in Excel workbooks: the same rows as from a CSV; what is no such workbook is one line."""

import datetime
import io
import sys
import zipfile

import openpyxl
import pytest
from real_sets.errors import BadInput
from real_sets.tables import read_table
from support.fake_sets import picture, prepare, prepared, write


def workbook(sheets):
    """The bytes of a workbook: sheet -> rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def rows_of(tmp_path, content, wanted=("file", "label")):
    path = write(tmp_path, {"cells.xlsx": content}) / "cells.xlsx"
    return read_table(path, set(wanted).issubset, f"the columns {', '.join(wanted)}")


def tampered(content, change):
    """The workbook with some members changed: name -> bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change.get(name, old.read(name)))
    return stream.getvalue()


GOOD = workbook({"cells": [["file", "label"], ["a.png", "BAS"]]})


def test_table_of_cells_from_a_workbook(tmp_path):
    rows = [["File", " Label ", "slide", "um_per_px"], ["a.png", "BAS", 7, 0.1], [None] * 4, ["b.png", "MON", 8.0, 0.1]]
    content = workbook({"notes": [["hello"]], "cells": rows})
    source = write(tmp_path / "in", {"cells.xlsx": content, "a.png": picture(0), "b.png": picture(1)})
    code, _, err = prepare("table", "--cells", source / "cells.xlsx", "--domain", "mine", "--columns", "group=slide",
                           "--out", tmp_path / "out")  # fmt: skip
    assert (code, err) == (0, [])
    facts, cells, rejected = prepared(tmp_path / "out")
    assert [(row["source_file"], row["label"], row["group"]) for row in cells] == [
        ("a.png", "basophil", "7"), ("b.png", "monocyte", "8")]  # fmt: skip
    assert rejected == {}
    assert facts["notes"] == [
        "cells.xlsx: the sheet 'cells' of the workbook was read; its other sheets were not read: 1"
    ]


def test_labels_of_folders_from_a_workbook(tmp_path):
    write(tmp_path, {"in/X/a.png": picture(0), "map.xlsx": workbook({"labels": [["native", "label"], ["X", "NGB"]]})})
    code, _, err = prepare("folder", "--source", tmp_path / "in", "--domain", "mine", "--um-per-px", 0.1, "--labels",
                           tmp_path / "map.xlsx", "--out", tmp_path / "out")  # fmt: skip
    assert (code, err) == (0, [])
    assert [row["label"] for row in prepared(tmp_path / "out")[1]] == ["neutrophil_band"]


def test_cells_become_the_text_that_a_person_sees(tmp_path):
    values = [
        "007",
        7,
        7.0,
        0.1,
        1e-3,
        True,
        datetime.datetime(2024, 5, 6),
        datetime.datetime(2024, 5, 6, 7, 8),
        " x ",
        None,
    ]
    head = ["file", "label", *(f"c{i}" for i in range(len(values)))]
    table = rows_of(tmp_path, workbook({"one": [head, ["a.png", "BAS", *values]]}))
    assert list(table.rows[0][1].values())[2:] == [
        "007", "7", "7", "0.1", "0.001", "True", "2024-05-06", "2024-05-06 07:08:00", "x", ""]  # fmt: skip
    assert table.rows[0][0] == 2


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]>'
BROKEN = b"<worksheet><sheetData><row>"
NO_BOOK = "not a readable Excel workbook"
BAD = {
    "other-columns": (workbook({"one": [["name", "class"]], "two": []}),
                      "expected the columns file, label in the first line of a sheet, found sheet 'one': "
                      "['class', 'name']; sheet 'two': nothing"),
    "not-a-zip": (b"PK\x03\x04rest", f"{NO_BOOK} (File is not a zip file); save it again as .xlsx, or"),
    "cut": (GOOD[:-200], NO_BOOK),
    "other-zip": (tampered(GOOD, {"[Content_Types].xml": b"<x/>"}), NO_BOOK),
    "entities": (tampered(GOOD, {"xl/worksheets/sheet1.xml": BOMB + b"<worksheet/>"}), "declares a document type"),
    "broken-sheet": (tampered(GOOD, {"xl/worksheets/sheet1.xml": BROKEN}), NO_BOOK),
    "column-twice": (workbook({"one": [["file", "label", "label"], ["a", "b", "c"]]}), "the column 'label' stands"),
    "more-fields": (workbook({"one": [["file", "label"], ["a", "b", "c"]]}),
                    "line 2: 3 fields, but the first line has 2; give each column a name"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_unreadable_workbook_is_one_line(case, tmp_path):
    content, expected = BAD[case]
    with pytest.raises(BadInput) as problem:
        rows_of(tmp_path, content)
    assert str(problem.value).startswith(str(tmp_path / "cells.xlsx"))
    assert expected in str(problem.value)
    assert "\n" not in str(problem.value)


def test_workbook_that_grows_when_unpacked_is_refused(tmp_path, monkeypatch):
    from real_sets import workbooks

    monkeypatch.setattr(workbooks, "_MAX_UNPACKED", 1000)
    with pytest.raises(BadInput, match=r"it unpacks to [\d,]+ bytes, the limit is 1,000"):
        rows_of(tmp_path, GOOD)


def test_without_openpyxl_the_fix_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(BadInput, match=r'python -m pip install -e "\.\[excel\]", or save it as CSV'):
        rows_of(tmp_path, GOOD)
