"""Where the app listens, and who it thinks can come."""

from __future__ import annotations

import socket

import pytest

from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.server import serve
from urban_segmentor.apps.web.settings import AppSettings
from urban_segmentor.errors import SettingError


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("127.0.0.1", True), ("localhost", True), ("::1", True), ("[::1]", True),
        ("127.3.2.1", True), ("0.0.0.0", False), ("::", False), ("192.168.1.4", False),  # noqa: S104
        ("street.example", False), ("localhost.street.example", False), ("", False),
    ],
)  # fmt: skip
def test_which_hosts_are_this_machine(host: str, *, is_local: bool) -> None:
    """All others count as open to strangers."""
    assert AppSettings(host=host).is_local is is_local


@pytest.mark.parametrize(
    "wrong",
    [{"port": -1}, {"port": 65536}, {"password": ""}],
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    """Are refused with a hint."""
    with pytest.raises(SettingError) as refusal:
        AppSettings(**wrong)
    assert refusal.value.hint


@pytest.mark.parametrize("name", ["image_bytes", "video_s", "queue"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_that_let_nothing_in(name: str, value: float) -> None:
    """Are a mistake."""
    with pytest.raises(SettingError, match=name):
        UploadLimits(**{name: value})


def test_the_password_is_in_no_text() -> None:
    """As it would be in a log of the settings."""
    assert "secret" not in repr(AppSettings(password="secret"))  # noqa: S106


def test_a_port_that_is_taken() -> None:
    """Or a host that is none of this machine's."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingError, match=str(port)) as refusal:
            serve(AppSettings(port=port))
        assert "--port 0" in (refusal.value.hint or "")
    with pytest.raises(SettingError, match=r"192\.0\.2\.1") as refusal:
        serve(AppSettings(host="192.0.2.1", port=0))
    assert "--host" in (refusal.value.hint or "")
