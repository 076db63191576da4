"""Instances merged into one map, each pixel in one segment or in none.

The merge is the one that most use: things by falling score, each where nothing is yet, unless
most of it is covered already; then stuff, one segment a class, unless little of it is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import SettingError
from urban_segmentor.labels import BY_NAME
from urban_segmentor.regions import masks_of, regions_of
from urban_segmentor.types import Instances, PanopticMap, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_REFERENCE_PX = 2048 * 1024
_THIN = frozenset({"pole", "traffic light", "traffic sign"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRules:
    """What gets into a panoptic map.

    Attributes:
        score: Lowest score of a thing, in [0, 1].
        stuff_score: Lowest score of a region of stuff, in [0, 1]; low, as every pixel is of some
            class, and better regions are painted first.
        overlap: Share of a thing that may be covered already, in [0, 1].
        stuff_area_px: Least pixels of a class of stuff in a picture of 2048 x 1024; scaled to
            others.
        thin_area_px: The same for poles, traffic lights and signs.

    Raises:
        SettingError: A value is out of its range.
    """

    score: float = 0.5
    stuff_score: float = 0.1
    overlap: float = 0.5
    stuff_area_px: int = 4096
    thin_area_px: int = 1024

    def __post_init__(self) -> None:
        """Check the ranges."""
        shares = {"score": self.score, "stuff_score": self.stuff_score, "overlap": self.overlap}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise SettingError(
                    f"`{name}` is {share}, expected a number from 0 to 1",
                    hint=f"the usual `{name}` is 0.5",
                )


def merge(
    instances: Instances, *, class_names: Sequence[str], rules: MergeRules | None = None
) -> PanopticMap:
    """Return the panoptic map of a picture.

    Args:
        instances: N instances, of things and of stuff; classes that are none of Cityscapes'
            count as things.
        class_names: The class list of the model.
        rules: What gets in.

    Returns:
        Segments with ids from 1, things first, best score first.
    """
    rules = rules or MergeRules()
    ids = np.zeros(instances.masks.image_size, dtype=np.int32)
    is_stuff = [name in BY_NAME and not BY_NAME[name].is_thing for name in class_names]
    order: list[int] = np.argsort(-instances.scores, kind="stable").tolist()
    class_ids: list[int] = instances.class_ids.tolist()
    scores: list[float] = instances.scores.tolist()
    segments: list[Segment] = []
    for i in order:
        class_id = class_ids[i]
        if is_stuff[class_id] or scores[i] < rules.score:
            continue
        number = len(segments) + 1
        area = _paint(ids, instances, i, number, most_covered=rules.overlap)
        if area:
            segments.append(_segment(number, class_id, scores[i], area, is_thing=True))
    areas: dict[int, int] = {}
    best: dict[int, float] = {}
    first = len(segments) + 1
    for i in order:
        class_id = class_ids[i]
        if not is_stuff[class_id] or scores[i] < rules.stuff_score:
            continue
        best.setdefault(class_id, scores[i])
        number = first + list(best).index(class_id)
        area = _paint(ids, instances, i, number, most_covered=1.0)
        areas[class_id] = areas.get(class_id, 0) + area
    segments += _kept_stuff(ids, areas, best, first, class_names=class_names, rules=rules)
    return PanopticMap(segment_ids=ids, segments=tuple(segments))


def segments_as_instances(panoptic: PanopticMap) -> Instances:
    """Return the segments as instances that share no pixel, in the order of the map's ids.

    Args:
        panoptic: The map.
    """
    regions = regions_of(panoptic.segment_ids)
    seen = regions.values > 0
    regions = type(regions)(*(part[seen] for part in regions))
    by_id = {segment.segment_id: segment for segment in panoptic.segments}
    segments = [by_id[value] for value in regions.values.tolist()]
    return Instances(
        boxes=regions.boxes.astype(np.float32),
        masks=masks_of(panoptic.segment_ids, regions),
        scores=np.array([segment.score for segment in segments], dtype=np.float32),
        class_ids=np.array([segment.class_id for segment in segments], dtype=np.int32),
    )


def _paint(
    ids: NDArray[np.int32], instances: Instances, index: int, number: int, *, most_covered: float
) -> int:
    """Paint a mask where nothing is yet, and return how many pixels that were."""
    crop = instances.masks.crops[index]
    x, y = (int(edge) for edge in instances.masks.origins[index])
    height, width = crop.shape
    window = ids[y : y + height, x : x + width]
    free = crop & (window == 0)
    area, whole = int(np.count_nonzero(free)), int(np.count_nonzero(crop))
    if not area or whole - area > most_covered * whole:
        return 0
    np.copyto(window, number, where=free)
    return area


def _kept_stuff(  # noqa: PLR0913
    ids: NDArray[np.int32],
    areas: dict[int, int],
    best: dict[int, float],
    first: int,
    *,
    class_names: Sequence[str],
    rules: MergeRules,
) -> list[Segment]:
    """Return the segments of stuff that are large enough; take the others out of the map."""
    scale = ids.size / _REFERENCE_PX
    segments: list[Segment] = []
    table = np.arange(first + len(best), dtype=np.int32)
    for number, class_id in enumerate(best, start=first):
        thin = class_names[class_id] in _THIN
        least = scale * (rules.thin_area_px if thin else rules.stuff_area_px)
        if areas[class_id] and areas[class_id] >= least:
            table[number] = first + len(segments)
            score, area = best[class_id], areas[class_id]
            segments.append(_segment(int(table[number]), class_id, score, area, is_thing=False))
        else:
            table[number] = 0
    if len(segments) < len(best):
        np.take(table, ids, out=ids)
    return segments


def _segment(number: int, class_id: int, score: float, area_px: int, *, is_thing: bool) -> Segment:
    return Segment(
        segment_id=number, class_id=class_id, is_thing=is_thing, score=score, area_px=area_px
    )
