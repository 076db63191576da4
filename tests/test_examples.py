"""Every example runs as it stands, from a folder of the user's."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[!_]*.py"))
RESULTS = {
    "folder_to_coco.py": ["folder/coco.json"],
    "import_into_cvat.py": ["cvat.zip"],
    "one_image.py": ["one_image.jpg", "one_image.json"],
    "own_drawing.py": ["own_drawing.png"],
    "own_segmenter.py": ["moving.mp4"],
    "own_stage.py": ["on_the_road.mp4"],
    "own_writer.py": ["found.txt"],
    "supervision_annotators.py": ["supervision.png"],
    "video_with_progress.py": ["overlay.mp4", "video/results.csv"],
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_example(tmp_path: Path, script: str) -> None:
    """It ends well, says something, and what it names is there."""
    command = [sys.executable, str(EXAMPLES / script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    for name in RESULTS.get(script, []):
        assert (tmp_path / "urban-out" / name).stat().st_size > 0


def test_the_list_is_complete() -> None:
    """The README of the examples names each script, and no other."""
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| \[(\w+\.py)\]", text, re.MULTILINE)) == SCRIPTS
