"""Tables as spreadsheets save them, and what is no table: read, or refused with one line."""

import os
import sys

import pytest
from real_sets.errors import BadInput, one_line_errors
from real_sets.labels import read_label_table
from real_sets.names import FileNames

GOOD = {
    "plain": "native,label\nSEG,NGS\n",
    "semicolons": "native;label\nSEG;NGS\n",
    "excel-hint": "sep=;\r\nnative;label\r\nSEG;NGS\r\n",
    "old-mac-lines": "native,label\rSEG,NGS\r",
    "no-line-end": "native,label\nSEG,NGS",
    "mark-of-utf-8": "\ufeffnative,label\nSEG,NGS\n",
    "other-order-and-more-columns": "who,Label,when, NATIVE \nme,NGS,2020,SEG\n",
    "blank-lines-and-blank-fields": "\nnative,label\n,\n\nSEG,NGS,,\n,,\n",
    "blanks": "native,label\n  SEG , NGS\u00a0\n",
    "quotes": '"native","label"\n"SEG", "NGS"\n',
    "row-twice": "native,label\nSEG,NGS\nSEG,NGS\n",
}
BAD = {
    "unbalanced-quote": (b'native,label\n"SEG,NGS\n', "line 2: not a readable CSV (unexpected end of data)"),
    "nul": (b"native,label\nSE\0G,NGS\n", "not a readable CSV, its bytes are no text"),
    "utf-16-without-mark": ("native,label\nSEG,NGS\n".encode("utf-16-le"), "its bytes are no text"),
    "no-text-in-any-encoding": (b"native,label\nSEG,NGS\n\x81,\n", "its bytes are no text"),
    "huge-field": (b"native,label\n" + b"x" * 200_000 + b",NGS\n", "field larger than field limit"),
    "column-twice": (b"native,label,label\nSEG,NGS,NGB\n", "the column 'label' stands there twice; keep one"),
    "web-page": (b"<html><body>not found</body></html>", "expected the columns native,label (or file,label)"),
    "look-alike-letters": ("native,label\nSEG,\u041cON\n".encode(), "unknown label"),
    "formula": (b"native,label\nSEG,=1+1\n", "unknown label '=1+1'"),
    "old-excel": (b"\xd0\xcf\x11\xe0rest", "an Excel workbook of the old kind (.xls); save it as .xlsx or"),
}


@pytest.mark.parametrize("case", GOOD)
def test_readable_table(case, tmp_path):
    path = tmp_path / "map.csv"
    path.write_bytes(GOOD[case].encode())
    rows = read_label_table(path).rows
    assert {(row.name, row.label) for row in rows} == {("SEG", "neutrophil_segmented")}


@pytest.mark.parametrize("case", BAD)
def test_unreadable_table_is_one_line(case, tmp_path):
    content, expected = BAD[case]
    path = tmp_path / "map.csv"
    path.write_bytes(content)
    with pytest.raises(BadInput) as problem:
        read_label_table(path)
    assert str(problem.value).startswith(str(path))
    assert expected in str(problem.value)
    assert "\n" not in str(problem.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInput, match="not even a file"):
        read_label_table(tmp_path / "pipe")


def test_names_are_looked_up_without_going_through_all_files():
    names = FileNames(f"{i % 7}/{i}.png" for i in range(20_000))
    assert all(names.find(str(i)) == [f"{i % 7}/{i}.png"] for i in range(0, 20_000, 4))  # 10^8 comparisons if it did


def test_program_without_screen_says_nothing_and_works(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert one_line_errors(lambda _: print("found 2 = read 2 + rejected 0")) == 0
    for stream in (sys.stdout, sys.stderr):
        stream.close()
