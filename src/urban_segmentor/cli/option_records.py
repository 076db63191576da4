"""Records made into options of a command, and the options that were given into records again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from functools import wraps
from typing import Annotated, Any, cast, get_args, get_origin, get_type_hints

import typer

from urban_segmentor.options import (
    Option,
    default_of,
    is_required,
    option,
    options_of,
)

RESULTS = "Results"
DATASET = (
    "A Cityscapes folder, one in YOLO's format or its data.yaml, one as COCO has it or its JSON "
    "file, or what `data prepare` made."
)
"""What commands say of the data sets that they take."""


@dataclass(frozen=True, slots=True)
class Without:
    """Marks fields of a record that a command does not offer: `Annotated[Record, without("a")]`."""

    names: frozenset[str]


def without(*names: str) -> Without:
    """Return the mark for fields that a command does not offer."""
    return Without(frozenset(names))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleOptions:
    """What a command says.

    Attributes:
        as_json: Print one JSON object to stdout.
        verbose: Show tracebacks; read by `main` before the parser.
    """

    as_json: bool = option(
        default=False, help="Print one JSON object.", flags=("--json",), panel=RESULTS
    )
    verbose: bool = option(default=False, help="Show tracebacks.", flags=("-v", "--verbose"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """How many processes work.

    Attributes:
        workers: Processes; None for one a core.
    """

    workers: int | None = option(None, help="Processes.", shown="one a core")


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for Typer whose parameters that are records became options.

    Each field of a record that says what users are told of it becomes one option; the command
    gets the record, made of what was given. Other parameters stay as they are.

    Args:
        command: Its parameters of records are annotated with their type, or with
            `Annotated[Record, without(...)]`.
    """
    hints = get_type_hints(command, include_extras=True)
    records: dict[str, RecordOptions] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        record = record_options(hints[name])
        if record is None:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(annotation=hints[name], kind=kind))
        else:
            records[name] = record
            parameters += record.parameters()

    @wraps(command)
    def run(**given: Any) -> None:
        made = {name: record.take(given) for name, record in records.items()}
        command(**made, **given)

    vars(run)["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """A record, and those of its fields that a command offers."""

    record: type
    options: dict[str, Option]

    def parameters(self) -> list[inspect.Parameter]:
        """Return a parameter for each option."""
        return [self._parameter(name, about) for name, about in self.options.items()]

    def take(self, given: dict[str, Any]) -> Any:
        """Return the record, and remove its values from what was given."""
        values: dict[str, Any] = {}
        for name, about in self.options.items():
            value = given.pop(name)
            if value is None:  # the record knows better
                continue
            if about.unit != 1:
                whole = isinstance(default_of(self.record, name), int)
                value = round(value * about.unit) if whole else value * about.unit
            elif about.parse is not None:
                value = about.parse(value)
            values[name] = tuple(cast("list[Any]", value)) if isinstance(value, list) else value
        return self.record(**values)

    def _parameter(self, name: str, about: Option) -> inspect.Parameter:
        typed = self._typed(name, about)
        is_switch = bool in {typed, *get_args(typed)} and default_of(self.record, name) is not False
        typer_option = _typer_option(name, about, is_switch=is_switch)
        empty = inspect.Parameter.empty
        return inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=empty if is_required(self.record, name) else self._default(name, about),
            annotation=Annotated[typed, typer_option],
        )

    def _typed(self, name: str, about: Option) -> Any:
        """Return the type of what is typed on the command line."""
        if about.parse is not None:
            return list[str] | None if about.repeats else str | None
        if about.choices:
            return str | None
        if about.unit != 1:
            return float
        text = inspect.get_annotations(self.record)[name]
        holder = type(name, (), {"__annotations__": {name: text}})
        holder.__module__ = self.record.__module__
        hint = get_type_hints(holder)[name]
        if get_origin(hint) is tuple:
            return list[cast("type[Any]", get_args(hint)[0])] | None
        return hint

    def _default(self, name: str, about: Option) -> Any:
        """Return the default as one would type it."""
        default = default_of(self.record, name)
        if about.parse is not None:
            return [about.typed] if about.repeats and about.typed is not None else about.typed
        if about.unit != 1:
            return default / about.unit
        return None if default == () else default


def _typer_option(name: str, about: Option, *, is_switch: bool) -> Any:
    """Return the `typer.Option` or `typer.Argument` of a field."""
    rest: dict[str, Any] = {"help": about.help, "rich_help_panel": about.panel or None}
    if about.metavar is not None:
        rest["metavar"] = about.metavar
    if about.shown is not None:
        rest["show_default"] = about.shown
    if about.envvar is not None:
        rest |= {"envvar": about.envvar, "show_envvar": True}
    if about.positional:
        return typer.Argument(**rest)
    flags = about.flags or (f"--{name.replace('_', '-')}",)
    if is_switch:  # it can be switched off
        flags = (*flags[:-1], f"{flags[-1]}/--no-{flags[-1].removeprefix('--')}")
    return typer.Option(*flags, **rest)


def record_options(hint: Any) -> RecordOptions | None:
    """Return what a command offers of the record that an annotation names, or None for none.

    Raises:
        LookupError: It leaves out what the record does not have.
    """
    record, left_out = hint, frozenset[str]()
    if get_origin(hint) is Annotated:
        record, *marks = get_args(hint)
        left_out = left_out.union(*(mark.names for mark in marks if isinstance(mark, Without)))
    if not (isinstance(record, type) and is_dataclass(record)):
        return None
    offered = options_of(record)
    if unknown := left_out - set(offered):
        raise LookupError(f"`{record.__name__}` has no option {', '.join(sorted(unknown))}")
    return RecordOptions(
        record=record,
        options={name: about for name, about in offered.items() if name not in left_out},
    )
