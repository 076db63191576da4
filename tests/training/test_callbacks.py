"""What a training tells while it runs: progress, curves, and TensorBoard where it is installed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from urban_segmentor.training.callbacks import TrainerCallbacks
from urban_segmentor.training.run_folder import CURVES, RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

COLUMNS = "epoch,time,train/box_loss,val/box_loss,metrics/mAP50(M)"


class Trainer(SimpleNamespace):
    """Calls back as the trainer of Ultralytics does."""

    def __init__(self, root: Path, epochs: int) -> None:
        super().__init__(
            start_epoch=0, epochs=epochs, epoch=0, train_loader=[1, 2, 3], tloss={}, called={}
        )
        self.results = root / "results.csv"
        self.results.write_text(f"{COLUMNS}\n")

    def add_callback(self, event: str, function: Callable[[object], None]) -> None:
        """Register what is called at an event."""
        self.called[event] = function

    def call(self, event: str) -> None:
        """Call what is registered."""
        self.called[event](self)

    def finish(self, epoch: int, loss: float) -> None:
        """End an epoch, counted from 0: its row is written, then it is told."""
        self.epoch = epoch
        with self.results.open("a") as file:
            file.write(f"{epoch + 1},{9.5 * (epoch + 1)},{loss},1.5,0.25\n")
        self.call("on_fit_epoch_end")


class Observer:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def on_start(self, *, epoch: int, epochs: int, batches: int) -> None:
        """Keep it."""
        self.told.append(("start", epoch, epochs, batches))

    def on_batch(self, losses: Mapping[str, float]) -> None:
        """Keep it."""
        self.told.append(("batch", dict(losses)))

    def on_epoch(self, epoch: int, epochs: int, row: Mapping[str, float]) -> None:
        """Keep it."""
        self.told.append(("epoch", epoch, epochs, row["train/box_loss"]))


class Writer:
    """Stands in for the writer of TensorBoard, which need not be installed."""

    made: list[Writer]

    def __init__(self, log_dir: str) -> None:
        self.log_dir, self.scalars, self.calls = log_dir, [], []
        Writer.made.append(self)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Keep it."""
        self.scalars.append((name, value, step))

    def flush(self) -> None:
        """Keep the call."""
        self.calls.append("flush")

    def close(self) -> None:
        """Keep the call."""
        self.calls.append("close")


@pytest.fixture
def tensorboard(monkeypatch: pytest.MonkeyPatch) -> list[Writer]:
    """Return the writers that are made, TensorBoard being installed."""
    module = ModuleType("torch.utils.tensorboard")
    monkeypatch.setattr(module, "SummaryWriter", Writer, raising=False)
    monkeypatch.setitem(sys.modules, "tensorboard", ModuleType("tensorboard"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    monkeypatch.setattr(Writer, "made", [], raising=False)
    return Writer.made


@pytest.fixture
def _no_tensorboard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)


def run(root: Path, observer: Observer | None) -> Trainer:
    """Return a trainer after a batch and an epoch."""
    trainer = Trainer(root, epochs=1)
    TrainerCallbacks(RunFolder(root), observer).attach(trainer)
    trainer.call("on_train_start")
    trainer.tloss = {"box": 2, "seg": 0.5}
    trainer.call("on_train_batch_end")
    trainer.finish(0, 2.0)
    trainer.call("on_train_end")
    return trainer


@pytest.mark.usefixtures("_no_tensorboard")
def test_an_observer_is_told_in_order(tmp_path: Path) -> None:
    """And the curves are drawn; an epoch that is validated once more is told once."""
    observer = Observer()
    trainer = run(tmp_path, observer)
    trainer.epoch = 1
    trainer.call("on_fit_epoch_end")
    assert observer.told == [
        ("start", 0, 1, 3),
        ("batch", {"box": 2.0, "seg": 0.5}),
        ("epoch", 1, 1, 2.0),
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [CURVES, "results.csv"]


def test_tensorboard_gets_each_epoch(tmp_path: Path, tensorboard: list[Writer]) -> None:
    """All metrics but the number and the time, at once; it is closed at the end."""
    run(tmp_path, None)
    (writer,) = tensorboard
    assert writer.log_dir == str(tmp_path / "tensorboard")
    assert writer.scalars == [
        ("train/box_loss", 2.0, 1),
        ("val/box_loss", 1.5, 1),
        ("metrics/mAP50(M)", 0.25, 1),
    ]
    assert writer.calls == ["flush", "close"]


@pytest.mark.usefixtures("_no_tensorboard")
def test_curves_that_cannot_be_written_end_no_training(tmp_path: Path) -> None:
    """What counts is the checkpoint, which comes afterwards."""
    (tmp_path / CURVES / "in-the-way").mkdir(parents=True)
    observer = Observer()
    run(tmp_path, observer)
    assert [kind for kind, *_ in observer.told] == ["start", "batch", "epoch"]
