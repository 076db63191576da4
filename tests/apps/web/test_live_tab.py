"""The visitor's camera in the page, with a film of a drawn street in the camera's place."""

from __future__ import annotations

import base64
import re
import shutil
import socket
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as Pillow

from tests.apps.web.running import RunningApp
from tests.apps.web.test_live import coded_and_back, decoded, drawn_by, far
from tests.io.image_makers import coded
from tests.waiting import wait_until
from urban_segmentor.apps.web.model_pool import ModelPool
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from urban_segmentor.structures.frame import Image

pytestmark = pytest.mark.slow

Page = Any
Browser = Any
FAKE_ANSWER, FAKE_CAMERA = "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"
ELSEWHERE = "elsewhere.test"
LATE_MS = 10_000  # an answer that takes longer is given up by the page

# Keeps what the page sends and gets, and the cameras it opens.
WATCH = """
window.streams = []; window.frames = []; window.posts = 0; window.flying = 0; window.most = 0;
window.said = [];
const media = navigator.mediaDevices;
if (media) {
  const open = media.getUserMedia.bind(media);
  media.getUserMedia = async (wish) => {
    const stream = await open(wish);
    window.streams.push(stream);
    return stream;
  };
}
const usual = window.fetch;
window.fetch = async (url, options) => {
  if (!String(url).startsWith('live')) return usual(url, options);
  window.posts += 1;
  window.flying += 1;
  window.most = Math.max(window.most, window.flying);
  try {
    const answer = await usual(url, options);
    const kept = { url, sent: options.body, seen: answer.headers.get('X-Seen'), got: null };
    window.frames.push(kept);
    kept.got = await answer.clone().blob();
    window.frames = window.frames.slice(-4);
    return answer;
  } finally {
    window.flying -= 1;
  }
};
"""

FRAMES = """async () => {
  const text = (blob) => new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.split(',')[1]);
    reader.readAsDataURL(blob);
  });
  return Promise.all(window.frames.filter((one) => one.got).map(async (one) => (
    { ...one, sent: await text(one.sent), got: await text(one.got) })));
}"""


@pytest.fixture(scope="module")
def street() -> list[Image]:
    """Return two seconds of a street, uint8 (480, 640, 3), RGB, as the camera films it."""
    shots = Street(size=(480, 640), fps=25, seed=3, camera="dashcam").shots(seconds=2.0)
    return [coded_and_back(shot.frame.image) for shot in shots]


@pytest.fixture(scope="module")
def launch() -> Iterator[Callable[..., Browser]]:
    """Return what starts a browser with more arguments."""
    playwright = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium here: `make system` installs one")
    usual = ("--no-sandbox", "--mute-audio")
    with playwright.sync_playwright() as started:
        yield lambda *words: started.chromium.launch(
            executable_path=executable, args=[*usual, *words]
        )


