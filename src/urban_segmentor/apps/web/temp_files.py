"""Temporary files, each of one visitor, deleted with them."""

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

_TOKEN = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}(\.[a-z0-9]{1,5})?")
_RESULTS = "results"
_SWEEP_S = 60.0
_MOST_ANSWERS = 4
"""A visitor sees one picture and one video at a time; some more for other tabs and late clicks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedResult:
    """A folder for the results of one request.

    Attributes:
        token: Its name in addresses, which nobody can guess.
        folder: Where the files go.
    """

    token: str
    folder: Path

    def address(self, name: str) -> str:
        """Return the address of a file, relative to the page's own."""
        return f"{_RESULTS}/{self.token}/{name}"


class TempFiles:
    """Everything that is on disk because of visitors, below one folder.

    Args:
        keep_s: After so many seconds without use files go, whoever they belong to.
        parent: Where the folder is made; None for the system's folder for such things.
    """

    def __init__(self, *, keep_s: float = 3600.0, parent: Path | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix=f"visitors-{secrets.token_hex(8)}-", dir=parent))
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._answers: defaultdict[str, list[SavedResult]] = defaultdict(list)
        self._uploads: defaultdict[str, set[Path]] = defaultdict(set)
        self._shared: dict[str, Path] = {}
        self._stopped = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_on, daemon=True, name="sweeper")
        (self.root / _RESULTS).mkdir()
        self._sweeper.start()

    def answer(self, visitor: str) -> SavedResult:
        """Return a new folder for results; the oldest of the same visitor may go for it.

        Args:
            visitor: Tells visitors apart; nobody else knows it.
        """
        token = secrets.token_hex(16)
        answer = SavedResult(token=token, folder=self.root / _RESULTS / token)
        answer.folder.mkdir()
        with self._lock:
            mine = self._answers[visitor]
            mine.append(answer)
            gone = [mine.pop(0) for _ in range(len(mine) - _MOST_ANSWERS)]
        for old in gone:
            shutil.rmtree(old.folder, ignore_errors=True)
        return answer

    def share(self, answer: SavedResult) -> None:
        """Let everybody see an answer that lies elsewhere and stays, such as an example's."""
        self._shared[answer.token] = answer.folder

    def find(self, token: str, name: str) -> Path | None:
        """Return a file of an answer, or None when there is none such, or no more.

        Args:
            token: Of the answer, as it came in.
            name: Of the file, as it came in.
        """
        folder = self.folder(token)
        if folder is None or not _NAME.fullmatch(name):
            return None
        path = folder / name
        return path if path.is_file() and not path.is_symlink() else None

    def folder(self, token: str) -> Path | None:
        """Return the folder of an answer, or None when there is none such, or no more."""
        if token in self._shared:
            return self._shared[token]
        folder = self.root / _RESULTS / token
        return folder if _TOKEN.fullmatch(token) and folder.is_dir() else None

    def note_upload(self, visitor: str, path: Path) -> None:
        """Remember whom an uploaded file belongs to; equal files are one, of several visitors."""
        if path.is_relative_to(self.root):
            with self._lock:
                self._uploads[visitor].add(path)

    def forget(self, visitor: str) -> None:
        """Delete what a visitor left, except uploads that others have made as well."""
        with self._lock:
            answers = self._answers.pop(visitor, [])
            uploads = self._uploads.pop(visitor, set())
            for others in self._uploads.values():
                uploads -= others
        for answer in answers:
            shutil.rmtree(answer.folder, ignore_errors=True)
        for path in uploads:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                path.parent.rmdir()

    def sweep(self) -> None:
        """Delete what nobody used for long."""
        oldest_s = time.time() - self._keep_s
        for folder in (self.root, self.root / _RESULTS):
            for path in folder.iterdir():
                if path.name != _RESULTS and _last_use_s(path) < oldest_s:
                    shutil.rmtree(path, ignore_errors=True)
        with self._lock:
            for visitor, answers in list(self._answers.items()):
                self._answers[visitor] = [one for one in answers if one.folder.exists()]
                if not self._answers[visitor]:
                    del self._answers[visitor]
            for visitor, paths in list(self._uploads.items()):
                self._uploads[visitor] = {path for path in paths if path.exists()}
                if not self._uploads[visitor]:
                    del self._uploads[visitor]

    def close(self) -> None:
        """Delete everything; safe to call twice."""
        self._stopped.set()
        self._sweeper.join()
        shutil.rmtree(self.root, ignore_errors=True)

    def _sweep_on(self) -> None:
        while not self._stopped.wait(min(_SWEEP_S, self._keep_s)):
            with suppress(OSError):  # what is deleted meanwhile is no harm
                self.sweep()


def _last_use_s(path: Path) -> float:
    """Return when something in a folder was last written or read, seconds since the epoch."""
    times = [0.0]
    with suppress(OSError):
        times.append(path.stat().st_mtime)  # looking into a folder counts as reading it
        for file in path.glob("*"):
            facts = file.stat()
            times.append(max(facts.st_mtime, facts.st_atime))
    return max(times)
