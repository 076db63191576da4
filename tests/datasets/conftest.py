"""A small data set of drawn streets, for all tests that need a Cityscapes folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from urban_segmentor.synthetic import save_cityscapes

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def street_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Cityscapes folder with 8 frames in `train` and 2 in `val`; read it only."""
    folder = tmp_path_factory.mktemp("street") / "cityscapes"
    save_cityscapes(folder, frames=10, size=(256, 512), workers=1)
    return folder
