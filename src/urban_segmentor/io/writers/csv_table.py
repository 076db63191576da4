"""`results.csv`: one row for each instance, for spreadsheets and data frames."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from urban_segmentor.io.atomic import AtomicFile
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import instance_records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList

COLUMNS = (
    *("source", "name", "frame", "time_s", "instance", "class", "class_id", "score"),
    *("x1", "y1", "x2", "y2", "area_px", "area_share"),
)
"""`instance` counts from 1 in each frame; `area_share` is the part of the picture, 0 to 1."""


class CsvWriter(ResultWriter):
    """Writes `results.csv`, without masks; frames without instances have no row.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """

    output = WRITER_PATHS["csv"]

    def _open(self) -> None:
        """Begin the file."""
        self._file = AtomicFile(self._path, overwrite=self._overwrite, head=_lines([COLUMNS]))

    def _write(self, result: Result) -> None:
        """Append the rows of one frame."""
        self._file.write(_lines(_rows(result, self._classes)))

    def _finish(self) -> None:
        """Put the file in its place."""
        self._file.commit()


def csv_text(result: Result) -> str:
    """Return the rows of one frame under their heading, as `results.csv` has them.

    Classes that the class list of the result does not have are called by their ids.

    Args:
        result: Its pixels are not looked at.
    """
    return _lines([COLUMNS, *_rows(result)])


def _rows(result: Result, classes: ClassList | None = None) -> list[tuple[object, ...]]:
    """Return one row an instance, in the order of `COLUMNS`."""
    frame = result.frame
    height, width = frame.size
    start = (_text(frame.source), _text(frame.name), frame.index, round(frame.time_s, 6))
    return [
        (
            *start,
            number,
            _text(row.class_name),
            row.class_id,
            row.score,
            *row.box,
            row.area_px,
            round(row.area_px / max(1, height * width), 6),
        )
        for number, row in enumerate(instance_records(result.instances, classes), start=1)
    ]


def _lines(rows: Iterable[Sequence[object]]) -> str:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _text(value: str) -> str:
    """Return a text that no spreadsheet runs as a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value
