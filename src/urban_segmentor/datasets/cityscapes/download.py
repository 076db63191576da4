"""Resumable download of Cityscapes from its official site.

Everything unfinished lies in the folder `.download` of the target:

- `part/X.zip` grows, and may be continued;
- `X.zip` is complete, and its sum is right;
- `X.zip.json` lists the files of X.zip, once all of them are unpacked.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from urban_segmentor.datasets.cityscapes.archives import (
    check_space,
    disk_errors,
    file_size,
    unpack,
)
from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.datasets.cityscapes.file_names import DEFAULT_PACKAGES
from urban_segmentor.datasets.cityscapes.site import ADDRESS, CityscapesSite, StartOverError
from urban_segmentor.errors import DatasetError, OutputError, SettingError
from urban_segmentor.io.atomic import replacement, write_all
from urban_segmentor.io.lock import file_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.site import CityscapesAccount, CityscapesPackage

WORK = ".download"
_CHUNK_BYTES = 1 << 20
_MAX_RETRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadedPackage:
    """A downloaded and unpacked package.

    Attributes:
        name: Its file name.
        files: Number of its files, all unpacked.
        written: Number of files that this run wrote.
        downloaded_bytes: Bytes that this run downloaded.
        archive: Path of the archive, or None when it was removed.
    """

    name: str
    files: int
    written: int
    downloaded_bytes: int
    archive: Path | None


def download(  # noqa: PLR0913
    folder: Path,
    account: Callable[[], CityscapesAccount],
    *,
    packages: Sequence[str] = DEFAULT_PACKAGES,
    keep_archives: bool = False,
    progress: ByteProgress | None = None,
    address: str = ADDRESS,
) -> list[DownloadedPackage]:
    """Download and unpack packages, and return them.

    What an earlier run did is not done again, however that run ended. An archive that lies in the
    folder under its official name is used when its sum is right, and is never removed.

    Args:
        folder: Output folder; it is made. The archives bring its parts `gtFine` and `leftImg8bit`.
        account: Returns the account; called only when something is to be downloaded.
        packages: Names of packages, with or without `.zip`.
        keep_archives: True to leave the archives in the folder.
        progress: Receives the progress.
        address: URL of the site.

    Raises:
        SettingError: There is no such package, or there is no account.
        DatasetError: The site refuses a package, or an archive is damaged.
        OutputError: The disk is full, or the folder cannot be written to.
    """
    names = package_names(packages)
    job = _DownloadJob(folder, progress=progress or ByteProgress(), keep_archives=keep_archives)
    with job.locked():
        absent = [name for name in names if job.is_absent(name)]
        if not absent:
            return [job.unpack(name) for name in names]
        site = CityscapesSite(account(), address=address, progress=job.progress)
        offered = site.packages(absent)
        job.check_space(offered.values())
        # One archive after the other is unpacked and removed, which needs less space.
        return [
            job.unpack(
                name, downloaded_bytes=job.fetch(offered[name], site) if name in offered else 0
            )
            for name in names
        ]


def package_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the file names of packages, each once.

    Args:
        texts: Names with or without `.zip`, several in a text with commas between them.

    Raises:
        SettingError: One is no name, or there is none.

    >>> package_names(["gtFine_trainvaltest,leftImg8bit_trainvaltest.zip"])
    ('gtFine_trainvaltest.zip', 'leftImg8bit_trainvaltest.zip')
    """
    names = [name.strip() for text in texts for name in text.split(",") if name.strip()]
    for name in names:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,100}", name):
            raise SettingError(
                f"{name!r} is no name of a package", hint=f"--packages {','.join(DEFAULT_PACKAGES)}"
            )
    if not names:
        raise SettingError("no package is named", hint=f"--packages {','.join(DEFAULT_PACKAGES)}")
    return tuple(dict.fromkeys(name.removesuffix(".zip") + ".zip" for name in names))


