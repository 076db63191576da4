"""Each default stands in one place, and says what it is for."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import urban_segmentor
from urban_segmentor.apps.live.display_options import DisplayOptions
from urban_segmentor.apps.live.view_controls import ViewState
from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.settings import AppSettings
from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import ModelOptions, SegmenterConfig
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.recording_options import RecordingOptions
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.options import (
    argument,
    check_choices,
    default_of,
    is_required,
    like,
    option,
    option_of,
    options_of,
    range_of,
)
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(urban_segmentor.__file__).parent
HOMES: dict[str, type] = {
    "conf": SegmenterConfig,
    "iou": SegmenterConfig,
    "max_det": SegmenterConfig,
    "device": ModelOptions,
    "runtime": ModelOptions,
    "precision": ModelOptions,
    "opacity": OverlayStyle,
    "crf": EncodingOptions,
    "codec": EncodingOptions,
    "host": DisplayOptions,
    "keep_s": AppSettings,
    "max_length_s": RecordingOptions,
}
"""In which record the default of a name stands."""


def literals_of(tree: ast.AST) -> Iterator[tuple[str, object]]:
    """Yield names of parameters and fields, and their defaults where those are written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            args = node.args
            placed = [*args.posonlyargs, *args.args]
            pairs = [
                *zip(reversed(placed), reversed(args.defaults), strict=False),
                *zip(args.kwonlyargs, args.kw_defaults, strict=True),
            ]
            for arg, default in pairs:
                if isinstance(default, ast.Constant):
                    yield arg.arg, default.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            value = node.value
            if isinstance(value, ast.Call):
                named = [word.value for word in value.keywords if word.arg == "default"]
                value = next(iter([*value.args[:1], *named]), None)
            if isinstance(value, ast.Constant):
                yield node.target.id, value.value


def test_each_default_is_written_once() -> None:
    """Signatures and other records take it from where it stands."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SOURCE.rglob("*.py")):
        for name, value in literals_of(ast.parse(path.read_text(encoding="utf-8"))):
            if name in HOMES and value == default_of(HOMES[name], name):
                found[name].append(str(path.relative_to(SOURCE)))
    assert {name: len(paths) for name, paths in found.items()} == dict.fromkeys(found, 1), found
    assert set(found) == set(HOMES)


@pytest.mark.parametrize("record", [SegmentOptions, ViewState])
def test_page_and_window_begin_as_the_command_line_does(record: type) -> None:
    """Their fields have the defaults and the words of the records of the library."""
    for home in (SegmenterConfig, OverlayStyle):
        for name, about in options_of(home).items():
            if name in options_of(record):
                assert default_of(record, name) == default_of(home, name)
                assert option_of(record, name) == about


def test_every_kind_of_output_has_a_writer() -> None:
    """And the other way round."""
    assert set(WRITER_PATHS) == set(WRITERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tea:
    """A record."""

    sort: str = argument(help="Which.")
    minutes: float = option(3.0, help="How long.", low=0, high=9)
    milk: str = option("none", help="How much.", choices=("none", "some"), flags=("--milk",))
    secret: str = option("x", help="Nobody reads it.", secret=True)
    cups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Coffee:
    """Another."""

    minutes: float = like(Tea, "minutes", help="How long it drips.")
    milk: str = like(Tea, "milk", default="some")


def test_a_record() -> None:
    """Fields that say something are options; their values are as ever."""
    assert list(options_of(Tea)) == ["sort", "minutes", "milk", "secret"]
    assert Tea(sort="mint") == Tea(sort="mint", minutes=3.0, milk="none")
    assert "secret" not in repr(Tea(sort="mint"))
    assert is_required(Tea, "sort")
    assert not is_required(Tea, "cups")
    assert range_of(Tea, "minutes") == (0, 9)
    with pytest.raises(LookupError, match=r"Tea\.milk"):
        range_of(Tea, "milk")
    with pytest.raises(TypeError, match="sort"):
        Tea()


def test_a_field_like_another() -> None:
    """It differs only where it says so."""
    assert Coffee() == Coffee(minutes=3.0, milk="some")
    assert option_of(Coffee, "minutes").help == "How long it drips."
    assert range_of(Coffee, "minutes") == range_of(Tea, "minutes")


@pytest.mark.parametrize(("milk", "is_right"), [("some", True), ("much", False)])
def test_words(milk: Any, is_right: bool) -> None:  # noqa: ANN401, FBT001
    """Other words than the field allows are named as they were typed."""
    tea = Tea(sort="mint", milk=milk)
    if is_right:
        check_choices(tea, ("milk",))
        return
    with pytest.raises(SettingError, match="`milk` is `much`") as caught:
        check_choices(tea, ("milk",))
    assert caught.value.hint == "choose one of none, some"
