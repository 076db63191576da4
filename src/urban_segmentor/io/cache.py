"""The cache folder of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import platformdirs

if TYPE_CHECKING:
    from pathlib import Path


def cache_folder(name: str) -> Path:
    """Return a folder of the user's cache; whatever lies there can be made again.

    Args:
        name: What is kept in it.
    """
    return platformdirs.user_cache_path("urban-segmentor", appauthor=False) / name
