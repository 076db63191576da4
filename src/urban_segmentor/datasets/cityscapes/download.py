"""Resumable download of Cityscapes from its official site.

Everything unfinished lies in the folder `.download` of the target:

- `part/X.zip` grows, and may be continued;
- `X.zip` is complete, and its sum is right;
- `X.zip.json` lists the files of X.zip, once all of them are unpacked.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from urban_segmentor.datasets.cityscapes.archives import (
    check_space,
    disk_errors,
    file_size,
    unpack,
    write_file,
)
from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.datasets.cityscapes.file_names import DEFAULT_PACKAGES
from urban_segmentor.datasets.cityscapes.site import CityscapesSite, official_downloader
from urban_segmentor.datasets.cityscapes.site_client import ADDRESS, DOWNLOADS
from urban_segmentor.errors import DatasetError, OutputError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from urban_segmentor.datasets.cityscapes.site import CityscapesAccount, CityscapesPackage

WORK = ".download"
_CHUNK_BYTES = 1 << 20


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
        MissingExtraError: cityscapesScripts is not installed.
    """
    names = package_names(packages)
    job = _DownloadJob(folder, progress=progress or ByteProgress(), keep_archives=keep_archives)
    with job.locked():
        absent = [name for name in names if job.is_absent(name)]
        if absent:
            official_downloader()  # who has to install it should hear so before typing a password
            site = CityscapesSite(account(), address=address, progress=job.progress)
            job.packages = _find_packages(site, absent)
            job.check_space()
            return [job.get(name, site) for name in names]
        return [job.get(name, None) for name in names]


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


def _find_packages(site: CityscapesSite, names: Sequence[str]) -> dict[str, CityscapesPackage]:
    """Return packages of the site by name.

    Raises:
        SettingError: It does not offer one to this account.
    """
    packages = {package.name: package for package in site.packages()}
    missing = [f"`{name}`" for name in names if name not in packages]
    if missing:
        raise SettingError(
            f"the Cityscapes site does not offer {', '.join(missing)} to your account",
            hint=f"choose from {', '.join(sorted(packages)) or 'nothing'} with --packages, or ask "
            f"for access at {ADDRESS}{DOWNLOADS}",
        )
    return {name: packages[name] for name in names}


