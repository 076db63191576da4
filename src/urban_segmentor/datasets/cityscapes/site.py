"""Downloads from the Cityscapes site with an account, by the official downloader.

The official downloader, `cityscapesscripts.download.downloader`, lists, resumes and checks. Two
parts of it are not used: `login`, which asks on stdout, offers to store the password in plain
text, deletes that file when the site refuses, and waits for ever; and its bar, whose total is a
rounded figure.
"""

from __future__ import annotations

import io
import json
import re
import time
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.cityscapes.archives import disk_errors
from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.datasets.cityscapes.site_client import (
    ADDRESS,
    LOGIN,
    SUM,
    LoginRefusedError,
    SiteClient,
    StartOverError,
    TransientError,
)
from urban_segmentor.errors import DatasetError, MissingExtraError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

RETRY_DELAYS_S = (1.0, 2.0, 4.0, 8.0, 16.0)  # before each further attempt
_PAGE_RETRIES = 2  # for pages, so that a missing network is reported soon
_PROGRESS_BYTES = 1 << 20  # an attempt that brings so much begins the count of attempts anew


@dataclass(frozen=True, slots=True, kw_only=True)
class CityscapesAccount:
    """An account of the site; its password is in no text about it.

    Attributes:
        username: Name or address.
        password: The password.
        hint: What to do when the site does not know it.
    """

    username: str
    password: str = field(repr=False)
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CityscapesPackage:
    """An archive that the site offers.

    Attributes:
        name: Its file name.
        number: Its id on the site.
        size_bytes: About how large it is; the site states rounded figures.
    """

    name: str
    number: str
    size_bytes: int


