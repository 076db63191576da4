"""How many of each class there were over the time of a video."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.structures.instances import Instances

_MOST_POINTS = 200  # more cannot be told apart in a chart of a page
_MOST_CLASSES = 6


class Point(TypedDict):
    """One point of the chart.

    Attributes:
        time_s: Middle of a short span, seconds.
        count: Mean number in a frame of that span.
        name: The class.
    """

    time_s: float
    count: float
    name: str


class ClassCounts:
    """ClassCounts in every frame, in memory that a long video does not fill.

    Args:
        class_names: Names by class id.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._names = tuple(class_names)
        self._frames: list[tuple[float, Counter[int]]] = []

    def add(self, instances: Instances, *, time_s: float) -> None:
        """Count one frame.

        Args:
            instances: Found in it.
            time_s: When it is shown, seconds.
        """
        ids: list[int] = instances.class_ids.tolist()
        self._frames.append((time_s, Counter(ids)))

    def points(self) -> list[Point]:
        """Return the lines of a chart: means over spans, for the classes seen most."""
        if not self._frames:
            return []
        total: Counter[int] = Counter()
        for _, counted in self._frames:
            total += counted
        shown = [class_id for class_id, _ in total.most_common(_MOST_CLASSES)]
        span = -(-len(self._frames) // _MOST_POINTS)
        points: list[Point] = []
        for first in range(0, len(self._frames), span):
            part = self._frames[first : first + span]
            time_s = round(sum(when for when, _ in part) / len(part), 3)
            for class_id in shown:
                mean = sum(counted[class_id] for _, counted in part) / len(part)
                name = self._names[class_id]
                points.append({"time_s": time_s, "count": round(mean, 3), "name": name})
        return points

    def totals(self) -> list[tuple[str, float, int]]:
        """Return name, mean number in a frame, and most in one frame, of each class seen."""
        total: Counter[int] = Counter()
        most: Counter[int] = Counter()
        for _, counted in self._frames:
            total += counted
            most |= counted
        frames = max(len(self._frames), 1)
        return [
            (self._names[class_id], round(count / frames, 2), most[class_id])
            for class_id, count in total.most_common()
        ]
