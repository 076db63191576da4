"""Replies, with the headers that keep a page to itself."""

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
_ALWAYS = (
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
    """One reply.

    Attributes:
        status: The number that HTTP has for it.
        kind: The media type of the body.
        body: What is sent.
        headers: Further headers.
    """

    status: int = 200
    kind: str = _TEXT
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def encoded(self, *, keeps: bool, head_only: bool = False) -> bytes:
        """Return the bytes of the reply.

        Args:
            keeps: True when the connection may be used again.
            head_only: True to leave out the body, for `HEAD`.
        """
        length = ("Content-Length", str(len(self.body)))
        fields = (("Content-Type", self.kind), length, *self.headers)
        head = head_of(self.status, fields, keeps=keeps)
        return head if head_only else head + self.body


def head_of(status: int, headers: Iterable[tuple[str, str]], *, keeps: bool) -> bytes:
    """Return the first part of a reply, with its empty line.

    Args:
        status: The number that HTTP has for it.
        headers: What this reply has beside those that all have.
        keeps: True when the connection may be used again.
    """
    fields = (
        ("Date", formatdate(usegmt=True)),
        ("Connection", "keep-alive" if keeps else "close"),
        *_ALWAYS,
        *headers,
    )
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        *(": ".join(item) for item in fields),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def json_reply(value: Mapping[str, object], *, status: int = 200) -> Response:
    """Return a reply that programs read.

    Args:
        value: What JSON can express.
        status: The number that HTTP has for it.
    """
    text = json.dumps(value, separators=(",", ":"))
    return Response(status=status, kind=JSON, body=text.encode("ascii"))


def error_reply(error: RequestRefusedError) -> Response:
    """Return the reply to a request that is refused.

    Args:
        error: Why.
    """
    reply = json_reply({"error": error.reason}, status=error.status)
    return Response(status=reply.status, kind=reply.kind, body=reply.body, headers=error.headers)
