"""Names of files, folders and laboratories: odd ones are found, written and printed; ambiguous ones are not guessed."""

import io
import os
import subprocess
import sys
import unicodedata

import pandas as pd
import pytest
from real_sets.names import FileNames, escaped, printable, unusable_domain_name
from support.fake_sets import SCRIPTS, own_laboratory, pack, picture, prepare, prepared, write

NFC, NFD = (unicodedata.normalize(form, "Zählung") for form in ("NFC", "NFD"))


def own(source, out, *more):
    return prepare("folder", "--source", source, "--domain", "mine", "--um-per-px", 0.1, "--out", out, *more)


def labelled(tmp_path, files, table, encoding="utf-8"):
    """Prepare pictures with a table of labels: ({file: label}, {file: reason}, printed lines)."""
    source = write(tmp_path / "in", {name: picture(i) for i, name in enumerate(files)})
    (tmp_path / "map.csv").write_bytes(table.encode(encoding))
    code, out, err = own(source, tmp_path / "out", "--labels", tmp_path / "map.csv")
    assert code == 0, err
    _, cells, rejected = prepared(tmp_path / "out")
    return {row["source_file"]: row["label"] for row in cells}, rejected, out


FOLDERS = {  # the folder on the disk, its name in the table
    "two-characters-for-an-accent": (NFD, NFC),
    "one-character-for-an-accent": (NFC, NFD),
    "other-case": ("SEG", "seg"),
    "sharp-s-in-capitals": ("GROSSE", "große"),
    "blank-at-the-end-of-the-folder": ("LY ", "LY"),
    "blank-at-the-end-in-the-table": ("LY", "LY "),
    "blanks-at-both": (" LY ", " LY  "),
    "quoted-comma": ("a,b", '"a,b"'),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_folder_is_found_in_the_table(case, tmp_path):
    folder, name = FOLDERS[case]
    labels, rejected, _ = labelled(tmp_path, [f"{folder}/a.png"], f"native,label\n{name},MON\n")
    assert list(labels.values()) == ["monocyte"]
    assert not rejected


FILES = {  # the file on the disk, its name in the table
    "without-the-folder": ("x/a.png", "a.png"),
    "without-the-ending": ("x/a.png", "x/a"),
    "without-both": ("x/a.png", "a"),
    "absolute": ("x/a.png", "/home/me/pictures/x/a.png"),
    "windows": ("x/a.png", r"C:\Users\me\x\a.png"),
    "dot": ("x/a.png", "./x/a.png"),
    "other-case": ("x/A.PNG", "X/a.png"),
    "two-characters-for-an-accent": (f"{NFD}/a.png", f"{NFC}/a.png"),
    "parent-of-the-source": ("a.png", "in/a.png"),
    "dots-in-the-name": ("x/S1.2.png", "S1.2"),
    "blank-in-the-folder": ("x /a.png", "x/a.png"),
}


@pytest.mark.parametrize("case", FILES)
def test_file_is_found_in_the_table(case, tmp_path):
    file, name = FILES[case]
    labels, rejected, _ = labelled(tmp_path, [file], f"file,label\n{name},MON\n")
    assert labels == {file: "monocyte"}
    assert not rejected


def test_names_that_fit_several_files_label_none_of_them(tmp_path):
    table = "file,label\na.png,MON\nx/b.png,EOS\nb.png,BAS\nc,NGS\nd.png,BAS\n"
    files = ["x/a.png", "y/a.png", "x/b.png", "z/c.png", "z/c.jpg", "z/d.png"]
    labels, rejected, _ = labelled(tmp_path, files, table)
    assert labels == {"z/d.png": "basophil"}
    assert rejected["y/a.png"] == ("label not certain: line 2 of map.csv fits this file and x/a.png; write the folder "
                                   "and the ending there, too")  # fmt: skip
    assert rejected["x/b.png"] == "two labels: eosinophil and basophil in map.csv; keep one"
    assert {rejected[name].split(";")[0] for name in ("z/c.png", "z/c.jpg")} == {
        "label not certain: line 5 of map.csv fits this file and z/c.jpg",
        "label not certain: line 5 of map.csv fits this file and z/c.png",
    }


def test_exact_name_wins_over_one_that_only_fits():
    names = FileNames(["a.png", "x/a.png", "A.png"])
    assert names.find("a.png") == ["a.png"]
    assert names.find("x/a.png") == ["x/a.png"]
    assert names.find("y/a.png") == ["a.png"]
    assert names.find("../a.png") == []
    assert FileNames(["x/a.png", "y/x/a.png"]).find("/data/y/x/a.png") == ["y/x/a.png"]
    assert FileNames(["X/a.png", "x/A.png"]).find("x/a.png") == ["X/a.png", "x/A.png"]
    assert FileNames(["a.png"]).find("") == FileNames(["a.png"]).find("/") == []


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_read_and_said(delimiter, tmp_path):
    table = "native,label\nSEG,NGS\n".replace(",", delimiter)
    labels, _, out = labelled(tmp_path, ["SEG/a.png"], table)
    assert labels == {"SEG/a.png": "neutrophil_segmented"}
    assert any(line.startswith("note: map.csv: its fields are separated by ") for line in out)


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_other_encodings_are_read_and_said(encoding, tmp_path):
    labels, _, out = labelled(tmp_path, ["Größe/a.png"], "Native , Label\r\nGröße,NGS\r\n;;\r\n"[:-4], encoding)
    assert list(labels.values()) == ["neutrophil_segmented"]
    said = any("map.csv: it is not UTF-8 and was read as" in line for line in out)
    assert said == (encoding != "utf-8-sig")


ODD = ["line\nbreak.png", "tab\t.png", "bell\x07.png", "\x1b[2J.png", 'quote".png', "comma,.png", "back\\slash.png",
       "\u202egnp.png", "\u2028.png", " blank.png", "=1+1.png", "'.png"]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_odd_names_stay_on_their_line_and_can_be_told_apart(tmp_path):
    files = {f"BAS/{name}": picture(i) for i, name in enumerate(ODD)}
    code, out, _ = own(write(tmp_path / "in", files | {"BAS/bad\n1.png": b""}), tmp_path / "out")
    assert code == 0
    _, cells, rejected = prepared(tmp_path / "out")
    assert sorted(row["source_file"] for row in cells) == sorted(f"BAS/{escaped(name)}" for name in ODD)
    assert list(rejected) == ["BAS/bad\\n1.png"]
    table = (tmp_path / "out" / "cells.csv").read_text(encoding="utf-8")
    assert len(table.splitlines()) == len(ODD) + 1
    assert all(letter == "\n" or ord(letter) >= 32 for letter in table)
    assert list(pd.read_csv(tmp_path / "out" / "cells.csv", keep_default_na=False).id) == list(range(len(ODD)))
    assert not any("\x1b" in line for line in out)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="these disks take only Unicode names")
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8:strict"])
def test_names_that_the_screen_cannot_print_stop_nothing(encoding, tmp_path):
    source = write(tmp_path / "in", {"monocyte/a.png": picture(1), f"monocyte/{NFD}\u4e2d.txt": b""})
    with open(os.fsencode(source / "monocyte") + b"/Gr\xf6\xdfe.txt", "w"):
        pass
    command = [sys.executable, str(SCRIPTS / "prepare.py"), "folder", "--source", str(source), "--domain", "Zürich",
               "--um-per-px", "0.1", "--out", str(tmp_path / "out")]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS.parent), "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    _, cells, rejected = prepared(tmp_path / "out")
    assert [row["domain"] for row in cells] == ["Zürich"]
    assert "monocyte/Gr\\udcf6\\udcdfe.txt" in rejected


