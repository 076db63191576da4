"""A TCP server with a thread per connection and connection limits."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CONNECTIONS = 64
_MAX_PER_ADDRESS = 48  # from the same address
_MAX_REJECTED = 8  # at a time; more are closed without a response
_LINGER_S, _MAX_LINGER_BYTES = 0.5, 1 << 20
_GRACE_S = 1.0

_log = logging.getLogger(__name__)


class Server:
    """Accepts connections and serves each in its own thread.

    Args:
        listener: A listening socket, which `close` closes.
        serve: Called in that thread with the connection, the client's address, and whether the
            limits are exceeded; the connection is closed when it returns.
    """

    def __init__(
        self, listener: socket.socket, serve: Callable[[socket.socket, str, bool], None]
    ) -> None:
        self._listener, self._serve = listener, serve
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._addresses: Counter[str] = Counter()
        self._closed = False
        self._waker, self._wakes = socket.socketpair()
        listener.settimeout(0)
        self._thread = threading.Thread(target=self._accept, name="browser", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish pending responses, then close all connections; safe to call twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._waker.send(b"x")
        self._thread.join()
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):
            with self._lock:
                left = dict(self._connections)
            for connection in left:
                with contextlib.suppress(OSError):
                    connection.shutdown(how)
            until_s = time.monotonic() + _GRACE_S
            for thread in left.values():
                thread.join(max(until_s - time.monotonic(), 0))
        self._waker.close()

    def _accept(self) -> None:
        with self._listener, self._wakes, selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wakes, selectors.EVENT_READ)
            while not self._closed:
                selector.select()
                if self._closed:
                    return
                try:
                    connection, address = self._listener.accept()
                except BlockingIOError:
                    continue
                except OSError:  # no more files may be open, or the other side is gone again
                    time.sleep(0.05)
                    continue
                self._start(connection, str(address[0]))

    def _start(self, connection: socket.socket, address: str) -> None:
        with self._lock:
            count = len(self._connections)
            overloaded = count >= MAX_CONNECTIONS or self._addresses[address] >= _MAX_PER_ADDRESS
            if count >= MAX_CONNECTIONS + _MAX_REJECTED:
                connection.close()
                return
            thread = threading.Thread(
                target=self._run,
                args=(connection, address, overloaded),
                name="browser viewer",
                daemon=True,
            )
            self._connections[connection] = thread
            self._addresses[address] += 1
        try:
            thread.start()
        except RuntimeError:  # the system has no more threads
            self._remove(connection, address)

    def _run(self, connection: socket.socket, address: str, overloaded: bool) -> None:  # noqa: FBT001
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._serve(connection, address, overloaded)
            self._linger(connection)
        except OSError:
            pass  # viewers may disconnect at any time
        except Exception:  # noqa: BLE001 - one request must not end the pictures of the others
            _log.debug("a request failed", exc_info=True)
        finally:
            self._remove(connection, address)

    def _linger(self, connection: socket.socket) -> None:
        """Wait until the client has read the last response.

        Closing with unread bytes, as of an oversized body, would reset the connection.
        """
        connection.shutdown(socket.SHUT_WR)
        until_s, left = time.monotonic() + _LINGER_S, _MAX_LINGER_BYTES
        while left > 0 and not self._closed and (left_s := until_s - time.monotonic()) > 0:
            connection.settimeout(left_s)
            data = connection.recv(65536)
            if not data:
                return
            left -= len(data)

    def _remove(self, connection: socket.socket, address: str) -> None:
        connection.close()
        with self._lock:
            del self._connections[connection]
            self._addresses -= Counter([address])
