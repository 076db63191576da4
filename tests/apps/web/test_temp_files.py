"""Files of visitors: nobody else finds them, and they go."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from urban_segmentor.apps.web.temp_files import SavedResult, TempFiles

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TempFiles]:
    """Return an empty store."""
    made = TempFiles(parent=tmp_path)
    yield made
    made.close()


def write(answer: SavedResult, name: str = "after.jpg") -> str:
    """Write a file of an answer; return its name."""
    (answer.folder / name).write_bytes(b"image")
    return name


def test_a_file_is_found_by_its_token_alone(store: TempFiles) -> None:
    """Tokens are long and random; what was not written is not there."""
    answer = store.new_result("anna")
    name = write(answer)
    assert len(answer.token) == 32
    assert store.find(answer.token, name) == answer.folder / name
    assert store.find(answer.token, "before.jpg") is None
    assert store.find("0" * 32, name) is None
    assert answer.url(name) == f"results/{answer.token}/{name}"


@pytest.mark.parametrize(
    "name", ["../after.jpg", "..", ".upload", "a/b.jpg", "/etc/passwd", "a\0.jpg", "", "A.JPG", "."]
)
def test_names_that_lead_elsewhere_are_not_found(store: TempFiles, name: str) -> None:
    """Only plain names of an answer's own files are."""
    answer = store.new_result("anna")
    write(answer, ".upload")
    assert store.find(answer.token, name) is None


@pytest.mark.parametrize("token", ["", ".", "..", "../results", "x" * 32, "A" * 32])
def test_tokens_that_are_none_are_not_found(store: TempFiles, token: str) -> None:
    """What does not look like a token never reaches the disk."""
    store.new_result("anna")
    assert store.find(token, "after.jpg") is None
    assert store.folder(token) is None


def test_a_link_is_not_followed(store: TempFiles, tmp_path: Path) -> None:
    """A link among the results leads nowhere."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    answer = store.new_result("anna")
    (answer.folder / "link.txt").symlink_to(secret)
    assert store.find(answer.token, "link.txt") is None


def test_a_visitor_who_leaves_leaves_nothing(store: TempFiles) -> None:
    """Answers and uploads go; those of others stay."""
    mine, other = store.new_result("anna"), store.new_result("bert")
    write(mine)
    write(other)
    upload = store.root / "abc" / "photo.png"
    upload.parent.mkdir()
    upload.write_bytes(b"photo")
    store.add_upload("anna", upload)
    store.delete_visitor("anna")
    assert not mine.folder.exists()
    assert not upload.parent.exists()
    assert store.find(other.token, "after.jpg") is not None
    store.delete_visitor("anna")


def test_equal_uploads_of_two_visitors_stay_for_the_second(store: TempFiles) -> None:
    """Gradio keeps equal files once."""
    upload = store.root / "abc" / "photo.png"
    upload.parent.mkdir()
    upload.write_bytes(b"photo")
    store.add_upload("anna", upload)
    store.add_upload("bert", upload)
    store.delete_visitor("anna")
    assert upload.exists()
    store.delete_visitor("bert")
    assert not upload.exists()


def test_files_outside_are_never_deleted(store: TempFiles, tmp_path: Path) -> None:
    """An example that a visitor looked at is no upload."""
    example = tmp_path / "example.png"
    example.write_bytes(b"example")
    store.add_upload("anna", example)
    store.delete_visitor("anna")
    assert example.exists()


def test_a_busy_visitor_fills_no_disk(store: TempFiles) -> None:
    """Only the last few answers of a visitor are kept."""
    answers = [store.new_result("anna") for _ in range(10)]
    kept = [answer for answer in answers if answer.folder.exists()]
    assert kept == answers[-len(kept) :]
    assert 1 <= len(kept) <= 4


def test_what_nobody_used_for_long_is_swept(tmp_path: Path) -> None:
    """Old answers and uploads go, young ones stay."""
    store = TempFiles(keep_s=100.0, parent=tmp_path)
    old, young = store.new_result("anna"), store.new_result("bert")
    upload = store.root / "abc"
    upload.mkdir()
    (upload / "photo.png").write_bytes(b"photo")
    past = time.time() - 1000
    for path in (upload / "photo.png", upload, old.folder):
        os.utime(path, (past, past))
    store.sweep()
    assert not old.folder.exists()
    assert not upload.exists()
    assert young.folder.exists()
    store.close()
    assert not store.root.exists()


def test_shared_answers_stay_where_they_are(store: TempFiles, tmp_path: Path) -> None:
    """Examples are everybody's, and nobody's to delete."""
    answer = SavedResult(token="example-0", folder=tmp_path / "0")  # noqa: S106 - a name in addresses
    answer.folder.mkdir()
    write(answer)
    store.share(answer)
    assert store.find("example-0", "after.jpg") == answer.folder / "after.jpg"
    store.sweep()
    store.delete_visitor("anna")
    assert (answer.folder / "after.jpg").exists()
