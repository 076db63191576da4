"""A stand-in for the hub on this machine, and a process that fetches from it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

TOKEN = "hf_" + "secret" * 6
QUIET = {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
COMMIT = hashlib.sha1(b"commit", usedforsecurity=False).hexdigest()
REFUSALS = {
    "gated": (403, "GatedRepo"),
    "nowhere": (404, "RepoNotFound"),
    "private": (401, "RepoNotFound"),
    "forbidden": (403, ""),
    "strange": (418, ""),
    "busy": (503, ""),
}

FETCH = """
import json, sys, time
from urban_segmentor.errors import UrbanSegmentorError
from urban_segmentor.models.registry import resolve_model
import traceback
time.sleep = lambda seconds: None  # the client tries a busy hub again, but nobody shall wait
rows = []
for address in json.loads(sys.argv[1]):
    since = time.monotonic()
    row = {"path": None, "kind": None, "message": "", "hint": "", "trace": ""}
    try:
        row["path"] = str(resolve_model(address))
    except UrbanSegmentorError as error:
        row["kind"], row["message"], row["hint"] = type(error).__name__, str(error), error.hint
        row["trace"] = traceback.format_exc()
    row["took_s"] = time.monotonic() - since
    rows.append(row)
print(json.dumps(rows))
"""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What came of one address: a path, or the error's kind, words and trace."""

    path: str | None
    kind: str | None
    message: str
    hint: str
    trace: str
    took_s: float


@dataclass(kw_only=True)
class Hub:
    """The stand-in: its address, the requests it got, with their tokens."""

    url: str
    files: dict[str, bytes]
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)


@contextmanager
def serve(files: dict[str, bytes]) -> Generator[Hub]:
    """Serve files, by `owner/repo/name`; repositories named after a refusal refuse."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.wfile.write(self.answer())

        def answer(self) -> bytes:
            hub.requests.append((self.command, self.path, self.headers.get("authorization")))
            owner, repo, *rest = self.path.strip("/").split("/")
            rest = rest[2:]  # resolve/main
            body = files.get("/".join((owner, repo, *rest)), b"")
            status, code = REFUSALS.get(repo, (200, "") if body else (404, "EntryNotFound"))
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub = Hub(url=f"http://127.0.0.1:{server.server_port}", files=files)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def fetch(addresses: Sequence[str], home: Path, **variables: str) -> tuple[list[Fetched], str]:
    """Resolve addresses in a process of its own; return what came of them, and its stderr."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("HF_") and not key.lower().endswith("_proxy")
    }
    done = subprocess.run(
        [sys.executable, "-c", FETCH, json.dumps(list(addresses))],
        env=kept | {"HF_HOME": str(home), "HF_TOKEN": TOKEN, **QUIET} | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [Fetched(**row) for row in json.loads(done.stdout)], done.stderr
