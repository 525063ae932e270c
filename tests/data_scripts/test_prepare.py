"""Preparing sets: what is written, the physical field, bad usage, and that no half set is ever left."""

import contextlib
import doctest
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from support.fake_sets import SCRIPTS, colours, encoded, leftovers, own_laboratory, picture, prepare, prepared, write

from wbc_tutorial.data.prepared import load_prepared
from wbc_tutorial.data.prepared_files import images_digest


def own(source, out, *more):
    return prepare("folder", "--source", source, "--domain", "mine", "--um-per-px", 0.1, "--out", out, *more)


def test_set_is_complete_and_reproducible(tmp_path):
    source = own_laboratory(tmp_path / "in")
    code, out, err = own(source, tmp_path / "sets" / "one", "--size", 32)
    assert (code, err) == (0, [])
    own(source, tmp_path / "two", "--size", 32, "--jobs", 1)
    facts, cells, rejected = prepared(tmp_path / "sets" / "one")
    assert not rejected
    assert facts["digest"] == prepared(tmp_path / "two")[0]["digest"]
    rows = b"\nbasophil\tmine\t\nbasophil\tmine\t\nmonocyte\tmine\t"
    content = (tmp_path / "two" / "images.npy").read_bytes() + rows
    assert facts["digest"] == hashlib.sha256(content).hexdigest()
    assert facts["images_digest"] == images_digest(tmp_path / "two" / "images.npy")
    assert facts["source"] == str(source)
    assert (facts["size"], facts["field_um"], facts["um_per_px"]) == (32, 25.0, 25 / 32)
    assert facts["command"].startswith("python data_scripts/prepare.py folder --source ")
    first = np.load(tmp_path / "two" / "images.npy")[0]
    assert list(cells[0].values()) == ["0", "basophil", "mine", "", "BAS/a.png", "BAS", "",
                                       hashlib.blake2b(first, digest_size=8).hexdigest()]  # fmt: skip
    assert any(line.split() == ["basophil", "2"] for line in out)


def test_examples_in_the_docstrings():
    from real_sets import labels, names

    for module in (labels, names):
        assert doctest.testmod(module).failed == 0
        assert doctest.testmod(module).attempted > 0


def test_library_reads_the_set(tmp_path):
    own(own_laboratory(tmp_path / "in"), tmp_path / "out")
    cells = load_prepared(tmp_path / "out")
    assert len(cells.labels) == 3
    assert cells.domain_names == ("mine",)
    assert list(cells.labels) == [0, 0, 9]


def test_field_is_cut_before_the_size_is_changed(tmp_path):
    for um_per_px, side in ((0.1, 250), (0.0625, 400)):
        pixels = np.full((500, 460, 3), (0, 0, 255), dtype=np.uint8)
        top, left = (500 - side) // 2, (460 - side) // 2
        pixels[top : top + side, left : left + side] = (200, 30, 30)
        name = f"in{side}"
        write(tmp_path / name, {"BAS/a.png": encoded(pixels)})
        arguments = ("--domain", "mine", "--um-per-px", um_per_px, "--out", tmp_path / f"out{side}")
        assert prepare("folder", "--source", tmp_path / name, *arguments)[0] == 0
        image = np.load(tmp_path / f"out{side}" / "images.npy")[0]
        assert np.all(image[2:-2, 2:-2] == (200, 30, 30))
        wider = ("--domain", "mine", "--um-per-px", um_per_px, "--out", tmp_path / f"wide{side}", "--field-um", 27)
        assert prepare("folder", "--source", tmp_path / name, *wider)[0] == 0
        image = np.load(tmp_path / f"wide{side}" / "images.npy")[0]
        assert np.all(image[0] == (0, 0, 255))
        assert np.all(image[:, -1] == (0, 0, 255))


def test_smaller_field_on_request(tmp_path):
    _, out, _ = own(own_laboratory(tmp_path / "in"), tmp_path / "out", "--field-um", 20)
    assert not any("enlarged" in line for line in out)
    _, out, _ = own(tmp_path / "in", tmp_path / "large", "--field-um", 20, "--size", 224)
    assert "note: 3 pictures were enlarged: their field has fewer than 224 px" in out
    assert prepared(tmp_path / "out")[0]["um_per_px"] == 20 / 64
    expected = Image.fromarray(colours(260, 260, 0)).resize((64, 64), Image.Resampling.BICUBIC, box=(30, 30, 230, 230))
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "images.npy")[0], np.asarray(expected))


