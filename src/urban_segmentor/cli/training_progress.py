"""How a training goes, on stderr: a bar with time to go, and a line for each epoch."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from urban_segmentor.training.run_folder import has_metrics

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from rich.console import Console

_SHOWN = {
    "metrics/mAP50-95(M)": "mask mAP {:.3f}",
    "metrics/mAP50(M)": "mask mAP50 {:.3f}",
    "metrics/AP": "AP {:.1f}",
    "metrics/PQ": "PQ {:.1f}",
    "metrics/mIoU": "mIoU {:.1f}",
}


class TrainingProgress:
    """Shows batches as a bar and epochs as lines, with the time that is left.

    Args:
        console: Where.
        progress: The bar.
    """

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console, self._progress = console, progress
        self._task = progress.add_task("preparing", total=None, losses="")
        self._first, self._epochs, self._batches = 0, 0, 0
        self._since_s = time.monotonic()

    def on_start(self, *, epoch: int, epochs: int, batches: int) -> None:
        """Begin, with this epoch counted from 0."""
        self._first, self._epochs, self._batches = epoch, epochs, batches
        self._since_s = time.monotonic()
        if epoch:
            self._console.print(f"going on after {epoch} of {epochs} epochs")
        self._progress.reset(
            self._task,
            total=epochs * batches,
            completed=epoch * batches,
            description=f"epoch {epoch + 1}/{epochs}",
        )

    def on_prepare(self, *, images: int) -> None:
        """Begin with the labels."""
        self._progress.reset(self._task, total=images, description="drawing labels")

    def on_prepared(self) -> None:
        """Count the labels of an image."""
        self._progress.update(self._task, advance=1)

    def on_problem(self, text: str) -> None:
        """Say what could not be read."""
        self._console.print(f"left out: {text}", style="yellow", markup=False)

    def on_batch(self, losses: Mapping[str, float]) -> None:
        """Count a batch."""
        self._progress.update(self._task, advance=1, losses=_losses(losses))

    def on_epoch(self, epoch: int, epochs: int, row: Mapping[str, float]) -> None:
        """Tell what an epoch brought."""
        each_s = (time.monotonic() - self._since_s) / (epoch - self._first)
        left = _duration(each_s * (epochs - epoch))
        shown = _SHOWN.items() if has_metrics(row) else ()
        figures = [text.format(row[key]) for key, text in shown if key in row]
        line = ", ".join([f"loss {_total(row):.2f}", *figures])
        self._console.print(
            f"epoch {epoch}/{epochs}: {line}; {_duration(each_s)} each, {left} left"
        )
        self._progress.update(
            self._task,
            total=epochs * self._batches,
            completed=epoch * self._batches,
            description=f"epoch {min(epoch + 1, epochs)}/{epochs}",
        )


@contextmanager
def training_progress(console: Console) -> Generator[TrainingProgress]:
    """Return what shows a training on a console; without the bar where that is no terminal."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[losses]}", markup=False),
    )
    quiet = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        yield TrainingProgress(console, progress)


def _losses(losses: Mapping[str, float]) -> str:
    return " ".join(f"{name.removesuffix('_loss')} {value:.2f}" for name, value in losses.items())


def _total(row: Mapping[str, float]) -> float:
    return sum(value for name, value in row.items() if name.startswith("train/"))


def _duration(time_s: float) -> str:
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
