"""Copy of a video's audio stream into the annotated video."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import av
import av.error

from urban_segmentor.io.video_reader import has_decoder, open_video

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet

    AudioPacket: TypeAlias = Packet[AudioStream]

_MP4_CODECS = frozenset({"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"})
# fmt: off
_AAC_RATES = (
    7_350, 8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000, 88_200,
    96_000,
)
_AAC_LAYOUTS = frozenset({"mono", "stereo", "3.0", "4.0", "5.0", "5.1", "7.1(wide)", "7.1"})
# fmt: on


class AudioCopy:
    """Copies the packets of the first audio stream, interleaved with the video.

    Args:
        path: The file with the audio.
        start_s: Time of the first video frame that is written, seconds in the file's clock.
        stop_s: End time, seconds in the file's clock, or None.
    """

    def __init__(self, path: Path, *, start_s: float, stop_s: float | None = None) -> None:
        self._source = open_video(path)
        self._input = next(s for s in self._source.streams.audio if has_decoder(s))
        self._start_s, self._stop_s = start_s, stop_s
        self._output: AudioStream | None = None
        self._encoded = self._packets()
        self._next: AudioPacket | None = None
        self._last_dts = -math.inf

    @property
    def is_reencoded(self) -> bool:
        """True when MP4 cannot hold the codec, so the audio is re-encoded as AAC."""
        # A decoder may be called otherwise than what it decodes: `mp3float`, `libopus`.
        return self._input.codec_context.codec.canonical_name not in _MP4_CODECS

    def attach(self, container: OutputContainer) -> None:
        """Add the stream to a container before its header is written."""
        if self.is_reencoded:
            context = self._input.codec_context
            rate = min(_AAC_RATES, key=lambda rate: abs(rate - context.sample_rate))
            self._output = container.add_stream("aac", rate=rate)
            self._output.codec_context.layout = _layout(context.layout.name, context.channels)
        else:
            self._output = container.add_stream_from_template(self._input)
        self._next = next(self._encoded, None)

    def copy_until(self, container: OutputContainer, time_s: float) -> None:
        """Write the audio packets up to a time, seconds after the first frame of the video."""
        while self._next is not None and _time_s(self._next) < time_s:
            dts = self._next.dts
            if dts is None or dts > self._last_dts:  # a clock that is set back has no place here
                self._last_dts = self._last_dts if dts is None else dts
                container.mux(self._next)
            self._next = next(self._encoded, None)

    def finish(self, container: OutputContainer, *, end_s: float = math.inf) -> None:
        """Write the remaining audio packets up to the end time, and close.

        Args:
            container: The file.
            end_s: Latest end time, seconds after the first frame of the video.
        """
        self.copy_until(container, end_s)
        self.close()

    def close(self) -> None:
        """Close the source file; safe to call twice."""
        self._encoded.close()
        self._source.close()

    def _packets(self) -> Generator[AudioPacket]:
        """Yield the packets of the output stream, shifted to the video's clock."""
        if self.is_reencoded:
            yield from self._reencoded()
            return
        for packet in self._rebased():
            packet.stream = self._output  # pyright: ignore[reportAttributeAccessIssue]
            yield packet

    def _reencoded(self) -> Iterator[AudioPacket]:
        assert self._output is not None  # noqa: S101 - `attach` comes first
        resampler = av.AudioResampler(
            format="fltp",
            layout=self._output.codec_context.layout.name,
            rate=self._output.codec_context.sample_rate,
        )
        for packet in self._rebased():
            try:
                decoded = packet.decode()
            except av.error.FFmpegError:  # a damaged packet is a moment of silence
                continue
            for sound in decoded:
                for frame in resampler.resample(sound):  # pyright: ignore[reportArgumentType]
                    yield from self._output.encode(frame)
        for frame in resampler.resample(None):
            yield from self._output.encode(frame)
        yield from self._output.encode(None)

    def _rebased(self) -> Iterator[AudioPacket]:
        """Yield the packets of the selected clip, with pts relative to its first frame."""
        for packet in self._demuxed():
            if packet.pts is None:
                continue
            shift = round(self._start_s / packet.time_base)
            # The packet before the first, too: decoders need it to start with the right sound.
            if packet.pts + 1.5 * (packet.duration or 0) <= shift:
                continue
            if self._stop_s is not None and float(packet.pts * packet.time_base) >= self._stop_s:
                return
            packet.pts -= shift
            packet.dts = packet.pts if packet.dts is None else packet.dts - shift
            yield packet

    def _demuxed(self) -> Iterator[AudioPacket]:
        """Yield packets up to the first read error, which `VideoReader` reports."""
        packets = self._source.demux(self._input)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError):
                return
            if packet is None:
                return
            yield packet


def _layout(name: str, channels: int) -> str:
    """Return the channel layout for AAC: its own if AAC supports it, else mono or stereo."""
    if name in _AAC_LAYOUTS:
        return name
    return "mono" if channels == 1 else "stereo"


def _time_s(packet: AudioPacket) -> float:
    if packet.dts is None:
        return 0.0
    return float(packet.dts * packet.time_base)
