"""Downloads from a stand-in of the site: complete or continued, whatever happens on the way."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.datasets.site import (
    IMAGES,
    LABELS,
    PASSWORD,
    USERNAME,
    Heard,
    archive_of,
    serve,
    serve_directly,
    tree,
)
from tests.io.test_atomic import largest_file
from urban_segmentor.datasets.cityscapes import archives
from urban_segmentor.datasets.cityscapes import site as client
from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.datasets.cityscapes.download import download, package_names
from urban_segmentor.datasets.cityscapes.site import CityscapesAccount, stored_account
from urban_segmentor.errors import (
    DatasetError,
    MissingExtraError,
    OutputError,
    SettingError,
    UrbanSegmentorError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.datasets.site import StandIn
    from urban_segmentor.datasets.cityscapes.download import DownloadedPackage

LABEL_FILES = {
    "README": b"labels",
    "license.txt": b"do not share",
    **{f"gtFine/train/ulm/{i}_gtFine_polygons.json": os.urandom(900) for i in range(20)},
}
IMAGE_FILES = {
    "README": b"the pictures",
    "license.txt": b"do not share",
    **{f"leftImg8bit/train/ulm/{i}_leftImg8bit.png": os.urandom(30_000) for i in range(10)},
}
ALL_FILES = LABEL_FILES | IMAGE_FILES
ARCHIVES = {
    LABELS: archive_of(LABEL_FILES),
    IMAGES: archive_of(IMAGE_FILES),
    "gtCoarse.zip": archive_of({"gtCoarse/a": b"a"}),
}
FILE, SUM, LIST = "/file-handling/", "/md5-sum/", "/downloads/"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """Serve the archives in small pieces."""
    monkeypatch.setattr(client, "_CHUNK_BYTES", 1024)
    with serve_directly(ARCHIVES, monkeypatch) as running:
        yield running


def fetch(site: StandIn, folder: Path, **options: Any) -> list[DownloadedPackage]:  # noqa: ANN401 - of `download`
    """Download with the right account."""
    return download(
        folder,
        lambda: CityscapesAccount(username=USERNAME, password=PASSWORD),
        address=site.url,
        **options,
    )


def failure(site: StandIn, folder: Path, **options: Any) -> UrbanSegmentorError:  # noqa: ANN401
    """Return the error of a download that fails, having looked for secrets in it."""
    with pytest.raises(UrbanSegmentorError) as caught:
        fetch(site, folder, **options)
    text = "".join(traceback.format_exception(caught.value)) + (caught.value.hint or "")
    assert PASSWORD not in text
    assert "PHPSESSID" not in text
    assert caught.value.hint
    return caught.value


def begin(folder: Path, name: str, data: bytes) -> None:
    """Leave a part of an archive in a folder, as an earlier run does."""
    part = folder / ".download" / "part" / name
    part.parent.mkdir(parents=True)
    part.write_bytes(data)


def check_complete(folder: Path) -> None:
    """Check that everything is unpacked and nothing else is left."""
    files = tree(folder)
    left = {name for name in files if name.startswith(".download")}
    assert {name: data for name, data in files.items() if name not in left} == ALL_FILES
    assert left == {f".download/{LABELS}.json", f".download/{IMAGES}.json", ".download/lock"}


def test_everything_arrives(site: StandIn, tmp_path: Path) -> None:
    """Both packages are unpacked into a new folder, and the archives are gone."""
    folder, heard = tmp_path / "new" / "cityscapes", Heard()
    labels, images = fetch(site, folder, progress=heard)
    check_complete(folder)
    assert (labels.name, labels.files, labels.written) == (LABELS, 22, 22)
    assert labels.downloaded_bytes == len(ARCHIVES[LABELS])
    assert (images.files, images.written, images.archive) == (12, 11, None)
    unpacked_bytes = 0
    for number, (name, files) in enumerate(((LABELS, LABEL_FILES), (IMAGES, IMAGE_FILES))):
        size = sum(map(len, files.values()))
        unpacked_bytes += size
        assert heard.steps[3 * number : 3 * number + 3] == [
            (f"fetching {name}", len(ARCHIVES[name]), 0),
            (f"checking {name}", len(ARCHIVES[name]), 0),
            (f"unpacking {name}", size, 0),
        ]
    archives_bytes = len(ARCHIVES[LABELS]) + len(ARCHIVES[IMAGES])
    assert heard.done_bytes == 2 * archives_bytes + unpacked_bytes  # they are also checked
    assert heard.said == []


def test_a_second_run_needs_nothing(
    site: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even an account; nothing is printed."""
    fetch(site, tmp_path)
    site.heard.clear()

    def nobody() -> CityscapesAccount:
        raise AssertionError

    again = download(tmp_path, nobody, address=site.url)
    assert [(one.files, one.written, one.downloaded_bytes) for one in again] == [
        (22, 0, 0),
        (12, 0, 0),
    ]
    assert site.heard == []
    check_complete(tmp_path)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("content", [None, b"{"], ids=["gone", "cut off"])
