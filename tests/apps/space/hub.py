"""A stand-in for the part of the hub that takes Spaces, on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

TOKEN = "hf_" + "secret" * 6
LARGE = (".onnx", ".bin", ".mp4", ".jpg", ".png")  # what the real one takes as LFS
PUSH = """
import sys, time
time.sleep = lambda seconds: None  # the client tries a busy hub again, but nobody shall wait
from urban_segmentor.cli.main import main
main()
"""


@dataclass(kw_only=True)
class Space:
    """One Space of the stand-in: its files, its kind, and each commit's paths."""

    private: bool
    sdk: str
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[list[str]] = field(default_factory=list)


@dataclass(kw_only=True)
class Hub:
    """The stand-in: its address, its Spaces, what it got as LFS, and how it refuses.

    Attributes:
        refuses: Status by a part of the path.
    """

    url: str = ""
    spaces: dict[str, Space] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    refuses: dict[str, int] = field(default_factory=dict)


class _Refusal(Exception):  # noqa: N818 - an answer, and not an error
    """An answer with a status and a text."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_GET(self) -> None:
        """Answer."""
        self._answer()

    def do_POST(self) -> None:
        """Answer."""
        self._answer()

    def do_PUT(self) -> None:
        """Answer."""
        self._answer()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.hub.requests.append((self.command, path))
        try:
            value = self._value(path, body)
            status = 200
        except _Refusal as refusal:
            status, value = refusal.args
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _value(self, path: str, body: bytes) -> Any:  # noqa: ANN401 - JSON
        for part, status in self.hub.refuses.items():
            if part in path:
                words = f"no: {self.headers.get('authorization')}"  # as badly as a server can
                raise _Refusal(status, {"error": words})
        if self.command == "PUT":
            return self._store(path.rpartition("/")[2], body)
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            raise _Refusal(401, {"error": "Invalid credentials in Authorization header"})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if path.endswith("/objects/batch"):
            return self._batch(json.loads(body))
        return self._of_space(path.removeprefix("/api/spaces/"), body)

    def _of_space(self, path: str, body: bytes) -> Any:  # noqa: ANN401
        owner, name, *rest = path.split("/")
        space = self.hub.spaces.get(f"{owner}/{name}")
        if space is None:
            raise _Refusal(404, {"error": "Repository not found"})
        if rest[:1] == ["tree"]:
            return [
                {"type": "file", "path": name, "oid": blob_id(data), "size": len(data)}
                for name, data in space.files.items()
            ]
        if rest[:1] == ["preupload"]:
            return {"files": [self._mode(space, one) for one in json.loads(body)["files"]]}
        if rest[:1] == ["commit"]:
            return self._commit(space, [json.loads(line) for line in body.splitlines()])
        return {"id": f"{owner}/{name}", "sha": f"{len(space.commits):040x}", "siblings": []}

    def _create(self, wish: dict[str, Any]) -> dict[str, str]:
        assert wish["type"] == "space"
        name = f"{wish['organization']}/{wish['name']}"
        url = f"{self.hub.url}/spaces/{name}"
        if name in self.hub.spaces:
            raise _Refusal(409, {"error": "You already created this space repo", "url": url})
        private = wish.get("visibility") == "private" or wish.get("private") is True
        self.hub.spaces[name] = Space(private=private, sdk=wish["sdk"])
        return {"url": url}

    def _mode(self, space: Space, file: dict[str, Any]) -> dict[str, Any]:
        is_large = file["path"].endswith(LARGE)
        there = space.files.get(file["path"])
        known = None
        if there is not None:
            known = hashlib.sha256(there).hexdigest() if is_large else blob_id(there)
        return {
            "path": file["path"],
            "uploadMode": "lfs" if is_large else "regular",
            "shouldIgnore": False,
            "oid": known,
        }

    def _batch(self, wish: dict[str, Any]) -> dict[str, Any]:
        objects = []
        for one in wish["objects"]:
            actions = {"upload": {"href": f"{self.hub.url}/blobs/{one['oid']}"}}
            objects.append(one if one["oid"] in self.hub.blobs else one | {"actions": actions})
        return {"transfer": "basic", "objects": objects}

    def _store(self, oid: str, body: bytes) -> dict[str, str]:
        if hashlib.sha256(body).hexdigest() != oid:
            raise _Refusal(400, {"error": "the content is not what its name says"})
        self.hub.blobs[oid] = body
        return {}

    def _commit(self, space: Space, lines: list[dict[str, Any]]) -> dict[str, str]:
        assert lines[0]["key"] == "header"
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "file":
                space.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                space.files[value["path"]] = self.hub.blobs[value["oid"]]
            else:
                assert line["key"] == "deletedFile"
                del space.files[value["path"]]
        space.commits.append([line["value"]["path"] for line in lines[1:]])
        oid = f"{len(space.commits):040x}"
        return {"commitUrl": f"{self.hub.url}/spaces/a/b/commit/{oid}", "commitOid": oid}


def blob_id(data: bytes) -> str:
    """Return how git calls a file."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


@contextmanager
def serve() -> Generator[Hub]:
    """Return a context in which the stand-in answers."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def push(*words: str | Path, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `space push` as a process with nobody's login; a variable that is empty is not set."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("HF_") and not key.lower().endswith("_proxy")
    }
    # The newer way of the client, Xet, is a service of its own that cannot stand in here.
    ours = {"HF_HOME": str(home), "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "COLUMNS": "200"}
    environment = {name: value for name, value in (kept | ours | variables).items() if value}
    return subprocess.run(
        [sys.executable, "-c", PUSH, "space", "push", *map(str, words)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