class _DownloadJob:
    """State of a download in its folder.

    Args:
        folder: The target.
        progress: Receives the progress.
        keep_archives: True to leave the archives in the folder.
    """

    def __init__(self, folder: Path, *, progress: ByteProgress, keep_archives: bool) -> None:
        self.progress = progress
        self._folder, self._keep = folder, keep_archives
        self._work = folder / WORK
        self._part = self._work / "part"

    @contextmanager
    def locked(self) -> Generator[None]:
        """Return a context in which the folder exists and is locked for this process.

        Raises:
            OutputError: It cannot be made, or another run is at work in it.
        """
        for path in (self._folder, self._work, self._part):
            with disk_errors(path):
                path.mkdir(parents=True, exist_ok=True)
            if path != self._folder and path.is_symlink():
                raise OutputError(f"`{path}` is a link, expected a folder", hint="remove it")
        with file_lock(
            self._work / "lock",
            busy=f"another run is at work in `{self._folder}`",
            hint="wait for it, or stop it",
        ):
            yield

    def is_absent(self, name: str) -> bool:
        """Return True when neither the files of a package nor its checked archive are there."""
        return not (self._work / name).is_file() and self._files_in_place(name) is None

    def check_space(self, packages: Iterable[CityscapesPackage]) -> None:
        """Check that what has not begun will fit; the rest is checked with exact figures later.

        Raises:
            OutputError: It does not.
        """
        sizes = [
            package.size_bytes
            for package in packages
            if not (self._part / package.name).exists()
            and not (self._folder / package.name).is_file()
        ]
        # Images are compressed already, so that the files are as large as their archive.
        archives_bytes = sum(sizes) if self._keep else max(sizes, default=0)
        need_bytes = sum(sizes) + archives_bytes
        check_space(self._folder, need_bytes=need_bytes, what="the archives and their files")

    def fetch(self, package: CityscapesPackage, site: CityscapesSite) -> int:
        """Download an archive or its rest, and return how much that was, bytes.

        Raises:
            DatasetError: It cannot be downloaded, or is damaged.
            OutputError: It cannot be written.
        """
        md5 = site.md5(package)
        kept, part = self._folder / package.name, self._part / package.name
        if kept.is_file():
            if not self._has_md5(kept, md5):
                raise DatasetError(
                    f"`{kept}` is damaged or incomplete: its MD5 sum is not the one that the site "
                    "states",
                    hint=f"remove `{kept}`, then repeat the command to fetch it anew",
                )
            return 0
        if part.is_symlink():  # it would be followed
            part.unlink()
        before_bytes = file_size(part) or 0
        site.retry(
            lambda: self._append_rest(part, package, site),
            max_retries=_MAX_RETRIES,
            done_bytes=lambda: file_size(part) or 0,
        )
        if not self._has_md5(part, md5):
            part.unlink()
            raise DatasetError(
                f"`{package.name}` arrived damaged: its MD5 sum is not the one that the site "
                "states; it was removed",
                hint="repeat the command to fetch it anew",
            )
        size_bytes = part.stat().st_size
        with disk_errors(part):
            part.replace(self._work / package.name)
        return size_bytes - before_bytes if before_bytes <= size_bytes else size_bytes

    def unpack(self, name: str, *, downloaded_bytes: int = 0) -> DownloadedPackage:
        """Unpack a package where that is not done yet, and return it.

        Args:
            name: Its file name.
            downloaded_bytes: How much of its archive this run downloaded.

        Raises:
            DatasetError: The archive is damaged.
            OutputError: Something cannot be written.
        """
        archive, kept, written = self._work / name, self._folder / name, 0
        files = self._files_in_place(name)
        if files is None:
            sizes, written = unpack(
                archive if archive.is_file() else kept,
                self._folder,
                reserved=(WORK,),
                progress=self.progress,
            )
            files = len(sizes)
            record = self._record(name)
            with disk_errors(record), replacement(record) as file:
                write_all(file, json.dumps(sizes).encode("ascii"))
        with disk_errors(kept):
            if self._keep and archive.is_file():
                archive.replace(kept)
            for leftover in (archive, self._part / name):
                leftover.unlink(missing_ok=True)
        return DownloadedPackage(
            name=name,
            files=files,
            written=written,
            downloaded_bytes=downloaded_bytes,
            archive=kept if kept.is_file() else None,
        )

    def _append_rest(self, part: Path, package: CityscapesPackage, site: CityscapesSite) -> None:
        """Download what is missing of a partial archive."""
        done_bytes = file_size(part) or 0
        try:
            with site.open_archive(package, offset=done_bytes) as (total_bytes, pieces):
                size_bytes = total_bytes or package.size_bytes
                check_space(
                    self._folder,
                    need_bytes=max(size_bytes - done_bytes, 0) + size_bytes,
                    what=f"`{package.name}` and its files",
                )
                self.progress.begin(
                    f"fetching {package.name}", total_bytes=size_bytes, done_bytes=done_bytes
                )
                # Unbuffered, so that a kill loses nothing that has arrived.
                with disk_errors(part), part.open("ab", buffering=0) as file:
                    for piece in pieces:
                        write_all(file, piece)
                        self.progress.advance(len(piece))
        except StartOverError:
            part.unlink(missing_ok=True)
            raise

    def _has_md5(self, path: Path, md5: str) -> bool:
        """Return True when an archive has an MD5 sum."""
        found = hashlib.md5(usedforsecurity=False)
        try:
            with path.open("rb") as file:
                self.progress.begin(f"checking {path.name}", total_bytes=path.stat().st_size)
                while data := file.read(_CHUNK_BYTES):
                    found.update(data)
                    self.progress.advance(len(data))
        except OSError as error:
            raise DatasetError(
                f"`{path}` cannot be read: {error.strerror}", hint="check its permissions"
            ) from error
        return found.hexdigest() == md5

    def _files_in_place(self, name: str) -> int | None:
        """Return how many files a package has when all of them are in their places, or None."""
        try:
            record: Any = json.loads(self._record(name).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(record, dict):
            return None
        sizes = cast("dict[str, int]", record)
        for path, size in sizes.items():
            size_found = file_size(self._folder / path)
            # Several archives bring a README, not always of one size: that one need only be there.
            if size_found is None or (size_found != size and "/" in path):
                return None
        return len(sizes)

    def _record(self, name: str) -> Path:
        return self._work / f"{name}.json"
