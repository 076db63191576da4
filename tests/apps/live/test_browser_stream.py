"""Everybody gets the newest picture, and nobody is in the way of others."""

from __future__ import annotations

import itertools
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from tests.apps.live.browser_parts import (
    LIVE,
    NAMES,
    Shown,
    Stream,
    feeding,
    no_thread_stays,
    number_of,
    numbered,
)
from tests.waiting import wait_until
from urban_segmentor.apps.live.browser import BrowserDisplay
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def shown() -> Iterator[Shown]:
    """Give a display, and check that no thread is left."""
    controls = ViewControls(ClassList.from_names(NAMES))
    with no_thread_stays():
        display = BrowserDisplay(controls, title="street", port=0)
        yield Shown(display, controls)
        display.close()


def test_images_come(shown: Shown) -> None:
    """The last one to who joins late, then each new one, the size as it is."""
    shown.display.show(numbered(10), LIVE)
    with closing(Stream(shown)) as stream:
        head = stream.head()
        assert head["Content-Type"] == "multipart/x-mixed-replace; boundary=next-picture"
        assert head["Cache-Control"] == "no-store"
        assert number_of(stream.image()) == 10
        for number in (11, 12, 13):
            shown.display.show(numbered(number, size=(100 + number, 200)), LIVE)
            assert number_of(stream.image()) == number
        with closing(Stream(shown)) as second:
            second.head()
            assert number_of(second.image()) == 13


def test_a_image_that_stands_still(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection lives; the picture comes again now and then; before it there is nothing."""
    monkeypatch.setattr("urban_segmentor.apps.live.browser.viewer_streams._POLL_S", 0.05)
    monkeypatch.setattr("urban_segmentor.apps.live.browser.viewer_streams._RESEND_S", 0.3)
    with closing(Stream(shown)) as stream:
        stream.head()
        time.sleep(0.2)
        shown.display.show(numbered(20), LIVE)
        since_s = time.monotonic()
        assert [number_of(stream.image()) for _ in range(3)] == [20, 20, 20]
        assert time.monotonic() - since_s > 0.5
        shown.display.show(numbered(21), LIVE)
        while (number := number_of(stream.image())) == 20:
            pass
        assert number == 21


def test_one_who_does_not_read(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither others nor showing wait for it."""
    monkeypatch.setattr("urban_segmentor.apps.http.server._STALL_TIMEOUT_S", 600.0)
    with closing(Stream(shown, buffer=8192)), closing(Stream(shown)) as good:
        good.head()
        wait_until(lambda: shown.state()["viewers"] == 2)
        last = 0
        for number in range(1, 61):
            shown.display.show(numbered(number, size=(480, 640), noise=True), LIVE)
            if number % 2:
                seen = number_of(good.image())
                assert last < seen <= number + 1
                last = seen
        assert shown.state()["viewers"] == 2


def test_one_who_does_not_read_is_left(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while in which nothing goes to it."""
    monkeypatch.setattr("urban_segmentor.apps.http.server._STALL_TIMEOUT_S", 0.5)
    frames = (numbered(number % 9, size=(480, 640), noise=True) for number in itertools.count())
    with closing(Stream(shown, buffer=8192)):
        wait_until(lambda: shown.state()["viewers"] == 1)
        with feeding(shown, frames, pause_s=0.02):
            wait_until(lambda: shown.state()["viewers"] == 0)


def test_one_who_is_slow_sees_no_old_images(shown: Shown) -> None:
    """What lies on the way is little: soon after a pause of the viewer the present comes."""
    frames = [numbered(number, size=(480, 640), noise=True) for number in range(1, 121)]
    with closing(Stream(shown, buffer=16384)) as slow:
        slow.head()
        with feeding(shown, frames, pause_s=0.01) as fed:
            slow.image()
            wait_until(lambda: len(fed) > 60)
            numbers = [number_of(slow.image()) for _ in range(4)]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] > numbers[0] + 20, numbers


def test_comings_and_goings(shown: Shown) -> None:
    """Politely or not, in the middle of a picture or before it: nobody is counted for ever."""
    with feeding(shown, map(numbered, itertools.count()), pause_s=0.01):
        for number in range(40):
            wait_until(lambda: shown.state()["viewers"] < 8)
            with closing(Stream(shown)) as stream:
                if number % 2:
                    stream.head()
                    stream.image()
    wait_until(lambda: shown.state()["viewers"] == 0)


def test_leaving_a_still_image(shown: Shown) -> None:
    """It is noticed without a new picture, before there is one as well."""
    for _ in range(2):
        stream = Stream(shown)
        wait_until(lambda: shown.state()["viewers"] == 1)
        stream.close()
        wait_until(lambda: shown.state()["viewers"] == 0)
        shown.display.show(numbered(1), LIVE)


def test_too_many_viewers(shown: Shown) -> None:
    """They hear it kindly; a page that asks again takes its own place."""
    with ExitStack() as stack:
        streams = [
            stack.enter_context(closing(Stream(shown, f"/stream.mjpg?viewer=a{n}")))
            for n in range(8)
        ]
        wait_until(lambda: shown.state()["viewers"] == 8)
        late = stack.enter_context(closing(Stream(shown)))
        answer = late.refusal()
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "5"
        assert "try again" in answer.value["error"]
        again = stack.enter_context(closing(Stream(shown, "/stream.mjpg?viewer=a3")))
        again.head()
        streams[3].head()
        with pytest.raises(EOFError):
            streams[3].image()
        assert shown.state()["viewers"] == 8
        mine = shown.ask("GET", "/state.json?viewer=a3").value["viewer"]
        assert mine == {"sent": 0, "fps": 0}
        shown.display.show(numbered(5), LIVE)
        assert number_of(again.image()) == 5
        wait_until(lambda: shown.ask("GET", "/state.json?viewer=a3").value["viewer"]["fps"] == 1)
    wait_until(lambda: shown.state()["viewers"] == 0)


def test_only_its_head(shown: Shown) -> None:
    """A program may ask what it would get."""
    answer = shown.ask("HEAD", "/stream.mjpg")
    assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace")


def test_the_end_comes_to_viewers(shown: Shown) -> None:
    """Also to one who does not read; showing afterwards does no harm."""
    with closing(Stream(shown)) as good, closing(Stream(shown, buffer=8192)):
        good.head()
        frames = (numbered(number % 9, noise=True) for number in itertools.count())
        with feeding(shown, frames, pause_s=0.01):
            good.image()
            time.sleep(0.3)
            shown.display.close()
            # What was on its way still comes.
            with pytest.raises((EOFError, ConnectionError)):
                list(iter(good.image, None))
    shown.display.show(numbered(1), LIVE)
    shown.display.poll(LIVE)
    shown.display.say("too late")
