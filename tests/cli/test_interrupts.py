"""Ctrl-C and `kill`: what is done so far is complete, and nothing else is left."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.cli.runner import Shell, files_below, start
from tests.io.clips import read_times, sound_samples, write_clip
from tests.waiting import wait_until
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.io.clip_range import ClipRange
from urban_segmentor.io.inputs import find_inputs
from urban_segmentor.io.output_options import OutputOptions
from urban_segmentor.predict import PredictRun
from urban_segmentor.visualization.overlay import Overlay

LONG_S = 60


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a clip that takes much longer than a test may."""
    noise = np.random.default_rng(0).integers(0, 256, (50, 108, 192, 3), dtype=np.uint8)
    return write_clip(
        tmp_path_factory.mktemp("long") / "clip.mp4",
        images=[*noise] * (LONG_S // 2),
        options={"preset": "ultrafast"},
        sound="aac",
        sound_samples=np.zeros(LONG_S * 48_000, dtype=np.float32),
    )


NEVER_FINISHED = """
import time
from urban_segmentor.io.video_writer import VideoWriter
VideoWriter.close = lambda self: time.sleep(600)
"""


@pytest.fixture
def running(
    request: pytest.FixtureRequest, long_clip: Path, tiny_model: Path, tmp_path: Path
) -> Iterator[subprocess.Popen[str]]:
    """Return a command that is at work on the clip, after code that a test may add."""
    words = ("predict", long_clip, "--model", tiny_model, "--save", "overlay,jsonl,coco", "--json")
    before = getattr(request, "param", "")
    process = start(*words, "--preset", "veryslow", cwd=tmp_path, before=before)
    try:
        wait_until(lambda: size_of(tmp_path / "urban-out" / ".results.jsonl.partial") > 5000)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.communicate()


def size_of(path: Path) -> int:
    """Return the size of a file, 0 while it is not there."""
    return path.stat().st_size if path.exists() else 0


def check_results(folder: Path, data: dict[str, object]) -> None:
    """Check that the results are valid, agree, and end early."""
    assert files_below(folder) == ["clip.mp4", "coco.json", "results.jsonl"]
    times = read_times(folder / "clip.mp4")
    assert data["interrupted"] is True
    assert 0 < len(times) < LONG_S * 25
    assert times == [Fraction(i, 25) for i in range(len(times))]
    assert data["frames"] == len(times)
    lines = (folder / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(len(times)))
    assert len(json.loads((folder / "coco.json").read_text())["images"]) == len(times)
    _, samples = sound_samples(folder / "clip.mp4")
    assert len(samples) / 48_000 == pytest.approx(len(times) / 25, abs=0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_the_work(
    running: subprocess.Popen[str], tmp_path: Path, number: signal.Signals
) -> None:
    """With exit 130, and a video that plays as far as it got, with sound as far as that."""
    running.send_signal(number)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    check_results(tmp_path / "urban-out", json.loads(out))


def test_two_signals_end_it_as_well(running: subprocess.Popen[str], tmp_path: Path) -> None:
    """Impatience costs nothing."""
    running.send_signal(signal.SIGINT)
    time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=300)
    assert running.returncode == 130, err
    assert "Traceback" not in err
    check_results(tmp_path / "urban-out", json.loads(out))


@pytest.mark.parametrize("running", [NEVER_FINISHED], indirect=True, ids=["never-finished"])
def test_three_signals_end_it_at_once(running: subprocess.Popen[str], tmp_path: Path) -> None:
    """Without results; what is left behind is no obstacle for the next run."""
    assert running.stderr is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        running.send_signal(number)  # two that wait together may count once
        assert any(line.startswith("finishing") for line in iter(running.stderr.readline, ""))
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=300)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert ".clip.mp4.partial" in files_below(tmp_path / "urban-out")
    assert not (tmp_path / "urban-out" / "clip.mp4").exists()


def test_a_signal_before_the_work(tmp_path: Path, tiny_model: Path) -> None:
    """While the model is loaded there is nothing to keep, and nothing is written."""
    os.mkfifo(tmp_path / "a.png")
    process = start("predict", "a.png", "--model", tiny_model, "--json", cwd=tmp_path)
    try:
        wait_until(lambda: catches_signals(process.pid))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert json.loads(out)["error"] == "interrupted"
    assert err == "error: interrupted\n"


def catches_signals(pid: int) -> bool:
    """Return whether a process has a handler for SIGTERM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


def test_a_stop_that_comes_early(tiny_model: Path, tmp_path: Path) -> None:
    """Between the start and the first frame it counts too."""
    prediction = PredictRun(
        find_inputs([str(write_clip(tmp_path / "clip.mp4"))]),
        segmenter=Segmenter(tiny_model),
        renderers=[Overlay()],
        outputs=OutputOptions(folder=tmp_path / "out", kinds=("overlay", "csv")),
        selection=ClipRange(),
    )
    outcome = prediction.run(on_source=lambda _name, _frames: prediction.stop())
    assert outcome.interrupted
    assert outcome.frames == 0
    assert files_below(tmp_path / "out") == ["results.csv"]


def test_a_full_disk(shell: Shell, tmp_path: Path) -> None:
    """What is finished stays, what is not is removed, and the message says what to do."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may make a small disk here")
    try:
        noise = np.random.default_rng(0).integers(0, 256, (60, 120, 160, 3), dtype=np.uint8)
        write_clip(tmp_path / "clip.mp4", images=[*noise])
        result = shell.predict("clip.mp4", "-o", disk, "--save", "overlay,jsonl", "--json")
        assert result.code == 1
        assert "No space left on device" in result.json["error"]
        assert result.json["hint"] == "free some space, or choose another path"
        assert files_below(disk) == ["results.jsonl"]
        for line in (disk / "results.jsonl").read_text().splitlines():
            assert json.loads(line)["width"] == 160
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: S607
