"""The download script: killed and continued, several files, sets that are checked, steps printed for the others."""

import io
import os
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from support.fake_sets import SCRIPTS, picture, run, write
from support.web import serving

CONTENT = np.random.default_rng(0).integers(0, 256, 400_000, dtype=np.uint8).tobytes()


@pytest.fixture
def site():
    with serving() as site:
        yield site


def packed(files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_killed_download_continues(site, tmp_path):
    site.files["/chula.zip"] = packed({"WBC_Dataset-main/a.jpg": CONTENT * 4})
    site.delay = 0.1
    command = [sys.executable, str(SCRIPTS / "download.py"), "chula", "--out", str(tmp_path), "--url",
               f"{site.address}/chula.zip"]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS.parent)}
    part = tmp_path / "chula.zip.part"
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(1500):
            if process.poll() is not None or (part.exists() and part.stat().st_size > 2**18):
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    size = part.stat().st_size
    assert 0 < size < len(site.files["/chula.zip"])
    assert not (tmp_path / "chula.zip").exists()
    site.delay = 0
    code, out, err = run("download", *command[2:])
    assert (code, err) == (0, [])
    assert site.requests[-1][1] == f"bytes={size}-"
    assert (tmp_path / "chula" / "WBC_Dataset-main" / "a.jpg").read_bytes() == CONTENT * 4
    assert any("licence: MIT" in line for line in out)
    assert out[-1].startswith("next: ")
    assert run("download", *command[2:])[1][-2] == f"{tmp_path / 'chula'}: already there"


def test_mll_comes_class_by_class(site, tmp_path):
    for name, top in (("basophil", "basophil/"), ("monocyte", "")):
        site.files[f"/{name}.zip"] = packed({f"{top}{name}_0001.TIF": picture(1, 288, 288, "TIFF")})
    arguments = ("mll_23", "--out", tmp_path, "--classes", "basophil,monocyte", "--url", site.address)
    assert run("download", *arguments)[0] == 0
    assert sorted(path.name for path in (tmp_path / "mll_23").rglob("*.TIF")) == [
        "basophil_0001.TIF",
        "monocyte_0001.TIF",
    ]
    assert (tmp_path / "mll_23" / "basophil" / "basophil_0001.TIF").is_file()
    code, out, err = run("download", "mll_23", "--check", tmp_path)
    assert code == 2
    assert any(line.split()[:4] == ["basophil", "1", "of", "616"] for line in out)
    assert "basophil 615" in err[0]


def test_bloodmnist_with_a_wrong_digest_and_one_put_there_by_hand(site, tmp_path):
    site.files["/b.npz"] = b"not the published bytes"
    code, _, err = run("download", "bloodmnist", "--out", tmp_path, "--url", f"{site.address}/b.npz")
    assert (code, len(err)) == (2, 1)
    assert "expected 2b94928a2ae4916078ca51e05b6b800b; it was deleted, fetch it again" in err[0]
    write(tmp_path, {"bloodmnist_64.npz": b"put here by hand"})
    code, _, err = run("download", "bloodmnist", "--out", tmp_path, "--url", f"{site.address}/b.npz")
    assert (code, len(err)) == (2, 1)
    assert "bloodmnist_64.npz: its md5 is not 2b94928a2ae4916078ca51e05b6b800b; delete it" in err[0]


def test_record_states_the_digests(site):
    from real_sets.download_command import zenodo_digests

    site.kind = "application/json"
    good, bad = b'{"key": "basophil.zip", "checksum": "md5:0123"}', b'{"key": "b", "checksum": "md5:"}'
    site.files["/record"] = b'{"files": [' + good + b", " + bad + b"]}"
    site.files["/other"] = b"[]"
    assert zenodo_digests(f"{site.address}/record") == {"basophil.zip": "md5:0123"}
    assert zenodo_digests(f"{site.address}/other") == {}
    assert zenodo_digests(f"{site.address}/gone") == {}


def test_page_of_the_set_is_named_when_its_address_fails(site, tmp_path):
    site.files["/a.zip"], site.kind = b"<html>prove that you are human</html>", "text/html"
    code, _, err = run("download", "acevedo_20", "--out", tmp_path, "--url", f"{site.address}/a.zip")
    assert (code, len(err)) == (2, 1)
    assert f"answered with a web page, not with the file; download it by hand and put it at {tmp_path}" in err[0]
    assert err[0].endswith("PBC_dataset_normal_DIB.zip (its page: https://data.mendeley.com/datasets/snkd93bnjr/1)")


def test_raabin_is_a_rar_that_the_user_unpacks(site, tmp_path):
    site.files["/Train.rar"] = b"Rar!"
    code, out, _ = run("download", "raabin", "--out", tmp_path, "--url", f"{site.address}/Train.rar")
    assert code == 0
    assert f"`unar {tmp_path / 'Train.rar'}`" in out[-1]


def test_matek_steps_and_check(tmp_path):
    code, out, _ = run("download", "matek_19", "--out", tmp_path / "matek")
    assert code == 0
    assert [line.split(".")[0].strip() for line in out if line[:2].strip().isdigit()] == list("123456")
    assert any("--check" in line for line in out)
    write(
        tmp_path / "matek",
        {"AML-Cytomorphology_LMU/LYA/LYA_0001.tiff": b"x", "AML-Cytomorphology_LMU/readme.txt": b"x"},
    )
    code, out, err = run("download", "matek_19", "--check", tmp_path / "matek")
    assert (code, len(err)) == (2, 1)
    assert any(line.split() == ["LYA", "1", "of", "11", "-10"] for line in out)
    assert "LYA 10, KSC 15" in err[0]
    assert "fetch them again from https://doi.org/10.7937/tcia.2019.36f5o9ld" in err[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["blob"], "invalid choice: 'blob'"),
        (["chula"], "--out DIR is missing"),
        (["bloodmnist", "--out", "x", "--size", "65"], "--size 65: BloodMNIST has 28, 64, 128 and 224 px"),
        (["mll_23", "--out", "x", "--classes", "basofil"], "--classes basofil: only for mll_23, which has basophil"),
        (["bccd", "--out", "x", "--classes", "basophil"], "--classes basophil: only for mll_23"),
        (["bloodmnist", "--check", "x"], "--check: only for acevedo_20, matek_19, mll_23, raabin, chula, bccd"),
        (["matek_19", "--check", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_usage_gives_one_line(arguments, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("download", *arguments)
    assert (code, out, len(err)) == (2, [], 1)
    assert expected in err[0]
