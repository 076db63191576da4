"""From what the user typed to a model file, or to a sentence that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.errors import ModelError
from urban_segmentor.models.registry import DEFAULT_MODEL, embedded_models, resolve_model

if TYPE_CHECKING:
    from pathlib import Path


def test_the_default_is_embedded() -> None:
    """It can be had by its name, from any folder."""
    assert resolve_model(DEFAULT_MODEL) == embedded_models()[DEFAULT_MODEL]
    assert resolve_model(DEFAULT_MODEL).is_file()


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text, `Path`, a folder with one .xml, and `~` lead to the file."""
    for name in ("a.onnx", "export/b.xml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert resolve_model(tmp_path / "a.onnx") == tmp_path / "a.onnx"
    assert resolve_model(str(tmp_path / "a.onnx")) == tmp_path / "a.onnx"
    assert resolve_model(tmp_path / "export") == tmp_path / "export" / "b.xml"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert resolve_model("~/a.onnx") == tmp_path / "a.onnx"


@pytest.mark.parametrize("count", [0, 2])
def test_folders_must_hold_one_model(tmp_path: Path, count: int) -> None:
    """Which of two is meant is not guessed."""
    for number in range(count):
        (tmp_path / f"{number}.xml").touch()
    with pytest.raises(ModelError, match=f"holds {count} OpenVINO models, expected 1"):
        resolve_model(tmp_path)


@pytest.mark.parametrize("name", ["best.pt", "BEST.PT", "my model.pt", "it's.pt"])
def test_checkpoints_name_the_export(name: str) -> None:
    """A checkpoint is never opened; the hint can be pasted into a shell."""
    import shlex

    with pytest.raises(ModelError, match="PyTorch checkpoint") as caught:
        resolve_model(f"runs/{name}")
    command = str(caught.value.hint).partition("once: ")[2]
    assert shlex.split(command) == ["urban-segmentor", "export", f"runs/{name}"]


@pytest.mark.parametrize("wish", ["urban-m", "urban_n", "URBAN-N", "urbann", "uban-n"])
def test_near_names_are_offered(wish: str) -> None:
    """A slip of the finger gets the name that was meant."""
    with pytest.raises(ModelError, match=f"there is no model `{wish}`") as caught:
        resolve_model(wish)
    assert caught.value.hint == "did you mean `urban-n`?"


@pytest.mark.parametrize("wish", ["", "zzz", "no/such/file.onnx", "~nobody-of-that-name/a.onnx"])
def test_far_names_get_the_list(wish: str) -> None:
    """Otherwise the hint tells what a model can be."""
    with pytest.raises(ModelError, match="there is no model") as caught:
        resolve_model(wish)
    assert "`urban-n`" in str(caught.value.hint)
    assert "hf://owner/repo/file.onnx" in str(caught.value.hint)


@pytest.mark.parametrize("wish", ["x" * 100_000, "a/" * 5_000 + "b.onnx", "a\0b.onnx"])
def test_names_that_no_disk_takes(wish: str) -> None:
    """They are told like other missing models, and not at full length."""
    with pytest.raises(ModelError, match="there is no model") as caught:
        resolve_model(wish)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("suffix", [".txt", ".engine", ".torchscript", ".bin", ""])
def test_other_formats(tmp_path: Path, suffix: str) -> None:
    """A file of another kind is refused by its suffix."""
    path = tmp_path / f"model{suffix}"
    path.touch()
    with pytest.raises(ModelError, match=r"expected \.onnx or \.xml") as caught:
        resolve_model(path)
    assert caught.value.hint


@given(st.text())
def test_any_text_is_a_file_or_an_error(text: str) -> None:
    """Nothing but a `ModelError` comes out of it."""
    try:
        path = resolve_model(text)
    except ModelError:
        return
    assert path.is_file()
