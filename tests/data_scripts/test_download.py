"""Downloading: resume, digest, servers that misbehave; real transfers from a server the test starts itself."""

import hashlib

import numpy as np
import pytest
from real_sets.errors import BadInput
from real_sets.fetch import fetch
from support.web import serving

CONTENT = np.random.default_rng(0).integers(0, 256, 400_000, dtype=np.uint8).tobytes()
MD5 = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


@pytest.fixture
def site():
    with serving() as site:
        site.files["/a.zip"] = CONTENT
        yield site


def get(site, tmp_path, name="a.zip", **options):
    return fetch(f"{site.address}/{name}", tmp_path / "data" / "a.zip", pause=0.01, timeout=5, **options)


def alone(tmp_path):
    """Only the whole file lies there: no half, no note."""
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["a.zip"]
    assert (tmp_path / "data" / "a.zip").read_bytes() == CONTENT


def half(site, tmp_path):
    """Leave a half file behind, as a broken transfer does."""
    site.plan = ["break"] + [503] * 9
    with pytest.raises(BadInput):
        get(site, tmp_path, attempts=2)
    site.plan, site.requests[:] = [], []
    assert not (tmp_path / "data" / "a.zip").exists()
    return (tmp_path / "data" / "a.zip.part").stat().st_size


@pytest.mark.parametrize("digest", ["", MD5, "sha256:" + hashlib.sha256(CONTENT).hexdigest()])
def test_plain_download(site, tmp_path, digest):
    get(site, tmp_path, digest=digest)
    alone(tmp_path)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_followed(site, tmp_path, status):
    site.plan = [status]
    get(site, tmp_path, "moved/a.zip")
    alone(tmp_path)


def test_broken_transfer_is_continued_at_once(site, tmp_path):
    site.plan = ["break", "break"]
    get(site, tmp_path, digest=MD5)
    alone(tmp_path)
    ranges = [asked for _, asked, _ in site.requests]
    assert ranges == [None, "bytes=200000-", "bytes=300000-"]
    assert site.requests[1][2] == '"one"'


def test_later_run_continues_the_half_file(site, tmp_path):
    size = half(site, tmp_path)
    get(site, tmp_path)
    alone(tmp_path)
    assert [asked for _, asked, _ in site.requests] == [f"bytes={size}-"]


def test_changed_file_is_not_glued_to_an_old_half(site, tmp_path):
    half(site, tmp_path)
    site.files["/a.zip"], site.etag = CONTENT[::-1], '"two"'
    get(site, tmp_path)
    assert (tmp_path / "data" / "a.zip").read_bytes() == CONTENT[::-1]


def test_server_that_ignores_if_range_but_whose_file_has_another_length(site, tmp_path):
    half(site, tmp_path)
    site.etag = '"one"'
    site.files["/a.zip"] = CONTENT + b"more"
    get(site, tmp_path)
    assert (tmp_path / "data" / "a.zip").read_bytes() == CONTENT + b"more"


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
def test_half_file_that_nothing_identifies_is_fetched_anew(site, tmp_path, etag):
    site.etag = etag
    half(site, tmp_path)
    get(site, tmp_path)
    alone(tmp_path)
    assert site.requests[0][1] is None


def test_half_file_of_another_address_is_fetched_anew(site, tmp_path):
    half(site, tmp_path)
    site.files["/other.zip"] = CONTENT
    get(site, tmp_path, "other.zip")
    alone(tmp_path)
    assert site.requests[0][1] is None


def test_server_without_ranges_starts_over(site, tmp_path):
    half(site, tmp_path)
    site.ranges = False
    get(site, tmp_path, digest=MD5)
    alone(tmp_path)


def test_half_file_longer_than_the_whole(site, tmp_path):
    half(site, tmp_path)
    site.files["/a.zip"] = CONTENT[:1000]
    get(site, tmp_path)
    assert (tmp_path / "data" / "a.zip").read_bytes() == CONTENT[:1000]


def test_whole_half_file_is_only_renamed(site, tmp_path):
    half(site, tmp_path)
    (tmp_path / "data" / "a.zip.part").write_bytes(CONTENT)
    get(site, tmp_path, digest=MD5)
    alone(tmp_path)
    assert site.requests == []


def test_no_length_is_fine_when_the_digest_is_right(site, tmp_path):
    site.length = False
    get(site, tmp_path, digest=MD5)
    alone(tmp_path)


def test_server_that_is_busy_is_asked_again(site, tmp_path):
    site.plan = [503, 429, 500]
    get(site, tmp_path)
    alone(tmp_path)


def test_wrong_digest_deletes_the_file(site, tmp_path):
    with pytest.raises(BadInput, match=r"a\.zip: its md5 is \w{32}, expected 0123; it was deleted, fetch it again"):
        get(site, tmp_path, digest="md5:0123")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (lambda site: site.files.clear(), "HTTP 404 Not Found; download it by hand and put it at "),
        (lambda site: site.plan.extend([403]), "HTTP 403 Forbidden; download it by hand"),
        (lambda site: site.plan.extend([500] * 9), "HTTP 500; gave up after 2 attempts; or download it by hand"),
        (lambda site: setattr(site, "kind", "text/html; charset=utf-8"), "answered with a web page, not with the file"),
        (lambda site: site.plan.extend(["break", 503, 503, 503]), "200,000 bytes are kept, the same command continues"),
    ],
    ids=["not-found", "forbidden", "always-busy", "web-page", "breaks-and-stays-away"],
)
def test_failure_is_one_line_with_the_address_and_the_cure(site, tmp_path, prepare, expected):
    prepare(site)
    with pytest.raises(BadInput) as problem:
        get(site, tmp_path, attempts=2)
    assert f"{site.address}/a.zip: " in str(problem.value)
    assert expected in str(problem.value)
    assert "\n" not in str(problem.value)
    assert not (tmp_path / "data" / "a.zip").exists()


def test_file_over_the_limit_is_refused_before_its_bytes_come(site, tmp_path):
    with pytest.raises(BadInput, match="400,000 bytes, the limit for this file is 100,000"):
        get(site, tmp_path, limit=100_000)
    site.length = False
    with pytest.raises(BadInput, match="more than 100,000 bytes, the limit for this file"):
        get(site, tmp_path, limit=100_000)


def test_no_room_on_the_disk(site, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(BadInput, match="are free; make room or choose another --out"):
        get(site, tmp_path)


def test_nobody_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(BadInput, match="http://127.0.0.1:9/a.zip: .*refused; gave up after 2 attempts; or download"):
        fetch("http://127.0.0.1:9/a.zip", tmp_path / "a.zip", attempts=2, pause=0.01)


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x/y", "a.zip"])
def test_only_the_web(tmp_path, address):
    with pytest.raises(BadInput, match="not an http address; give one that begins with https://"):
        fetch(address, tmp_path / "a.zip")
