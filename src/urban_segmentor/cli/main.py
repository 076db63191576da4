"""Entry point: puts the commands together, and tells errors without a traceback."""

from __future__ import annotations

import json
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from urban_segmentor import __version__
from urban_segmentor.cli.interrupts import EXIT_CODE as INTERRUPTED
from urban_segmentor.cli.interrupts import Interrupted, raise_on_signals
from urban_segmentor.errors import SettingError, UrbanSegmentorError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HELP = "Outlines cars, people, road and sky in street pictures and video, fast, on a CPU."
# fmt: off
_COMMANDS = (
    "predict", "live", "app", "space", "val", "benchmark", "data", "train", "export", "sample",
    "models", "info",
)
# fmt: on
_WANT_WORDS = frozenset({"predict", "val", "train", "export", "sample"})


def command_line(words: Sequence[str]) -> typer.Typer:
    """Return the command line, with all commands or with the one that is named.

    The modules of the others, with all their options, need not be imported then.

    Args:
        words: What follows the name of the program.
    """
    app = typer.Typer(
        name="urban-segmentor",
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in words[:1] if words and words[0] in _COMMANDS else _COMMANDS:
        command = getattr(import_module(f"urban_segmentor.cli.{name}"), _entry(name))
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name, no_args_is_help=name in _WANT_WORDS)(command)
    return app


def _entry(name: str) -> str:
    """Return what a command's module calls it."""
    return "app" if name in {"data", "space"} else name


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        typer.echo(f"urban-segmentor {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take what stands before the command."""


def main() -> None:
    """Run the command line; exit with 0 when good, 1 when it failed, 2 when used wrongly.

    130 says that the user stopped it. With `--json` there is one JSON object on stdout, also when
    something failed.
    """
    raise_on_signals()
    try:
        command_line(sys.argv[1:])()
    except SystemExit as end:
        if end.code == 2:
            _tell_json("the command line is wrong", hint="urban-segmentor --help")
        raise
    except Interrupted as stop:
        _fail("interrupted", hint=stop.hint, code=INTERRUPTED)
    except UrbanSegmentorError as error:
        _fail(str(error), hint=error.hint, code=2 if isinstance(error, SettingError) else 1)
    except Exception as error:  # noqa: BLE001 - whatever it is, the user gets a sentence
        hint = None if _is_verbose() else "add -v for the traceback, and put it into a bug report"
        _fail(f"this should not happen: {type(error).__name__}: {error}", hint=hint, code=1)


def _fail(message: str, *, hint: str | None = None, code: int) -> NoReturn:
    """Say what is wrong and what helps, and end; with the traceback where it is wanted."""
    if _is_verbose():
        traceback.print_exc()
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(message, err=True)
    if hint:
        typer.secho("hint: ", fg="cyan", nl=False, err=True)
        typer.echo(hint, err=True)
    _tell_json(message, hint=hint)
    sys.exit(code)


def _tell_json(message: str, *, hint: str | None) -> None:
    if "--json" in sys.argv[1:]:
        typer.echo(json.dumps({"error": message, "hint": hint}, indent=2))


def _is_verbose() -> bool:
    return not {"-v", "--verbose"}.isdisjoint(sys.argv[1:])


if __name__ == "__main__":
    main()
