"""A client of the Cityscapes site: logs in, lists packages, and opens archives at an offset.

The site describes no interface. Pages, fields and answers are those that its official downloader,
`cityscapesscripts.download.downloader`, relies on.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from platformdirs import user_data_path

from urban_segmentor.errors import DatasetError, MissingExtraError, SettingError
from urban_segmentor.io.streams.retry import Backoff, RetryPolicy

try:
    import requests
except ImportError as error:
    raise MissingExtraError("requests", extra="data") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress

ADDRESS = "https://www.cityscapes-dataset.com"
RETRY = RetryPolicy()
_LOGIN, _DOWNLOADS, _MD5, _FILE = "/login", "/downloads/", "/md5-sum/", "/file-handling/"
_TIMEOUT_S = (10.0, 60.0)  # to connect; between two pieces of a response
_CHUNK_BYTES = 1 << 14  # a lost connection costs so much; smaller pieces cost time
_PROGRESS_BYTES = 1 << 20  # an attempt that brings so much resets the count of retries
_PAGE_RETRIES = 2  # so that a missing network is reported soon
_LOST = "has stopped in the middle of an archive"
_REPEAT_HINT = "repeat the command later; it goes on where it stopped"
_RANGE = re.compile(
    r"\s*bytes (?:(?P<start>\d{1,18})-\d+|\*)/(?:(?P<total>\d{1,18})|\*)\s*", re.ASCII
)
_SIZE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([KMG])B\s*", re.ASCII | re.IGNORECASE)

_Result = TypeVar("_Result")


class TransientError(DatasetError):
    """The site is unavailable for the moment; a retry may help."""


class StartOverError(TransientError):
    """A partial archive cannot be resumed."""


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

    Redirects are never followed, so that nothing is ever sent to another host.

    Args:
        account: The account.
        address: URL of the site.
        progress: Receives failed attempts.

    Raises:
        DatasetError: The site does not know the account, or cannot be reached.
    """

    def __init__(
        self, account: CityscapesAccount, *, address: str = ADDRESS, progress: ByteProgress
    ) -> None:
        self._account, self._address, self._progress = account, address, progress
        self._session = requests.Session()
        # A range of a compressed response would be a range of something else.
        self._session.headers["Accept-Encoding"] = "identity"
        self.retry(self._log_in)

    def packages(self, names: Sequence[str]) -> dict[str, CityscapesPackage]:
        """Return packages by name.

        Args:
            names: Their file names.

        Raises:
            SettingError: The site does not offer one to this account.
            DatasetError: The list cannot be downloaded or read.
        """
        text = self.retry(lambda: self._get(f"{_DOWNLOADS}?list").text)
        try:
            offered = {package.name: package for package in map(_parse_package, json.loads(text))}
        except (ValueError, TypeError, RecursionError):
            raise self._unexpected("its list of packages") from None
        missing = [f"`{name}`" for name in names if name not in offered]
        if missing:
            raise SettingError(
                f"the Cityscapes site does not offer {', '.join(missing)} to your account",
                hint=f"choose from {', '.join(sorted(offered)) or 'nothing'} with --packages, or "
                f"ask for access at {self._address}{_DOWNLOADS}",
            )
        return {name: offered[name] for name in names}

    def md5(self, package: CityscapesPackage) -> str:
        """Return the MD5 sum that the site states for an archive, 32 lower-case digits.

        Raises:
            DatasetError: The page cannot be downloaded or read.
        """
        text = self.retry(lambda: self._get(f"{_MD5}?packageID={package.number}").text)
        match = re.match(r"\s*([0-9a-fA-F]{32})\b", text)
        if match is None:
            raise self._unexpected("an MD5 sum")
        return match[1].lower()

    @contextmanager
    def open_archive(
        self, package: CityscapesPackage, *, offset: int
    ) -> Generator[tuple[int | None, Iterator[bytes]]]:
        """Return a context with the size of an archive, bytes, if stated, and its missing pieces.

        Args:
            package: Which archive.
            offset: How much of it is there already, bytes.

        Raises:
            StartOverError: The site cannot continue at the offset.
            TransientError: The site is busy or unreachable, or the connection is lost.
            DatasetError: The account has no access to the archive.
        """
        with self._get(f"{_FILE}?packageID={package.number}", offset=offset) as response:
            status, headers = response.status_code, response.headers
            match = _RANGE.fullmatch(headers.get("Content-Range", ""))
            start = int(match["start"]) if match and match["start"] else offset
            total = int(match["total"]) if match and match["total"] else None
            if status == 416 and offset and total in {None, offset}:
                yield offset, iter(())  # all of it is there, only its sum remains to be checked
                return
            if status == 416 or (status == 200 and offset) or start != offset:
                raise StartOverError(
                    "the Cityscapes site does not continue an archive that was begun",
                    hint=_REPEAT_HINT,
                )
            length = headers.get("Content-Length", "")
            if total is None and re.fullmatch(r"\d{1,18}", length):
                total = offset + int(length)
            yield total, self._pieces(response, 0 if total is None else total - offset)

    def retry(
        self,
        attempt: Callable[[], _Result],
        *,
        max_retries: int = _PAGE_RETRIES,
        done_bytes: Callable[[], int] = lambda: 0,
    ) -> _Result:
        """Return the result of an attempt, with retries while the site has trouble.

        Args:
            attempt: Raises `TransientError` where a retry may help.
            max_retries: Maximum number of retries in a row.
            done_bytes: Returns how much is downloaded; an attempt that brings much does not count.
        """
        backoff, left = Backoff(RETRY), max_retries
        while True:
            before_bytes = done_bytes()
            try:
                return attempt()
            except TransientError as error:
                if done_bytes() - before_bytes >= _PROGRESS_BYTES:
                    backoff, left = Backoff(RETRY), max_retries
                if not left:
                    raise
                left -= 1
                delay_s = backoff.next_s()
                self._progress.report(f"{error}; trying again in {delay_s:.0f} s")
            time.sleep(delay_s)

    def _log_in(self) -> None:
        self._session.cookies.clear()
        self._request("GET", _LOGIN)  # brings the cookie that a log-in is tied to
        form = {
            "username": self._account.username,
            "password": self._account.password,
            "submit": "Login",
        }
        status = self._request("POST", _LOGIN, form=form).status_code
        if status == 200:
            raise DatasetError(
                "the Cityscapes site does not know this user name with this password",
                hint=self._account.hint or f"check them at {self._address}{_LOGIN}",
            )
        if status != 302:
            raise DatasetError(
                f"the Cityscapes site refuses the log-in (status {status})",
                hint=f"try it in a browser: {self._address}{_LOGIN}",
            )

    def _get(self, page: str, *, offset: int | None = None) -> requests.Response:
        """Return the response to a request for a page, or for an archive from an offset on."""
        response = self._request("GET", page, offset=offset)
        if _is_refusal(response, is_archive=offset is not None):
            response.close()
            self._log_in()  # over a long download a log-in grows old
            response = self._request("GET", page, offset=offset)
        if _is_refusal(response, is_archive=offset is not None):
            response.close()
            raise DatasetError(
                "the Cityscapes site does not hand this out to your account "
                f"(status {response.status_code})",
                hint=f"log in at {self._address}{_DOWNLOADS} in a browser: there may be terms to "
                "accept, or a package to ask for",
            )
        return response

    def _request(
        self,
        method: str,
        page: str,
        *,
        form: dict[str, str] | None = None,
        offset: int | None = None,
    ) -> requests.Response:
        with self._network_errors("cannot be reached"):
            response = self._session.request(
                method,
                self._address + page,
                data=form,
                headers=None if offset is None else {"Range": f"bytes={offset}-"},
                stream=offset is not None,
                allow_redirects=False,
                timeout=_TIMEOUT_S,
            )
        if response.status_code >= 500 or response.status_code in {408, 429}:
            response.close()
            raise TransientError(
                f"the Cityscapes site has trouble (status {response.status_code})",
                hint=_REPEAT_HINT,
            )
        return response

    def _pieces(self, response: requests.Response, left_bytes: int) -> Iterator[bytes]:
        """Yield the body of a response, and check that it is not cut off."""
        with self._network_errors(_LOST):
            for piece in response.iter_content(_CHUNK_BYTES):
                left_bytes -= len(piece)
                yield piece
        # Else what is there would be checked, found wrong, and removed.
        if left_bytes > 0:
            raise self._transient(_LOST)

    def _unexpected(self, expected: str) -> DatasetError:
        return DatasetError(
            f"the Cityscapes site answers something else than {expected}",
            hint=f"log in at {self._address}{_DOWNLOADS} in a browser and look whether it asks for "
            "something; else the site has changed: pip install -U urban-segmentor",
        )

    def _transient(self, problem: str) -> TransientError:
        return TransientError(
            f"`{self._address}` {problem}", hint=f"check the network, then {_REPEAT_HINT}"
        )

    @contextmanager
    def _network_errors(self, lost: str) -> Generator[None]:
        """Return a context in which network errors become errors with a hint.

        What `requests` says about them may hold the address of a proxy with its password, so only
        the kind of the error is passed on.
        """
        try:
            yield
        except requests.exceptions.SSLError:
            raise DatasetError(
                f"the certificate of `{self._address}` cannot be trusted",
                hint="check the clock of this machine; behind a proxy that opens connections, let "
                "REQUESTS_CA_BUNDLE name its certificates",
            ) from None
        except requests.exceptions.ProxyError:
            raise TransientError(
                "the proxy does not let us through",
                hint="check the variables HTTPS_PROXY and NO_PROXY",
            ) from None
        except requests.exceptions.Timeout:
            raise self._transient("does not answer in time") from None
        except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError):
            raise self._transient(lost) from None
        except requests.exceptions.RequestException as error:
            kind = type(error).__name__
            raise self._transient(f"answers in a way that cannot be read ({kind})") from None


