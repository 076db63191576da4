"""Listening sockets, and the URLs under which they are reached."""

from __future__ import annotations

import errno
import ipaddress
import socket
from typing import NamedTuple

from urban_segmentor.errors import SettingError

_MAX_PORT = 65535
_BACKLOG = 128
_PORT_HINT = "--port 8000"
_HOST_HINT = "--host 127.0.0.1 for this machine alone, --host 0.0.0.0 for all that reach it"
_TEST_NET_ADDRESS = "192.0.2.1"  # TEST-NET-1 of RFC 5737; nothing is sent to it


class HostAddress(NamedTuple):
    """A host and its first IP address.

    Attributes:
        host: The host name or IP address as it was given, without brackets.
        family: Address family.
        ip: IP address without a zone.
    """

    host: str
    family: socket.AddressFamily
    ip: str


class Listener(NamedTuple):
    """A listening socket and the URL of its page.

    Attributes:
        socket: A listening socket.
        url: URL of the page.
        moved_from: The requested port when it is in use, else None.
    """

    socket: socket.socket
    url: str
    moved_from: int | None


def is_loopback(host: str) -> bool:
    """Return whether a host name or IP address, with brackets or without, is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def resolve(host: str) -> HostAddress:
    """Return the address of a host name or IP address.

    Raises:
        SettingError: There is no such host.
    """
    host = host.strip("[]")
    try:
        if not host:
            raise socket.gaierror(socket.EAI_NONAME, "it is empty")
        addresses = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(f"there is no host `{host}`: {reason}", hint=_HOST_HINT) from error
    family, *_, sockaddr = addresses[0]
    return HostAddress(host, family, str(sockaddr[0]).partition("%")[0])


def listen(address: HostAddress, port: int, *, max_attempts: int = 1) -> Listener:
    """Return a listening socket.

    Args:
        address: An address of this machine.
        port: The requested port; 0 for any free one.
        max_attempts: How many ports are tried, from the requested one upwards.

    Raises:
        SettingError: The port is out of range or not allowed, the address is not this machine's,
            or all tried ports are in use.
    """
    if not 0 <= port <= _MAX_PORT:
        raise SettingError(
            f"port {port} does not exist, expected 0 to {_MAX_PORT}", hint=_PORT_HINT
        )
    listener = _open(address, port, max_attempts=max_attempts)
    bound_port = listener.getsockname()[1]
    url = f"http://{_public_host(address)}:{bound_port}/"
    return Listener(listener, url, port if port not in {0, bound_port} else None)


def _open(address: HostAddress, port: int, *, max_attempts: int) -> socket.socket:
    last = min(port + max_attempts - 1, _MAX_PORT) if port else 0
    for number in range(port, last + 1):
        try:
            return socket.create_server(
                (address.ip, number), family=address.family, backlog=_BACKLOG
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise _bind_error(error, address.host, number) from error
    tried = f"port {port} is" if last == port else f"ports {port} to {last} are all"
    raise SettingError(f"{tried} in use", hint="--port 0 takes a free one")


def _bind_error(error: OSError, host: str, port: int) -> SettingError:
    if error.errno == errno.EACCES:
        return SettingError(f"port {port} is not for ordinary users", hint=_PORT_HINT)
    if error.errno == errno.EADDRNOTAVAIL:
        return SettingError(f"`{host}` is no address of this machine", hint=_HOST_HINT)
    return SettingError(
        f"cannot listen at `{host}`, port {port}: {error.strerror}", hint=_HOST_HINT
    )


def _public_host(address: HostAddress) -> str:
    """Return the host name or IP address for a URL that other machines can open."""
    if ipaddress.ip_address(address.ip).is_unspecified:
        return _own_address() if "." in address.ip else socket.gethostname()
    return f"[{address.ip}]" if ":" in address.host else address.host


def _own_address() -> str:
    """Return the IP address of this machine in its network, else its host name."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((_TEST_NET_ADDRESS, 9))
            return str(probe.getsockname()[0])
    except OSError:
        return socket.gethostname()
