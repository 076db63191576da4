"""Nothing in an archive leaves the folder, and files appear complete or not at all."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.datasets.site import Heard, archive_of, tree
from tests.io.test_atomic import largest_file
from urban_segmentor.datasets.cityscapes import archives
from urban_segmentor.datasets.cityscapes.archives import check_space, unpack
from urban_segmentor.errors import DatasetError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "README": b"read me",
    "license.txt": b"",
    "gtFine/train/ulm/a_gtFine_polygons.json": b"{}" * 4000,
    "gtFine/val/bonn/b_gtFine_color.png": bytes(range(256)) * 700,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder whose neighbours must stay as they are."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def save(folder: Path, data: bytes, name: str = "x.zip") -> Path:
    """Write an archive beside a folder."""
    path = folder.parent / name
    path.write_bytes(data)
    return path


def entry(name: str, data: bytes = b"x", **fields: int) -> bytes:
    """Return an archive of one entry; the archive says of it what the fields say."""
    stand_in = "x" * len(name)  # the writer tidies names up, so they are put in afterwards
    info = zipfile.ZipInfo(stand_in)
    for field, value in fields.items():
        setattr(info, field, value)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, data)
    return out.getvalue().replace(stand_in.encode(), name.encode())


def test_everything_is_unpacked(folder: Path) -> None:
    """Every file with its content, no other file, and the watcher hears of each byte."""
    heard = Heard()
    sizes, written = unpack(save(folder, archive_of(FILES)), folder, progress=heard)
    assert tree(folder) == FILES
    assert sizes == {name: len(data) for name, data in FILES.items()}
    assert written == len(FILES)
    total = sum(map(len, FILES.values()))
    assert heard.steps == [("unpacking x.zip", total, 0)]
    assert heard.done_bytes == total


def test_what_is_there_is_not_written_again(folder: Path) -> None:
    """The right size and CRC count; a file of the same size with other content is replaced."""
    archive = save(folder, archive_of(FILES))
    unpack(archive, folder)
    before = {name: (folder / name).stat().st_ino for name in FILES}
    (folder / "README").write_bytes(b"read it")
    (folder / "gtFine/val/bonn/b_gtFine_color.png").write_bytes(b"half")
    heard = Heard()
    assert unpack(archive, folder, progress=heard)[1] == 2
    assert tree(folder) == FILES
    kept = ("license.txt", "gtFine/train/ulm/a_gtFine_polygons.json")
    assert all((folder / name).stat().st_ino == before[name] for name in kept)
    assert heard.done_bytes == sum(map(len, FILES.values()))


def test_files_of_several_archives(folder: Path) -> None:
    """Both have a README, and both are unpacked; other files in the folder stay."""
    (folder / "mine.txt").write_text("mine")
    unpack(save(folder, archive_of({"README": b"1", "a/b": b"2"})), folder)
    unpack(save(folder, archive_of({"README": b"33", "a/straße 東": b"4"})), folder)
    assert tree(folder) == {"mine.txt": b"mine", "README": b"33", "a/b": b"2", "a/straße 東": b"4"}


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "//server/share",
        "../outside/x",
        "a/../../outside/x",
        "a/..",
        "..",
        "./a",
        "a//b",
        "C:/x",
        "C:x",
        "a/c:stream",
        "..\\outside\\x",
        "\\\\server\\share",
        "a\\b",
        "a/b\x00c",
        "a/\x1b[31m",
        "a\nb",
        "trailing./x",
        "trailing /x",
        "a/" + "n" * 300,
        ".download/gtFine.zip",
        ".DOWNLOAD/gtFine.zip",
    ],
)
def test_paths_that_are_refused(folder: Path, name: str) -> None:
    """They are named so that a terminal can show them, and nothing at all is written."""
    archive = save(folder, entry(name))
    before = tree(folder.parent)
    with pytest.raises(DatasetError, match="nothing of it was unpacked") as caught:
        unpack(archive, folder, reserved=(".download",))
    assert str(caught.value).isprintable()
    assert f"{name!r}"[1:9] in str(caught.value)
    assert str(archive) in (caught.value.hint or "")
    assert tree(folder.parent) == before
    names = sorted(path.name for path in folder.parent.iterdir())
    assert names == ["data", "outside", "x.zip"]


def test_one_bad_entry_stops_all(folder: Path) -> None:
    """Also the good files before it are not written."""
    archive = save(folder, archive_of({**FILES, "../outside/x": b"x"}))
    with pytest.raises(DatasetError, match=r"'\.\./outside/x', which is no plain path"):
        unpack(archive, folder)
    assert tree(folder) == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(names=st.lists(st.text("ab./\\: ", min_size=1, max_size=8), min_size=1, max_size=3))
def test_any_names(folder: Path, names: list[str]) -> None:
    """Whatever an archive's files are called, nothing is written outside, nor by halves."""
    files = {name: name.encode() for name in names}
    archive = save(folder, archive_of(files))
    try:
        sizes, _ = unpack(archive, folder)
    except (DatasetError, OutputError):
        pass
    else:
        assert all((folder / name).read_bytes() for name in sizes)
    beside = {path for path in folder.parent.rglob("*") if not path.is_relative_to(folder)}
    assert beside == {folder.parent / "outside", archive}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_devices_are_refused(folder: Path, kind: int) -> None:
    """A link would lead later files out of the folder."""
    data = entry("gtFine", b"../outside", external_attr=(kind | 0o777) << 16, create_system=3)
    with pytest.raises(DatasetError, match="is a link or a device"):
        unpack(save(folder, data), folder)
    assert tree(folder) == {}


