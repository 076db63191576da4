"""`urban-segmentor space`: the app as a Space on the Hugging Face hub."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from urban_segmentor.cli import shared_options as declared

if TYPE_CHECKING:
    from collections.abc import Generator

    from urban_segmentor.apps.space.build import SpaceFile

app = typer.Typer(no_args_is_help=True, help="Run the app on Hugging Face Spaces.")

Examples = Annotated[
    Path | None,
    typer.Option(help="Folder with pictures and videos to try, instead of drawn streets."),
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from", help="Folder that `space build` made.", show_default="one is built for it"
    ),
]


@app.command(no_args_is_help=True)
def build(  # noqa: PLR0913 - one parameter an option
    folder: Annotated[Path, typer.Argument(help="Where to.", metavar="OUT")],
    model: declared.Model = "urban-n",
    examples: Examples = None,
    overwrite: declared.Overwrite = False,
    as_json: declared.AsJson = False,
    verbose: declared.Verbose = False,  # noqa: ARG001
) -> None:
    """Write the folder of a Space: app, requirements, model, examples.

    Example:
        urban-segmentor space build space --examples pictures/
    """
    from urban_segmentor.apps.space.build import build_space
    from urban_segmentor.cli.console import stderr

    console = stderr()
    with console.status("segmenting the examples"):
        files = build_space(folder, model=model, examples=examples, overwrite=overwrite)
    if as_json:
        typer.echo(json.dumps({"folder": str(folder), **_facts(files)}, indent=2))
        return
    console.print(f"{_words(files)} in {folder}", highlight=False)
    console.print(
        f"try it: python {folder / 'app.py'}; publish it: urban-segmentor space push "
        f"--from {folder} --repo user/name",
        highlight=False,
        soft_wrap=True,
    )


@app.command("zip", no_args_is_help=True)
def pack(  # noqa: PLR0913 - one parameter an option
    target: Annotated[Path, typer.Argument(help="The archive.", metavar="OUT.zip")],
    source: From = None,
    model: declared.Model = "urban-n",
    examples: Examples = None,
    overwrite: declared.Overwrite = False,
    as_json: declared.AsJson = False,
    verbose: declared.Verbose = False,  # noqa: ARG001
) -> None:
    """Write a Space as one archive, to be uploaded by hand.

    Example:
        urban-segmentor space zip space.zip
    """
    from urban_segmentor.apps.space.archive import zip_space
    from urban_segmentor.apps.space.build import space_files
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.io.atomic import check_free

    check_free(target, overwrite=overwrite)
    with _built(source, model=model, examples=examples) as folder:
        size = zip_space(folder, target, overwrite=overwrite)
        files = space_files(folder)
    if as_json:
        facts = {"archive": str(target), "archive_bytes": size, **_facts(files)}
        typer.echo(json.dumps(facts, indent=2))
        return
    stderr().print(f"{_words(files)} in {target}, {size / 1e6:.1f} MB", highlight=False)


@app.command(no_args_is_help=True)
def push(  # noqa: PLR0913 - one parameter an option
    repo: Annotated[str, typer.Option(help="user/name; made when it is not there.")],
    source: From = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make it one that only you can see.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")
    ] = False,
    model: declared.Model = "urban-n",
    examples: Examples = None,
    as_json: declared.AsJson = False,
    verbose: declared.Verbose = False,  # noqa: ARG001
) -> None:
    """Publish a Space; the token is that of `hf auth login`, or HF_TOKEN.

    Examples:
        urban-segmentor space push --repo user/name --dry-run

        urban-segmentor space push --repo user/name --from space
    """
    from urban_segmentor.apps.space.build import space_files
    from urban_segmentor.apps.space.push import check_repo, push_space
    from urban_segmentor.cli.console import stderr

    check_repo(repo)
    console = stderr()
    with _built(source, model=model, examples=examples) as folder:
        files = space_files(folder)
        if dry_run:
            _show_plan(files, repo, private=private, as_json=as_json)
            return
        with console.status(f"sending {_words(files)}"):
            pushed = push_space(folder, repo, private=private)
    if as_json:
        facts = {"url": pushed.url, "commit": pushed.commit, "removed": pushed.removed}
        typer.echo(json.dumps(facts | _facts(files), indent=2))
        return
    console.print(f"{_words(files)} are at {pushed.url}", highlight=False, soft_wrap=True)
    console.print("the hub needs some minutes to install and start it", highlight=False)


@contextmanager
def _built(source: Path | None, *, model: str, examples: Path | None) -> Generator[Path]:
    """Return a context with the folder of a Space: one that is there, or one for this alone."""
    from urban_segmentor.apps.space.build import build_space
    from urban_segmentor.cli.console import stderr
    from urban_segmentor.errors import SettingError

    if source is not None:
        if examples is not None or model != "urban-n":
            raise SettingError(
                "a folder that is built has its model and examples already",
                hint="leave --from out, or --model and --examples",
            )
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="space-") as name:
        folder = Path(name) / "space"
        with stderr().status("segmenting the examples"):
            build_space(folder, model=model, examples=examples)
        yield folder


def _show_plan(files: list[SpaceFile], repo: str, *, private: bool, as_json: bool) -> None:
    """Print what a push would send."""
    if as_json:
        listed = [{"name": file.name, "bytes": file.size} for file in files]
        plan = {"repo": repo, "private": private, "dry_run": True}
        typer.echo(json.dumps(plan | _facts(files) | {"list": listed}, indent=2))
        return
    for file in files:
        typer.echo(f"{file.size:>10}  {file.name}")
    seen = "private" if private else "public"
    typer.echo(f"nothing was sent: {_words(files)} for a {seen} Space {repo}", err=True)


def _facts(files: list[SpaceFile]) -> dict[str, int]:
    return {"files": len(files), "bytes": sum(file.size for file in files)}


def _words(files: list[SpaceFile]) -> str:
    facts = _facts(files)
    return f"{facts['files']} files of {facts['bytes'] / 1e6:.0f} MB"
