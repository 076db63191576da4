"""What a training tells while it runs."""

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
    """Is told of each batch and each epoch."""

    def on_start(self, *, epoch: int, epochs: int, batches: int) -> None:
        """Training begins with this epoch, counted from 0; each has so many batches."""
        ...

    def on_batch(self, losses: Mapping[str, float]) -> None:
        """A batch is done; mean losses of this epoch by name."""
        ...

    def on_epoch(self, epoch: int, epochs: int, row: Mapping[str, float]) -> None:
        """An epoch is done and saved, counted from 1; what was measured, by its name."""
        ...


@dataclass(slots=True)
class TrainerCallbacks:
    """Passes on what Ultralytics tells, draws the curves, and feeds TensorBoard if it is there.

    Args:
        folder: Of the run.
        watcher: Whom to tell; None for nobody.
    """

    folder: RunFolder
    watcher: TrainingObserver | None
    _board: Any = field(default=None, init=False)

    def attach(self, trainer: Any) -> None:
        """Listen to a trainer."""
        trainer.add_callback("on_train_start", self._start)
        trainer.add_callback("on_train_batch_end", self._batch)
        trainer.add_callback("on_fit_epoch_end", self._epoch)
        trainer.add_callback("on_train_end", self._end)

    def _start(self, trainer: Any) -> None:
        self._board = _tensorboard(self.folder)
        if self.watcher is not None:
            self.watcher.on_start(
                epoch=trainer.start_epoch, epochs=trainer.epochs, batches=len(trainer.train_loader)
            )

    def _batch(self, trainer: Any) -> None:
        if self.watcher is not None:
            self.watcher.on_batch({name: float(value) for name, value in trainer.tloss.items()})

    def _epoch(self, trainer: Any) -> None:
        rows = self.folder.rows()
        if not rows or rows[-1]["epoch"] != trainer.epoch + 1:
            return
        with suppress(OutputError):  # the checkpoint is what counts, and tells of a full disk
            self.folder.write_curves()
        if self._board is not None:
            for name, value in rows[-1].items():
                if name not in {"epoch", "time"}:
                    self._board.add_scalar(name, value, trainer.epoch + 1)
            self._board.flush()
        if self.watcher is not None:
            self.watcher.on_epoch(trainer.epoch + 1, trainer.epochs, rows[-1])

    def _end(self, _trainer: Any) -> None:
        if self._board is not None:
            self._board.close()


def _tensorboard(folder: RunFolder) -> Any:
    """Return a writer for TensorBoard, or None where that is not installed."""
    try:
        import_module("tensorboard")
        board: Any = import_module("torch.utils.tensorboard")
    except ImportError:
        return None
    return board.SummaryWriter(log_dir=str(folder.root / "tensorboard"))