@pytest.mark.parametrize("target", ["../outside", "/", "../nowhere", "../data-2"])
def test_links_that_lead_out(folder: Path, target: str) -> None:
    """A link that lies in the folder is not followed out of it, wherever it is in the path."""
    (folder.parent / "data-2").mkdir()
    archive = save(folder, archive_of(FILES))
    for link in (folder / "gtFine", folder / "gtFine" / "train", folder / "gtFine/val/bonn"):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(folder.parent / target if target.startswith("..") else target)
        with pytest.raises(DatasetError, match=r"leads to .*, out of .*; nothing of `x\.zip`"):
            unpack(archive, folder)
        link.unlink()
    assert tree(folder) == {}
    assert tree(folder.parent / "outside") == {}


def test_links_that_stay_inside(folder: Path) -> None:
    """Somebody may have arranged the data so; the folder itself may be a link too."""
    (folder / "big").mkdir()
    (folder / "gtFine").symlink_to("big")
    link = folder.parent / "link"
    link.symlink_to(folder)
    unpack(save(folder, archive_of(FILES)), link)
    assert (folder / "big/val/bonn/b_gtFine_color.png").is_file()


@pytest.mark.parametrize("hard", [False, True])
def test_a_linked_file_is_replaced_not_written_through(folder: Path, *, hard: bool) -> None:
    """What the link leads to stays, for the finished file as for the partial one."""
    victim = folder.parent / "outside" / "victim"
    victim.write_bytes(b"precious")
    for name in ("README", ".README.partial"):
        if hard:
            os.link(victim, folder / name)
        else:
            (folder / name).symlink_to(victim)
    unpack(save(folder, archive_of(FILES)), folder)
    assert victim.read_bytes() == b"precious"
    assert tree(folder) == FILES
    assert not (folder / "README").is_symlink()


def test_a_link_to_the_right_content_is_no_file(folder: Path) -> None:
    """It would break as soon as its target goes."""
    victim = folder.parent / "outside" / "victim"
    victim.write_bytes(FILES["README"])
    (folder / "README").symlink_to(victim)
    unpack(save(folder, archive_of(FILES)), folder)
    assert not (folder / "README").is_symlink()