def test_files_that_went_missing_come_back(
    site: StandIn, tmp_path: Path, content: bytes | None
) -> None:
    """One that is gone or cut off brings its own archive again, and only that."""
    fetch(site, tmp_path)
    victim = tmp_path / "gtFine/train/ulm/3_gtFine_polygons.json"
    victim.unlink()
    if content is not None:
        victim.write_bytes(content)
    site.heard.clear()
    labels, images = fetch(site, tmp_path)
    assert (labels.written, images.written) == (2, 0)  # with the README of the labels
    assert site.pages().count(FILE) == 1
    assert victim.read_bytes() == LABEL_FILES[str(victim.relative_to(tmp_path))]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"../x": "y"}', '{"a\\u0000": 1}', "[" * 99_999])
def test_a_damaged_record_is_no_record(site: StandIn, tmp_path: Path, text: str) -> None:
    """The archive comes again, and what is there is not written again."""
    fetch(site, tmp_path)
    (tmp_path / ".download" / f"{IMAGES}.json").write_text(text)
    _, images = fetch(site, tmp_path)
    assert (images.written, images.downloaded_bytes > 0) == (0, True)
    check_complete(tmp_path)


def test_archives_can_be_kept(site: StandIn, tmp_path: Path) -> None:
    """They lie in the folder, and serve the next run when files are gone."""
    kept = [one.archive for one in fetch(site, tmp_path, keep_archives=True)]
    assert kept == [tmp_path / LABELS, tmp_path / IMAGES]
    assert all(path.read_bytes() == ARCHIVES[path.name] for path in kept if path)
    (tmp_path / "license.txt").unlink()
    site.heard.clear()
    assert [one.written for one in fetch(site, tmp_path)] == [2, 0]
    assert FILE not in site.pages()
    assert all(path and path.is_file() for path in kept)


def test_an_archive_of_the_users_own(site: StandIn, tmp_path: Path) -> None:
    """It is used when its sum is right, named when it is not, and never removed."""
    mine = tmp_path / IMAGES
    mine.write_bytes(ARCHIVES[IMAGES][:-1])
    error = failure(site, tmp_path)
    assert isinstance(error, DatasetError)
    assert f"`{mine}` is damaged or incomplete" in str(error)
    assert f"remove `{mine}`" in str(error.hint)
    mine.write_bytes(ARCHIVES[IMAGES])
    fetch(site, tmp_path)
    assert site.pages().count(FILE) == 1  # for the labels
    assert mine.read_bytes() == ARCHIVES[IMAGES]
    assert set(ALL_FILES) < set(tree(tmp_path))


def test_other_packages(site: StandIn, tmp_path: Path) -> None:
    """By name; what there is not is told with what there is."""
    (coarse,) = fetch(site, tmp_path, packages=["gtCoarse"])
    assert (coarse.name, coarse.files) == ("gtCoarse.zip", 1)
    error = failure(site, tmp_path, packages=["gtCoarse", "gtcoarse,nothing"])
    assert isinstance(error, SettingError)
    assert "does not offer `gtcoarse.zip`, `nothing.zip` to your account" in str(error)
    assert f"choose from gtCoarse.zip, {LABELS}, {IMAGES} with --packages" in str(error.hint)


