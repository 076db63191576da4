"""`urban-segmentor data download`: Cityscapes from its official site."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import typer

from urban_segmentor.cli.interrupts import Interrupted
from urban_segmentor.cli.option_records import ConsoleOptions, with_options
from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.datasets.cityscapes.file_names import DEFAULT_PACKAGES
from urban_segmentor.errors import SettingError
from urban_segmentor.options import argument, option

if TYPE_CHECKING:
    from rich.console import Console

    from urban_segmentor.datasets.cityscapes.download import DownloadedPackage
    from urban_segmentor.datasets.cityscapes.site import CityscapesAccount

_USERNAME, _PASSWORD = "CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"
_REGISTER = "https://www.cityscapes-dataset.com/register/"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """What is downloaded, and where to.

    Attributes:
        folder: Where `gtFine` and `leftImg8bit` shall lie.
        packages: Names of packages, or lists of them with commas; empty for those that are usual.
        keep_archives: Leave the archives in the folder.
    """

    folder: Path = argument(help="Where gtFine and leftImg8bit shall lie.", metavar="DIR")
    packages: tuple[str, ...] = option(
        (),
        help="Names of packages, with commas.",
        shown=",".join(name.removesuffix(".zip") for name in DEFAULT_PACKAGES),
    )
    keep_archives: bool = option(default=False, help="Leave the archives in the folder.")


@with_options
def download(wanted: DownloadOptions, console: ConsoleOptions) -> None:
    """Download Cityscapes with your account, and unpack it.

    Repeat the command to go on where an earlier run stopped.

    The account: CITYSCAPES_USERNAME and CITYSCAPES_PASSWORD, or asked for.

    Examples:
        urban-segmentor data download cityscapes

        urban-segmentor data download cityscapes --packages gtCoarse
    """
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.datasets.cityscapes.download import download as download_packages

    screen, folder = stderr(), wanted.folder
    try:
        with _Steps(screen) as steps:
            fetched = download_packages(
                folder,
                find_account,
                packages=wanted.packages or DEFAULT_PACKAGES,
                keep_archives=wanted.keep_archives,
                progress=steps,
            )
    except Interrupted:
        again = shlex.join(["urban-segmentor", *sys.argv[1:]])
        raise Interrupted(hint=f"what is there is kept; go on with: {again}") from None
    following = shlex.join(["urban-segmentor", "data", "check", str(folder)])
    if console.as_json:
        typer.echo(json.dumps(_as_json(folder, fetched, following), indent=2))
    else:
        _tell(screen, folder, fetched, following)


def find_account() -> CityscapesAccount:
    """Return the account from the environment, the official downloader's file, or the terminal.

    Raises:
        SettingError: It is in none of them.
        MissingExtraError: cityscapesScripts is not installed.
    """
    from urban_segmentor.datasets.cityscapes.site import CityscapesAccount, stored_account

    username, password = (os.environ.get(name, "") for name in (_USERNAME, _PASSWORD))
    if username and password:
        hint = f"check the variables {_USERNAME} and {_PASSWORD}"
        return CityscapesAccount(username=username, password=password, hint=hint)
    if not username and not password and (account := stored_account()):
        return account
    if not sys.stdin.isatty():
        missing = " and no ".join(
            name for name, value in ((_USERNAME, username), (_PASSWORD, password)) if not value
        )
        raise SettingError(
            f"there is no Cityscapes account: no {missing} in the environment, and no terminal to "
            "ask on",
            hint=f"set {_USERNAME} and {_PASSWORD}; an account is free at {_REGISTER}",
        )
    return CityscapesAccount(
        username=username or _ask("Cityscapes user name or email address: "),
        password=password or _ask("Cityscapes password (is not shown): ", hidden=True),
        hint="repeat the command to type them again",
    )


def _ask(question: str, *, hidden: bool = False) -> str:
    """Return what the user types; the question goes to the terminal, never to stdout.

    Raises:
        SettingError: It is nothing, or would be shown though it must not be.
    """
    try:
        if hidden:
            with warnings.catch_warnings():
                warnings.simplefilter("error", getpass.GetPassWarning)
                answer = getpass.getpass(question, stream=sys.stderr)
        else:
            typer.echo(question, nl=False, err=True)
            answer = sys.stdin.readline().strip()
    except getpass.GetPassWarning:
        raise SettingError(
            "this terminal cannot hide a password", hint=f"set {_USERNAME} and {_PASSWORD}"
        ) from None
    except EOFError:
        answer = ""
    if not answer:
        raise SettingError(
            "no Cityscapes account was given", hint=f"an account is free at {_REGISTER}"
        )
    return answer


class _Steps(ByteProgress):
    """Shows steps: with a bar in a terminal, else with a line each.

    Args:
        console: Where.
    """

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            redirect_stdout=False,  # the official downloader's is redirected when the bar starts
            redirect_stderr=False,
        )
        self._columns = self._progress.columns
        self._task = self._progress.add_task("", total=None, visible=False)

    def __enter__(self) -> Self:
        """Return the steps; nothing shows yet, so that the terminal can be asked for a password."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        self._progress.stop()

    def begin(self, step: str, *, total_bytes: int | None, done_bytes: int = 0) -> None:
        """Show a step."""
        from urban_segmentor.datasets.cityscapes.archives import format_bytes

        if not self._console.is_terminal:
            done = f", {format_bytes(done_bytes)} are there" if done_bytes else ""
            size = "" if total_bytes is None else f": {format_bytes(total_bytes)}"
            self.report(f"{step}{size}{done}")
        self._progress.columns = self._columns if total_bytes else self._columns[:2]
        self._progress.start()
        self._progress.remove_task(self._task)  # one that is reset would keep its total
        self._task = self._progress.add_task(step, total=total_bytes, completed=done_bytes)

    def advance(self, count_bytes: int) -> None:
        """Show how far it is."""
        self._progress.advance(self._task, count_bytes)

    def report(self, text: str) -> None:
        """Print a line, above the bar."""
        self._console.print(text, style="dim", soft_wrap=True)


def _tell(console: Console, folder: Path, fetched: list[DownloadedPackage], following: str) -> None:
    from urban_segmentor.datasets.cityscapes.archives import format_bytes

    for one in fetched:
        news = f"{one.written} new" if one.written else "all there already"
        got = f", {format_bytes(one.downloaded_bytes)} downloaded" if one.downloaded_bytes else ""
        console.print(f"{one.name}: {one.files} files, {news}{got}", soft_wrap=True)
        if one.archive:
            console.print(f"archive: {one.archive}", soft_wrap=True)
    console.print(f"result: {folder}", style="bold green", soft_wrap=True)
    console.print(f"next: {following}", soft_wrap=True)


def _as_json(folder: Path, fetched: list[DownloadedPackage], following: str) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "packages": [
            {
                "name": one.name,
                "files": one.files,
                "written": one.written,
                "downloaded_bytes": one.downloaded_bytes,
                "archive": str(one.archive) if one.archive else None,
            }
            for one in fetched
        ],
        "next": following,
    }
