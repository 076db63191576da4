"""`export` as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import Shell, files_below, save_image
from urban_segmentor.exporters import export_images
from urban_segmentor.exporters.verify_export import NamedImage
from urban_segmentor.synthetic import Street


@pytest.fixture(autouse=True)
def _one_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """One street is enough here."""
    shot = next(iter(Street(size=(256, 512), fps=1.0, seed=7).shots(seconds=1.0)))
    monkeypatch.setattr(
        export_images, "_street_images", lambda: [NamedImage("street", shot.frame.image)]
    )


def test_what_is_printed(shell: Shell) -> None:
    """How it was checked, where it is, and what comes next; the next command works."""
    result = shell("export", shell.model, "--format", "openvino", "-o", "out")
    assert (result.code, result.out) == (0, "")
    assert "the same 2 instances in 1 pictures (procedural street)" in result.err
    assert "next: urban-segmentor predict PICTURE --model out/tiny.xml" in result.err
    assert files_below(Path("out")) == ["metadata.yaml", "tiny.bin", "tiny.xml"]
    save_image(Path("a.png"))
    assert shell("predict", "a.png", "--model", "out/tiny.xml", "-o", "p").code == 0
    assert "out/tiny.xml" in shell("models", "out/tiny.xml").out


def test_json(shell: Shell) -> None:
    """One object with the files, what they say, and how they were checked."""
    words = ("--half", "-o", "b.onnx", "--description", "mine", "--accuracy", "AP 1", "--json")
    result = shell("export", shell.model, *words)
    assert result.code == 0
    told = result.json
    assert told["model"] == "b.onnx"
    assert told["files"] == {"b.onnx": Path("b.onnx").stat().st_size}
    assert told["metadata"]["description"] == "mine"
    assert told["metadata"]["accuracy"] == "AP 1"
    assert told["metadata"]["names"]["13"] == "car"
    assert told["comparison"]["images"] == 1
    assert (told["gate"], told["inference_ms"]) == (None, None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quantize", "4"], "`quantize` is 4, expected 8"),
        (["--quantize", "8"], "needs pictures to calibrate on"),
        (["--quantize", "8", "--format", "onnx"], "for OpenVINO alone"),
        (["--format", "engine"], "`format` is `engine`"),
        (["--imgsz", "wide"], "`imgsz` is `wide`"),
        (["--imgsz", "100", "-o", "x.onnx"], "expected a multiple of 32"),
        (["-o", "x.pt"], "does not end in `.onnx`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use(shell: Shell, words: list[str], message: str) -> None:
    """Exit 2, a sentence and a hint, and nothing written."""
    result = shell("export", shell.model, *words)
    assert result.code == 2
    assert message in result.err
    assert "hint: " in result.err
    assert files_below(Path()) == []


def test_failures(shell: Shell) -> None:
    """Exit 1: a model that is not there, a file that is."""
    result = shell("export", "runs/best.pt", "--json")
    assert result.code == 1
    assert "cannot read the checkpoint `runs/best.pt`" in result.json["error"]
    Path("a.onnx").touch()
    result = shell("export", shell.model, "-o", "a.onnx")
    assert result.code == 1
    assert "`a.onnx` exists already" in result.err


def test_the_help_tells_what_a_checkpoint_is(shell: Shell) -> None:
    """Whoever reads it knows that loading one can run code."""
    text = " ".join(shell("export", "--help").out.replace("│", " ").split())
    assert "A checkpoint is a pickle" in text
    assert "--trust" in text