@pytest.fixture(scope="module")
def browser(
    launch: Callable[..., Browser], street: list[Image], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Return a browser whose camera films the street, and whose user says yes."""
    film = tmp_path_factory.mktemp("camera") / "street.mjpeg"
    images = [coded("jpg", Pillow.fromarray(image), quality=90) for image in street]
    film.write_bytes(b"".join(images))
    browser = launch(
        FAKE_ANSWER,
        FAKE_CAMERA,
        f"--use-file-for-fake-video-capture={film}",
        f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1",
    )
    yield browser
    browser.close()


@pytest.fixture
def page(browser: Browser, app: RunningApp) -> Iterator[Page]:
    """Return the tab, in which nothing may fail."""
    page = visit(browser, app.url)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    page.context.close()
    assert wrong == []


def visit(browser: Browser, url: str, **options: Any) -> Page:  # noqa: ANN401
    """Return the tab as a new visitor sees it."""
    page = browser.new_context(**{"viewport": {"width": 1400, "height": 1000}} | options).new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_selector("#preset input:checked")
    page.get_by_role("tab", name="Live").click()
    page.wait_for_selector("#live-view .start:visible")
    return page


def begin(page: Page) -> None:
    """Start, and wait for pictures and figures."""
    page.click("#live-view .start")
    wait_for_images(page)


def wait_for_images(page: Page) -> None:
    """Wait until pictures come, and how fast they do."""
    page.wait_for_selector("#live-view canvas:visible")
    page.wait_for_function("() => document.querySelector('#live-view .figures').textContent")


def told(page: Page) -> str:
    """Return the sentence under the picture."""
    return page.inner_text("#live-view .told")


def wait_for_words(page: Page, words: str) -> None:
    """Wait for a sentence."""
    page.wait_for_function(
        "words => document.querySelector('#live-view .told').textContent.includes(words)",
        arg=words,
    )


def check_is_off(page: Page) -> None:
    """Check that the camera's light is off, and that nothing is sent any more."""
    states = page.evaluate(
        "() => window.streams.flatMap((one) => one.getTracks().map((track) => track.readyState))"
    )
    assert states
    assert set(states) == {"ended"}
    before = page.evaluate("() => window.posts")
    page.wait_for_timeout(700)  # in which some would be sent
    assert page.evaluate("() => window.posts") == before
    assert page.inner_text("#live-view .start") == "Start the camera"
    assert page.is_hidden("#live-view canvas")
    assert page.inner_text("#live-view .figures") == ""


def on_screen(page: Page) -> Image:
    """Return what the canvas shows, uint8 (H, W, 3), RGB."""
    url = page.eval_on_selector("#live-view canvas", "one => one.toDataURL('image/png')")
    return decoded(base64.b64decode(url.split(",")[1]))


def last_frames(page: Page) -> list[dict[str, Any]]:
    """Return the last frames: what was sent and what came back, as JPEG."""
    return [
        one | {key: base64.b64decode(one[key]) for key in ("sent", "got")}
        for one in page.evaluate(FRAMES)
    ]


def test_the_camera_is_shown_with_what_was_found(page: Page) -> None:
    """Pictures are those that the library draws on what was sent, and they go on changing."""
    assert "are segmented there, and forgotten" in told(page)
    begin(page)
    first = on_screen(page)
    wait_until(lambda: far(first, on_screen(page)) > 1)
    page.click("#live-view .start")
    shown, engine = on_screen(page), ModelPool()
    frames = last_frames(page)
    assert min(far(shown, decoded(one["got"])) for one in frames) < 1
    for one in frames:
        wanted, names = drawn_by(engine, one["sent"])
        assert "car" in names
        assert far(decoded(one["got"]), coded_and_back(wanted)) < 0.5
        assert far(decoded(one["got"]), decoded(one["sent"])) > 5


def test_the_figures_are_true(page: Page) -> None:
    """Rate and delay are those that are measured from outside."""
    begin(page)

    def agree() -> bool:
        before, since_s = page.evaluate("() => window.posts"), time.monotonic()
        rates: list[float] = []
        for _ in range(3):
            page.wait_for_timeout(1000)
            said = page.inner_text("#live-view .figures")
            fps, whole, server, rest = map(float, re.findall(r"[\d.]+", said))
            rates.append(fps)
            assert whole == server + rest
            assert 0 < server < whole < LATE_MS
        rate = (page.evaluate("() => window.posts") - before) / (time.monotonic() - since_s)
        assert rate < 33  # the camera has 30
        return bool(0.6 * rate < np.median(rates) < 1.5 * rate)

    wait_until(agree)  # not at once: the machine may get busy in between


def test_only_the_newest_frames_are_sent(page: Page) -> None:
    """Two at most are under way, and each is another than the one before."""
    begin(page)
    page.wait_for_function("() => window.posts > 20")
    assert page.evaluate("() => window.most") == 2
    frames = last_frames(page)
    assert len({one["sent"] for one in frames}) == len(frames)
    assert all(decoded(one["sent"]).shape == (480, 640, 3) for one in frames)


def test_the_controls_count_while_it_runs(page: Page) -> None:
    """A preset leaves its classes alone, in the very next frames, and all of them come back."""
    begin(page)
    page.locator("#preset").get_by_label("people", exact=True).check()
    page.wait_for_function("() => window.frames.at(-1)?.url.includes('classes=person')")
    page.wait_for_function(
        "() => window.frames.every((one) => one.got && one.url.includes('rider'))"
    )
    frames = last_frames(page)
    seen = {name for one in frames for name in re.findall(r"[a-z][a-z ]*", one["seen"])}
    assert seen
    assert seen <= {"person", "rider"}
    label = page.get_attribute("#live-view canvas", "aria-label")
    wanted, _ = drawn_by(ModelPool(), frames[-1]["sent"], classes=("person", "rider"))
    assert far(decoded(frames[-1]["got"]), coded_and_back(wanted)) < 0.5
    page.locator("#preset").get_by_label("all", exact=True).check()
    page.wait_for_function("() => /car|road/.test(window.frames.at(-1)?.seen)")
    page.wait_for_function(
        "before => document.querySelector('#live-view canvas').ariaLabel !== before", arg=label
    )


def test_stop_stops(page: Page) -> None:
    """At once, however often, and it starts again."""
    for _ in range(2):
        begin(page)
        page.click("#live-view .start")
        check_is_off(page)
        assert "forgotten" in told(page)
    page.dblclick("#live-view .start")  # on and off before the camera is there, or on
    page.wait_for_timeout(1000)  # for it to become wrong, if it would
    wait_until(
        lambda: (
            page.evaluate("() => window.streams.filter((one) => one.active).length")
            == (page.inner_text("#live-view .start") == "Stop the camera")
        )
    )


def test_leaving_the_tab_stops(page: Page) -> None:
    """The visitor comes back to a sentence, and may start again."""
    begin(page)
    page.get_by_role("tab", name="Picture").click()
    page.wait_for_function("() => window.streams.every((one) => !one.active)")
    page.get_by_role("tab", name="Live").click()
    check_is_off(page)
    assert "when you left" in told(page)
    begin(page)


def test_leaving_the_page_stops(page: Page) -> None:
    """For another page in front of it, too."""
    begin(page)
    page.evaluate(
        "() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
        "document.dispatchEvent(new Event('visibilitychange')); }"
    )
    check_is_off(page)
    assert "when you left" in told(page)


def test_a_closed_page_leaves_no_work(browser: Browser, app: RunningApp) -> None:
    """The server rests soon after."""
    page = visit(browser, app.url)
    begin(page)
    page.context.close()
    wait_until(app.is_at_rest)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [((FAKE_CAMERA,), "does not let this page use the camera"), ((FAKE_ANSWER,), "no camera here")],
    ids=["refused", "none"],
)
def test_no_camera_is_said_kindly(
    launch: Callable[..., Browser], app: RunningApp, words: tuple[str, ...], sentence: str
) -> None:
    """What is wrong and what helps, and the button works again."""
    browser = launch(*words)
    page = visit(browser, app.url)
    for _ in range(2):
        page.click("#live-view .start")
        wait_for_words(page, sentence)
        assert told(page).endswith("start again.")
        assert page.inner_text("#live-view .start") == "Start the camera"
    assert page.evaluate("() => window.posts") == 0
    browser.close()


