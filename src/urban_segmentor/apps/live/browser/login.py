"""`Login`: access by token, then by session cookie."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from html import escape
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from urban_segmentor.apps.http.access import READS, Secret
from urban_segmentor.apps.http.responses import error_response
from urban_segmentor.apps.live.browser.request_body import read_body

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

LOGIN_PATH = "/login"
_FORM = "application/x-www-form-urlencoded"
_MAX_SESSIONS = 256
_AUTH_HEADERS = {"WWW-Authenticate": "Bearer"}


class Login:
    """Logs viewers in, by a form, by `token` in the address, or by a bearer token.

    Args:
        token: Access token.
        port: Part of the cookie's name, since browsers share cookies between ports.
    """

    def __init__(self, token: str, *, port: int) -> None:
        self._secret = Secret(token, scheme="bearer")
        self._cookie = f"urban_segmentor_{port}"
        self._sessions: OrderedDict[str, None] = OrderedDict()

    async def is_authorized(self, request: Request) -> bool:
        """Return whether a request is authorized, by session cookie or bearer token.

        Raises:
            HTTPException: Its sender gave too many wrong tokens.
        """
        is_known = request.cookies.get(self._cookie, "") in self._sessions
        return is_known or await self._secret.is_in(request)

    async def form(self, request: Request) -> Response:
        """Answer requests of the login page, and what it sends."""
        if request.method in READS:
            return _login_page()
        body = await read_body(request, media_type=_FORM)
        try:
            fields = parse_qs(body.decode("ascii"), max_num_fields=4)
        except ValueError:
            raise HTTPException(400, "the form cannot be read") from None
        return await self._log_in(fields.get("token", [""])[0], request)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that is not authorized."""
        request = Request(scope, receive)
        is_read = request.method in READS
        if is_read and "token" in request.query_params:
            response = await self._log_in(request.query_params["token"], request)
        elif is_read and request.scope["path"] == "/":
            response = _login_page(status=401)
        else:
            response = error_response(401, "this needs the token", headers=_AUTH_HEADERS)
        await response(scope, receive, send)

    async def _log_in(self, token: str, request: Request) -> Response:
        """Return a redirect with a session cookie, or the login page for a wrong token."""
        try:
            is_right = await self._secret.matches(token.encode("utf-8", "replace"), request)
        except HTTPException as error:
            page = _login_page(f"{error.detail.capitalize()}.", status=error.status_code)
            page.headers.update(error.headers or {})
            return page
        if not is_right:
            return _login_page("This is not the token.", status=401)
        session = secrets.token_urlsafe(32)
        self._sessions[session] = None
        while len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        response = redirect_without_token(request)
        response.set_cookie(self._cookie, session, httponly=True, samesite="strict")
        return response


def redirect_without_token(request: Request) -> RedirectResponse:
    """Return a redirect to the page that was asked for, without the token in its address."""
    rest = {name: value for name, value in request.query_params.items() if name != "token"}
    # Two slashes would make it the address of another host.
    path = "/" + request.scope["path"].lstrip("/") if request.method in READS else "/"
    return RedirectResponse(f"{path}?{urlencode(rest)}" if rest else path, 303)


def _login_page(problem: str = "", *, status: int = 200) -> Response:
    folder = resources.files("urban_segmentor.apps.live.browser") / "files"
    text = (folder / "login.html").read_text("utf-8")
    # The title of the page is not shown before login.
    text = text.replace("{title}", "Urban Segmentor").replace("{problem}", escape(problem))
    return HTMLResponse(text, status, _AUTH_HEADERS if status == 401 else None)
