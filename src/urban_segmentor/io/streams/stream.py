"""Reading streams, cameras and the screen, over all their losses."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import TYPE_CHECKING

import av.error

from urban_segmentor.io.streams.failures import (
    StreamFailure,
    StreamLostError,
    failure_of,
    nothing_decodes,
    silent_for,
)
from urban_segmentor.io.streams.frame_buffer import CapturedFrame, FrameBuffer
from urban_segmentor.io.streams.open_stream import OpenStream, open_stream
from urban_segmentor.io.streams.paced_video import wait_until_due
from urban_segmentor.io.streams.retry import Backoff, RetryPolicy
from urban_segmentor.io.streams.timestamp_mapper import Pacer, TimestampMapper
from urban_segmentor.io.yuv_planes import Orientation, orientation_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from urban_segmentor.io.streams.source_uri import SourceUri
    from urban_segmentor.io.streams.stream_options import StreamOptions

_STALLED = 0.9  # of the time limit: FFmpeg may hand out what it held back when it is interrupted
_MEND_S = 2.0  # after damage, a key picture is waited for so long
_HELD = 64  # packets that a decoder may hold
_SEEN_AGAIN_S = 30.0  # HLS begins some segments back after a loss
_END_S = 1.0  # what a server may leave out at the end of something recorded
_CAMERA_CLOCK_S = 1.0  # a stamp of a camera that is further from now is of another clock


class StreamReader:
    """Puts the frames of a stream into a feed, and connects again when it is lost.

    Args:
        address: Where they come from.
        wishes: What is asked.
        feed: Gets them.
        timing: How patient to be.
    """

    def __init__(
        self, address: SourceUri, wishes: StreamOptions, feed: FrameBuffer, timing: RetryPolicy
    ) -> None:
        self._address, self._wishes, self._feed, self._timing = address, wishes, feed, timing
        self._backoff = Backoff(timing)
        self._timeline = TimestampMapper()
        self._index = 0
        self._last_stamp_s: float | None = None
        self._live_s: float | None = None  # when this connection gave its first picture
        self._arrived_s = 0.0  # when the last packet came
        self._repeats = False  # this connection may begin with what was seen before

    def run(self) -> None:
        """Read until the feed is stopped or the stream ends for good.

        Raises:
            SourceError: It can never give a picture.
        """
        feed = self._feed
        while not feed.stopped:
            failure = self._connect()
            if failure is None or feed.stopped:
                return
            if feed.size is None and failure.final:
                raise failure.as_error(self._address)
            if self._live_s is not None:
                self._backoff.lived(self._arrived_s - self._live_s)
            wait_s = self._backoff.next_s()
            feed.tell(f"lost: {failure.reason}; retry in {wait_s:g} s")
            self._timeline.lost()
            if not feed.sleep(wait_s):
                return

    def _connect(self) -> StreamFailure | None:
        """Read one connection to its end; return what is wrong, or None at a good end."""
        self._feed.tell("connecting")
        self._live_s = None
        try:
            opened = open_stream(self._address, self._wishes, self._timing)
        except StreamLostError as lost:
            return lost.failure
        damaged_before = self._feed.damaged
        try:
            for note in opened.notes:
                self._feed.note(note)
            rate = opened.stream.average_rate or opened.stream.guessed_rate
            self._feed.rate = None if rate is None else Fraction(rate) / self._wishes.stride
            self._repeats = self._last_stamp_s is not None and opened.is_paced
            self._read(opened)
        except StreamLostError as lost:
            damaged = self._feed.damaged - damaged_before
            return nothing_decodes(damaged) if self._live_s is None and damaged else lost.failure
        finally:
            opened.container.close()
        return None if self._feed.stopped else self._after_end(opened)

    def _after_end(self, opened: OpenStream) -> StreamFailure | None:
        """Return what is wrong when there are no more packets."""
        if not opened.is_recorded:
            return StreamFailure(reason="the stream ended")
        length_s = opened.length_s
        if length_s is None or self._last_stamp_s is None:
            return None
        missing_s = length_s - self._last_stamp_s
        if missing_s > _END_S and self._live_s is not None:
            return StreamFailure(reason="the stream broke off")
        if missing_s > _END_S:
            self._feed.note(f"`{self._address.name}` ends {missing_s:.1f} s too early")
        return None

    def _read(self, opened: OpenStream) -> None:
        feed, pacer = self._feed, Pacer() if opened.is_paced else None
        turn: Orientation | None = None
        paced_s = 0.0
        for decoded, arrived_s in self._decoded(opened):
            stamp_s = None if decoded.pts is None else decoded.time
            if self._was_seen(stamp_s, opened):
                continue
            if turn is None:
                turn = orientation_of(decoded)
                self._greet(decoded, turn)
            if feed.since_s is None and pacer is None:
                continue  # nobody looks yet
            captured_s: float | None = self._captured_s(stamp_s, arrived_s)
            if pacer is not None:
                paced_s = paced_s if stamp_s is None else stamp_s
                captured_s = wait_until_due(feed, pacer, paced_s)
                if captured_s is None:
                    return
            self._last_stamp_s = stamp_s if stamp_s is not None else self._last_stamp_s
            self._hand_on(decoded, turn, stamp_s, captured_s)
            if feed.stopped:
                return

    def _greet(self, decoded: VideoFrame, turn: Orientation) -> None:
        """Take the first picture of a connection."""
        feed = self._feed
        self._live_s = time.monotonic()
        feed.tell("live", is_live=True)
        if feed.size is None:
            height, width = decoded.height, decoded.width
            feed.begin((width, height) if turn.transposed else (height, width))
        else:
            feed.reconnects += 1

    def _hand_on(
        self, decoded: VideoFrame, turn: Orientation, stamp_s: float | None, captured_s: float
    ) -> None:
        feed = self._feed
        index, self._index = self._index, self._index + 1
        time_s = self._timeline.time_s(stamp_s, arrived_s=captured_s)
        feed.tell("live", is_live=True)
        if index % self._wishes.stride == 0 and not feed.paused:
            feed.put(
                CapturedFrame(
                    image=decoded, turn=turn, index=index, time_s=time_s, captured_s=captured_s
                )
            )

    def _was_seen(self, stamp_s: float | None, opened: OpenStream) -> bool:
        """Return whether a frame was shown before the last loss."""
        if not self._repeats or stamp_s is None or self._last_stamp_s is None:
            return False
        behind_s = self._last_stamp_s - stamp_s
        if behind_s >= 0 and (opened.is_recorded or behind_s < _SEEN_AGAIN_S):
            return True
        self._repeats = False
        return False

    def _captured_s(self, stamp_s: float | None, arrived_s: float) -> float:
        """Return when a frame was captured: cameras tell it, by the same clock as ours."""
        if (
            self._address.kind == "camera"
            and stamp_s is not None
            and 0 <= arrived_s - stamp_s < _CAMERA_CLOCK_S
        ):
            return stamp_s
        return arrived_s

    def _decoded(self, opened: OpenStream) -> Iterator[tuple[VideoFrame, float]]:
        """Yield whole pictures, and when their packets came; damaged ones are left out."""
        arrivals: dict[int | None, float] = {}
        mending_until_s, since_s = 0.0, time.monotonic()
        for packet, arrived_s in self._packets(opened):
            if self._live_s is None and arrived_s - since_s > self._timing.open_s:
                raise StreamLostError(silent_for(self._timing.open_s))
            if len(arrivals) >= _HELD:
                arrivals.clear()
            arrivals[packet.pts] = arrived_s
            try:
                frames = packet.decode()
                damaged = packet.is_corrupt
            except (av.error.FFmpegError, OSError):
                frames, damaged = [], True
            for frame in frames:
                if damaged or frame.is_corrupt:
                    damaged = True
                elif frame.key_frame or arrived_s >= mending_until_s:
                    mending_until_s = 0.0
                    yield frame, arrivals.pop(frame.pts, arrived_s)
                    continue
                self._feed.damaged += 1
            if damaged:  # what is predicted from it is invented, too
                self._feed.damaged += not frames
                mending_until_s = arrived_s + _MEND_S

    def _packets(self, opened: OpenStream) -> Iterator[tuple[Packet[VideoStream], float]]:
        """Yield packets and when they came; raise `StreamLostError` when no more come."""
        limit_s = _STALLED * opened.read_s
        packets = opened.container.demux(opened.stream)
        failure: StreamFailure | None = None
        while failure is None and not self._feed.stopped:
            since_s = time.monotonic()
            packet = None
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                failure = failure_of(error, self._address)
            arrived_s = time.monotonic()
            if arrived_s - since_s >= limit_s:
                failure = silent_for(opened.read_s)
            elif failure is None and packet is None:
                return
            if failure is None and packet is not None:
                self._arrived_s = arrived_s
                yield packet, arrived_s
        if failure is not None:
            raise StreamLostError(failure)