def stored_account() -> CityscapesAccount | None:
    """Return the account that the official downloader has stored, or None.

    Raises:
        SettingError: Its file cannot be read.
    """
    path = user_data_path("cityscapesscripts", "cityscapes") / "credentials.json"
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


def _is_refusal(response: requests.Response, *, is_archive: bool) -> bool:
    if is_archive:
        is_page = "html" in response.headers.get("Content-Type", "").lower()
        return is_page or response.status_code not in {200, 206, 416}
    return response.status_code != 200


def _parse_package(row: Any) -> CityscapesPackage:  # noqa: ANN401 - any JSON
    """Return a row of the site's list.

    Raises:
        ValueError: It is none.
    """
    match row:
        case {"name": str(name), "packageID": str() | int() as number, "size": str(size)}:
            size_match = _SIZE.fullmatch(size)
        case _:
            raise ValueError
    # The name becomes a path, and the number a part of an address.
    is_safe = re.fullmatch(r"\w[\w.-]{0,200}", name) and re.fullmatch(r"\w+", str(number))
    if not is_safe or not size_match:
        raise ValueError
    size_bytes = float(size_match[1]) * 1024 ** (1 + "KMG".index(size_match[2].upper()))
    return CityscapesPackage(name=name, number=str(number), size_bytes=int(size_bytes))
