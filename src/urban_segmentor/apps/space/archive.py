"""A Space as a ZIP archive."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from urban_segmentor.apps.space.build import space_files
from urban_segmentor.io.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # the same files make the same archive
_MODE = 0o100644 << 16


def zip_space(folder: Path, path: Path, *, overwrite: bool = False) -> int:
    """Return the size in bytes of a ZIP archive of a Space, after writing it.

    Args:
        folder: Folder that `build_space` wrote.
        path: The archive.
        overwrite: True when a file that is there may be replaced.

    Raises:
        OutputError: The folder holds no Space, or the archive cannot be written.
    """
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for file in space_files(folder):
            entry = zipfile.ZipInfo(file.name, date_time=_FIXED_DATE)
            entry.external_attr, entry.compress_type = _MODE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.path.read_bytes())
    write_atomically(path, data.getvalue(), overwrite=overwrite)
    return len(data.getvalue())
