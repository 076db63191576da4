"""How much the plain HTTP interface reads of what is sent to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from urban_segmentor.errors import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.types import Message

    from urban_segmentor.apps.web.limits import UploadLimits

_FORM_BYTES = 100_000  # what stands around the picture


def sized_route(limits: UploadLimits) -> type[APIRoute]:
    """Return routes that count what comes in, and end what does not end by itself.

    Args:
        limits: Say how large a picture may be.
    """
    most = limits.image_bytes + _FORM_BYTES

    def too_large(size: int) -> TooLargeError:
        return TooLargeError(f"more than {size / 1e6:.1f} MB were sent", hint=limits.image_words)

    class SizedRoute(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def sized(request: Request) -> Response:
                said = request.headers.get("content-length", "")
                if said.isdecimal() and int(said) > most:
                    raise too_large(most)
                got = 0

                async def receive() -> Message:
                    nonlocal got
                    message = await request.receive()
                    got += len(message.get("body", b""))
                    if got > most:
                        raise too_large(most)
                    return message

                try:
                    return await handle(Request(request.scope, receive))
                except HTTPException:
                    if got > most:  # which is reported as a form that cannot be read
                        raise too_large(most) from None
                    raise

            return sized

    return SizedRoute
