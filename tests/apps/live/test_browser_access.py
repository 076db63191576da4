"""Strangers, and pages of strangers, neither see nor steer anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.apps.live.browser_parts import LIVE, NAMES, TOKEN, Shown, Stream, numbered
from urban_segmentor.apps.live.browser import BrowserDisplay
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    from collections.abc import Iterator

PATHS = ["/live.js", "/controls.js", "/state.json", "/stream.mjpg", "/picture.jpg", "/picture.png"]
FORM = "application/x-www-form-urlencoded"


def show(token: str | None) -> Iterator[Shown]:
    """Give a display with a picture."""
    controls = ViewControls(ClassList.from_names(NAMES))
    display = BrowserDisplay(controls, title="Secret Street", port=0, token=token)
    display.show(numbered(1), LIVE)
    yield Shown(display, controls)
    display.close()


@pytest.fixture
def free() -> Iterator[Shown]:
    """Give a display without a token."""
    yield from show(None)


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """Give a display with a token."""
    monkeypatch.setattr("urban_segmentor.apps.http.access._FAILURE_DELAY_S", 0.01)
    yield from show(TOKEN)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:9000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("127.9.9.9", 200),
        ("evil.example", 403),
        ("evil.example:8000", 403),
        ("localhost.evil.example", 403),
        ("192.168.1.2:8000", 403),
        ("[::2]", 403),
        ("", 400),
        ("local host", 400),
        ("localhost:x", 400),
    ],
)
def test_names_of_other_machines(free: Shown, host: str, status: int) -> None:
    """A name that was bent to this machine opens nothing."""
    for path in ("/", "/state.json"):
        assert free.raw(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:80", "Host": "localhost:80"}, 200),
        ({"Origin": "https://localhost", "Host": "localhost"}, 200),
        ({"Origin": "http://localhost:81", "Host": "localhost:80"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
    ],
    ids=range(9),
)
def test_pages_of_others_do_not_steer(free: Shown, headers: dict[str, str], status: int) -> None:
    """Browsers say which page sends."""
    answer = free.control({"paused": True}, **headers)
    assert answer.status == status
    assert free.controls.view.paused is (status == 200)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_pages_of_others_do_not_show_it(free: Shown) -> None:
    """Neither the picture nor the page in a frame; a link to the page is good."""
    for path in PATHS:
        assert free.ask("GET", path, Sec_Fetch_Site="cross-site").status == 403
    page = free.ask("GET", "/", Sec_Fetch_Site="cross-site")
    assert page.status == 200
    assert page.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_without_the_token_there_is_a_form(locked: Shown) -> None:
    """And nothing else, not even what is watched; any name of the machine is good."""
    page = locked.ask("GET", "/", Host="camera.example")
    assert page.status == 401
    assert page.headers["WWW-Authenticate"] == "Bearer"
    assert b'name="token"' in page.body
    assert b"Secret" not in page.body
    for path in (*PATHS, "/healthz", "/nothing"):
        for headers in ({}, {"Cookie": f"urban_segmentor_{locked.address[1]}="}):
            answer = locked.ask("GET", path, **headers)
            assert answer.status == 401, path
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    for path in ("/control", "/control?token=x", f"/control?token={TOKEN.replace(' ', '+')}"):
        body = b'{"quit": true}'
        answer = locked.ask("POST", path, body=body, Content_Type="application/json")
        assert answer.status == 401
    assert not locked.controls.wants_quit
    for path in ("/login", "/style.css", "/icon.svg"):
        assert locked.ask("GET", path).status == 200


def test_the_form_lets_in(locked: Shown) -> None:
    """With a cookie that is not the token and that scripts cannot read."""
    body = f"token={TOKEN.replace(' ', '+')}".encode()
    answer = locked.ask("POST", "/login", body=body, Content_Type=FORM)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    name = f"urban_segmentor_{locked.address[1]}"
    session, *attributes = cookie.split("; ")
    assert re.fullmatch(rf"{name}=[\w-]{{40,}}", session)
    assert {one.lower() for one in attributes} == {"path=/", "httponly", "samesite=strict"}
    assert TOKEN.replace(" ", "") not in cookie
    mine = f"other=1; {cookie.partition(';')[0]}; more"
    page = locked.ask("GET", "/", Cookie=mine)
    assert b"Secret Street" in page.body
    assert TOKEN.encode() not in page.body
    assert locked.ask("GET", "/state.json", Cookie=mine).status == 200
    assert locked.control({"paused": True}, Cookie=mine).status == 200
    assert locked.control({"paused": True}, Cookie=mine, Origin="http://evil.example").status == 403
    again = locked.ask("POST", "/login", body=body, Content_Type=FORM)
    assert again.headers["Set-Cookie"] != cookie


def test_the_address_lets_in(locked: Shown) -> None:
    """And loses the token at once; the rest of the address stays."""
    given = TOKEN.replace(" ", "%20")
    answer = locked.ask("GET", f"/?token={given}")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    answer = locked.ask("GET", f"/state.json?viewer=a&token={given}")
    assert answer.headers["Location"] == "/state.json?viewer=a"
    mine = answer.headers["Set-Cookie"].partition(";")[0]
    assert locked.ask("GET", "/state.json?viewer=a", Cookie=mine).status == 200
    for path in ("/?token=wrong", "/?token=", "/picture.png?token=wrong", "/stream.mjpg?token=x"):
        answer = locked.ask("GET", path)
        assert (answer.status, "Set-Cookie" in answer.headers) == (401, False)
        assert b"not the token" in answer.body


def test_programs_get_in(locked: Shown) -> None:
    """With a header, for pictures as well."""
    good = f"Bearer {TOKEN}"
    assert locked.ask("GET", "/healthz", Authorization=good).status == 200
    assert locked.control({"masks_only": True}, Authorization=good).status == 200
    for wrong in ("Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN):
        assert locked.ask("GET", "/healthz", Authorization=wrong).status == 401
    stream = Stream(locked, Authorization=good)
    assert stream.image()
    stream.close()


def test_guessing_takes_long(locked: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five wrong ones even the right one is not looked at for a while; sessions go on."""
    good = TOKEN.replace(" ", "+")
    answer = locked.ask("GET", f"/?token={good}")
    mine = answer.headers["Set-Cookie"].partition(";")[0]
    for number in range(5):
        body = f"token=wrong{number}".encode()
        assert locked.ask("POST", "/login", body=body, Content_Type=FORM).status == 401
    answer = locked.ask("POST", "/login", body=f"token={good}".encode(), Content_Type=FORM)
    assert answer.status == 429
    assert 25 <= int(answer.headers["Retry-After"]) <= 30
    assert b"Too many wrong tokens" in answer.body
    assert locked.ask("GET", "/state.json", Authorization=f"Bearer {TOKEN}").status == 429
    assert locked.ask("GET", "/state.json", Cookie=mine).status == 200
    monkeypatch.setattr("urban_segmentor.apps.http.access._LOCKOUT_S", 0.0)
    assert locked.ask("GET", "/state.json", Authorization=f"Bearer {TOKEN}").status == 200


def test_a_token_of_other_letters() -> None:
    """It is given as UTF-8 wherever it is given."""
    token = "straße-größe-日本"  # noqa: S105 - of no use anywhere
    for shown in show(token):
        header = b"Authorization: Bearer " + token.encode()
        data = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n"
        assert shown.raw(data).status == 200
        body = b"token=stra%C3%9Fe-gr%C3%B6%C3%9Fe-%E6%97%A5%E6%9C%AC"
        assert shown.ask("POST", "/login", body=body, Content_Type=FORM).status == 303


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"token=%FF%FE", FORM, 401),
        (b"", FORM, 401),
        (b"&" * 100, FORM, 400),
        (b"a=b&" * 100, FORM, 400),
        (b"\xff", FORM, 400),
        (b'{"token": "x"}', "application/json", 415),
    ],
    ids=range(6),
)
def test_forms_that_are_none(locked: Shown, body: bytes, kind: str, status: int) -> None:
    """They get an answer too."""
    assert locked.ask("POST", "/login", body=body, Content_Type=kind).status == status
    assert (
        locked.ask("POST", "/login", body=b"", Content_Type=FORM, Origin="http://a").status == 403
    )
