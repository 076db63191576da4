"""`Server`: uvicorn with an end to everything that others could let take for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from types import FrameType

    from starlette.types import ASGIApp

_REQUEST_TIMEOUT_S = 10.0  # from the connection, or the last response, to the end of the headers
_STALL_TIMEOUT_S = 10.0  # in which a client reads nothing although something is to be sent
_MAX_HEAD_BYTES = 16_384
_CLOSE_GRACE_S = 1.0  # for responses that are under way
_CANCEL_AFTER_S = 2


class Server(uvicorn.Server):
    """A uvicorn server that ends within seconds, whoever is connected.

    Clients that send their headers slowly, or do not read what they asked for, are disconnected.
    Nothing is logged about requests, whose URLs may hold a token.

    Args:
        app: The app.
        on_started: Called when requests are accepted.
        **config: Further arguments of `uvicorn.Config`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        on_started: Callable[[], None] = lambda: None,
        **config: Any,  # noqa: ANN401 - uvicorn checks them
    ) -> None:
        super().__init__(
            uvicorn.Config(
                cast("Any", app),  # uvicorn's type of an app is narrower than Starlette's
                http=_TimedProtocol,
                ws="none",
                access_log=False,
                server_header=False,
                h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
                timeout_graceful_shutdown=_CANCEL_AFTER_S,
                **config,
            )
        )
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept requests."""
        await super().startup(sockets)
        self._on_started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End at the first signal; uvicorn would abort with a traceback at a second one."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish responses for a moment, then close all connections."""
        # A client that reads nothing would keep its connection, and with it the server.
        asyncio.get_running_loop().call_later(_CLOSE_GRACE_S, self._abort_all)
        await super().shutdown(sockets)

    def _abort_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


class _TimedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with deadlines for receiving headers and for sending."""

    _request_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self._wait_for_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_unsent(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall_timer is not None:
            self._stall_timer.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._request_timer, self._stall_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _wait_for_request(self) -> None:
        # One deadline for all bytes, or else a byte a second would hold the connection for ever.
        if self._request_timer is not None:
            self._request_timer.cancel()
        self._request_timer = self.loop.call_later(_REQUEST_TIMEOUT_S, self._close_if_waiting)

    def _close_if_waiting(self) -> None:
        cycle = cast("Any", self.cycle)  # None before the first request
        if cycle is None or cycle.response_complete:
            self.transport.close()

    def _watch_unsent(self, unsent: int) -> None:
        def check() -> None:
            now_unsent = self.transport.get_write_buffer_size()
            if now_unsent >= unsent:
                self.transport.abort()
            else:
                self._watch_unsent(now_unsent)

        self._stall_timer = self.loop.call_later(_STALL_TIMEOUT_S, check)
