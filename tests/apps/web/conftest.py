"""The app, once for all tests of pages, and a browser."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.apps.web.running import RunningApp
from urban_segmentor.io.image_files import write_image
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ARGUMENTS = (
    "--no-sandbox",
    "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
)


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """Return the app with its own examples, ready."""
    running = RunningApp("--max-seconds", "20", folder=tmp_path_factory.mktemp("app"))
    try:
        running.wait_for_examples()
        yield running
    finally:
        log = running.close()
        assert "Traceback" not in log, log


@pytest.fixture(scope="module")  # while it is there, no other event loop can run in this thread
def chromium() -> Iterator[Any]:
    """Return the system's Chromium, driven by Playwright."""
    playwright = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium here: `make system` installs one")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, app: RunningApp) -> Iterator[Any]:  # noqa: ANN401 - Playwright's page
    """Return the page as a new visitor sees it; nothing of it may fail or come from elsewhere."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(120_000)
    elsewhere: list[str] = []
    wrong: list[str] = []

    def note(request: Any) -> None:  # noqa: ANN401
        if not request.url.startswith((app.url, "data:", "blob:")):
            elsewhere.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(app.url)
    page.wait_for_selector("#picture-examples button")
    page.wait_for_selector("#preset input:checked")
    yield page
    context.close()
    assert elsewhere == []
    assert wrong == []


@pytest.fixture(scope="session")
def street_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a drawn street of 1920 x 1080 pixels, which is none of the examples."""
    shot = next(iter(Street(size=(1080, 1920), seed=11).shots(seconds=1.0)))
    path = tmp_path_factory.mktemp("street") / "my street.png"
    write_image(path, shot.frame.image, overwrite=True)
    return path


@pytest.fixture(scope="session")
def street_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip of a drawn street, 2 s."""
    return draw_clip(tmp_path_factory.mktemp("clip") / "my clip.mp4", seconds=2.0)


def draw_clip(path: Path, *, seconds: float, size: tuple[int, int] = (360, 640)) -> Path:
    """Write a clip of a drawn street; frames repeat after two seconds."""
    from fractions import Fraction

    from urban_segmentor.io.video_writer import VideoWriter

    shots = list(Street(size=size, fps=25, seed=3, camera="dashcam").shots(seconds=min(seconds, 2)))
    sink = VideoWriter(path, time_base=Fraction(1, 25), rate=Fraction(25))
    for number in range(round(seconds * 25)):
        result = shots[number % len(shots)].result()
        frame = replace(result.frame, index=number, time_s=number / 25)
        sink.write(replace(result, frame=frame))
    sink.close()
    return path
