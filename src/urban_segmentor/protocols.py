"""The seams of the pipeline; each has only the methods that both sides need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.models.spec import ModelSpec
    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame, Image, Yuv420


class Source(Protocol):
    """Something that yields frames in order of time, once."""

    def __iter__(self) -> Iterator[Frame]:
        """Yield frames; raise `SourceError` when decoding fails midway."""
        ...

    def close(self) -> None:
        """Release the file, device or socket; safe to call twice."""
        ...


class Runtime(Protocol):
    """An exported network, compiled for one input size."""

    def infer(self, batch: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        """Run uint8 (B, H, W, 3) RGB; return the raw output tensors, float32, in order."""
        ...


class InstanceSegmenter(Protocol):
    """Segments frames; may be called from several threads at once."""

    @property
    def streams(self) -> int:
        """How many frames may be in work at once."""
        ...

    @property
    def spec(self) -> ModelSpec:
        """The metadata of the model, with its classes."""
        ...

    def __call__(self, image: Frame, /) -> Result:
        """Return the result for a frame, with the milliseconds of each stage."""
        ...


class Stage(Protocol):
    """Changes results on their way, in order: a tracker, a counter, a filter; may hold state."""

    def __call__(self, result: Result, /) -> Result:
        """Return the result, changed by making a new one, or as it came."""
        ...

    def reset(self) -> None:
        """Forget what was seen; called before each source."""
        ...


class Renderer(Protocol):
    """Draws on frames; never filters."""

    def __call__(self, frame: Frame, result: Result, /) -> Image | Yuv420:
        """Return new pixels in the size and the pixel format of the frame.

        Args:
            frame: As the renderers before left it.
            result: What was found in it.
        """
        ...


class Sink(Protocol):
    """Writes results in order: a file of records, or the video of what was drawn."""

    def write(self, result: Result, /) -> None:
        """Append one result; `result.frame` as it came, `result.rendered` as it was drawn on.

        Raises:
            OutputError: It cannot be written.
        """
        ...

    def close(self) -> None:
        """Finish what is written and put it in its place; safe to call twice."""
        ...


class Viewer(Protocol):
    """Shows the newest drawn frame; called in the thread that runs the pipeline."""

    @property
    def wants_quit(self) -> bool:
        """True after somebody asked for the end of the run."""
        ...

    def show(self, result: Result, /) -> None:
        """Show `result.rendered`."""
        ...

    def poll(self) -> None:
        """Take input, keep the window alive; called twenty times a second."""
        ...

    def close(self) -> None:
        """Take the window away; safe to call twice."""
        ...
