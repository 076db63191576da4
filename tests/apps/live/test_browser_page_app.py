"""What the page, and programs in its place, get and can change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.apps.live.browser_parts import LIVE, NAMES, Shown, numbered
from urban_segmentor.apps.live.browser import BrowserDisplay
from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.visualization.live_stats import LiveStats
from urban_segmentor.visualization.palette import class_colors
from urban_segmentor.visualization.style import PALETTES

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shown() -> Iterator[Shown]:
    """Give a display."""
    controls = ViewControls(known_classes(NAMES))
    display = BrowserDisplay(controls, title='<b>street & "co"</b>', port=0)
    yield Shown(display, controls)
    display.close()


def test_the_page(shown: Shown) -> None:
    """Its own files alone, nothing from elsewhere, the title escaped."""
    answer = shown.ask("GET", "/")
    text = answer.body.decode()
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "&lt;b&gt;street &amp; &quot;co&quot;&lt;/b&gt;" in text
    assert "<b>" not in text
    assert "{" not in text
    assert "http:" not in text.replace("http://www.w3.org", "")
    for path, kind in (
        ("/live.js", "text/javascript"),
        ("/controls.js", "text/javascript"),
        ("/style.css", "text/css"),
        ("/icon.svg", "image/svg+xml"),
    ):
        assert path == "/controls.js" or path in text
        answer = shown.ask("GET", path)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(kind)
        head = shown.ask("HEAD", path)
        assert head.body == b""
        assert head.headers["Content-Length"] == str(len(answer.body))


def test_the_state(shown: Shown) -> None:
    """Before the first frame, and after."""
    state = shown.state()
    assert (state["state"], state["fps"], state["has_image"]) == ("connecting", None, False)
    assert state["class_names"] == list(NAMES)
    assert state["colors"][3] == "#00008e"
    assert state["presets"] == {
        "all": None,
        "traffic": ["car", "bicycle"],
        "people": ["person", "rider"],
        "things": ["person", "rider", "car", "bicycle"],
        "stuff": ["road"],
    }
    assert (state["viewers"], state["viewer"], state["message"]) == (0, None, None)
    shown.display.show(numbered(1), LIVE)
    state = shown.state()
    assert (state["state"], state["is_live"], state["has_image"]) == ("live", True, True)
    assert (state["fps"], state["latency_ms"], state["stages_ms"]) == (24.0, 41.3, {"infer": 21.0})
    assert state["silent_s"] < 1
    shown.display.poll(LiveStats(state="lost: gone; retry in 4 s", dropped=7))
    assert shown.state()["state"] == "lost: gone; retry in 4 s"
    assert shown.state()["dropped"] == 7


def test_a_message_goes_away(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a number, so that a page shows it once."""
    monkeypatch.setattr("urban_segmentor.apps.live.browser.browser_display._MESSAGE_S", 0.2)
    shown.display.say("one")
    shown.display.say("two")
    assert shown.state()["message"] == {"number": 2, "text": "two"}
    monkeypatch.setattr("urban_segmentor.apps.live.browser.browser_display._MESSAGE_S", 0.0)
    shown.display.say("three")
    assert shown.state()["message"] is None


