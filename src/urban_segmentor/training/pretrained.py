"""Pretrained checkpoints: a local file, or a download of an Ultralytics release."""

from __future__ import annotations

import re
import socket
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from urban_segmentor.errors import ModelError
from urban_segmentor.io.cache import cache_folder

RELEASES = "https://github.com/ultralytics/assets/releases"
_TAG = "v8.4.0"
_RELEASED = re.compile(r"yolo(?:v8|11|26)[nsmlx]-seg")
_TIMEOUT_S = 5.0


def find_pretrained(model: str) -> Path:
    """Return the path of a pretrained checkpoint.

    Args:
        model: A path to a `.pt`; or a name such as `yolov8n-seg`, which is looked for in the
            working folder and in the cache, and downloaded otherwise.

    Raises:
        ModelError: There is no such checkpoint, or it cannot be downloaded.
    """
    path = Path(model).expanduser()
    if path.is_file():
        if path.suffix != ".pt":
            raise ModelError(
                f"`{path}` is no checkpoint: training starts from a `.pt`",
                hint="give the checkpoint that it was exported from, or a name such as yolov8n-seg",
            )
        return path
    name = model.removesuffix(".pt")
    if not _RELEASED.fullmatch(name):
        raise ModelError(
            f"there is no checkpoint `{model}`",
            hint="give the path of a .pt, or a name such as yolov8n-seg, yolo11n-seg, yolo26n-seg",
        )
    for folder in (Path(), cache_folder("checkpoints")):
        if (folder / f"{name}.pt").is_file():
            return folder / f"{name}.pt"
    return _download(name)


def _download(name: str) -> Path:
    hint = (
        f"download {name}.pt from {RELEASES} elsewhere, and give its path: --model PATH/{name}.pt"
    )
    site = urlsplit(RELEASES)
    host, port = site.hostname or "", site.port or 443
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT_S).close()
    except OSError as error:
        raise ModelError(
            f"`{name}.pt` is not here, and `{host}` cannot be reached to download it", hint=hint
        ) from error
    path = cache_folder("checkpoints") / f"{name}.pt"
    downloads: Any = import_module("ultralytics.utils.downloads")
    try:
        # It writes beside the path, and renames what is whole.
        downloads.safe_download(
            f"{RELEASES}/download/{_TAG}/{name}.pt",
            file=path,
            retry=1,
            min_bytes=1e6,
            progress=False,
        )
    except Exception as error:
        raise ModelError(f"`{name}.pt` could not be downloaded: {error}", hint=hint) from error
    return path
