"""Things that were recorded, shown at their own pace."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.io.streams.frame_buffer import POLL_S, CapturedFrame, FrameBuffer
from urban_segmentor.io.streams.open_stream import check_file
from urban_segmentor.io.streams.timestamp_mapper import Pacer
from urban_segmentor.io.yuv_planes import Orientation
from urban_segmentor.structures.frame import Frame, Yuv420

if TYPE_CHECKING:
    from urban_segmentor.io.streams.source_uri import SourceUri
    from urban_segmentor.io.streams.stream_options import StreamOptions
    from urban_segmentor.io.video_reader import VideoReader


def open_file(address: SourceUri, wishes: StreamOptions) -> VideoReader:
    """Return the frames of a file, with the names that `predict` gives them.

    Raises:
        SourceError: It is no video.
    """
    path = Path(address.target)
    if path.stat().st_size:  # else `VideoReader` says so
        check_file(address)
    return wishes.selection.open(path, name=address.stem)


def wait_until_due(feed: FrameBuffer, pacer: Pacer, time_s: float) -> float | None:
    """Wait until a frame is due; return when that was, or None when all is to end."""
    while not feed.stopped:
        now_s = time.monotonic()
        if feed.since_s is None or feed.paused:
            time.sleep(POLL_S / 5)
            if feed.since_s is not None:
                pacer.shift(time.monotonic() - now_s)
            continue
        due_s = pacer.due_s(time_s, now_s=now_s)
        if due_s <= now_s:
            return due_s
        time.sleep(min(due_s - now_s, POLL_S))
    return None


class FileReader:
    """Puts the frames of a file into a feed when they are due.

    Args:
        address: The file.
        wishes: Which part of it.
        feed: Gets its frames.
    """

    def __init__(self, address: SourceUri, wishes: StreamOptions, feed: FrameBuffer) -> None:
        self._address, self._wishes, self._feed = address, wishes, feed
        self._pacer = Pacer()

    def run(self) -> None:
        """Read to the end, or until the feed is stopped; raise what `VideoReader` raises."""
        source = open_file(self._address, self._wishes)
        try:
            self._feed.rate = source.info.rate / self._wishes.stride
            for frame in source:
                if not self._show(frame):
                    break
        finally:
            source.close()
            for problem in source.problems:
                self._feed.note(problem)

    def _show(self, frame: Frame) -> bool:
        """Show a frame when it is due; return False when all is to end."""
        feed = self._feed
        if feed.size is None:
            feed.begin(frame.size)
        due_s = wait_until_due(feed, self._pacer, frame.time_s)
        if due_s is None:
            return False
        if not isinstance(frame.pixels, Yuv420):
            raise TypeError("a video has planes")
        shot = CapturedFrame(
            image=frame.pixels,
            turn=Orientation(),
            index=frame.index,
            time_s=frame.time_s,
            captured_s=due_s,
        )
        feed.tell("live", is_live=True)
        feed.put(shot)
        return True
