"""A small web server on this machine for the tests of the downloader: it behaves, or misbehaves, as told."""

import contextlib
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site:
    """Files to serve and how; 3xx answers lead to `redirect`; `requests` notes (path, Range, If-Range) of each."""

    def __init__(self):
        self.files, self.requests, self.plan = {}, [], []
        self.etag = '"one"'
        self.ranges = True
        self.length = True
        self.delay = 0.0
        self.kind = "application/zip"
        self.address = ""
        self.redirect = ""


class _Handler(BaseHTTPRequestHandler):
    """Answers from `site`, which a subclass sets."""

    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, *_):
        pass

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):  # noqa: N802
        site, asked = self.site, self.headers.get("Range")
        site.requests.append((self.path, asked, self.headers.get("If-Range")))
        step = site.plan.pop(0) if site.plan else None
        content = site.files.get(self.path)
        if isinstance(step, int) and step >= 300:
            to = site.redirect or f"{site.address}/{'/'.join(self.path.split('/')[2:])}"
            self.answer(step, [("Location", to)] if step < 400 else [])
        elif content is None:
            self.answer(404)
        elif (start := self._start(asked)) and start >= len(content):
            self.answer(416, [("Content-Range", f"bytes */{len(content)}")])
        else:
            self._send(content, start, broken=step == "break")

    def _start(self, asked):
        if not asked or not self.site.ranges or self.headers.get("If-Range") not in (None, self.site.etag):
            return 0
        return int(asked.removeprefix("bytes=").removesuffix("-"))

    def _send(self, content, start, *, broken):
        site, body = self.site, content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", site.kind)
        if site.etag:
            self.send_header("ETag", site.etag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if site.length:
            self.send_header("Content-Length", str(len(body)))
        self.close_connection = True
        self.end_headers()
        if broken:
            body = body[: max(len(body) // 2, 1)]
        for at in range(0, len(body), 1 << 16):
            self.wfile.write(body[at : at + (1 << 16)])
            time.sleep(site.delay)


@contextlib.contextmanager
def serving():
    """Serve a `Site` on a free port of this machine."""
    site = Site()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_):
            pass  # a client that goes away is what these tests are about

    handler = type("Handler", (_Handler,), {"site": site})
    with Server(("127.0.0.1", 0), handler) as server:
        before = os.environ.get("no_proxy")
        os.environ["no_proxy"] = "127.0.0.1"
        site.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
            os.environ.pop("no_proxy") if before is None else os.environ.update(no_proxy=before)
