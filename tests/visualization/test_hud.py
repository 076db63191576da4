"""The figures are there, legible, never too large, and cost nothing while they stay the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.visualization.test_overlay import instances_of, overlaid, rectangle, source_image
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.visualization.canvas import canvas_for
from urban_segmentor.visualization.hud import Hud
from urban_segmentor.visualization.live_stats import LiveStats
from urban_segmentor.visualization.text_box import text_box, to_ascii, wrap_text

if TYPE_CHECKING:
    from urban_segmentor.structures.frame import Image

LIVE = LiveStats(
    fps=61.3,
    latency_ms=41.6,
    stages_ms={"decode": 1.9, "infer": 14.3, "draw": 3.0},
    dropped=12,
    state="live",
    is_live=True,
)
LOST = replace(LIVE, state="lost: connection refused; retry in 4 s", is_live=False)


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return the time, seconds."""
        return self.now_s


def grey(size: tuple[int, int], value: int = 128) -> Image:
    """Return a picture of one value."""
    return np.full((*size, 3), value, dtype=np.uint8)


def drawn(image: Image, readings: LiveStats, hud: Hud | None = None) -> Image:
    """Return an RGB picture with readings on it."""
    result = (hud or Hud()).draw(image, readings)
    assert not isinstance(result, Yuv420)
    return result


def changed(before: Image, after: Image) -> tuple[int, int, int, int]:
    """Return where pictures differ: the first and the last row, the first and last column."""
    rows, columns = np.nonzero((before != after).any(axis=2))
    return rows.min(), rows.max(), columns.min(), columns.max()


@pytest.mark.parametrize("value", [0, 128, 255], ids=["black", "grey", "white"])
@pytest.mark.parametrize("size", [(360, 640), (720, 1280), (2160, 3840), (1280, 720)])
def test_figures_are_legible(size: tuple[int, int], value: int) -> None:
    """White on dark at the top left, of a height that can be read, over a small part."""
    image = grey(size, value)
    shown = drawn(image, LIVE)
    top, bottom, left, right = changed(image, shown)
    assert top == left == 0
    assert bottom < size[0] * 0.45
    assert right < size[1] * 0.4
    region = shown[: bottom + 1, : right + 1].astype(int).max(axis=2)
    inked = (region > 200).any(axis=1)
    lines = np.flatnonzero(np.diff(inked.astype(int)) == 1)
    assert len(lines) == len(LIVE.lines())
    letters_px = np.diff(np.flatnonzero(np.diff(inked.astype(int)))).max()
    assert letters_px >= max(8, min(size) // 60)
    assert np.median(region) < 60


def test_only_a_image_that_stands_has_a_banner() -> None:
    """In the middle, and red."""
    image = grey((360, 640))
    live, lost = drawn(image, LIVE), drawn(image, LOST)
    top, bottom, left, right = changed(live, lost)
    assert abs((top + bottom) / 2 - 180) < 3
    assert abs((left + right) / 2 - 320) < 3
    red = lost[top, left].astype(int)
    assert red[0] > red[1] + 50


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 140),
    planes=st.booleans(),
    state=st.text(max_size=90),
    is_live=st.booleans(),
)
def test_it_is_never_larger_than_the_image(
    height: int,
    width: int,
    planes: bool,  # noqa: FBT001
    state: str,
    is_live: bool,  # noqa: FBT001
) -> None:
    """Whatever the size, the format and the text; the picture that came in stays as it was."""
    image = source_image((height, width))
    pixels = Yuv420.from_rgb(image) if planes else image
    before = pixels.y.copy() if isinstance(pixels, Yuv420) else image.copy()
    hud = Hud()
    shown = hud.draw(pixels, replace(LIVE, state=state, is_live=is_live))
    assert Frame(pixels=shown).size == (height, width)
    for sprite in (hud._figures, hud._banner):
        assert sprite is None or sprite.image.shape[0] <= height
        assert sprite is None or sprite.image.shape[1] <= width
    after = pixels.y if isinstance(pixels, Yuv420) else image
    np.testing.assert_array_equal(after, before)


def test_images_too_small_for_letters_stay_as_they_are() -> None:
    """Half a letter helps nobody."""
    for size in ((1, 1), (8, 200), (200, 8), (10, 10)):
        image = source_image(size)
        np.testing.assert_array_equal(drawn(image, LOST), image)
    assert (drawn(grey((24, 100)), LIVE) != 128).any()


def test_planes_show_what_rgb_shows() -> None:
    """Within what chroma at half size allows."""
    image = grey((360, 640))
    for matrix, full_range in (("bt601", True), ("bt709", False)):
        planes = Yuv420.from_rgb(image, matrix=matrix, full_range=full_range)
        shown = Frame(pixels=Hud().draw(planes, LOST)).image.astype(int)
        expected = drawn(image, LOST).astype(int)
        assert np.abs(shown - expected).mean() < 2