def test_one_of_two_cameras_can_be_chosen(launch: Callable[..., Browser], app: RunningApp) -> None:
    """The choice appears with the second camera, and says which one runs."""
    browser = launch(FAKE_ANSWER, f"{FAKE_CAMERA}=device-count=2")
    page = visit(browser, app.url)
    assert page.is_hidden("#live-view .camera")
    begin(page)
    chosen = page.input_value("#live-view .camera")
    page.select_option("#live-view .camera", index=1)
    page.wait_for_function("() => window.streams.length === 2")
    wait_for_images(page)
    now = page.input_value("#live-view .camera")
    running = "() => window.streams[1].getTracks()[0].getSettings().deviceId"
    assert chosen != now == page.evaluate(running)
    browser.close()


def test_a_camera_that_is_pulled_out_is_said(page: Page) -> None:
    """Browsers tell the page that its picture has ended."""
    begin(page)
    page.evaluate(
        "() => { const [track] = window.streams[0].getTracks();"
        "track.stop(); track.dispatchEvent(new Event('ended')); }"
    )
    check_is_off(page)
    assert "The camera is gone" in told(page)


def test_a_server_that_goes_away_is_said_and_found_again(browser: Browser, tmp_path: Path) -> None:
    """The page goes on by itself; without https on another machine it has no camera to begin."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = ("--host", "0.0.0.0", "--port", port)  # noqa: S104 - another machine's name leads here
    app = RunningApp(*words, folder=tmp_path)
    try:
        page = visit(browser, f"http://{ELSEWHERE}:{port}")
        page.click("#live-view .start")
        assert re.fullmatch(r"Browsers give a camera only to pages on https.*\.", told(page))
        page.context.close()
        page = visit(browser, f"http://127.0.0.1:{port}")
        begin(page)
        app.close()
        wait_for_words(page, "does not answer")
        assert page.inner_text("#live-view .figures") == ""
        assert "old" in page.get_attribute("#live-view .place", "class")
        app = RunningApp(*words, folder=tmp_path)
        wait_for_images(page)
        assert told(page) == ""
        page.context.close()
    finally:
        app.close()


def test_a_busy_server_is_said_only_when_the_image_gets_old(page: Page) -> None:
    """One refused frame is nothing to read; a second of them is, and then it goes on."""
    begin(page)
    page.evaluate(
        "() => new MutationObserver(() => window.said.push(document.querySelector("
        "'#live-view .told').textContent)).observe(document.querySelector('#live-view .told'),"
        "{ childList: true, characterData: true, subtree: true })"
    )
    busy = {"status": 503, "json": {"error": "the server is busy", "hint": "come back"}}
    page.route("**/live?**", lambda route: route.fulfill(**busy), times=1)
    page.wait_for_timeout(1000)  # for what shall not be said
    assert said_busy(page) == 0
    page.route("**/live?**", lambda route: route.fulfill(**busy))
    wait_for_words(page, "The server is busy")
    page.wait_for_timeout(1000)  # for what shall not be said again
    page.unroute("**/live?**")
    wait_for_images(page)
    page.wait_for_function("() => window.said.at(-1) === ''")
    assert said_busy(page) == 1


def said_busy(page: Page) -> int:
    """Return how often the page said so; on a slow machine it may say that it waits besides."""
    said: list[str] = page.evaluate("() => window.said")
    return said.count("The server is busy; it is tried again.")


def test_a_refused_frame_is_said_with_its_hint(page: Page) -> None:
    """In the server's words."""
    wrong = {"status": 422, "json": {"error": "no such class", "hint": "choose another"}}
    page.route("**/live?**", lambda route: route.fulfill(**wrong))
    page.click("#live-view .start")
    wait_for_words(page, "The server says: no such class (choose another).")
    page.unroute("**/live?**")
    wait_for_images(page)


