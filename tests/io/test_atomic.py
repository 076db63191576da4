"""Files appear complete or not at all, and what the system refuses is said in plain words."""

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from urban_segmentor.errors import OutputError
from urban_segmentor.io.atomic import (
    AtomicFile,
    check_free,
    check_free_folder,
    write_atomically,
)

HINT = "add --overwrite, or choose another path"


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Return a context in which the system takes no file beyond a size, mid-write as it comes."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder: Path) -> list[str]:
    """Return all that is in a folder, hidden files included."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    """Before the commit there is only the partial file."""
    file = AtomicFile(tmp_path / "sub" / "a.txt", overwrite=False, head="head\n")
    assert names(tmp_path / "sub") == []
    file.write("one\n")
    assert names(tmp_path / "sub") == [".a.txt.partial"]
    file.write("zwei ü\n")
    file.commit()
    file.commit()
    file.abort()
    assert names(tmp_path / "sub") == ["a.txt"]
    assert (tmp_path / "sub" / "a.txt").read_text("utf-8") == "head\none\nzwei ü\n"


def test_a_file_without_writes_has_its_head(tmp_path: Path) -> None:
    """A run that finds nothing leaves a valid file."""
    with AtomicFile(tmp_path / "a.txt", overwrite=False, head="head\n") as file:
        assert not file.closed
    assert file.closed
    assert (tmp_path / "a.txt").read_text() == "head\n"


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    """The partial file goes too."""
    file = AtomicFile(tmp_path / "a.txt", overwrite=False)
    with suppress(KeyError), file:
        file.write("half")
        assert names(tmp_path) == [".a.txt.partial"]
        raise KeyError
    assert names(tmp_path) == []
    assert file.closed


def test_an_aborted_overwrite_keeps_the_old_file(tmp_path: Path) -> None:
    """The old content stands until the new one is complete."""
    target = tmp_path / "a.txt"
    target.write_text("old")
    file = AtomicFile(target, overwrite=True)
    file.write("new")
    file.abort()
    assert names(tmp_path) == ["a.txt"]
    assert target.read_text() == "old"


def test_what_an_earlier_run_left_is_replaced(tmp_path: Path) -> None:
    """A partial file of a killed run is no obstacle, and a link in its place is not followed."""
    victim = tmp_path / "victim"
    victim.write_text("keep")
    (tmp_path / ".a.txt.partial").symlink_to(victim)
    with AtomicFile(tmp_path / "a.txt", overwrite=False) as file:
        file.write("new")
    assert victim.read_text() == "keep"
    assert (tmp_path / "a.txt").read_text() == "new"


def test_nothing_is_added_after_the_end(tmp_path: Path) -> None:
    """Else it would be lost without a word."""
    file = AtomicFile(tmp_path / "a.txt", overwrite=False)
    file.commit()
    with pytest.raises(OutputError, match="is finished"):
        file.write("more")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: AtomicFile(path, overwrite=False),
        lambda path: write_atomically(path, b"new", overwrite=False),
    ],
    ids=["grow", "whole"],
)
def test_an_existing_file_is_kept(tmp_path: Path, write: Callable[[Path], object]) -> None:
    """The message names it, and the hint can be followed."""
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OutputError, match=r"a\.txt` exists already") as caught:
        write(target)
    assert caught.value.hint == HINT
    assert target.read_text() == "old"


def test_overwriting_replaces(tmp_path: Path) -> None:
    """With `overwrite` the new content stands there."""
    target = tmp_path / "a.bin"
    write_atomically(target, b"old", overwrite=False)
    write_atomically(target, b"\x00new", overwrite=True)
    assert target.read_bytes() == b"\x00new"
    assert names(tmp_path) == ["a.bin"]


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    """Not even with `overwrite`."""
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        check_free(tmp_path / "a.txt", overwrite=True)


def test_a_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    """The hint says what is wrong with the path."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"cannot write `.*sub/a\.txt`") as caught:
        AtomicFile(tmp_path / "file" / "sub" / "a.txt", overwrite=True)
    assert caught.value.hint is not None
    assert "a part of the path is a file" in caught.value.hint
    with pytest.raises(OutputError, match="is a file, expected a folder"):
        check_free_folder(tmp_path / "file", overwrite=True)


def test_a_filled_folder_needs_overwrite(tmp_path: Path) -> None:
    """An empty folder does not, and a missing one is made."""
    folder = tmp_path / "a" / "labels"
    check_free_folder(folder, overwrite=False)
    check_free_folder(folder, overwrite=False)
    (folder / "x").write_text("")
    with pytest.raises(OutputError, match="not empty") as caught:
        check_free_folder(folder, overwrite=False)
    assert caught.value.hint == HINT
    check_free_folder(folder, overwrite=True)
    assert names(folder) == ["x"]


def test_a_folder_without_write_permission_is_noticed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before hours of work, not after; root may write everywhere, so the answer is faked."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="Permission denied") as caught:
        AtomicFile(tmp_path / "a.txt", overwrite=False)
    assert caught.value.hint == "choose a path that you may write to"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_a_failing_disk_is_an_output_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """What and where is said, with a hint, and nothing is left behind."""
    real = Path.open

    def refuse(path: Path, mode: str = "r", buffering: int = -1) -> io.FileIO:
        file = real(path, mode, buffering)
        file.close()
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match=os.strerror(number)) as caught:
        write_atomically(tmp_path / "a.bin", b"data", overwrite=False)
    assert "another path" in (caught.value.hint or "")
    assert not (tmp_path / "a.bin").exists()


def test_a_whole_file_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    """The system took the first half of it."""
    with largest_file(100), pytest.raises(OutputError, match=r"cannot write `.*a\.bin`"):
        write_atomically(tmp_path / "a.bin", b"x" * 200, overwrite=False)
    assert names(tmp_path) == []


def test_a_text_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    """What was written before stays whole, and the file can still be finished."""
    file = AtomicFile(tmp_path / "a.txt", overwrite=False, head="head\n")
    with largest_file(100):
        file.write("first\n")
        with pytest.raises(OutputError, match=r"cannot write `.*a\.txt`"):
            file.write("x" * 200)
        file.write("last\n")
        file.commit()
    assert (tmp_path / "a.txt").read_text() == "head\nfirst\nlast\n"


def test_a_head_that_does_not_fit_is_written_later(tmp_path: Path) -> None:
    """The head is not lost when the first write fails."""
    file = AtomicFile(tmp_path / "a.txt", overwrite=False, head="head\n")
    with largest_file(3), pytest.raises(OutputError, match="cannot write"):
        file.write("first\n")
    file.commit()
    assert (tmp_path / "a.txt").read_text() == "head\n"


def test_a_commit_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rename can fail too."""

    def refuse(_path: Path, _target: Path) -> Path:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    file = AtomicFile(tmp_path / "a.txt", overwrite=False)
    file.write("text")
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        file.commit()
    assert names(tmp_path) == []
    assert file.closed


def test_names_in_other_encodings_can_be_written(tmp_path: Path) -> None:
    """A file name that is no UTF-8 becomes an escape."""
    with AtomicFile(tmp_path / "a.txt", overwrite=False) as file:
        file.write("x\udcffy")
    assert (tmp_path / "a.txt").read_bytes() == rb"x\udcffy"