def test_escapes_can_be_undone():
    names = [*ODD, "line\\nbreak.png", "\\", "\udcf6"]
    assert len({escaped(name) for name in names}) == len(names)
    for name in names:
        assert escaped(name).encode("utf-8", "surrogatepass").decode("unicode_escape") == name or not name.isascii()
    assert printable("Zählung 中 \N{ZERO WIDTH NON-JOINER}") == "Zählung 中 \N{ZERO WIDTH NON-JOINER}"


GOOD_DOMAINS = ["my_lab", "Zürich 2", "lab-1.b", "实验室", "مختبر", "2", "a" * 64]
BAD_DOMAINS = ["", " ", ".hidden", "..", "-x", "a,b", "a+b", "a/b", "a\\b", "a\nb", "a\x1bb", "a:b", "a;b", "a*", "a?",
               "a<b", 'a"b', "a|b", " a", "a ", "end.", "a" * 65, "\u202ea", "a\udcf6"]  # fmt: skip


@pytest.mark.parametrize("name", GOOD_DOMAINS)
def test_usable_domain_names_are_the_same_for_folder_and_packs(name, tmp_path):
    assert unusable_domain_name(name) is None
    code, _, err = prepare("folder", "--source", own_laboratory(tmp_path / "in"), "--um-per-px", 0.1, "--domain", name,
                           "--out", tmp_path / "folder")  # fmt: skip
    assert (code, err) == (0, [])
    code, _, err = prepare("packs", "--source", unknown_pack(tmp_path / "packs", name), "--out", tmp_path / "out")
    assert (code, err) == (0, [])
    for out in ("folder", "out"):
        assert {row["domain"] for row in prepared(tmp_path / out)[1]} == {name}


