"""The window shows the picture as it is, and its keys do what they say."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.io.clips import patch_colors, patches
from urban_segmentor.apps.live.scaling import Scaler, scaled_to
from urban_segmentor.apps.live.view_controls import ViewControls, ViewState
from urban_segmentor.apps.live.window import WindowDisplay
from urban_segmentor.errors import DisplayError, MissingExtraError, OutputError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.visualization.live_stats import LiveStats

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from urban_segmentor.structures.frame import Image

pygame = pytest.importorskip("pygame")
LIVE = LiveStats(fps=30.0, latency_ms=40.0, state="live", is_live=True)
LOST = replace(LIVE, state="lost: no route; retry in 4 s", is_live=False)
TITLE = "street under test"


def unsaved(_frame: Frame) -> Path:
    """Fail; nobody asks for a picture."""
    raise AssertionError


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let SDL draw into memory."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    yield
    pygame.display.quit()


@pytest.fixture
def controls() -> ViewControls:
    """Return the controls of a model of street classes."""
    return ViewControls(known_classes(TRAIN_NAMES))


@pytest.fixture
def window(hidden: None, controls: ViewControls) -> Iterator[WindowDisplay]:  # noqa: ARG001
    """Return a window in memory."""
    opened = WindowDisplay(controls, title=TITLE, save_image=unsaved)
    yield opened
    opened.close()


def seen(window: WindowDisplay) -> Image:
    """Return what a window shows, uint8 (H, W, 3), RGB."""
    return window._screen.pixels()


def press(key: int, *, unicode: str = "", mod: int = 0) -> None:
    """Press a key."""
    pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key, unicode=unicode, mod=mod))


def even(size: tuple[int, int], value: int = 200) -> Frame:
    """Return a frame of planes of one grey."""
    return Frame(pixels=Yuv420.from_rgb(np.full((*size, 3), value, dtype=np.uint8)))


def bright(shown: Image) -> tuple[int, int, int, int]:
    """Return where the picture lies: the first and the last row, first and last column."""
    rows, columns = np.nonzero(shown.min(axis=2) > 100)
    return int(rows.min()), int(rows.max()), int(columns.min()), int(columns.max())


@pytest.mark.parametrize("matrix", ["bt601", "bt709", "bt2020"])
@pytest.mark.parametrize("full_range", [False, True])
def test_the_image_is_on_the_screen(window: WindowDisplay, matrix: Any, full_range: bool) -> None:  # noqa: ANN401, FBT001
    """In its own size and colors, planes and RGB alike."""
    image = patches((30, 40))
    for pixels in (image, Yuv420.from_rgb(image, matrix=matrix, full_range=full_range)):
        window.show(Frame(pixels=pixels), LIVE)
        shown = seen(window)
        assert shown.shape == image.shape
        assert np.abs(patch_colors(shown) - patch_colors(image)).max() < 4


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 500), (47, 64), (480, 641), (721, 1281), (2160, 3840), (1920, 1080)]
)
def test_proportions_are_kept_at_every_size(window: WindowDisplay, size: tuple[int, int]) -> None:
    """Black around, in the middle, as large as it can be."""
    window.show(even(size), LIVE)
    shown = seen(window)
    height, width = shown.shape[:2]
    assert height >= 324
    assert width >= 432
    top, bottom, left, right = bright(shown)
    assert abs(top - (height - 1 - bottom)) <= 1
    assert abs(left - (width - 1 - right)) <= 1
    down, across = bottom - top + 1, right - left + 1
    assert down == height or across == width
    assert abs(across / size[1] - down / size[0]) * min(size) <= 1
    desktop = pygame.display.get_desktop_sizes()[0]
    assert height < desktop[1]
    assert width < desktop[0]


def test_the_size_may_change_between_frames(window: WindowDisplay) -> None:
    """The window stays as the first made it, and nothing of the picture before is left."""
    for size in ((360, 640), (640, 360), (90, 640), (360, 640), (33, 35)):
        window.show(even(size), LIVE)
        shown = seen(window)
        assert shown.shape[:2] == (360, 640)
        top, bottom, left, right = bright(shown)
        assert (bottom - top + 1, right - left + 1) == scaled_to(size, (360, 640))
        outside = shown.copy()
        outside[top : bottom + 1, left : right + 1] = 0
        assert outside.max() == 0


def test_a_window_of_another_size_shows_the_same(window: WindowDisplay) -> None:
    """Also when it changes while no frame comes; later frames leave it as it is."""
    window.show(even((360, 640)), LIVE)
    pygame.display.set_mode((900, 400), pygame.RESIZABLE)
    pygame.event.post(pygame.event.Event(pygame.VIDEORESIZE, size=(900, 400), w=900, h=400))
    window.poll(LIVE)
    assert bright(seen(window)) == (0, 399, 94, 804)
    window._frame = None
    window.show(even((500, 600)), LIVE)
    assert seen(window).shape[:2] == (400, 900)


def test_keys_do_what_they_say(window: WindowDisplay, controls: ViewControls) -> None:
    """All of them, one after the other."""

    def after(key: int, unicode: str = "", mod: int = 0) -> ViewState:
        press(key, unicode=unicode, mod=mod)
        window.poll(LIVE)
        return controls.view

    assert after(pygame.K_SPACE, " ").paused
    assert not after(pygame.K_SPACE, " ").paused
    assert after(pygame.K_m, "m").masks_only
    assert not after(pygame.K_m, "M", pygame.KMOD_LSHIFT).masks_only
    assert not after(pygame.K_h, "h").figures
    assert after(pygame.K_h, "h").figures
    for key, letter in ((pygame.K_PLUS, "+"), (pygame.K_EQUALS, "="), (pygame.K_KP_PLUS, "+")):
        before = controls.view.conf
        assert after(key, letter).conf == pytest.approx(before + 0.05)
    assert after(pygame.K_EQUALS, "+", pygame.KMOD_LSHIFT).conf == pytest.approx(0.45)
    assert after(pygame.K_RIGHTBRACKET, "+").conf == pytest.approx(0.5)  # as on German keyboards
    assert after(pygame.K_MINUS, "-").conf == pytest.approx(0.45)
    assert after(pygame.K_KP_MINUS).conf == pytest.approx(0.40)
    assert after(pygame.K_c, "c").classes == controls.presets["traffic"]
    assert after(pygame.K_c, "c").classes == controls.presets["people"]
    assert after(pygame.K_c, "C", pygame.KMOD_RSHIFT).classes == controls.presets["traffic"]
    before = controls.view
    assert after(pygame.K_x, "x") == before
    assert after(pygame.K_c, "\x03", pygame.KMOD_LCTRL) == before
    assert after(pygame.K_m, "m", pygame.KMOD_LALT) == before
    assert not controls.wants_quit


@pytest.mark.parametrize("key", ["q", "escape", "the closed window"])
def test_it_ends(window: WindowDisplay, controls: ViewControls, key: str) -> None:
    """By each of the ways."""
    if key == "the closed window":
        pygame.event.post(pygame.event.Event(pygame.QUIT))
    else:
        press(pygame.key.key_code(key))
    window.poll(LIVE)
    assert controls.wants_quit


def test_the_image_is_saved(hidden: None, controls: ViewControls, tmp_path: Path) -> None:  # noqa: ARG001
    """The one that is shown; where it went is said, and so is what went wrong."""
    saved: list[Frame] = []

    def save(frame: Frame) -> Path:
        saved.append(frame)
        if len(saved) > 1:
            raise OutputError("cannot write: no space")
        return tmp_path / "a.png"

    window, frame = WindowDisplay(controls, title=TITLE, save_image=save), even((360, 640))
    press(pygame.K_s)
    window.poll(LIVE)
    assert window._message == "there is no picture yet"
    window.show(frame, LIVE)
    press(pygame.K_s)
    window.poll(LOST)
    assert saved == [frame]
    assert window._message == f"saved {tmp_path / 'a.png'}"
    press(pygame.K_s)
    window.poll(LIVE)
    assert window._message == "error: cannot write: no space"


def test_a_message_is_shown_for_some_seconds(
    window: WindowDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the bottom, whatever is in it; then the picture is whole again."""
    window.show(even((360, 640)), LIVE)
    plain = seen(window)
    for message in (
        "saved a.png",
        "道 \U0001f697 \x00\n\udcff",
        "w" * 900,
        " ".join(["word"] * 400),
    ):
        window.say(message)
        window.poll(LIVE)
        changes = (seen(window) != plain).any(axis=2)
        assert changes[-8:, :8].any()
        assert seen(window)[-20:].max() == 255
    window.say("saved a.png")
    window.poll(LIVE)
    assert not (seen(window) != plain).any(axis=2)[:300].any()
    later = time.monotonic() + 5
    monkeypatch.setattr(time, "monotonic", lambda: later)
    window.poll(LIVE)
    np.testing.assert_array_equal(seen(window), plain)


