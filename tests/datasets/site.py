"""A stand-in for the Cityscapes site: the same pages, and any trouble on request."""

from __future__ import annotations

import hashlib
import io
import json
import re
import threading
import zipfile
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from urban_segmentor.datasets.cityscapes import site as client
from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.io.streams.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import pytest

USERNAME, PASSWORD = "mü@street.example", "p&ss=wörd %41+ secret"
LABELS, IMAGES = "gtFine_trainvaltest.zip", "leftImg8bit_trainvaltest.zip"
_COOKIE = "PHPSESSID"


@dataclass(kw_only=True)
class StandIn:
    """The site: what it has, what it heard, and what goes wrong.

    Attributes:
        url: Its address.
        archives: The packages, by name.
        sizes: What the list says instead of the true sizes.
        sums: What the page of MD5 sums says instead of the true ones.
        closed: Packages that are listed, but not handed out.
        trouble: What goes wrong at the next requests for a page, by the page: a status, `html`,
            `redirect`, an address to redirect to, `drop` (the connection breaks), `half` (in the
            middle of the answer), `short` (the same, and no length is stated), `elsewhere` (a
            wrong range), `stall`.
        ranges: False for a site that cannot continue.
        heard: Every request, with its range.
        sent_bytes: How much of archives went out.
        hold_at: Where in an archive to stop and wait for `go_on`, bytes.
    """

    url: str
    archives: dict[str, bytes]
    sizes: dict[str, str] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    trouble: dict[str, deque[int | str]] = field(default_factory=dict)
    ranges: bool = True
    heard: list[tuple[str, str, str | None]] = field(default_factory=list)
    sent_bytes: int = 0
    hold_at: int | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    cookies: dict[str, bool] = field(default_factory=dict)

    def plague(self, page: str, *troubles: int | str) -> None:
        """Let the next requests for a page go wrong."""
        self.trouble.setdefault(page, deque()).extend(troubles)

    def pages(self) -> list[str]:
        """Return the pages that were asked for, without what follows `?`."""
        return [path.partition("?")[0] for _, path, _ in self.heard]

    def ranges_heard(self) -> list[str | None]:
        """Return the ranges of archives that were asked for."""
        return [span for _, path, span in self.heard if path.startswith("/file-handling/")]

    def listed(self) -> list[dict[str, str]]:
        """Return the list of packages as the site writes it."""
        return [
            {
                "name": name,
                "size": self.sizes.get(name, f"{len(data) / 1024:.2f}KB"),
                "packageID": str(number),
                "thirdparty": "0",
            }
            for number, (name, data) in enumerate(self.archives.items(), 1)
        ]


class Heard(ByteProgress):
    """Records the reported progress."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int, int]] = []
        self.said: list[str] = []
        self.done_bytes = 0

    def begin(self, step: str, *, total_bytes: int, done_bytes: int = 0) -> None:
        """Keep it."""
        self.steps.append((step, total_bytes, done_bytes))

    def advance(self, count_bytes: int) -> None:
        """Count it."""
        self.done_bytes += count_bytes

    def report(self, text: str) -> None:
        """Keep it."""
        self.said.append(text)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too, with what it holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def archive_of(files: dict[str, bytes]) -> bytes:
    """Return a zip archive with some files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@contextmanager
def serve_directly(
    archives: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> Generator[StandIn]:
    """Serve archives to a client that goes there without a proxy, and repeats without a pause."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(client, "RETRY", RetryPolicy(base_delay_s=0.0))
    with serve(archives) as running:
        yield running


@contextmanager
def serve(archives: dict[str, bytes]) -> Generator[StandIn]:
    """Serve archives to whoever logs in."""

    class Handler(_Handler):
        site = StandIn(url="", archives=dict(archives))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Handler.site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Handler.site
    finally:
        Handler.site.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers as the official site does, as far as the official downloader shows."""

    site: StandIn

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self.site.heard.append(("GET", self.path, self.headers.get("Range")))
        trouble = self._trouble(path)
        if trouble and trouble not in {"half", "short", "elsewhere"}:
            self._fail(trouble)
        elif path == "/login":
            token = f"visitor{len(self.site.cookies)}"
            self.site.cookies[token] = False
            self._send(200, b"<html>who?</html>", f"{_COOKIE}={token}; Path=/; HttpOnly")
        elif not self._is_known():
            self._redirect()
        elif (path, query) == ("/downloads/", "list"):
            self._send(200, json.dumps(self.site.listed()).encode(), kind="application/json")
        elif path in {"/md5-sum/", "/file-handling/"}:
            number = int(parse_qs(query)["packageID"][0])
            name, data = list(self.site.archives.items())[number - 1]
            if path == "/md5-sum/":
                sum_ = hashlib.md5(data, usedforsecurity=False).hexdigest()
                text = self.site.sums.get(name, f"{sum_}  {name}\n")
                self._send(200, text.encode(), kind="text/plain")
            elif name in self.site.closed:
                self._redirect()
            else:
                self._send_archive(data, trouble)
        else:
            self._send(404, b"<html>what?</html>")

    def do_POST(self) -> None:
        self.site.heard.append(("POST", self.path, None))
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if trouble := self._trouble("POST"):
            self._fail(trouble)
            return
        wanted = {"username": [USERNAME], "password": [PASSWORD], "submit": ["Login"]}
        if self.path == "/login" and form == wanted and self._cookie() in self.site.cookies:
            self.site.cookies[self._cookie()] = True
            self._redirect("/downloads/")
        else:
            self._send(200, b"<html>bad credentials</html>")

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def _trouble(self, page: str) -> int | str | None:
        queue = self.site.trouble.get(page)
        return queue.popleft() if queue else None

    def _fail(self, trouble: int | str) -> None:
        if trouble == "drop":
            self.close_connection = True
        elif trouble == "stall":
            self.site.go_on.wait(20)
            self.close_connection = True
        elif trouble == "redirect":
            self._redirect()
        elif isinstance(trouble, str) and trouble.startswith("http:"):
            self._redirect(trouble)
        else:
            self._send(200 if trouble == "html" else int(trouble), b"<html>sorry</html>")

    def _cookie(self) -> str:
        found = re.search(rf"{_COOKIE}=(\w+)", self.headers.get("Cookie", ""))
        return found[1] if found else ""

    def _is_known(self) -> bool:
        return self.site.cookies.get(self._cookie(), False)

    def _redirect(self, where: str = "/login") -> None:
        self.send_response(302)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, body: bytes, cookie: str = "", kind: str = "text/html") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body)

    def _send_archive(self, data: bytes, trouble: int | str | None) -> None:
        span = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(span[1]) if span and self.site.ranges else 0
        if start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if trouble == "elsewhere":
            start = max(start - 10, 0)
        self.send_response(206 if span and self.site.ranges else 200)
        self.send_header("Content-Type", "application/zip")
        if span and self.site.ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if trouble != "short":
            self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = (start + len(data)) // 2 if trouble in {"half", "short"} else len(data)
        hold_at = self.site.hold_at
        if hold_at is not None and start < hold_at < end:
            self.site.hold_at = None
            self._write(data[start:hold_at])
            self.site.held.set()
            self.site.go_on.wait(20)
            start = hold_at
        self._write(data[start:end])
        if end < len(data):
            self.close_connection = True

    def _write(self, data: bytes) -> None:
        try:
            self.wfile.write(data)
            self.site.sent_bytes += len(data)
        except OSError:  # the other side was killed; that is what some tests are about
            self.close_connection = True
