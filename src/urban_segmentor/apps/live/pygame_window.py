"""A window of pygame, which only `display.window` imports, and only when one is wanted."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pygame

from urban_segmentor.apps.live.scaling import Scaler, scaled_to
from urban_segmentor.errors import DisplayError

if TYPE_CHECKING:
    from collections.abc import Generator

    from urban_segmentor.structures.frame import Frame, Image

_FIRST = (720, 1280)
_SMALLEST = (360, 480)  # of a window that opens around a tiny picture
_SCREEN_SHARE = 0.9  # taskbars and borders want room
_FULL_SCREEN = "f"
_PLATES = 4
_DIM = (90, 90, 90)  # of 255
_DARK, _RED, _INK = (24, 24, 24), (150, 20, 20), (255, 255, 255)
_TEXT_SHARE, _TEXT_PX = 1 / 26, (14, 48)
_SETTINGS = {
    # Ctrl-C and kill belong to the program, which finishes its files then.
    "SDL_NO_SIGNAL_HANDLERS": "1",
    # Pictures are made by the CPU. To hand them to OpenGL first takes milliseconds, and without
    # a graphics card many.
    "SDL_FRAMEBUFFER_ACCELERATION": "0",
    "SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR": "0",
}


class WindowContent(NamedTuple):
    """What is to be seen; frames are told apart by which one they are.

    Attributes:
        frame: The picture; None for none.
        banner: Across the middle; empty for none.
        dim: The picture is not of now.
        message: At the bottom; empty for none.
    """

    frame: Frame | None = None
    banner: str = ""
    dim: bool = False
    message: str = ""


class PygameWindow:
    """A window of which everything is drawn by the CPU.

    Args:
        title: Its caption.

    Attributes:
        stale: True when the window has to be drawn again.

    Raises:
        DisplayError: No window opens.
    """

    def __init__(self, title: str) -> None:
        self._full = False
        self._size = _FIRST
        self._scaler = Scaler()
        self._plates: dict[tuple[object, ...], pygame.Surface] = {}
        self.stale = True
        with _settings(), _as_display_errors():
            pygame.display.init()
            pygame.font.init()
            desktop = pygame.display.get_desktop_sizes()[0]
            self._max_size = round(desktop[1] * _SCREEN_SHARE), round(desktop[0] * _SCREEN_SHARE)
            self._size = _within(_FIRST, self._max_size)
            pygame.display.set_mode(self._size[::-1], pygame.RESIZABLE)
            pygame.display.set_caption(_printable(title))

    def fit(self, size: tuple[int, int]) -> None:
        """Make the window as large as a picture, as far as the screen allows it.

        A window that somebody has given another size stays as it is.

        Args:
            size: Height and width of the picture, pixels.
        """
        if self._full or self._now() != self._size:
            return
        height, width = _within(size, self._max_size)
        min_size = _within(_SMALLEST, self._max_size)
        size = max(height, min_size[0]), max(width, min_size[1])
        if size != self._size:
            self._size = size
            pygame.display.set_mode(size[::-1], pygame.RESIZABLE)
            self.stale = True

    def pressed(self) -> list[str]:
        """Return the names of the keys that were pressed, and `quit` for the closed window.

        With a shift key held the name begins with `shift `; held with Ctrl and the like, keys
        mean something else.
        """
        keys: list[str] = []
        for event in pygame.event.get():
            if event.type == pygame.QUIT:
                keys.append("quit")
            elif event.type == pygame.KEYDOWN:
                if not event.mod & (pygame.KMOD_CTRL | pygame.KMOD_ALT | pygame.KMOD_META):
                    keys.append(_name(event))
            elif event.type in _UNCOVERED:
                self.stale = True
        if keys.count(_FULL_SCREEN) % 2:
            self._toggle_full()
        return keys

    def paint(self, scene: WindowContent) -> None:
        """Draw a scene and show it."""
        target = _surface()
        height, width = self._now()
        if scene.frame is None:
            target.fill(0)
        else:
            _blacken_around(target, self._paint_image(target, scene.frame))
        if scene.dim:
            target.fill(_DIM, special_flags=pygame.BLEND_RGB_MULT)
        if scene.banner:
            color = _RED if scene.dim else _DARK
            strip = self._plate(scene.banner, color, (height, width), across=True)
            target.blit(strip, strip.get_rect(center=target.get_rect().center))
        if scene.message:
            line = self._plate(scene.message, _DARK, (height, width), across=False)
            target.blit(line, line.get_rect(bottomleft=(0, height)))
        pygame.display.flip()
        self.stale = False

    def pixels(self) -> Image:
        """Return what the window shows, uint8 (H, W, 3), RGB."""
        shown = pygame.surfarray.array3d(_surface())
        return np.ascontiguousarray(shown.transpose(1, 0, 2))

    def close(self) -> None:
        """Take the window away; safe to call twice."""
        pygame.font.quit()
        pygame.display.quit()

    def _now(self) -> tuple[int, int]:
        width, height = _surface().get_size()
        return height, width

    def _toggle_full(self) -> None:
        self._full = not self._full
        with _as_display_errors():
            if self._full:
                pygame.display.set_mode((0, 0), pygame.FULLSCREEN)
            else:
                pygame.display.set_mode(self._size[::-1], pygame.RESIZABLE)
        self.stale = True

    def _paint_image(self, target: pygame.Surface, frame: Frame) -> pygame.Rect:
        """Draw a frame as large as its proportions allow; return where it lies."""
        room = self._now()
        height, width = scaled_to(frame.size, room)
        image = self._scaler.scaled(frame.pixels, (height, width))
        place = (room[1] - width) // 2, (room[0] - height) // 2
        target.blit(pygame.image.frombuffer(image.data, (width, height), "RGB"), place)
        return pygame.Rect(place, (width, height))

    def _plate(
        self, text: str, color: tuple[int, int, int], room: tuple[int, int], *, across: bool
    ) -> pygame.Surface:
        """Return a plate with a text, which is kept for the next frames."""
        key = (text, color, room, across)
        if key not in self._plates:
            if len(self._plates) >= _PLATES:
                self._plates.clear()
            self._plates[key] = _drawn_plate(_printable(text), color, room, across=across)
        return self._plates[key]


_UNCOVERED = (pygame.VIDEORESIZE, pygame.VIDEOEXPOSE, pygame.WINDOWEXPOSED, pygame.WINDOWRESTORED)


def _surface() -> pygame.Surface:
    surface = pygame.display.get_surface()
    if surface is None:
        raise DisplayError("the window is closed")
    return surface


def _name(event: pygame.Event) -> str:
    if event.unicode in {"+", "-"}:  # wherever the keyboard has them
        return str(event.unicode)
    name = pygame.key.name(event.key).strip("[]")
    return f"shift {name}" if event.mod & pygame.KMOD_SHIFT else name


def _within(size: tuple[int, int], max_size: tuple[int, int]) -> tuple[int, int]:
    """Return a height and width, made smaller where that is too much for the screen."""
    return size if size[0] <= max_size[0] and size[1] <= max_size[1] else scaled_to(size, max_size)


def _blacken_around(target: pygame.Surface, area: pygame.Rect) -> None:
    width, height = target.get_size()
    target.fill(0, (0, 0, width, area.top))
    target.fill(0, (0, area.bottom, width, height - area.bottom))
    target.fill(0, (0, area.top, area.left, area.height))
    target.fill(0, (area.right, area.top, width - area.right, area.height))


def _drawn_plate(
    text: str, color: tuple[int, int, int], room: tuple[int, int], *, across: bool
) -> pygame.Surface:
    height, width = room
    text_px = min(max(round(height * _TEXT_SHARE), _TEXT_PX[0]), _TEXT_PX[1])
    margin = text_px // 2
    font = pygame.font.Font(None, round(1.4 * text_px))  # pygame counts the height of the line
    inner = max(width - 4 * margin, text_px)
    words = font.render(text, True, _INK, None, inner)  # noqa: FBT003 - smooth
    size = (
        width if across else words.get_width() + 2 * margin,
        words.get_height() + (2 + across) * margin // 2,
    )
    surface = pygame.Surface(size)
    surface.fill(color)
    surface.blit(words, words.get_rect(center=surface.get_rect().center))
    return surface.convert()


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


@contextmanager
def _settings() -> Generator[None]:
    """Return a context with SDL's settings in the environment, where the user has no others."""
    added = [name for name in _SETTINGS if name not in os.environ]
    os.environ.update({name: _SETTINGS[name] for name in added})
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


@contextmanager
def _as_display_errors() -> Generator[None]:
    try:
        yield
    except pygame.error as error:
        pygame.display.quit()
        raise DisplayError(
            f"no window opens: {error}", hint="use --display browser, or --display none"
        ) from error
