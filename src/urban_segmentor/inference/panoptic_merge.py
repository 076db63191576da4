"""Instances merged into one map, each pixel in one segment or in none.

The merge is the one that most use: things by falling score, each where nothing is yet, unless
most of it is covered already; then stuff, one segment a class, unless little of it is left. Where a
model tells the class of each pixel, stuff comes from there, unless it is not sure of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.surface_scores import surface_scores
from urban_segmentor.structures.classes import first_ids
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.label_maps import apply_lookup
from urban_segmentor.structures.label_regions import label_regions, masks_of
from urban_segmentor.structures.panoptic import PanopticMap, Segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.panoptic import SemanticMap


def merge_panoptic(
    instances: Instances,
    *,
    semantic: SemanticMap | None = None,
    keep_classes: Sequence[int] | None = None,
    config: PanopticConfig | None = None,
) -> PanopticMap:
    """Return the panoptic map of a picture.

    Args:
        instances: N instances, of things and of stuff; their class list says which are things.
        semantic: The class of each pixel, where the model says so. Stuff is of this map then, as
            far as no thing covers it, and the scores of things have to be probabilities. A pixel
            of a class of things that no thing covers is void.
        keep_classes: Class ids that the surfaces of this map may have, or None for all.
        config: What gets in.

    Returns:
        Segments with ids from 1, things first, best score first.

    Raises:
        ShapeError: A class id lies outside the list, or the map is of another picture or list.
    """
    config = config or PanopticConfig()
    if semantic is not None:
        _check_map(semantic, instances)
        instances = instances.select(instances.classes.is_thing[instances.class_ids])
        config = replace(config, score=config.thing_probability)
    candidates, order = _candidates(instances, config)
    # One byte a pixel while painting, as long as that can number them.
    few = len(candidates) + len(instances.classes) <= np.iinfo(np.uint8).max
    numbers = np.zeros(instances.masks.image_size, dtype=np.uint8 if few else np.int32)
    for i, number in order:
        candidate = candidates[number - 1]
        max_covered = config.overlap if candidate.is_thing else 1.0
        candidate.area_px += _paint(numbers, instances, i, number, max_covered=max_covered)
    numbered = list(enumerate(candidates, start=1))
    if semantic is not None:
        is_wanted = ~instances.classes.is_thing
        if keep_classes is not None:
            is_wanted &= np.isin(np.arange(len(is_wanted)), keep_classes)
        min_score = config.stuff_probability
        numbered += _paint_surfaces(
            numbers, semantic, is_wanted, first=len(candidates) + 1, min_score=min_score
        )
    table = np.zeros(len(candidates) + len(instances.classes) + 1, dtype=np.int32)
    segments: list[Segment] = []
    for number, candidate in numbered:
        if candidate.area_px and candidate.area_px >= candidate.min_px:
            table[number] = len(segments) + 1
            segments.append(candidate.segment(len(segments) + 1))
    return PanopticMap(segment_ids=apply_lookup(table, numbers), segments=tuple(segments))


def segments_as_instances(panoptic: PanopticMap, *, classes: ClassList) -> Instances:
    """Return the segments as instances that share no pixel, in the order of the map's ids.

    Args:
        panoptic: The map.
        classes: The class list of the model.
    """
    regions = label_regions(panoptic.segment_ids)
    seen = regions.values > 0
    regions = type(regions)(*(part[seen] for part in regions))
    by_id = {segment.segment_id: segment for segment in panoptic.segments}
    segments = [by_id[value] for value in regions.values.tolist()]
    return Instances(
        boxes=regions.boxes.astype(np.float32),
        masks=masks_of(panoptic.segment_ids, regions),
        scores=np.array([segment.score for segment in segments], dtype=np.float32),
        class_ids=np.array([segment.class_id for segment in segments], dtype=np.int32),
        classes=classes,
    )


@dataclass(slots=True, kw_only=True)
class _Candidate:
    """What may become a segment: one thing, or all regions of one class of stuff.

    Attributes:
        class_id: Position in the class list of the model.
        is_thing: True where single objects are told apart.
        score: The best.
        min_px: With fewer pixels it is dropped.
        area_px: Pixels painted so far.
    """

    class_id: int
    is_thing: bool
    score: float
    min_px: float
    area_px: int = 0

    def segment(self, segment_id: int) -> Segment:
        """Return the segment that it has become."""
        return Segment(
            segment_id=segment_id,
            class_id=self.class_id,
            is_thing=self.is_thing,
            score=self.score,
            area_px=self.area_px,
        )


def _candidates(
    instances: Instances, config: PanopticConfig
) -> tuple[list[_Candidate], list[tuple[int, int]]]:
    """Return what may become a segment, and in which order it is painted.

    Masks of what is too weak are not decoded.

    Returns:
        Candidates, things first, best score first; the position of an instance and the number
        of its candidate, from 1, in the order of painting.
    """
    class_ids: list[int] = instances.class_ids.tolist()
    names = instances.classes.names
    instances.classes.check_ids(instances.class_ids)
    scores: list[float] = instances.scores.tolist()
    candidates: list[_Candidate] = []
    painted: list[tuple[int, int]] = []
    first = first_ids(names)  # classes of one name are one kind of stuff
    stuff: dict[int, int] = {}
    for i, is_thing in _painting_order(instances, config):
        class_id = class_ids[i]
        if is_thing or first[class_id] not in stuff:
            min_px = config.least_area_px(names[class_id], instances.masks.image_size)
            one = _Candidate(
                class_id=class_id,
                is_thing=is_thing,
                score=scores[i],
                min_px=1 if is_thing else min_px,
            )
            candidates.append(one)
        if not is_thing:
            stuff.setdefault(first[class_id], len(candidates))
        painted.append((i, len(candidates) if is_thing else stuff[first[class_id]]))
    return candidates, painted


def _painting_order(instances: Instances, config: PanopticConfig) -> list[tuple[int, bool]]:
    """Return the positions of what is strong enough, and which are things: those come first."""
    is_thing = instances.classes.is_thing[instances.class_ids]
    min_scores = np.where(is_thing, config.score, config.stuff_score).astype(np.float32)
    order = np.lexsort((-instances.scores, ~is_thing))
    order = order[(instances.scores >= min_scores)[order]]
    return list(zip(order.tolist(), is_thing[order].tolist(), strict=True))


def _paint(
    numbers: NDArray[np.uint8 | np.int32],
    instances: Instances,
    index: int,
    number: int,
    *,
    max_covered: float,
) -> int:
    """Paint a mask where nothing is yet, and return how many pixels that were."""
    crop = instances.masks.crops[index]
    x, y = (int(edge) for edge in instances.masks.origins[index])
    height, width = crop.shape
    window = numbers[y : y + height, x : x + width]
    free = crop & (window == 0)
    area, whole = int(np.count_nonzero(free)), int(np.count_nonzero(crop))
    if not area or whole - area > max_covered * whole:
        return 0
    np.copyto(window, number, where=free, casting="unsafe")
    return area


def _check_map(semantic: SemanticMap, instances: Instances) -> None:
    count, size = len(instances.classes), instances.masks.image_size
    if (len(semantic.logits), semantic.image_size) != (count, size):
        raise ShapeError(
            f"the map has {len(semantic.logits)} classes and {semantic.image_size} pixels, "
            f"expected {count} and {size} as the instances have",
            hint="take both from one result",
        )


def _paint_surfaces(
    numbers: NDArray[np.uint8 | np.int32],
    semantic: SemanticMap,
    is_wanted: NDArray[np.bool_],
    *,
    first: int,
    min_score: float,
) -> list[tuple[int, _Candidate]]:
    """Paint the map where nothing is yet, and return the surfaces of it that are sure enough.

    Args:
        numbers: The candidate of each pixel, 0 where nothing is yet.
        semantic: The class of each pixel.
        is_wanted: bool (C,), the classes that may become surfaces.
        first: The number of the class with id 0; the others follow.
        min_score: Lowest score of a surface.

    Returns:
        Numbers and surfaces, best first; other classes stay without one, and become void.
    """
    is_free = numbers == 0
    scores = np.where(is_wanted, surface_scores(semantic, is_free), 0)
    kept = np.flatnonzero((scores >= min_score) & (scores > 0))
    kept = kept[np.argsort(-scores[kept], kind="stable")]
    surfaces = semantic.class_ids.astype(numbers.dtype)
    surfaces += first
    surfaces *= is_free.view(np.uint8)
    numbers += surfaces  # they never meet
    painted: list[tuple[int, _Candidate]] = []
    for class_id in kept.tolist():
        # Into the same memory again, as to ask for more takes as long as to compare.
        inside = np.equal(surfaces, first + class_id, out=is_free)
        candidate = _Candidate(
            class_id=class_id,
            is_thing=False,
            score=float(scores[class_id]),
            min_px=1,
            area_px=int(np.count_nonzero(inside)),
        )
        painted.append((first + class_id, candidate))
    return painted