@pytest.mark.parametrize("text", ["../x", "/x", "a/b", "a\\b", ".x", "-x", "a b", "ä", "", " , "])
def test_names_that_are_none(tmp_path: Path, text: str) -> None:
    """They are refused before anything is asked or made."""
    with pytest.raises(SettingError, match=r"is no name of a package|no package is named"):
        package_names([text])
    with pytest.raises(SettingError):
        download(tmp_path / "x", pytest.fail, packages=[text])
    assert not (tmp_path / "x").exists()


def test_bad_credentials(site: StandIn, tmp_path: Path) -> None:
    """Said at once, with the hint that belongs to where they are from; tried only once."""
    with pytest.raises(DatasetError, match="does not know this user name") as caught:
        download(
            tmp_path,
            lambda: CityscapesAccount(username=USERNAME, password="secret", hint="look there"),  # noqa: S106
            address=site.url,
        )
    assert caught.value.hint == "look there"
    assert site.pages() == ["/login", "/login"]
    assert "secret" not in "".join(traceback.format_exception(caught.value))
    assert tree(tmp_path).keys() == {".download/lock"}


def test_a_password_is_in_no_text() -> None:
    """Neither `repr` nor `str` has it."""
    account = CityscapesAccount(username=USERNAME, password=PASSWORD)
    assert PASSWORD not in f"{account} {account!r} {[account]}"
    assert USERNAME in repr(account)


@pytest.mark.parametrize("page", ["/login", "POST", LIST, SUM, FILE])
@pytest.mark.parametrize("trouble", [503, 429, "drop"])
def test_passing_trouble(site: StandIn, tmp_path: Path, page: str, trouble: int | str) -> None:
    """Two times in a row, on any page, is no reason to stop; each is told."""
    site.plague(page, trouble, trouble)
    heard = Heard()
    fetch(site, tmp_path, progress=heard)
    check_complete(tmp_path)
    what = "cannot be reached" if trouble == "drop" else f"has trouble (status {trouble})"
    assert len(heard.said) == 2
    assert all(what in text and "trying again in" in text for text in heard.said)


@pytest.mark.parametrize("page", ["/login", "POST", LIST, SUM, FILE])
def test_lasting_trouble(site: StandIn, tmp_path: Path, page: str) -> None:
    """Stops after a few attempts with a way out; a later run goes on."""
    site.plague(page, *[503] * 6)
    error = failure(site, tmp_path)
    assert isinstance(error, DatasetError)
    assert "has trouble (status 503)" in str(error)
    assert "repeat the command later" in str(error.hint)
    site.trouble.clear()
    fetch(site, tmp_path)
    check_complete(tmp_path)


@pytest.mark.parametrize("page", [LIST, SUM, FILE])
@pytest.mark.parametrize("trouble", ["html", "redirect", 403])
def test_pages_instead_of_data(
    site: StandIn, tmp_path: Path, page: str, trouble: int | str
) -> None:
    """Are never taken for data, and the message says where to look."""
    site.plague(page, *[trouble] * 20)
    error = failure(site, tmp_path)
    expected = {LIST: "its list of packages", SUM: "an MD5 sum", FILE: "does not hand this out"}
    if trouble == "html" and page != FILE:
        assert f"answers something else than {expected[page]}" in str(error)
    else:
        assert "does not hand this out to your account" in str(error)
    assert f"{site.url}/downloads/ in a browser" in str(error.hint)
    parts = [data for name, data in tree(tmp_path).items() if name.startswith(".download/part")]
    assert parts in ([], [b""])


@pytest.mark.parametrize("page", ["/login", "POST", LIST, SUM, FILE])
def test_redirects_to_another_host(site: StandIn, tmp_path: Path, page: str) -> None:
    """Are never followed, so that it sees neither the account nor its cookie."""
    with serve({}) as other:
        site.plague(page, *[f"{other.url}/login"] * 20)
        failure(site, tmp_path)
        assert other.heard == []
    site.trouble.clear()
    fetch(site, tmp_path)
    check_complete(tmp_path)


def test_a_log_in_that_leads_back(site: StandIn, tmp_path: Path) -> None:
    """Is none, though a right one is a redirect too."""
    site.plague("POST", "redirect", "redirect")
    error = failure(site, tmp_path)
    assert "does not hand this out to your account (status 302)" in str(error)


