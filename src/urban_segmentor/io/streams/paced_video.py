"""Video files played in real time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.io.streams.frame_buffer import POLL_S, CapturedFrame, FrameBuffer
from urban_segmentor.io.streams.open_stream import check_file
from urban_segmentor.io.streams.timestamp_mapper import PlaybackClock
from urban_segmentor.io.yuv_planes import Orientation
from urban_segmentor.structures.frame import Frame, Yuv420

if TYPE_CHECKING:
    from urban_segmentor.io.streams.source_uri import SourceUri
    from urban_segmentor.io.streams.stream_options import StreamOptions
    from urban_segmentor.io.video_reader import VideoReader


def open_video_file(uri: SourceUri, options: StreamOptions) -> VideoReader:
    """Return the reader of a video file, with the frame names of `predict`.

    Raises:
        SourceError: It is no video.
    """
    path = Path(uri.target)
    if path.stat().st_size:  # else `VideoReader` says so
        check_file(uri)
    return options.selection.open(path, name=uri.stem)


def wait_until_due(buffer: FrameBuffer, pacer: PlaybackClock, time_s: float) -> float | None:
    """Wait until a frame is due; return its due time, or None when the buffer is stopped."""
    while not buffer.stopped:
        now_s = time.monotonic()
        if buffer.since_s is None or buffer.paused:
            time.sleep(POLL_S / 5)
            if buffer.since_s is not None:
                pacer.shift(time.monotonic() - now_s)
            continue
        due_s = pacer.due_s(time_s, now_s=now_s)
        if due_s <= now_s:
            return due_s
        time.sleep(min(due_s - now_s, POLL_S))
    return None


class FileReader:
    """Publishes the frames of a file to a buffer when they are due.

    Args:
        uri: The video file.
        options: The clip range and stride.
        buffer: Receives the frames.
    """

    def __init__(self, uri: SourceUri, options: StreamOptions, buffer: FrameBuffer) -> None:
        self._uri, self._options, self._buffer = uri, options, buffer
        self._pacer = PlaybackClock()

    def run(self) -> None:
        """Read to the end or until the buffer is stopped; raise as `VideoReader` does."""
        source = open_video_file(self._uri, self._options)
        try:
            self._buffer.rate = source.info.rate / self._options.stride
            for frame in source:
                if not self._publish_when_due(frame):
                    break
        finally:
            source.close()
            for problem in source.problems:
                self._buffer.add_problem(problem)

    def _publish_when_due(self, frame: Frame) -> bool:
        """Publish a frame when it is due; return False when the buffer is stopped."""
        buffer = self._buffer
        if buffer.size is None:
            buffer.begin(frame.size)
        due_s = wait_until_due(buffer, self._pacer, frame.time_s)
        if due_s is None:
            return False
        if not isinstance(frame.pixels, Yuv420):
            raise TypeError("a video has planes")
        captured = CapturedFrame(
            image=frame.pixels,
            orientation=Orientation(),
            index=frame.index,
            time_s=frame.time_s,
            captured_s=due_s,
        )
        buffer.set_state("live", is_live=True)
        buffer.put(captured)
        return True
