"""What users' type checkers say of this package."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("user_program.py")
SOURCE = Path(__file__).parents[2] / "src"


def test_pyright(tmp_path: Path) -> None:
    """In strict mode."""
    config = {
        "typeCheckingMode": "strict",
        "extraPaths": [str(SOURCE)],
        "reportMissingTypeStubs": False,
        "pythonVersion": "3.11",
    }
    shutil.copy(PROGRAM, tmp_path)
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps(config))
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("0 errors"), done.stdout


@pytest.mark.slow
def test_mypy(tmp_path: Path) -> None:
    """In strict mode; what it finds inside of libraries is theirs."""
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path)]
    command += ["--follow-imports=silent", "--ignore-missing-imports", str(PROGRAM)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SOURCE)
    assert done.returncode == 0, done.stdout
