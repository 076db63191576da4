"""The sound of a video, copied beside the drawn frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import av

from urban_segmentor.io.video_source import open_video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

    AudioPacket: TypeAlias = Packet[AudioStream]

_FITS_MP4 = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})


class AudioCopy:
    """Copies the packets of the first sound stream, in step with the video.

    Args:
        path: The file with the sound.
        start_s: Time of the first video frame that is written, seconds in the file's clock.
        stop_s: Where to end, seconds in the file's clock, or None.
    """

    def __init__(self, path: Path, *, start_s: float, stop_s: float | None = None) -> None:
        self._source = open_video(path)
        self._input: AudioStream = self._source.streams.audio[0]
        self._start_s, self._stop_s = start_s, stop_s
        self._output: AudioStream | None = None
        self._encoded = self._packets()
        self._next: AudioPacket | None = None

    @property
    def is_reencoded(self) -> bool:
        """True when MP4 cannot hold the sound as it is, so that it becomes AAC."""
        return self._input.codec_context.name not in _FITS_MP4

    def attach(self, container: OutputContainer) -> None:
        """Add the stream to a file that has not begun."""
        if self.is_reencoded:
            self._output = container.add_stream("aac", rate=self._input.codec_context.sample_rate)
            self._output.codec_context.layout = self._input.codec_context.layout
        else:
            self._output = container.add_stream_from_template(self._input)
        self._next = next(self._encoded, None)

    def copy_until(self, container: OutputContainer, time_s: float) -> None:
        """Write the sound up to a time, seconds after the first frame of the video."""
        while self._next is not None and _time_s(self._next) <= time_s:
            container.mux(self._next)
            self._next = next(self._encoded, None)

    def finish(self, container: OutputContainer) -> None:
        """Write the rest of the sound, up to the end that was asked for."""
        self.copy_until(container, float("inf"))
        self._source.close()

    def _packets(self) -> Iterator[AudioPacket]:
        """Yield the packets of the output stream, shifted to the video's clock."""
        shifted = self._shifted()
        if not self.is_reencoded:
            for packet in shifted:
                packet.stream = self._output  # pyright: ignore[reportAttributeAccessIssue]
                yield packet
            return
        assert self._output is not None  # noqa: S101 - `attach` comes first
        resampler = av.AudioResampler(
            format="fltp",
            layout=self._input.codec_context.layout,
            rate=self._input.codec_context.sample_rate,
        )
        for packet in shifted:
            for decoded in packet.decode():
                for frame in resampler.resample(decoded):  # pyright: ignore[reportArgumentType]
                    yield from self._output.encode(frame)
        yield from self._output.encode(None)

    def _shifted(self) -> Iterator[AudioPacket]:
        for packet in self._source.demux(self._input):
            if packet.pts is None:
                continue
            shift = round(self._start_s / packet.time_base)
            if packet.pts < shift:
                continue
            if self._stop_s is not None and float(packet.pts * packet.time_base) >= self._stop_s:
                return
            packet.pts -= shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
            yield packet


def _time_s(packet: AudioPacket) -> float:
    if packet.dts is None:
        return 0.0
    return float(packet.dts * packet.time_base)
