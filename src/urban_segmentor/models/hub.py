"""Files on the Hugging Face hub: an address in, a file on disk out, or a reason at once."""

from __future__ import annotations

import logging
import re
import socket
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from urban_segmentor.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from collections.abc import Generator

HUB_PREFIX = "hf://"
_PATIENCE_S = 5.0
_REPO_PART = re.compile(r"\w(?:[\w.-]{0,94}\w)?", re.ASCII)
_FILE_PART = re.compile(r"[^\\/:*?\"<>|#%\x00-\x1f\x7f]{1,200}")


def fetch_from_hub(address: str, *, suffixes: tuple[str, ...]) -> Path:
    """Return the file of a model on the hub, from the cache of huggingface_hub where it is there.

    Args:
        address: `hf://owner/repo/file.onnx`; with an `.xml` come its `.bin` and `metadata.yaml`.
        suffixes: What the file may end in.

    Raises:
        ModelError: The address makes no sense, or the file cannot be had.
        MissingExtraError: huggingface_hub is not installed.
    """
    repo, name = _parse(address, suffixes)
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
        paths = [_fetch(hub, address, repo, each) for each in names]
    return paths[0]


def _parse(address: str, suffixes: tuple[str, ...]) -> tuple[str, str]:
    """Return the repository, `owner/repo`, and the file's path inside it."""
    owner, *rest = address.removeprefix(HUB_PREFIX).split("/")
    repo, parts = "".join(rest[:1]), rest[1:]
    fits = all(
        _REPO_PART.fullmatch(part) and not re.search(r"--|\.\.", part) for part in (owner, repo)
    )
    if not fits or not parts or not all(_is_file_part(part) for part in parts):
        raise ModelError(
            f"`{address}` is not an address on the hub", hint="write hf://owner/repo/file.onnx"
        )
    if not parts[-1].endswith(suffixes):
        raise ModelError(
            f"`{address}` does not end in {' or '.join(suffixes)}",
            hint="pickled checkpoints are not loaded; ask its owner for an ONNX export",
        )
    return f"{owner}/{repo}", "/".join(parts)


def _is_file_part(part: str) -> bool:
    return _FILE_PART.fullmatch(part) is not None and part.strip(". ") != ""


def _fetch(hub: Any, address: str, repo: str, name: str) -> Path:  # noqa: ANN401
    """Return one file; without a network the cached one, if there is one."""
    endpoint = str(hub.constants.ENDPOINT)
    offline = bool(hub.constants.HF_HUB_OFFLINE)
    if offline or not is_reachable(endpoint):
        cached = hub.try_to_load_from_cache(repo, name)
        if isinstance(cached, str):
            return Path(cached)
        why = "HF_HUB_OFFLINE is set" if offline else f"`{endpoint}` cannot be reached"
        raise ModelError(
            f"`{address}` has not been fetched before, and {why}",
            hint="unset HF_HUB_OFFLINE, or give the path of a file that you have"
            if offline
            else "check the network, or give the path of a file that you have",
        )
    try:
        return Path(hub.hf_hub_download(repo, name))
    except Exception as error:  # noqa: BLE001 - a dozen types, of its own, of httpx, of the system
        # What they say may hold tokens and signed addresses, so only their kind is passed on.
        raise _explained(error, hub, address, repo, name) from None


def _explained(
    error: Exception,
    hub: Any,  # noqa: ANN401
    address: str,
    repo: str,
    name: str,
) -> ModelError:
    """Return the error that tells the user why a download failed."""
    kinds = hub.errors
    status = status_of(error) or status_of(error.__cause__)  # some errors wrap what was answered
    page = f"{str(hub.constants.ENDPOINT).rstrip('/')}/{repo}"
    if isinstance(error, kinds.GatedRepoError):
        return ModelError(
            f"`{repo}` is gated: its owner grants access one by one",
            hint=f"ask for it at {page}, then run `hf auth login`",
        )
    if isinstance(error, kinds.RepositoryNotFoundError):
        return ModelError(
            f"there is no repository `{repo}` on the hub, or it is private",
            hint="check the spelling; if it is private, run `hf auth login`",
        )
    if isinstance(error, kinds.EntryNotFoundError) and status == 404:
        return ModelError(
            f"the repository `{repo}` has no file `{name}`", hint=f"look at {page}/tree/main"
        )
    if status in {401, 403}:
        return ModelError(
            f"the hub refuses `{address}` (status {status})", hint="run `hf auth login`"
        )
    told = f"status {status}" if status is not None else type(error).__name__
    return ModelError(
        f"could not get `{address}` from the hub: {told}",
        hint="try again later, or download the file yourself and give its path",
    )


def status_of(error: BaseException | None) -> int | None:
    """Return the status that a server answered with, or None when none did."""
    return getattr(getattr(error, "response", None), "status_code", None)


def is_reachable(endpoint: str) -> bool:
    """Return whether the hub's host answers; behind a proxy only the proxy can know.

    The client itself would try for half a minute.
    """
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    proxies = getproxies()
    if (parts.scheme in proxies or "all" in proxies) and not proxy_bypass(host):
        return True
    try:
        port = parts.port or (80 if parts.scheme == "http" else 443)
        socket.create_connection((host, port), timeout=_PATIENCE_S).close()
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def quiet_client() -> Generator[None]:
    """Keep the client from logging what is told as an error anyway."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
