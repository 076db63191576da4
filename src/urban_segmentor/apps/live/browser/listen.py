"""The listening socket of the page, and its URL."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import NamedTuple

from urban_segmentor.apps.live.display_options import USUAL_DISPLAY
from urban_segmentor.errors import SettingError

MIN_TOKEN_LENGTH = 12
MAX_PORT_ATTEMPTS = 20
_MAX_PORT = 65535
_BACKLOG = 32
_PORT_HINT = f"--port {USUAL_DISPLAY.port}"
_HOST_HINT = f"--host {USUAL_DISPLAY.host}"
_HOSTS_HINT = f"{_HOST_HINT} for this machine alone, --host 0.0.0.0 for all that reach it"
_TEST_NET_ADDRESS = "192.0.2.1"  # TEST-NET-1 of RFC 5737; nothing is sent to it
_TOKEN_HINT = "export URBAN_SEGMENTOR_TOKEN=$(openssl rand -hex 12)"  # noqa: S105 - a command that makes one


class PageAddress(NamedTuple):
    """A listening socket and the URL of its page.

    Attributes:
        listener: A listening socket.
        url: URL of the page.
        moved_from: The requested port when it is in use, else None.
    """

    listener: socket.socket
    url: str
    moved_from: int | None


def listen(host: str, port: int, *, token: str | None) -> PageAddress:
    """Return a listening socket, on the next free port when the requested one is in use.

    Args:
        host: A host name or IP address of this machine.
        port: The requested port; 0 for any free one.
        token: Access token; None gives everybody on this machine access.

    Raises:
        SettingError: The port is out of range or not allowed, the token is too short, the host is
            not this machine, others could reach it without a token, or no port is free.
    """
    if not 0 <= port <= _MAX_PORT:
        raise SettingError(
            f"port {port} does not exist, expected 0 to {_MAX_PORT}", hint=_PORT_HINT
        )
    if token is not None and len(token) < MIN_TOKEN_LENGTH:
        raise SettingError(
            f"the token has {len(token)} characters, expected {MIN_TOKEN_LENGTH} or more",
            hint=f"make one: {_TOKEN_HINT}",
        )
    family, ip = _resolve(host)
    if token is None and not ipaddress.ip_address(ip).is_loopback:
        raise SettingError(
            f"`{host}` can be reached from other machines, and no token keeps strangers out",
            hint=f"--host {host} --token ..., or {_TOKEN_HINT}",
        )
    listener = _open(family, ip, port, host=host)
    bound_port = listener.getsockname()[1]
    url = f"http://{_public_host(host, ip)}:{bound_port}/"
    return PageAddress(listener, url, port if port not in {0, bound_port} else None)


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    """Return address family and IP address of a host, without a zone."""
    try:
        if not host:
            raise socket.gaierror(socket.EAI_NONAME, "it is empty")
        addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(
            f"there is no host `{host}`: {reason}",
            hint=_HOSTS_HINT,
        ) from error
    family, *_, sockaddr = addresses[0]
    return family, str(sockaddr[0]).partition("%")[0]


def _open(family: socket.AddressFamily, ip: str, port: int, *, host: str) -> socket.socket:
    last = min(port + MAX_PORT_ATTEMPTS - 1, _MAX_PORT) if port else 0
    for number in range(port, last + 1):
        try:
            return socket.create_server((ip, number), family=family, backlog=_BACKLOG)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _bind_error(error, host, number) from error
    raise SettingError(f"ports {port} to {last} are all in use", hint="--port 0 takes a free one")


def _bind_error(error: OSError, host: str, port: int) -> SettingError:
    if error.errno == errno.EACCES:
        return SettingError(f"port {port} is not for ordinary users", hint=_PORT_HINT)
    if error.errno == errno.EADDRNOTAVAIL:
        return SettingError(
            f"`{host}` is no address of this machine",
            hint=_HOSTS_HINT,
        )
    return SettingError(
        f"cannot listen at `{host}`, port {port}: {error.strerror}", hint=_HOST_HINT
    )


def _public_host(host: str, ip: str) -> str:
    """Return the host name or IP address for a URL that other machines can open."""
    if ipaddress.ip_address(ip).is_unspecified:
        return _own_address() if "." in ip else socket.gethostname()
    return f"[{ip}]" if ":" in host else host


def _own_address() -> str:
    """Return the IP address of this machine in its network, else its host name."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((_TEST_NET_ADDRESS, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
