"""A Space as the hub runs it: an empty environment, its requirements, and `python app.py`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.waiting import PATIENCE_S, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python(space: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of a new environment in which the requirements are installed."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-r", space / "requirements.txt"], check=True)
    return python


def test_nothing_heavy_comes_with_it(python: Path) -> None:
    """What is installed fits together, and has no PyTorch."""
    subprocess.run([python, "-m", "pip", "check"], check=True, stdout=subprocess.DEVNULL)
    listed = subprocess.run(
        [python, "-m", "pip", "list", "--format", "json"], check=True, capture_output=True
    ).stdout
    names = {one["name"].lower() for one in json.loads(listed)}
    assert "gradio" in names
    assert not {"torch", "torchvision", "ultralytics", "urban-segmentor"} & names


@pytest.mark.parametrize("on_the_hub", [True, False])
def test_it_starts_and_answers(
    python: Path, space: Path, tmp_path: Path, *, on_the_hub: bool
) -> None:
    """From any folder: health, page, examples, a picture; and it ends when it is told to."""
    folder = shutil.copytree(space, tmp_path / "app")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "GRADIO_SERVER_PORT": str(port),
        "URBAN_SEGMENTOR_PASSWORD": "open" if on_the_hub else "",
    } | ({"SPACE_ID": "user/demo", "SYSTEM": "spaces"} if on_the_hub else {})
    process = subprocess.Popen(
        [python, folder / "app.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
            _try(client, process, space)
        listening = _listening(port)
        assert listening == ("0.0.0.0" if on_the_hub else "127.0.0.1")  # noqa: S104
    finally:
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=300)
    assert "Traceback" not in told, told


def _try(client: httpx.Client, process: subprocess.Popen[str], space: Path) -> None:
    def is_ready() -> bool:
        assert process.poll() is None, process.stdout.read()
        try:
            return client.get("/health").json()["ready"]
        except httpx.TransportError:
            return False

    wait_until(is_ready, every_s=0.1)
    asks = client.get("/").status_code == 401
    client.auth = ("", "open") if asks else None
    assert "Urban Segmentor" in client.get("/").text
    told = client.get("/examples").json()
    assert told["complete"]
    assert len(told["examples"]) == 2
    assert all(client.get(one["thumb"]).status_code == 200 for one in told["examples"])
    image = (space / "examples" / "inputs" / "my-street.jpg").read_bytes()
    answer = client.post("/v1/segment", files={"image": image})
    assert answer.status_code == 200
    assert answer.json()["instances"]


def _listening(port: int) -> str:
    """Return the address on which a port is open, as the kernel knows it."""
    import psutil

    (found,) = [
        one.laddr.ip
        for one in psutil.net_connections("inet")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port
    ]
    return found
