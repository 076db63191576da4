"""Colors for everybody, from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.cli.runner import save_image
from tests.cli.tiny import save_tiny_model
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.visualization.style import PALETTES

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from tests.cli.runner import Shell


def test_the_command_line_takes_it(shell: Shell, tmp_path: Path) -> None:
    """`--palette safe` draws other colors than usual; another word is refused."""
    image = save_image(tmp_path / "a.png")
    model = save_tiny_model(tmp_path / "tiny.onnx")
    drawn: list[NDArray[np.uint8]] = []
    for palette in PALETTES:
        out = tmp_path / palette
        words = ("--model", model, image, "--palette", palette, "-o", out)
        assert shell("predict", *words).code == 0
        drawn.append(read_image(out / "a.png"))
    assert (drawn[0] != drawn[1]).any()
    refusal = shell("predict", "--model", model, image, "--palette", "pretty")
    assert refusal.code == 2
    assert "safe" in refusal.err