class _DownloadJob:
    """State of a download in its folder.

    Args:
        folder: The target.
        progress: Receives the progress.
        keep_archives: True to leave the archives in the folder.
    """

    def __init__(self, folder: Path, *, progress: ByteProgress, keep_archives: bool) -> None:
        self.progress = progress
        self.packages: dict[str, CityscapesPackage] = {}
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
        with _locked(self._work / "lock", self._folder):
            yield

    def is_absent(self, name: str) -> bool:
        """Return True when neither the files of a package nor its checked archive are there."""
        return not (self._work / name).is_file() and self._files_in_place(name) is None

    def check_space(self) -> None:
        """Check that what has not begun will fit; the rest is checked with exact figures later.

        Raises:
            OutputError: It does not.
        """
        sizes = [
            package.size_bytes
            for name, package in self.packages.items()
            if not (self._part / name).exists() and not (self._folder / name).is_file()
        ]
        # The pictures are compressed already, so that the files are as large as their archive.
        # One archive after the other is unpacked and removed.
        archives_bytes = sum(sizes) if self._keep else max(sizes, default=0)
        need_bytes = sum(sizes) + archives_bytes
        check_space(self._folder, need_bytes=need_bytes, what="the archives and their files")

    def get(self, name: str, site: CityscapesSite | None) -> DownloadedPackage:
        """Download and unpack a package where that is not done yet, and return it.

        Args:
            name: Its file name.
            site: The site; None when no archive is absent.

        Raises:
            DatasetError: The archive cannot be had, or is damaged.
            OutputError: Something cannot be written.
        """
        archive, kept = self._work / name, self._folder / name
        downloaded_bytes = written = 0
        files = self._files_in_place(name)
        if files is None:
            if not archive.is_file() and site is not None and name in self.packages:
                if kept.is_file():
                    archive = self._verify_kept(kept, self.packages[name], site)
                else:
                    downloaded_bytes = self._fetch(self.packages[name], site)
            sizes, written = unpack(archive, self._folder, reserved=(WORK,), progress=self.progress)
            files = len(sizes)
            write_file(self._receipt(name), [json.dumps(sizes).encode("ascii")])
        with disk_errors(kept):
            if self._keep and (self._work / name).is_file():
                (self._work / name).replace(kept)
            for leftover in (self._work / name, self._part / name):
                leftover.unlink(missing_ok=True)
        return DownloadedPackage(
            name=name,
            files=files,
            written=written,
            downloaded_bytes=downloaded_bytes,
            archive=kept if kept.is_file() else None,
        )

    def _verify_kept(self, kept: Path, package: CityscapesPackage, site: CityscapesSite) -> Path:
        """Return the path of an archive in the folder itself, after checking its MD5 sum.

        Raises:
            DatasetError: It is not, or cannot be read.
        """
        self.progress.begin(f"checking {kept.name}", total_bytes=kept.stat().st_size)
        md5 = hashlib.md5(usedforsecurity=False)
        try:
            with kept.open("rb") as file:
                while data := file.read(_CHUNK_BYTES):
                    md5.update(data)
                    self.progress.advance(len(data))
        except OSError as error:
            raise DatasetError(f"`{kept}` cannot be read: {error.strerror}") from error
        if md5.hexdigest() != site.md5(package):
            raise DatasetError(
                f"`{kept}` is damaged or incomplete: its MD5 sum is not the one that the site "
                "states",
                hint=f"remove `{kept}`, then repeat the command to fetch it anew",
            )
        return kept

    def _fetch(self, package: CityscapesPackage, site: CityscapesSite) -> int:
        """Download the rest of an archive, and return how much that was, bytes."""
        part = self._part / package.name
        if part.is_symlink():  # it would be followed
            part.unlink()
        before_bytes = part.stat().st_size if part.exists() else 0

        def on_total(announced_bytes: int, done_bytes: int) -> None:
            total_bytes = announced_bytes or package.size_bytes
            rest_bytes = max(total_bytes - done_bytes, 0)
            need_bytes = rest_bytes + total_bytes
            check_space(self._folder, need_bytes=need_bytes, what=f"`{package.name}` and its files")
            self.progress.begin(
                f"fetching {package.name}", total_bytes=total_bytes, done_bytes=done_bytes
            )

        site.fetch(package, self._part, on_total=on_total)
        with disk_errors(part):
            size_bytes = part.stat().st_size
            part.replace(self._work / package.name)
        return size_bytes - before_bytes if before_bytes <= size_bytes else size_bytes

    def _files_in_place(self, name: str) -> int | None:
        """Return how many files a package has when all of them are in their places, or None."""
        files = _read_receipt(self._receipt(name))
        if files is None:
            return None
        for path, size in files.items():
            size_found = file_size(self._folder / path)
            # Several archives bring a README, not always of one size: that one need only be there.
            if size_found is None or (size_found != size and "/" in path):
                return None
        return len(files)

    def _receipt(self, name: str) -> Path:
        return self._work / f"{name}.json"


def _read_receipt(path: Path) -> dict[str, int] | None:
    """Return the sizes of the files of a package, or None where it is not known to be complete."""
    try:
        sizes: Any = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return cast("dict[str, int]", sizes) if isinstance(sizes, dict) else None


@contextmanager
def _locked(path: Path, folder: Path) -> Generator[None]:
    """Return a context that only one process at a time may enter; two would write one archive.

    The system gives the lock back when a process ends in whatever way. Windows has no such locks.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - not on Windows

    with disk_errors(path):
        lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutputError(
                f"another run is at work in `{folder}`", hint="wait for it, or stop it"
            ) from None
        except OSError:  # some network file systems have no locks
            pass
        yield
    finally:
        os.close(lock)
