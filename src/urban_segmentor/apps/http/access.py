"""Who may use a server: pages of other sites may not, nor whoever lacks the token or password."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import re
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Literal

from starlette.exceptions import HTTPException
from starlette.requests import Request

from urban_segmentor.apps.http.listen import is_loopback
from urban_segmentor.apps.http.responses import error_response, http_error_response

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

READS = ("GET", "HEAD")
"""Methods that change nothing."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{1,5})?")
_NAMES = {"basic": "password", "bearer": "token"}
_MAX_ADDRESSES = 256
_MAX_ATTEMPTS, _LOCKOUT_S = 5, 30.0
_FAILURE_DELAY_S = 0.3  # after each wrong secret, whoever sent it


class OriginMiddleware:
    """ASGI middleware that keeps out pages of other sites, and names bent to this machine.

    Args:
        app: The wrapped app.
        hosts: Names in `Host` beside those of this machine; None to accept any. A page elsewhere
            can let its own name point to this machine (DNS rebinding), and would then be taken
            for ours; where a secret is asked for that helps nobody, as browsers keep it by name.
        cross_site: What pages of other sites may do: `links` to the start page alone, `reads` of
            everything, or `all`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: Collection[str] | None,
        cross_site: Literal["links", "reads", "all"],
    ) -> None:
        self._app, self._cross_site = app, cross_site
        self._hosts = None if hosts is None else {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or refuse it."""
        if scope["type"] == "websocket":  # there are none, so nobody can come in by one
            await send({"type": "websocket.close", "code": 1008})
            return
        app = self._app
        if scope["type"] == "http":
            app = self._refusal(Request(scope)) or self._app
        await app(scope, receive, send)

    def _refusal(self, request: Request) -> ASGIApp | None:
        """Return the answer to a request that is refused, else None."""
        match = _HOST.fullmatch(request.headers.get("host", ""))
        if match is None:
            return error_response(400, "the header `host` cannot be read")
        name = match[1].lower()
        if not (self._hosts is None or name in self._hosts or is_loopback(name)):
            return error_response(403, "open this page as http://localhost, with the port behind")
        is_read = request.method in READS
        may_be_foreign = self._cross_site == "all" or (
            is_read and (self._cross_site == "reads" or request.scope["path"] == "/")
        )
        if not may_be_foreign and _is_cross_site(request):
            return error_response(403, "other pages may not use this one")
        return None


def _is_cross_site(request: Request) -> bool:
    """Return whether a browser sends a request for a page of another site."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"none", "same-origin"}
    # Browsers tell the site only to encrypted servers and to this machine, the origin to all.
    origin = request.headers.get("origin")
    if origin is None or request.method in READS:
        return False
    names = (request.headers.get(name) for name in ("host", "x-forwarded-host"))
    return origin.partition("://")[2].lower() not in {name.lower() for name in names if name}


class Secret:
    """A token or password; guessing it takes long.

    Args:
        secret: The token or password.
        scheme: How programs send it in `Authorization`: `bearer`, or `basic` with any user name.
    """

    def __init__(self, secret: str, *, scheme: Literal["basic", "bearer"]) -> None:
        self._secret, self._scheme = secret.encode(), scheme
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def is_in(self, request: Request) -> bool:
        """Return whether a request has the secret in `Authorization`.

        Raises:
            HTTPException: Its sender gave too many wrong ones.
        """
        # Headers are read as Latin-1, which gives the bytes back whatever they meant.
        header = request.headers.get("authorization", "").encode("latin-1")
        scheme, _, given = header.partition(b" ")
        if scheme.lower() != self._scheme.encode():
            return False
        given = given.strip()
        if self._scheme == "basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                given = b""
        return await self.matches(given, request)

    async def matches(self, given: bytes, request: Request) -> bool:
        """Return whether what came with a request is the secret; a wrong one takes a moment.

        Raises:
            HTTPException: Its sender gave too many wrong ones.
        """
        address = "" if request.client is None else request.client.host
        now_s = time.monotonic()
        attempts, last_s = self._failures.pop(address, (0, now_s))
        wait_s = last_s + _LOCKOUT_S - now_s
        if attempts >= _MAX_ATTEMPTS and wait_s > 0:
            self._failures[address] = (attempts, last_s)
            raise HTTPException(
                429,
                f"too many wrong {_NAMES[self._scheme]}s; try again in {wait_s:.0f} seconds",
                {"Retry-After": f"{wait_s:.0f}"},
            )
        if hmac.compare_digest(given, self._secret):
            return True
        self._failures[address] = (attempts % _MAX_ATTEMPTS + 1, now_s)
        while len(self._failures) > _MAX_ADDRESSES:
            self._failures.popitem(last=False)
        await asyncio.sleep(_FAILURE_DELAY_S)
        return False


class AuthenticationMiddleware:
    """ASGI middleware that forwards requests of those who have access.

    Args:
        app: The wrapped app.
        is_authorized: Returns whether a request has access; may raise `HTTPException`.
        public_paths: Paths that everybody may have.
        login: Answers the other requests.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        is_authorized: Callable[[Request], Awaitable[bool]],
        public_paths: Collection[str],
        login: ASGIApp,
    ) -> None:
        self._app, self._is_authorized = app, is_authorized
        self._public_paths, self._login = frozenset(public_paths), login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or let it log in."""
        app = self._app
        if scope["type"] == "http" and scope["path"] not in self._public_paths:
            try:
                app = self._app if await self._is_authorized(Request(scope)) else self._login
            except HTTPException as error:
                app = http_error_response(error)
        await app(scope, receive, send)
