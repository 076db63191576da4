"""Whatever comes over a connection, the page stays, and nobody holds up others or its end."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.apps.live.browser_parts import NAMES, Shown, no_thread_stays, read_answer
from tests.waiting import wait_until
from urban_segmentor.apps.live.browser import BrowserDisplay
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    import socket
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
    with no_thread_stays(), showing() as shown:
        yield shown
        wait_until(lambda: shown.raw(GET + b"\r\n").status == 200)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("data", "status"),
    [
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
    ids=range(14),
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
        assert set(answer.headers["Allow"].split(", ")) in ({"GET", "HEAD"}, {"POST"})


@pytest.mark.parametrize("data", [GET + b"X: " + b"x" * 20_000, b"GET /" + b"x" * 20_000])
def test_headers_without_an_end_are_not_kept(shown: Shown, data: bytes) -> None:
    """The memory of the page is not for strangers to fill."""
    assert shown.raw(data).status == 400


def test_requests_follow_each_other(shown: Shown) -> None:
    """On one connection, even sent at once, until one says close."""
    with shown.socket() as connection:
        connection.sendall((GET + b"\r\n") * 2)
        data = b""
        while data.count(b'{"ok":true}') < 2:
            data += connection.recv(4096)
        connection.sendall(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert read_answer(connection).status == 200
        connection.sendall(GET + b"Connection: close\r\n\r\n")
        assert read_answer(connection).headers["Connection"] == "close"
        assert connection.recv(1) == b""


def test_slow_ones_are_left(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then does not keep a connection open; nor does silence, nor half a body."""
    monkeypatch.setattr("urban_segmentor.apps.live.browser.request_body._BODY_TIMEOUT_S", 2.0)
    monkeypatch.setattr("urban_segmentor.apps.http.server._REQUEST_TIMEOUT_S", 2.0)
    with shown.socket() as drip, shown.socket() as silent, shown.socket() as half:
        half.sendall(POST + b"Content-Length: 9\r\n\r\n{}")
        assert read_answer(half).status == 408
        assert silent.recv(1) == b""
        wait_until(lambda: is_ended_on(drip), every_s=0.05)


def is_ended_on(connection: socket.socket) -> bool:
    """Send a byte, and return whether the other side has answered or closed the connection."""
    connection.settimeout(0.01)
    try:
        connection.sendall(b"x")
        connection.recv(1)
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def test_too_many_connections(shown: Shown) -> None:
    """The ones too many hear so; when others leave there is room again."""
    with ExitStack() as stack:
        for _ in range(70):
            stack.enter_context(shown.socket())
        wait_until(lambda: shown.raw(GET + b"\r\n").status in {0, 503})


def test_a_failure_of_ours(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told without details, and nothing is printed."""

    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("urban_segmentor.apps.live.browser.page_app.apply_controls", fail)
    answer = shown.control({})
    assert answer.status == 500
    assert b"secret" not in answer.body


def test_any_bytes_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them takes the page away; half a request is ended by its deadline."""
    monkeypatch.setattr("urban_segmentor.apps.live.browser.request_body._BODY_TIMEOUT_S", 0.4)
    monkeypatch.setattr("urban_segmentor.apps.http.server._REQUEST_TIMEOUT_S", 0.4)
    with showing() as shown:

        @given(st.binary(max_size=200), st.booleans())
        def check(data: bytes, within: bool) -> None:  # noqa: FBT001
            with shown.socket() as connection:
                connection.sendall(POST + b"Content-Length: 1\r\n" * within + data + b"\r\n\r\n")
                answer = read_answer(connection)
                assert answer.status in {0, 200, 400, 403, 404, 405, 408, 413, 415}

        check()
        assert shown.ask("GET", "/healthz").value == {"ok": True}


def test_it_ends_with_connections_open() -> None:
    """Nobody keeps it, and twice does no harm."""
    with no_thread_stays(), showing() as shown, shown.socket() as silent, shown.socket() as half:
        half.sendall(b"GET / HT")
        assert shown.ask("GET", "/healthz").status == 200
        shown.display.close()
        assert silent.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            shown.socket()
