"""A Space that is built once, from somebody's own picture and clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.apps.web.conftest import draw_clip
from urban_segmentor.apps.space.build import build_space
from urban_segmentor.io.image_files import write_image
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def own_examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a picture and a clip."""
    folder = tmp_path_factory.mktemp("own")
    shot = next(iter(Street(size=(360, 640), seed=3).shots(seconds=1.0)))
    write_image(folder / "my street.jpg", shot.frame.image, overwrite=True)
    draw_clip(folder / "drive.mp4", seconds=0.4, size=(180, 320))
    return folder


@pytest.fixture(scope="session")
def space(own_examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a Space; tests do not change it."""
    folder = tmp_path_factory.mktemp("built") / "space"
    build_space(folder, examples=own_examples)
    return folder
