"""Temporary files of the visitors."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from urban_segmentor.apps.web.settings import USUAL_SETTINGS

_TOKEN = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}(\.[a-z0-9]{1,5})?")
_RESULTS = "results"
_SWEEP_S = 60.0
_MAX_RESULTS = 4
"""A visitor sees one image and one video at a time; some more for other tabs and late clicks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedResult:
    """A folder with the results of a request.

    Attributes:
        token: Its unguessable name in URLs.
        folder: Path of the folder.
    """

    token: str
    folder: Path

    def url(self, name: str) -> str:
        """Return the URL of a file, relative to the page."""
        return f"{_RESULTS}/{self.token}/{name}"


class TempFiles:
    """All uploads and results of visitors, in one temporary folder.

    Args:
        keep_s: Seconds without use after which files are deleted.
        parent: Parent of the folder; None for the system's temporary folder.
    """

    def __init__(
        self, *, keep_s: float = USUAL_SETTINGS.keep_s, parent: Path | None = None
    ) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=f"visitors-{secrets.token_hex(8)}-", dir=parent))
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._results: defaultdict[str, list[SavedResult]] = defaultdict(list)
        self._uploads: defaultdict[str, set[Path]] = defaultdict(set)
        self._shared: dict[str, Path] = {}
        self._stopped = threading.Event()
        self._sweeper = threading.Thread(
            target=self._sweep_periodically, daemon=True, name="sweeper"
        )
        (self.root / _RESULTS).mkdir()
        self._sweeper.start()

    def new_result(self, visitor: str) -> SavedResult:
        """Return a new result folder; the oldest of the visitor is deleted beyond a maximum.

        Args:
            visitor: Secret id of the visitor.
        """
        token = secrets.token_hex(16)
        result = SavedResult(token=token, folder=self.root / _RESULTS / token)
        result.folder.mkdir()
        with self._lock:
            own_results = self._results[visitor]
            own_results.append(result)
            expired = [own_results.pop(0) for _ in range(len(own_results) - _MAX_RESULTS)]
        for old in expired:
            shutil.rmtree(old.folder, ignore_errors=True)
        return result

    def share(self, result: SavedResult) -> None:
        """Make a result outside the folder available to all visitors, such as an example's."""
        self._shared[result.token] = result.folder

    def find(self, token: str, name: str) -> Path | None:
        """Return the path of a result file, or None when it does not exist.

        Args:
            token: Token of the result, unchecked.
            name: Name of the file, unchecked.
        """
        folder = self.folder(token)
        if folder is None or not _NAME.fullmatch(name):
            return None
        path = folder / name
        return path if path.is_file() and not path.is_symlink() else None

    def folder(self, token: str) -> Path | None:
        """Return the folder of a result, or None when it does not exist."""
        if token in self._shared:
            return self._shared[token]
        folder = self.root / _RESULTS / token
        return folder if _TOKEN.fullmatch(token) and folder.is_dir() else None

    def add_upload(self, visitor: str, path: Path) -> None:
        """Add an uploaded file to a visitor; visitors with equal files share one."""
        if path.is_relative_to(self.root):
            with self._lock:
                self._uploads[visitor].add(path)

    def delete_visitor(self, visitor: str) -> None:
        """Delete the files of a visitor, except uploads that others share."""
        with self._lock:
            results = self._results.pop(visitor, [])
            uploads = self._uploads.pop(visitor, set())
            for others in self._uploads.values():
                uploads -= others
        for result in results:
            shutil.rmtree(result.folder, ignore_errors=True)
        for path in uploads:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                path.parent.rmdir()

    def sweep(self) -> None:
        """Delete files that were not used for `keep_s`."""
        cutoff_s = time.time() - self._keep_s
        for folder in (self.root, self.root / _RESULTS):
            for path in folder.iterdir():
                if path.name != _RESULTS and _last_used_s(path) < cutoff_s:
                    shutil.rmtree(path, ignore_errors=True)
        with self._lock:
            for visitor, results in list(self._results.items()):
                self._results[visitor] = [one for one in results if one.folder.exists()]
                if not self._results[visitor]:
                    del self._results[visitor]
            for visitor, paths in list(self._uploads.items()):
                self._uploads[visitor] = {path for path in paths if path.exists()}
                if not self._uploads[visitor]:
                    del self._uploads[visitor]

    def close(self) -> None:
        """Delete everything; safe to call twice."""
        self._stopped.set()
        self._sweeper.join()
        shutil.rmtree(self.root, ignore_errors=True)

    def _sweep_periodically(self) -> None:
        while not self._stopped.wait(min(_SWEEP_S, self._keep_s)):
            with suppress(OSError):  # files may be deleted meanwhile
                self.sweep()


def _last_used_s(path: Path) -> float:
    """Return the last access or modification time in a folder, seconds since the epoch."""
    times = [0.0]
    with suppress(OSError):
        times.append(path.stat().st_mtime)  # listing a folder changes its access time
        for file in path.glob("*"):
            stat = file.stat()
            times.append(max(stat.st_mtime, stat.st_atime))
    return max(times)
