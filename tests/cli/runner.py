"""Runs commands as a shell would, in this process, or in one of its own where signals count."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from urban_segmentor.cli.main import main

TEXT = np.uint8(200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON object on stdout; anything else there is an error."""
        return json.loads(self.out)


class Shell:
    """Calls the entry point with arguments.

    Args:
        model: What `--model` is for `predict`.
    """

    def __init__(
        self, model: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.model = model
        self._capsys, self._patch = capsys, patch

    def __call__(self, *words: str | Path) -> Result:
        """Return what a command gave back."""
        self._patch.setattr(sys, "argv", ["urban-segmentor", *map(str, words)])
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        self._capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        captured = self._capsys.readouterr()
        return Result(code=code, out=captured.out, err=captured.err)

    def predict(self, *words: str | Path) -> Result:
        """Return what `predict` with the model of the tests gave back."""
        return self("predict", "--model", self.model, *words)


def start(*words: str | Path, cwd: Path, before: str = "") -> subprocess.Popen[str]:
    """Return a command that runs in a process of its own, with pipes, after some code."""
    code = f"{before}\nimport sys; from urban_segmentor.cli.main import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "80"},
    )


def save_image(path: Path, size: tuple[int, int] = (48, 64)) -> Path:
    """Write a picture of the format that the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(path.suffix, np.full((*size, 3), 90, dtype=np.uint8))
    assert done
    path.write_bytes(data.tobytes())
    return path


def files_below(folder: Path) -> list[str]:
    """Return all files below a folder, hidden ones included."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
