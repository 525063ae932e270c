"""Downloads come by https from pinned places, and what came first is what comes later."""

import re

import pytest
from real_sets.errors import BadInput
from real_sets.fetch import fetch, usable_address
from real_sets.locks import alone
from real_sets.sources import SOURCES
from support.fake_sets import run, write
from support.web import serving

BAD_ADDRESSES = {
    "http://[::1/x.zip": "not an address (Invalid IPv6 URL); give one that begins with https://",
    "http://127.0.0.1:99999/x.zip": "not an address (Port out of range 0-65535)",
    "http://127.0.0.1:abc/x.zip": "not an address (Port could not be cast",
    "https://": "not an http address; give one that begins with https://",
    "https:///x.zip": "not an http address",
    "": "not an http address",
    "   ": "not an http address",
    "x.zip": "not an http address",
    "file:///etc/passwd": "not an http address",
    "ftp://example.org/x.zip": "not an http address",
    "javascript:alert(1)": "not an http address",
    "http://example.org/x.zip": "plain http, which anyone on the way may change; give an https address, or",
    "HTTP://EXAMPLE.ORG/x.zip": "plain http",
    "http://127.0.0.1.example.org/x.zip": "plain http",
    "http://localhost.example.org/x.zip": "plain http",
    "https://exämple.org/x.zip": "the name of the server has other letters than English ones; give it as xn--",
}


@pytest.fixture
def site():
    with serving() as site:
        yield site


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_bad_address_is_one_line_before_anything_is_sent(address, tmp_path):
    code, out, err = run("download", "chula", "--out", tmp_path / "new", f"--url={address}")
    assert (code, out, len(err)) == (2, [], 1)
    assert BAD_ADDRESSES[address] in err[0]
    assert list(tmp_path.iterdir()) == []


def test_http_from_this_machine_and_where_it_is_allowed():
    for address in ("http://127.0.0.1:8000/a.zip", "http://localhost/a.zip", "http://[::1]:80/a.zip"):
        assert usable_address(address) == address
    assert usable_address("http://example.org/a.zip", allow_http=True) == "http://example.org/a.zip"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://x.org/ä b.zip", "https://x.org/%C3%A4%20b.zip"),
        ("https://x.org/a%20b.zip?q=1&r=%2F", "https://x.org/a%20b.zip?q=1&r=%2F"),
        (" https://x.org\n", "https://x.org/"),
        ("https://x.org/a.zip#part", "https://x.org/a.zip"),
    ],
)
def test_address_is_sent_in_plain_letters(given, sent):
    assert usable_address(given) == sent


def test_name_with_an_accent_is_fetched(site, tmp_path):
    site.files["/%C3%A4.zip"] = b"content"
    assert fetch(f"{site.address}/ä.zip", tmp_path / "a.zip", pause=0.01).read_bytes() == b"content"


@pytest.mark.parametrize("to", ["http://example.org/a.zip", "ftp://example.org/a.zip", "file:///etc/passwd"])
def test_redirect_to_where_nothing_may_come_from_is_refused(to, site, tmp_path):
    site.redirect = to
    site.plan = [302]
    with pytest.raises(BadInput, match="plain http|not an http address|not allowed"):
        fetch(f"{site.address}/a.zip", tmp_path / "a.zip", attempts=1)
    assert list(tmp_path.iterdir()) == []


def test_every_published_address_is_https_and_github_archives_are_of_one_commit():
    addresses = [archive.address.format("x") for source in SOURCES.values() for archive in source.archives]
    assert len(addresses) >= len(SOURCES)
    for address in addresses:
        assert usable_address(address) == address
        assert address.startswith("https://")
        if "github.com" in address:
            assert re.search(r"/archive/[0-9a-f]{40}\.zip$", address)


def test_first_download_leaves_its_digest_and_later_ones_must_have_it(site, tmp_path):
    arguments = ("raabin", "--out", tmp_path, "--url", f"{site.address}/Train.rar")
    site.files["/Train.rar"] = b"Rar! first"
    _, out, _ = run("download", *arguments)
    assert any("no digest is published: its sha256 was written to Train.rar.sha256, later downloads" in o for o in out)
    assert re.fullmatch(r"[0-9a-f]{64}  Train\.rar\n", (tmp_path / "Train.rar.sha256").read_text())
    _, out, _ = run("download", *arguments)
    assert any(line.endswith("Train.rar: already there, its sha256 is that of the first download") for line in out)
    (tmp_path / "Train.rar").unlink()
    assert run("download", *arguments)[0] == 0
    (tmp_path / "Train.rar").unlink()
    site.files["/Train.rar"], site.etag = b"Rar! other", '"two"'
    code, _, err = run("download", *arguments)
    assert (code, len(err)) == (2, 1)
    assert "it was deleted, fetch it again" in err[0]
    assert "Train.rar.sha256 was written; delete that note if you trust the new file" in err[0]
    assert [path.name for path in tmp_path.iterdir()] == ["Train.rar.sha256"]
    (tmp_path / "Train.rar").write_bytes(b"put here by hand")
    code, _, err = run("download", *arguments)
    assert (code, len(err)) == (2, 1)
    assert "Train.rar: its sha256 is not " in err[0]


def test_damaged_note_of_a_digest_is_one_line(site, tmp_path):
    write(tmp_path, {"Train.rar.sha256": b"\xff\xfe not hexadecimal"})
    code, _, err = run("download", "raabin", "--out", tmp_path, "--url", f"{site.address}/Train.rar")
    assert (code, len(err)) == (2, 1)
    assert "Train.rar.sha256: holds no SHA-256, so it is damaged; delete it" in err[0]


def test_empty_answer_leaves_no_file(site, tmp_path):
    site.files["/a.zip"] = b""
    with pytest.raises(BadInput, match="0 bytes came; download it by hand"):
        fetch(f"{site.address}/a.zip", tmp_path / "a.zip", pause=0.01)
    assert list(tmp_path.iterdir()) == []


def test_second_download_of_the_same_file_is_refused(site, tmp_path):
    site.files["/a.zip"] = b"content"
    with alone(tmp_path / "a.zip"), pytest.raises(BadInput, match="another run is writing this"):
        fetch(f"{site.address}/a.zip", tmp_path / "a.zip")


@pytest.mark.parametrize(
    "note",
    [
        b"null",
        b"[]",
        b'{"address": 5}',
        b'{"address": "ADDRESS", "validator": [], "total": "x"}',
        b'{"address": "ADDRESS", "validator": "", "total": -5}',
        b'{"address": "ADDRESS", "validator": "a\\nb", "total": 9}',
        b"\xff",
        b"",
    ],
)
def test_damaged_note_of_a_half_file_starts_over(note, site, tmp_path):
    site.files["/a.zip"] = b"the whole file"
    address = f"{site.address}/a.zip"
    write(tmp_path, {"a.zip.part": b"the who", "a.zip.part.json": note.replace(b"ADDRESS", address.encode())})
    assert fetch(address, tmp_path / "a.zip", pause=0.01).read_bytes() == b"the whole file"
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_two_archives_of_one_set(site, tmp_path):
    site.files["/bccd.zip"], site.files["/bccd_kinds.zip"] = (zipped(name) for name in ("fields", "kinds"))
    code, out, err = run("download", "bccd", "--out", tmp_path, "--url", site.address)
    assert (code, err) == (0, [])
    folders = sorted(path.name.partition("-")[0] for path in (tmp_path / "bccd").iterdir())
    assert folders == ["BCCD", "BCCD_Dataset"]
    assert "states no licence" in out[-1]


def zipped(name):
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{name}/a.txt", b"x")
    return buffer.getvalue()
