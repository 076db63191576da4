"""Ultralytics is imported without what it does to the rest of the process."""

from __future__ import annotations

import subprocess
import sys

CODE = """
from PIL import Image, UnidentifiedImageError
from urban_segmentor.exporters.ultralytics_env import require_modules
own = Image.open
require_modules("ultralytics")
import ultralytics
from urban_segmentor.training import trainer
assert Image.open is own
print("kept")
"""


def test_pillow_stays_what_it_is() -> None:
    """Broken pictures go on to be told as such, and nothing is printed."""
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout) == (0, "kept\n"), done.stderr
