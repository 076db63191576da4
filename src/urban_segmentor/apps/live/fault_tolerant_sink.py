"""Results on the side: when one cannot be written, the picture goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from urban_segmentor.protocols import Sink
    from urban_segmentor.structures.frame import Frame
    from urban_segmentor.structures.instances import Instances


class FaultTolerantSink:
    """A `Sink` around another that tells its first failure, and from then on does nothing.

    Args:
        sink: What writes.
        on_problem: Called once with what went wrong.
    """

    def __init__(self, sink: Sink, *, on_problem: Callable[[OutputError], None]) -> None:
        self._sink = sink
        self._on_problem = on_problem
        self._failed = False

    def write(self, frame: Frame, instances: Instances) -> None:
        """Append one result, unless writing failed before."""
        if self._failed:
            return
        try:
            self._sink.write(frame, instances)
        except OutputError as error:
            self._give_up(error)

    def close(self) -> None:
        """Finish what is written; safe to call twice."""
        try:
            self._sink.close()
        except OutputError as error:
            self._give_up(error)

    def _give_up(self, error: OutputError) -> None:
        if not self._failed:
            self._failed = True
            self._on_problem(error)
