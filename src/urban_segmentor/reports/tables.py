"""Tables for people: one value that the console, Markdown and pages all show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from urban_segmentor.profiling import StageSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """A table whose first column names what the figures behind it are about.

    Attributes:
        title: What it shows.
        head: Names of the columns.
        rows: Cells of each row; the last ones of a row may be missing.
        texts: How many of the first columns are text; the others hold figures.
        has_remarks: True when the last column is text too.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1
    has_remarks: bool = False

    @property
    def is_figures(self) -> list[bool]:
        """True for each column of figures, which stand right."""
        last = len(self.head) - self.has_remarks
        return [self.texts <= i < last for i in range(len(self.head))]


def stage_times(stages: Mapping[str, StageSummary]) -> ReportTable:
    """Return what each stage costs a frame, milliseconds.

    Args:
        stages: Summaries by the name of the stage.
    """
    rows = [
        (stage, f"{row['p50_ms']:.1f}", f"{row['p95_ms']:.1f}", f"{row['share']:.0%}")
        for stage, row in stages.items()
    ]
    head = ("stage", "p50", "p95", "share")
    return ReportTable(title="milliseconds a frame", head=head, rows=rows)


def markdown_table(table: ReportTable) -> str:
    """Return a table in Markdown, without its title.

    >>> print(markdown_table(ReportTable(title="", head=["class", "AP"], rows=[["car", "0.5"]])))
    | class | AP |
    | --- | --- |
    | car | 0.5 |
    """
    lines = [table.head, ["---"] * len(table.head), *table.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
