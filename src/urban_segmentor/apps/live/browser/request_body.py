"""Bodies of requests, of one media type and within a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from starlette.requests import Request

MAX_BODY_BYTES = 10_000
_BODY_TIMEOUT_S = 8.0


async def read_body(request: Request, *, media_type: str) -> bytes:
    """Return the body of a request.

    Args:
        request: The request.
        media_type: The expected media type.

    Raises:
        HTTPException: It has another media type, or does not come within some seconds.
    """
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found != media_type:
        raise HTTPException(415, f"the body must be {media_type}")
    try:
        async with asyncio.timeout(_BODY_TIMEOUT_S):
            return await request.body()
    except TimeoutError:
        message = f"the body did not come within {_BODY_TIMEOUT_S:.0f} seconds"
        raise HTTPException(408, message, {"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400, "the request breaks off") from None