def unknown_pack(root, domain):
    rows = [("BAS", "x", "s1", 300, 300, "BAS/a.jpg", picture(1, 112, 112, "JPEG"))]
    return pack(root, domain, rows)


@pytest.mark.parametrize("name", BAD_DOMAINS)
def test_unusable_domain_names_are_refused(name, tmp_path):
    assert unusable_domain_name(name)
    code, _, err = prepare("folder", "--source", own_laboratory(tmp_path / "in"), "--um-per-px", 0.1,
                           f"--domain={name}", "--out", tmp_path / "folder")  # fmt: skip
    assert (code, len(err)) == (2, 1)
    assert "--domain " in err[0]


@pytest.mark.parametrize("name", ["../evil", "a+b", ".hidden", "a;b"])
def test_packs_refuse_the_names_that_folder_refuses(name, tmp_path):
    source = pack(tmp_path / "packs")
    with (source / "manifest.csv").open("a", encoding="utf-8") as file:
        file.write(f"{name},BAS,basophil,s,300,300,x/BAS/a.jpg\n")
    code, _, err = prepare("packs", "--source", source, "--out", tmp_path / "out")
    assert (code, len(err)) == (2, 1)
    assert f"manifest.csv, line 4: the domain {name!r} is no name for a laboratory: it " in err[0]


def test_domain_given_twice_is_read_once(tmp_path):
    source = pack(tmp_path / "packs")
    assert prepare("packs", "--source", source, "--domains", "chula, chula,", "--out", tmp_path / "out")[0] == 0
    facts, cells, _ = prepared(tmp_path / "out")
    assert (len(cells), list(facts["domains"])) == (2, ["chula"])
    code, _, err = prepare("packs", "--source", source, "--domains", " , ", "--out", tmp_path / "none")
    assert (code, len(err)) == (2, 1)
    assert "--domains: ' , ' names nothing" in err[0]


def test_error_with_an_odd_name_is_one_line():
    from real_sets import errors

    def main(argv):
        raise errors.BadInput("bad\nname \x1b[2J \udcf6; \u4e2d")

    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    before, sys.stderr = sys.stderr, screen
    try:
        assert errors.one_line_errors(main) == 2
    finally:
        sys.stderr = before
    screen.flush()
    assert screen.buffer.getvalue().rstrip() == b"error: bad name \\x1b[2J \\udcf6; \\u4e2d"
