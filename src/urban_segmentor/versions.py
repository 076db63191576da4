"""Versions of this package and of the libraries around it."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING

from urban_segmentor import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable


def versions(libraries: Iterable[str]) -> dict[str, str]:
    """Return versions of this package, of Python and of those libraries that are installed.

    Args:
        libraries: Names of distributions; one library may have several.
    """
    found = {"urban-segmentor": __version__, "python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
