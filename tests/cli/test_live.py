"""`urban-segmentor live`, on clips of which every frame is known."""

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.cli.runner import Result, Shell, files_below, start
from tests.io.clips import read_times, write_clip
from tests.waiting import wait_until

FRAMES = 50
QUIET = ("--display", "none")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two seconds of 25 frames each."""
    return write_clip(tmp_path_factory.mktemp("clips") / "street.mp4", images=FRAMES)


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return two minutes."""
    grey = np.full((48, 64, 3), 90, dtype=np.uint8)
    return write_clip(tmp_path_factory.mktemp("long") / "long.mp4", images=[grey] * 3000)


@pytest.fixture
def live(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return what runs `live` with the model of the tests, where there is no screen."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    return lambda *words: shell("live", "--model", shell.model, *words)


def test_a_file_gives_what_predict_gives(
    live: Callable[..., Result], shell: Shell, clip: Path, tmp_path: Path
) -> None:
    """Every frame, the same instances and masks, the same names and times."""
    done = live(clip, *QUIET, "--no-pace", "--save", "jsonl,csv", "-o", "live", "--json")
    assert done.code == 0, done.err
    assert done.json["frames"] == FRAMES
    assert done.json["dropped"] == 0
    assert done.json["written"] == ["live/results.jsonl", "live/results.csv"]
    assert shell.predict(clip, "--save", "jsonl,csv", "-o", "files").code == 0
    for name in ("results.jsonl", "results.csv"):
        ours, theirs = ((tmp_path / where / name).read_text() for where in ("live", "files"))
        assert ours == theirs


def test_at_its_own_pace(live: Callable[..., Result], clip: Path, tmp_path: Path) -> None:
    """Two seconds take two seconds; what is saved are frames of `predict`, in order."""
    done = live(clip, *QUIET, "--save", "jsonl", "--json")
    assert done.code == 0, done.err
    data = done.json
    assert {"fps", "latency_ms", "dropped", "stages", "frames", "elapsed_s"} <= set(data)
    assert 1.9 <= data["elapsed_s"] < 10
    assert 5 < data["fps"] < 26
    assert data["frames"] + data["dropped"] == FRAMES
    assert set(data["latency_ms"]) == {"p50", "p95", "max"}
    lines = (tmp_path / "urban-out/results.jsonl").read_text().splitlines()
    indices = [json.loads(line)["frame"] for line in lines]
    assert indices == sorted(set(indices))
    assert [json.loads(line)["time_s"] for line in lines] == [index / 25 for index in indices]


def test_a_part_of_a_file(live: Callable[..., Result], clip: Path) -> None:
    """Beginning, length and stride are those of `predict`."""
    part = ("--start", "0.4", "--duration", "0.8", "--vid-stride", "2", "--no-pace")
    assert live(clip, *QUIET, *part, "--json").json["frames"] == 10


def test_a_recording_plays_and_has_every_frame(
    live: Callable[..., Result], clip: Path, tmp_path: Path
) -> None:
    """With the times of the frames, in segments where that is asked for."""
    done = live(clip, *QUIET, "--no-pace", "--record", "seen.mp4", "--segment", "1", "--json")
    assert done.code == 0, done.err
    assert done.json["written"] == ["seen.mp4", "seen-002.mp4"]
    for name in ("seen.mp4", "seen-002.mp4"):
        times = [float(time) for time in read_times(tmp_path / name)]
        assert times == pytest.approx([i / 25 for i in range(25)])
    again = live(clip, *QUIET, "--record", "seen.mp4")
    assert again.code == 1
    assert "exists already" in again.err
    over = live(clip, *QUIET, "--record", str(clip), "--overwrite")
    assert over.code == 1
    assert "replace its own source" in over.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "kill"])
def test_signals_finish_what_is_written(
    number: signal.Signals, long_clip: Path, tiny_model: Path, tmp_path: Path
) -> None:
    """The recording plays, the lines are whole, the code says that it was stopped."""
    words = ("live", long_clip, "--model", tiny_model, *QUIET, "--json", "--save", "jsonl")
    process = start(*words, "--record", "seen.mp4", cwd=tmp_path)
    try:
        partial = tmp_path / "urban-out" / ".results.jsonl.partial"
        wait_until(lambda: partial.exists() and partial.stat().st_size > 20_000)
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 130, err
    data = json.loads(out)
    lines = (tmp_path / "urban-out/results.jsonl").read_text().splitlines()
    assert files_below(tmp_path) == ["seen.mp4", "urban-out/results.jsonl"]
    times = [float(time) for time in read_times(tmp_path / "seen.mp4")]
    assert len(times) == len(lines)
    assert 0 <= len(lines) - data["frames"] <= data["dropped"]
    assert data["interrupted"] is True


