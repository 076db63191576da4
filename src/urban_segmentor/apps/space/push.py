"""Upload of a Space to the hub, in one commit, so that it never runs half of a build."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from urban_segmentor.apps.space.build import OWN_FOLDERS, space_files
from urban_segmentor.errors import HubError, MissingExtraError, SettingError
from urban_segmentor.models.hub import http_status, is_reachable, quiet_client

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.apps.space.build import SpaceFile

_REPO = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,94}\w)?/[A-Za-z0-9](?:[\w.-]{0,94}\w)?", re.ASCII)
_LOGIN_HINT = "run `hf auth login`, or set HF_TOKEN to a token that may write"


@dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """Result of a push.

    Attributes:
        url: URL of the Space.
        commit: Id of the commit, or of the previous one when nothing changed.
        files: Number of files of the Space.
        removed: Number of files of an earlier build that were deleted.
    """

    url: str
    commit: str
    files: int
    removed: int


def check_repo(repo: str) -> None:
    """Raise when a text is no repository name of a Space.

    Raises:
        SettingError: It is not `user/name`.
    """
    if _REPO.fullmatch(repo) is None or re.search(r"--|\.\.|\.git$", repo):
        raise SettingError(
            f"`{repo[:120]}` is no name of a Space",
            hint="user/name, of letters, digits, `-`, `_` and `.`",
        )


def push_space(folder: Path, repo: str, *, private: bool = False) -> PushResult:
    """Return the result of uploading a Space; other files in its repository are kept.

    The token comes from `HF_TOKEN`, or from the login of huggingface_hub, and is in no message.

    Args:
        folder: What `build_space` wrote.
        repo: `user/name`; made when it is not there.
        private: True to make a new one that only its owner sees.

    Raises:
        SettingError: `repo` is no name.
        OutputError: The folder holds no Space.
        HubError: There is no token, no network, or the hub refuses.
        MissingExtraError: huggingface_hub is not installed.
    """
    check_repo(repo)
    files = space_files(folder)
    try:
        hub: Any = import_module("huggingface_hub")
        for part in ("constants", "errors", "utils", "hf_api"):
            import_module(f"huggingface_hub.{part}")
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", extra="hub") from error
    _check_preconditions(hub)
    with quiet_client(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hub.utils.disable_progress_bars()
        try:
            return _push(hub, files, repo, private=private)
        except Exception as error:  # noqa: BLE001 - a dozen types, of its own, of httpx, of the system
            # What they say may hold tokens and signed addresses, so only their kind is passed on.
            raise _push_error(error, hub, repo) from None
        finally:
            hub.utils.enable_progress_bars()


def _check_preconditions(hub: Any) -> None:  # noqa: ANN401
    """Raise when the hub is disabled, unreachable or without a token."""
    endpoint = str(hub.constants.ENDPOINT)
    if hub.constants.HF_HUB_OFFLINE:
        raise HubError("HF_HUB_OFFLINE is set, so nothing is sent", hint="unset HF_HUB_OFFLINE")
    if not hub.get_token():
        raise HubError("there is no token for the hub", hint=_LOGIN_HINT)
    if not is_reachable(endpoint):
        raise HubError(f"`{endpoint}` cannot be reached", hint="check the network")


def _push(hub: Any, files: list[SpaceFile], repo: str, *, private: bool) -> PushResult:  # noqa: ANN401
    api = hub.HfApi()
    url = api.create_repo(
        repo,
        repo_type="space",
        space_sdk="gradio",
        private=private or None,
        exist_ok=True,
    )
    names = {file.name for file in files}
    remote_names: list[str] = api.list_repo_files(repo, repo_type="space")
    outdated = [
        name for name in remote_names if name.split("/")[0] in OWN_FOLDERS and name not in names
    ]  # of an earlier build
    commit_info = api.create_commit(
        repo,
        [
            *(hub.CommitOperationAdd(file.name, str(file.path)) for file in files),
            *(hub.CommitOperationDelete(name) for name in outdated),
        ],
        commit_message="Update the app",
        repo_type="space",
    )
    return PushResult(
        url=str(url), commit=str(commit_info.oid), files=len(files), removed=len(outdated)
    )


def _push_error(error: Exception, hub: Any, repo: str) -> HubError:  # noqa: ANN401
    cause = error
    while http_status(cause) is None and isinstance(cause.__cause__, Exception):
        cause = cause.__cause__  # some errors wrap what was answered
    status = http_status(cause)
    if status == 401:
        return HubError("the hub does not know the token", hint=_LOGIN_HINT)
    if status == 403:
        return HubError(
            f"the token may not write to `{repo}`",
            hint="make one that may at https://huggingface.co/settings/tokens, or name a Space of "
            "your own",
        )
    if status == 404:
        return HubError(
            f"the hub has no place for `{repo}`", hint="check how user or organisation are spelt"
        )
    if status == 429:
        return HubError("the hub asks for patience", hint="try again in an hour")
    detail = f"status {status}" if status is not None else type(error).__name__
    return HubError(
        f"could not push to `{repo}` at {hub.constants.ENDPOINT}: {detail}", hint="try again later"
    )
