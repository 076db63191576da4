"""`data download` as a user meets it: accounts, words, interrupts, and no secret anywhere."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.datasets.site import IMAGES, LABELS, PASSWORD, USERNAME, archive_of, serve_directly
from urban_segmentor.datasets.cityscapes import download as module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.runner import Shell
    from tests.datasets.site import StandIn

FILES = {f"gtFine/train/ulm/{i}_gtFine_polygons.json": os.urandom(3000) for i in range(20)}
ARCHIVES = {
    LABELS: archive_of(FILES),
    IMAGES: archive_of({"leftImg8bit/train/ulm/1_leftImg8bit.png": b"png"}),
}
RUN = """
import sys
from functools import partial
from urban_segmentor.cli.main import main
from urban_segmentor.datasets.cityscapes import download, site
site._CHUNK_BYTES = 1024
download.download = partial(download.download, address=sys.argv.pop(1))
main()
"""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    """Serve the archives to the command, on a machine where no account is stored."""
    for name in ("CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with serve_directly(ARCHIVES, monkeypatch) as running:
        monkeypatch.setattr(module, "download", partial(module.download, address=running.url))
        yield running


@pytest.fixture
def account(site: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - goes first
    """Put the right account into the environment."""
    monkeypatch.setenv("CITYSCAPES_USERNAME", USERNAME)
    monkeypatch.setenv("CITYSCAPES_PASSWORD", PASSWORD)


@pytest.mark.usefixtures("account")
def test_words(shell: Shell) -> None:
    """What was done, and what to do next, on stderr; a second run says that nothing was."""
    result = shell("data", "download", "my data")
    assert (result.code, result.out) == (0, "")
    lines = result.err.splitlines()
    assert lines[0].startswith(f"fetching {LABELS}: 6")
    assert lines[1].startswith(f"checking {LABELS}: 6")
    assert lines[2] == f"unpacking {LABELS}: 60.0 kB"
    assert lines[6].startswith(f"{LABELS}: 20 files, 20 new, 6")
    assert lines[-2:] == ["result: my data", "next: urban-segmentor data check 'my data'"]
    again = shell("data", "download", "my data").err.splitlines()
    assert again[0] == f"{LABELS}: 20 files, all there already"
    assert len(again) == 4


@pytest.mark.usefixtures("account")
def test_json(shell: Shell, tmp_path: Path) -> None:
    """One object; progress stays on stderr."""
    words = ("--packages", LABELS, "--keep-archives", "--json")
    result = shell("data", "download", "here", *words)
    assert result.code == 0
    assert result.json == {
        "folder": "here",
        "packages": [
            {
                "name": LABELS,
                "files": 20,
                "written": 20,
                "downloaded_bytes": len(ARCHIVES[LABELS]),
                "archive": f"here/{LABELS}",
            }
        ],
        "next": "urban-segmentor data check here",
    }
    assert (tmp_path / "here" / LABELS).read_bytes() == ARCHIVES[LABELS]


def test_no_account(shell: Shell, site: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal nothing is asked for; exit 2, and the site is not bothered."""
    result = shell("data", "download", "here", "--json")
    assert result.code == 2
    assert "no CITYSCAPES_USERNAME and no CITYSCAPES_PASSWORD in the envi" in result.json["error"]
    assert "https://www.cityscapes-dataset.com/register/" in result.json["hint"]
    monkeypatch.setenv("CITYSCAPES_USERNAME", USERNAME)
    result = shell("data", "download", "here")
    assert result.code == 2
    assert "there is no Cityscapes account: no CITYSCAPES_PASSWORD in the envi" in result.err
    assert site.heard == []


@pytest.mark.parametrize("option", ["--password", "--username"])
def test_an_account_is_no_option(shell: Shell, option: str) -> None:
    """It would be seen in the list of processes."""
    result = shell("data", "download", "here", option, "x")
    assert result.code == 2
    assert "No such option" in result.err


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("verbose", [(), ("-v",)])
def test_a_wrong_password(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, verbose: tuple[str, ...]
) -> None:
    """Is told with where it came from, and is not shown, not even in a traceback."""
    monkeypatch.setenv("CITYSCAPES_USERNAME", USERNAME)
    monkeypatch.setenv("CITYSCAPES_PASSWORD", "wr0ng")
    result = shell("data", "download", "here", "--json", *verbose)
    assert result.code == 1
    assert "does not know this user name with this password" in result.json["error"]
    assert result.json["hint"] == "check the variables CITYSCAPES_USERNAME and CITYSCAPES_PASSWORD"
    assert ("Traceback" in result.err) == bool(verbose)
    assert "wr0ng" not in result.out + result.err


def test_the_stored_account(shell: Shell, site: StandIn, tmp_path: Path) -> None:
    """Whoever uses the official downloader is known already; the file stays when it is wrong."""
    path = tmp_path / "home" / "cityscapesscripts" / "credentials.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"username": USERNAME, "password": "old"}))
    result = shell("data", "download", "here")
    assert result.code == 1
    assert f"hint: remove or correct `{path}`" in result.err
    path.write_text(json.dumps({"username": USERNAME, "password": PASSWORD}))
    assert shell("data", "download", "here").code == 0
    assert True in site.cookies.values()


