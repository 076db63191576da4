"""The recipe of the container, linted, and followed as far as that goes without a container."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.cli.runner import start

ROOT = Path(__file__).parents[1]
RECIPE = (ROOT / "Dockerfile").read_text("utf-8")


def instructions(word: str) -> list[str]:
    """Return what stands behind a word, line by line."""
    joined = RECIPE.replace("\\\n", " ")
    return re.findall(rf"^{word} (.*)$", joined, re.MULTILINE)


def test_the_linter_finds_nothing() -> None:
    """Hadolint knows what goes wrong with such files."""
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [linter, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_what_is_copied_is_there_and_enough(tmp_path: Path) -> None:
    """The folder as the container gets it builds the package, and nothing else is sent there."""
    copied = [name for line in instructions("COPY") for name in line.split()[:-1]]
    kept = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert set(copied) == set(kept)
    for name in copied:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name)
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*build, "--no-deps", "--wheel-dir", "out", "."], cwd=tmp_path, check=True)
    (wheel,) = (tmp_path / "out").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    for name in (
        "models/weights/urban-n.onnx",
        "apps/web/page/files/viewer.js",
        "apps/web/server.py",
    ):
        assert f"urban_segmentor/{name}" in held


def test_it_serves_what_it_opens(tmp_path: Path) -> None:
    """Not as root; port, command and health check belong together, and the command is one."""
    command = json.loads(instructions("CMD")[-1])
    (port,) = instructions("EXPOSE")
    assert command[-2:] == ["--port", port]
    assert f"127.0.0.1:{port}/health" in instructions("HEALTHCHECK")[0]
    assert instructions("USER") == ["1000"]
    assert "0.0.0.0" in command  # noqa: S104 - else nobody outside of the container gets in
    assert command[0] == "urban-segmentor"
    helped = start(*command[1:], "--help", cwd=tmp_path)
    out, _ = helped.communicate(timeout=300)
    assert helped.returncode == 0
    assert "--port" in out
    assert "--password" not in command  # it would be in the image, for everybody to read
