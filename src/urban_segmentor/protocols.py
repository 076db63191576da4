"""The seams of the pipeline; each has only the methods that both sides need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Frame, Image, Yuv420
    from urban_segmentor.structures.instances import Instances


class Source(Protocol):
    """Something that yields frames in order of time, once."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames; raise `SourceError` when decoding fails midway."""
        ...

    def close(self) -> None:
        """Release the file, device or socket; safe to call twice."""
        ...


class Backend(Protocol):
    """An exported network on some runtime."""

    def infer(self, batch: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        """Run uint8 (B, H, W, 3) RGB; return the raw output tensors, float32, in order."""
        ...


class InstanceSegmenter(Protocol):
    """Finds the instances in pictures; may be called from several threads at once."""

    @property
    def streams(self) -> int:
        """How many pictures may be in work at once."""
        ...

    def __call__(
        self, pixels: Image | Yuv420, *, on_stage: Callable[[str, float], None] | None = None
    ) -> Instances:
        """Return the instances in a picture; report the seconds that each stage took."""
        ...


class Renderer(Protocol):
    """Draws; never filters."""

    def __call__(self, frame: Frame, instances: Instances) -> Image | Yuv420:
        """Return a new picture of the size and the pixel format of the frame."""
        ...


class Sink(Protocol):
    """Consumes results in order."""

    def write(self, frame: Frame, instances: Instances) -> None:
        """Append one result."""
        ...

    def close(self) -> None:
        """Finish what is written and put it in its place; safe to call twice."""
        ...
