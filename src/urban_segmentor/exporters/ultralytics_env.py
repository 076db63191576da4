"""Ultralytics and NNCF without output, network access and a folder in the user's home."""

from __future__ import annotations

import io
import logging
import os
import tempfile
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from urban_segmentor.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Generator


def require_modules(*modules: str) -> None:
    """Check that libraries of the extra `train` are installed.

    Raises:
        MissingExtraError: One is not.
    """
    for name in modules:
        try:
            if name == "ultralytics":
                _import_ultralytics()
            else:
                import_module(name)
        except ImportError as error:
            raise MissingExtraError(name, extra="train") from error


def _import_ultralytics() -> None:
    """Import Ultralytics without its patch of Pillow.

    It replaces Pillow's `Image.open` by a function of its own, which asks for another package
    when an image is broken.
    """
    _set_environment()
    opens = Image.open
    try:
        import_module("ultralytics")
        import_module("ultralytics.utils.patches")  # which replaces it, whoever imports it first
    finally:
        Image.open = opens


def _set_environment() -> None:
    """Set the environment variables that Ultralytics reads when it is imported."""
    os.environ.setdefault("YOLO_OFFLINE", "True")
    os.environ.setdefault("YOLO_AUTOINSTALL", "False")
    os.environ.setdefault("YOLO_VERBOSE", "False")
    if "YOLO_CONFIG_DIR" not in os.environ:
        folder = Path(tempfile.gettempdir()) / f"urban-segmentor-ultralytics-{_user()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.environ["YOLO_CONFIG_DIR"] = str(folder)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


@contextmanager
def quiet_ultralytics() -> Generator[None]:
    """Return a context in which Ultralytics logs errors only and draws no progress bars."""
    utils: Any = import_module("ultralytics.utils")
    bars: Any = import_module("ultralytics.utils.tqdm").TQDM
    level, init = utils.LOGGER.level, bars.__init__

    def hidden(self: Any, *args: Any, **more: Any) -> None:
        init(self, *args, **(more | {"disable": True}))

    utils.LOGGER.setLevel("ERROR")
    bars.__init__ = hidden
    try:
        yield
    finally:
        utils.LOGGER.setLevel(level)
        bars.__init__ = init


@contextmanager
def in_silence() -> Generator[None]:
    """Return a context in which no library says anything; stdout is for data."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            redirect_stdout(io.StringIO()),
            redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
