"""Download of model files from the Hugging Face hub."""

from __future__ import annotations

import logging
import re
import socket
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from urban_segmentor.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from collections.abc import Generator

HUB_PREFIX = "hf://"
_CONNECT_TIMEOUT_S = 5.0
_REPO_PART = re.compile(r"\w(?:[\w.-]{0,94}\w)?", re.ASCII)
_FILE_PART = re.compile(r"[^\\/:*?\"<>|#%\x00-\x1f\x7f]{1,200}")


def fetch_from_hub(reference: str, *, suffixes: tuple[str, ...]) -> Path:
    """Return the local path of a model file on the hub, downloaded or cached.

    Args:
        reference: `hf://owner/repo/file.onnx`; an `.xml` comes with `.bin` and `metadata.yaml`.
        suffixes: Allowed file suffixes.

    Raises:
        ModelError: The reference is invalid, or the file cannot be downloaded.
        MissingExtraError: huggingface_hub is not installed.
    """
    repo, name = _parse(reference, suffixes)
    try:
        hub: Any = import_module("huggingface_hub")  # its types are loose
        for part in ("constants", "errors", "file_download"):  # the last sets up its logger
            import_module(f"huggingface_hub.{part}")
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", extra="hub") from error
    names = [name]
    if name.endswith(".xml"):
        folder, dot, _ = name.rpartition("/")
        names += [name.removesuffix(".xml") + ".bin", f"{folder}{dot}metadata.yaml"]
    with quiet_client():
        paths = [_fetch(hub, reference, repo, part) for part in names]
    return paths[0]


def _parse(reference: str, suffixes: tuple[str, ...]) -> tuple[str, str]:
    """Return the repository `owner/repo` and the path in it of a hub reference."""
    owner, *rest = reference.removeprefix(HUB_PREFIX).split("/")
    repo, parts = "".join(rest[:1]), rest[1:]
    fits = all(
        _REPO_PART.fullmatch(part) and not re.search(r"--|\.\.", part) for part in (owner, repo)
    )
    if not fits or not parts or not all(_is_file_part(part) for part in parts):
        raise ModelError(
            f"`{reference}` is not an address on the hub", hint="write hf://owner/repo/file.onnx"
        )
    if not parts[-1].endswith(suffixes):
        raise ModelError(
            f"`{reference}` does not end in {' or '.join(suffixes)}",
            hint="pickled checkpoints are not loaded; ask its owner for an ONNX export",
        )
    return f"{owner}/{repo}", "/".join(parts)


def _is_file_part(part: str) -> bool:
    return _FILE_PART.fullmatch(part) is not None and part.strip(". ") != ""


def _fetch(hub: Any, reference: str, repo: str, name: str) -> Path:  # noqa: ANN401
    """Return the local path of a hub file, from the cache when the hub is unreachable."""
    endpoint = str(hub.constants.ENDPOINT)
    offline = bool(hub.constants.HF_HUB_OFFLINE)
    if offline or not is_reachable(endpoint):
        cached = hub.try_to_load_from_cache(repo, name)
        if isinstance(cached, str):
            return Path(cached)
        reason = "HF_HUB_OFFLINE is set" if offline else f"`{endpoint}` cannot be reached"
        raise ModelError(
            f"`{reference}` has not been fetched before, and {reason}",
            hint="unset HF_HUB_OFFLINE, or give the path of a file that you have"
            if offline
            else "check the network, or give the path of a file that you have",
        )
    try:
        return Path(hub.hf_hub_download(repo, name))
    except Exception as error:  # noqa: BLE001 - a dozen types, of its own, of httpx, of the system
        # What they say may hold tokens and signed addresses, so only their kind is passed on.
        raise _download_error(error, hub, reference, repo, name) from None


def _download_error(
    error: Exception,
    hub: Any,  # noqa: ANN401
    reference: str,
    repo: str,
    name: str,
) -> ModelError:
    hub_errors = hub.errors
    status = http_status(error) or http_status(error.__cause__)  # some errors wrap the response
    page = f"{str(hub.constants.ENDPOINT).rstrip('/')}/{repo}"
    if isinstance(error, hub_errors.GatedRepoError):
        return ModelError(
            f"`{repo}` is gated: its owner grants access one by one",
            hint=f"ask for it at {page}, then run `hf auth login`",
        )
    if isinstance(error, hub_errors.RepositoryNotFoundError):
        return ModelError(
            f"there is no repository `{repo}` on the hub, or it is private",
            hint="check the spelling; if it is private, run `hf auth login`",
        )
    if isinstance(error, hub_errors.EntryNotFoundError) and status == 404:
        return ModelError(
            f"the repository `{repo}` has no file `{name}`", hint=f"look at {page}/tree/main"
        )
    if status in {401, 403}:
        return ModelError(
            f"the hub refuses `{reference}` (status {status})", hint="run `hf auth login`"
        )
    detail = f"status {status}" if status is not None else type(error).__name__
    return ModelError(
        f"could not get `{reference}` from the hub: {detail}",
        hint="try again later, or download the file yourself and give its path",
    )


def http_status(error: BaseException | None) -> int | None:
    """Return the HTTP status of a client error, or None when there was no response."""
    return getattr(getattr(error, "response", None), "status_code", None)


def is_reachable(endpoint: str) -> bool:
    """Return whether the hub's host accepts connections; True behind a proxy.

    The client itself would try for half a minute.
    """
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - `--help` needs no HTTP

    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    proxies = getproxies()
    if (parts.scheme in proxies or "all" in proxies) and not proxy_bypass(host):
        return True
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
        socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def quiet_client() -> Generator[None]:
    """Return a context in which the client does not log errors, which are raised anyway."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
