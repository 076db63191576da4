"""HTTP responses, with security headers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from urban_segmentor.apps.live.browser.requests import RequestRefusedError

JSON = "application/json"
HTML = "text/html; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_COMMON_HEADERS = (
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response.

    Attributes:
        status: HTTP status code.
        media_type: Media type of the body.
        body: Body, not encoded further.
        headers: Further headers.
    """

    status: int = 200
    media_type: str = _TEXT
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self, *, keep_alive: bool, head_only: bool = False) -> bytes:
        """Return the bytes of the response.

        Args:
            keep_alive: True when the connection may be reused.
            head_only: True to leave out the body, for `HEAD`.
        """
        length = ("Content-Length", str(len(self.body)))
        fields = (("Content-Type", self.media_type), length, *self.headers)
        head = response_head(self.status, fields, keep_alive=keep_alive)
        return head if head_only else head + self.body


def response_head(status: int, headers: Iterable[tuple[str, str]], *, keep_alive: bool) -> bytes:
    """Return status line and headers of a response, with the empty line after them.

    Args:
        status: HTTP status code.
        headers: Headers beside the common ones.
        keep_alive: True when the connection may be reused.
    """
    fields = (
        ("Date", formatdate(usegmt=True)),
        ("Connection", "keep-alive" if keep_alive else "close"),
        *_COMMON_HEADERS,
        *headers,
    )
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(": ".join(item) for item in fields),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def json_response(value: Mapping[str, object], *, status: int = 200) -> Response:
    """Return a JSON response.

    Args:
        value: The JSON object.
        status: HTTP status code.
    """
    text = json.dumps(value, separators=(",", ":"))
    return Response(status=status, media_type=JSON, body=text.encode("ascii"))


def error_response(error: RequestRefusedError) -> Response:
    """Return the JSON response to a refused request.

    Args:
        error: The refusal.
    """
    response = json_response({"error": error.reason}, status=error.status)
    return Response(
        status=response.status,
        media_type=response.media_type,
        body=response.body,
        headers=error.headers,
    )
