"""From what a user names to a source: a video, a folder, a pattern, a camera, a stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError
from urban_segmentor.io.clip_range import WHOLE, ClipRange
from urban_segmentor.io.image_files import ImageReader
from urban_segmentor.io.inputs import find_inputs
from urban_segmentor.io.streams.live_source import LiveSource
from urban_segmentor.io.streams.source_uri import parse_source_uri
from urban_segmentor.io.streams.stream_options import StreamOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urban_segmentor.io.inputs import Inputs
    from urban_segmentor.protocols import Source
    from urban_segmentor.structures.frame import Frame

_LIVE = re.compile(r"\d{1,3}|/dev/v.*|screen(:.*)?|[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedSource:
    """A source, and how its frames come.

    Attributes:
        source: Yields the frames.
        is_live: True where it gives the newest frame, and others are lost.
        follows_time: True where a frame shows what became of the one before; False for images.
    """

    source: Source
    is_live: bool
    follows_time: bool = True


def open_source(
    source: str | int | Path | Source,
    *,
    stride: int = WHOLE.stride,
    start_s: float = WHOLE.start_s,
    duration_s: float | None = WHOLE.duration_s,
    max_fps: float | None = WHOLE.max_fps,
) -> OpenedSource:
    """Return the source that is meant.

    Args:
        source: A video, an image, a folder, or a pattern such as `*.jpg`; the number of a
            camera, `/dev/video0`, an address such as `rtsp://...`, or `screen`; or a `Source`.
        stride: Every how many frames of a video one is taken.
        start_s: Where to begin in a video, seconds after its first frame.
        duration_s: How much of a video or a stream, seconds; None for all.
        max_fps: At most so many frames a second of a video, by their time stamps; None for all.

    Raises:
        SourceError: It is not there, or cannot be read.
        SettingError: A value is out of its range, or nothing that such a source can do.
    """
    clip = ClipRange(start_s=start_s, duration_s=duration_s, stride=stride, max_fps=max_fps)
    if not isinstance(source, str | int | Path):
        if clip != WHOLE:
            raise SettingError(
                "a source of one's own chooses its frames itself",
                hint="leave stride, start_s, duration_s and max_fps out, or build them in there",
            )
        return OpenedSource(source=source, is_live=False)
    text = str(source)
    if isinstance(source, int) or (_LIVE.fullmatch(text) and not Path(text).is_file()):
        if max_fps is not None:
            raise SettingError(
                "`max_fps` is for videos; of a live source the newest frame counts",
                hint="leave max_fps out, or use stride",
            )
        options = StreamOptions(start_s=start_s, duration_s=duration_s, stride=stride)
        return OpenedSource(
            source=LiveSource(parse_source_uri(text), options=options), is_live=True
        )
    inputs = find_inputs([text])
    if inputs.videos and not inputs.images and len(inputs.videos) == 1:
        path, name = inputs.videos[0]
        return OpenedSource(source=clip.open(path, name=name), is_live=False)
    is_video = bool(inputs.videos)
    return OpenedSource(source=_Files(inputs, clip), is_live=False, follows_time=is_video)


class _Files:
    """Images, then videos, one after the other; those that cannot be read end the iteration."""

    def __init__(self, inputs: Inputs, clip: ClipRange) -> None:
        self._inputs, self._clip = inputs, clip

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames of all files."""
        inputs = self._inputs
        images = ImageReader(inputs.images, folder=inputs.folder, strict=True)
        return chain(images, chain.from_iterable(map(self._frames, inputs.videos)))

    def _frames(self, video: tuple[Path, str]) -> Iterator[Frame]:
        path, name = video
        reader = self._clip.open(path, name=name)
        try:
            yield from reader
        finally:
            reader.close()

    def close(self) -> None:
        """Release nothing: each video is closed at its end."""