def test_answers_that_come_late_are_not_shown(page: Page) -> None:
    """Time on the screen never runs backwards."""
    page.evaluate(
        """() => {
          let number = 0;
          const paint = (color) => {
            const one = new OffscreenCanvas(16, 16), pen = one.getContext('2d');
            pen.fillStyle = color;
            pen.fillRect(0, 0, 16, 16);
            return one.convertToBlob({ type: 'image/png' });
          };
          window.fetch = async () => {
            const isLate = ++number % 4 === 1;
            await new Promise((done) => setTimeout(done, isLate ? 1500 : 40));
            return new Response(await paint(isLate ? '#f00' : '#00f'));
          };
          window.reds = 0; window.blues = 0;
          const canvas = document.querySelector('#live-view canvas');
          const look = () => {
            const [red, , blue] = canvas.getContext('2d').getImageData(8, 8, 1, 1).data;
            window.reds += red > 200; window.blues += blue > 200;
            requestAnimationFrame(look);
          };
          look();
        }"""
    )
    page.click("#live-view .start")
    page.wait_for_function("() => window.blues > 60")
    assert page.evaluate("() => window.reds") == 0


def test_a_mirrored_image_has_words_that_can_be_read(page: Page, street: list[Image]) -> None:
    """The camera's picture is turned before it is sent."""

    def nearest(image: Image) -> float:
        return min(far(image, one) for one in street)

    begin(page)
    page.check("#live-view .mirror")

    def is_mirrored() -> bool:
        sent = decoded(last_frames(page)[-1]["sent"])
        return nearest(np.ascontiguousarray(sent[:, ::-1])) < nearest(sent) / 2

    wait_until(is_mirrored)
    style = page.eval_on_selector("#live-view canvas", "one => getComputedStyle(one).transform")
    assert style == "none"


