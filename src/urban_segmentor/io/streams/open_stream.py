"""Opening a source: what FFmpeg is asked, and what it may touch."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av
import av.error
from av.stream import Discard, Disposition

from urban_segmentor.errors import SourceError
from urban_segmentor.io.streams.failures import (
    StreamFailure,
    StreamLostError,
    failure_of,
    no_video,
    silent_for,
    too_large,
)
from urban_segmentor.io.video_reader import has_decoder

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from urban_segmentor.io.streams.retry import RetryPolicy
    from urban_segmentor.io.streams.source_uri import SourceUri
    from urban_segmentor.io.streams.stream_options import StreamOptions

MOST_PX = 8192 * 4608  # 8K and a little; one frame of it has 57 MB
_LATE = 0.95  # of a time limit: an interrupted FFmpeg names other reasons than the interruption
_SCREEN_RATE = 30

# What a source may open beyond itself. A list or a redirection that comes from the network must
# not read files, and a file must not open anything.
_PROTOCOLS = {
    "rtsp": "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
    "http": "http,https,tcp,tls,crypto,data,httpproxy",
    "udp": "udp,rtp",
    "file": "file",
}
_LISTS = frozenset({
    "applehttp", "concat", "concatf", "dash", "hls", "image2", "image2pipe", "imf", "lavfi", "rtp",
    "rtsp", "sap", "sdp",
})  # fmt: skip
_HTTP_LISTS = frozenset({"applehttp", "dash", "hls"})


@dataclass(slots=True, kw_only=True)
class OpenStream:
    """An open source.

    Attributes:
        container: To read from.
        stream: Its pictures.
        notes: What it could not do as asked.
        is_recorded: True when it ends by itself and can be begun again, as a file on a server.
        is_paced: True when pictures come faster than they are to be shown.
        read_s: How long to wait for the next packet, seconds.
        length_s: Stamp of its end, seconds, where that is known.
    """

    container: InputContainer
    stream: VideoStream
    notes: list[str] = field(default_factory=list[str])
    is_recorded: bool = False
    is_paced: bool = False
    read_s: float = 5.0
    length_s: float | None = None


def open_stream(address: SourceUri, wishes: StreamOptions, timing: RetryPolicy) -> OpenStream:
    """Return a source, connected.

    Raises:
        StreamLostError: It cannot be opened now, or ever.
    """
    if address.kind in {"rtsp", "http"}:
        _check_host(address)
    if address.kind == "camera":
        opened = _open_camera(address, wishes, timing)
    elif address.kind == "screen":
        opened = _open_screen(address, wishes, timing)
    else:
        options = _network_options(address, wishes, timing)
        opened = _open(address, address.target, None, options, timing)
    if address.kind == "http":
        _see_pace(opened)
    return opened


def check_file(address: SourceUri) -> None:
    """Refuse a file that is a list of other files or addresses, or has pictures too large.

    Raises:
        SourceError: It is one.
    """
    options = {"protocol_whitelist": _PROTOCOLS["file"], "format_whitelist": _formats(_LISTS)}
    width = height = 0
    is_list = False
    try:
        with av.open(f"file:{os.path.realpath(address.target)}", options=options) as container:
            for stream in container.streams.video:
                if has_decoder(stream) and stream.width * stream.height > width * height:
                    width, height = stream.width, stream.height
    except av.error.ArgumentError:
        is_list = True
    except (av.error.FFmpegError, OSError):
        return  # `VideoSource` says it better
    if is_list:
        raise SourceError(
            f"`{address.name}` is no video, but a list of other files or addresses",
            hint="name the file or the address itself",
        )
    if width * height > MOST_PX:
        raise too_large(width, height, MOST_PX).as_error(address)


def _open(
    address: SourceUri, target: str, form: str | None, options: dict[str, str], timing: RetryPolicy
) -> OpenStream:
    """Open something by FFmpeg; errors of FFmpeg are not chained, for they repeat the address."""
    read_s = timing.segment_s if _is_hls(address) else timing.read_s
    since_s = time.monotonic()
    container: InputContainer | None = None
    failure: StreamFailure | None = None
    try:
        container = av.open(
            target,
            format=form,
            options=options,
            timeout=(timing.open_s, read_s),
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, OSError) as error:
        failure = failure_of(error, address)
        if time.monotonic() - since_s >= _LATE * timing.open_s or isinstance(
            error, (av.error.ExitError, av.error.TimeoutError)
        ):
            failure = silent_for(timing.open_s)
    if container is None or failure is not None:
        raise StreamLostError(failure or silent_for(timing.open_s))
    stream = _best_stream(container)
    if isinstance(stream, StreamFailure):
        container.close()
        raise StreamLostError(stream)
    _decode_at_once(stream)
    return OpenStream(container=container, stream=stream, read_s=read_s)


def _best_stream(container: InputContainer) -> VideoStream | StreamFailure:
    """Return the largest video stream; the others are not even fetched."""
    streams = [
        stream
        for stream in container.streams.video
        if has_decoder(stream) and not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        return no_video(sorted({s.type for s in container.streams if s.type != "video"}))
    best = max(streams, key=lambda stream: stream.width * stream.height)
    if best.width * best.height > MOST_PX:
        return too_large(best.width, best.height, MOST_PX)
    for stream in container.streams:
        if stream is not best:
            stream.discard = Discard.all
    return best


def _decode_at_once(stream: VideoStream) -> None:
    """Let a decoder hand out each picture when its packet comes."""
    # Threads over frames hold pictures back. H.264 says which pictures it had to invent only
    # where one thread decodes them.
    if stream.codec_context.name == "h264":
        stream.thread_count = 1
    stream.thread_type = "SLICE"
    stream.codec_context.options = {"max_pixels": str(MOST_PX)}


def _check_host(address: SourceUri) -> None:
    """Look a name up before FFmpeg does, whose error does not tell this one."""
    if address.kind == "http" and os.environ.get("http_proxy"):
        return  # the proxy knows names
    try:
        socket.getaddrinfo(address.host, None)
    except (OSError, UnicodeError):
        found = False
    else:
        found = True
    if not found:
        raise StreamLostError(
            StreamFailure(
                reason=f"there is no host `{address.host}`",
                hint="look at its name, and at the network; or give its number, as in 192.168.1.20",
                final=True,
            )
        )


def _network_options(
    address: SourceUri, wishes: StreamOptions, timing: RetryPolicy
) -> dict[str, str]:
    options = {
        "protocol_whitelist": _PROTOCOLS[address.kind],
        "max_pixels": str(MOST_PX),
        # Looking for the frame rate takes a second. Nothing is left out of what is looked at
        # (`nobuffer`), for it begins with the key picture that the next ones need.
        "fpsprobesize": "0",
        "analyzeduration": "2000000",
    }
    if address.kind == "rtsp":
        options |= {
            "rtsp_transport": wishes.transport,
            "timeout": str(round(timing.read_s * 1e6)),
            "max_delay": "200000",  # UDP packets out of order are waited for, microseconds
        }
    else:
        lists = _LISTS - _HTTP_LISTS if address.kind == "http" else _LISTS
        if address.name.startswith("rtp:"):
            lists -= {"rtp"}
        options["format_whitelist"] = _formats(lists)
    return options


def _formats(without: frozenset[str]) -> str:
    names = (name for name in av.formats_available if name.split(",")[0] not in without)
    return ",".join(sorted(names))


def _is_hls(address: SourceUri) -> bool:
    return address.kind == "http" and ".m3u8" in address.name.lower()


def _see_pace(opened: OpenStream) -> None:
    """Find out whether a server hands out something recorded, or in large pieces."""
    container = opened.container
    is_hls = container.format.name.startswith("hls")
    has_end = container.duration is not None or (not is_hls and container.size > 0)
    opened.is_recorded = has_end and container.format.name != "mpjpeg"
    opened.is_paced = opened.is_recorded or is_hls
    if container.duration is not None:
        begin = container.start_time or 0
        opened.length_s = (begin + container.duration) / av.time_base


def _open_camera(address: SourceUri, wishes: StreamOptions, timing: RetryPolicy) -> OpenStream:
    """Open a camera, with MJPEG where it has it: USB 2 takes large pictures only so."""
    if not sys.platform.startswith("linux"):
        raise StreamLostError(
            StreamFailure(
                reason="cameras can be read on Linux only, for now",
                hint="send the camera's pictures by RTSP or HTTP, and give that address",
                final=True,
            )
        )
    asked: dict[str, str] = {}
    if wishes.size is not None:
        asked["video_size"] = f"{wishes.size[0]}x{wishes.size[1]}"
    if wishes.rate is not None:
        asked["framerate"] = f"{wishes.rate:g}"
    tries = [({"input_format": "mjpeg", **asked}, ""), (asked, "it gives no MJPEG")]
    if asked:
        tries.append(({}, "it gives neither MJPEG nor the size or rate that was asked for"))
    lost: StreamLostError | None = None
    for options, note in tries:
        try:
            opened = _open(address, address.target, "v4l2", options, timing)
        except StreamLostError as error:
            lost = error
            if not lost.failure.asked_too_much:
                break
        else:
            notes = [f"`{address.name}`: {note}"] if note else []
            opened.notes = notes + _differences(address, wishes, opened.stream)
            return opened
    raise lost or StreamLostError(StreamFailure(reason="the camera is gone"))


def _differences(address: SourceUri, wishes: StreamOptions, stream: VideoStream) -> list[str]:
    """Return what a camera gives instead of what was asked for."""
    notes: list[str] = []
    size = (stream.width, stream.height)
    if wishes.size is not None and size != wishes.size:
        asked = f"{wishes.size[0]} x {wishes.size[1]}"
        notes.append(f"`{address.name}` gives {size[0]} x {size[1]} pixels instead of {asked}")
    rate = stream.average_rate
    if wishes.rate is not None and rate and abs(float(rate) / wishes.rate - 1) > 0.01:
        notes.append(
            f"`{address.name}` gives {float(rate):g} frames a second instead of {wishes.rate:g}"
        )
    return notes


def _open_screen(address: SourceUri, wishes: StreamOptions, timing: RetryPolicy) -> OpenStream:
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise StreamLostError(
            StreamFailure(
                reason="there is no X display to capture: DISPLAY is not set",
                hint="run it in a desktop session under X11, or set DISPLAY=:0",
                final=True,
            )
        )
    if address.screen is not None:
        server, colon, number = display.rpartition(":")
        display = f"{server}{colon}{number.partition('.')[0]}.{address.screen}"
    options = {"framerate": f"{wishes.rate or _SCREEN_RATE:g}", "draw_mouse": "1"}
    if address.area is not None:
        width, height, left, top = address.area
        options["video_size"] = f"{width}x{height}"
        display += f"+{left},{top}"
    elif wishes.size is not None:
        options["video_size"] = f"{wishes.size[0]}x{wishes.size[1]}"
    opened = _open(address, display, "x11grab", options, timing)
    if os.environ.get("WAYLAND_DISPLAY"):
        opened.notes.append("under Wayland only the windows of X11 programs can be seen")
    return opened
