"""A browser plays what the sink writes, from the first frame to the last."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.io.clips import numbered_image, remake, write_clip
from urban_segmentor.io.encoding import EncodingOptions

PAGE = "<!doctype html><video id=v muted src=out.mp4></video>"
PLAY = """
() => new Promise((resolve) => {
  const video = document.getElementById('v');
  const told = (how) => resolve({
    how, width: video.videoWidth, height: video.videoHeight, seconds: video.duration,
    at: video.currentTime, error: video.error && video.error.message,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    sound: video.webkitAudioDecodedByteCount,
  });
  video.addEventListener('ended', () => told('ended'));
  video.addEventListener('error', () => told('error'));
  setTimeout(() => told('late'), 20000);
  video.play().catch(() => told('refused'));
})
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Return a headless Chromium of the system."""
    playwright = pytest.importorskip("playwright.sync_api")
    executable = shutil.which("chromium") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("there is no Chromium here; `make browser` installs it on Debian")
    with playwright.sync_playwright() as player:
        chromium = player.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
        )
        yield chromium
        chromium.close()


@pytest.mark.parametrize(
    ("codec", "sound"), [("h264", "aac"), ("h264", "pcm_s16le"), ("vp9", None)]
)
def test_a_browser_plays_it_to_its_end(
    tmp_path: Path, browser: object, codec: str, sound: str | None
) -> None:
    """An odd size, with sound that was copied and sound that was made anew."""
    images = [numbered_image(number, (121, 161)) for number in range(30)]
    # VP9 is the one of the codecs here that has odd sizes.
    path = write_clip(
        tmp_path / "in.mkv",
        images=images,
        codec="libvpx-vp9",
        options={"deadline": "realtime", "cpu-used": "8"},
        sound=sound,
    )
    remake(path, tmp_path / "out.mp4", encoding=EncodingOptions(codec=codec))
    (tmp_path / "index.html").write_text(PAGE)
    page = browser.new_page()  # pyright: ignore[reportAttributeAccessIssue]
    page.goto((tmp_path / "index.html").as_uri())
    told = page.evaluate(PLAY)
    page.close()
    assert told["how"] == "ended", told
    assert (told["width"], told["height"]) == (162, 122)
    assert told["seconds"] == pytest.approx(1.2, abs=0.1)
    assert told["at"] == told["seconds"]
    assert told["frames"] > 0
    assert (told["sound"] > 0) == (sound is not None)
