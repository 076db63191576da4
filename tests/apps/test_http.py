"""What all served pages have in common: guesses of secrets, bodies without an end, their end."""

from __future__ import annotations

import asyncio
import http.client
import signal
import socket
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from tests.waiting import wait_until
from urban_segmentor.apps.http.access import Secret
from urban_segmentor.apps.http.body_limits import BodyLimit, BodyLimitMiddleware
from urban_segmentor.apps.http.listen import listen, resolve
from urban_segmentor.apps.http.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send


def guess(secret: Secret, address: str) -> asyncio.Task[bool]:
    """Return a wrong guess that has begun."""
    request = Request({"type": "http", "client": (address, 1), "headers": []})
    return asyncio.create_task(secret.matches(b"wrong", request))


def test_few_guesses_are_remembered() -> None:
    """Who guessed too often is kept out, until so many others have that memory is short."""
    secret = Secret("right", scheme="bearer")

    async def many_guesses() -> None:
        assert await asyncio.gather(*(guess(secret, "first") for _ in range(5))) == [False] * 5
        with pytest.raises(HTTPException) as refused:
            await guess(secret, "first")
        assert refused.value.status_code == 429
        await asyncio.gather(*(guess(secret, f"other-{number}") for number in range(256)))
        assert await guess(secret, "first") is False

    asyncio.run(many_guesses())


async def answer_early(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer before all of the body is there, or after it has come, as the path says."""
    if scope["path"] == "/early":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    while (await receive()).get("more_body"):
        pass
    if scope["path"] != "/early":
        await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b" and done"})


class Running:
    """A server with a limit of 1000 bytes for a body, in a thread."""

    def __init__(self) -> None:
        app = BodyLimitMiddleware(answer_early, limits={"": BodyLimit(max_bytes=1000)})
        self.listener = listen(resolve("127.0.0.1"), 0)
        self.server = Server(app, log_level="critical", lifespan="off")
        sockets = [self.listener.socket]
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": sockets})
        self.thread.start()
        wait_until(lambda: self.server.started)

    def send(self, path: str, *chunks: bytes) -> tuple[int, bytes]:
        """Return the status and the body of the answer to a body whose length is not said."""
        address = self.listener.socket.getsockname()
        with closing(http.client.HTTPConnection(*address, timeout=60)) as connection:
            connection.request("POST", path, iter(chunks), encode_chunked=True)
            response = connection.getresponse()
            try:
                return response.status, response.read()
            except http.client.IncompleteRead as cut:
                return response.status, cut.partial


@pytest.fixture
def running() -> Iterator[Running]:
    """Return a server, and check that it ends."""
    running = Running()
    try:
        yield running
    finally:
        running.server.should_exit = True
        running.thread.join(60)
        running.listener.socket.close()
    assert not running.thread.is_alive()


def test_a_body_that_grows_too_large(running: Running) -> None:
    """It is refused where there is no answer yet; one that has begun is left unfinished."""
    assert running.send("/late", b"x" * 500, b"x" * 500) == (200, b" and done")
    status, body = running.send("/late", *[b"x" * 600] * 2)
    assert status == 413
    assert b"more than 0.001 MB" in body
    assert running.send("/early", b"x" * 1000) == (200, b"begun and done")
    assert running.send("/early", *[b"x" * 600] * 2) == (200, b"begun")


def test_a_second_signal_changes_nothing(running: Running) -> None:
    """It ends as after the first one, without a traceback."""
    address = running.listener.socket.getsockname()
    for _ in range(2):
        running.server.handle_exit(signal.SIGINT, None)
    running.thread.join(60)
    assert not running.thread.is_alive()
    assert not running.server.force_exit
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=60)