class CityscapesSite:
    """A logged-in session with the site.

    Args:
        account: The account.
        address: URL of the site.
        progress: Receives the progress, and failed attempts.

    Raises:
        MissingExtraError: cityscapesScripts is not installed.
        DatasetError: The site does not know the account, or cannot be reached.
    """

    def __init__(
        self,
        account: CityscapesAccount,
        *,
        address: str = ADDRESS,
        progress: ByteProgress | None = None,
    ) -> None:
        self._official = official_downloader()
        self._account, self._address = account, address
        self._progress = progress or ByteProgress()
        self._on_total: Callable[[int, int], None] = lambda _total, _done: None
        self._name = ""
        self._session = self._with_retries(self._log_in)

    def packages(self) -> list[CityscapesPackage]:
        """Return the packages that the site offers to this account.

        Raises:
            DatasetError: The list cannot be had or read.
        """
        attempt = partial(self._official.get_available_packages, session=self._session)
        try:
            return [self._package(row) for row in self._with_retries(attempt)]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise DatasetError(
                "the Cityscapes site lists its packages in a new way",
                hint="pip install -U cityscapesscripts",
            ) from None

    def md5(self, package: CityscapesPackage) -> str:
        """Return the MD5 sum that the site states for an archive, 32 lower-case digits.

        Raises:
            DatasetError: The page cannot be had or read.
        """
        page = f"{ADDRESS}{SUM}?packageID={package.number}"
        return self._with_retries(partial(self._session.get, page)).text.split()[0].lower()

    def fetch(
        self, package: CityscapesPackage, folder: Path, *, on_total: Callable[[int, int], None]
    ) -> None:
        """Download an archive into a folder, resuming a partial one.

        Args:
            package: Which archive.
            folder: A folder that is there.
            on_total: Called with the size of the archive, 0 when it is not stated, and of what is
                there of it, bytes, before anything is written.

        Raises:
            DatasetError: It is damaged, and was removed; it is refused; or the site cannot be
                had any more, and what is there of it stays.
            OutputError: It cannot be written.
        """
        self._on_total, self._name = on_total, package.name
        path = folder / package.name
        failures, logged_in = 0, False
        while True:
            before_bytes = _size(path)
            try:
                self._download(package, folder)
            except LoginRefusedError:
                # Over a long download a log-in grows old; a package may also be closed to us.
                if logged_in:
                    raise
                logged_in = True
                self._session = self._with_retries(self._log_in)
            except TransientError as error:
                if _size(path) - before_bytes >= _PROGRESS_BYTES:
                    failures, logged_in = 0, False
                if isinstance(error, StartOverError):
                    path.unlink(missing_ok=True)
                if failures == len(RETRY_DELAYS_S):
                    raise
                self._pause(error, RETRY_DELAYS_S[failures])
                failures += 1
            else:
                return

    def _log_in(self) -> SiteClient:
        """Return a new session that is logged in as the official downloader does it."""
        session = SiteClient(
            import_module("requests"),
            address=self._address,
            on_total=self._report_total,
            on_bytes=self._progress.advance,
            on_end=self._report_check,
        )
        session.request("GET", LOGIN)
        form = {
            "username": self._account.username,
            "password": self._account.password,
            "submit": "Login",
        }
        status = session.request("POST", LOGIN, data=form).status_code
        if status == 302:
            return session
        if status == 200:
            raise DatasetError(
                "the Cityscapes site does not know this user name with this password",
                hint=self._account.hint or f"check them at {self._address}{LOGIN}",
            )
        raise DatasetError(
            f"the Cityscapes site refuses the log-in (status {status})",
            hint=f"try it in a browser: {self._address}{LOGIN}",
        )

    def _report_total(self, total_bytes: int, done_bytes: int) -> None:
        """Report the size of the archive that is being downloaded."""
        self._on_total(total_bytes, done_bytes)

    def _report_check(self) -> None:
        """Report that the archive is being checked, which takes a while for a large one."""
        self._progress.begin(f"checking {self._name}", total_bytes=None)

    def _download(self, package: CityscapesPackage, folder: Path) -> None:
        """Download an archive or its rest by the official downloader, which checks its sum."""
        path = folder / package.name
        try:
            with disk_errors(path), _quiet(self._official):
                self._official.download_packages(
                    session=self._session,
                    package_names=[package.name],
                    destination_path=str(folder),
                    resume=True,
                )
        except Exception as error:
            # It raises a bare one for a wrong sum; missing names and folders are ruled out before.
            if type(error) is not Exception:
                raise
            path.unlink(missing_ok=True)
            raise DatasetError(
                f"`{package.name}` arrived damaged: its MD5 sum is not the one that the site "
                "states; it was removed",
                hint="repeat the command to fetch it anew",
            ) from None

    def _package(self, row: Any) -> CityscapesPackage:  # noqa: ANN401
        """Return a row of the site's list.

        Raises:
            ValueError: It is none, as are TypeError, KeyError and AttributeError.
        """
        name, number = row["name"], str(row["packageID"])
        # The name becomes a path, and the number a part of an address.
        if not re.fullmatch(r"\w[\w.-]{0,200}", name) or not re.fullmatch(r"\w+", number):
            raise ValueError
        size_bytes = int(self._official.parse_size_to_bytes(row["size"]))
        return CityscapesPackage(name=name, number=number, size_bytes=size_bytes)

    def _with_retries(self, attempt: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Return the result of an attempt, with a few retries when the site has trouble."""
        for delay_s in RETRY_DELAYS_S[:_PAGE_RETRIES]:
            try:
                return attempt()
            except TransientError as error:
                self._pause(error, delay_s)
        return attempt()

    def _pause(self, error: TransientError, delay_s: float) -> None:
        self._progress.report(f"{error}; trying again in {delay_s:.0f} s")
        time.sleep(delay_s)


def stored_account() -> CityscapesAccount | None:
    """Return the account that the official downloader has stored, or None.

    Raises:
        SettingError: Its file cannot be read.
        MissingExtraError: cityscapesScripts is not installed.
    """
    folder = official_downloader().appdirs.user_data_dir("cityscapesscripts", "cityscapes")
    path = Path(folder) / "credentials.json"
    if not path.is_file():
        return None
    hint = f"remove or correct `{path}`"
    try:
        stored = json.loads(path.read_bytes())
        username, password = str(stored["username"]), str(stored["password"])
    except (OSError, ValueError, TypeError, KeyError):
        # Without the cause, which might quote what it could not read.
        raise SettingError(
            f"`{path}`, where the official downloader stores an account, cannot be read", hint=hint
        ) from None
    return CityscapesAccount(username=username, password=password, hint=hint)


def official_downloader() -> Any:  # noqa: ANN401 - it has no types
    """Return the module of the official downloader.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return import_module("cityscapesscripts.download.downloader")
    except ImportError as error:
        raise MissingExtraError("cityscapesscripts", extra="data") from error


@contextmanager
def _quiet(official: Any) -> Generator[None]:  # noqa: ANN401
    """Keep the official downloader from printing; stdout is for data, and we have a bar."""
    bar = official.tqdm
    official.tqdm = partial(bar, disable=True)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        official.tqdm = bar


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
