"""Instances per class over the time of a video."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

from urban_segmentor.structures.classes import first_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.structures.instances import Instances

_MAX_POINTS = 200  # as many as a chart can show
_MAX_CLASSES = 6


class ChartPoint(TypedDict):
    """A point of the chart.

    Attributes:
        time_s: Mean time of a span of frames, seconds.
        count: Mean instances per frame of that span.
        name: Name of the class.
    """

    time_s: float
    count: float
    name: str


class ClassCounts:
    """Counts the instances of each class in every frame of a video.

    Args:
        class_names: Names by class id.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._names = tuple(class_names)
        self._first_ids = first_ids(self._names)
        self._frames: list[tuple[float, Counter[int]]] = []

    def add(self, instances: Instances, *, time_s: float) -> None:
        """Add the instances of a frame.

        Args:
            instances: Predictions of the frame.
            time_s: Time of the frame, seconds.
        """
        ids: list[int] = instances.class_ids.tolist()
        self._frames.append((time_s, Counter(self._first_ids[i] for i in ids)))

    def points(self) -> list[ChartPoint]:
        """Return the points of a chart: means over spans, for the most frequent classes."""
        if not self._frames:
            return []
        total: Counter[int] = Counter()
        for _, counts in self._frames:
            total += counts
        class_ids = [class_id for class_id, _ in total.most_common(_MAX_CLASSES)]
        span = -(-len(self._frames) // _MAX_POINTS)
        points: list[ChartPoint] = []
        for first in range(0, len(self._frames), span):
            span_frames = self._frames[first : first + span]
            time_s = round(sum(when for when, _ in span_frames) / len(span_frames), 3)
            for class_id in class_ids:
                mean = sum(counts[class_id] for _, counts in span_frames) / len(span_frames)
                name = self._names[class_id]
                points.append({"time_s": time_s, "count": round(mean, 3), "name": name})
        return points

    def totals(self) -> list[tuple[str, float, int]]:
        """Return name, mean count per frame and maximum count of each class, by frequency."""
        total: Counter[int] = Counter()
        peak: Counter[int] = Counter()
        for _, counts in self._frames:
            total += counts
            peak |= counts
        frames = max(len(self._frames), 1)
        return [
            (self._names[class_id], round(count / frames, 2), peak[class_id])
            for class_id, count in total.most_common()
        ]
