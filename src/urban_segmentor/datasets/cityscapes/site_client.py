"""A checked HTTP session with the Cityscapes site: validates responses, and maps errors.

`SiteClient` stands in for a session of `requests` in the official downloader, which takes any
answer for what it asked for: it would append the page of a log-in to an archive.
"""

from __future__ import annotations

import io
import json
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

ADDRESS = "https://www.cityscapes-dataset.com"
LOGIN, DOWNLOADS, SUM, FILE = "/login", "/downloads/", "/md5-sum/", "/file-handling/"
REPEAT_HINT = "repeat the command later; it goes on where it stopped"
_TIMEOUT_S = (10.0, 60.0)  # to connect; between two pieces of an answer
_CHUNK_BYTES = 1 << 14  # a lost connection costs so much; smaller pieces cost time
_LOST = "has stopped in the middle of an archive"
_RANGE = re.compile(r"\s*bytes (?:(\d+)-\d+|\*)/(\d+|\*)\s*", re.ASCII)


class TransientError(DatasetError):
    """The site is unavailable for the moment; a retry may help."""


class LoginRefusedError(DatasetError):
    """The site refuses access, or the log-in has expired."""


class StartOverError(TransientError):
    """A partial archive cannot be resumed."""


class SiteClient:
    """A session of `requests` with the site, for the official downloader.

    Args:
        requests: The library.
        address: URL of the site.
        on_total: Called with the size of an archive, 0 when it is not stated, and with how much of
            it is there, bytes, before the first piece is handed out.
        on_bytes: Called with the size of each piece that was written, bytes.
        on_end: Called when the last piece of an archive is there, and its sum is to be checked.
    """

    def __init__(
        self,
        requests: Any,  # noqa: ANN401 - imported late
        *,
        address: str,
        on_total: Callable[[int, int], None],
        on_bytes: Callable[[int], None],
        on_end: Callable[[], None],
    ) -> None:
        self._requests, self._address = requests, address
        self._on_total, self._on_bytes, self._on_end = on_total, on_bytes, on_end
        self._session = requests.Session()
        # A range of a compressed answer would be a range of something else.
        self._session.headers["Accept-Encoding"] = "identity"

    def request(self, method: str, page: str, **options: Any) -> Any:  # noqa: ANN401
        """Return the response to a request.

        Raises:
            TransientError: The site is busy or unreachable.
            DatasetError: Its certificate cannot be trusted.
        """
        options |= {"allow_redirects": False, "timeout": _TIMEOUT_S}
        with self._network_errors("cannot be reached"):
            response = self._session.request(method, self._address + page, **options)
        if response.status_code >= 500 or response.status_code in {408, 429}:
            response.close()
            raise TransientError(
                f"the Cityscapes site has trouble (status {response.status_code})", hint=REPEAT_HINT
            )
        return response

    def get(self, address: str, **options: Any) -> Any:  # noqa: ANN401
        """Return a validated response; the official downloader calls this.

        Raises:
            DatasetError: The response is something else than the page asked for.
        """
        page = address.removeprefix(ADDRESS)
        response = self.request("GET", page, **options)
        if page.startswith(FILE):
            return self._archive(response, offset=_offset(options.get("headers", {})))
        if response.status_code != 200:
            raise self._refusal(response)
        expected, is_valid = _EXPECTED[SUM if page.startswith(SUM) else DOWNLOADS]
        if not is_valid(response.text):
            raise DatasetError(
                f"the Cityscapes site answers something else than {expected}",
                hint=f"log in at {self._address}{DOWNLOADS} in a browser and look whether it asks "
                "for something; else: pip install -U cityscapesscripts",
            )
        return response

    def _archive(self, response: Any, *, offset: int) -> Any:  # noqa: ANN401
        """Return the response of an archive from an offset on, which reports its progress."""
        status, headers = response.status_code, response.headers
        match = _RANGE.fullmatch(headers.get("Content-Range", ""))
        start, total = match.groups() if match else (None, "*")
        size = None if total == "*" else int(total)
        if status == 416 and offset and size in {None, offset}:
            # All of it is there, and only its sum remains to be checked: an empty rest says so.
            response.close()
            empty = self._requests.Response()
            empty.status_code, empty.raw = 206, io.BytesIO()
            self._on_end()
            return empty
        if status == 416 or (offset and status == 200) or (start and int(start) != offset):
            response.close()
            raise StartOverError(
                "the Cityscapes site does not continue an archive that was begun", hint=REPEAT_HINT
            )
        if status not in {200, 206} or "html" in headers.get("Content-Type", "").lower():
            raise self._refusal(response)
        length = headers.get("Content-Length", "")
        if size is None and length.isdecimal():
            size = offset + int(length)
        try:
            self._on_total(size or 0, offset)
        except BaseException:
            response.close()
            raise
        left = None if size is None or "Content-Encoding" in headers else size - offset
        response.iter_content = partial(self._with_progress, response.iter_content, left)
        return response

    def _with_progress(
        self, pieces: Callable[[int], Iterator[bytes]], left: int | None, chunk_size: int
    ) -> Iterator[bytes]:
        """Yield the pieces of an archive, larger ones than are asked for, to be written."""
        done = 0
        with self._network_errors(_LOST):
            for piece in pieces(max(chunk_size, _CHUNK_BYTES)):
                yield piece
                done += len(piece)
                self._on_bytes(len(piece))
        # Else what is there would be checked, found wrong, and removed.
        if left is not None and done < left:
            raise self._transient(_LOST)
        self._on_end()

    def _refusal(self, response: Any) -> LoginRefusedError:  # noqa: ANN401
        response.close()
        return LoginRefusedError(
            "the Cityscapes site does not hand this out to your account "
            f"(status {response.status_code})",
            hint=f"log in at {self._address}{DOWNLOADS} in a browser: there may be terms to accept,"
            " or a package to ask for",
        )

    def _transient(self, problem: str) -> TransientError:
        return TransientError(
            f"`{self._address}` {problem}", hint=f"check the network, then {REPEAT_HINT}"
        )

    @contextmanager
    def _network_errors(self, lost: str) -> Generator[None]:
        """Return a context in which network errors become errors with a hint.

        What `requests` says about them may hold the address of a proxy with its password, so only
        the kind of the error is passed on.
        """
        kinds = self._requests.exceptions
        try:
            yield
        except kinds.SSLError:
            raise DatasetError(
                f"the certificate of `{self._address}` cannot be trusted",
                hint="check the clock of this machine; behind a proxy that opens connections, let "
                "REQUESTS_CA_BUNDLE name its certificates",
            ) from None
        except kinds.ProxyError:
            raise TransientError(
                "the proxy does not let us through",
                hint="check the variables HTTPS_PROXY and NO_PROXY",
            ) from None
        except kinds.Timeout:
            raise self._transient("does not answer in time") from None
        except (kinds.ConnectionError, kinds.ChunkedEncodingError):
            raise self._transient(lost) from None
        except kinds.RequestException as error:
            kind = type(error).__name__
            raise self._transient(f"answers in a way that cannot be read ({kind})") from None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_sum(text: str) -> bool:
    return re.match(r"\s*[0-9a-fA-F]{32}\b", text) is not None


_EXPECTED = {DOWNLOADS: ("its list of packages", _is_json), SUM: ("an MD5 sum", _is_sum)}


def _offset(headers: dict[str, str]) -> int:
    """Return the first byte of the requested range."""
    match = re.fullmatch(r"bytes=(\d+)-", headers.get("Range", ""))
    return int(match[1]) if match else 0