def test_alpha_is_dropped_never_blended_and_palettes_become_colour(tmp_path):
    pixels = colours(260, 260, 4)
    alpha = np.zeros((260, 260, 1), dtype=np.uint8)
    palette = Image.fromarray(pixels).quantize(256)
    seen_through = np.concatenate([pixels, alpha], 2)
    files = {"plain": encoded(pixels), "clear": encoded(seen_through), "tiff": encoded(seen_through, "TIFF"),
             "indexed": encoded(palette, transparency=bytes(256))}  # fmt: skip
    for name, content in files.items():
        own(write(tmp_path / name, {"BAS/a.png": content}), tmp_path / "out" / name)
    plain, clear, tiff, indexed = (np.load(tmp_path / "out" / name / "images.npy")[0] for name in files)
    np.testing.assert_array_equal(plain, clear)
    np.testing.assert_array_equal(plain, tiff)
    assert np.abs(plain.astype(int) - indexed).mean() < 6


@pytest.mark.parametrize("size", [32, 64, 128])
def test_jpeg_at_reduced_scale_is_nearly_the_full_decoding(size, tmp_path):
    content = encoded(colours(360, 363, 5), "JPEG", quality=95)
    own(write(tmp_path / "in", {"BAS/a.jpg": content}), tmp_path / "out", "--size", size)
    with Image.open(tmp_path / "in" / "BAS" / "a.jpg") as image:
        plain = image.resize((size, size), Image.Resampling.BICUBIC, box=(55, 56.5, 305, 306.5))
    difference = np.abs(np.load(tmp_path / "out" / "images.npy")[0].astype(int) - np.asarray(plain))
    assert difference.mean() < 1.5


BAD_USAGE = {
    "unknown-layout": (["blob"], "invalid choice: 'blob'"),
    "no-source": (["folder", "--out", "out"], "folder needs --source, the folder of the pictures"),
    "missing-source-folder": (["--source", "nowhere"], "nowhere: no such folder; --source names the folder of the"),
    "empty-source": (["--source", "empty"], "empty: holds no file at all; give the folder of the class folders"),
    "nothing-usable": (["--source", "bad"], "all 3 found were rejected, 2 as empty file, such as BAS/x.png: empty"),
    "no-domain": (["folder", "--source", "in", "--um-per-px", "0.1"], "folder needs --domain, a name for the lab"),
    "no-scale": (["folder", "--source", "in", "--domain", "x"], "folder needs --um-per-px"),
    "domain-with-a-slash": (["--domain", "a/b"], "--domain 'a/b': it holds '/'; use letters, digits"),
    "pixels-per-um-given": (["--um-per-px", "10"], "25 um would be 2.5 pixels; give micrometres per pixel"),
    "scale-zero": (["--um-per-px", "0"], "argument --um-per-px: '0' is no number above 0, such as 0.1"),
    "scale-with-a-comma": (["--um-per-px", "0,1"], "'0,1' is no number above 0, such as 0.1; write the decimal point"),
    "scale-not-a-number": (["--um-per-px", "nan"], "argument --um-per-px: 'nan' is no number above 0"),
    "size-too-large": (["--size", "5000"], "--size 5000: expected 8 to 1024 pixels"),
    "no-threads": (["--jobs", "0"], "--jobs 0: expected 1 to 256 threads"),
    "domain-for-a-known-set": (["matek_19", "--source", "in", "--domain", "x"], "--domain: only for folder, table"),
    "domains-for-a-folder": (["--domains", "a"], "--domains: only for packs; leave it out"),
    "main-batch-for-a-folder": (["--main-batch"], "--main-batch: only for acevedo_20, packs; leave it out"),
    "group-without-a-bracket": (["--group-by", "S1_"], "--group-by 'S1_': expected a regular expression with one"),
    "group-that-is-no-pattern": (["--group-by", "(S"], "--group-by '(S': expected a regular expression with one"),
    "group-for-a-known-set": (["raabin", "--source", "in", "--group-by", "(a)"], "--group-by: only for folder, boxes"),
    "out-not-empty": (["--out", "full"], "full: is not empty; choose another --out, or --overwrite"),
    "overwrite-what-is-no-set": (["--out", "full", "--overwrite"], "full: holds thesis.txt, so it is no prepared set"),
    "out-is-a-file": (["--out", "map.csv"], "map.csv: exists and is no folder; choose another --out"),
    "out-inside-source": (["--out", "in/out"], "in/out: lies inside --source or holds it; choose an --out elsewhere"),
    "out-holds-source": (["--out", "."], "lies inside --source or holds it"),
    "no-such-table": (["--labels", "gone.csv"], "gone.csv: no such file; expected the columns native,label (or file"),
    "table-without-columns": (["--labels", "columns.csv"], "columns.csv: expected the columns native,label (or file"),
    "table-empty": (["--labels", "empty.csv"], "empty.csv: expected the columns native,label"),
    "table-unknown-label": (["--labels", "map.csv"], "map.csv, line 3: unknown label 'blast'; use a name or code"),
    "table-two-labels": (["--labels", "two.csv"], "two.csv, line 3: 'A' has two labels, basophil and eosinophil; keep"),
    "table-empty-name": (["--labels", "noname.csv"], "noname.csv, line 2: the column native is empty"),
    "table-not-text": (["--labels", "wide.csv"], "wide.csv: not a readable CSV"),
    "table-is-a-workbook": (["--labels", "excel.csv"], "excel.csv: not a readable Excel workbook (File is not a zip"),
    "table-comma-in-a-name": (["--labels", "comma.csv"], "comma.csv, line 2: 3 fields, but the first line has 2; put"),
    "table-header-only": (["--labels", "header.csv"], "header.csv: expected the columns native,label (or file,label)"),
    "table-is-a-folder": (["--labels", "empty"], "empty: not a readable CSV"),
}


