"""Options of commands are the fields of records, and nothing else."""

from __future__ import annotations

import inspect
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import pytest
import typer

from urban_segmentor.cli.main import command_line
from urban_segmentor.cli.option_records import record_options, with_options, without
from urban_segmentor.options import (
    argument,
    is_required,
    option,
    options_of,
    parse_word_lists,
    required,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND_LINE = typer.main.get_command(command_line(()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tea:
    """A record with a field of each kind."""

    sort: str = argument(help="Which.", metavar="SORT")
    cups: int = required(help="How many.")
    minutes: float = option(3.0, help="How long.")
    seconds: int = option(120, help="Before that, minutes.", unit=60, flags=("--before",))
    milk: str = option("none", help="How much.", choices=("none", "some"))
    herbs: tuple[str, ...] = option(
        ("mint",), help="With commas.", parse=parse_word_lists, repeats=True, typed="mint"
    )
    pots: tuple[Path, ...] = option((), help="Several.")
    hot: bool = option(default=True, help="As ever.")
    iced: bool = option(default=False, help="In summer.")
    sugar: bool | None = option(None, help="Or honey.")
    inner: int = 7


def brew(*words: str) -> tuple[Tea, str]:
    """Return the record that a command gets, and its other parameter."""
    got: list[tuple[Tea, str]] = []
    app = typer.Typer()

    @app.command()
    @with_options
    def make(tea: Tea, cup: Annotated[str, typer.Option(help="Of what.")] = "clay") -> None:
        got.append((tea, cup))

    app(words, standalone_mode=False)
    return got[0]


def test_nothing_said() -> None:
    """The record has its own defaults."""
    assert brew("mint", "--cups", "2") == (Tea(sort="mint", cups=2), "clay")


def test_all_said() -> None:
    """Values have the types and units of the fields."""
    words = (
        *("mint", "--cups", "2", "--minutes", "4", "--before", "1.5", "--milk", "some"),
        *("--herbs", "sage, mint", "--pots", "a", "--pots", "b", "--no-hot", "--iced"),
        *("--no-sugar", "--cup", "tin"),
    )
    tea = Tea(
        sort="mint",
        cups=2,
        minutes=4.0,
        seconds=90,
        milk="some",
        herbs=("sage", "mint"),
        pots=(Path("a"), Path("b")),
        hot=False,
        iced=True,
        sugar=False,
    )
    assert brew(*words) == (tea, "tin")


def test_lists_add_up() -> None:
    """What is given several times is one list, in which each word stands once."""
    words = ("mint", "--cups", "2", "--herbs", "sage,mint", "--herbs", "thyme,sage")
    assert brew(*words)[0].herbs == ("sage", "mint", "thyme")


def test_what_a_command_leaves_out() -> None:
    """Its fields have their defaults, and a name that is none is a mistake in the program."""
    options = record_options(Annotated[Tea, without("hot", "cups")])
    assert options is not None
    assert "hot" not in options.options
    with pytest.raises(LookupError, match=r"`Tea` has no option warm"):
        record_options(Annotated[Tea, without("warm")])
    assert record_options(int) is None


def commands(command: Any = COMMAND_LINE, name: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    """Yield each command and its name."""
    for word, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name} {word}".strip())
    if not hasattr(command, "commands"):
        yield name, command


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name: str) -> None:
    """A line that says more than its name."""
    for parameter in COMMANDS[name].params:
        if parameter.name != "help":
            assert parameter.help, parameter.name
            assert parameter.help.endswith("."), parameter.help


def test_every_list_may_be_repeated() -> None:
    """Nothing that was typed is dropped in silence."""
    lists = {
        (name, parameter.name)
        for name, command in COMMANDS.items()
        for parameter in command.params
        if parameter.help and any(word in parameter.help for word in ("commas", "any of", "0,1"))
    }
    repeated = {
        (name, parameter.name)
        for name, command in COMMANDS.items()
        for parameter in command.params
        if parameter.multiple
    }
    assert {("predict", "kinds"), ("val", "kinds"), ("data show", "classes")} <= lists
    assert {("live", "kinds"), ("benchmark", "imgsz"), ("data prepare", "splits")} <= repeated
    assert lists <= repeated


def records(name: str) -> Iterator[Any]:
    """Yield the records of a command."""
    command = inspect.unwrap(COMMANDS[name].callback)
    for hint in get_type_hints(command, include_extras=True).values():
        if (found := record_options(hint)) is not None:
            yield found


@pytest.mark.parametrize("name", COMMANDS)
def test_defaults_are_those_of_the_records(name: str) -> None:
    """What a command takes when nothing is said is what Python takes."""
    found = list(records(name))
    assert found
    for one in found:
        given = {parameter.name: parameter.default for parameter in one.parameters()}
        needed = {field: Path("x") for field in given if is_required(one.record, field)}
        given |= needed
        made = one.take(given)
        assert not given
        assert made == one.record(**needed)


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_fields(name: str) -> None:
    """Each is that of a field."""
    for one in records(name):
        assert set(one.options) <= set(options_of(one.record))
        assert [parameter.name for parameter in one.parameters()] == list(one.options)


@pytest.mark.parametrize("words", [(), ("predict",), ("live",), ("app",), ("data", "prepare")])
def test_help_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    """It answers at once."""
    code = (
        "import sys; from urban_segmentor.cli.main import command_line\n"
        "command_line(sys.argv[1:])(standalone_mode=False)\n"
        "heavy = {'numpy', 'cv2', 'av', 'openvino', 'PIL', 'yaml', 'fastapi', 'gradio', 'torch'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    command = [sys.executable, "-c", code, *words, "--help"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--help" in done.stdout
