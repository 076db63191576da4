"""Access control of the page: token, session cookies, `Host` and `Origin`."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from urban_segmentor.apps.live.browser.requests import RequestRefusedError

if TYPE_CHECKING:
    from urban_segmentor.apps.live.browser.requests import Request

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z._-]+))(?::[0-9]{1,5})?")
_MAX_SESSIONS, _MAX_ADDRESSES = 256, 256
_MAX_ATTEMPTS, _LOCKOUT_S = 5, 30.0
_FAILURE_DELAY_S = 0.3  # after each wrong token, whoever sent it


class Authenticator:
    """Authenticates requests by token or session cookie.

    Args:
        token: Access token, or None.
        host: Host name that the user chose; accepted as `Host`.
        port: Part of the cookie's name, since browsers share cookies between ports.
    """

    def __init__(self, token: str | None, *, host: str, port: int) -> None:
        self._token = None if token is None else token.encode()
        self._host = host.lower()
        self._cookie = f"urban_segmentor_{port}"
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, None] = OrderedDict()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def needs_token(self) -> bool:
        """True when there is a token."""
        return self._token is not None

    def check_host(self, request: Request) -> None:
        """Check that `Host` names this machine, against DNS rebinding.

        A page elsewhere can let its own name point to this machine, and would then be taken for
        ours; with a token that helps nobody, as the cookie belongs to the name.

        Raises:
            RequestRefusedError: It names another host.
        """
        match = _HOST.fullmatch(request.headers["host"])
        if match is None:
            raise RequestRefusedError(400, "the header `host` cannot be read")
        name = (match[1] or match[2]).lower()
        if (
            not self.needs_token
            and name not in {"localhost", self._host}
            and not _is_loopback(name)
        ):
            raise RequestRefusedError(
                403, "open this page as http://localhost, with the port behind it"
            )

    @staticmethod
    def check_origin(request: Request) -> None:
        """Check that the request is same-origin.

        Raises:
            RequestRefusedError: It is cross-origin.
        """
        site = request.headers.get("sec-fetch-site", "none")
        if request.path != "/" and site not in {"none", "same-origin"}:
            raise RequestRefusedError(403, "other pages may not use this one")
        origin = request.headers.get("origin")
        if request.method != "POST" or origin is None:
            return
        if origin.partition("://")[2].lower() != request.headers["host"].lower():
            raise RequestRefusedError(403, "other pages may not steer this one")

    def is_authorized(self, request: Request) -> bool:
        """Return whether a request is authorized, by session cookie or bearer token.

        Raises:
            RequestRefusedError: Its sender gave too many wrong tokens.
        """
        if not self.needs_token:
            return True
        for cookie in request.headers.get("cookie", "").split(";"):
            name, _, session = cookie.strip().partition("=")
            with self._lock:
                if name == self._cookie and session in self._sessions:
                    return True
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        # Headers are read as Latin-1, which gives the bytes back whatever they meant.
        return scheme.lower() == "bearer" and self._is_token(
            token.strip().encode("latin-1"), request.address
        )

    def log_in(self, token: str, request: Request) -> tuple[str, str] | None:
        """Return the `Set-Cookie` header of a new session, or None for a wrong token.

        Raises:
            RequestRefusedError: Its sender gave too many wrong tokens.
        """
        if not self._is_token(token.encode("utf-8", "surrogateescape"), request.address):
            return None
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._sessions[session] = None
            while len(self._sessions) > _MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return "Set-Cookie", f"{self._cookie}={session}; Path=/; HttpOnly; SameSite=Strict"

    def _is_token(self, token: bytes, address: str) -> bool:
        now_s = time.monotonic()
        with self._lock:
            attempts, last_s = self._failures.pop(address, (0, now_s))
            wait_s = last_s + _LOCKOUT_S - now_s
            if attempts >= _MAX_ATTEMPTS and wait_s > 0:
                self._failures[address] = (attempts, last_s)
                raise RequestRefusedError(
                    429,
                    f"too many wrong tokens; try again in {wait_s:.0f} seconds",
                    headers=(("Retry-After", f"{wait_s:.0f}"),),
                )
            is_valid = self._token is not None and hmac.compare_digest(token, self._token)
            if not is_valid:
                self._failures[address] = (attempts % _MAX_ATTEMPTS + 1, now_s)
                while len(self._failures) > _MAX_ADDRESSES:
                    self._failures.popitem(last=False)
        if not is_valid:
            time.sleep(_FAILURE_DELAY_S)
        return is_valid


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
