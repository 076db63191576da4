"""The page in a real browser: the picture moves, the controls act, and nothing passes for live."""

from __future__ import annotations

import io
import shutil
import threading
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.apps.live.browser_parts import NAMES, TOKEN, Shown, Stream
from tests.waiting import NEVER_S, wait_until
from urban_segmentor.apps.live.browser import BrowserDisplay
from urban_segmentor.apps.live.view_controls import ViewControls
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.frame import Frame
from urban_segmentor.synthetic import Street
from urban_segmentor.visualization.live_stats import LiveStats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

LIVE = LiveStats(
    fps=24.0,
    latency_ms=41.0,
    stages_ms={"read": 2.0, "infer": 21.0, "draw": 3.0},
    dropped=1234,
    state="live",
    is_live=True,
)
LOST = LiveStats(state="lost: connection refused; retry in 4 s", dropped=1234)


class Running:
    """A display that gets frames and readings from a thread, as the main thread gives them."""

    def __init__(self, frames: Sequence[Frame], *, port: int = 0, token: str | None = None) -> None:
        self.controls = ViewControls(ClassList.from_names(NAMES))
        self.display = BrowserDisplay(self.controls, title="street", port=port, token=token)
        self.url = self.display.where
        self.readings = LIVE
        self.polls = True
        self._frames, self._done = frames, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def state(self) -> Any:  # noqa: ANN401 - JSON
        """Return the state as a program gets it."""
        return Shown(self.display, self.controls).state()

    def close(self) -> None:
        """End everything; safe to call twice."""
        self._done.set()
        self._thread.join()
        self.display.close()

    def _run(self) -> None:
        frames = cycle(self._frames)
        while not self._done.wait(0.05):
            if not self.polls:
                continue
            if self.controls.view.paused or not self.readings.is_live:
                paused = replace(self.readings, state="paused")
                self.display.poll(paused if self.readings.is_live else self.readings)
            else:
                self.display.show(next(frames), self.readings)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium of the system."""
    playwright = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("there is no Chromium here; `make browser` installs it on Debian")
    with playwright.sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Return some frames of the procedural street."""
    street = Street(size=(360, 640), fps=4, seed=3)
    return [shot.frame for shot in street.shots(seconds=2)]


@pytest.fixture
def running(frames: list[Frame]) -> Iterator[Running]:
    """Give a display with moving pictures."""
    running = Running(frames)
    yield running
    running.close()


@pytest.fixture
def problems() -> list[str]:
    """Return what consoles of pages complain about."""
    return []


@pytest.fixture
def opened(browser: Any, problems: list[str]) -> Iterator[Callable[..., Any]]:  # noqa: ANN401
    """Return what opens a page in a context of its own."""
    contexts: list[Any] = []

    def open_page(url: str, **settings: Any) -> Any:  # noqa: ANN401
        contexts.append(browser.new_context(**settings))
        page = contexts[-1].new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()


def word(page: Any) -> str:  # noqa: ANN401
    """Return the word for the state."""
    return page.locator("#pill").inner_text()


def until(page: Any, expected: str) -> None:  # noqa: ANN401
    """Wait until the page has that word for the state."""
    truth(page, f"document.getElementById('pill')?.textContent === '{expected}'")


def truth(page: Any, expression: str) -> None:  # noqa: ANN401
    """Wait until an expression is true; Playwright's own way needs what the page forbids."""
    wait_until(lambda: page.evaluate(expression), every_s=0.05)


def source_image(page: Any) -> NDArray[np.uint8]:  # noqa: ANN401
    """Return what the browser shows of the picture, uint8 (H, W, 3), RGB."""
    shot = page.locator("#picture").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"))


def is_grey(image: NDArray[np.uint8]) -> bool:
    """Return whether a picture, uint8 (H, W, 3), has no colors."""
    return bool(np.abs(image[..., 0].astype(int) - image[..., 2]).max() <= 3)


def stands_still(page: Any) -> bool:  # noqa: ANN401
    """Return whether the picture stays as it is for a while in which others would come."""
    before = source_image(page)
    page.wait_for_timeout(500)
    return bool((source_image(page) == before).all())


