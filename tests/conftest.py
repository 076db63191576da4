"""Fixtures that several tests share: given material, exported checkpoints, street pictures."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import hypothesis
import numpy as np
import pytest
from PIL import Image

import urban_segmentor.inference.runtimes  # noqa: F401 - OpenVINO tells nobody from here on
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# No deadlines: slow machines are no failures.
hypothesis.settings.register_profile("quick", deadline=None, max_examples=40)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=150)
hypothesis.settings.load_profile("quick")

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("URBAN_SEGMENTOR_SHARED", ROOT.parent / "shared"))
OPEN_IMAGE = Image.open
SLOW_IMPORTS = {"torch", "ultralytics", "nncf", "gradio", "scipy", "supervision", "nbclient"}
os.environ.setdefault("YOLO_OFFLINE", "True")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module in one process: they share its servers, browsers and clips."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def pytest_collection_finish() -> None:
    """Refuse tests that take seconds before the first of them runs."""
    if imported := SLOW_IMPORTS & sys.modules.keys():
        names = ", ".join(sorted(imported))
        raise pytest.UsageError(f"collecting imports {names}: import it where it is used")


@pytest.fixture(autouse=True)
def pillow_as_it_is() -> Iterator[None]:
    """Keep oracles from changing Pillow for the tests after them.

    Ultralytics puts its own `Image.open` in place when it is imported; our own code restores it.
    """
    Image.open = OPEN_IMAGE
    yield
    Image.open = OPEN_IMAGE


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with given pictures, clips and checkpoints."""
    if not (SHARED / "media").is_dir():
        pytest.skip(f"the material in {SHARED} is not there (URBAN_SEGMENTOR_SHARED names it)")
    return SHARED


@pytest.fixture(scope="session")
def street_images() -> list[NDArray[np.uint8]]:
    """Return frames of the procedural street, uint8 (H, W, 3), RGB, of three shapes."""
    chosen = []
    for seed, size, camera in ((1, (720, 1280), "fixed"), (2, (512, 1024), "dashcam")):
        shots = list(Street(size=size, fps=1.0, seed=seed, camera=camera).shots(seconds=2.0))
        chosen += [shot.frame.image for shot in shots]
    chosen.append(np.ascontiguousarray(chosen[0][:, 300:1001]))
    return chosen


@pytest.fixture(scope="session")
def given_images(shared: Path) -> list[NDArray[np.uint8]]:
    """Return the given pictures and some frames of the given clips, uint8 (H, W, 3), RGB."""
    images = [cv2.imread(str(path)) for path in sorted((shared / "media").glob("*.png"))]
    for path in sorted((shared / "media").glob("*.mp4")):
        capture = cv2.VideoCapture(str(path))
        for number in (0, 30):
            capture.set(cv2.CAP_PROP_POS_FRAMES, number)
            images.append(capture.read()[1])
        capture.release()
    return [np.ascontiguousarray(image[..., ::-1]) for image in images if image is not None]
