"""What a run says of images that could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.training.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path


def test_all_are_counted_and_the_first_are_named(cityscapes: Path, tmp_path: Path) -> None:
    from urban_segmentor.training.panoptic.events import RunEvents

    events = RunEvents(RunFolder(tmp_path), samples=open_dataset(cityscapes), observer=None)
    for number in [*range(50), *range(50)]:
        events.on_problem(f"`{number}.png` cannot be read")
    assert events.problem_count == 50
    assert len(events.problems) == 20
    assert events.problems[0] == "`0.png` cannot be read"
