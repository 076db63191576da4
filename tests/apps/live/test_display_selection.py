"""The display fits the machine, and the sentence says why it was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from urban_segmentor.apps.live.display_selection import DisplaySelection, select_display
from urban_segmentor.apps.live.null_display import NullDisplay
from urban_segmentor.errors import DisplayError, MissingExtraError, SettingError
from urban_segmentor.structures.frame import Frame
from urban_segmentor.visualization.live_stats import LiveStats

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.apps.live.display import Display

SCREEN = {"DISPLAY": ":0"}
URL = "http://127.0.0.1:8000/"


class Fake(NullDisplay):
    """A display that says where it is."""

    def __init__(self, where: str, moved_from: int | None = None) -> None:
        self.place, self.moved_from = where, moved_from

    @property
    def where(self) -> str:
        """Where to look."""
        return self.place


def never() -> Fake:
    """Fail: this display must not be opened."""
    pytest.fail("opened a display that was not chosen")


def page() -> Fake:
    """Return a page."""
    return Fake(URL)


def window() -> Fake:
    """Return a window."""
    return Fake("a window")


def without_pygame() -> Fake:
    """Fail as without the extra."""
    raise MissingExtraError("pygame", extra="window")


def without_luck() -> Fake:
    """Fail as SDL does."""
    raise DisplayError("no window opens: x11 not available")


def choose(
    wish: str,
    environ: dict[str, str],
    *,
    make_window: Callable[[], Display] = never,
    make_browser: Callable[[], Fake] = never,
    platform: str = "linux",
) -> DisplaySelection:
    """Choose with fakes."""
    return select_display(
        wish, make_window=make_window, make_browser=make_browser, environ=environ, platform=platform
    )


@pytest.mark.parametrize(
    ("environ", "platform"),
    [
        ({"DISPLAY": ":0"}, "linux"),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux"),
        ({"SDL_VIDEODRIVER": "kmsdrm"}, "linux"),
        ({}, "win32"),
        ({}, "darwin"),
    ],
)
@pytest.mark.parametrize("wish", ["auto", "window"])
def test_a_screen_gets_a_window(wish: str, environ: dict[str, str], platform: str) -> None:
    """Of either kind on Linux; elsewhere there always is one."""
    choice = choose(wish, environ, make_window=window, platform=platform)
    assert choice.sentence == "in a window"


@pytest.mark.parametrize("wish", ["auto", "window"])
@pytest.mark.parametrize("environ", [{}, {"DISPLAY": ""}], ids=["unset", "empty"])
def test_without_a_screen_it_is_the_browser(wish: str, environ: dict[str, str]) -> None:
    """Even when a window was asked for, and without trying."""
    choice = choose(wish, environ, make_browser=page)
    assert choice.sentence == f"browser at {URL}, because there is no screen here"


def test_a_window_nobody_sees_is_only_opened_when_asked_for() -> None:
    """SDL's dummy driver is for tests."""
    environ = {"SDL_VIDEODRIVER": "dummy", "DISPLAY": ":0"}
    assert "no screen" in choose("auto", environ, make_browser=page).sentence
    assert choose("window", environ, make_window=window).sentence == "in a window"


def test_without_pygame_it_is_the_browser() -> None:
    """The sentence says what to install."""
    choice = choose("auto", SCREEN, make_window=without_pygame, make_browser=page)
    assert choice.sentence == (
        f"browser at {URL}, because the extra 'window' is not installed "
        "(pip install 'urban-segmentor[window]')"
    )


def test_a_window_that_was_asked_for_needs_pygame() -> None:
    """There is something to install, so nothing else is taken for it."""
    with pytest.raises(MissingExtraError) as caught:
        choose("window", SCREEN, make_window=without_pygame)
    assert caught.value.hint == "pip install 'urban-segmentor[window]'"


@pytest.mark.parametrize("wish", ["auto", "window"])
def test_a_window_that_does_not_open_becomes_the_browser(wish: str) -> None:
    """With SDL's own reason."""
    choice = choose(wish, SCREEN, make_window=without_luck, make_browser=page)
    assert choice.sentence == f"browser at {URL}, because no window opens: x11 not available"


def test_a_port_that_is_taken_is_told() -> None:
    """Else nobody would find the page."""
    moved = Fake("http://127.0.0.1:8001/", moved_from=8000)
    choice = choose("browser", {}, make_browser=lambda: moved)
    assert choice == (moved, "browser at http://127.0.0.1:8001/, because port 8000 is taken")
    choice = choose("auto", {}, make_browser=lambda: moved)
    assert choice.sentence.endswith(", because there is no screen here and port 8000 is taken")
    assert choose("browser", SCREEN, make_browser=page).sentence == f"browser at {URL}"


def test_nothing_is_shown_when_nothing_is_asked_for() -> None:
    """A display that takes everything and does nothing."""
    display, sentence = choose("none", SCREEN)
    assert sentence == "no display, as asked for"
    assert display.where == "nowhere"
    display.show(Frame(pixels=np.zeros((2, 2, 3), dtype=np.uint8)), LiveStats())
    display.poll(LiveStats())
    display.say("nothing")
    display.close()
    display.close()


def test_an_unknown_display_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(SettingError, match="no display `tv`") as caught:
        choose("tv", SCREEN)
    assert caught.value.hint == "one of auto, window, browser, none"
