"""Whatever comes over a connection, the answer is a proper one, and the page stays."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.apps.live.browser_parts import (
    NAMES,
    Shown,
    read_answer,
    viewer_threads,
    wait_until,
)
from urban_segmentor.apps.live.browser import BrowserDisplay
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    from collections.abc import Iterator

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /control HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@contextmanager
def showing() -> Iterator[Shown]:
    """Give a display."""
    controls = ViewControls(ClassList.from_names(NAMES))
    display = BrowserDisplay(controls, title="street", port=0)
    try:
        yield Shown(display, controls)
    finally:
        display.close()


@pytest.fixture
def shown(capfd: pytest.CaptureFixture[str]) -> Iterator[Shown]:
    """Give a display, and check that nothing is printed and no thread is left."""
    with showing() as shown:
        yield shown
        assert shown.raw(GET + b"\r\n").status == 200
    assert viewer_threads() == 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/0.9\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nNo colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", 400),
        (b"GET /?%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"a=b&" * 20), 400),
        (GET + b"X: " + b"x" * 20_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 70_000, 431),
        (GET + b"X: y\r\n" * 80 + b"\r\n", 431),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: x\r\n\r\n", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400),
        (POST + b"Content-Length: 10001\r\n\r\n" + b" " * 10_001, 413),
        (POST + b"Content-Length: 999999999999\r\n\r\n" + b" " * 300_000, 413),
        (POST + b"Content-Length: 10000\r\n\r\n" + b" " * 9_998 + b"{}", 200),
        (b"OPTIONS /control HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", 405),
        (b"GET /control HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        (b"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /page.html HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /%2e%2e/browser.py HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET // HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        (b"GET /picture.png HTTP/1.1\r\nHost: localhost\r\n\r\n", 503),
        (b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", 200),
    ],
    ids=range(36),
)
def test_a_request_gets_its_answer(shown: Shown, data: bytes, status: int) -> None:
    """With a word in JSON, and no word of Python."""
    answer = shown.raw(data)
    assert answer.status == status
    assert b"Traceback" not in answer.body
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if status >= 400:
        assert answer.value["error"]
    if status == 405:
        assert answer.headers["Allow"] in {"GET, HEAD", "POST"}


def test_requests_follow_each_other(shown: Shown) -> None:
    """On one connection, even sent at once, until one says close."""
    with shown.socket() as connection:
        connection.sendall((GET + b"\r\n") * 2)
        data = b""
        while data.count(b'{"ok":true}') < 2:
            data += connection.recv(4096)
        connection.sendall(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"{}")
        assert read_answer(connection).status == 200
        connection.sendall(GET + b"Connection: close\r\n\r\n")
        assert read_answer(connection).headers["Connection"] == "close"
        assert connection.recv(1) == b""


def test_slow_ones_are_left(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not keep a connection open; nor does silence."""
    monkeypatch.setattr("urban_segmentor.apps.live.browser.requests._REQUEST_TIMEOUT_S", 0.4)
    monkeypatch.setattr("urban_segmentor.apps.live.browser.requests._IDLE_TIMEOUT_S", 0.4)
    with shown.socket() as drip, shown.socket() as silent:
        since_s = time.monotonic()
        drip.settimeout(0.05)
        answer = b""
        for byte in GET * 3:
            drip.sendall(bytes([byte]))
            try:
                answer = drip.recv(4096)
            except TimeoutError:
                continue
            break
        assert answer.startswith(b"HTTP/1.1 408")
        assert silent.recv(1) == b""
        assert time.monotonic() - since_s < 3


def test_half_a_request(shown: Shown) -> None:
    """It breaks off in the head or in the body."""
    for data in (b"GET / HT", POST + b"Content-Length: 9\r\n\r\n{}"):
        with shown.socket() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            assert read_answer(connection).status == 400


def test_too_many_connections(shown: Shown) -> None:
    """The ones too many hear so; when others leave there is room again."""
    with ExitStack() as stack:
        for _ in range(48):
            stack.enter_context(shown.socket())
        wait_until(lambda: viewer_threads() == 48)
        answer = shown.raw(GET + b"\r\n")
        assert answer.status == 503
        assert answer.headers["Retry-After"]
    wait_until(lambda: viewer_threads() == 0)


def test_a_failure_of_ours(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told without details, and nothing is printed."""

    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("urban_segmentor.apps.live.browser.routes.apply_controls", fail)
    answer = shown.control({})
    assert answer.status == 500
    assert b"secret" not in answer.body


def test_any_bytes_at_all() -> None:
    """None of them takes the page away."""
    with showing() as shown:

        @given(st.binary(max_size=200), st.booleans())
        def check(data: bytes, within: bool) -> None:  # noqa: FBT001
            with shown.socket() as connection:
                connection.sendall(POST + b"Content-Length: 1\r\n" * within + data + b"\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                assert read_answer(connection).status in {200, 400, 403, 404, 405, 411, 413, 415}

        check()
        assert shown.ask("GET", "/healthz").value == {"ok": True}


def test_it_ends_with_connections_open() -> None:
    """At once, and twice does no harm."""
    with showing() as shown, shown.socket() as silent, shown.socket() as half:
        half.sendall(b"GET / HT")
        wait_until(lambda: viewer_threads() == 2)
        since_s = time.monotonic()
        shown.display.close()
        assert time.monotonic() - since_s < 1.5
        assert viewer_threads() == 0
        assert silent.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            shown.socket()