def start(site: StandIn, *words: str, cwd: Path, terminal: int | None) -> subprocess.Popen[str]:
    """Return a download in a process of its own, with a terminal or pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, site.url, "data", "download", *words],
        cwd=cwd,
        text=True,
        stdin=subprocess.DEVNULL if terminal is None else terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if terminal is None else terminal,
        start_new_session=True,
        env=os.environ | {"COLUMNS": "100", "TERM": "xterm"},
    )


class Terminal:
    """A terminal that a command can ask questions on."""

    def __init__(self) -> None:
        self._mine, self.theirs = os.openpty()
        self.shown = ""

    def read_until(self, text: str) -> None:
        """Wait until it shows a text."""
        while text not in self.shown:
            self._read()

    def read_all(self, process: subprocess.Popen[str]) -> str:
        """Return what it shows in all, when the command is over."""
        os.close(self.theirs)
        try:
            while True:
                self._read()
        except OSError:  # that is how a terminal tells that the other side is gone
            process.wait(300)
        return self.shown

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._mine, line.encode())

    def close(self) -> None:
        """Take it away."""
        os.close(self._mine)

    def _read(self) -> None:
        ready, _, _ = select.select([self._mine], [], [], 60)
        data = os.read(self._mine, 4096) if ready else b""
        if not data:
            raise OSError
        self.shown += data.decode("utf-8", "replace")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """Return a terminal."""
    pytest.importorskip("termios")
    terminal = Terminal()
    yield terminal
    terminal.close()


def test_questions(site: StandIn, tmp_path: Path, terminal: Terminal) -> None:
    """The account is asked for on the terminal, the password unseen; stdout has only the object."""
    process = start(site, "here", "--json", cwd=tmp_path, terminal=terminal.theirs)
    try:
        terminal.read_until("user name or email address: ")
        terminal.type(f"{USERNAME}\n")
        terminal.read_until("password (is not shown): ")
        terminal.type(f"{PASSWORD}\n")
        shown = terminal.read_all(process)
        out, _ = process.communicate(timeout=300)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, shown
    assert len(json.loads(out)["packages"]) == 2
    assert USERNAME in shown
    assert PASSWORD not in shown
    assert "fetching" in shown
    assert "kB" in shown


@pytest.mark.parametrize("typed", ["\n", "\x04", "\x03"], ids=["nothing", "end", "interrupt"])
def test_answers_that_are_none(
    site: StandIn, tmp_path: Path, terminal: Terminal, typed: str
) -> None:
    """No endless questions, no traceback."""
    process = start(site, "here", cwd=tmp_path, terminal=terminal.theirs)
    try:
        terminal.read_until("user name or email address: ")
        if typed == "\x03":  # it is not the terminal of a session here, so it sends no signal
            process.send_signal(signal.SIGINT)
        else:
            terminal.type(typed)
        shown = terminal.read_all(process)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == (130 if typed == "\x03" else 2)
    assert ("interrupted" if typed == "\x03" else "no Cityscapes account was given") in shown
    assert "Traceback" not in shown
    assert site.heard == []


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt(site: StandIn, tmp_path: Path, number: signal.Signals) -> None:
    """Exit 130, with the command that goes on, which fetches only the rest."""
    site.hold_at = len(ARCHIVES[LABELS]) // 2
    words = ["my data", "--packages", LABELS, "--json"]
    process = start(site, *words, cwd=tmp_path, terminal=None)
    part = tmp_path / "my data" / ".download" / "part" / LABELS
    try:
        assert site.held.wait(300)
        while not part.exists() or not part.stat().st_size:
            assert process.poll() is None
            time.sleep(0.01)
        listed = Path(f"/proc/{process.pid}/cmdline")
        words_seen = listed.read_text() if listed.exists() else ""
        process.send_signal(number)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
        process.communicate()
        site.go_on.set()
    assert PASSWORD not in words_seen + out + err
    assert process.returncode == 130
    again = shlex.join(["urban-segmentor", "data", "download", *words])
    assert json.loads(out) == {
        "error": "interrupted",
        "hint": f"what is there is kept; go on with: {again}",
    }
    assert err.splitlines()[-2:] == [
        "error: interrupted",
        f"hint: what is there is kept; go on with: {again}",
    ]
    there_bytes = part.stat().st_size
    assert there_bytes > 0
    process = start(site, *words, cwd=tmp_path, terminal=None)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    (package,) = json.loads(out)["packages"]
    assert package["downloaded_bytes"] == len(ARCHIVES[LABELS]) - there_bytes
    assert site.heard[-1][2] == f"bytes={there_bytes}-"
    assert {name: (tmp_path / "my data" / name).read_bytes() for name in FILES} == FILES
