"""`urban-segmentor sample`: clips, and data sets in the Cityscapes layout."""

from pathlib import Path

import pytest

from tests.cli.runner import Shell, files_below
from tests.io.clips import read_times
from urban_segmentor.datasets.cityscapes.layout import read_layout


def test_a_clip(shell: Shell) -> None:
    """The default; the truth beside it when wished."""
    words = ("--seconds", "0.2", "--size", "128x96", "--fps", "10", "--truth", "truth")
    result = shell("sample", "street.mp4", *words)
    assert (result.code, result.err) == (0, "result: street.mp4\n")
    assert len(read_times(Path("street.mp4"))) == 2
    assert len(files_below(Path("truth"))) == 5


def test_a_data_set(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Says what is there and what comes next; adding frames goes on."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # processes take longer to start than to draw
    words = ("sample", "data", "--as", "cityscapes", "--size", "128x64")
    result = shell(*words, "--frames", "2")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("1 train, 1 val; ")
    assert result.err.endswith("result: data\nnext: urban-segmentor data check data\n")
    assert read_layout(Path("data")).splits == ("train", "val")
    result = shell(*words, "--frames", "3")
    assert result.err.startswith("2 train, 1 val, 2 were there already; ")
    result = shell(*words, "--frames", "3", "--seed", "2")
    assert result.code == 1
    assert result.err.startswith("error: `data` was drawn with other settings\nhint: ")
    assert len(files_below(Path("data"))) == 7


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--as", "coco"], "`as` is `coco`"),
        (["--as", "cityscapes", "--seconds", "2"], "`--seconds` has no meaning with"),
        (["--as", "cityscapes", "--fps", "2", "--truth", "t"], "`--fps`, `--truth` has no meaning"),
        (["--frames", "2"], "`--frames` has no meaning with `--as clip`"),
        (["--leaf-gaps"], "`--leaf-gaps` has no meaning with `--as clip`"),
        (["--as", "cityscapes", "--frames", "1"], "`frames` is 1"),
        (["--size", "large"], "`size` is `large`"),
        (["--camera", "drone"], "`camera` is `drone`"),
    ],
)
def test_wrong_words(shell: Shell, words: list[str], error: str) -> None:
    """Exit 2, a hint, and no file."""
    result = shell("sample", "out", *words)
    assert result.code == 2
    assert result.err.startswith(f"error: {error}")
    assert "\nhint: " in result.err
    assert files_below(Path()) == []
