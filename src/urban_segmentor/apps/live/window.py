"""The display that is a window on the screen."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from urban_segmentor.errors import MissingExtraError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from urban_segmentor.apps.live.pygame_window import PygameWindow, WindowContent
    from urban_segmentor.apps.live.view_controls import ViewControls
    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.visualization.live_stats import LiveStats

_MESSAGE_S = 4.0
_GREETING = "PYGAME_HIDE_SUPPORT_PROMPT"


class WindowDisplay:
    """A `Display` in a window, steered by keys; the picture keeps its proportions.

    Keys: q or Esc ends, space pauses, s saves the picture, m draws masks alone, c and Shift+C go
    through choices of classes, + and - change the lowest score, h hides the figures, f fills the
    screen.

    There can be one at a time in a process. SDL's own variables, such as `SDL_VIDEODRIVER`, work.

    Args:
        controls: Are changed as the keys say.
        title: What is shown, in the caption of the window.
        save_image: Saves the frame that is shown, and returns where.

    Raises:
        MissingExtraError: pygame is not installed.
        DisplayError: No window opens, as without a screen.
    """

    def __init__(
        self,
        controls: ViewControls,
        *,
        title: str,
        save_image: Callable[[Frame], Path],
    ) -> None:
        self._controls, self._save_image = controls, save_image
        self._screen = _open_screen(title)
        self._frame: Frame | None = None
        self._message, self._message_until_s = "", 0.0
        self._shown: WindowContent | None = None
        self._closed = False
        self._actions: dict[str, Callable[[], None]] = {
            "quit": controls.quit,
            "q": controls.quit,
            "escape": controls.quit,
            "space": self._toggle_pause,
            "s": self._save,
            "m": self._toggle_masks_only,
            "c": lambda: self._next_filter(1),
            "shift c": lambda: self._next_filter(-1),
            "+": lambda: self._step_conf(1),
            "=": lambda: self._step_conf(1),
            "-": lambda: self._step_conf(-1),
            "h": self._toggle_figures,
        }

    @property
    def where(self) -> str:
        """Where to look."""
        return "a window"

    def show(self, frame: Frame, readings: LiveStats) -> None:
        """Show a frame with everything drawn on it; the first one gives the window its size."""
        if self._closed:
            return
        if self._frame is None:
            self._screen.fit(frame.size)
        self._frame = frame
        self._paint(readings)

    def poll(self, readings: LiveStats) -> None:
        """Do what keys ask for, and show the state over the last picture while none come."""
        if self._closed:
            return
        for key in self._screen.pressed():
            action = self._actions.get(key) or self._actions.get(key.removeprefix("shift "))
            if action is not None:
                action()
        self._paint(readings)

    def say(self, message: str) -> None:
        """Show a short message at the bottom for some seconds."""
        self._message, self._message_until_s = message, time.monotonic() + _MESSAGE_S

    def close(self) -> None:
        """Take the window away; safe to call twice."""
        if not self._closed:
            self._closed = True
            self._screen.close()

    def _paint(self, readings: LiveStats) -> None:
        """Draw the window, unless it shows all that already."""
        scene = self._scene(readings)
        if scene != self._shown or self._screen.stale:
            self._screen.paint(scene)
            self._shown = scene

    def _scene(self, readings: LiveStats) -> WindowContent:
        from urban_segmentor.apps.live.pygame_window import WindowContent  # noqa: PLC0415 - needs pygame

        banner = "paused" if self._controls.view.paused else ""
        return WindowContent(
            frame=self._frame,
            banner=banner if readings.is_live else readings.state,
            dim=not readings.is_live,
            message=self._message if time.monotonic() < self._message_until_s else "",
        )

    def _toggle_pause(self) -> None:
        self._controls.set_paused(not self._controls.view.paused)

    def _save(self) -> None:
        if self._frame is None:
            self.say("there is no picture yet")
        else:
            try:
                self.say(f"saved {self._save_image(self._frame)}")
            except OutputError as error:  # the street goes on
                self.say(f"error: {error}")

    def _toggle_masks_only(self) -> None:
        wanted = not self._controls.view.masks_only
        self._controls.set_masks_only(wanted)
        self.say("masks only" if wanted else "masks, boxes and labels")

    def _next_filter(self, steps: int) -> None:
        self._controls.next_filter(steps)
        classes = self._controls.view.classes
        named = {group: name for name, group in self._controls.presets.items()}
        self.say(f"classes: {named.get(classes) or ', '.join(classes or ())}")

    def _step_conf(self, steps: int) -> None:
        self._controls.step_conf(steps)
        self.say(f"lowest score: {self._controls.view.conf:.2f}")

    def _toggle_figures(self) -> None:
        self._controls.set_figures(not self._controls.view.figures)


def _open_screen(title: str) -> PygameWindow:
    greets = _GREETING not in os.environ
    if greets:  # standard output is for results
        os.environ[_GREETING] = "1"
    try:
        from urban_segmentor.apps.live.pygame_window import PygameWindow  # noqa: PLC0415 - needs pygame
    except ImportError as error:
        raise MissingExtraError("pygame", extra="window") from error
    finally:
        if greets:
            os.environ.pop(_GREETING, None)
    return PygameWindow(title)
