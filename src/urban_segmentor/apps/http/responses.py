"""Answers that say what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.exceptions import HTTPException


def error_response(
    status: int,
    error: str,
    *,
    hint: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the JSON answer to a request that failed or is refused.

    Args:
        status: HTTP status code.
        error: What is wrong.
        hint: What the client can do, or None to leave it out.
        headers: Further headers.
    """
    # What a client sent may be in it, and need not be valid Unicode.
    content = {"error": error.encode("utf-8", "replace").decode("utf-8")}
    return JSONResponse(content if hint is None else content | {"hint": hint}, status, headers)


def http_error_response(error: HTTPException) -> JSONResponse:
    """Return the JSON answer that says what an `HTTPException` says."""
    return error_response(error.status_code, str(error.detail), headers=error.headers)
