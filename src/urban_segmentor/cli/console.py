"""Progress and tables on stderr; stdout is for data."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Generator

    from urban_segmentor.profiling import StageSummary

_LONG_S = 1.0  # work that is over sooner needs no bar


def stderr() -> Console:
    """Return a console on stderr that is plain when piped, and prints names as they are."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


class _Rate(ProgressColumn):
    """Frames per second, lately."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} fps", style="cyan")


class FrameProgress:
    """A bar with time to go and live frame rate; silent when stderr is no terminal.

    Args:
        progress: The bar to drive.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("starting", total=None, visible=False)
        self._since_s = time.monotonic()

    def start(self, name: str, frames: int | None) -> None:
        """Begin with a source of about so many frames, or None when nobody knows."""
        self._since_s = time.monotonic()
        self._progress.reset(self._task, total=frames, description=name, visible=False)

    def advance(self) -> None:
        """Count one frame."""
        visible = time.monotonic() - self._since_s > _LONG_S
        self._progress.update(self._task, advance=1, visible=visible)


@contextmanager
def frame_progress(console: Console) -> Generator[FrameProgress]:
    """Return a bar that is gone when the work is done.

    Args:
        console: Where it shows; quiet unless that is a terminal.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        yield FrameProgress(progress)


def stage_table(stages: dict[str, StageSummary]) -> Table:
    """Return a table of what each stage costs a frame, milliseconds."""
    table = Table(title="milliseconds a frame", title_justify="left", box=None, pad_edge=False)
    table.add_column("stage")
    for heading in ("p50", "p95", "share"):
        table.add_column(heading, justify="right")
    for stage, row in stages.items():
        table.add_row(stage, f"{row['p50_ms']:.1f}", f"{row['p95_ms']:.1f}", f"{row['share']:.0%}")
    return table


def silence_decoders() -> None:
    """Keep OpenCV from writing to stderr by itself what is told as an error anyway."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
