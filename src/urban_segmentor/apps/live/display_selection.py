"""Which display is taken, and why."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

from urban_segmentor.apps.live.display import Display
from urban_segmentor.apps.live.display_options import DISPLAYS
from urban_segmentor.apps.live.null_display import NullDisplay
from urban_segmentor.errors import DisplayError, MissingExtraError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_UNSEEN = ("dummy", "offscreen")  # drivers of SDL that show nothing
_NO_SCREEN = "there is no screen here"


class Page(Display, Protocol):
    """A `Display` in the browser."""

    @property
    def moved_from(self) -> int | None:
        """The port that was asked for and is taken, or None."""
        ...


class DisplaySelection(NamedTuple):
    """What was chosen.

    Attributes:
        display: Is open.
        sentence: What it is and why, for the user, without a full stop.
    """

    display: Display
    sentence: str


def select_display(
    wish: str,
    *,
    make_window: Callable[[], Display],
    make_browser: Callable[[], Page],
    environ: Mapping[str, str] | None = None,
    platform: str = sys.platform,
) -> DisplaySelection:
    """Return the display that fits a wish, open, and a sentence about it.

    `auto` takes a window where one opens, and else the browser. A window that was asked for
    where there is no screen becomes the browser too.

    Args:
        wish: `auto`, `window`, `browser` or `none`.
        make_window: Opens the window; raises `MissingExtraError` or `DisplayError`.
        make_browser: Opens the page.
        environ: Variables that say whether there is a screen; None for those of the process.
        platform: As `sys.platform`.

    Raises:
        SettingError: There is no such display, or the page cannot be opened as it was asked for.
        MissingExtraError: A window was asked for, and pygame is not installed.
    """
    if wish not in DISPLAYS:
        raise SettingError(f"there is no display `{wish}`", hint=f"one of {', '.join(DISPLAYS)}")
    if wish == "none":
        return DisplaySelection(NullDisplay(), "no display, as asked for")
    if wish == "browser":
        return _in_browser(make_browser, "")
    variables = os.environ if environ is None else environ
    if not _has_screen(variables, platform, asked=wish == "window"):
        return _in_browser(make_browser, _NO_SCREEN)
    try:
        return DisplaySelection(window := make_window(), f"in {window.where}")
    except MissingExtraError as error:
        if wish == "window":
            raise
        reason = f"the extra 'window' is not installed ({error.hint})"
    except DisplayError as error:
        reason = str(error)
    return _in_browser(make_browser, reason)


def _in_browser(make_browser: Callable[[], Page], reason: str) -> DisplaySelection:
    display = make_browser()
    reasons = [reason] if reason else []
    if display.moved_from is not None:
        reasons.append(f"port {display.moved_from} is taken")
    because = f", because {' and '.join(reasons)}" if reasons else ""
    return DisplaySelection(display, f"browser at {display.where}{because}")


def _has_screen(variables: Mapping[str, str], platform: str, *, asked: bool) -> bool:
    """Return whether a window can be expected to open, and to be seen."""
    if driver := variables.get("SDL_VIDEODRIVER"):
        return asked or driver not in _UNSEEN
    if platform == "darwin" or platform.startswith(("win", "cygwin")):
        return True
    return any(variables.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