def test_a_state_lies_over_the_last_image(window: WindowDisplay, controls: ViewControls) -> None:
    """Dimmed while it is not of now; a pause dims nothing; before the first one it is black."""
    window.poll(LiveStats(state="connecting"))
    black = seen(window)
    middle = black.shape[0] // 2
    assert black[middle].max() == 255
    assert black[: middle - 60].max() == 0
    window.show(even((360, 640)), LIVE)
    plain = seen(window)
    window.poll(LOST)
    lost = seen(window)
    assert lost[180].max() == 255
    assert lost[10].max() < 0.5 * plain[10].max()
    window.poll(replace(LOST, state="lost: no route; retry in 3 s"))
    assert (seen(window) != lost).any()
    window.poll(LIVE)
    np.testing.assert_array_equal(seen(window), plain)
    controls.set_paused(True)
    window.poll(LIVE)
    changes = (seen(window) != plain).any(axis=(1, 2))
    assert changes[180]
    assert not changes[:100].any()


def test_it_is_drawn_when_something_changed(
    window: WindowDisplay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty polls a second cost nothing."""
    painted = []
    real = window._screen.paint
    monkeypatch.setattr(window._screen, "paint", lambda scene: (painted.append(scene), real(scene)))
    frame = even((360, 640))
    window.show(frame, LIVE)
    for _ in range(20):
        window.poll(replace(LIVE, fps=31.0))
    assert len(painted) == 1
    for _ in range(20):
        window.poll(LOST)
    assert len(painted) == 2


def test_after_the_end_nothing_happens(window: WindowDisplay) -> None:
    """Frames may still be on their way."""
    window.show(even((36, 64)), LIVE)
    window.close()
    window.close()
    window.show(even((36, 64)), LIVE)
    window.poll(LIVE)
    window.say("too late")
    assert pygame.display.get_surface() is None


def test_full_screen_and_back(window: WindowDisplay, controls: ViewControls) -> None:
    """The window has its old size again."""
    window.show(even((360, 640)), LIVE)
    press(pygame.K_f, unicode="f")
    window.poll(LIVE)
    desktop = pygame.display.get_desktop_sizes()[0]
    assert seen(window).shape[:2] == desktop[::-1]
    assert bright(seen(window))[2:] == (0, desktop[0] - 1)
    window.show(even((720, 640)), LIVE)
    press(pygame.K_f, unicode="f")
    window.poll(LIVE)
    assert seen(window).shape[:2] == (360, 640)
    assert not controls.wants_quit


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    down=st.integers(1, 200),
    across=st.integers(1, 200),
)
def test_scaling_equals_the_images_own(height: int, width: int, down: int, across: int) -> None:
    """In memory that is used again, planes become what `Frame.image` says."""
    image = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    planes = Yuv420.from_rgb(image, matrix="bt601")
    scaler = Scaler()
    scaler.scaled(image, (5, 7))
    own = scaler.scaled(planes, (height, width))
    np.testing.assert_array_equal(own, Frame(pixels=planes).image)
    size = scaled_to((height, width), (down, across))
    assert size[0] <= down
    assert size[1] <= across
    assert down in size or across in size or size[0] == down or size[1] == across
    assert scaler.scaled(planes, size).shape == (*size, 3)
    assert scaler.scaled(image, size).shape == (*size, 3)


def test_without_a_screen_it_says_so(
    monkeypatch: pytest.MonkeyPatch, controls: ViewControls
) -> None:
    """In an error that another display can be taken after."""
    monkeypatch.setenv("SDL_VIDEODRIVER", "x11")
    monkeypatch.setenv("DISPLAY", ":987")
    with pytest.raises(DisplayError, match="no window opens: ") as caught:
        WindowDisplay(controls, title=TITLE, save_image=unsaved)
    assert caught.value.hint == "use --display browser, or --display none"
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    WindowDisplay(controls, title=TITLE, save_image=unsaved).close()


def test_without_pygame_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, controls: ViewControls
) -> None:
    """And leaves the environment as it was."""
    monkeypatch.delitem(sys.modules, "urban_segmentor.apps.live.pygame_window", raising=False)
    monkeypatch.setitem(sys.modules, "pygame", None)
    before = dict(os.environ)
    with pytest.raises(MissingExtraError) as caught:
        WindowDisplay(controls, title=TITLE, save_image=unsaved)
    assert caught.value.hint == "pip install 'urban-segmentor[window]'"
    assert dict(os.environ) == before
