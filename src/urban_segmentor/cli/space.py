"""`urban-segmentor space`: the app as a Space on the Hugging Face hub."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.apps.web.settings import AppSettings
from urban_segmentor.cli.option_records import ConsoleOptions, with_options, without
from urban_segmentor.io.output_options import OutputOptions
from urban_segmentor.models.registry import DEFAULT_MODEL
from urban_segmentor.options import like, option, required

if TYPE_CHECKING:
    from collections.abc import Generator

    from urban_segmentor.apps.space.build import SpaceFile

app = typer.Typer(no_args_is_help=True, help="Run the app on Hugging Face Spaces.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceOptions:
    """What goes into a Space.

    Attributes:
        model: The one that the page begins with.
        examples: Folder with pictures and videos to try; None for streets that are drawn.
        overwrite: Replace what is there.
    """

    model: str = like(AppSettings, "model", panel="")
    examples: Path | None = like(AppSettings, "examples", panel="")
    overwrite: bool = like(OutputOptions, "overwrite")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceSource:
    """Where a Space comes from.

    Attributes:
        folder: One that `space build` made; None to build one for this alone.
    """

    folder: Path | None = option(
        None,
        help="Folder that `space build` made.",
        flags=("--from",),
        shown="one is built for it",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """Where a Space goes.

    Attributes:
        repo: `user/name`.
        private: Only its owner can see it.
        dry_run: Send nothing.
    """

    repo: str = required(help="user/name; made when it is not there.")
    private: bool = option(default=False, help="Make it one that only you can see.")
    dry_run: bool = option(default=False, help="Say what would be sent, and send nothing.")


@app.command(no_args_is_help=True)
@with_options
def build(
    folder: Annotated[Path, typer.Argument(help="Where to.", metavar="OUT")],
    content: SpaceOptions,
    console: ConsoleOptions,
) -> None:
    """Write the folder of a Space: app, requirements, model, examples.

    Example:
        urban-segmentor space build space --examples pictures/
    """
    from urban_segmentor.apps.space.build import build_space
    from urban_segmentor.cli.console import stderr

    screen = stderr()
    with screen.status("segmenting the examples"):
        files = build_space(
            folder, model=content.model, examples=content.examples, overwrite=content.overwrite
        )
    if console.as_json:
        typer.echo(json.dumps({"folder": str(folder), **_facts(files)}, indent=2))
        return
    screen.print(f"{_words(files)} in {folder}", highlight=False)
    screen.print(
        f"try it: python {folder / 'app.py'}; publish it: urban-segmentor space push "
        f"--from {folder} --repo user/name",
        highlight=False,
        soft_wrap=True,
    )


@app.command("zip", no_args_is_help=True)
@with_options
def pack(
    target: Annotated[Path, typer.Argument(help="The archive.", metavar="OUT.zip")],
    source: SpaceSource,
    content: SpaceOptions,
    console: ConsoleOptions,
) -> None:
    """Write a Space as one archive, to be uploaded by hand.

    Example:
        urban-segmentor space zip space.zip
    """
    from urban_segmentor.apps.space.archive import zip_space
    from urban_segmentor.apps.space.build import space_files
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.io.atomic import check_free

    check_free(target, overwrite=content.overwrite)
    with _built(source, content) as folder:
        size = zip_space(folder, target, overwrite=content.overwrite)
        files = space_files(folder)
    if console.as_json:
        facts = {"archive": str(target), "archive_bytes": size, **_facts(files)}
        typer.echo(json.dumps(facts, indent=2))
        return
    stderr().print(f"{_words(files)} in {target}, {size / 1e6:.1f} MB", highlight=False)


@app.command(no_args_is_help=True)
@with_options
def push(
    target: PushOptions,
    source: SpaceSource,
    content: Annotated[SpaceOptions, without("overwrite")],
    console: ConsoleOptions,
) -> None:
    """Publish a Space; the token is that of `hf auth login`, or HF_TOKEN.

    Examples:
        urban-segmentor space push --repo user/name --dry-run

        urban-segmentor space push --repo user/name --from space
    """
    from urban_segmentor.apps.space.build import space_files
    from urban_segmentor.apps.space.push import check_repo, push_space
    from urban_segmentor.cli.console import stderr

    check_repo(target.repo)
    screen = stderr()
    with _built(source, content) as folder:
        files = space_files(folder)
        if target.dry_run:
            _show_plan(files, target, as_json=console.as_json)
            return
        with screen.status(f"sending {_words(files)}"):
            pushed = push_space(folder, target.repo, private=target.private)
    if console.as_json:
        facts = {"url": pushed.url, "commit": pushed.commit, "removed": pushed.removed}
        typer.echo(json.dumps(facts | _facts(files), indent=2))
        return
    screen.print(f"{_words(files)} are at {pushed.url}", highlight=False, soft_wrap=True)
    screen.print("the hub needs some minutes to install and start it", highlight=False)


@contextmanager
def _built(source: SpaceSource, content: SpaceOptions) -> Generator[Path]:
    """Return a context with the folder of a Space: one that is there, or one for this alone."""
    from urban_segmentor.apps.space.build import build_space
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.errors import SettingError

    if source.folder is not None:
        if content.examples is not None or content.model != DEFAULT_MODEL:
            raise SettingError(
                "a folder that is built has its model and examples already",
                hint="leave --from out, or --model and --examples",
            )
        yield source.folder
        return
    with tempfile.TemporaryDirectory(prefix="space-") as name:
        folder = Path(name) / "space"
        with stderr().status("segmenting the examples"):
            build_space(folder, model=content.model, examples=content.examples)
        yield folder


def _show_plan(files: list[SpaceFile], target: PushOptions, *, as_json: bool) -> None:
    """Print what a push would send."""
    if as_json:
        listed = [{"name": file.name, "bytes": file.size} for file in files]
        plan = {"repo": target.repo, "private": target.private, "dry_run": True}
        typer.echo(json.dumps(plan | _facts(files) | {"list": listed}, indent=2))
        return
    for file in files:
        typer.echo(f"{file.size:>10}  {file.name}")
    seen = "private" if target.private else "public"
    typer.echo(f"nothing was sent: {_words(files)} for a {seen} Space {target.repo}", err=True)


def _facts(files: list[SpaceFile]) -> dict[str, int]:
    return {"files": len(files), "bytes": sum(file.size for file in files)}


def _words(files: list[SpaceFile]) -> str:
    facts = _facts(files)
    return f"{facts['files']} files of {facts['bytes'] / 1e6:.0f} MB"
