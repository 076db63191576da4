"""Opening live sources with FFmpeg, restricted to safe protocols and formats."""

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
    failure_from_error,
    no_video_failure,
    oversize_failure,
    timeout_failure,
)
from urban_segmentor.io.video_reader import has_decoder

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

    from urban_segmentor.io.streams.retry import RetryPolicy
    from urban_segmentor.io.streams.source_uri import SourceUri
    from urban_segmentor.io.streams.stream_options import StreamOptions

MAX_FRAME_PX = 8192 * 4608  # 8K and a little; one frame of it has 57 MB
_TIMEOUT_FRACTION = (
    0.95  # of a time limit: an interrupted FFmpeg names other reasons than the interruption
)
_SCREEN_RATE = 30

# What a source may open beyond itself. A list or a redirection that comes from the network must
# not read files, and a file must not open anything.
_PROTOCOLS = {
    "rtsp": "rtsp,rtsps,rtp,srtp,udp,tcp,tls",
    "http": "http,https,tcp,tls,crypto,data,httpproxy",
    "udp": "udp,rtp",
    "file": "file",
}
_PLAYLIST_FORMATS = frozenset({
    "applehttp", "concat", "concatf", "dash", "hls", "image2", "image2pipe", "imf", "lavfi", "rtp",
    "rtsp", "sap", "sdp",
})  # fmt: skip
_HTTP_PLAYLIST_FORMATS = frozenset({"applehttp", "dash", "hls"})


@dataclass(slots=True, kw_only=True)
class OpenStream:
    """An open FFmpeg container with its video stream.

    Attributes:
        container: The FFmpeg container.
        stream: Its video stream.
        problems: Options that it could not meet.
        is_recorded: True when it ends by itself and can be begun again, as a file on a server.
        is_paced: True when frames arrive faster than real time and need pacing.
        read_timeout_s: Maximum wait for the next packet, seconds.
        length_s: Pts of its end, seconds, where that is known.
    """

    container: InputContainer
    stream: VideoStream
    problems: list[str] = field(default_factory=list[str])
    is_recorded: bool = False
    is_paced: bool = False
    read_timeout_s: float = 5.0
    length_s: float | None = None


def open_stream(uri: SourceUri, options: StreamOptions, retry: RetryPolicy) -> OpenStream:
    """Return the open stream of a live source.

    Raises:
        StreamLostError: It cannot be opened now, or ever.
    """
    if uri.kind in {"rtsp", "http"}:
        _resolve_host(uri)
    if uri.kind == "camera":
        opened = _open_camera(uri, options, retry)
    elif uri.kind == "screen":
        opened = _open_screen(uri, options, retry)
    else:
        ffmpeg_options = _network_options(uri, options, retry)
        opened = _open(uri, uri.target, None, ffmpeg_options, retry)
    if uri.kind == "http":
        _detect_pacing(opened)
    return opened


def check_file(uri: SourceUri) -> None:
    """Check that a file is no playlist and that its frames are within the size limit.

    Raises:
        SourceError: It is a playlist, or its frames are too large.
    """
    ffmpeg_options = {
        "protocol_whitelist": _PROTOCOLS["file"],
        "format_whitelist": _formats(_PLAYLIST_FORMATS),
    }
    width = height = 0
    is_list = False
    try:
        with av.open(f"file:{os.path.realpath(uri.target)}", options=ffmpeg_options) as container:
            for stream in container.streams.video:
                if has_decoder(stream) and stream.width * stream.height > width * height:
                    width, height = stream.width, stream.height
    except av.error.ArgumentError:
        is_list = True
    except (av.error.FFmpegError, OSError):
        return  # `VideoReader` reports it
    if is_list:
        raise SourceError(
            f"`{uri.name}` is no video, but a list of other files or addresses",
            hint="name the file or the address itself",
        )
    if width * height > MAX_FRAME_PX:
        raise oversize_failure(width, height, MAX_FRAME_PX).as_error(uri)


