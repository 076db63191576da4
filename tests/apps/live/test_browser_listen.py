"""Where the page is, and who may reach it there."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack, closing
from typing import Any

import pytest

from tests.apps.live.browser_parts import NAMES, TOKEN
from urban_segmentor.apps.live.browser import BrowserDisplay
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.errors import SettingError
from urban_segmentor.structures.classes import ClassList


def opened(**settings: Any) -> closing[BrowserDisplay]:  # noqa: ANN401
    """Return a display as a context."""
    return closing(
        BrowserDisplay(
            ViewControls(ClassList.from_names(NAMES)), **{"title": "street", "port": 0, **settings}
        )
    )


@pytest.mark.parametrize(
    ("settings", "words", "hint"),
    [
        ({"host": "0.0.0.0"}, "other machines", "--host 0.0.0.0 --token"),  # noqa: S104
        ({"host": "::"}, "other machines", "URBAN_SEGMENTOR_TOKEN"),
        ({"token": "short"}, "5 characters, expected 12", "URBAN_SEGMENTOR_TOKEN"),
        ({"token": ""}, "0 characters", "openssl"),
        ({"port": -1}, "port -1", "--port 8000"),
        ({"port": 65536}, "port 65536", "--port 8000"),
        ({"host": ""}, "no host", "--host"),
        ({"host": "no such host"}, "no such host", "--host"),
        ({"host": "a" * 70}, "no host", "--host"),
        ({"host": "192.0.2.77", "token": TOKEN}, "no address of this machine", "--host 127.0.0.1"),
    ],
)
def test_a_setting_that_cannot_be(settings: dict[str, Any], words: str, hint: str) -> None:
    """Nothing is opened, and the hint can be pasted."""
    with pytest.raises(SettingError, match=words) as caught, opened(**settings):
        pass
    assert hint in str(caught.value.hint)
    assert settings.get("token") in {None, ""} or settings["token"] not in str(caught.value)


def test_a_port_in_use_makes_way() -> None:
    """The next free one is taken and it is said which was asked for; port 0 is never moved."""
    with opened() as first:
        assert first.moved_from is None
        port = int(first.where.rstrip("/").rpartition(":")[2])
        with opened(port=port) as second:
            assert second.moved_from == port
            taken = int(second.where.rstrip("/").rpartition(":")[2])
            assert port < taken < port + 20
    with opened(port=port) as again:
        assert again.moved_from is None
        assert again.where == f"http://127.0.0.1:{port}/"


def test_all_ports_are_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is an error, rather than a port that nobody would look for."""
    monkeypatch.setattr("urban_segmentor.apps.live.browser.browser_display._MAX_PORT_ATTEMPTS", 1)
    with ExitStack() as stack:
        first = stack.enter_context(opened())
        port = int(first.where.rstrip("/").rpartition(":")[2])
        with pytest.raises(SettingError, match=f"port {port} is in use") as caught:
            stack.enter_context(opened(port=port))
    assert caught.value.hint == "--port 0 takes a free one"


@pytest.mark.parametrize(
    ("number", "words"), [(errno.EACCES, "not for ordinary users"), (errno.ENOBUFS, "cannot")]
)
def test_the_system_refuses(monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    """Ports below 1024, mostly."""

    def refuse(*_: object, **__: object) -> socket.socket:
        raise OSError(number, "refused")

    monkeypatch.setattr("socket.create_server", refuse)
    with pytest.raises(SettingError, match=words), opened(port=80):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.9", "::1"])
def test_loopback_needs_no_token(host: str) -> None:
    """It is reached by the name that was given."""
    try:
        socket.create_server((host, 0), family=socket.getaddrinfo(host, 0)[0][0]).close()
    except OSError:
        pytest.skip(f"{host} is not there")
    with opened(host=host) as display:
        assert display.where.startswith(f"http://[{host}]:" if ":" in host else f"http://{host}:")


def test_all_addresses_with_a_token() -> None:
    """An address that others can open, and no token in it."""
    with opened(host="0.0.0.0", token=TOKEN) as display:  # noqa: S104
        assert "0.0.0.0" not in display.where  # noqa: S104
        assert TOKEN not in display.where
        assert TOKEN not in repr(vars(display))


def test_all_addresses_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of the machine is the best that others can be told."""

    def unreachable(*_: object) -> None:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr(socket.socket, "connect", unreachable)
    with opened(host="0.0.0.0", token=TOKEN) as display:  # noqa: S104
        assert display.where.startswith(f"http://{socket.gethostname()}:")
