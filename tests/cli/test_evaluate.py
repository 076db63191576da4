"""`evaluate` from Python gives what the command prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import urban_segmentor as us
from tests.evaluation.validation.scene import write_street

if TYPE_CHECKING:
    from tests.cli.runner import Shell


def test_it_equals_the_command(shell: Shell, tmp_path: Path) -> None:
    """A model and what was kept of it; figures are those of `val --json`."""
    data = write_street(Path("data"))
    printed = shell("val", "--data", data, "--model", shell.model, "--json", "--save", "coco")
    expected = json.loads(printed.out)
    segmenter = us.Segmenter(shell.model)
    for predictions in (segmenter, Path("urban-out/val/coco.json")):
        figures = us.evaluate(predictions, data)
        for name in ("ap", "ap50", "miou", "pq"):
            assert figures[name] == expected[name], name
        assert (figures["images"], figures["problems"]) == (3, [])
    assert segmenter.config.conf == us.Segmenter(shell.model).config.conf
    assert us.evaluate(segmenter, data, limit=1)["images"] == 1
    with pytest.raises(us.DatasetError):
        us.evaluate(segmenter, tmp_path / "nothing")