def _open(
    uri: SourceUri,
    target: str,
    format_name: str | None,
    ffmpeg_options: dict[str, str],
    retry: RetryPolicy,
) -> OpenStream:
    """Return a stream opened by FFmpeg, whose errors are not chained, as they repeat the URI."""
    read_timeout_s = retry.hls_timeout_s if _is_hls(uri) else retry.read_timeout_s
    since_s = time.monotonic()
    container: InputContainer | None = None
    failure: StreamFailure | None = None
    try:
        container = av.open(
            target,
            format=format_name,
            options=ffmpeg_options,
            timeout=(retry.open_timeout_s, read_timeout_s),
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, OSError) as error:
        failure = failure_from_error(error, uri)
        if time.monotonic() - since_s >= _TIMEOUT_FRACTION * retry.open_timeout_s or isinstance(
            error, (av.error.ExitError, av.error.TimeoutError)
        ):
            failure = timeout_failure(retry.open_timeout_s)
    if container is None or failure is not None:
        raise StreamLostError(failure or timeout_failure(retry.open_timeout_s))
    stream = _best_stream(container)
    if isinstance(stream, StreamFailure):
        container.close()
        raise StreamLostError(stream)
    _disable_frame_delay(stream)
    return OpenStream(container=container, stream=stream, read_timeout_s=read_timeout_s)


def _best_stream(container: InputContainer) -> VideoStream | StreamFailure:
    """Return the largest video stream, or a failure; the others are discarded unread."""
    streams = [
        stream
        for stream in container.streams.video
        if has_decoder(stream) and not stream.disposition & Disposition.attached_pic
    ]
    if not streams:
        return no_video_failure(sorted({s.type for s in container.streams if s.type != "video"}))
    best = max(streams, key=lambda stream: stream.width * stream.height)
    if best.width * best.height > MAX_FRAME_PX:
        return oversize_failure(best.width, best.height, MAX_FRAME_PX)
    for stream in container.streams:
        if stream is not best:
            stream.discard = Discard.all
    return best


def _disable_frame_delay(stream: VideoStream) -> None:
    """Make a decoder return each frame as soon as its packet arrives."""
    # Threads over frames hold pictures back. H.264 says which pictures it had to invent only
    # where one thread decodes them.
    if stream.codec_context.name == "h264":
        stream.thread_count = 1
    stream.thread_type = "SLICE"
    stream.codec_context.options = {"max_pixels": str(MAX_FRAME_PX)}


def _resolve_host(uri: SourceUri) -> None:
    """Resolve the host name before FFmpeg does, whose error does not name this cause."""
    if uri.kind == "http" and os.environ.get("http_proxy"):
        return  # the proxy knows names
    try:
        socket.getaddrinfo(uri.host, None)
    except (OSError, UnicodeError):
        found = False
    else:
        found = True
    if not found:
        raise StreamLostError(
            StreamFailure(
                reason=f"there is no host `{uri.host}`",
                hint="look at its name, and at the network; or give its number, as in 192.168.1.20",
                is_permanent=True,
            )
        )


def _network_options(uri: SourceUri, options: StreamOptions, retry: RetryPolicy) -> dict[str, str]:
    ffmpeg_options = {
        "protocol_whitelist": _PROTOCOLS[uri.kind],
        "max_pixels": str(MAX_FRAME_PX),
        # Looking for the frame rate takes a second. Nothing is left out of what is looked at
        # (`nobuffer`), for it begins with the key picture that the next ones need.
        "fpsprobesize": "0",
        "analyzeduration": "2000000",
    }
    if uri.kind == "rtsp":
        ffmpeg_options |= {
            "rtsp_transport": options.transport,
            "timeout": str(round(retry.read_timeout_s * 1e6)),
            "max_delay": "200000",  # UDP packets out of order are waited for, microseconds
        }
    else:
        lists = (
            _PLAYLIST_FORMATS - _HTTP_PLAYLIST_FORMATS if uri.kind == "http" else _PLAYLIST_FORMATS
        )
        if uri.name.startswith("rtp:"):
            lists -= {"rtp"}
        ffmpeg_options["format_whitelist"] = _formats(lists)
    return ffmpeg_options


