"""Models come and go in any order, and signals still arrive."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import os, signal
import numpy as np
from urban_segmentor import Segmenter
from urban_segmentor.inference.runtimes.openvino import native_precision
from urban_segmentor.cli.info import collect

arrived = []
signal.signal(signal.SIGUSR1, lambda *_: arrived.append(1))
picture = np.zeros((64, 64, 3), dtype=np.uint8)
first = Segmenter("urban-n", imgsz=64)
first(picture)
second = Segmenter("urban-n", imgsz=64)
second(picture)
del first
native_precision("cpu")
del second
collect()
os.kill(os.getpid(), signal.SIGUSR1)
print(len(arrived))
"""


def test_signals_after_models_are_gone() -> None:
    """OpenVINO's CPU plugins would take the stack for signals along; the process would end."""
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, check=False
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr


QUIET_CODE = """
import multiprocessing.process, pathlib
started = []
multiprocessing.process.BaseProcess.start = lambda self: started.append(self.name)
from urban_segmentor import Segmenter
Segmenter("urban-n")
import openvino.tools.ovc  # which tells of every import, where it can
print(started, sorted(path.name for path in pathlib.Path.home().iterdir()))
"""


def test_openvino_tells_its_makers_nothing(tmp_path: Path) -> None:
    """It starts no process, and leaves nothing in the home folder."""
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    done = subprocess.run(
        [sys.executable, "-c", QUIET_CODE],
        env=environment | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[] []\n"), done.stderr
