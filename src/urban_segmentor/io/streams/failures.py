"""Stream failures without secrets: FFmpeg's own messages repeat URIs with passwords."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av.error

from urban_segmentor.errors import SourceError
from urban_segmentor.io.streams.cameras import cameras_hint, processes_using

if TYPE_CHECKING:
    from urban_segmentor.io.streams.source_uri import SourceUri

# fmt: off
_TRANSIENT_ERRNOS = frozenset({
    errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ETIMEDOUT, errno.EPIPE,
    errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN, errno.EIO,
    errno.EAGAIN, errno.EINTR, errno.ENOTCONN,
})
# fmt: on
_MIN_UNDECODABLE = 10  # damaged pictures are no accident any more
_BROKEN = "the connection broke"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFailure:
    """Why a stream gives no frames.

    Attributes:
        reason: Short text, without secrets.
        hint: What to do, or None.
        is_permanent: True when trying again cannot help, as far as one can tell at the first try.
        unsupported_options: True when a camera may work with other options.
    """

    reason: str
    hint: str | None = None
    is_permanent: bool = False
    unsupported_options: bool = False

    def as_error(self, uri: SourceUri) -> SourceError:
        """Return the `SourceError` for a failure that is not retried."""
        return SourceError(f"`{uri.name}`: {self.reason}", hint=self.hint)


class StreamLostError(Exception):
    """A connection was lost.

    Args:
        failure: Why.
    """

    def __init__(self, failure: StreamFailure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def timeout_failure(seconds: float) -> StreamFailure:
    """Return the failure of a source that sent nothing for some seconds."""
    return StreamFailure(reason=f"nothing came for {seconds:g} s")


def failure_from_error(error: Exception, uri: SourceUri) -> StreamFailure:
    """Return the failure that an FFmpeg error means for a source."""
    for kind, failure in _http_failures(uri):
        if isinstance(error, kind) and uri.kind not in {"camera", "screen"}:
            return failure
    code: int = getattr(error, "errno", None) or 0
    if uri.kind == "camera":
        return _camera_failure(code, uri)
    if uri.kind == "screen":
        return _screen_failure()
    return _network_failure(code)


def _network_failure(code: int) -> StreamFailure:
    if code == errno.EADDRINUSE:
        return StreamFailure(
            reason="another program listens at this port",
            hint="end it, or send the pictures to another port",
            is_permanent=True,
        )
    if code in _TRANSIENT_ERRNOS:
        return StreamFailure(reason=_BROKEN if code == errno.EIO else os.strerror(code).lower())
    if code in errno.errorcode:
        return StreamFailure(
            reason=os.strerror(code).lower(),
            hint="look at the address again, or open it in a player",
            is_permanent=True,
        )
    return StreamFailure(reason=_BROKEN)


def no_video_failure(kinds: list[str]) -> StreamFailure:
    """Return the failure of a source without a decodable video stream."""
    return StreamFailure(
        reason="it holds no video that can be decoded, only "
        + (" and ".join(kinds) if kinds else "what FFmpeg does not know"),
        hint="choose another stream or codec in the settings of the camera (H.264 is a safe one)",
        is_permanent=True,
    )


def undecodable_failure(damaged: int) -> StreamFailure:
    """Return the failure of a stream whose packets do not decode."""
    return StreamFailure(
        reason=f"none of its first {damaged} pictures can be decoded",
        hint="choose another codec or a smaller size in the settings of the camera",
        is_permanent=damaged >= _MIN_UNDECODABLE,
    )


def oversize_failure(width: int, height: int, max_px: int) -> StreamFailure:
    """Return the failure of a stream whose frames exceed the size limit."""
    return StreamFailure(
        reason=f"its pictures have {width} x {height} pixels, and more than "
        f"{max_px // 1_000_000} million are not taken",
        hint="choose a smaller size in the settings of the source",
        is_permanent=True,
    )


def _http_failures(uri: SourceUri) -> list[tuple[type[Exception], StreamFailure]]:
    """Return the failure for each PyAV error class."""
    scheme = uri.name.partition(":")[0]
    login = (
        f"write them into the address: {scheme}://USER:PASSWORD@{uri.host}/...; "
        "special characters percent-encoded (@ as %40, : as %3A, / as %2F, # as %23)"
    )
    denied = "the user or the password is wrong, or missing"
    permanent = {"is_permanent": True}
    return [
        (
            av.error.HTTPUnauthorizedError,
            StreamFailure(reason=f"{denied} (401)", hint=login, **permanent),
        ),
        (
            av.error.HTTPForbiddenError,
            StreamFailure(reason=f"{denied} (403)", hint=login, **permanent),
        ),
        (
            av.error.HTTPNotFoundError,
            StreamFailure(
                reason="the server has no such stream (404)",
                hint="look up the path of the stream in the manual of the camera",
                **permanent,
            ),
        ),
        (
            av.error.HTTPClientError,
            StreamFailure(
                reason="the server does not accept the request",
                hint="look at the address again, or open it in a player",
                **permanent,
            ),
        ),
        (av.error.HTTPServerError, StreamFailure(reason="the server has a fault of its own (5xx)")),
        (
            av.error.InvalidDataError,
            StreamFailure(
                reason="what it sends is no video that can be read",
                hint="open it in a player to see whether it is a video",
                **permanent,
            ),
        ),
        (av.error.EOFError, StreamFailure(reason="the stream ended")),
    ]


def _camera_failure(code: int, uri: SourceUri) -> StreamFailure:
    if code in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return StreamFailure(
            reason="there is no such camera", hint=cameras_hint(), is_permanent=True
        )
    if code == errno.EBUSY:
        users = processes_using(uri.target)
        by = f", by {' and '.join(users)}" if users else ""
        return StreamFailure(
            reason=f"the camera is in use{by}",
            hint="end the other program first",
            is_permanent=True,
        )
    if code in {errno.EACCES, errno.EPERM}:
        return StreamFailure(
            reason="you may not use the camera",
            hint="sudo usermod -aG video $USER, then log in again",
            is_permanent=True,
        )
    if code in {errno.EINVAL, errno.ENOTTY}:
        return StreamFailure(
            reason="it is no camera, or gives no pictures in a form that can be read",
            hint=cameras_hint(),
            is_permanent=True,
            unsupported_options=True,
        )
    words = os.strerror(code).lower() if code in errno.errorcode else "the camera is gone"
    return StreamFailure(reason=words, hint=cameras_hint(), is_permanent=True)


def _screen_failure() -> StreamFailure:
    return StreamFailure(
        reason="the X display cannot be captured there",
        hint="look at DISPLAY, and at the size: it must lie within the screen",
        is_permanent=True,
    )