def test_a_full_disk_ends_the_recording_alone(live: Callable[..., Result], tmp_path: Path) -> None:
    """The picture goes on to its end, a loud message comes at once, and the code is 1."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        noise = np.random.default_rng(0).integers(0, 256, (60, 96, 128, 3), dtype=np.uint8)
        noisy = write_clip(tmp_path / "noisy.mp4", images=[*noise], options={"crf": "10"})
        record = ("--record", "disk/seen.mp4", "--crf", "5")
        done = live(noisy, *QUIET, "--no-pace", *record, "--save", "jsonl", "--json")
        assert files_below(disk) == []
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: S607
    assert done.code == 1
    assert done.json["frames"] == 60
    assert "the picture goes on" in done.err
    assert "No space left" in done.err
    assert len((tmp_path / "urban-out/results.jsonl").read_text().splitlines()) == 60


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Return a port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_without_a_screen_the_page_is_chosen(
    live: Callable[..., Result], clip: Path, taken_port: int
) -> None:
    """One line says so, and where; a port that is taken becomes the next free one."""
    done = live(clip, "--duration", "0.2", "--display", "window", "--port", str(taken_port))
    assert done.code == 0, done.err
    assert "browser at http://127.0.0.1:" in done.err
    assert "there is no screen here" in done.err
    assert f"port {taken_port} is taken" in done.err
    assert f":{taken_port}/" not in done.err


def test_the_page_has_the_image_and_can_end_it(
    long_clip: Path, tiny_model: Path, tmp_path: Path, taken_port: int
) -> None:
    """A viewer gets figures and pictures, and the stop button ends the run well."""
    words = ("live", long_clip, "--model", tiny_model, "--display", "browser", "--json")
    process = start(*words, "--port", str(taken_port), cwd=tmp_path)
    try:
        assert process.stderr is not None
        lines: list[str] = []
        while "browser at" not in "".join(lines[-1:]):
            lines.append(process.stderr.readline())
            assert lines[-1], "it ended early"
        address = lines[-1].partition("browser at ")[2].partition(",")[0].strip()
        state: dict[str, object] = {}

        def is_live() -> bool:
            with urllib.request.urlopen(f"{address}state.json", timeout=120) as reply:  # noqa: S310
                state.update(json.load(reply))
            return state["state"] == "live" and state["has_image"] is True

        wait_until(is_live)
        with urllib.request.urlopen(f"{address}picture.png", timeout=120) as reply:  # noqa: S310
            assert reply.read(8) == b"\x89PNG\r\n\x1a\n"
        request = urllib.request.Request(  # noqa: S310
            f"{address}control",
            data=b'{"quit": true}',
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120):  # noqa: S310
            pass
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert json.loads(out)["frames"] > 0


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["0"], 1, "no such camera"),
        (["nothing.mp4"], 1, "nothing.mp4"),
        (["ftp://host/x"], 2, "ftp"),
        (["screen"], 1, "DISPLAY"),
        (["CLIP", "--save", "coco"], 2, "no result `coco`"),
        (["CLIP", "--size", "big"], 2, "WxH"),
        (["CLIP", "--size", "640x480"], 2, "leave --size"),
        (["CLIP", "--display", "mirror"], 2, "mirror"),
        (["CLIP", "--record", "seen.avi"], 2, ".mp4"),
        (["CLIP", "--segment", "0", "--record", "a.mp4"], 2, "--segment"),
        (["CLIP", "--host", "0.0.0.0", "--display", "browser"], 2, "token"),  # noqa: S104
        (["CLIP", "--transport", "carrier-pigeon"], 2, "tcp"),
        (["CLIP", "--vid-stride", "0"], 2, "vid_stride"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_is_told(
    live: Callable[..., Result], clip: Path, words: list[str], code: int, message: str
) -> None:
    """In a sentence with what helps; nothing hangs, and nothing is left behind."""
    done = live(*[str(clip) if word == "CLIP" else word for word in words], "--json")
    assert done.code == code, done.err
    assert message in done.err
    assert "Traceback" not in done.err
    assert done.json["error"]


def test_a_stream_that_never_comes_ends_in_time(live: Callable[..., Result]) -> None:
    """It is tried again and again, and secrets are not shown."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        address = f"rtsp://me:hunter2-secret@127.0.0.1:{port}/x?key=also-secret"
        done = live(address, *QUIET, "--duration", "1.5", "--json", "-v")
    assert done.code == 1
    assert "lost: connection refused; retry in 1 s" in done.err
    assert "no picture came" in done.err
    assert done.json["source"] == f"rtsp://127.0.0.1:{port}/x"
    assert "secret" not in done.err + done.out
