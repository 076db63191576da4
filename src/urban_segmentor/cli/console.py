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

    from urban_segmentor.reports.tables import ReportTable

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


def rich_table(table: ReportTable) -> Table:
    """Return a table for the console; names and remarks are folded where they are too long."""
    made = Table(
        title=table.title or None,
        title_justify="left",
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    last = len(table.head) - 1
    for i, (name, figure) in enumerate(zip(table.head, table.is_figures, strict=True)):
        folded = i == 0 or (i == last and table.has_remarks)
        justify = "right" if figure else "left"
        made.add_column(name, justify=justify, no_wrap=not folded, overflow="fold")
    for row in table.rows:
        made.add_row(*row)
    return made


def silence_decoders() -> None:
    """Keep OpenCV from writing to stderr by itself what is told as an error anyway."""
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