def test_a_plate_is_drawn_when_its_text_changes_and_not_too_often() -> None:
    """Figures four times a second at most; the state at once; a new size at once."""
    clock, image = Clock(), grey((360, 640))
    hud = Hud(now=clock)
    drawn(image, LIVE, hud)
    first = hud._figures
    clock.now_s += 10
    drawn(image, LIVE, hud)
    assert hud._figures is first
    drawn(image, replace(LIVE, fps=20.0), hud)
    second = hud._figures
    assert second is not first
    clock.now_s += 0.1
    drawn(image, replace(LIVE, fps=21.0), hud)
    assert hud._figures is second
    drawn(image, LOST, hud)
    banner = hud._banner
    drawn(image, replace(LOST, state="lost: retry in 3 s"), hud)
    assert hud._banner is not banner
    clock.now_s += 0.2
    drawn(image, replace(LIVE, fps=21.0), hud)
    assert hud._figures is not second
    drawn(grey((720, 1280)), replace(LIVE, fps=22.0), hud)
    assert hud._size == (720, 1280)
    assert hud._figures is not None
    assert hud._figures.image.shape[0] > 100


def test_the_plate_does_not_get_narrower_with_every_figure() -> None:
    """It would flicker; with other lines it starts over."""
    clock, image = Clock(), grey((360, 640))
    hud = Hud(now=clock)
    drawn(image, replace(LIVE, fps=1000.0, latency_ms=1000.0), hud)
    assert hud._figures is not None
    wide = hud._figures.image.shape[1]
    clock.now_s += 1
    drawn(image, replace(LIVE, fps=1.0), hud)
    assert hud._figures.image.shape[1] == wide
    clock.now_s += 1
    drawn(image, replace(LIVE, stages_ms={}), hud)
    assert hud._figures.image.shape[1] < wide


def test_it_is_drawn_over_an_overlay() -> None:
    """As on a bare picture, and what lies beside it stays as the overlay left it."""
    size = (120, 200)
    found = instances_of([rectangle(size, 0, 0, 150, 90)], [3])
    image = grey(size, 3)  # darker than plates and letters
    below = overlaid(image, found)
    after, bare = Hud().draw(below, LIVE), Hud().draw(image, LIVE)
    assert isinstance(after, np.ndarray)
    assert isinstance(bare, np.ndarray)
    beside = (bare == image).all(axis=2)
    assert not beside.all()
    np.testing.assert_array_equal(after[beside], np.asarray(below)[beside])
    planes = overlaid(Yuv420.from_rgb(image), found)
    drawn_on = Hud().draw(planes, LIVE)
    assert isinstance(planes, Yuv420)
    assert isinstance(drawn_on, Yuv420)
    np.testing.assert_array_equal(drawn_on.y[beside], planes.y[beside])
    assert (drawn_on.y != planes.y).any()


def test_painting_on_a_canvas_is_drawing() -> None:
    """Who draws more on the same pixels needs no copy of them."""
    for pixels in (source_image((120, 200)), Yuv420.from_rgb(source_image((120, 200)))):
        canvas = canvas_for(pixels)
        Hud().paint(canvas, LOST)
        painted, drawn_ = canvas.result(), Hud().draw(pixels, LOST)
        np.testing.assert_array_equal(Frame(pixels=painted).image, Frame(pixels=drawn_).image)


def test_canvases_know_their_size() -> None:
    """Height and width, of planes too."""
    image = source_image((11, 23))
    assert canvas_for(image).size == canvas_for(Yuv420.from_rgb(image)).size == (11, 23)


@given(st.text())
def test_only_letters_of_the_font_are_written(text: str) -> None:
    """All of ASCII is one; accents go, the rest becomes a question mark."""
    assert all(" " <= letter <= "~" for letter in to_ascii(text))


def test_what_is_not_ascii_is_replaced() -> None:
    """Rather than drawn as boxes."""
    text = "Gr\u00f6\u00dfe \u2013 \u201cno such\u201d cam\u00e9ra\u2026\n\u9053 50 km\u00b2"
    assert to_ascii(text) == 'Grosse - "no such" camera... ? 50 km2'


def test_long_lines_are_shortened_and_short_plates_lose_lines() -> None:
    """Down to the smallest letters, then to what fits."""
    one = text_box(["w" * 300], text_px=20, max_size=(100, 80), color=(0, 0, 0))
    assert one is not None
    assert one.image.shape[1] <= 80
    two = text_box(["first", "second", "third"], text_px=20, max_size=(30, 80), color=(0, 0, 0))
    assert two is not None
    assert two.image.shape[0] <= 30
    assert text_box(["first"], text_px=20, max_size=(8, 80), color=(0, 0, 0)) is None


def test_texts_are_broken_into_even_lines() -> None:
    """No word stands alone at the end when it need not; no word is lost."""
    text = "lost: the connection to the camera was refused; retry in 4 s"
    for width in range(60, 700, 20):
        lines = wrap_text(text, text_px=16, width=width)
        assert " ".join(lines) == text
        if len(lines) == 2:
            assert len(lines[1]) > len(text) / 3
