"""The requirements of a Space: the libraries of the app, pinned to the installed versions."""

from __future__ import annotations

import re
from importlib import metadata

from urban_segmentor.errors import MissingExtraError, OutputError

_PACKAGE, _EXTRA = "urban-segmentor", "app"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MARKER = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


def pinned_requirements() -> list[str]:
    """Return `name==version` of each dependency of the app, without those of training or tests.

    Raises:
        MissingExtraError: The extra `app` is not installed here, so its versions are unknown.
        OutputError: This package was not installed, so what it needs is unknown.
    """
    try:
        requirements = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise OutputError(
            "this copy of Urban Segmentor was not installed, so what it needs is not known",
            hint="pip install '.[app]' in its folder, and build from there",
        ) from error
    names = _required_names(requirements)
    if "gradio" not in names:
        raise OutputError(
            "this copy of Urban Segmentor was installed when there was no app yet",
            hint="pip install '.[app]' in its folder again",
        )
    return sorted(f"{name}=={_version(name)}" for name in names)


def _required_names(requirements: list[str]) -> set[str]:
    """Return the names of the core dependencies and those of the extra `app`."""
    names: set[str] = set()
    for requirement in requirements:
        name, marker = _NAME.match(requirement), _MARKER.search(requirement)
        if name is not None and (marker is None or marker[1] == _EXTRA):
            names.add(name[0].lower())
    return names


def _version(name: str) -> str:
    try:
        # A local version label, after a plus, is not on a package index.
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError as error:
        raise MissingExtraError(name, extra=_EXTRA) from error