def test_a_closed_package(site: StandIn, tmp_path: Path) -> None:
    """Another one that came before stays."""
    site.closed.add(IMAGES)
    error = failure(site, tmp_path)
    assert "does not hand this out to your account (status 302)" in str(error)
    assert set(LABEL_FILES) < set(tree(tmp_path))
    site.closed.clear()
    fetch(site, tmp_path)
    check_complete(tmp_path)


def test_a_log_in_that_grows_old(site: StandIn, tmp_path: Path) -> None:
    """Is renewed in the middle of a download, once without a word."""
    site.plague(FILE, "half", "redirect")
    heard = Heard()
    fetch(site, tmp_path, progress=heard)
    check_complete(tmp_path)
    assert site.pages().count("/login") == 4
    assert len(heard.said) == 1


@pytest.mark.parametrize("trouble", ["half", "short"])
def test_a_connection_that_is_lost(site: StandIn, tmp_path: Path, trouble: str) -> None:
    """Goes on from where it broke; nothing is fetched twice."""
    site.plague(FILE, trouble, trouble, trouble)
    heard = Heard()
    labels, images = fetch(site, tmp_path, progress=heard)
    check_complete(tmp_path)
    assert ["has stopped in the middle of an archive" in text for text in heard.said] == [True] * 3
    sizes = len(ARCHIVES[LABELS]), len(ARCHIVES[IMAGES])
    assert (labels.downloaded_bytes, images.downloaded_bytes) == sizes
    lost_bytes = site.sent_bytes - sum(sizes)
    assert 0 <= lost_bytes < 3 * 1024  # pieces that had not arrived as a whole
    starts = [int((span or "").removeprefix("bytes=")[:-1]) for span in site.ranges_heard()]
    assert starts == [*sorted(starts[:4]), 0]
    assert starts[0] == 0 < starts[1] < starts[2] < starts[3]
    assert [done for what, _, done in heard.steps if what.startswith("fetching")] == starts


