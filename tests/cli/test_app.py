"""`urban-segmentor app`, as it is typed, and as it is ended."""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from tests.apps.web.running import RunningApp
from tests.cli.runner import save_image, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.runner import Shell


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_starts_answers_and_ends(tiny_model: Path, tmp_path: Path, number: int) -> None:
    """With one's own model and examples; nothing is left, and no traceback is shown."""
    save_image(tmp_path / "own" / "street.png")
    app = RunningApp(
        "--model", str(tiny_model), "--examples", str(tmp_path / "own"), folder=tmp_path / "run"
    )
    assert app.url.startswith("http://127.0.0.1:")
    (example,) = app.wait_for_examples()
    assert example["kind"] == "image"
    health = app.ask("/health").value
    assert (health["status"], health["model"], health["ready"]) == ("ok", "tiny", True)
    assert b"Urban Segmentor" in app.ask("/").body
    app.process.send_signal(number)
    app.process.send_signal(number)  # as the impatient do
    log = app.close()
    assert app.process.returncode == 130
    assert "Traceback" not in log
    assert list(app.temp.iterdir()) == []


def test_strangers_are_spoken_of(tiny_model: Path, tmp_path: Path) -> None:
    """Whoever lets others in is told so, unless there is a password."""
    save_image(tmp_path / "own" / "street.png")
    words = (
        "--model", str(tiny_model), "--examples", str(tmp_path / "own"), "--host", "0.0.0.0",  # noqa: S104
    )  # fmt: skip
    assert "--password" in RunningApp(*words, folder=tmp_path / "open").close()
    shut = RunningApp(*words, "--password", "secret-word", folder=tmp_path / "shut")
    try:
        assert shut.ask("/").status == 401
        assert shut.ask("/source.zip").status == 401
        assert shut.ask("/health").status == 200
    finally:
        log = shut.close()
    assert "--password" not in log
    assert "secret-word" not in log


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--port", "99999"), 2, "0 to 65535"),
        (("--password", ""), 2, "password is empty"),
        (("--max-seconds", "0"), 2, "video_s"),
        (("--max-queue", "-3"), 2, "queue"),
        (("--examples", "nothing"), 1, "nothing"),
        (("--model", "nothing.onnx"), 1, "nothing.onnx"),
        (("--device", "toaster"), 2, "toaster"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    """In a sentence, with what helps, and nothing else."""
    told = failed(tmp_path, "--port", "0", *words, code=code)
    assert said in told
    assert "hint: " in told


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """The hint leads around it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = failed(tmp_path, "--port", str(taken.getsockname()[1]), code=2)
    assert "--port 0" in told


def failed(folder: Path, *words: str, code: int) -> str:
    """Return what the command says when it ends by itself."""
    process = start("app", *words, cwd=folder)
    out, told = process.communicate(timeout=300)
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in told
    assert "terminate called" not in told  # as when a thread of the network outlives the rest
    return told


def test_without_the_extra(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install."""
    monkeypatch.setitem(sys.modules, "gradio", None)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED"):
        monkeypatch.setenv(name, "")  # so that what the app sets goes with the test
    done = shell("app", "--port", "0")
    assert done.code == 1
    assert "urban-segmentor[app]" in done.err
