"""User, password and query of an address appear nowhere; a program ends in any state."""

from __future__ import annotations

import subprocess
import sys
import traceback
from typing import TYPE_CHECKING

import pytest

from tests.io.streams.clock_frames import Watch
from tests.io.streams.servers import (
    GarbageServer,
    HttpServer,
    RtspServer,
    free_port,
    hand_out,
    motion_jpeg,
    refuse,
)
from tests.waiting import NEVER_S, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOGIN = "geheimer:sesam4711@"
SECRETS = ("geheimer", "sesam4711", "token815")


def _messages(error: BaseException | None) -> Iterator[str]:
    """Yield all that an error may print, with what it came from."""
    while error is not None:
        yield repr(error)
        yield str(getattr(error, "hint", ""))
        yield "".join(traceback.format_exception(error))
        error = error.__context__ or error.__cause__


def _check(watch: Watch, capfd: pytest.CaptureFixture[str]) -> None:
    source = watch.source
    message = [
        *_messages(watch.error),
        *(state for state, _ in watch.states),
        *(record.name for record in watch.records),
        repr(source),
        repr(source._uri),
        source.state,
        *source.problems,
        *capfd.readouterr(),
    ]
    for secret in SECRETS:
        assert not [text for text in message if secret in text]


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https"])
def test_refused(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Nobody is there."""
    with Watch(f"{scheme}://{LOGIN}127.0.0.1:{free_port()}/a?key=token815") as watch:
        watch.wait_for_state("lost: connection refused")
    _check(watch, capfd)


@pytest.mark.parametrize("scheme", ["rtsp", "http", "https", "rtsps"])
def test_garbage(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Somebody else is there."""
    port = free_port()
    server = GarbageServer(port)
    with Watch(f"{scheme}://{LOGIN}127.0.0.1:{port}/a?key=token815") as watch:
        wait_until(lambda: watch.error or "lost" in watch.source.state)
    server.close()
    _check(watch, capfd)


@pytest.mark.parametrize(
    "answer",
    [refuse(401), refuse(403), refuse(404), refuse(500), hand_out(b"x" * 5000), motion_jpeg(5)],
    ids=["401", "403", "404", "500", "noise", "video"],
)
def test_http(answer: Callable[..., None], capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever a server answers."""
    with HttpServer(cam=answer) as server:
        with Watch(server.address("cam?key=token815", LOGIN)) as watch:
            wait_until(lambda: watch.error or "lost" in watch.source.state)
        assert server.asked[0] == "/cam?key=token815"
    _check(watch, capfd)


def test_rtsp(capfd: pytest.CaptureFixture[str]) -> None:
    """A camera that plays, and is lost."""
    with RtspServer("--user", LOGIN.strip("@")) as server:
        with Watch(f"{server.address(LOGIN)}?key=token815") as watch:
            watch.has(3)
            server.kill()
            wait_until(lambda: watch.error or "lost" in watch.source.state)
        server.begin()
        with Watch(server.address("geheimer:token815@")) as wrong:
            wait_until(lambda: wrong.error)
    _check(watch, capfd)
    _check(wrong, capfd)


def test_no_host(capfd: pytest.CaptureFixture[str]) -> None:
    """A host that nobody knows."""
    with Watch(f"rtsp://{LOGIN}no.such.host.invalid/a?key=token815") as watch:
        wait_until(lambda: watch.error)
    _check(watch, capfd)


SCRIPT = """
import sys, time
from urban_segmentor.io.streams.retry import RetryPolicy
from urban_segmentor.io.streams.source_uri import parse_source_uri
from urban_segmentor.io.streams.live_source import LiveSource
from urban_segmentor.io.streams.stream_options import StreamOptions
retry = RetryPolicy(open_timeout_s=600, read_timeout_s=600)
source = LiveSource(parse_source_uri(sys.argv[1]), options=StreamOptions(), retry=retry)
source.first_size()
frames = iter(source)
next(frames)
print("seen", flush=True)
if sys.argv[2] == "raise":
    raise RuntimeError("by the way")
time.sleep(float(sys.argv[2]))
source.close()
"""


@pytest.mark.parametrize(("last", "code"), [("3", 0), ("raise", 1)], ids=["close", "raise"])
def test_program_ends(last: str, code: int) -> None:
    """A program ends while its source says nothing for long, and prints nothing of its own."""
    with HttpServer(cam=motion_jpeg(50, stall_s=NEVER_S)) as server:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, server.address("cam?key=token815", LOGIN), last],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == code, done.stderr
    assert done.stdout == "seen\n"
    assert not any(secret in done.stderr for secret in SECRETS)
    assert bool(done.stderr) == bool(code)
