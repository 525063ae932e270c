"""Fetch: one file over HTTPS that resumes, checks its digest, and never leaves a half file under its final name.

Own code instead of pooch: pooch starts a broken download again from its first byte, and these files have up to 8 GB.
"""

import hashlib
import http.client
import ipaddress
import json
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from real_sets.errors import BadInput
from real_sets.locks import alone

__all__ = ["digest_of", "fetch", "get_text", "usable_address"]

_BLOCK = 1 << 18
_AGENT = "wbc_tutorial (course material; plain download)"
_LATER = (408, 425, 429, 500, 502, 503, 504)
"""Answers that mean: try again in a while."""


class _Broken(Exception):
    """The transfer broke, but may be resumed; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float = 0.0):
        super().__init__(message)
        self.wait = wait


def digest_of(path: Path, kind: str) -> str:
    """Return a file's digest, `kind` being ``"md5"`` or ``"sha256"``."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()


def usable_address(address: str, *, allow_http: bool = False) -> str:
    """Return an address as it is sent: checked, and with other letters than English ones as escapes.

    Parameters
    ----------
    address : str
    allow_http : bool, default=False
        Take plain http from other machines, too. From this machine it is always taken: nobody stands in between.

    Raises
    ------
    BadInput
        No address of a file on the web, or plain http.
    """
    try:
        parts = urllib.parse.urlsplit(address.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError as problem:
        raise BadInput(f"{address}: not an address ({problem}); give one that begins with https://") from None
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput(f"{address}: not an http address; give one that begins with https://")
    if parts.scheme == "http" and not allow_http and not _this_machine(host):
        raise BadInput(f"{address}: plain http, which anyone on the way may change; give an https address, or "
                       "--allow-http if you trust the network")  # fmt: skip
    try:
        host.encode("ascii")
    except UnicodeEncodeError:
        raise BadInput(f"{address}: the name of the server has other letters than English ones; give it as xn--..."
                       ) from None  # fmt: skip
    path, query = (urllib.parse.quote(text, safe="/%:=&?~#+!$,;'@()*[]") for text in (parts.path, parts.query))
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, path or "/", query, ""))


def _this_machine(host: str) -> bool:
    """Tell whether a host is this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follow a redirect only to an address that could have been given itself."""

    def __init__(self, allow_http: bool):
        self.allow_http = allow_http

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # noqa: PLR0917 (urllib's signature)
        """Check the new address before it is asked."""
        usable_address(newurl, allow_http=self.allow_http)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def get_text(address: str, *, timeout: float = 30.0, limit: int = 2**22) -> str:
    """Return a small text from the web.

    Raises
    ------
    OSError, ValueError
        It did not come, or is no UTF-8.
    """
    with _opener(False).open(usable_address(address), timeout=timeout) as answer:
        return answer.read(limit).decode("utf-8")


def _opener(allow_http: bool) -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SafeRedirects(allow_http))


@dataclass
class _Half:
    """A half file on the disk, and what the server said of the whole."""

    path: Path
    address: str
    validator: str = ""
    total: int | None = None

    @property
    def note(self) -> Path:
        return self.path.with_name(self.path.name + ".json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @classmethod
    def find(cls, path: Path, address: str) -> "_Half":
        """Return what an earlier run left, or an empty one when it was another file."""
        half = cls(path, address)
        try:
            known = json.loads(half.note.read_text(encoding="utf-8"))
            validator, total = known["validator"], known["total"]
            if known["address"] == address and validator.isprintable() and (total is None or total > 0):
                half.validator, half.total = validator, total
                return half
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # no note, or a damaged one: nothing is known of the half file
        half.forget()
        return half

    def forget(self) -> None:
        """Delete the half file and its note."""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)
        self.validator, self.total = "", None

    def remember(self, headers: Mapping[str, str], total: int | None) -> None:
        """Note what identifies the whole file, before its first byte is written."""
        etag = headers.get("ETag", "")
        self.validator = etag if etag and not etag.startswith("W/") else headers.get("Last-Modified", "")
        self.total = total
        known = {"address": self.address, "validator": self.validator, "total": total}
        self.note.write_text(json.dumps(known), encoding="utf-8")


