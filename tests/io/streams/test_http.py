"""HTTP: cameras of motion JPEG, transport streams, files on servers, HLS, and wicked ones."""

from __future__ import annotations

import resource
import struct
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import pytest

from tests.io.clips import FPS, number_of, numbered_image, write_clip
from tests.io.streams.clock_frames import PATIENT, QUICK, Watch, clock_image, failure_text
from tests.io.streams.servers import (
    HttpServer,
    hand_out,
    jpeg_of,
    motion_jpeg,
    refuse,
    send_head,
    send_part,
    transport_stream,
)
from tests.waiting import NEVER_S
from urban_segmentor.io.streams import live_source as source_module
from urban_segmentor.io.streams.stream_options import StreamOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from urban_segmentor.structures.frame import Frame


ENDLESS = 1_000_000  # pictures, of which 25 are sent a second


@pytest.fixture
def indices(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers that pictures show, as they are taken."""
    found: list[int] = []
    make = source_module.LiveSource._to_frame

    def look(self: source_module.LiveSource, shot: object) -> Frame:
        frame = make(self, shot)  # type: ignore[arg-type]
        found.append(number_of(frame.image))
        return frame

    monkeypatch.setattr(source_module.LiveSource, "_to_frame", look)
    return found


@pytest.mark.parametrize(
    ("make", "path"), [(motion_jpeg, "cam.mjpg"), (transport_stream, "cam.ts")], ids=["jpeg", "ts"]
)
def test_live(make: object, path: str) -> None:
    """A stream without end is shown as it comes; its end and a stall are losses."""
    name = path.replace(".", "_")
    with HttpServer(**{name: make(20)}) as server, Watch(server.address(path)) as watch:  # type: ignore[operator]
        watch.has(15)
        watch.wait_for_state("lost: ")
        watch.more(10)
        assert watch.source.reconnects >= 1
        watch.check_order()
        watch.check_fresh()


def test_stall() -> None:
    """A camera that sends nothing more, and keeps the line open, is noticed."""
    with (
        HttpServer(cam=motion_jpeg(10, stall_s=NEVER_S)) as server,
        Watch(server.address("cam"), retry=QUICK) as watch,
    ):
        watch.has(8)
        watch.wait_for_state("lost: nothing came for 2 s; retry in 0.25 s")
        watch.more(5)
        watch.check_fresh()


def test_pause() -> None:
    """A stream is read on while the picture stands still, and nothing counts as dropped."""
    with HttpServer(cam=motion_jpeg(ENDLESS)) as server, Watch(server.address("cam")) as watch:
        watch.has(5)
        count = watch.pause_until_still()
        dropped = watch.source.dropped
        time.sleep(1.0)  # if it counted or showed any, some would come
        assert watch.source.dropped == dropped
        assert len(watch.records) == count
        watch.source.pause(False)  # noqa: FBT003
        watch.more(5)
        assert watch.records[count].index - watch.records[count - 1].index > 8
        watch.check_fresh()


def test_stride_and_duration() -> None:
    """Every second picture, for two seconds, though there are more."""
    options = StreamOptions(stride=2, duration_s=2.0)
    with (
        HttpServer(cam=motion_jpeg(ENDLESS)) as server,
        Watch(server.address("cam"), options) as watch,
    ):
        live_s = watch.wait_for_state("live")
        assert watch.wait_for_state("ended") - live_s >= 2.0
        watch.check_order()
        assert {record.index % 2 for record in watch.records} == {0}
        watch.check_dropped(stride=2)


def test_before_it_is_looked_at() -> None:
    """What comes while a network is compiled is neither shown nor counted."""
    with HttpServer(cam=motion_jpeg(ENDLESS)) as server:
        watch = Watch(server.address("cam"))
        assert watch.source.first_size() == (96, 320)
        begun_s = time.monotonic()
        time.sleep(3.0)
        with watch:
            watch.has(5)
            watch.check_fresh()
            first = watch.records[0]
            assert first.made_s > begun_s + 1.0
            assert first.index < 25  # of 75, had they been counted
            assert first.time_s < 2.0
            watch.check_dropped()


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_file(tmp_path: Path, indices: list[int], suffix: str) -> None:
    """A file on a server is shown at its own pace, once."""
    data = write_clip(tmp_path / f"clip.{suffix}", images=25).read_bytes()
    with HttpServer(clip=hand_out(data)) as server, Watch(server.address("clip")) as watch:
        watch.wait_for_state("ended")
        watch.check_pace(FPS)
        assert indices == sorted(set(indices))
        assert len(indices) + watch.source.dropped == 25
        assert not watch.source.problems


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_file_cut(tmp_path: Path, indices: list[int], suffix: str) -> None:
    """A connection that is cut in a file goes on where it was."""
    path = write_clip(
        tmp_path / f"clip.{suffix}", images=40, movflags="faststart" * (suffix == "mp4")
    )
    data, calls = path.read_bytes(), []

    def cut(handler: BaseHTTPRequestHandler) -> None:
        calls.append(0)
        send_head(handler, "video/mp4", len(data))
        handler.wfile.write(data[: len(data) * 2 // 3] if len(calls) == 1 else data)

    with HttpServer(clip=cut) as server, Watch(server.address("clip")) as watch:
        watch.wait_for_state("ended")
        watch.check_order()
        assert indices == sorted(set(indices))
        assert indices[-1] == 39
        assert len(indices) + watch.source.dropped >= 38
        assert any(state.startswith("lost") for state, _ in watch.states)


def _segments(folder: Path, images: int) -> list[Path]:
    """Write HLS segments of a second each."""
    options = {"hls_time": "1", "hls_list_size": "0", "hls_segment_filename": f"{folder}/s%d.ts"}
    with av.open(str(folder / "whole.m3u8"), "w", format="hls", options=options) as file:
        stream = file.add_stream("libx264", rate=FPS, options={"g": str(FPS), "sc_threshold": "0"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for number in range(images):
            image = numbered_image(number % 64)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        file.mux(stream.encode(None))
    return sorted(folder.glob("s*.ts"), key=lambda path: int(path.stem[1:]))


def test_hls(tmp_path: Path, indices: list[int]) -> None:
    """A list with an end is shown at its own pace, once."""
    segments = _segments(tmp_path, 50)
    files = {f"s{n}_ts": hand_out(path.read_bytes()) for n, path in enumerate(segments)}
    files["list_m3u8"] = hand_out((tmp_path / "whole.m3u8").read_bytes())
    with HttpServer(**files) as server, Watch(server.address("list.m3u8?key=1")) as watch:
        watch.wait_for_state("ended")
        watch.check_pace(FPS)
        assert indices == sorted(set(indices))
        assert len(indices) + watch.source.dropped == 50


def test_hls_stalls(tmp_path: Path, indices: list[int]) -> None:
    """A live list that stops growing is a loss; what was seen is not shown again."""
    segments = _segments(tmp_path, 50)
    files = {f"s{n}_ts": hand_out(path.read_bytes()) for n, path in enumerate(segments)}
    known = [1]

    def listed(handler: BaseHTTPRequestHandler) -> None:
        lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0"]
        for number in range(known[0]):
            lines += ["#EXTINF:1.0,", f"s{number}.ts"]
        hand_out("\n".join([*lines, ""]).encode(), "application/vnd.apple.mpegurl")(handler)

    with (
        HttpServer(list_m3u8=listed, **files) as server,
        Watch(server.address("list.m3u8"), retry=QUICK) as watch,
    ):
        watch.has(20)
        watch.wait_for_state("lost: nothing came for 2 s; retry in")
        assert indices == sorted(set(indices))
        assert indices[-1] <= 24  # the decoder holds some until it knows that no B picture comes
        known[0] = 2
        watch.more(10)
        watch.check_order()
        assert indices == sorted(set(indices))
        assert indices[-1] >= 25


def test_wicked_list(tmp_path: Path) -> None:
    """A list, a redirection or a description from the network opens no files and no ports."""
    clip = write_clip(tmp_path / "clip.ts", images=5)
    lists = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{clip}\n#EXT-X-ENDLIST\n",
        "plain": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{clip}\n#EXT-X-ENDLIST\n",
        "pieces": f"ffconcat version 1.0\nfile 'file:{clip}'\n",
        "near": "ffconcat version 1.0\nfile 'clip.ts'\n",
        "session": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 5555 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    }

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"file://{clip}")
        handler.end_headers()

    answers = {name: hand_out(text.encode()) for name, text in lists.items()}
    files = {"clip_ts": hand_out(clip.read_bytes())}
    with HttpServer(elsewhere=elsewhere, **answers, **files) as server:
        for name in [*lists, "elsewhere"]:
            assert "`http://127.0.0.1" in failure_text(server.address(name)), name


@pytest.mark.parametrize(
    ("code", "message"),
    [(401, "(401)"), (403, "(403)"), (404, "(404)"), (400, "does not accept"), (418, "does not")],
)
def test_refused(code: int, message: str) -> None:
    """What a server says about an address that is wrong is told at once."""
    with HttpServer(cam=refuse(code)) as server:
        assert message in failure_text(server.address("cam"))


def test_fault_of_server() -> None:
    """A server that is out of order is tried again, with growing waits."""
    with HttpServer(cam=refuse(503)) as server, Watch(server.address("cam")) as watch:
        watch.wait_for_state("lost: the server has a fault of its own (5xx); retry in 0.5 s")
        assert server.asked[:2] == ["/cam"] * 2
    lost = [state.partition(";")[2] for state, _ in watch.states if "lost" in state]
    assert lost[:2] == [" retry in 0.25 s", " retry in 0.5 s"]


def test_silent() -> None:
    """A server that takes the call and says nothing is not waited for without end."""
    with (
        HttpServer(cam=lambda _: time.sleep(NEVER_S)) as server,
        Watch(server.address("cam"), retry=replace(QUICK, open_timeout_s=1.2)) as watch,
    ):
        watch.wait_for_state("lost: nothing came for 1.2 s; retry in")


def _huge(side: int, after: int) -> Callable[[BaseHTTPRequestHandler], None]:
    """Return an answer of JPEG whose heads announce huge pictures, after some good ones."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        send_head(handler, "multipart/x-mixed-replace; boundary=next")
        for number in range(after + 20):
            data = bytearray(jpeg_of(clock_image()))
            if number >= after:
                start = data.index(b"\xff\xc0") + 5
                struct.pack_into(">HH", data, start, side, side)
            send_part(handler, bytes(data))

    return answer


def test_huge() -> None:
    """Pictures too large for the memory are left out, also in mid-stream."""
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with HttpServer(big=_huge(32_000, 0), later=_huge(32_000, 10)) as server:
        assert "pictures can be decoded" in failure_text(server.address("big"))
        once = replace(PATIENT, base_delay_s=NEVER_S, max_delay_s=NEVER_S)
        with Watch(server.address("later"), retry=once) as watch:
            watch.wait_for_state("lost: ")
            assert {record.size for record in watch.records} == {(96, 320)}
            assert watch.source.problems == [
                f"`{server.address('later')}`: 20 damaged pictures were left out"
            ]
        most_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert most_kb - before_kb < 500_000  # a picture has three million


def test_no_host() -> None:
    """A name that nobody knows is told at once."""
    assert "no host `no.such.host.invalid`" in failure_text("http://no.such.host.invalid/a")
