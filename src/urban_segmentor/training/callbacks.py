"""Callbacks of a running training: progress, curves and TensorBoard."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from urban_segmentor.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urban_segmentor.training.run_folder import RunFolder


class TrainingObserver(Protocol):
    """Receives the progress of a training, batch by batch and epoch by epoch."""

    def on_start(self, *, epoch: int, epochs: int, batches: int) -> None:
        """Training starts with `epoch`, counted from 0; each epoch has `batches` batches."""
        ...

    def on_prepare(self, *, images: int) -> None:
        """The labels of so many images are drawn before a panoptic training."""
        ...

    def on_prepared(self) -> None:
        """One of them is done."""
        ...

    def on_problem(self, text: str) -> None:
        """An image could not be read, and another one takes its place."""
        ...

    def on_batch(self, losses: Mapping[str, float]) -> None:
        """A batch is done; `losses` are the means over this epoch, by name."""
        ...

    def on_epoch(self, epoch: int, epochs: int, row: Mapping[str, float]) -> None:
        """An epoch is done and saved, counted from 1; `row` has its metrics by name."""
        ...


@dataclass(slots=True)
class TrainerCallbacks:
    """Ultralytics callbacks that notify an observer, draw the curves and feed TensorBoard.

    Args:
        folder: The folder of the run.
        observer: Is notified; None for no reports.
    """

    folder: RunFolder
    observer: TrainingObserver | None
    _tensorboard_writer: Any = field(default=None, init=False)

    def attach(self, trainer: Any) -> None:
        """Register the callbacks with an Ultralytics trainer."""
        trainer.add_callback("on_train_start", self._start)
        trainer.add_callback("on_train_batch_end", self._batch)
        trainer.add_callback("on_fit_epoch_end", self._epoch)
        trainer.add_callback("on_train_end", self._end)

    def _start(self, trainer: Any) -> None:
        self._tensorboard_writer = _tensorboard(self.folder)
        if self.observer is not None:
            self.observer.on_start(
                epoch=trainer.start_epoch, epochs=trainer.epochs, batches=len(trainer.train_loader)
            )

    def _batch(self, trainer: Any) -> None:
        if self.observer is not None:
            self.observer.on_batch({name: float(value) for name, value in trainer.tloss.items()})

    def _epoch(self, trainer: Any) -> None:
        rows = self.folder.rows()
        if not rows or rows[-1]["epoch"] != trainer.epoch + 1:
            return
        with suppress(OutputError):  # the checkpoint matters more, and reports a full disk itself
            self.folder.write_curves()
        if self._tensorboard_writer is not None:
            for name, value in rows[-1].items():
                if name not in {"epoch", "time"}:
                    self._tensorboard_writer.add_scalar(name, value, trainer.epoch + 1)
            self._tensorboard_writer.flush()
        if self.observer is not None:
            self.observer.on_epoch(trainer.epoch + 1, trainer.epochs, rows[-1])

    def _end(self, _trainer: Any) -> None:
        if self._tensorboard_writer is not None:
            self._tensorboard_writer.close()


def _tensorboard(folder: RunFolder) -> Any:
    """Return a `SummaryWriter`, or None when TensorBoard is not installed."""
    try:
        import_module("tensorboard")
        tensorboard: Any = import_module("torch.utils.tensorboard")
    except ImportError:
        return None
    return tensorboard.SummaryWriter(log_dir=str(folder.root / "tensorboard"))
