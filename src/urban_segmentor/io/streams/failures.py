"""Why a source gives no pictures, in words of our own: FFmpeg's name addresses with passwords."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av.error

from urban_segmentor.errors import SourceError
from urban_segmentor.io.streams.cameras import cameras_hint, holders

if TYPE_CHECKING:
    from urban_segmentor.io.streams.source_uri import SourceUri

# fmt: off
_PASSING = frozenset({
    errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ETIMEDOUT, errno.EPIPE,
    errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN, errno.EIO,
    errno.EAGAIN, errno.EINTR, errno.ENOTCONN,
})
# fmt: on
_MANY = 10  # damaged pictures are no accident any more
_BROKEN = "the connection broke"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamFailure:
    """Why there are no pictures.

    Attributes:
        reason: A few words, without secrets.
        hint: What to do, or None.
        final: True when trying again cannot help, as far as one can tell at the first try.
        asked_too_much: True when a camera may have a form that was not asked for.
    """

    reason: str
    hint: str | None = None
    final: bool = False
    asked_too_much: bool = False

    def as_error(self, address: SourceUri) -> SourceError:
        """Return it as the error that ends everything."""
        return SourceError(f"`{address.name}`: {self.reason}", hint=self.hint)


class StreamLostError(Exception):
    """A connection came to its end.

    Args:
        failure: Why.
    """

    def __init__(self, failure: StreamFailure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def silent_for(seconds: float) -> StreamFailure:
    """Return what is wrong when nothing came for some seconds."""
    return StreamFailure(reason=f"nothing came for {seconds:g} s")


def failure_of(error: Exception, address: SourceUri) -> StreamFailure:
    """Return what an error of FFmpeg means for a source."""
    for kind, failure in _answers(address):
        if isinstance(error, kind) and address.kind not in {"camera", "screen"}:
            return failure
    code: int = getattr(error, "errno", None) or 0
    if address.kind == "camera":
        return _of_camera(code, address)
    if address.kind == "screen":
        return _of_screen()
    return _of_network(code)


def _of_network(code: int) -> StreamFailure:
    if code == errno.EADDRINUSE:
        return StreamFailure(
            reason="another program listens at this port",
            hint="end it, or send the pictures to another port",
            final=True,
        )
    if code in _PASSING:
        return StreamFailure(reason=_BROKEN if code == errno.EIO else os.strerror(code).lower())
    if code in errno.errorcode:
        return StreamFailure(
            reason=os.strerror(code).lower(),
            hint="look at the address again, or open it in a player",
            final=True,
        )
    return StreamFailure(reason=_BROKEN)


def no_video(kinds: list[str]) -> StreamFailure:
    """Return what is wrong when there is no video stream that can be decoded."""
    return StreamFailure(
        reason="it holds no video that can be decoded, only "
        + (" and ".join(kinds) if kinds else "what FFmpeg does not know"),
        hint="choose another stream or codec in the settings of the camera (H.264 is a safe one)",
        final=True,
    )


def nothing_decodes(damaged: int) -> StreamFailure:
    """Return what is wrong when packets come, and none of them becomes a picture."""
    return StreamFailure(
        reason=f"none of its first {damaged} pictures can be decoded",
        hint="choose another codec or a smaller size in the settings of the camera",
        final=damaged >= _MANY,
    )


def too_large(width: int, height: int, most_px: int) -> StreamFailure:
    """Return what is wrong with pictures that do not fit into the memory."""
    return StreamFailure(
        reason=f"its pictures have {width} x {height} pixels, and more than "
        f"{most_px // 1_000_000} million are not taken",
        hint="choose a smaller size in the settings of the source",
        final=True,
    )


def _answers(address: SourceUri) -> list[tuple[type[Exception], StreamFailure]]:
    """Return the meaning of errors that have a class of their own."""
    scheme = address.name.partition(":")[0]
    login = (
        f"write them into the address: {scheme}://USER:PASSWORD@{address.host}/...; "
        "special characters percent-encoded (@ as %40, : as %3A, / as %2F, # as %23)"
    )
    denied = "the user or the password is wrong, or missing"
    final = {"final": True}
    return [
        (
            av.error.HTTPUnauthorizedError,
            StreamFailure(reason=f"{denied} (401)", hint=login, **final),
        ),
        (
            av.error.HTTPForbiddenError,
            StreamFailure(reason=f"{denied} (403)", hint=login, **final),
        ),
        (
            av.error.HTTPNotFoundError,
            StreamFailure(
                reason="the server has no such stream (404)",
                hint="look up the path of the stream in the manual of the camera",
                **final,
            ),
        ),
        (
            av.error.HTTPClientError,
            StreamFailure(
                reason="the server does not accept the request",
                hint="look at the address again, or open it in a player",
                **final,
            ),
        ),
        (av.error.HTTPServerError, StreamFailure(reason="the server has a fault of its own (5xx)")),
        (
            av.error.InvalidDataError,
            StreamFailure(
                reason="what it sends is no video that can be read",
                hint="open it in a player to see whether it is a video",
                **final,
            ),
        ),
        (av.error.EOFError, StreamFailure(reason="the stream ended")),
    ]


def _of_camera(code: int, address: SourceUri) -> StreamFailure:
    if code in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
        return StreamFailure(reason="there is no such camera", hint=cameras_hint(), final=True)
    if code == errno.EBUSY:
        users = holders(address.target)
        by = f", by {' and '.join(users)}" if users else ""
        return StreamFailure(
            reason=f"the camera is in use{by}", hint="end the other program first", final=True
        )
    if code in {errno.EACCES, errno.EPERM}:
        return StreamFailure(
            reason="you may not use the camera",
            hint="sudo usermod -aG video $USER, then log in again",
            final=True,
        )
    if code in {errno.EINVAL, errno.ENOTTY}:
        return StreamFailure(
            reason="it is no camera, or gives no pictures in a form that can be read",
            hint=cameras_hint(),
            final=True,
            asked_too_much=True,
        )
    words = os.strerror(code).lower() if code in errno.errorcode else "the camera is gone"
    return StreamFailure(reason=words, hint=cameras_hint(), final=True)


def _of_screen() -> StreamFailure:
    return StreamFailure(
        reason="the X display cannot be captured there",
        hint="look at DISPLAY, and at the size: it must lie within the screen",
        final=True,
    )
