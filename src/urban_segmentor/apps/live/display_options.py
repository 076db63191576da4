"""Where live pictures are shown, and to whom."""

from __future__ import annotations

from dataclasses import dataclass

from urban_segmentor.options import check_choices, option

DISPLAYS = ("auto", "window", "browser", "none")
_SHOW = "Display"


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayOptions:
    """Where live pictures are shown, and to whom.

    Attributes:
        display: `auto`, `window`, `browser` or `none`.
        host: Address that the page listens at; another than this machine's own needs a token.
        port: Of the page; when it is taken, the next free one; 0 for any.
        token: What viewers must know, 12 characters or more; None for none.

    Raises:
        SettingError: There is no such display.
    """

    display: str = option(
        DISPLAYS[0], help="auto, window, browser or none.", panel=_SHOW, choices=DISPLAYS
    )
    host: str = option("127.0.0.1", help="Address of the page.", panel=_SHOW)
    port: int = option(8000, help="Port of the page.", panel=_SHOW, low=0)
    token: str | None = option(
        None,
        help="What viewers have to know; needed for another --host than this machine.",
        secret=True,
        panel=_SHOW,
        envvar="URBAN_SEGMENTOR_TOKEN",
    )

    def __post_init__(self) -> None:
        """Check the word; the page checks the rest where it opens."""
        check_choices(self, ("display",))


USUAL_DISPLAY = DisplayOptions()
"""What holds when nothing is said, for signatures that name it one by one."""
