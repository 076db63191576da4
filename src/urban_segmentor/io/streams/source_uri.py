"""Parsing of source URIs; passwords are never shown."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from urban_segmentor.errors import SettingError, SourceError
from urban_segmentor.io.image_codec import IMAGE_SUFFIXES

SourceKind = Literal["camera", "rtsp", "http", "udp", "file", "screen"]

_KINDS: dict[str, SourceKind] = {
    "rtsp": "rtsp",
    "rtsps": "rtsp",
    "http": "http",
    "https": "http",
    "udp": "udp",
    "rtp": "udp",
}
_EXAMPLES = "0, /dev/video0, rtsp://host/stream, http://host/video, udp://:5000, clip.mp4, screen"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCREEN = re.compile(
    r"screen(?::(?P<number>\d{1,3})|:(?P<width>\d{1,5})x(?P<height>\d{1,5})"
    r"(?:\+(?P<left>\d{1,5}),(?P<top>\d{1,5}))?)?"
)
_ENCODING_HINT = (
    "in the user, the password and the path write @ as %40, : as %3A, / as %2F, # as %23"
)
_MAX_STEM_LENGTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUri:
    """A parsed live source.

    Attributes:
        kind: Kind of source.
        name: Name to show, without user, password and query.
        stem: Stem of file names.
        target: What FFmpeg opens; may hold a password, so it is never shown.
        host: Host name, or empty.
        area: Width, height, left and top of a screen region, pixels; None for the whole screen.
        screen: Number of the X screen; None for the one that `DISPLAY` names.
    """

    kind: SourceKind
    name: str
    stem: str
    target: str = field(repr=False)
    host: str = field(default="", repr=False)
    area: tuple[int, int, int, int] | None = None
    screen: int | None = None


def parse_source_uri(text: str) -> SourceUri:
    """Return the source that a text names.

    Args:
        text: Number of a camera, `/dev/video*`, a URI with `rtsp://`, `rtsps://`,
            `http(s)://`, `udp://` or `rtp://`, a file, `screen`, `screen:1` (another X screen), or
            `screen:1280x720+100,50` (a region).

    Raises:
        SettingError: It is no URI of a known kind.
        SourceError: There is no such file, or it is a picture.

    >>> uri = parse_source_uri("rtsp://me:secret@cam.local:554/stream?key=1")
    >>> uri.kind, uri.name, uri.stem
    ('rtsp', 'rtsp://cam.local:554/stream', 'cam.local_stream')
    """
    text = text.strip()
    if not text:
        raise SettingError("the source is empty", hint=f"one of: {_EXAMPLES}")
    if re.fullmatch(r"\d{1,3}", text):
        return _camera(f"/dev/video{int(text)}")
    if text.startswith(("/dev/video", "/dev/v4l/")):
        return _camera(text)
    if match := _SCREEN.fullmatch(text):
        return _screen(match)
    if text.startswith("screen:"):
        raise SettingError(
            f"`{text}` names no part of the screen",
            hint="screen, screen:1 (X screen 1), or screen:1280x720+100,50",
        )
    if match := _SCHEME.match(text):
        return _network(text, match[1].lower())
    return _file(text)


def _camera(path: str) -> SourceUri:
    return SourceUri(kind="camera", name=path, stem=_stem(Path(path).name), target=path)


def _screen(match: re.Match[str]) -> SourceUri:
    area = None
    if match["width"]:
        area = (
            int(match["width"]),
            int(match["height"]),
            int(match["left"] or 0),
            int(match["top"] or 0),
        )
        if 0 in area[:2]:
            raise SettingError("a part of the screen has no pixels", hint="screen:1280x720+100,50")
    number = int(match["number"]) if match["number"] else None
    return SourceUri(
        kind="screen", name="screen", stem="screen", target="screen", area=area, screen=number
    )


def _file(text: str) -> SourceUri:
    path = Path(text).expanduser()
    if path.is_dir():
        raise SourceError(f"`{text}` is a folder, expected one video", hint=f"{path}/clip.mp4")
    if not path.exists():
        if "@" in text:  # it may be an address with a password, so it is not repeated
            raise SettingError(
                "there is no such file, and an address begins with its scheme",
                hint="rtsp://USER:PASSWORD@host/stream",
            )
        near = sorted(p.name for p in path.parent.glob("*") if p.stem == path.stem and p.is_file())
        raise SourceError(
            f"there is no file `{text}`",
            hint=f"did you mean `{path.with_name(near[0])}`?" if near else f"one of: {_EXAMPLES}",
        )
    if path.suffix.lower() in IMAGE_SUFFIXES:
        raise SourceError(
            f"`{text}` is a picture, expected a video",
            hint=f"urban-segmentor predict {shlex.quote(text)}",
        )
    return SourceUri(kind="file", name=path.name, stem=path.stem, target=str(path))


def _network(text: str, scheme: str) -> SourceUri:
    """Return a network source; no error message repeats what may be a password."""
    if scheme not in _KINDS:
        raise SettingError(
            f"addresses with `{scheme}://` are not known",
            hint=f"one of: {', '.join(f'{known}://' for known in _KINDS)}, or a file",
        )
    if any(character.isspace() or not character.isprintable() for character in text):
        raise SettingError(
            f"the `{scheme}://` address has a blank or a control character in it",
            hint="write a blank as %20",
        )
    rest = text[len(scheme) + 3 :]
    authority, after = re.match(r"([^/?#]*)(.*)", rest).groups()  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess] - matches everything
    if "@" in after:  # else a password with a slash in it would be taken for a path
        raise SettingError(
            f"the `{scheme}://` address has an @ after its host", hint=_ENCODING_HINT
        )
    host, port = _host_and_port(scheme, authority)
    path = re.sub(r"[?#].*", "", after)
    if scheme not in {"udp", "rtp"} and not host:
        raise SettingError(
            f"the `{scheme}://` address names no host", hint=f"{scheme}://host/stream"
        )
    if scheme in {"udp", "rtp"} and port is None:
        raise SettingError(
            f"the `{scheme}://` address names no port", hint=f"{scheme}://0.0.0.0:5000"
        )
    shown_path = _without_parameters(path)
    netloc = (f"[{host}]" if ":" in host else host) + ("" if port is None else f":{port}")
    base = host or "any"
    if port is not None and not shown_path.strip("/"):
        base += f"_{port}"
    return SourceUri(
        kind=_KINDS[scheme],
        name=f"{scheme}://{netloc}{shown_path}",
        stem=_stem(f"{base}{shown_path}"),
        target=f"{scheme}://{rest}",
        host=host,
    )


def _host_and_port(scheme: str, authority: str) -> tuple[str, int | None]:
    """Return the host, and the port or None."""
    netloc = authority.rpartition("@")[2]
    try:
        parts = urlsplit(f"//{netloc}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", -1
    if port is not None and not 0 < port < 1 << 16:
        raise SettingError(
            f"the `{scheme}://` address has no good port: expected a number from 1 to 65535",
            hint=f"{scheme}://host:554/stream; {_ENCODING_HINT}",
        )
    if not re.fullmatch(r"[^\s\\<>\"'`{}|^%]*", host):
        raise SettingError(
            f"the `{scheme}://` address has no good host name", hint=f"{scheme}://host/stream"
        )
    return host, port


def _without_parameters(path: str) -> str:
    """Return a path up to its first `key=value` part, which may be a camera's password.

    >>> _without_parameters("/live/user=admin&password=x/1.sdp")
    '/live/...'
    """
    return re.sub(r"[^/]*[=&;].*", "...", path)


def _stem(text: str) -> str:
    return re.sub(r"[^\w.-]+", "_", text).strip("_.")[:_MAX_STEM_LENGTH] or "live"