def _ask(half: _Half, opener: urllib.request.OpenerDirector, timeout: float) -> http.client.HTTPResponse:
    """Send the request, from where the half file ends."""
    request = urllib.request.Request(half.address, headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"})
    if half.size:
        request.add_header("Range", f"bytes={half.size}-")
        if half.validator:
            request.add_header("If-Range", half.validator)
    try:
        return opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as answer:
        with answer:
            if answer.code == 416:
                half.forget()
                raise _Broken("the half file does not fit the one at the address") from answer
            if answer.code in _LATER:
                wait = answer.headers.get("Retry-After", "")
                raise _Broken(f"HTTP {answer.code}", min(float(wait), 60) if wait.isdigit() else 0) from answer
            raise BadInput(f"{half.address}: HTTP {answer.code} {answer.reason}") from answer
    except (urllib.error.URLError, http.client.HTTPException, OSError) as problem:
        reason = getattr(problem, "reason", problem)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise BadInput(f"{half.address}: its certificate cannot be verified ({reason.verify_message}); in a "
                           "network with certificates of its own, set SSL_CERT_FILE to them") from problem  # fmt: skip
        raise _Broken(str(reason)) from problem


def _start(half: _Half, answer: http.client.HTTPResponse) -> None:
    """Decide from the answer's head whether it continues the half file or begins anew."""
    if "text/html" in answer.headers.get("Content-Type", ""):
        raise BadInput(f"{half.address}: answered with a web page, not with the file")
    if answer.status == 206:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        total = int(match[2]) if match and match[2] != "*" else None
        if not match or int(match[1]) != half.size or (half.total and total != half.total):
            half.forget()
            raise _Broken("the file at the address has changed")
        return
    half.forget()
    length = answer.headers.get("Content-Length", "")
    half.remember(answer.headers, int(length) if length.isdigit() else None)


def _copy(half: _Half, answer: http.client.HTTPResponse, limit: int, bar: tqdm) -> None:
    """Append the body to the half file."""
    with half.path.open("ab") as file:
        bar.total, bar.n = half.total, file.tell()
        while True:
            try:
                block = answer.read(_BLOCK)
            except (http.client.HTTPException, OSError) as problem:
                raise _Broken(str(problem) or type(problem).__name__) from problem
            if not block:
                break
            try:
                file.write(block)
            except OSError as problem:
                problem.filename = str(half.path)
                raise
            bar.update(len(block))
            if file.tell() > limit:
                raise BadInput(f"{half.address}: more than {limit:,} bytes, the limit for this file")
        file.flush()
        os.fsync(file.fileno())
    if half.total is not None and half.size < half.total:
        raise _Broken(f"only {half.size:,} of {half.total:,} bytes came")


def _check_room(half: _Half, limit: int) -> None:
    """Refuse a file that is too large for the limit or the disk, before its bytes come."""
    total = half.total or 0
    if total > limit:
        raise BadInput(f"{half.address}: {total:,} bytes, the limit for this file is {limit:,}")
    free = shutil.disk_usage(half.path.parent).free
    if total - half.size > free:
        raise BadInput(f"{half.path.parent}: {total / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB are free; "
                       "make room or choose another --out")  # fmt: skip


def _whole(half: _Half, target: Path, digest: str) -> Path:
    """Check the whole file and give it its final name."""
    if not half.size:
        half.forget()
        raise BadInput(f"{half.address}: 0 bytes came; download it by hand and put it at {target}")
    if digest:
        kind, _, expected = digest.partition(":")
        found = digest_of(half.path, kind)
        if found != expected:
            half.forget()
            raise BadInput(f"{target.name}: its {kind} is {found}, expected {expected}; it was deleted, fetch it "
                           f"again; if that does not help, the file at {half.address} has changed")  # fmt: skip
    os.replace(half.path, target)
    half.note.unlink(missing_ok=True)
    return target


def fetch(address: str, target: Path, *, digest: str = "", limit: int = 64 * 2**30, attempts: int = 6,
          pause: float = 1.0, timeout: float = 60.0, allow_http: bool = False) -> Path:  # fmt: skip
    """Download `address` to `target`; what an interrupted run left in ``target.part`` is continued.

    Parameters
    ----------
    address : str
        Begins with https://.
    target : Path
        Final name; it appears only when the file is whole and its digest right.
    digest : str, default=""
        ``"md5:<hex>"`` or ``"sha256:<hex>"``; empty = only the length is checked.
    limit : int, default=64 GiB
        Most bytes the file may have.
    attempts : int, default=6
        Failures in a row, none of which brought a byte, after which it gives up.
    pause : float, default=1.0
        Seconds before the second attempt; doubled each time, 30 at most.
    timeout : float, default=60.0
        Seconds without a byte after which a connection counts as broken.
    allow_http : bool, default=False
        Take plain http, as `usable_address` says.

    Raises
    ------
    BadInput
        With the address and the fix.
    """
    address = usable_address(address, allow_http=allow_http)
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target):
        half = _Half.find(target.with_name(target.name + ".part"), address)
        if half.size and not half.validator and not digest:
            half.forget()  # nothing would tell an old half from a new file of the same length
        by_hand = f"download it by hand and put it at {target}"
        try:
            _complete(half, target.name, _opener(allow_http), limit=limit, attempts=attempts, pause=pause,
                      timeout=timeout)  # fmt: skip
        except _Broken as problem:
            kept = f"; {half.size:,} bytes are kept, the same command continues" if half.size else ""
            raise BadInput(f"{address}: {problem}{kept}; or {by_hand}") from None
        except BadInput as problem:
            if "make room" in str(problem):
                raise
            raise BadInput(f"{problem}; {by_hand}") from None
        return _whole(half, target, digest)


def _complete(half: _Half, name: str, opener: urllib.request.OpenerDirector, *, limit: int, attempts: int,
              pause: float, timeout: float) -> None:  # fmt: skip
    """Ask again until the half file is whole; raise `_Broken` when nothing more comes."""
    failures = tries = 0
    with tqdm(unit="B", unit_scale=True, desc=name, disable=None) as bar:
        while half.total is None or half.size < half.total or not half.size:
            before = half.size
            try:
                with _ask(half, opener, timeout) as answer:
                    _start(half, answer)
                    _check_room(half, limit)
                    _copy(half, answer, limit, bar)
                return
            except _Broken as problem:
                failures, tries = 1 if half.size > before else failures + 1, tries + 1
                if failures >= attempts or tries >= 100:
                    raise _Broken(f"{problem}; gave up after {tries} attempts") from None
                time.sleep(max(problem.wait, min(pause * 2 ** (failures - 1), 30)))
