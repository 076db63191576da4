"""A Space onto the hub, in one commit, so that it never runs half of a build."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from urban_segmentor.apps.space.build import OWN_FOLDERS, space_files
from urban_segmentor.errors import HubError, MissingExtraError, SettingError
from urban_segmentor.models.hub import is_reachable, quiet_client, status_of

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.apps.space.build import SpaceFile

_REPO = re.compile(r"[A-Za-z0-9](?:[\w.-]{0,94}\w)?/[A-Za-z0-9](?:[\w.-]{0,94}\w)?", re.ASCII)
_LOG_IN = "run `hf auth login`, or set HF_TOKEN to a token that may write"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What is on the hub after a push.

    Attributes:
        url: Address of the Space.
        commit: Id of the commit, or of the one before when nothing had changed.
        files: How many the Space has.
        removed: How many of an earlier build went.
    """

    url: str
    commit: str
    files: int
    removed: int


def check_repo(repo: str) -> None:
    """Refuse what is no name of a Space.

    Raises:
        SettingError: It is not `user/name`.
    """
    if _REPO.fullmatch(repo) is None or re.search(r"--|\.\.|\.git$", repo):
        raise SettingError(
            f"`{repo[:120]}` is no name of a Space",
            hint="user/name, of letters, digits, `-`, `_` and `.`",
        )


def push_space(folder: Path, repo: str, *, private: bool = False) -> Pushed:
    """Return what is on the hub after putting a Space there; files of others stay as they are.

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
    _check_way(hub)
    with quiet_client(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hub.utils.disable_progress_bars()
        try:
            return _push(hub, files, repo, private=private)
        except Exception as error:  # noqa: BLE001 - a dozen types, of its own, of httpx, of the system
            # What they say may hold tokens and signed addresses, so only their kind is passed on.
            raise _explained(error, hub, repo) from None
        finally:
            hub.utils.enable_progress_bars()


def _check_way(hub: Any) -> None:  # noqa: ANN401
    """Refuse at once what cannot work."""
    endpoint = str(hub.constants.ENDPOINT)
    if hub.constants.HF_HUB_OFFLINE:
        raise HubError("HF_HUB_OFFLINE is set, so nothing is sent", hint="unset HF_HUB_OFFLINE")
    if not hub.get_token():
        raise HubError("there is no token for the hub", hint=_LOG_IN)
    if not is_reachable(endpoint):
        raise HubError(f"`{endpoint}` cannot be reached", hint="check the network")


def _push(hub: Any, files: list[SpaceFile], repo: str, *, private: bool) -> Pushed:  # noqa: ANN401
    api = hub.HfApi()
    url = api.create_repo(
        repo,
        repo_type="space",
        space_sdk="gradio",
        private=private or None,
        exist_ok=True,
    )
    ours = {file.name for file in files}
    there: list[str] = api.list_repo_files(repo, repo_type="space")
    gone = [
        name for name in there if name.split("/")[0] in OWN_FOLDERS and name not in ours
    ]  # of an earlier build
    done = api.create_commit(
        repo,
        [
            *(hub.CommitOperationAdd(file.name, str(file.path)) for file in files),
            *(hub.CommitOperationDelete(name) for name in gone),
        ],
        commit_message="Update the app",
        repo_type="space",
    )
    return Pushed(url=str(url), commit=str(done.oid), files=len(files), removed=len(gone))


def _explained(error: Exception, hub: Any, repo: str) -> HubError:  # noqa: ANN401
    """Return the error that tells the user why a push failed."""
    cause = error
    while status_of(cause) is None and isinstance(cause.__cause__, Exception):
        cause = cause.__cause__  # some errors wrap what was answered
    status = status_of(cause)
    if status == 401:
        return HubError("the hub does not know the token", hint=_LOG_IN)
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
    told = f"status {status}" if status is not None else type(error).__name__
    return HubError(
        f"could not push to `{repo}` at {hub.constants.ENDPOINT}: {told}", hint="try again later"
    )