@pytest.mark.parametrize("case", BAD_USAGE)
def test_bad_usage_gives_one_line(case, tmp_path, monkeypatch):
    arguments, expected = BAD_USAGE[case]
    monkeypatch.chdir(tmp_path)
    own_laboratory("in")
    write(".", {"full/thesis.txt": b"years of work", "bad/BAS/x.png": b"", "bad/BAS/z.png": b"",
                "bad/BAS/a.txt": b"", "empty.csv": b"",
                "map.csv": b"native,label\nA,BAS\nB,blast\n", "columns.csv": b"a,b\n1,2\n",
                "noname.csv": b"native,label\n,BAS\n",
                "two.csv": b"native,label\nA,BAS\nA,EOS\n", "wide.csv": b"\xff\xfe\x00", "excel.csv": b"PK\x03\x04rest",
                "comma.csv": b"file,label\na,b.png,BAS\n", "header.csv": b"native,label\n",
                })  # fmt: skip
    os.mkdir("empty")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    if arguments[0].startswith("--"):
        defaults = {"--source": "in", "--domain": "mine", "--um-per-px": "0.1", "--out": "out"}
        given = [part for name, value in defaults.items() if name not in arguments for part in (name, value)]
        arguments = ["folder", *given, *arguments]
    elif "--out" not in arguments:
        arguments = [*arguments, "--out", "out"]
    code, out, err = prepare(*arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert err[0].startswith("error: ")
    assert expected in err[0]
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_overwrite_replaces_a_set_and_a_failure_keeps_the_old_one(tmp_path):
    source = own_laboratory(tmp_path / "in")
    own(source, tmp_path / "out")
    old = prepared(tmp_path / "out")[0]["digest"]
    write(tmp_path / "bad", {"BAS/x.png": b""})
    assert own(tmp_path / "bad", tmp_path / "out", "--overwrite")[0] == 2
    assert prepared(tmp_path / "out")[0]["digest"] == old
    write(source, {"EOS/new.png": picture(8)})
    assert own(source, tmp_path / "out", "--overwrite")[0] == 0
    assert prepared(tmp_path / "out")[0]["n_images"] == 4
    assert not leftovers(tmp_path)


@pytest.mark.parametrize(
    ("files", "table", "expected"),
    [
        ({"BAS/x.png": b""}, "", "in: no picture left, the only file found was rejected, BAS/x.png: empty file: 0"),
        ({"x.png": b""}, "file,label\nx.png,BAS\ngone.png,EOS\n",
         "in: no picture left, the only file found was rejected, and 1 row of the table name no file, 1 as empty file, "
         "such as x.png: empty file"),
        ({}, "file,label\na,BAS\nb,EOS\n", "no picture left, no file was found, and 2 rows of the table name no file"),
    ],
)  # fmt: skip
def test_nothing_left_is_counted_rightly(files, table, expected, tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in", files)
    (tmp_path / "map.csv").write_text(table)
    code, _, err = own(tmp_path / "in", tmp_path / "out", *(["--labels", tmp_path / "map.csv"] if table else []))
    assert (code, len(err)) == (2, 1)
    assert expected in err[0]


def test_split_folders_stand_above_the_class_folders(tmp_path):
    names = ("train/BAS/a.png", "Test/BAS/b.png", "valid/monocyte/c.png", "more/BAS/d.png", "train/x/BAS/e.png")
    own(write(tmp_path / "in", {name: picture(i) for i, name in enumerate(names)}), tmp_path / "out")
    _, cells, rejected = prepared(tmp_path / "out")
    assert {row["source_file"]: row["native_label"] for row in cells} == {
        "train/BAS/a.png": "BAS", "Test/BAS/b.png": "BAS", "valid/monocyte/c.png": "monocyte"}  # fmt: skip
    assert all(reason.startswith("not in a class folder: expected <class>/<image>") for reason in rejected.values())


@pytest.mark.parametrize("script", ["prepare.py", "download.py"])
def test_ctrl_c_during_the_imports_is_one_line(script, tmp_path):
    """A package whose import waits stands before numpy on the path; the signal comes while it waits."""
    write(tmp_path, {"numpy.py": b"import pathlib, time\npathlib.Path('importing').touch()\ntime.sleep(60)\n"})
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(SCRIPTS.parent)))}
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS / script), "bccd", "--source", "x", "--out", "y"],
        cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip
    for _ in range(2000):
        if (tmp_path / "importing").exists():
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines() == ["interrupted: nothing was left under the final name; run the same command again"]