def test_it_moves(running: Running, opened: Callable[..., Any], problems: list[str]) -> None:
    """Until somebody pauses it: then it stands still, says so, and is not dimmed."""
    page = opened(running.url)
    until(page, "live")
    assert page.title() == "street: live"
    first = source_image(page)
    assert first.std() > 20
    wait_until(lambda: (source_image(page) != first).mean() > 0.05)
    assert page.locator("#fps").inner_text() == "24.0"
    assert page.locator("#latency").inner_text() == "41 ms"
    assert page.locator("#dropped").inner_text() == "1,234"
    assert page.locator("#costs").inner_text().split() == [
        "read", "2.0", "ms", "infer", "21.0", "ms", "draw", "3.0", "ms",
    ]  # fmt: skip
    page.keyboard.press("Space")
    until(page, "paused")
    assert running.controls.view.paused
    wait_until(lambda: stands_still(page))
    assert page.evaluate("getComputedStyle(document.getElementById('picture')).filter") == "none"
    late = opened(running.url)  # sees the last picture
    until(late, "paused")
    wait_until(lambda: source_image(late).std() > 20)
    page.click("#pause")
    until(late, "live")
    assert problems == []


def test_the_newest_image_is_shown(
    browser: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not the one before it, although browsers wait for the start of the next part."""
    monkeypatch.setattr("urban_segmentor.apps.live.browser.viewer_streams._RESEND_S", NEVER_S)
    controls = ViewControls(ClassList.from_names(NAMES))
    display = BrowserDisplay(controls, title="street", port=0)
    page = browser.new_page()
    page.goto(display.where)
    for color in ((250, 20, 20), (20, 20, 250), (20, 250, 20)):
        image = np.full((200, 300, 3), color, dtype=np.uint8)
        display.show(Frame(pixels=image), LIVE)
        display.poll(replace(LIVE, state="paused"))
        until(page, "paused")
        wanted = np.array(color)
        wait_until(lambda wanted=wanted: np.abs(source_image(page)[50, 400] - wanted).max() < 12)
    page.close()
    display.close()


def test_keys_act(running: Running, opened: Callable[..., Any], problems: list[str]) -> None:
    """The same as in a window; keys with Ctrl are the browser's own."""
    page = opened(running.url)
    until(page, "live")

    def press(key: str, expected: Callable[[], object]) -> None:
        page.keyboard.press(key)
        wait_until(expected)

    view = lambda: running.controls.view  # noqa: E731 - shorter where it is read
    press("m", lambda: view().masks_only)
    press("h", lambda: not view().figures)
    press("+", lambda: view().conf == 0.30)
    press("-", lambda: view().conf == 0.25)
    press("c", lambda: view().classes == ("car", "bicycle"))
    press("c", lambda: view().classes == ("person", "rider"))
    for key in ("Control+m", "Alt+h", "q", "Escape"):
        page.keyboard.press(key)
    with page.expect_download() as download:
        page.keyboard.press("s")
    with Image.open(Path(download.value.path())) as saved:
        assert saved.size == (640, 360)
    assert download.value.suggested_filename.startswith("street-20")
    page.wait_for_timeout(300)  # for what shall not happen
    assert view().masks_only
    assert not view().figures
    assert not running.controls.wants_quit
    assert problems == []


def test_controls_act(running: Running, opened: Callable[..., Any], problems: list[str]) -> None:
    """And follow what others change."""
    page, other = opened(running.url), opened(running.url)
    until(page, "live")
    until(other, "live")
    wait_until(lambda: running.state()["viewers"] == 2)
    view = lambda: running.controls.view  # noqa: E731 - shorter where it is read
    page.get_by_label("Masks only").check()
    page.get_by_role("button", name="people").click()
    wait_until(lambda: view().masks_only and view().classes == ("person", "rider"))
    truth(other, "document.getElementById('masks').checked")
    boxes = "[...document.querySelectorAll('#classes input')].filter(b => b.checked)"
    truth(other, f"{boxes}.map(b => b.value).join() === 'person,rider'")
    people = other.get_by_role("button", name="people")
    assert people.get_attribute("aria-pressed") == "true"
    other.get_by_label("rider").uncheck()
    wait_until(lambda: view().classes == ("person",))
    other.get_by_label("person").uncheck()
    wait_until(lambda: view().classes == ())
    other.get_by_role("button", name="all", exact=True).click()
    wait_until(lambda: view().classes is None)
    truth(page, f"{boxes}.length === {len(NAMES)}")
    page.get_by_label("Confidence, at least").fill("0.62")
    wait_until(lambda: view().conf == 0.62)
    page.get_by_role("button", name="Lower the confidence").click()
    truth(other, "document.getElementById('conf-value').value === '0.57'")
    running.controls.set_figures(False)
    truth(page, "!document.getElementById('figures').checked")
    # The space bar on a box is the box's own.
    page.get_by_label("Figures on the picture").press("Space")
    wait_until(lambda: view().figures)
    assert not view().paused
    other.context.close()
    wait_until(lambda: running.state()["viewers"] == 1)
    assert word(page) == "live"
    assert problems == []


def test_stop_asks_first(running: Running, opened: Callable[..., Any]) -> None:
    """The first choice is to go on."""
    page = opened(running.url)
    until(page, "live")
    page.click("#stop")
    page.keyboard.press("Enter")
    page.click("#stop")
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)  # for what shall not happen
    assert not running.controls.wants_quit
    page.click("#stop")
    page.get_by_role("button", name="Stop", exact=True).click()
    wait_until(lambda: running.controls.wants_quit)
    running.close()
    until(page, "stopped")