def test_the_size_can_be_changed_while_it_runs(page: Page) -> None:
    """The camera is opened anew, and only once."""
    begin(page)
    page.select_option("#live-view .size", "1280")
    page.wait_for_function("() => window.streams.length === 2")
    wait_for_images(page)
    actives = page.evaluate("() => window.streams.map((one) => one.active)")
    assert actives == [False, True]


def test_two_visitors_at_once(page: Page, browser: Browser, app: RunningApp) -> None:
    """Each gets their own pictures, with their own choices."""
    other = visit(browser, f"{app.url}/?classes=road")
    begin(page)
    begin(other)
    for one in (page, other):
        one.wait_for_function("() => window.posts > 10")
    for one, is_other in ((page, False), (other, True)):
        frames = last_frames(one)
        assert frames
        assert all(("classes=road" in frame["url"]) == is_other for frame in frames)
        assert all(re.fullmatch(r"\d road", frame["seen"]) for frame in frames if is_other)
        assert float(one.inner_text("#live-view .figures").split()[0]) > 0
    other.context.close()


def test_it_fits_a_phone(browser: Browser, app: RunningApp) -> None:
    """Nothing scrolls sideways, fingers hit the buttons, the picture stands above the controls."""
    page = visit(browser, app.url, viewport={"width": 390, "height": 844}, is_mobile=True)
    begin(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    image = page.locator("#live-view canvas").bounding_box()
    assert image["width"] > 300
    assert abs(image["height"] / image["width"] - 480 / 640) < 0.02
    assert image["y"] + image["height"] < page.locator("#conf").bounding_box()["y"]
    for part in (".start", ".size"):
        assert page.locator(f"#live-view {part}").bounding_box()["height"] >= 30
    page.context.close()


def test_it_works_by_keyboard(page: Page) -> None:
    """Tab comes to all of it, Enter starts, and Space stops."""
    page.get_by_role("tab", name="Live").focus()
    seen: list[str] = []
    for _ in range(3):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("() => document.activeElement.className"))
    assert seen == ["start", "size", "mirror"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    wait_for_images(page)
    page.keyboard.press("Space")
    check_is_off(page)


def test_readers_of_the_screen_are_left_in_peace(page: Page) -> None:
    """What is read aloud does not change with every frame; the picture has a description."""
    begin(page)
    page.evaluate(
        "() => { const quiet = new MutationObserver((all) => window.said.push(...all));"
        "for (const one of document.querySelectorAll('#live-view [role=status], [aria-live]'))"
        "quiet.observe(one, { childList: true, characterData: true, subtree: true,"
        " attributes: true }); }"
    )
    page.wait_for_timeout(2000)  # for what shall not be said
    assert page.evaluate("() => window.said.length") == 0
    label = page.get_attribute("#live-view canvas", "aria-label")
    assert re.match(r"Your camera, segmented: \d+ [a-z]", label)