def test_missing_package_is_one_line(tmp_path):
    write(tmp_path, {"PIL/__init__.py": b"raise ModuleNotFoundError(\"No module named 'PIL'\", name='PIL')\n"})
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(SCRIPTS.parent)))}
    command = [sys.executable, str(SCRIPTS / "prepare.py"), "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == ("error: the package PIL is missing: in the folder that holds README.md, run python -m pip "
                           "install -e .\n")  # fmt: skip


@pytest.mark.parametrize("script", ["prepare", "download"])
def test_help_names_every_set_and_shows_examples(script, capsys):
    with pytest.raises(SystemExit) as done:
        __import__(script).main(["--help"])
    assert done.value.code == 0
    text = capsys.readouterr().out
    for name in ("acevedo_20", "matek_19", "mll_23", "raabin", "bloodmnist", "chula", "bccd"):
        assert name in text
    assert f"examples:\n  python data_scripts/{script}.py " in text


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_run_leaves_no_half_set(how, tmp_path):
    content = picture(1, 850, 850)
    source = write(tmp_path / "in", {f"BAS/{i}.png": content + bytes([i]) for i in range(150)})
    command = [sys.executable, str(SCRIPTS / "prepare.py"), "folder", "--source", str(source), "--domain", "mine",
               "--um-per-px", "0.03", "--out", str(tmp_path / "out"), "--jobs", "1"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS.parent)}
    for _attempt in range(5):  # on a busy machine the run may end before the signal reaches it: then once more
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - a shell's & ignores it
        )
        while process.poll() is None:
            with contextlib.suppress(FileNotFoundError):
                if any(path.stat().st_size for path in tmp_path.glob(".out.*.partial/scratch.raw")):
                    break
            time.sleep(0.005)
        process.send_signal(how)
        _, err = process.communicate(timeout=60)
        if process.returncode != 0:
            break
        shutil.rmtree(tmp_path / "out")
    assert process.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 130), err
    assert not (tmp_path / "out").exists()
    if how != signal.SIGKILL:
        assert err.splitlines() == ["interrupted: nothing was left under the final name; run the same command again"]
        assert not leftovers(tmp_path)
    else:
        code, out, _ = own(own_laboratory(tmp_path / "small"), tmp_path / "out")
        assert code == 0
        assert any("is what a killed run left; delete it unless" in line for line in out)


def test_folder_that_cannot_be_listed_is_not_passed_over(tmp_path, monkeypatch):
    def walk(root, onerror, **_):
        onerror(PermissionError(13, "Permission denied", str(root / "BAS")))

    monkeypatch.setattr("os.walk", walk)
    code, _, err = own(own_laboratory(tmp_path / "in"), tmp_path / "out")
    assert (code, len(err)) == (2, 1)
    assert "BAS: Permission denied; give yourself the right to list this folder" in err[0]


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("real_sets.prepared_set.write_images", full)
    code, _, err = own(own_laboratory(tmp_path / "in"), tmp_path / "out")
    assert (code, len(err)) == (2, 1)
    assert f"{tmp_path / 'out'}: No space left on device; the disk is full: free some space" in err[0]
    assert not (tmp_path / "out").exists()
    assert not leftovers(tmp_path)
