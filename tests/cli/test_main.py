"""The entry point: help, versions, and what is said about the installation and the models."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runner import Shell, save_image
from urban_segmentor import __version__
from urban_segmentor.models.registry import embedded_models

COMMANDS = ["predict", "sample", "models", "info"]


@pytest.mark.parametrize("width", ["40", "80", "400"])
@pytest.mark.parametrize("command", COMMANDS)
def test_help(shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str, width: str) -> None:
    """On stdout, with exit 0, in terminals of any width."""
    monkeypatch.setenv("COLUMNS", width)
    result = shell(command, "--help")
    assert (result.code, result.err) == (0, "")
    assert "Usage:" in result.out
    assert command in result.out
    short = shell(command, "-h")
    assert short.out == result.out
    assert max(map(len, result.out.splitlines())) <= int(width)


def test_help_of_all(shell: Shell) -> None:
    """Names the commands; so does calling it without words."""
    result = shell("--help")
    assert result.code == 0
    for command in COMMANDS:
        assert command in result.out
    assert "predict" in shell().out + shell().err


def test_help_names_every_option_of_predict(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that people's fingers know among them."""
    monkeypatch.setenv("COLUMNS", "120")
    shown = shell("predict", "--help").out
    options = "model imgsz conf iou max-det classes device vid-stride start duration fps codec crf"
    for option in [*options.split(), "output", "overwrite", "json", "save", "masks-only"]:
        assert f"--{option}" in shown


def test_version(shell: Shell) -> None:
    """One line on stdout."""
    assert shell("--version").out == f"urban-segmentor {__version__}\n"


def test_an_unknown_command(shell: Shell) -> None:
    """Exit 2."""
    result = shell("predct")
    assert result.code == 2
    assert "predct" in result.err


def test_nothing_is_lost_in_a_pipe_that_closes(tmp_path: Path) -> None:
    """`| head -1` ends the command without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    code = "from urban_segmentor.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "models"],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        timeout=300,
        check=False,
    )
    os.close(writer)
    assert b"Traceback" not in done.stderr


def test_models_as_json(shell: Shell) -> None:
    """Embedded ones and those that are named, each with what it says about itself."""
    data = shell("models", str(shell.model), "--json").json
    rows = {row["name"]: row for row in data["models"]}
    assert set(rows) == {*embedded_models(), str(shell.model)}
    row = rows[str(shell.model)]
    assert row["input"] == [64, 64]
    assert row["classes"].split(", ")[13] == "car"
    assert row["path"] == str(shell.model)
    assert rows["urban-n"]["input"] == "any multiple of 32"


def test_models_as_text(shell: Shell) -> None:
    """On stdout, as it stands in the file: no markup is read, and no line is broken."""
    result = shell("models", str(shell.model))
    assert (result.code, result.err) == (0, "")
    assert "sees [bold]one[/bold] car and one person\n" in result.out
    assert f"{shell.model}\n" in result.out
    described = [line for line in result.out.splitlines() if line.startswith("  classes ")]
    assert len(described) == len(embedded_models()) + 1


def test_models_that_are_not_there(shell: Shell) -> None:
    """One error, and with --json an object."""
    result = shell("models", "nothing.onnx", "--json")
    assert result.code == 1
    assert result.json["error"] == "there is no model `nothing.onnx`"
    assert result.err.startswith("error: there is no model `nothing.onnx`\nhint: ")


def install(folder: Path, name: str) -> None:
    """Make a folder look as if a wheel were installed in it."""
    info = folder / f"{name.replace('-', '_')}-9.9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n")


def test_info(shell: Shell) -> None:
    """What a bug report needs."""
    result = shell("info", "--json")
    assert (result.code, result.err) == (0, "")
    data = result.json
    assert data["urban_segmentor"] == __version__
    assert data["models"] == list(embedded_models())
    assert any(line.startswith("openvino ") for line in data["libraries"])
    assert any(line.startswith("CPU (") for line in data["openvino_sees"])
    text = shell("info").out
    assert all(value in text for value in data["libraries"])


def test_two_opencvs_are_a_conflict(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both own the folder `cv2`; the warning says how to get rid of one."""
    install(tmp_path / "site", "opencv-python")
    monkeypatch.syspath_prepend(tmp_path / "site")
    for words in (("info",), ("info", "--json")):
        result = shell(*words)
        assert result.code == 0
        warning, hint = result.err.splitlines()
        assert warning.startswith("warning: opencv-python and opencv-python-headless are both")
        assert hint.startswith("hint: pip uninstall -y opencv-python opencv-python-headless && ")
    assert "opencv-python 9.9" in json.loads(result.out)["libraries"]


def test_colors_only_in_a_terminal(shell: Shell) -> None:
    """Errors in a pipe are plain text."""
    save_image(Path("a.png"))
    result = shell.predict("a.png", "--conf", "2")
    assert result.err.startswith("error: `conf`")
