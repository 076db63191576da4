"""Entry point: puts the commands together, and tells errors without a traceback."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from urban_segmentor import __version__
from urban_segmentor.cli import info, models, predict, sample
from urban_segmentor.errors import SettingError, UrbanSegmentorError

app = typer.Typer(
    name="urban-segmentor",
    help="Outlines cars, people, road and sky in street pictures and video, fast, on a CPU.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("predict", no_args_is_help=True)(predict.predict)
app.command("sample", no_args_is_help=True)(sample.sample)
app.command("models")(models.models)
app.command("info")(info.info)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(f"urban-segmentor {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Outlines cars, people, road and sky in street pictures and video, fast, on a CPU."""


def main() -> None:
    """Run the command line; exit with 0 when good, 1 when it failed, 2 when used wrongly."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    verbose = "-v" in sys.argv[1:] or "--verbose" in sys.argv[1:]
    try:
        app()
    except UrbanSegmentorError as error:
        if verbose:
            raise
        typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
        typer.echo(str(error), err=True)
        if error.hint:
            typer.secho("hint: ", fg="cyan", nl=False, err=True)
            typer.echo(error.hint, err=True)
        sys.exit(2 if isinstance(error, SettingError) else 1)


if __name__ == "__main__":
    main()