def test_lost_is_not_live(
    running: Running, opened: Callable[..., Any], problems: list[str]
) -> None:
    """The banner says why, the picture is grey; messages show; then it is live again."""
    page = opened(running.url)
    until(page, "live")
    running.readings = LOST
    until(page, "lost")
    assert page.locator("#banner").inner_text() == LOST.state
    wait_until(lambda: is_grey(source_image(page)[:100]))
    running.display.say("saved as <b>street</b>.png")
    page.get_by_text("saved as <b>street</b>.png").wait_for()
    running.readings = replace(LIVE, state="connecting", is_live=False)
    until(page, "connecting")
    running.readings = LIVE
    until(page, "live")
    assert page.locator("#banner").is_hidden()
    running.polls = False  # the program hangs
    until(page, "not answering")
    assert problems == []


def test_the_program_goes_and_comes(
    running: Running, frames: list[Frame], opened: Callable[..., Any]
) -> None:
    """The page says so, keeps the picture, dimmed, and goes on by itself."""
    page = opened(running.url)
    until(page, "live")
    running.close()
    until(page, "not reached")
    page.get_by_text("The program has ended or cannot be reached").wait_for()
    assert source_image(page)[:100].std() > 1
    assert page.locator("#fps").inner_text() == "\N{EN DASH}"
    again = Running(frames, port=int(running.url.rstrip("/").rpartition(":")[2]))
    try:
        assert again.url == running.url
        until(page, "live")
        first = source_image(page)
        wait_until(lambda: (source_image(page) != first).mean() > 0.05)
    finally:
        again.close()


def test_a_stream_that_breaks_comes_back(running: Running, opened: Callable[..., Any]) -> None:
    """The page notices that pictures no longer come, and asks anew."""
    page = opened(running.url)
    until(page, "live")
    stream = page.evaluate("new URL(document.getElementById('picture').src).search")
    # A program under the page's name takes its place, and leaves.
    Stream(Shown(running.display, running.controls), f"/stream.mjpg{stream}").close()
    truth(page, f"!document.getElementById('picture').src.endsWith('{stream}')")
    wait_until(lambda: running.state()["viewers"] == 1)
    until(page, "live")


def test_nobody_looks(running: Running, opened: Callable[..., Any]) -> None:
    """A page in the background takes no pictures."""
    page = opened(running.url)
    until(page, "live")
    for hidden, viewers in (("true", 0), ("false", 1)):
        page.evaluate(
            f"Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        wait_until(lambda viewers=viewers: running.state()["viewers"] == viewers)
    until(page, "live")


def test_it_fits(running: Running, opened: Callable[..., Any], problems: list[str]) -> None:
    """Nothing sticks out on the right, in light and dark."""
    page = opened(running.url)
    until(page, "live")
    for width, scheme in ((320, "light"), (390, "dark"), (820, "light"), (1440, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        truth(page, f"innerWidth === {width}")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (sum(map(int, ground[4:-1].split(","))) < 380) == (scheme == "dark")
        assert source_image(page).shape[1] > 0.6 * width
    assert page.evaluate("document.images[0].alt")
    assert problems == []


def test_the_token_opens_it(frames: list[Frame], opened: Callable[..., Any]) -> None:
    """By the form, or by the address, which loses it."""
    running = Running(frames, token=TOKEN)
    try:
        page = opened(running.url)
        page.get_by_label("Token").fill("a wrong one, indeed")
        page.keyboard.press("Enter")
        page.get_by_text("This is not the token.").wait_for()
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Watch").click()
        until(page, "live")
        page.keyboard.press("m")
        wait_until(lambda: running.controls.view.masks_only)
        other = opened(f"{running.url}?token={TOKEN}")
        until(other, "live")
        assert other.url == running.url
        other.context.clear_cookies()  # as after a new start
        other.get_by_label("Token").wait_for()
    finally:
        running.close()
