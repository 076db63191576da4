"""What is wrong with a data set, or only worth knowing, each named with its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from urban_segmentor.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Sequence

FindingKind: TypeAlias = Literal[
    "missing",
    "unreadable",
    "size",
    "polygon",
    "outside",
    "label",
    "dummy",
    "deleted",
    "name",
    "count",
    "box",
    "number",
    "values",
    "mask",
    "duplicate",
    "unknown id",
    "path",
    "entry",
    "left out",
]
"""Sorts of findings."""


class Finding(NamedTuple):
    """Something worth knowing.

    Attributes:
        kind: Which sort.
        where: The frame, as `split/city/stem`; a file and line; an entry of a JSON file; or the
            split.
        text: One sentence, of which `where` is the subject.
        wrong: False for what good data has too, and all readers deal with.
    """

    kind: FindingKind
    where: str
    text: str
    wrong: bool

    def __str__(self) -> str:
        """Return the whole sentence."""
        return f"`{self.where}` {self.text}"


class SampleInspection(NamedTuple):
    """What somebody who looked at everything of a frame has to say.

    Attributes:
        size: Height and width of its picture, pixels; None where it cannot be read.
        findings: What is wrong, and what is only worth knowing.
    """

    size: tuple[int, int] | None
    findings: list[Finding]


class WrongEntryError(Exception):
    """A line or entry is not what it should be; caught by whoever knows its place.

    Args:
        kind: Which sort.
        text: One sentence without its subject.
    """

    def __init__(self, kind: FindingKind, text: str) -> None:
        super().__init__(text)
        self.kind: FindingKind = kind
        self.text = text

    def at(self, where: str) -> Finding:
        """Return the finding, at its place."""
        return Finding(self.kind, where, self.text, wrong=True)


def unreadable(where: str, error: DatasetError) -> Finding:
    """Return the finding that something cannot be read.

    Args:
        where: The subject.
        error: Why.
    """
    return Finding("unreadable", where, f"cannot be read: {error}", wrong=True)


def shown(value: object) -> str:
    """Return a value of somebody's file as a message names it, short whatever it is.

    >>> shown("x" * 99)[:5], shown(None), shown([1, 2])
    ("'xxxx", 'missing', 'a list')
    """
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, (str, bytes)):
        value = value[:60]
    elif isinstance(value, int) and value.bit_length() > 64:
        return "a huge number"
    text = "missing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:60] + "..."


def check_whole(findings: Sequence[Finding]) -> None:
    """Check that nothing is wrong with labels: a figure over damaged ones would be wrong.

    Args:
        findings: Of one frame.

    Raises:
        DatasetError: Something is; the first is named, the others are counted.
    """
    wrong = [finding for finding in findings if finding.wrong]
    if wrong:
        more = f" (and {len(wrong) - 1} more like this)" if len(wrong) > 1 else ""
        raise DatasetError(
            f"{wrong[0]}{more}",
            hint="mend the labels; urban-segmentor data check DIR names all that is wrong",
        )