def _formats(without: frozenset[str]) -> str:
    names = (name for name in av.formats_available if name.split(",")[0] not in without)
    return ",".join(sorted(names))


def _is_hls(uri: SourceUri) -> bool:
    return uri.kind == "http" and ".m3u8" in uri.name.lower()


def _detect_pacing(opened: OpenStream) -> None:
    """Set whether a stream is a recording or comes in segments, and needs pacing."""
    container = opened.container
    is_hls = container.format.name.startswith("hls")
    has_end = container.duration is not None or (not is_hls and container.size > 0)
    opened.is_recorded = has_end and container.format.name != "mpjpeg"
    opened.is_paced = opened.is_recorded or is_hls
    if container.duration is not None:
        begin = container.start_time or 0
        opened.length_s = (begin + container.duration) / av.time_base


def _open_camera(uri: SourceUri, options: StreamOptions, retry: RetryPolicy) -> OpenStream:
    """Return an open camera, with MJPEG where it has it: raw video is too much for USB 2."""
    if not sys.platform.startswith("linux"):
        raise StreamLostError(
            StreamFailure(
                reason="cameras can be read on Linux only, for now",
                hint="send the camera's pictures by RTSP or HTTP, and give that address",
                is_permanent=True,
            )
        )
    requested: dict[str, str] = {}
    if options.size is not None:
        requested["video_size"] = f"{options.size[0]}x{options.size[1]}"
    if options.rate is not None:
        requested["framerate"] = f"{options.rate:g}"
    attempts = [({"input_format": "mjpeg", **requested}, ""), (requested, "it gives no MJPEG")]
    if requested:
        attempts.append(({}, "it gives neither MJPEG nor the size or rate that was asked for"))
    lost: StreamLostError | None = None
    for ffmpeg_options, note in attempts:
        try:
            opened = _open(uri, uri.target, "v4l2", ffmpeg_options, retry)
        except StreamLostError as error:
            lost = error
            if not lost.failure.unsupported_options:
                break
        else:
            problems = [f"`{uri.name}`: {note}"] if note else []
            opened.problems = problems + _unmet_options(uri, options, opened.stream)
            return opened
    raise lost or StreamLostError(StreamFailure(reason="the camera is gone"))


def _unmet_options(uri: SourceUri, options: StreamOptions, stream: VideoStream) -> list[str]:
    """Return the options that a camera did not meet, as texts."""
    problems: list[str] = []
    size = (stream.width, stream.height)
    if options.size is not None and size != options.size:
        requested = f"{options.size[0]} x {options.size[1]}"
        problems.append(f"`{uri.name}` gives {size[0]} x {size[1]} pixels instead of {requested}")
    rate = stream.average_rate
    if options.rate is not None and rate and abs(float(rate) / options.rate - 1) > 0.01:
        problems.append(
            f"`{uri.name}` gives {float(rate):g} frames a second instead of {options.rate:g}"
        )
    return problems


def _open_screen(uri: SourceUri, options: StreamOptions, retry: RetryPolicy) -> OpenStream:
    display = os.environ.get("DISPLAY", "")
    if not display:
        raise StreamLostError(
            StreamFailure(
                reason="there is no X display to capture: DISPLAY is not set",
                hint="run it in a desktop session under X11, or set DISPLAY=:0",
                is_permanent=True,
            )
        )
    if uri.screen is not None:
        server, colon, number = display.rpartition(":")
        display = f"{server}{colon}{number.partition('.')[0]}.{uri.screen}"
    ffmpeg_options = {"framerate": f"{options.rate or _SCREEN_RATE:g}", "draw_mouse": "1"}
    if uri.area is not None:
        width, height, left, top = uri.area
        ffmpeg_options["video_size"] = f"{width}x{height}"
        display += f"+{left},{top}"
    elif options.size is not None:
        ffmpeg_options["video_size"] = f"{options.size[0]}x{options.size[1]}"
    opened = _open(uri, display, "x11grab", ffmpeg_options, retry)
    if os.environ.get("WAYLAND_DISPLAY"):
        opened.problems.append("under Wayland only the windows of X11 programs can be seen")
    return opened
