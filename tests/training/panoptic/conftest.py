"""A small data set with things and surfaces, as Cityscapes comes, and its label maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.training.conftest import checkpoint
from urban_segmentor.synthetic import save_cityscapes

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["checkpoint"]


@pytest.fixture(scope="session")
def cityscapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in the layout of Cityscapes with 6 training and 2 validation images."""
    root = tmp_path_factory.mktemp("panoptic") / "cityscapes"
    save_cityscapes(root, frames=8, size=(128, 256), workers=1)
    return root
