"""The source of the running app as a ZIP, which its license, the AGPL, requires."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from importlib import resources
from pathlib import Path

_PACKAGE = "urban_segmentor"
_KINDS = {".py", ".html", ".js", ".css", ".md", ".yaml", ".json"}


@cache
def source_archive() -> bytes:
    """Return the files of this package as they run here, as a ZIP, without weights."""
    root = Path(str(resources.files(_PACKAGE)))
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*")):
            if path.is_file() and (path.suffix in _KINDS or path.name == "py.typed"):
                archive.write(path, f"{_PACKAGE}/{path.relative_to(root).as_posix()}")
    return data.getvalue()
