"""Summary of a conversion over all frames, and its JSON report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from urban_segmentor.datasets.convert.frame_report import (
    GOOD_IOU,
    ClassCount,
    FrameReport,
    RoundTrip,
    add_counts,
    add_round_trip,
    empty_round_trip,
)
from urban_segmentor.versions import versions

if TYPE_CHECKING:
    from collections.abc import Sequence

MADE_BY = "urban-segmentor data prepare"
"""What `made_by` says in the reports of conversions; others' reports do not say it."""

_LIBRARIES = ("numpy", "opencv-python-headless", "pillow")


@dataclass(slots=True, kw_only=True)
class ConversionSummary:
    """Summary of a conversion over all frames.

    Attributes:
        images: Frames written, by split.
        resumed: Frames of them that an earlier run had written.
        skipped: Frames not written, as a file is missing or cannot be read.
        interrupted: True when it was stopped before all frames were done.
        polygons: Polygons drawn.
        clipped: Polygons that reach out of the picture, cut off there.
        deleted: Polygons marked as deleted, not drawn.
        hidden: Objects of which nothing is to be seen under later ones.
        classes: Counts by class name, in the order of the class set.
        large: Round trip through YOLO polygons of segments over 1,000 pixels.
        small: Round trip of the others.
        problems: What is missing or could not be read, one sentence each.
    """

    images: Counter[str] = field(default_factory=Counter[str])
    resumed: int = 0
    skipped: int = 0
    interrupted: bool = False
    polygons: int = 0
    clipped: int = 0
    deleted: int = 0
    hidden: int = 0
    classes: dict[str, ClassCount] = field(default_factory=dict[str, "ClassCount"])
    large: RoundTrip = field(default_factory=empty_round_trip)
    small: RoundTrip = field(default_factory=empty_round_trip)
    problems: list[str] = field(default_factory=list[str])

    @property
    def complete(self) -> bool:
        """True when every frame is written."""
        return not self.interrupted and not self.skipped

    def add(self, report: FrameReport) -> None:
        """Add one frame."""
        self.images[report["split"]] += 1
        self.polygons += report["polygons"]
        self.clipped += report["clipped"]
        self.deleted += report["deleted"]
        self.hidden += report["hidden"]
        add_counts(self.classes, report["classes"])
        add_round_trip(self.large, report["large"])
        add_round_trip(self.small, report["small"])
        self.problems += report["problems"]

    def sort_classes(self, names: Sequence[str]) -> None:
        """Put the classes into the order of the class set."""
        known = self.classes
        self.classes = {name: known[name] for name in names if name in known}


def make_report(
    summary: ConversionSummary, settings: dict[str, Any], *, seconds: float
) -> dict[str, Any]:
    """Return the content of `report.json`.

    Args:
        summary: Summary of the conversion.
        settings: Its settings.
        seconds: Duration of this run.
    """
    return {
        "made_by": MADE_BY,
        "complete": summary.complete,
        "interrupted": summary.interrupted,
        "settings": settings,
        "images": dict(summary.images),
        "resumed": summary.resumed,
        "left_out": summary.skipped,
        "polygons": summary.polygons,
        "clipped": summary.clipped,
        "deleted": summary.deleted,
        "hidden": summary.hidden,
        "classes": {name: dict(count) for name, count in summary.classes.items()},
        "round_trip": {"large": _figures(summary.large), "small": _figures(summary.small)},
        "problems": summary.problems,
        "versions": versions(_LIBRARIES),
        "seconds": round(seconds, 3),
    }


def _figures(trip: RoundTrip) -> dict[str, float | None]:
    count = trip["segments"]
    return {
        "segments": count,
        "mean_iou": trip["sum_iou"] / count if count else None,
        "lowest_iou": trip["lowest"] if count else None,
        f"below_{GOOD_IOU}": trip["below"],
    }
