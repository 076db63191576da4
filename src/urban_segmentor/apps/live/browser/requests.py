"""HTTP/1.1 requests read from a socket, with limits on size and time."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

MAX_BODY_BYTES = 10_000
_MAX_HEAD_BYTES = 16_384
_MAX_HEADERS = 64
_MAX_FIELDS = 16
_IDLE_TIMEOUT_S = 30.0  # between two requests
_REQUEST_TIMEOUT_S = 8.0  # from the first byte of a request to its last
_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_UNIQUE_HEADERS = {"host", "content-length", "content-type", "authorization", "origin"}


class RequestRefusedError(Exception):
    """A request that is answered with an error status.

    Args:
        status: HTTP status code.
        reason: Error message.
        headers: Further headers of the response.
    """

    def __init__(
        self, status: int, reason: str, *, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request.

    Attributes:
        method: `GET`, `POST`, ...
        path: Path without the query, not decoded.
        query: Query parameters; the last of equal names.
        headers: Headers by lower-case name.
        body: At most `MAX_BODY_BYTES` bytes.
        keep_alive: True when the connection may be reused.
        address: Address of the client.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool
    address: str


class RequestReader:
    """Reads the requests of one connection.

    Args:
        connection: A socket; its timeout is changed.
        address: Address of the client.
    """

    def __init__(self, connection: socket.socket, address: str) -> None:
        self._connection, self._address = connection, address
        self._buffer = bytearray()

    def read(self) -> Request | None:
        """Return the next request, or None when the client has left or is idle.

        Raises:
            RequestRefusedError: It is not HTTP, too large, or too slow; the connection is unusable.
            OSError: The connection broke.
        """
        if not self._buffer and not self._wait_for_data():
            return None
        until_s = time.monotonic() + _REQUEST_TIMEOUT_S
        while (end := self._buffer.find(b"\r\n\r\n")) < 0 and len(self._buffer) <= _MAX_HEAD_BYTES:
            self._receive(until_s)
        if end < 0 or end > _MAX_HEAD_BYTES:
            raise RequestRefusedError(431, f"the headers have more than {_MAX_HEAD_BYTES} bytes")
        head = self._consume(end + 4)[:-4].decode("latin-1")
        method, target, minor, headers = _parse_head(head)
        length = _body_length(headers)
        if length and headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < length:
            self._receive(until_s)
        path, query = _parse_target(target)
        return Request(
            method=method,
            path=path,
            query=query,
            headers=headers,
            body=self._consume(length),
            keep_alive=minor == "1" and "close" not in headers.get("connection", "").lower(),
            address=self._address,
        )

    def _wait_for_data(self) -> bool:
        self._connection.settimeout(_IDLE_TIMEOUT_S)
        try:
            self._buffer += self._connection.recv(4096)
        except TimeoutError:
            return False
        return bool(self._buffer)

    def _receive(self, until_s: float) -> None:
        # One deadline for all bytes, or else a byte a second would hold the connection for ever.
        left_s = until_s - time.monotonic()
        if left_s <= 0:
            raise RequestRefusedError(
                408, f"the request did not come within {_REQUEST_TIMEOUT_S:.0f} seconds"
            )
        self._connection.settimeout(left_s)
        try:
            data = self._connection.recv(4096)
        except TimeoutError:
            return
        if not data:
            raise RequestRefusedError(400, "the request breaks off")
        self._buffer += data

    def _consume(self, length: int) -> bytes:
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data


def _parse_head(head: str) -> tuple[str, str, str, dict[str, str]]:
    """Return method, target, minor version and headers."""
    first, *lines = head.split("\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None:
        raise RequestRefusedError(400, "the first line is not `METHOD /path HTTP/1.1`")
    if len(lines) > _MAX_HEADERS:
        raise RequestRefusedError(431, f"there are more than {_MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    for text in lines:
        header = _HEADER.fullmatch(text)
        if header is None:
            raise RequestRefusedError(400, "a header is not `Name: value`")
        name, value = header[1].lower(), header[2].strip()
        if name in headers and name in _UNIQUE_HEADERS:
            raise RequestRefusedError(400, f"the header `{name}` comes twice")
        separator = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    if "host" not in headers:
        raise RequestRefusedError(400, "the header `host` is missing")
    return line[1], line[2], line[3], headers


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise RequestRefusedError(411, "a body needs the header `content-length`")
    text = headers.get("content-length", "0")
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise RequestRefusedError(400, "the header `content-length` is not a number")
    if int(text) > MAX_BODY_BYTES:
        raise RequestRefusedError(413, f"the body has more than {MAX_BODY_BYTES} bytes")
    return int(text)


def _parse_target(target: str) -> tuple[str, dict[str, str]]:
    path, _, query = target.partition("?")
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise RequestRefusedError(400, "the address cannot be read") from None
    return path, dict(fields)
