"""Servers of video, as processes and threads of the tests."""

from __future__ import annotations

import io
import os
import select
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from fractions import Fraction
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import av
import pytest
from PIL import Image

from tests.io.streams.clock_frames import clock_image

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

SYSTEM_PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("rtsp_server.py")
FPS = 25


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@cache
def _has_gstreamer() -> bool:
    code = (
        "import gi; gi.require_version('GstRtspServer', '1.0');"
        "from gi.repository import Gst, GstRtspServer; Gst.init(None);"
        "assert Gst.ElementFactory.find('x264enc')"
    )
    if not Path(SYSTEM_PYTHON).exists():
        return False
    return (
        subprocess.run([SYSTEM_PYTHON, "-c", code], capture_output=True, check=False).returncode
        == 0
    )


class RtspServer:
    """GStreamer's RTSP server; `kill`, `begin`, `stall` and `resume` it."""

    def __init__(self, *options: str, size: str = "320x96", port: int | None = None) -> None:
        if not _has_gstreamer():
            pytest.skip("GStreamer's RTSP server is not there (see CONTRIBUTING.md)")
        self.port = port or free_port()
        self.options, self.process = options, None
        self.begin(size)

    def begin(self, size: str = "320x96") -> None:
        """Start it, and wait until it listens."""
        self.process: subprocess.Popen[str] | None = subprocess.Popen(
            [SYSTEM_PYTHON, str(SCRIPT), "--port", str(self.port), "--size", size, *self.options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], 15)
        assert ready, "the server does not begin"
        assert self.process.stdout.readline().strip() == "ready"

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe is not None
                pipe.close()
        self.process = None

    def stall(self) -> None:
        """Let it hang."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def resize(self, size: str) -> None:
        """Change the size in mid-stream."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{size}\n")
        self.process.stdin.flush()

    def address(self, login: str = "", path: str = "street") -> str:
        """Return where it is."""
        return f"rtsp://{login}127.0.0.1:{self.port}/{path}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.resume()
        self.kill()


class GarbageServer:
    """Answers everything on a port with noise."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.calls = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        noise = bytes(range(256)) * 64
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.calls += 1
            with caller:
                try:
                    for _ in range(20):
                        caller.sendall(noise)
                except OSError:
                    continue

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class HttpServer:
    """Answers each path by a function that gets the handler."""

    def __init__(self, **answers: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                asked.append(self.path)
                name = self.path.partition("?")[0].strip("/").replace(".", "_")
                answer = answers.get(name)
                if answer is None:
                    self.send_error(404)
                    return
                with suppress(OSError, av.FFmpegError):  # when the listener left
                    answer(self)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def address(self, path: str, login: str = "") -> str:
        """Return where something is."""
        return f"http://{login}127.0.0.1:{self.port}/{path}"


def send_head(handler: BaseHTTPRequestHandler, kind: str, length: int | None = None) -> None:
    """Send the head of a good answer."""
    handler.send_response(200)
    handler.send_header("Content-Type", kind)
    if length is not None:
        handler.send_header("Content-Length", str(length))
    handler.end_headers()


def hand_out(
    data: bytes, kind: str = "application/octet-stream"
) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer that hands out some bytes, at once."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        send_head(handler, kind, len(data))
        handler.wfile.write(data)

    return answer


def refuse(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer that refuses."""
    return lambda handler: handler.send_error(code)


def jpeg_of(image: NDArray[np.uint8]) -> bytes:
    """Return a picture, uint8 (H, W, 3), as JPEG."""
    held = io.BytesIO()
    Image.fromarray(image).save(held, "JPEG", quality=95)
    return held.getvalue()


def send_part(handler: BaseHTTPRequestHandler, data: bytes) -> None:
    """Send a JPEG as a part of motion JPEG, in real time."""
    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
    handler.wfile.write(head.encode() + data + b"\r\n")
    time.sleep(1 / FPS)


def motion_jpeg(frames: int, *, stall_s: float = 0.0) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer as cameras give it: pictures in real time, then silence, then the end."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        send_head(handler, "multipart/x-mixed-replace; boundary=next")
        for _ in range(frames):
            send_part(handler, jpeg_of(clock_image()))
        time.sleep(stall_s)

    return answer


def transport_stream(
    frames: int, *, stall_s: float = 0.0
) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer of MPEG-TS in real time."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        send_head(handler, "video/mp2t")
        with av.open(_WriteOnly(handler.wfile), "w", format="mpegts") as file:
            send_telling(file, frames)
            time.sleep(stall_s)

    return answer


class _WriteOnly:
    """A file for FFmpeg that cannot seek."""

    def __init__(self, file: Any) -> None:  # noqa: ANN401
        self._file = file

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self._file.flush()
        return len(data)


def send_telling(
    file: Any,  # noqa: ANN401
    frames: int,
    *,
    size: tuple[int, int] = (96, 320),
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Encode pictures in real time that tell the time, with a key picture each half second."""
    options = {"tune": "zerolatency", "preset": "ultrafast", "g": "12", "sliced-threads": "0"}
    stream = file.add_stream("libx264", rate=FPS, options=options)
    stream.height, stream.width = size
    stream.pix_fmt = "yuv420p"
    begin_s = time.monotonic()
    for number in range(frames):
        if until():
            return
        frame = av.VideoFrame.from_ndarray(clock_image(size), format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        file.mux(stream.encode(frame))
        time.sleep(max(begin_s + (number + 1) / FPS - time.monotonic(), 0))


class UdpSender:
    """Sends MPEG-TS to a port, until it is stopped."""

    def __init__(self, port: int) -> None:
        self._port, self._stopped = port, False
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        with av.open(f"udp://127.0.0.1:{self._port}?pkt_size=1316", "w", format="mpegts") as file:
            send_telling(file, 10_000, until=lambda: self._stopped)

    def stop(self) -> None:
        """Send no more."""
        self._stopped = True
        self._thread.join(5)
