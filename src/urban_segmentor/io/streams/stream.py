"""Reading of network streams, cameras and the screen, with reconnection."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import TYPE_CHECKING

import av.error

from urban_segmentor.io.streams.failures import (
    StreamFailure,
    StreamLostError,
    failure_from_error,
    timeout_failure,
    undecodable_failure,
)
from urban_segmentor.io.streams.frame_buffer import CapturedFrame, FrameBuffer
from urban_segmentor.io.streams.open_stream import OpenStream, open_stream
from urban_segmentor.io.streams.paced_video import wait_until_due
from urban_segmentor.io.streams.retry import Backoff, RetryPolicy
from urban_segmentor.io.streams.timestamp_mapper import PlaybackClock, TimestampMapper
from urban_segmentor.io.yuv_planes import Orientation, orientation_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from urban_segmentor.io.streams.source_uri import SourceUri
    from urban_segmentor.io.streams.stream_options import StreamOptions

_STALL_FRACTION = (
    0.9  # of the time limit: FFmpeg may hand out what it held back when it is interrupted
)
_RECOVERY_S = 2.0  # maximum wait for a key frame after damage
_MAX_HELD_PACKETS = 64  # packets that a decoder may hold back
_MAX_REPEAT_S = 30.0  # HLS begins some segments back after a loss
_MAX_MISSING_END_S = 1.0  # what a server may cut from the end of a recording
_MAX_CAMERA_AGE_S = 1.0  # an older pts of a camera is of another clock


class StreamReader:
    """Publishes the frames of a stream to a buffer, and reconnects when it is lost.

    Args:
        uri: The source.
        options: Options of the stream.
        buffer: Receives the frames.
        retry: Timeouts and retry delays.
    """

    def __init__(
        self, uri: SourceUri, options: StreamOptions, buffer: FrameBuffer, retry: RetryPolicy
    ) -> None:
        self._uri, self._options, self._buffer, self._retry = uri, options, buffer, retry
        self._backoff = Backoff(retry)
        self._timestamps = TimestampMapper()
        self._index = 0
        self._last_pts_s: float | None = None
        self._connected_s: float | None = None  # when this connection gave its first frame
        self._arrived_s = 0.0  # when the last packet came
        self._may_repeat = False  # this connection may begin with frames of the one before

    def run(self) -> None:
        """Read until the buffer is stopped or the stream ends for good.

        Raises:
            SourceError: It cannot give a frame.
        """
        buffer = self._buffer
        while not buffer.stopped:
            failure = self._connect()
            if failure is None or buffer.stopped:
                return
            if buffer.size is None and failure.is_permanent:
                raise failure.as_error(self._uri)
            if self._connected_s is not None:
                self._backoff.reset_after_success(self._arrived_s - self._connected_s)
            wait_s = self._backoff.next_s()
            buffer.set_state(f"lost: {failure.reason}; retry in {wait_s:g} s")
            self._timestamps.reset_origin()
            if not buffer.sleep(wait_s):
                return

    def _connect(self) -> StreamFailure | None:
        """Read one connection to its end; return the failure, or None at a regular end."""
        self._buffer.set_state("connecting")
        self._connected_s = None
        try:
            opened = open_stream(self._uri, self._options, self._retry)
        except StreamLostError as lost:
            return lost.failure
        damaged_before = self._buffer.damaged
        try:
            for problem in opened.problems:
                self._buffer.add_problem(problem)
            rate = opened.stream.average_rate or opened.stream.guessed_rate
            self._buffer.rate = None if rate is None else Fraction(rate) / self._options.stride
            self._may_repeat = self._last_pts_s is not None and opened.is_paced
            self._read(opened)
        except StreamLostError as lost:
            damaged = self._buffer.damaged - damaged_before
            return (
                undecodable_failure(damaged)
                if self._connected_s is None and damaged
                else lost.failure
            )
        finally:
            opened.container.close()
        return None if self._buffer.stopped else self._after_end(opened)

    def _after_end(self, opened: OpenStream) -> StreamFailure | None:
        """Return the failure when packets end too early, else None."""
        if not opened.is_recorded:
            return StreamFailure(reason="the stream ended")
        length_s = opened.length_s
        if length_s is None or self._last_pts_s is None:
            return None
        missing_s = length_s - self._last_pts_s
        if missing_s > _MAX_MISSING_END_S and self._connected_s is not None:
            return StreamFailure(reason="the stream broke off")
        if missing_s > _MAX_MISSING_END_S:
            self._buffer.add_problem(f"`{self._uri.name}` ends {missing_s:.1f} s too early")
        return None

    def _read(self, opened: OpenStream) -> None:
        buffer, pacer = self._buffer, PlaybackClock() if opened.is_paced else None
        orientation: Orientation | None = None
        paced_s = 0.0
        for decoded, arrived_s in self._decoded(opened):
            pts_s = None if decoded.pts is None else decoded.time
            if self._is_repeat(pts_s, opened):
                continue
            if orientation is None:
                orientation = orientation_of(decoded)
                self._mark_connected(decoded, orientation)
            if buffer.since_s is None and pacer is None:
                continue  # the consumer has not begun
            captured_s: float | None = self._captured_s(pts_s, arrived_s)
            if pacer is not None:
                paced_s = paced_s if pts_s is None else pts_s
                captured_s = wait_until_due(buffer, pacer, paced_s)
                if captured_s is None:
                    return
            self._last_pts_s = pts_s if pts_s is not None else self._last_pts_s
            self._publish(decoded, orientation, pts_s, captured_s)
            if buffer.stopped:
                return

    def _mark_connected(self, decoded: VideoFrame, orientation: Orientation) -> None:
        """Set the state `live` at the first frame of a connection."""
        buffer = self._buffer
        self._connected_s = time.monotonic()
        buffer.set_state("live", is_live=True)
        if buffer.size is None:
            height, width = decoded.height, decoded.width
            buffer.begin((width, height) if orientation.transposed else (height, width))
        else:
            buffer.reconnects += 1

    def _publish(
        self, decoded: VideoFrame, orientation: Orientation, pts_s: float | None, captured_s: float
    ) -> None:
        buffer = self._buffer
        index, self._index = self._index, self._index + 1
        time_s = self._timestamps.time_s(pts_s, arrived_s=captured_s)
        buffer.set_state("live", is_live=True)
        if index % self._options.stride == 0 and not buffer.paused:
            buffer.put(
                CapturedFrame(
                    image=decoded,
                    orientation=orientation,
                    index=index,
                    time_s=time_s,
                    captured_s=captured_s,
                )
            )

    def _is_repeat(self, pts_s: float | None, opened: OpenStream) -> bool:
        """Return whether a frame was already published before the last reconnection."""
        if not self._may_repeat or pts_s is None or self._last_pts_s is None:
            return False
        behind_s = self._last_pts_s - pts_s
        if behind_s >= 0 and (opened.is_recorded or behind_s < _MAX_REPEAT_S):
            return True
        self._may_repeat = False
        return False

    def _captured_s(self, pts_s: float | None, arrived_s: float) -> float:
        """Return the capture time by `time.monotonic`: the pts of a camera, else the arrival."""
        if (
            self._uri.kind == "camera"
            and pts_s is not None
            and 0 <= arrived_s - pts_s < _MAX_CAMERA_AGE_S
        ):
            return pts_s
        return arrived_s

    def _decoded(self, opened: OpenStream) -> Iterator[tuple[VideoFrame, float]]:
        """Yield intact frames with the arrival times of their packets; skip damaged ones."""
        arrivals: dict[int | None, float] = {}
        recovering_until_s, since_s = 0.0, time.monotonic()
        for packet, arrived_s in self._packets(opened):
            if self._connected_s is None and arrived_s - since_s > self._retry.open_timeout_s:
                raise StreamLostError(timeout_failure(self._retry.open_timeout_s))
            if len(arrivals) >= _MAX_HELD_PACKETS:
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
                elif frame.key_frame or arrived_s >= recovering_until_s:
                    recovering_until_s = 0.0
                    yield frame, arrivals.pop(frame.pts, arrived_s)
                    continue
                self._buffer.damaged += 1
            if damaged:  # frames predicted from it are damaged, too
                self._buffer.damaged += not frames
                recovering_until_s = arrived_s + _RECOVERY_S

    def _packets(self, opened: OpenStream) -> Iterator[tuple[Packet[VideoStream], float]]:
        """Yield packets with their arrival times; raise `StreamLostError` on error or timeout."""
        limit_s = _STALL_FRACTION * opened.read_timeout_s
        packets = opened.container.demux(opened.stream)
        failure: StreamFailure | None = None
        while failure is None and not self._buffer.stopped:
            since_s = time.monotonic()
            packet = None
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError) as error:
                failure = failure_from_error(error, self._uri)
            arrived_s = time.monotonic()
            if arrived_s - since_s >= limit_s:
                failure = timeout_failure(opened.read_timeout_s)
            elif failure is None and packet is None:
                return
            if failure is None and packet is not None:
                self._arrived_s = arrived_s
                yield packet, arrived_s
        if failure is not None:
            raise StreamLostError(failure)
