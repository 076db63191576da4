"""A Space onto a stand-in of the hub, through the client that also speaks with the real one."""

from __future__ import annotations

import json
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from tests.apps.space.hub import TOKEN, Hub, push, serve
from urban_segmentor.apps.space.build import space_files
from urban_segmentor.apps.space.push import check_repo
from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WRONG = "hf_" + "wrong" * 6


@pytest.fixture
def hub() -> Iterator[Hub]:
    """Return a hub without a Space."""
    with serve() as running:
        yield running


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a Space."""
    return {file.name: file.path.read_bytes() for file in space_files(folder)}


def test_every_file_arrives(hub: Hub, space: Path, tmp_path: Path) -> None:
    """Byte for byte, in one commit, in a private Space for Gradio, and nobody sees the token."""
    done = push(
        "--repo", "user/my-demo", "--from", space, "--private", "--json",
        home=tmp_path, HF_ENDPOINT=hub.url,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    there = hub.spaces["user/my-demo"]
    assert there.files == contents(space)
    assert (there.private, there.sdk, len(there.commits)) == (True, "gradio", 1)
    told = json.loads(done.stdout)
    assert told["url"] == f"{hub.url}/spaces/user/my-demo"
    assert told["files"] == len(there.files)
    assert TOKEN not in done.stdout + done.stderr
    assert "Warning" not in done.stderr


def test_pushing_again_sends_what_has_changed(hub: Hub, space: Path, tmp_path: Path) -> None:
    """Old files of ours go, files of others stay, and nothing is committed for nothing."""
    folder = shutil.copytree(space, tmp_path / "space")
    words = ("--repo", "user/demo", "--from", folder)
    home = tmp_path / "home"
    (folder / "urban_segmentor" / "old.py").write_text("x = 1\n")
    assert push(*words, home=home, HF_ENDPOINT=hub.url).returncode == 0
    there = hub.spaces["user/demo"]
    assert not there.private
    there.files["notes.md"] = b"of the owner"
    (folder / "urban_segmentor" / "old.py").unlink()
    (folder / "requirements.txt").write_text("gradio==6.31.0\n")
    done = push(*words, home=home, HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert sorted(there.commits[1]) == ["requirements.txt", "urban_segmentor/old.py"]
    assert there.files == contents(folder) | {"notes.md": b"of the owner"}
    done = push(*words, home=home, HF_ENDPOINT=hub.url)
    assert done.returncode == 0, done.stderr
    assert len(there.commits) == 2


def test_a_dry_run_contacts_nobody(hub: Hub, space: Path, tmp_path: Path) -> None:
    """It lists what would be sent, and needs no token for it."""
    done = push(
        "--repo", "user/demo", "--from", space, "--dry-run",
        home=tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN="",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert hub.requests == []
    listed = dict(reversed(line.split(maxsplit=1)) for line in done.stdout.splitlines())
    assert {name: int(size) for name, size in listed.items()} == {
        name: len(data) for name, data in contents(space).items()
    }
    assert "nothing was sent" in done.stderr


@pytest.mark.parametrize(
    "case",
    [
        ("/repos/create", 401, "does not know the token"),
        ("/repos/create", 403, "may not write to `user/demo`"),
        ("/repos/create", 404, "no place for `user/demo`"),
        ("/commit/", 403, "may not write"),
        ("/commit/", 500, "status 500"),
        ("/preupload/", 503, "status 503"),
        ("/objects/batch", 429, "patience"),
        ("/blobs/", 403, "may not write"),
    ],
)
def test_refusals_are_told_in_a_sentence(
    hub: Hub, space: Path, tmp_path: Path, case: tuple[str, int, str]
) -> None:
    """With what helps; whatever the server says of the token is not passed on, not with -v."""
    part, status, words = case
    hub.refuses = {part: status}
    done = push(
        "--repo", "user/demo", "--from", space, "-v", home=tmp_path, HF_ENDPOINT=hub.url
    )  # fmt: skip
    assert done.returncode == 1
    assert words in done.stderr
    assert "hint: " in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert TOKEN[:12] not in done.stderr
    assert not any(there.commits for there in hub.spaces.values())


def test_without_a_token_or_a_network(hub: Hub, space: Path, tmp_path: Path) -> None:
    """It is told at once, and a wrong token is told as one."""
    words = ("--repo", "user/demo", "--from", space)
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"http://127.0.0.1:{server.getsockname()[1]}"
    nobody = push(*words, home=tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN="")
    nowhere = push(*words, home=tmp_path, HF_ENDPOINT=closed)
    offline = push(*words, home=tmp_path, HF_ENDPOINT=hub.url, HF_HUB_OFFLINE="1")
    assert hub.requests == []
    wrong = push(*words, home=tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN=WRONG)
    for done, said in (
        (nobody, "no token"),
        (nowhere, "cannot be reached"),
        (offline, "HF_HUB_OFFLINE is set"),
        (wrong, "does not know the token"),
    ):
        assert done.returncode == 1
        assert said in done.stderr
        assert "hint: " in done.stderr
    assert WRONG not in wrong.stderr


def test_the_login_of_the_client_is_taken(hub: Hub, space: Path, tmp_path: Path) -> None:
    """As `hf auth login` keeps it."""
    (tmp_path / "token").write_text(TOKEN)
    done = push(
        "--repo", "user/demo", "--from", space, home=tmp_path, HF_ENDPOINT=hub.url, HF_TOKEN=""
    )
    assert done.returncode == 0, done.stderr
    assert hub.spaces["user/demo"].files == contents(space)


@pytest.mark.parametrize(
    "repo",
    ["", "demo", "user/", "/demo", "a/b/c", "user/de mo", "user/../x", "user/-x", "us--er/x",
     "user/x.git", "https://huggingface.co/spaces/user/demo", "user/" + "x" * 200],
)  # fmt: skip
def test_names_that_are_none_are_refused(repo: str) -> None:
    """Before anything is built or sent."""
    with pytest.raises(SettingError) as refusal:
        check_repo(repo)
    assert "user/name" in (refusal.value.hint or "")
    assert len(str(refusal.value)) < 200


def test_usual_names_are_taken() -> None:
    """Letters, digits, dashes, points and underscores."""
    for repo in ("user/demo", "my-org/urban.segmentor_2", "A1/b"):
        check_repo(repo)
