"""Checkpoints to begin with: at a path, in the folder, in the cache, or from a stand-in site."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.runner import files_below
from urban_segmentor.errors import ModelError
from urban_segmentor.io.cache import cache_folder
from urban_segmentor.training import pretrained
from urban_segmentor.training.pretrained import find_pretrained

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch, not ours
NAME = "yolo11n-seg"
CONTENT = bytes(range(256)) * 5000


@dataclass
class Site:
    """What the stand-in answers, and what it was asked.

    Attributes:
        content: The body.
        status: HTTP status.
        length: What `Content-Length` says; None for the truth.
        asked: Paths, one for each request.
    """

    content: bytes = CONTENT
    status: int = 200
    length: int | None = None
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache folder of checkpoints, empty; the working folder is another one."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return cache_folder("checkpoints")


@pytest.fixture
def site(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return a site that has all checkpoints."""
    del cache  # which nothing may be downloaded without
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        """Answers each request as the site says."""

        def do_GET(self) -> None:
            site.asked.append(self.path)
            self.send_response(site.status)
            length = len(site.content) if site.length is None else site.length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(site.content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(pretrained, "RELEASES", f"http://127.0.0.1:{server.server_port}/rel")
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


def refusal() -> ModelError:
    """Return why there is no checkpoint; the hint says how to get it by hand."""
    with pytest.raises(ModelError) as caught:
        find_pretrained(NAME)
    assert f"download {NAME}.pt from {pretrained.RELEASES} elsewhere" in str(caught.value.hint)
    assert f"--model PATH/{NAME}.pt" in str(caught.value.hint)
    return caught.value


def test_a_download_is_kept(site: Site, cache: Path) -> None:
    """And nothing else is; the site is asked once for both ways to call it."""
    found = find_pretrained(NAME)
    assert found == cache / f"{NAME}.pt"
    assert found.read_bytes() == CONTENT
    assert files_below(cache) == [f"{NAME}.pt"]
    assert site.asked == [f"/rel/download/v8.4.0/{NAME}.pt"]
    assert find_pretrained(f"{NAME}.pt") == found
    assert len(site.asked) == 1
    assert files_below(Path()) == []


def test_a_file_of_the_working_folder_goes_first(site: Site, cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / f"{NAME}.pt").write_bytes(b"cached")
    Path(f"{NAME}.pt").write_bytes(b"mine")
    assert find_pretrained(NAME).read_bytes() == b"mine"
    assert not site.asked


@pytest.mark.parametrize(
    "answer",
    [
        Site(content=CONTENT[:600_000], length=len(CONTENT)),
        Site(content=b"<html>log in first</html>"),
        Site(content=b"not found", status=404),
        Site(content=b""),
    ],
    ids=["cut-off", "another-page", "not-there", "empty"],
)
def test_what_is_no_checkpoint_is_not_kept(site: Site, cache: Path, answer: Site) -> None:
    """The next time it is asked for again."""
    site.content, site.status, site.length = answer.content, answer.status, answer.length
    assert f"`{NAME}.pt` could not be downloaded" in str(refusal())
    assert files_below(cache) == []
    site.content, site.status, site.length = CONTENT, 200, None
    assert find_pretrained(NAME).read_bytes() == CONTENT


def test_a_full_disk(site: Site, cache: Path) -> None:
    """Nothing of it stays there."""
    cache.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(cache)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        assert "could not be downloaded" in str(refusal())
        assert len(site.asked) == 1
        assert files_below(cache) == []
    finally:
        subprocess.run(["umount", str(cache)], check=True)  # noqa: S607 - where it is differs


@pytest.mark.usefixtures("site")
def test_a_cache_that_cannot_be_made(cache: Path) -> None:
    cache.parent.parent.mkdir(parents=True, exist_ok=True)
    cache.parent.write_bytes(b"a file")
    assert "could not be downloaded" in str(refusal())


@pytest.mark.usefixtures("cache")
def test_a_site_that_is_not_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "RELEASES", "https://host.invalid/releases")
    assert (
        str(refusal())
        == f"`{NAME}.pt` is not here, and `host.invalid` cannot be reached to download it"
    )