def test_things_in_the_way(folder: Path) -> None:
    """A folder where a file must go, or the other way round, is named with a way out."""
    archive = save(folder, archive_of(FILES))
    (folder / "gtFine").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*polygons") as caught:
        unpack(archive, folder)
    assert "remove it" in (caught.value.hint or "")
    (folder / "gtFine").unlink()
    (folder / "README").unlink()
    (folder / "README").mkdir()
    with pytest.raises(OutputError, match=r"README`: Is a directory"):
        unpack(archive, folder)
    assert not (folder / ".README.partial").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a", "a"], "two files of one name"),
        (["a", "a/b"], "`a` both as a file and as a folder"),
        (["a/b/c", "a/b"], "`a/b` both as a file and as a folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_collide(folder: Path, files: list[str], message: str) -> None:
    """One would take the place of the other."""
    path = folder.parent / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in files:
            archive.writestr(name, b"x")
    with pytest.raises(DatasetError, match=message):
        unpack(path, folder)


def test_an_archive_that_grows_too_much(folder: Path) -> None:
    """A bomb is refused before it is opened; text that packs well is not."""
    data = archive_of({"a": bytes(50_000_000)})
    assert len(data) * archives.MAX_EXPANSION < 50_000_000
    with pytest.raises(DatasetError, match=r"would grow to 50\.0 MB, more than 200 times its size"):
        unpack(save(folder, data), folder)
    unpack(save(folder, archive_of({"a": bytes(1_000_000)})), folder)
    assert (folder / "a").stat().st_size == 1_000_000


def test_too_many_entries(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Millions of empty files fill a disk as well."""
    monkeypatch.setattr(archives, "MAX_FILES", 3)
    with pytest.raises(DatasetError, match="has 4 entries, expected at most 3"):
        unpack(save(folder, archive_of(FILES)), folder)


@pytest.mark.parametrize("stated", [100, 5_000, 19_999, 20_001, 40_000])
def test_sizes_that_are_not_as_stated(folder: Path, stated: int) -> None:
    """Never more is written than the archive states, and never less appears as complete."""
    content = os.urandom(20_000)
    packed = archive_of({"a": content})
    plain = packed.index(b"PK\x01\x02")
    for place in (22, plain + 24):  # in front of the data, and in the list at the end
        packed = packed[:place] + struct.pack("<I", stated) + packed[place + 4 :]
    with pytest.raises(DatasetError, match=r"`x\.zip` is damaged, at `a`"):
        unpack(save(folder, packed), folder)
    assert tree(folder) == {}


def test_a_short_file_with_a_right_sum(folder: Path) -> None:
    """The CRC may fit what is there; the size does not."""
    packed = archive_of({"a": b"short"})
    listed = packed.index(b"PK\x01\x02")
    packed = packed[: listed + 24] + struct.pack("<I", 9) + packed[listed + 28 :]
    with pytest.raises(DatasetError, match="its size is not as stated"):
        unpack(save(folder, packed), folder)
    assert tree(folder) == {}


def test_damaged_content(folder: Path) -> None:
    """The file is named, those before it stay, and nothing of it is left."""
    packed = bytearray(archive_of(FILES))
    place = packed.index(b"b_gtFine_color.png") + 60
    packed[place] ^= 0xFF
    with pytest.raises(DatasetError, match="damaged, at `gtFine/val/bonn/b_gtFine") as caught:
        unpack(save(folder, bytes(packed)), folder)
    assert "to fetch it anew" in (caught.value.hint or "")
    expected = {name: data for name, data in FILES.items() if not name.endswith("color.png")}
    assert tree(folder) == expected


WHOLE = archive_of(FILES)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>log in</html>", id="page"),
        pytest.param(WHOLE[: len(WHOLE) // 2], id="half"),
        pytest.param(WHOLE[:-1], id="a byte less"),
        pytest.param(WHOLE[:-30] + bytes(30), id="zeros at the end"),
        pytest.param(WHOLE.replace(b"PK\x01\x02", b"PK\x01\x03"), id="no list"),
    ],
)
def test_what_is_no_archive(folder: Path, data: bytes) -> None:
    """Named, with a hint, and nothing is written."""
    with pytest.raises(DatasetError, match=r"`x\.zip` is damaged") as caught:
        unpack(save(folder, data), folder)
    assert "to fetch it anew" in (caught.value.hint or "")
    assert tree(folder) == {}


def test_archives_that_cannot_be_opened(folder: Path) -> None:
    """One that is gone, and one that is a folder."""
    with pytest.raises(DatasetError, match="there is no archive"):
        unpack(folder / "none.zip", folder)
    with pytest.raises(DatasetError, match="cannot be read: Is a directory"):
        unpack(folder, folder)


def test_an_offset_before_the_archive(folder: Path) -> None:
    """Is damage, and no error of the system."""
    data = archive_of({"a": b"x"})
    place = data.index(b"PK\x05\x06") + 16
    (offset,) = struct.unpack_from("<I", data, place)
    data = data[:place] + struct.pack("<I", offset + 1) + data[place + 4 :]
    with pytest.raises(DatasetError, match="is damaged, at `a`"):
        unpack(save(folder, data), folder)


def test_strange_entries(folder: Path) -> None:
    """No password is asked for; a name that is no text is damage, an unknown method refused."""
    with pytest.raises(DatasetError, match="is damaged: 'utf-8' codec"):
        unpack(save(folder, _patched(8, 0x800).replace(b"aPK\x05", b"\xffPK\x05")), folder)
    with pytest.raises(DatasetError, match="is encrypted"):
        unpack(save(folder, _patched(8, 1)), folder)
    for method in (99, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with pytest.raises(DatasetError, match=f"is compressed by method {method}, expected defl"):
            unpack(save(folder, _patched(10, method)), folder)


def _patched(offset: int, value: int) -> bytes:
    """Return an archive with another number in the list of its files."""
    data = archive_of({"a": b"x"})
    place = data.index(b"PK\x01\x02") + offset
    return data[:place] + struct.pack("<H", value) + data[place + 2 :]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.data())
def test_any_damage(folder: Path, data: st.DataObject) -> None:
    """Files appear with the right content or not at all, whatever bytes are wrong."""
    whole = archive_of({"a": b"some text " * 20, "b/c": b"other"})
    packed = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        packed[place] = data.draw(st.integers(0, 255))
    try:
        sizes, _ = unpack(save(folder, bytes(packed)), folder)
    except (DatasetError, OutputError):
        pass
    else:
        with zipfile.ZipFile(folder.parent / "x.zip") as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    content = (folder / info.filename).read_bytes()
                    assert zlib.crc32(content) == info.CRC
        assert len(sizes) <= 2
    assert not list(folder.rglob("*.partial"))


def test_the_disk_is_too_small(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said before anything is written, with both figures; what is there needs no space."""
    archive = save(folder, archive_of(FILES))
    usage = archives.shutil.disk_usage(folder)
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: usage._replace(free=100_000))
    message = r"`.*data` has 100\.0 kB free, 192\.5 kB are needed for the files of `x\.zip`"
    with pytest.raises(OutputError, match=message) as caught:
        unpack(archive, folder)
    assert caught.value.hint == "free some space, or choose another folder"
    assert tree(folder) == {}
    (folder / "gtFine/val/bonn").mkdir(parents=True)
    name = "gtFine/val/bonn/b_gtFine_color.png"
    (folder / name).write_bytes(FILES[name])
    unpack(archive, folder)
    assert tree(folder) == FILES


def test_a_full_disk(folder: Path) -> None:
    """What the check could not foresee leaves no half file either."""
    archive = save(folder, archive_of(FILES))
    message = r"cannot write `.*color\.png`: File too large"
    with largest_file(100_000), pytest.raises(OutputError, match=message):
        unpack(archive, folder)
    assert tree(folder) == {k: v for k, v in FILES.items() if not k.endswith("color.png")}


def test_a_quota(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is told from a full disk."""

    def write_all(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(archives, "write_all", write_all)
    with pytest.raises(OutputError, match="Disk quota exceeded") as caught:
        unpack(save(folder, archive_of({"a": b"x"})), folder)
    assert "your quota is used up" in (caught.value.hint or "")
    assert tree(folder) == {}


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """The system's words become an error of ours."""
    with pytest.raises(OutputError, match="cannot write"):
        check_space(tmp_path / "none", need_bytes=1, what="x")
