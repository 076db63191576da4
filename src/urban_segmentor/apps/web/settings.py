"""Settings of the web app."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - the command line reads types of fields

from urban_segmentor.apps.http.listen import is_loopback
from urban_segmentor.apps.live.display_options import DisplayOptions
from urban_segmentor.apps.web.limits import LIMITS, UploadLimits
from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import ModelOptions
from urban_segmentor.options import default_of, like, option

_PAGE = "Page"
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSettings:
    """Settings of the web app.

    Attributes:
        host: Address to listen on; others than this machine's are for trusted networks, or with
            a password.
        port: 0 for any that is free.
        password: Password of the app, or None.
        model: The default model: an embedded name, a path, or a hub reference.
        device: `auto`, `cpu`, `gpu`, ...
        examples: Folder of prepared examples, or of images and videos; None for synthetic streets.
        keep_s: Seconds without use after which files are deleted.
        limits: Limits of uploads.
        cache: Folder of prepared examples; None for the user's cache folder.

    Raises:
        SettingError: The port is out of range, or the password is empty.
    """

    host: str = like(DisplayOptions, "host", panel=_PAGE)
    port: int = option(
        7860, help="Port of the page; 0 for any that is free.", panel=_PAGE, low=0, high=_LAST_PORT
    )
    password: str | None = option(
        None,
        help="What visitors have to know; any user name goes with it.",
        secret=True,
        panel=_PAGE,
        envvar="URBAN_SEGMENTOR_PASSWORD",
    )
    examples: Path | None = option(
        None,
        help="Folder with pictures and videos to try, instead of drawn streets.",
        panel=_PAGE,
    )
    model: str = like(ModelOptions, "model")
    device: str = like(ModelOptions, "device")
    keep_s: float = option(
        3600.0,
        help="Delete files that were not used for so many minutes.",
        panel=LIMITS,
        flags=("--keep",),
        unit=60,
    )
    limits: UploadLimits = field(default_factory=UploadLimits)
    cache: Path | None = None

    def __post_init__(self) -> None:
        """Check port and password."""
        if not 0 <= self.port <= _LAST_PORT:
            raise SettingError(
                f"`port` is {self.port}, expected 0 to {_LAST_PORT}",
                hint=f"--port {default_of(AppSettings, 'port')}",
            )
        if self.password is not None and not self.password:
            raise SettingError("the password is empty", hint="leave it out, or give one")

    @property
    def is_local(self) -> bool:
        """True when only this machine can connect."""
        return is_loopback(self.host)


USUAL_SETTINGS = AppSettings()
"""What holds when nothing is said, for signatures that name it one by one."""
