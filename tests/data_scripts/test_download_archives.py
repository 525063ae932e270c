"""Hostile and damaged archives: each is refused with one line, and nothing lies inside or outside the target."""

import io
import stat
import tarfile
import zipfile

import pytest
from real_sets.archives import unpack
from real_sets.errors import BadInput
from support.fake_sets import leftovers


def zipped(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files:
            archive.writestr(name, content)


def zip_special(path, kind, content=b"/etc/passwd"):
    info = zipfile.ZipInfo("a/entry")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, content)


def tarred(path, mode="w", **fields):
    """A tar with one good file and one entry of the given fields."""
    with tarfile.open(path, mode) as archive:
        good = tarfile.TarInfo("a/good.jpg")
        good.size = 4
        archive.addfile(good, io.BytesIO(b"good"))
        entry = tarfile.TarInfo(fields.pop("name", "a/entry"))
        for name, value in fields.items():
            setattr(entry, name, value)
        archive.addfile(entry, io.BytesIO(b"x" * entry.size))


def edited(path, old, new, count=-1):
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new, count))


def lying_size(path):
    """A zip whose member is larger than it states."""
    zipped(path, [("a/b.jpg", b"\0" * 100_000)], zipfile.ZIP_DEFLATED)
    edited(path, (100_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little"))


def locked(path):
    zipped(path, [("a/b.jpg", b"secret")])
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(content))


def damaged(path):
    zipped(path, [("a/b.jpg", b"picture" * 99)])
    edited(path, b"picture", b"PICTURE", 1)


def cut_off(path, kind):
    if kind == "zip":
        zipped(path, [("a/b.jpg", bytes(5000))])
    else:
        tarred(path, "w:gz", size=50_000)
    path.write_bytes(path.read_bytes()[: -60 if kind == "tar" else -3000])


HOSTILE = {
    "zip-parent": (lambda path: zipped(path, [("../evil.jpg", b"x")]), "'../evil.jpg' leads outside the target"),
    "zip-deep-parent": (lambda path: zipped(path, [("a/../../evil.jpg", b"x")]), "leads outside the target"),
    "zip-backslash-parent": (lambda path: zipped(path, [("a\\..\\..\\evil.jpg", b"x")]), "leads outside the target"),
    "zip-absolute": (lambda path: zipped(path, [("/tmp/evil.jpg", b"x")]), "'/tmp/evil.jpg' is an absolute path"),
    "zip-drive": (lambda path: zipped(path, [("C:/evil.jpg", b"x")]), "'C:/evil.jpg' is an absolute path"),
    "zip-link": (lambda path: zip_special(path, stat.S_IFLNK), "'a/entry' is a link; a set of pictures holds none"),
    "zip-device": (lambda path: zip_special(path, stat.S_IFCHR), "'a/entry' is a device"),
    "zip-bomb": (
        lambda path: zipped(path, [("b", bytes(2**25))], zipfile.ZIP_DEFLATED),
        "times its size, the limit is 100",
    ),
    "zip-over-limit": (
        lambda path: zipped(path, [("b", bytes(2**21))]),
        "would unpack to 2,097,152 bytes, the limit is",
    ),
    "zip-lies-about-size": (lying_size, "damaged|larger than it states"),
    "zip-password": (locked, "'a/b.jpg' needs a password; fetch an archive without one"),
    "zip-damaged": (damaged, "damaged (Bad CRC-32"),
    "zip-cut-off": (lambda path: cut_off(path, "zip"), "neither a zip nor a tar, or cut off; delete it and fetch it"),
    "zip-empty": (lambda path: zipped(path, []), "holds no file; fetch it again"),
    "zip-same-name": (lambda path: zipped(path, [("a/B.jpg", b"x"), ("a/b.jpg", b"y")]), "are one file on some disks"),
    "zip-file-and-folder": (lambda path: zipped(path, [("a", b"x"), ("a/b.jpg", b"y")]), "is a file and the folder of"),
    "zip-control-letters": (lambda path: zipped(path, [("a/\x1b[2J.jpg", b"x")]), "is no usable file name"),
    "tar-parent": (lambda path: tarred(path, name="../evil.jpg"), "'../evil.jpg' leads outside the target"),
    "tar-absolute": (lambda path: tarred(path, name="/tmp/evil.jpg"), "'/tmp/evil.jpg' is an absolute path"),
    "tar-symbolic-link": (lambda path: tarred(path, type=tarfile.SYMTYPE, linkname="/etc"), "'a/entry' is a link"),
    "tar-hard-link": (lambda path: tarred(path, type=tarfile.LNKTYPE, linkname="a/good.jpg"), "'a/entry' is a link"),
    "tar-device": (lambda path: tarred(path, type=tarfile.CHRTYPE), "'a/entry' is a device"),
    "tar-pipe": (lambda path: tarred(path, type=tarfile.FIFOTYPE), "'a/entry' is a device"),
    "tar-over-limit": (lambda path: tarred(path, size=2**21), "would unpack to"),
    "tar-bomb": (lambda path: tarred(path, "w:gz", size=2**25), "times its size"),
    "tar-cut-off": (lambda path: cut_off(path, "tar"), "neither a zip nor a tar|damaged"),
    "web-page": (lambda path: path.write_bytes(b"<html>challenge</html>"), "neither a zip nor a tar, or cut off"),
    "rar": (lambda path: path.write_bytes(b"Rar!\x1a\x07\x00" + bytes(99)), "neither a zip nor a tar"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archive_is_refused(case, tmp_path):
    make, expected = HOSTILE[case]
    archive = tmp_path / "set.zip"
    make(archive)
    limit = 2**20 if "over-limit" in case else 2**30
    with pytest.raises(BadInput) as problem:
        unpack(archive, tmp_path / "inner" / "target", max_bytes=limit)
    assert str(problem.value).startswith(f"{archive}: ")
    assert any(part in str(problem.value) for part in expected.split("|"))
    assert "\n" not in str(problem.value)
    assert list((tmp_path / "inner").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.name != "inner"] == ["set.zip"]


def test_no_room_on_the_disk(tmp_path, monkeypatch):
    zipped(tmp_path / "set.zip", [("a/b.jpg", b"x" * 2000)])
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(BadInput, match="to unpack, .* are free; make room"):
        unpack(tmp_path / "set.zip", tmp_path / "target")


@pytest.mark.parametrize("kind", ["zip", "w", "w:gz", "w:xz"])
def test_good_archive(kind, tmp_path):
    archive = tmp_path / "set"
    if kind == "zip":
        zipped(archive, [("a/", b""), ("a/good.jpg", b"good"), ("a/entry", b"xxx")])
    else:
        tarred(archive, kind, size=3)
    unpack(archive, tmp_path / "target")
    assert (tmp_path / "target" / "a" / "good.jpg").read_bytes() == b"good"
    assert (tmp_path / "target" / "a" / "entry").read_bytes() == b"xxx"
    assert not leftovers(tmp_path)
    with pytest.raises(BadInput, match="target: exists already; move it away to unpack set again"):
        unpack(archive, tmp_path / "target")


def test_folder_of_the_same_name_is_not_nested_twice(tmp_path):
    zipped(tmp_path / "set.zip", [("PBC/basophil/BA_1.jpg", b"x"), ("__MACOSX/PBC/._BA_1.jpg", b"y")])
    unpack(tmp_path / "set.zip", tmp_path / "PBC")
    assert [str(path.relative_to(tmp_path / "PBC")) for path in (tmp_path / "PBC").rglob("*.jpg")] == [
        "basophil/BA_1.jpg"
    ]