def test_a_site_that_stalls(site: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not waited for for ever, neither for an answer nor in the middle of one."""
    monkeypatch.setattr(client, "_TIMEOUT_S", (5.0, 1.0))
    site.plague(LIST, "stall")
    site.hold_at = len(ARCHIVES[LABELS]) // 2
    heard = Heard()
    fetch(site, tmp_path, progress=heard)
    check_complete(tmp_path)
    assert any("does not answer in time" in text for text in heard.said)
    assert "has stopped in the middle" in heard.said[-1]


def test_nobody_is_there(site: StandIn, tmp_path: Path) -> None:
    """No network: a few attempts, then what to check."""
    site.url = "http://127.0.0.1:9"
    heard = Heard()
    error = failure(site, tmp_path, progress=heard)
    assert str(error) == "`http://127.0.0.1:9` cannot be reached"
    assert str(error.hint).startswith("check the network")
    assert len(heard.said) == 2


@pytest.mark.parametrize(
    ("proxy", "message"),
    [
        ("http://user:hunter2@127.0.0.1:9", "the proxy does not let us through"),
        ("nonsense://user:hunter2@x", "cannot be read"),
    ],
)
def test_proxies(
    site: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    proxy: str,
    message: str,
) -> None:
    """A proxy that is not there is told from a site that is not; its password is not shown."""
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    site.url = "http://cityscapes.example"
    with pytest.raises(DatasetError) as caught:
        fetch(site, tmp_path)
    assert message in str(caught.value)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_no_certificate(site: StandIn, tmp_path: Path) -> None:
    """Talking to something that has none is not tried again."""
    site.url = site.url.replace("http:", "https:")
    heard = Heard()
    error = failure(site, tmp_path, progress=heard)
    assert "certificate" in str(error)
    assert heard.said == []


def test_a_damaged_archive(site: StandIn, tmp_path: Path) -> None:
    """Is named and removed, and comes anew with the next run."""
    site.sums[IMAGES] = f"{'0' * 32}  {IMAGES}\n"
    error = failure(site, tmp_path)
    assert f"`{IMAGES}` arrived damaged" in str(error)
    assert "repeat the command to fetch it anew" in str(error.hint)
    assert not list((tmp_path / ".download" / "part").iterdir())
    site.sums.clear()
    site.heard.clear()
    fetch(site, tmp_path)
    assert site.ranges_heard() == ["bytes=0-"]
    check_complete(tmp_path)


def test_an_archive_that_changed(site: StandIn, tmp_path: Path) -> None:
    """What was begun of the former one is never taken for a part of it."""
    begin(tmp_path, IMAGES, os.urandom(20_000))
    error = failure(site, tmp_path)
    assert f"`{IMAGES}` arrived damaged" in str(error)
    fetch(site, tmp_path)
    assert site.ranges_heard()[-2:] == ["bytes=20000-", "bytes=0-"]
    check_complete(tmp_path)


@pytest.mark.parametrize("extra", [0, 1, 5_000])
def test_what_was_begun_is_not_appended_to_for_ever(
    site: StandIn, tmp_path: Path, extra: int
) -> None:
    """Also a part that is complete, or longer than the archive, comes to an end."""
    begin(tmp_path, LABELS, ARCHIVES[LABELS] + bytes(extra))
    heard = Heard()
    labels, _ = fetch(site, tmp_path, progress=heard)
    check_complete(tmp_path)
    assert labels.downloaded_bytes == (len(ARCHIVES[LABELS]) if extra else 0)
    assert ["does not continue an archive" in text for text in heard.said] == [True] * bool(extra)


@pytest.mark.parametrize("trouble", ["no ranges", "elsewhere"])
def test_a_site_that_cannot_continue(site: StandIn, tmp_path: Path, trouble: str) -> None:
    """The archive begins anew instead of growing wrong."""
    begin(tmp_path, IMAGES, ARCHIVES[IMAGES][:5000])
    if trouble == "no ranges":
        site.ranges = False
    else:
        site.plague(FILE, "elsewhere")
    fetch(site, tmp_path, packages=[IMAGES])
    assert site.ranges_heard() == ["bytes=5000-", "bytes=0-"]
    assert set(IMAGE_FILES) < set(tree(tmp_path))


@pytest.mark.parametrize(
    ("begun_bytes", "free_bytes", "message"),
    [
        (0, 200_000, "needed for the archives and their files"),
        (0, 700_000, "needed for `leftImg8bit_trainvaltest.zip` and its files"),
        (10, 500_000, "needed for `leftImg8bit_trainvaltest.zip` and its files"),
    ],
)
def test_too_little_space(  # noqa: PLR0913, PLR0917
    site: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    begun_bytes: int,
    free_bytes: int,
    message: str,
) -> None:
    """Is noticed before anything is fetched: by the list, or by the true size if that is larger."""
    if free_bytes == 700_000:
        site.archives[IMAGES] = archive_of({"a": os.urandom(600_000)})
        site.sizes[IMAGES] = "12.5KB"
    if begun_bytes:
        begin(tmp_path, IMAGES, site.archives[IMAGES][:begun_bytes])
    usage = archives.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: usage._replace(free=free_bytes))
    error = failure(site, tmp_path, packages=[IMAGES])
    assert isinstance(error, OutputError)
    assert message in str(error)
    assert error.hint == "free some space, or choose another folder"
    parts = [data for name, data in tree(tmp_path).items() if name.startswith(".download/part")]
    assert parts in ([], [b""], [ARCHIVES[IMAGES][:begun_bytes]])


def test_a_disk_that_fills_up(site: StandIn, tmp_path: Path) -> None:
    """What is there of the archive stays, and the next run goes on."""
    with largest_file(200_000):
        error = failure(site, tmp_path)
    assert isinstance(error, OutputError)
    assert f"part/{IMAGES}`: File too large" in str(error)
    assert (tmp_path / ".download" / "part" / IMAGES).stat().st_size == 200_000
    fetch(site, tmp_path)
    check_complete(tmp_path)
    assert site.ranges_heard()[-1] == "bytes=200000-"


@pytest.mark.parametrize(
    "listed",
    [
        {"a": 1},
        [1],
        [None],
        [{"name": LABELS}],
        [{"name": "../x.zip", "packageID": "1", "size": "1KB"}],
        [{"name": 7, "packageID": "1", "size": "1KB"}],
        [{"name": LABELS, "packageID": "1&x=2", "size": "1KB"}],
        [{"name": LABELS, "packageID": "1", "size": "large"}],
        [{"name": LABELS, "packageID": "1", "size": None}],
    ],
    ids=str,
)
def test_lists_that_cannot_be_read(
    site: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: object
) -> None:
    """A site that has changed is told from one that refuses, with a way out."""
    monkeypatch.setattr(site, "listed", lambda: listed)
    error = failure(site, tmp_path)
    assert "answers something else than its list of packages" in str(error)
    assert str(error.hint).endswith("the site has changed: pip install -U urban-segmentor")


def test_folders_that_are_none(site: StandIn, tmp_path: Path) -> None:
    """A file in the place of the folder, and links in the place of what is ours in it."""
    (tmp_path / "file").write_text("")
    assert "cannot write" in str(failure(site, tmp_path / "file"))
    assert "cannot write" in str(failure(site, tmp_path / "file" / "x"))
    (tmp_path / "outside").mkdir()
    for name in (".download", ".download/part"):
        folder = tmp_path / f"data{len(name)}"
        (folder / name).parent.mkdir(parents=True)
        (folder / name).symlink_to(tmp_path / "outside")
        assert "is a link, expected a folder" in str(failure(site, folder))
    assert site.heard == []
    assert tree(tmp_path / "outside") == {}


def test_a_part_that_is_a_link_is_not_followed(site: StandIn, tmp_path: Path) -> None:
    """What it leads to would be appended to."""
    victim = tmp_path / "victim"
    victim.write_bytes(ARCHIVES[LABELS][:100])
    part = tmp_path / "data" / ".download" / "part" / LABELS
    part.parent.mkdir(parents=True)
    part.symlink_to(victim)
    fetch(site, tmp_path / "data")
    check_complete(tmp_path / "data")
    assert victim.read_bytes() == ARCHIVES[LABELS][:100]


def test_an_archive_that_would_leave_the_folder(site: StandIn, tmp_path: Path) -> None:
    """Nothing of it is unpacked, nor may it touch the state of the download."""
    for name in ("../evil", ".download/gtCoarse.zip.json", ".Download/lock"):
        site.archives["gtCoarse.zip"] = archive_of({"good": b"", name: b"{}"})
        error = failure(site, tmp_path / "data", packages=["gtCoarse"])
        assert "nothing of it was unpacked" in str(error)
        (tmp_path / "data" / ".download" / "gtCoarse.zip").unlink()
    assert set(tree(tmp_path)) == {"data/.download/lock"}


def test_only_one_run_at_a_time(site: StandIn, tmp_path: Path) -> None:
    """Two would write one archive; the second hears of the first."""
    errors: list[UrbanSegmentorError] = []

    class Second(ByteProgress):
        def begin(self, step: str, *, total_bytes: int, done_bytes: int = 0) -> None:
            del step, total_bytes, done_bytes
            errors.append(failure(site, tmp_path))

    fetch(site, tmp_path, progress=Second())
    assert f"another run is at work in `{tmp_path}`" in str(errors[0])
    check_complete(tmp_path)


def test_a_file_system_without_locks(
    site: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is no reason to refuse."""
    fcntl = pytest.importorskip("fcntl")

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    fetch(site, tmp_path)
    check_complete(tmp_path)


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `requests` there is a command to paste, before a password is asked for."""
    monkeypatch.setitem(sys.modules, "requests", None)
    monkeypatch.delitem(sys.modules, download.__module__)
    monkeypatch.delitem(sys.modules, client.__name__)
    with pytest.raises(MissingExtraError, match="`requests`") as caught:
        import_module(download.__module__)
    assert caught.value.hint == "pip install 'urban-segmentor[data]'"


def test_the_account_that_the_official_downloader_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is found where that one looks for it, and a damaged file is named without its content."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert stored_account() is None
    path = tmp_path / "cityscapesscripts" / "credentials.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"username": USERNAME, "password": PASSWORD}))
    found = stored_account()
    assert found == CityscapesAccount(
        username=USERNAME, password=PASSWORD, hint=f"remove or correct `{path}`"
    )
    for text in (f'{{"password": "{PASSWORD}"', f'["{PASSWORD}"]', f'{{"password":"{PASSWORD}"}}'):
        path.write_text(text)
        with pytest.raises(SettingError, match="cannot be read") as caught:
            stored_account()
        assert PASSWORD not in "".join(traceback.format_exception(caught.value))
        assert path.exists()


def test_the_requests_of_the_official_downloader(
    site: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets its archive from the stand-in too, by the same requests in the same order."""
    official = import_module("cityscapesscripts.download.downloader")
    request = requests.Session.request

    def redirect(session: requests.Session, method: str, url: str, **options: Any) -> Any:  # noqa: ANN401
        return request(session, method, url.replace(client.ADDRESS, site.url), **options)

    monkeypatch.setattr(requests.Session, "request", redirect)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = tmp_path / "cityscapesscripts" / "credentials.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"username": USERNAME, "password": PASSWORD}))
    official.download_packages(
        session=official.login(), package_names=[IMAGES], destination_path=tmp_path, resume=True
    )
    assert (tmp_path / IMAGES).read_bytes() == ARCHIVES[IMAGES]
    expected = site.heard.copy()
    site.heard.clear()
    fetch(site, tmp_path / "ours", packages=[IMAGES])
    assert site.heard == expected


KILLED = """
import os, signal, sys
from pathlib import Path
from urban_segmentor.datasets.cityscapes import archives
from urban_segmentor.datasets.cityscapes import download
from urban_segmentor.datasets.cityscapes import site
folder, address, username, password, point = sys.argv[1:]

def kill(*_args, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

site._CHUNK_BYTES = 1024
if point == "logging in":
    site.CityscapesSite._log_in = kill
elif point == "listing":
    site.CityscapesSite.packages = kill
elif point == "downloaded":  # all bytes are there, the sum is not checked
    download.hashlib.md5 = kill
elif point == "checked":
    download.unpack = kill
elif point == "unpacking":
    real = archives.write_all
    def write_all(file, data):
        is_last = "/.7_" in str(file.name)
        real(file, data[:450] if is_last else data)
        if is_last:
            kill()
    archives.write_all = write_all
elif point == "unpacked":  # the record is not written
    download.replacement = kill
elif point == "recorded":
    Path.unlink = kill
account = site.CityscapesAccount(username=username, password=password)
download.download(Path(folder), lambda: account, address=address)
"""


@pytest.mark.parametrize(
    "point",
    [
        "logging in",
        "listing",
        "downloading",
        "downloaded",
        "checked",
        "unpacking",
        "unpacked",
        "recorded",
    ],
)
def test_a_kill_at_any_moment(site: StandIn, tmp_path: Path, point: str) -> None:
    """The next run does what is missing, and nothing twice."""
    held_bytes = len(ARCHIVES[LABELS]) // 2 if point == "downloading" else None
    site.hold_at = held_bytes
    words = [tmp_path, site.url, USERNAME, PASSWORD, point]
    process = subprocess.Popen([sys.executable, "-c", KILLED, *map(str, words)])
    try:
        if held_bytes:
            assert site.held.wait(300)
            part = tmp_path / ".download" / "part" / LABELS
            while not part.exists() or not part.stat().st_size:  # a moment later
                assert process.poll() is None
                time.sleep(0.01)
            process.kill()
        assert process.wait(300) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
        site.go_on.set()
    site.hold_at = None
    state = set(tree(tmp_path))
    assert (f".download/part/{LABELS}" in state) == (point in {"downloading", "downloaded"})
    has_archive = point in {"checked", "unpacking", "unpacked", "recorded"}
    assert (f".download/{LABELS}" in state) == has_archive
    assert len(state & set(LABEL_FILES)) == {"unpacking": 9, "unpacked": 22, "recorded": 22}.get(
        point, 0
    )
    partials = [path.stat().st_size for path in tmp_path.rglob("*.partial")]
    assert partials == [450] * (point == "unpacking")
    site.heard.clear()
    labels, _ = fetch(site, tmp_path)
    check_complete(tmp_path)
    if held_bytes:
        assert 0 < labels.downloaded_bytes < len(ARCHIVES[LABELS])
        assert site.ranges_heard()[0] != "bytes=0-"
    elif has_archive or point == "downloaded":
        assert labels.downloaded_bytes == 0
        assert site.pages().count(FILE) == 1 + (point == "downloaded")
    else:
        assert labels.downloaded_bytes == len(ARCHIVES[LABELS])
    written = {"unpacking": 13, "unpacked": 0, "recorded": 0}.get(point, 22)
    assert labels.written == written