def test_wishes(shown: Shown) -> None:
    """All of them, one by one or together; the answer is the state after them."""
    controls = shown.controls
    answer = shown.control({"conf": 0.4, "masks_only": True, "figures": False, "paused": True})
    assert answer.status == 200
    assert answer.value["view"] == {
        "conf": 0.4,
        "classes": None,
        "masks_only": True,
        "figures": False,
        "paused": True,
    }
    assert controls.view == ViewState(conf=0.4, masks_only=True, figures=False, paused=True)
    shown.control({"conf_steps": 2})
    assert controls.view.conf == 0.5
    shown.control({"conf_steps": -1, "paused": False})
    assert (controls.view.conf, controls.view.paused) == (0.45, False)
    shown.control({"next_filter": 1})
    assert controls.view.classes == ("car", "bicycle")
    shown.control({"next_filter": 1})
    assert controls.view.classes == ("person", "rider")
    shown.control({"classes": []})
    assert controls.view.classes == ()
    shown.control({"classes": ["car"]})
    assert controls.view.classes == ("car",)
    shown.control({"classes": None, "conf": 1})
    assert (controls.view.classes, controls.view.conf) == (None, 1.0)
    assert not controls.wants_quit
    assert shown.control({"quit": True}).status == 200
    assert controls.wants_quit


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"conf": 1.5}, "conf"),
        ({"conf": -0.1}, "conf"),
        ({"conf": float("nan")}, "conf"),
        ({"conf": float("inf")}, "conf"),
        ({"conf": 10**400}, "conf"),
        ({"conf": True}, "conf"),
        ({"conf": "0.5"}, "conf"),
        ({"conf": None}, "conf"),
        ({"conf_steps": 0.5}, "conf_steps"),
        ({"conf_steps": 10**9}, "conf_steps"),
        ({"next_filter": True}, "next_filter"),
        ({"masks_only": 1}, "masks_only"),
        ({"paused": None}, "paused"),
        ({"quit": False}, "quit"),
        ({"classes": "car"}, "classes"),
        ({"classes": [1]}, "classes"),
        ({"classes": {"car": 1}}, "classes"),
        ({"classes": ["car", "ship\ud800"]}, "ship"),
        ({"<script>" * 50: 1}, "<script>"),
        ([], "object"),
        ("quit", "object"),
    ],
    ids=range(21),
)
def test_wishes_that_cannot_be(shown: Shown, wish: object, words: str) -> None:
    """Nothing of the request is done then."""
    before = shown.controls.view
    together = {**wish, "figures": False, "masks_only": True} if isinstance(wish, dict) else wish
    for request in (wish, {**together, **wish} if isinstance(wish, dict) else wish):
        answer = shown.control(request)
        assert answer.status == 400
        assert words in answer.value["error"]
        assert len(answer.body) < 500
    assert shown.controls.view == before
    assert not shown.controls.wants_quit


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[" * 9_000, b'{"conf": ' + b"9" * 9_000 + b"}", b"NaN"]
)
def test_bodies_that_are_no_wishes(shown: Shown, body: bytes) -> None:
    """Among them what breaks parsers."""
    answer = shown.ask("POST", "/control", body=body, Content_Type="application/json")
    assert answer.status == 400


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_steers(shown: Shown, kind: str) -> None:
    """Forms of other pages can send the other kinds."""
    answer = shown.ask("POST", "/control", body=b'{"quit": true}', Content_Type=kind)
    assert answer.status == 415
    assert not shown.controls.wants_quit


@pytest.mark.parametrize(("path", "off"), [("/picture.png", 0), ("/picture.jpg", 3)])
def test_a_image_to_keep(shown: Shown, path: str, off: int) -> None:
    """The one that is shown, whole, under a name with the time."""
    shown.display.show(numbered(3), LIVE)
    shown.display.show(numbered(50, size=(121, 161)), LIVE)
    answer = shown.ask("GET", path)
    name = answer.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="street-20')
    image = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_COLOR)
    assert np.asarray(image).shape == (121, 161, 3)
    assert np.abs(np.asarray(image)[4:60, 4:60].astype(int) - 100).max() <= off


@pytest.mark.parametrize("palette", PALETTES)
def test_colors_are_those_of_the_classes(palette: str) -> None:
    """One beside each name that is offered, as the palette has it."""
    classes = ClassList.from_names(
        ["boat", "car", "boat"], colors=[(1, 2, 255), (3, 4, 5), (6, 7, 8)]
    )
    display = BrowserDisplay(ViewControls(classes), title="x", port=0, palette=palette)
    state = Shown(display, ViewControls(classes)).state()
    display.close()
    assert state["class_names"] == ["boat", "car"]
    assert state["presets"] == {"all": None, "traffic": ["car"]}
    car = class_colors(classes, palette=palette)[1]
    assert state["colors"] == ["#0102ff", "#{:02x}{:02x}{:02x}".format(*car)]
    assert (car == (3, 4, 5)) is (palette == "cityscapes")
