"""`urban-segmentor train` on data with surfaces: begun, paused, killed, gone on with."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from tests.cli.runner import Shell, start
from tests.training.conftest import checkpoint, prepared
from tests.training.panoptic.conftest import cityscapes
from tests.waiting import wait_until
from urban_segmentor.io.image_codec import encode_image

__all__ = ["checkpoint", "cityscapes", "prepared"]
LABEL = b"0 0.1 0.1 0.9 0.1 0.9 0.9\n"
SMALL = (
    *("--imgsz", "64", "--batch", "2", "--device", "cpu"),
    *("--set", "workers=0", "--set", "threads=1", "--set", "score_images=1"),
)


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_run_from_end_to_end(shell: Shell, cityscapes: Path, checkpoint: Path) -> None:
    words = ("--data", cityscapes, "--model", checkpoint, "--epochs", "2")
    result = shell("train", *words, *SMALL, "--also", cityscapes, "-o", "run", "--json")
    assert result.code == 0, result.err
    assert result.json["epochs"] == result.json["epochs_wanted"] == 2
    assert all(Path(path).is_file() for path in result.json["written"])
    assert "epoch 2/2" in result.err
    record = json.loads(Path("run/run.json").read_text())
    assert record["task"] == "panoptic"
    assert record["images"] == {"train": 12, "val": 2}
    assert record["finished"]["problems"] == []
    assert record["finished"]["unreadable"] == 0
    assert len(list(Path("run/pictures").iterdir())) == 2
    header, *rows = Path("run/results.csv").read_text().splitlines()
    assert header.startswith("epoch,step,hours,lr,train/box_loss")
    assert header.endswith("metrics/AP,metrics/PQ,metrics/mIoU")
    assert len(rows) == 2
    exported = next(path for path in result.json["written"] if path.endswith(".onnx"))
    image = next(cityscapes.glob("leftImg8bit/val/*/*.png"))
    found = shell("predict", "--model", exported, image)
    assert found.code == 0, found.err
    again = shell("train", "--resume", "run")
    assert again.code == 1
    assert "finished: 2 epochs" in again.err
    more = shell(
        *("train", "--data", cityscapes, "--model", "run/weights/last.pt", "--epochs", "1"),
        *(*SMALL, "-o", "more", "--json"),
    )
    assert more.code == 0, more.err


KILL_AFTER_STEP = """
import os, signal
from urban_segmentor.training.panoptic.trainer import PanopticTrainer
called, calls = PanopticTrainer._train_step, []
def counted(*args):
    returned = called(*args)
    calls.append(1)
    if len(calls) == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return returned
PanopticTrainer._train_step = counted
"""


@pytest.mark.slow
@pytest.mark.parametrize(("save_minutes", "steps"), [("0.0000001", 3), ("99", 0)])
def test_a_killed_run_is_resumed(  # noqa: PLR0913, PLR0917 - two of a case, four fixtures
    shell: Shell, cityscapes: Path, checkpoint: Path, tmp_path: Path, save_minutes: str, steps: int
) -> None:
    """Killed in its fourth step it goes on after the third, or from the beginning."""
    words = ("--data", cityscapes, "--model", checkpoint, "--epochs", "2", *SMALL, "-o", "run")
    process = start(
        *("train", *words, "--set", f"save_minutes={save_minutes}"),
        cwd=tmp_path,
        before=KILL_AFTER_STEP,
    )
    _, told = process.communicate()
    assert process.returncode == -signal.SIGKILL, told
    assert Path("run/weights/last.pt").exists() == bool(steps)
    result = shell("train", "--resume", "run", "--device", "cpu", "--json")
    assert result.code == 0, result.err
    assert (f"going on after {steps // 3} of 2 epochs" in result.err) == bool(steps)
    rows = Path("run/results.csv").read_text().splitlines()[1:]
    assert [row.split(",")[:2] for row in rows] == [["1", "3"], ["2", "6"]]


def test_paused_by_a_signal_and_stopped_politely(
    cityscapes: Path, checkpoint: Path, tmp_path: Path
) -> None:
    words = ("--data", cityscapes, "--model", checkpoint, "--epochs", "500", *SMALL, "-o", "run")
    process = start("train", *words, "--set", "save_minutes=0.0000001", cwd=tmp_path)
    run = tmp_path / "run"
    wait_until(lambda: (run / "weights/last.pt").exists() or process.poll() is not None)
    os.kill(process.pid, signal.SIGUSR1)
    wait_until(lambda: (run / "pause").exists() or process.poll() is not None)
    os.kill(process.pid, signal.SIGUSR1)
    wait_until(lambda: not (run / "pause").exists() or process.poll() is not None)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130, told
    assert "urban-segmentor train --resume run" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--set", "lr0=0.1"), 2, "`lr0` is no setting of a panoptic training"),
        (("--patience", "3"), 2, "`patience` is no setting of a panoptic training"),
        (("--epochs", "0"), 2, "`epochs` is 0"),
        (("--set", "class_rows={tram: train}"), 2, "there is no class `tram`"),
        (("--model", "gone.pt"), 1, "there is no checkpoint"),
        (("--device", "7"), 2, "runs on one device, not on `cpu,7`"),
    ],
)
def test_bad_settings(  # noqa: PLR0913, PLR0917 - three of a case, three fixtures
    shell: Shell,
    cityscapes: Path,
    checkpoint: Path,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    result = shell("train", "--data", cityscapes, "--model", checkpoint, *SMALL, *words)
    assert result.code == code
    assert said in result.err
    assert "hint:" in result.err
    assert not Path("urban-out").exists()


def test_data_without_surfaces(shell: Shell, tmp_path: Path, checkpoint: Path) -> None:
    image = encode_image(np.zeros((32, 64, 3), dtype=np.uint8), suffix=".png")
    for split in ("train", "val"):
        for kind, name, data in (("images", "a.png", image), ("labels", "a.txt", LABEL)):
            (tmp_path / kind / split).mkdir(parents=True)
            (tmp_path / kind / split / name).write_bytes(data)
    about = {"train": "images/train", "val": "images/val", "names": ["car", "bus"]}
    Path("data.yaml").write_text(json.dumps(about))
    words = ("--data", "data.yaml", "--model", checkpoint)
    result = shell("train", *words, *SMALL, "--task", "panoptic")
    assert result.code == 1
    assert "has no labels of surfaces" in result.err
    assert "--task instance" in result.err


def test_prepared_data_has_surfaces_too(shell: Shell, prepared: Path, checkpoint: Path) -> None:
    words = ("--data", prepared, "--model", checkpoint, "--epochs", "1", *SMALL, "-o", "run")
    result = shell("train", *words, "--json")
    assert result.code == 0, result.err
    assert json.loads(Path("run/run.json").read_text())["task"] == "panoptic"
