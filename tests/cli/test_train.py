"""`urban-segmentor train`: begun, killed, gone on with, and what may be wrong."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import cv2
import pytest

from tests.cli.runner import Shell, start
from tests.training.conftest import checkpoint, prepared
from tests.waiting import wait_until
from urban_segmentor.errors import MissingExtraError
from urban_segmentor.exporters import ultralytics_env as quiet
from urban_segmentor.training import fit
from urban_segmentor.training.run_folder import RunFolder

__all__ = ["checkpoint", "prepared"]
SMALL = (
    *("--task", "instance", "--imgsz", "64", "--batch", "2"),
    *("--device", "cpu", "--set", "workers=0"),
)


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("recipe", ["cityscapes", "original"])
def test_a_run_from_end_to_end(shell: Shell, prepared: Path, checkpoint: Path, recipe: str) -> None:
    words = ("--data", prepared, "--model", checkpoint, "--recipe", recipe, "--epochs", "2")
    result = shell("train", *words, *SMALL, "--also", prepared, "-o", "run", "--json")
    assert result.code == 0, result.err
    assert result.json["epochs"] == result.json["epochs_wanted"] == 2
    assert all(Path(path).is_file() for path in result.json["written"])
    assert "epoch 2/2" in result.err
    image = cv2.imread("run/curves.png")
    assert image is not None
    assert image.shape[0] > 300
    record = json.loads(Path("run/run.json").read_text())
    assert record["settings"]["imgsz"] == 64
    assert record["versions"]["torch"]
    assert record["data_reports"][0]["made_by"]
    assert record["images"]["train"] == 12
    exported = next(path for path in result.json["written"] if path.endswith(".onnx"))
    found = shell("predict", "--model", exported, next((prepared / "images" / "val").iterdir()))
    assert found.code == 0, found.err
    again = shell("train", "--resume", "run")
    assert again.code == 1
    assert "finished: 2 epochs" in again.err


KILL_AFTER_CALL = """
import os, signal
import {module}
called, calls = {module}.{method}, []
def counted(*args, **more):
    returned = called(*args, **more)
    calls.append(1)
    if len(calls) == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return returned
{module}.{method} = counted
"""
TRAINER, ULTRALYTICS = "urban_segmentor.training.trainer", "ultralytics.engine.trainer"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "method", "call", "epochs_kept"),
    [
        pytest.param(TRAINER, "StreetTrainer.preprocess_batch", 2, 0, id="before-any-checkpoint"),
        pytest.param(TRAINER, "StreetTrainer.preprocess_batch", 8, 2, id="within-an-epoch"),
        pytest.param(ULTRALYTICS, "BaseTrainer.save_model", 3, 2, id="checkpoint-not-in-place"),
        pytest.param(TRAINER, "CrashSafeTrainer.save_model", 3, 3, id="checkpoint-in-place"),
    ],
)
def test_a_killed_run_is_resumed(  # noqa: PLR0913, PLR0917 - four of a case, four fixtures
    shell: Shell,
    prepared: Path,
    checkpoint: Path,
    tmp_path: Path,
    module: str,
    method: str,
    call: int,
    epochs_kept: int,
) -> None:
    """Wherever it dies, no epoch is lost that had a checkpoint, and none is counted twice."""
    killer = KILL_AFTER_CALL.format(module=module, method=method, call=call)
    words = ("--data", prepared, "--model", checkpoint, "--epochs", "4", *SMALL, "-o", "run")
    process = start("train", *words, cwd=tmp_path, before=killer)
    _, told = process.communicate()
    assert process.returncode == -signal.SIGKILL, told
    result = shell("train", "--resume", "run", "--device", "cpu", "--json")
    assert result.code == 0, result.err
    first = epochs_kept + 1
    assert re.findall(r"^epoch (\d)/4", result.err, flags=re.MULTILINE)[0] == str(first), result.err
    assert result.json["epochs"] == 4
    epochs = [line.split(",")[0] for line in Path("run/results.csv").read_text().splitlines()]
    assert epochs == ["epoch", "1", "2", "3", "4"]


def test_stopped_politely(prepared: Path, checkpoint: Path, tmp_path: Path) -> None:
    words = ("--data", prepared, "--model", checkpoint, "--epochs", "500", *SMALL, "-o", "run")
    process = start("train", *words, cwd=tmp_path)
    _wait(process, tmp_path / "run" / "weights" / "last.pt")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=300)
    assert process.returncode == 130, told
    assert "urban-segmentor train --resume run" in told
    assert "Traceback" not in told


def test_a_full_disk(prepared: Path, checkpoint: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        words = ("--data", prepared, "--model", checkpoint, "--epochs", "2", *SMALL)
        process = start("train", *words, "-o", disk / "run", cwd=tmp_path)
        _, told = process.communicate(timeout=300)
        assert process.returncode == 1, told
        assert "no space left" in told
        assert f"train --resume {disk / 'run'}" in told
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: S607 - where it is differs


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "what to learn from is not said"),
        (("--data", "nowhere"), 1, "there is no folder"),
        (("--data", "DATA", "--model", "yolov8n-seg"), 1, "cannot be reached"),
        (("--data", "DATA", "--model", "yolov9n"), 1, "there is no checkpoint"),
        (("--data", "DATA", "--model", "notes.txt"), 1, "is no checkpoint"),
        (("--data", "DATA", "--set", "moasic=1"), 2, "did you mean `mosaic`?"),
        (("--data", "DATA", "--set", "mosaic=much"), 2, "no such value"),
        (("--data", "DATA", "--epochs", "0"), 2, "must be >= 1"),
        (("--data", "DATA", "--recipe", "none"), 2, "no recipe"),
        (("--data", "DATA", "--device", "7"), 2, "this device is not there"),
        (("--data", "DATA", "--batch", "0", "--device", "cpu"), 2, "`batch` is 0"),
        (("--data", "DATA", "--imgsz", "1"), 2, "`imgsz` is 1"),
        (("--data", "DATA", "--minutes", "0"), 2, "`time` is 0.0 hours"),
        (("--resume", "nowhere"), 2, "is not the folder of a training"),
        (("--resume", "nowhere", "--recipe", "original"), 2, "keeps its data and settings"),
        (("--resume", "nowhere", "--epochs", "9"), 2, "not the folder of a training"),
    ],
)
def test_bad_input(  # noqa: PLR0913, PLR0917 - three of a case, four fixtures
    shell: Shell,
    prepared: Path,
    checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    told: str,
) -> None:
    from urban_segmentor.training import pretrained as starting

    monkeypatch.setattr(starting, "RELEASES", "https://host.invalid")
    Path("notes.txt").write_text("x")
    full = [prepared if word == "DATA" else word for word in words]
    if "--data" in words and "--model" not in words:
        full += ["--model", checkpoint]
    if "--data" in words:
        full += ["--task", "instance"]
    result = shell("train", *full, "-o", "run")
    assert result.code == code, result.err
    assert told in " ".join(result.err.split())
    assert "hint: " in result.err
    assert not Path("run").exists()


def test_no_checkpoint_of_a_segmentation(shell: Shell, prepared: Path) -> None:
    Path("bad.pt").write_bytes(b"not a checkpoint")
    result = shell("train", "--data", prepared, "--model", "bad.pt", "-o", "run")
    assert result.code == 1
    assert "bad.pt" in result.err
    assert "this should not happen" not in result.err


def test_an_earlier_run_is_not_replaced(shell: Shell, prepared: Path, checkpoint: Path) -> None:
    Path("run").mkdir()
    Path("run/notes.txt").write_text("mine")
    result = shell("train", "--data", prepared, "--model", checkpoint, *SMALL, "-o", "run")
    assert result.code == 1
    assert "not empty" in result.err


def test_images_that_are_gone(shell: Shell, prepared: Path, tmp_path: Path) -> None:
    """Pictures that are gone."""
    copy = shutil.copytree(prepared, tmp_path / "copy")
    from urban_segmentor.training.training_data import read_training_data

    material = read_training_data(copy, work=Path("work"))
    RunFolder(tmp_path / "run").create(
        training_data=material,
        images=[image.path for image in material.train],
        settings={},
        own_settings={},
        overwrite=False,
    )
    next((copy / "images" / "train").iterdir()).unlink()
    result = shell("train", "--resume", "run")
    assert result.code == 1
    assert "which is gone" in result.err


def test_without_the_extra(
    shell: Shell, prepared: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_names: str) -> None:
        raise MissingExtraError("ultralytics", extra="train")

    monkeypatch.setattr(fit, "require_modules", missing)
    result = shell("train", "--data", prepared, "--model", checkpoint, "-o", "run")
    assert result.code == 1
    assert "urban-segmentor[train]" in result.err
    with pytest.raises(MissingExtraError):
        quiet.require_modules("no_such_library")


def test_killed_after_its_last_epoch(
    shell: Shell, prepared: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left to do is done: checkpoints stripped, the end written down, the export made."""
    words = ("--data", prepared, "--model", checkpoint, "--epochs", "1", *SMALL, "-o", "run")

    def killed(*_args: object, **_more: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("urban_segmentor.training.trainer.CrashSafeTrainer.final_eval", killed)
        assert shell("train", *words).code == 130
    assert "finished" not in json.loads(Path("run/run.json").read_text())
    with monkeypatch.context() as patch:
        patch.setattr("urban_segmentor.training.export_best.export_best", killed)
        stopped = shell("train", "--resume", "run")
        assert stopped.code == 130
        assert "train --resume run" in stopped.err
    result = shell("train", "--resume", "run", "--json")
    assert result.code == 0, result.err
    assert result.json["epochs"] == 1
    assert Path("run/weights/best.onnx").is_file()
    assert Path("run/weights/best.pt").stat().st_size < checkpoint.stat().st_size * 1.2


@pytest.mark.slow
def test_a_run_that_was_moved(shell: Shell, prepared: Path, checkpoint: Path) -> None:
    """It goes on where it is now, unless another process is at work there."""
    words = ("--data", prepared, "--model", checkpoint, "--epochs", "3", *SMALL, "-o", "run")
    process = start("train", *words, cwd=Path.cwd())
    _wait(process, Path("run/weights/last.pt"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    Path("run").rename("moved")
    with RunFolder(Path("moved")).lock():
        busy = shell("train", "--resume", "moved", "--device", "cpu")
        assert busy.code == 1
        assert "another process trains" in busy.err
    result = shell("train", "--resume", "moved", "--device", "cpu", "--json")
    assert result.code == 0, result.err
    assert result.json["epochs"] == 3
    assert not Path("run").exists()


def test_a_checkpoint_with_code_in_it(shell: Shell, prepared: Path, checkpoint: Path) -> None:
    """Neither a start nor a run that is gone on with runs code out of a pickle."""
    import torch

    torch.save({"model": _Evil(), "epoch": 0, "train_args": {"epochs": 2}}, "evil.pt")
    words = ("--data", prepared, *SMALL, "-o", "run")
    assert shell("train", *words, "--model", "evil.pt").code == 1
    process = start("train", *words, "--model", checkpoint, "--epochs", "9", cwd=Path.cwd())
    _wait(process, Path("run/weights/last.pt"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    shutil.copy("evil.pt", "run/weights/last.pt")
    result = shell("train", "--resume", "run", "--device", "cpu")
    assert result.code == 1
    assert "this should not happen" not in result.err
    assert not Path("pwned").exists()


class _Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch pwned",)


def test_a_run_in_the_folder_of_the_data(shell: Shell, prepared: Path, checkpoint: Path) -> None:
    """It would mix with what is learnt from."""
    result = shell(
        "train", "--data", prepared, "--model", checkpoint, "-o", prepared, "--overwrite"
    )
    assert result.code == 2
    assert "holds the data" in result.err
    assert not (prepared / "run.json").exists()


def test_rows_of_a_torn_file(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("epoch,time,a\n1,2,3\n2,3,4\n2,3,5\n3,")
    folder = RunFolder(tmp_path)
    assert [row["epoch"] for row in folder.rows()] == [1, 2]
    assert folder.rows()[-1]["a"] == 5
    folder.drop_rows_after(1)
    assert (tmp_path / "results.csv").read_text() == "epoch,time,a\n1,2,3\n"


def _wait(process: subprocess.Popen[str], sign: Path) -> None:
    wait_until(lambda: sign.exists() or process.poll() is not None)
    assert sign.exists(), f"it ended early: {process.communicate()[1]}"
