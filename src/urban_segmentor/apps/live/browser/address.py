"""At which address the page is: who may reach it, and which port is free."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import NamedTuple

from urban_segmentor.errors import SettingError

SHORTEST_TOKEN = 12
PORTS_TRIED = 20
_HIGHEST_PORT = 65535
_BACKLOG = 32
_ELSEWHERE = "192.0.2.1"  # for documentation: nobody has it, and nothing is sent to it
_SECRET = "export URBAN_SEGMENTOR_TOKEN=$(openssl rand -hex 12)"  # noqa: S105 - how to make one


class PageAddress(NamedTuple):
    """Where the server listens.

    Attributes:
        listener: A listening socket.
        url: The address of the page.
        moved_from: The port that was asked for and is taken, or None.
    """

    listener: socket.socket
    url: str
    moved_from: int | None


def listen(host: str, port: int, *, token: str | None) -> PageAddress:
    """Return a listening socket, on the next free port when the one asked for is taken.

    Args:
        host: A name or an address of this machine.
        port: 0 takes any that is free.
        token: What viewers must know; None lets in everybody on this machine.

    Raises:
        SettingError: The port is out of range or not allowed, the token is too short, the host is
            not this machine, others could reach it without a token, or no port is free.
    """
    if not 0 <= port <= _HIGHEST_PORT:
        raise SettingError(
            f"port {port} does not exist, expected 0 to {_HIGHEST_PORT}", hint="--port 8000"
        )
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise SettingError(
            f"the token has {len(token)} characters, expected {SHORTEST_TOKEN} or more",
            hint=f"make one: {_SECRET}",
        )
    family, ip = _resolve(host)
    if token is None and not ipaddress.ip_address(ip).is_loopback:
        raise SettingError(
            f"`{host}` can be reached from other machines, and no token keeps strangers out",
            hint=f"--host {host} --token ..., or {_SECRET}",
        )
    listener = _open(family, ip, port, host=host)
    taken = listener.getsockname()[1]
    url = f"http://{_shown_host(host, ip)}:{taken}/"
    return PageAddress(listener, url, port if port not in {0, taken} else None)


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    """Return the kind of a host's address, and the address without a zone."""
    try:
        if not host:
            raise socket.gaierror(socket.EAI_NONAME, "it is empty")
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(
            f"there is no host `{host}`: {reason}",
            hint="--host 127.0.0.1 for this machine alone, --host 0.0.0.0 for all that reach it",
        ) from error
    family, *_, sockaddr = found[0]
    return family, str(sockaddr[0]).partition("%")[0]


def _open(family: socket.AddressFamily, ip: str, port: int, *, host: str) -> socket.socket:
    last = min(port + PORTS_TRIED - 1, _HIGHEST_PORT) if port else 0
    for number in range(port, last + 1):
        try:
            return socket.create_server((ip, number), family=family, backlog=_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _refused(error, host, number) from error
    raise SettingError(f"ports {port} to {last} are all in use", hint="--port 0 takes a free one")


def _refused(error: OSError, host: str, port: int) -> SettingError:
    if error.errno == errno.EACCES:
        return SettingError(f"port {port} is not for ordinary users", hint="--port 8000")
    if error.errno == errno.EADDRNOTAVAIL:
        return SettingError(
            f"`{host}` is no address of this machine",
            hint="--host 127.0.0.1 for this machine alone, --host 0.0.0.0 for all that reach it",
        )
    return SettingError(
        f"cannot listen at `{host}`, port {port}: {error.strerror}", hint="--host 127.0.0.1"
    )


def _shown_host(host: str, ip: str) -> str:
    """Return how the host is called in an address that others can open."""
    if ipaddress.ip_address(ip).is_unspecified:
        return _own_address() if "." in ip else socket.gethostname()
    return f"[{ip}]" if ":" in host else host


def _own_address() -> str:
    """Return the address under which other machines see this one, as far as it is known."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((_ELSEWHERE, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
