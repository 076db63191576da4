"""An RTSP server of its own process, run by the system's Python with GStreamer.

Its pictures tell when they were made (`telling.py`). A line on its standard input changes their
size in mid-stream: `480x320`. It prints `ready` when it listens.
"""

# ruff: noqa: T201
# pyright: basic

from __future__ import annotations

import argparse
import sys
import time

if __name__ == "__main__":  # else somebody looks for doctests
    import gi

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer

BARS = 16


def image(width: int, height: int) -> bytes:
    """Return I420 planes whose bars tell `time.monotonic` in hundredths of a second."""
    hundredths = int(time.monotonic() * 100) % (1 << BARS)
    bright = [210 if hundredths >> bit & 1 else 40 for bit in range(BARS)]
    row = bytes(bright[column * BARS // width] for column in range(width))
    return row * height + bytes([128]) * (width * height // 2)


class Shop:
    """The media that is shown, and how it is made."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.width, self.height = options.size
        self.rate = options.rate
        self.source = None
        encoder = {
            "h264": "x264enc tune=zerolatency speed-preset=ultrafast bframes=0"
            " sliced-threads={sliced} key-int-max={rate}"
            " ! rtph264pay name=pay0 pt=96 config-interval=-1",
            "h264b": "x264enc speed-preset=ultrafast key-int-max={rate} bframes=2 rc-lookahead=5"
            " ! rtph264pay name=pay0 pt=96 config-interval=-1",
            "mjpeg": "jpegenc ! rtpjpegpay name=pay0 pt=26",
        }.get(options.codec, "").format(rate=options.rate, sliced=str(options.sliced).lower())
        self.factory = GstRtspServer.RTSPMediaFactory()
        self.factory.set_shared(True)
        if options.codec == "sound":
            self.factory.set_launch(
                "( audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay0 pt=8 )"
            )
        else:
            self.factory.set_launch(
                f"( appsrc name=made is-live=true do-timestamp=true format=time"
                f" ! queue ! {encoder} )"
            )
            self.factory.connect("media-configure", self.begin)
        if options.user:
            guard = GstRtspServer.RTSPAuth()
            token = GstRtspServer.RTSPToken()
            token.set_string("media.factory.role", "viewer")
            name, _, password = options.user.partition(":")
            if options.digest:
                guard.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
                guard.add_digest(name, password, token)
            else:
                guard.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
            self.factory.add_role_from_structure(
                Gst.Structure.from_string(
                    "viewer, media.factory.access=(boolean)true,"
                    " media.factory.construct=(boolean)true"
                )[0]
            )
            self.guard = guard
        else:
            self.guard = None

    def begin(self, _factory: object, media: GstRtspServer.RTSPMedia) -> None:
        """Take the new media's source."""
        self.source = media.get_element().get_by_name_recurse_up("made")
        self.resize(self.width, self.height)

    def resize(self, width: int, height: int) -> None:
        """Make pictures of another size from now on."""
        self.width, self.height = width, height
        if self.source is not None:
            caps = f"video/x-raw,format=I420,width={width},height={height},framerate={self.rate}/1"
            self.source.set_property("caps", Gst.Caps.from_string(caps))

    def push(self) -> bool:
        """Make one picture."""
        if self.source is not None:
            made = Gst.Buffer.new_wrapped(image(self.width, self.height))
            self.source.emit("push-buffer", made)
        return True

    def listen(self, *_: object) -> bool:
        """Do what a line on the standard input says."""
        line = sys.stdin.readline().strip()
        if line:
            width, _, height = line.partition("x")
            self.resize(int(width), int(height))
        return bool(line)


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", required=True)
    parser.add_argument("--size", type=lambda text: tuple(map(int, text.split("x"))))
    parser.add_argument("--rate", type=int, default=25)
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--user", default="")
    parser.add_argument("--digest", action="store_true")
    parser.add_argument("--sliced", action="store_true")
    options = parser.parse_args()
    Gst.init(None)
    shop = Shop(options)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    if shop.guard is not None:
        server.set_auth(shop.guard)
    server.get_mount_points().add_factory("/street", shop.factory)
    if server.attach(None) == 0:
        sys.exit("the port is taken")
    GLib.timeout_add(1000 // options.rate, shop.push)
    GLib.io_add_watch(sys.stdin.fileno(), GLib.IO_IN, shop.listen)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
