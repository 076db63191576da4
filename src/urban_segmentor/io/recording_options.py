"""What is recorded of a live picture, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the command line reads types of fields

from urban_segmentor.options import option

_WRITE = "Results"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOptions:
    """What is recorded of a live picture, and where.

    Attributes:
        path: The first MP4 file; None to record nothing.
        max_length_s: Longest time in one file, seconds.
    """

    path: Path | None = option(
        None,
        help="Record what is shown, as MP4; goes on in NAME-002.mp4 after --segment seconds, "
        "another size, or a gap.",
        panel=_WRITE,
        flags=("--record",),
    )
    max_length_s: float = option(
        600.0, help="Length of a recording, seconds.", panel=_WRITE, flags=("--segment",)
    )
