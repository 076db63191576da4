"""What a user may set: each option's type, default and help, written once in a record's field.

The command line, the web app and Python read the same fields. A record is a frozen dataclass:

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True, slots=True, kw_only=True)
... class Tea:
...     minutes: float = option(3.0, help="How long it draws, minutes.", low=0)
>>> Tea().minutes, option_of(Tea, "minutes").help
(3.0, 'How long it draws, minutes.')
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_KEY = "option"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What a field says besides its type and default.

    Attributes:
        help: One line about it.
        panel: Heading of the group in which a help page shows it; empty for none.
        flags: How the command line calls it, such as `-o` and `--output`; empty for the name of
            the field.
        shown: What a help page says of the default, where its value says little.
        typed: The default as one would type it, where `parse` makes the value of it.
        choices: The words that are allowed; empty for any value of the type.
        low: Least value of a number, or None.
        high: Largest value of a number, or None.
        step: How finely a slider sets it, or None.
        unit: What 1 on the command line stands for, such as 60 for minutes in a field of seconds.
        parse: Makes the value of the text that was typed; where `repeats`, of a list of texts.
        repeats: True for a list with commas; what is given several times adds up.
        positional: True for what is given by its place.
        metavar: How a help page calls the value, or None.
        envvar: The environment variable that sets it, or None.
    """

    help: str
    panel: str = ""
    flags: tuple[str, ...] = ()
    shown: str | None = None
    typed: str | None = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: float = 1
    parse: Callable[[Any], Any] | None = None
    repeats: bool = False
    positional: bool = False
    metavar: str | None = None
    envvar: str | None = None


def option(default: _T, *, help: str, secret: bool = False, **about: Any) -> _T:  # noqa: A002 - as Typer calls it
    """Return a field with a default and what users are told of it.

    Args:
        default: The value when nothing is said.
        help: One line about it.
        secret: True to leave the value out of the record's `repr`.
        about: Further attributes of `Option`.
    """
    metadata = {_KEY: Option(help=help, **about)}
    return cast("_T", field(default=cast("Any", default), repr=not secret, metadata=metadata))


def argument(*, help: str, **about: Any) -> Any:  # noqa: A002 - as Typer calls it
    """Return a field without default, which the command line gives by its place.

    Args:
        help: One line about it.
        about: Further attributes of `Option`.
    """
    return field(metadata={_KEY: Option(help=help, positional=True, **about)})


def required(*, help: str, **about: Any) -> Any:  # noqa: A002 - as Typer calls it
    """Return a field without default, which the command line wants by its name.

    Args:
        help: One line about it.
        about: Further attributes of `Option`.
    """
    return field(metadata={_KEY: Option(help=help, **about)})


def like(record: type, name: str, **changes: Any) -> Any:
    """Return a field as that of another record, with the same default and words.

    Args:
        record: Has the field.
        name: Of the field.
        changes: What differs: `default`, or attributes of `Option`.
    """
    default = changes.pop("default", default_of(record, name))
    return field(default=default, metadata={_KEY: replace(option_of(record, name), **changes)})


def options_of(record: type) -> dict[str, Option]:
    """Return what users may set in a record, by the name of the field."""
    found = ((one.name, _option(one.metadata)) for one in fields(record))
    return {name: one for name, one in found if one is not None}


def option_of(record: type, name: str) -> Option:
    """Return what a field of a record says besides its type and default."""
    return options_of(record)[name]


def default_of(record: type, name: str) -> Any:
    """Return the default of a field; `MISSING` where it has none."""
    return _field(record, name).default


def range_of(record: type, name: str) -> tuple[float, float]:
    """Return the least and the largest value of a number.

    Raises:
        LookupError: The field has no such ends.
    """
    about = option_of(record, name)
    if about.low is None or about.high is None:
        raise LookupError(f"`{record.__name__}.{name}` has no range")
    return about.low, about.high


def parse_imgsz(text: str) -> int | tuple[int, int]:
    """Return a long side, or a height and width, pixels.

    Raises:
        SettingError: The text is neither `640` nor `384,640`.

    >>> parse_imgsz("384,640")
    (384, 640)
    """
    try:
        sides = [int(side) for side in text.replace("x", ",").split(",")]
    except ValueError:
        sides = []
    if len(sides) == 1:
        return sides[0]
    if len(sides) == 2:
        return sides[0], sides[1]
    raise SettingError(f"`imgsz` is `{text}`, expected a number or H,W", hint="--imgsz 384,640")


def parse_width_height(text: str) -> tuple[int, int]:
    """Return width and height out of `WxH`, pixels.

    Raises:
        SettingError: It is something else.

    >>> parse_width_height("1280x720")
    (1280, 720)
    """
    try:
        width, height = (int(side) for side in text.lower().split("x"))
    except ValueError:
        raise SettingError(f"`size` is `{text}`, expected WxH", hint="--size 1280x720") from None
    return width, height


def parse_words(text: str) -> tuple[str, ...]:
    """Return the words in a list with commas, each once.

    >>> parse_words("overlay, coco,coco")
    ('overlay', 'coco')
    """
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def parse_word_lists(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the words in several lists with commas, each once.

    >>> parse_word_lists(["coco", "csv,coco"])
    ('coco', 'csv')
    """
    return parse_words(",".join(texts))


def check_choices(record: object, names: Iterable[str]) -> None:
    """Check that fields hold words that they allow.

    Args:
        record: Has the fields.
        names: Of the fields to check.

    Raises:
        SettingError: One holds another word.
    """
    for name in names:
        about = option_of(type(record), name)
        value = getattr(record, name)
        if value not in about.choices:
            called = about.flags[-1].lstrip("-") if about.flags else name
            raise SettingError(
                f"`{called}` is `{value}`", hint=f"choose one of {', '.join(about.choices)}"
            )


def is_required(record: type, name: str) -> bool:
    """Return whether a field has no default."""
    one = _field(record, name)
    return one.default is MISSING and one.default_factory is MISSING


def _field(record: type, name: str) -> Field[Any]:
    return next(one for one in fields(record) if one.name == name)


def _option(metadata: Mapping[Any, Any]) -> Option | None:
    return metadata.get(_KEY)
