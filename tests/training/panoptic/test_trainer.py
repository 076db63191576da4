"""The loop of a panoptic training: learns, goes on exactly where it was, stops when it must."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import wait_until
from urban_segmentor.errors import ModelError, OutputError, SettingError, TrainingError
from urban_segmentor.training.panoptic.settings import PanopticSettings
from urban_segmentor.training.panoptic.training_frames import prepare_frames, read_panoptic_data

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTINGS = PanopticSettings(
    epochs=2,
    imgsz=64,
    shapes=((1, 1, 1), (0.5, 1, 1)),
    batch=2,
    workers=0,
    threads=1,
    device="cpu",
    warmup=2,
)


class Recorded:
    """Events of a training, kept."""

    def __init__(self) -> None:
        self.steps: list[dict[str, float]] = []
        self.epochs = 0
        self.problems: list[str] = []

    def on_step(self, losses: Mapping[str, float]) -> None:
        """Keep the losses."""
        self.steps.append(dict(losses))

    def on_problem(self, text: str) -> None:
        """Keep the sentence."""
        self.problems.append(text)

    def on_epoch(self, trainer: Any, losses: Mapping[str, float]) -> None:  # noqa: ARG002
        """Count it."""
        self.epochs += 1


class Killed(Exception):  # noqa: N818
    """Stands for the end of the process."""


class KilledAfter(Recorded):
    """Ends a training after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self._left = steps

    def on_step(self, losses: Mapping[str, float]) -> None:
        """Die after the last one."""
        super().on_step(losses)
        self._left -= 1
        if not self._left:
            raise Killed


@pytest.fixture(scope="module")
def frames(cityscapes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with label maps; read it only."""
    folder = tmp_path_factory.mktemp("frames")
    prepare_frames(read_panoptic_data(cityscapes), folder, long_side=64, on_frame=lambda: None)
    return folder


def trainer(
    frames: Path, out: Path, settings: PanopticSettings = SETTINGS, *, start: str = "yolov8n-seg"
) -> Any:
    """Return a trainer of a small network with random weights, the same each time."""
    import numpy as np
    import torch

    from tests.networks.test_panoptic import base
    from urban_segmentor.networks.panoptic import begin_from
    from urban_segmentor.training.panoptic.batch_plan import BatchPlan
    from urban_segmentor.training.panoptic.dataset import PanopticDataset
    from urban_segmentor.training.panoptic.semantic_loss import class_weights
    from urban_segmentor.training.panoptic.trainer import PanopticTrainer, TrainerFiles
    from urban_segmentor.training.panoptic.training_frames import read_frames

    found = read_frames(frames)
    torch.manual_seed(0)
    network = begin_from(base(start), names=found.names, is_thing=found.is_thing)
    return PanopticTrainer(
        network,
        dataset=PanopticDataset(
            found.frames,
            names=found.names,
            instance_class_ids=network.architecture.instance_class_ids,
            settings=settings,
        ),
        plan=BatchPlan(
            factors=(1.0,) * len(found.frames),
            batch=settings.batch,
            shapes=tuple(settings.batch_shapes()),
            seed=settings.seed,
        ),
        weights=class_weights(np.array(found.pixels)),
        settings=settings,
        files=TrainerFiles(state=out / "last.pt", pause=out / "pause"),
    )


def test_a_killed_training_goes_on_as_if_nothing_had_been(frames: Path, tmp_path: Path) -> None:
    import torch

    from urban_segmentor.training.panoptic.state import is_state, load_state

    whole, told = trainer(frames, tmp_path / "whole"), Recorded()
    whole.run(told)
    assert len(told.steps) == 6
    assert told.epochs == 2
    assert whole.epoch == 2

    killed = trainer(frames, tmp_path / "killed")
    with pytest.raises(Killed):
        killed.run(KilledAfter(2))
    killed.save()
    again, rest = trainer(frames, tmp_path / "killed"), Recorded()
    assert is_state(tmp_path / "killed" / "last.pt")
    again.restore(load_state(tmp_path / "killed" / "last.pt"))
    assert again.step == 2
    again.run(rest)
    assert len(rest.steps) == 4
    for mine, theirs in ((again.network, whole.network), (again.ema, whole.ema)):
        for name, value in theirs.state_dict().items():
            torch.testing.assert_close(mine.state_dict()[name], value, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("start", ["yolo11n-seg", "yolo26n-seg"])
def test_other_bases_take_steps_too(frames: Path, tmp_path: Path, start: str) -> None:
    from dataclasses import replace

    one, told = trainer(frames, tmp_path, replace(SETTINGS, epochs=1), start=start), Recorded()
    one.run(told)
    assert len(told.steps) == 3
    assert all(value == value for losses in told.steps for value in losses.values())  # noqa: PLR0124 -- no NaN
    assert {"box_loss", "seg_loss", "cls_loss", "semantic_loss"} <= set(told.steps[0])


def test_it_learns(frames: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    settings = replace(SETTINGS, epochs=12, lr=2e-3, paste=0.0, scale=(1.0, 1.0), bars=0.0)
    learnt, told = trainer(frames, tmp_path, settings), Recorded()
    learnt.run(told)
    first, last = told.steps[0]["semantic_loss"], told.steps[-1]["semantic_loss"]
    assert last < 0.8 * first


def test_a_loss_that_is_no_number(frames: Path, tmp_path: Path) -> None:
    import torch

    one = trainer(frames, tmp_path)
    one.save()
    kept = (tmp_path / "last.pt").read_bytes()
    with torch.no_grad():
        one.network.semantic.out.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"loss is no number any more in step 1") as caught:
        one.run(Recorded())
    assert "lr=" in str(caught.value.hint)
    assert (tmp_path / "last.pt").read_bytes() == kept


def test_a_full_disk_leaves_the_old_checkpoint(
    frames: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from urban_segmentor.io import atomic

    one = trainer(frames, tmp_path)
    one.save()
    kept = (tmp_path / "last.pt").read_bytes()

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write_all", full)
    one.step = 5
    with pytest.raises(OutputError, match="No space left"):
        one.save()
    assert (tmp_path / "last.pt").read_bytes() == kept
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_it_waits_while_there_is_a_pause(frames: Path, tmp_path: Path) -> None:
    one, told = trainer(frames, tmp_path), Recorded()
    (tmp_path / "pause").touch()
    thread = threading.Thread(target=one.run, args=(told,), daemon=True)
    thread.start()
    wait_until(lambda: len(told.steps) == 1)
    assert thread.is_alive()
    (tmp_path / "pause").unlink()
    wait_until(lambda: not thread.is_alive())
    assert len(told.steps) == 6


def test_minutes_in_place_of_epochs(frames: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    one, told = trainer(frames, tmp_path, replace(SETTINGS, minutes=1.0)), Recorded()
    one.seconds = 59.99
    one.run(told)
    assert len(told.steps) == 1
    assert one.done == 1
    assert told.epochs == 1


def test_devices_and_states_that_are_none(frames: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from urban_segmentor.training.panoptic.state import is_state, load_state

    with pytest.raises(SettingError, match="no device `7`"):
        trainer(frames, tmp_path, replace(SETTINGS, device="7"))
    (tmp_path / "bad.pt").write_bytes(b"no state")
    assert not is_state(tmp_path / "bad.pt")
    with pytest.raises(ModelError, match="no state of a panoptic training"):
        load_state(tmp_path / "bad.pt")
