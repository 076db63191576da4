"""`urban-segmentor data download`: Cityscapes from its official site."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import typer

from urban_segmentor.cli.interrupts import Interrupted
from urban_segmentor.cli.option_records import ConsoleOptions, with_options
from urban_segmentor.datasets.cityscapes.byte_progress import ByteProgress
from urban_segmentor.datasets.cityscapes.file_names import DEFAULT_PACKAGES
from urban_segmentor.errors import SettingError
from urban_segmentor.options import argument, option

if TYPE_CHECKING:
    from rich.console import Console

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
    from rich.filesize import decimal

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
        packages = [asdict(package) for package in fetched]
        result = {"folder": folder, "packages": packages, "next": following}
        typer.echo(json.dumps(result, indent=2, default=str))
        return
    for package in fetched:
        news = f"{package.written} new" if package.written else "all there already"
        size_bytes = package.downloaded_bytes
        got = f", {decimal(size_bytes)} downloaded" if size_bytes else ""
        screen.print(f"{package.name}: {package.files} files, {news}{got}", soft_wrap=True)
        if package.archive:
            screen.print(f"archive: {package.archive}", soft_wrap=True)
    screen.print(f"result: {folder}", style="bold green", soft_wrap=True)
    screen.print(f"next: {following}", soft_wrap=True)


def find_account() -> CityscapesAccount:
    """Return the account from the environment, the official downloader's file, or the terminal.

    Raises:
        SettingError: It is in none of them.
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
                # It asks only when what is typed no longer shows.
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
        )
        self._task = self._progress.add_task("")

    def __enter__(self) -> Self:
        """Return the steps; nothing shows yet, so that the terminal can be asked for a password."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar."""
        self._progress.stop()

    def begin(self, step: str, *, total_bytes: int, done_bytes: int = 0) -> None:
        """Show a step."""
        from rich.filesize import decimal

        if not self._console.is_terminal:
            done = f", {decimal(done_bytes)} are there" if done_bytes else ""
            self.report(f"{step}: {decimal(total_bytes)}{done}")
        self._progress.reset(self._task, total=total_bytes, completed=done_bytes, description=step)
        self._progress.start()

    def advance(self, count_bytes: int) -> None:
        """Show how far it is."""
        self._progress.advance(self._task, count_bytes)

    def report(self, text: str) -> None:
        """Print a line, above the bar."""
        self._console.print(text, style="dim", soft_wrap=True)
