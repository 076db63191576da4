"""Surfaces as instances: for each class of stuff, what of the map of classes no object covers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.inference.panoptic_config import PanopticConfig
from urban_segmentor.inference.surface_scores import surface_scores
from urban_segmentor.structures.label_regions import label_regions
from urban_segmentor.structures.masks import LabelRegion, LazyCrops, Masks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from urban_segmentor.result import Result
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.label_regions import LabelRegions
    from urban_segmentor.structures.panoptic import SemanticMap

_COVERED = 255  # no class of a map has it
_USUAL_CONFIG = PanopticConfig()


def with_surfaces(result: Result, *, keep_classes: Sequence[int] | None = None) -> Result:
    """Return a result of objects with its surfaces among the instances, as `add_surfaces` has it.

    Args:
        result: Has no surfaces yet; without a map of classes it comes back as it is.
        keep_classes: Class ids to keep, or None for all.
    """
    if result.semantic is None:
        return result
    instances = add_surfaces(result.instances, result.semantic, keep_classes=keep_classes)
    return result.with_instances(instances)


def add_surfaces(
    things: Instances,
    semantic: SemanticMap,
    *,
    keep_classes: Sequence[int] | None = None,
    config: PanopticConfig = _USUAL_CONFIG,
) -> Instances:
    """Return the objects, and after them one instance for each class of stuff, largest first.

    Its mask is where the map says that class and no object lies, its score how probable it is that
    this is right, its box tight. Tracks of surfaces are -1, their extra values NaN or 0.

    Args:
        things: The objects that are shown.
        semantic: The class of each pixel of the same image.
        keep_classes: Class ids to keep, or None for all.
        config: How probable a surface has to be.
    """
    visible = _visible(semantic.class_ids, things.masks)
    regions = label_regions(visible)
    scores = np.zeros(_COVERED + 1, dtype=np.float32)
    scores[: len(semantic.logits)] = surface_scores(semantic, visible != _COVERED)
    scores[: len(semantic.logits)][things.classes.is_thing] = 0
    is_kept = (scores >= config.stuff_probability) & (scores > 0)
    if keep_classes is not None:
        is_kept &= np.isin(np.arange(len(is_kept)), keep_classes)
    kept = np.flatnonzero(is_kept[regions.values])
    if not len(kept):
        return things
    kept = kept[np.argsort(-regions.pixels[kept], kind="stable")]
    regions = type(regions)(*(part[kept] for part in regions))
    return _joined(things, regions, visible, scores[regions.values])


def _visible(class_ids: NDArray[np.uint8], masks: Masks) -> NDArray[np.uint8]:
    """Return the map with the pixels marked that are covered by masks."""
    if not len(masks):
        return class_ids
    visible = class_ids.copy()
    corners: list[list[int]] = masks.origins.tolist()
    for crop, (x, y) in zip(masks.crops, corners, strict=True):
        height, width = crop.shape
        region = visible[y : y + height, x : x + width]
        np.maximum(region, crop.view(np.uint8) * np.uint8(_COVERED), out=region)
    return visible


def _joined(
    things: Instances,
    regions: LabelRegions,
    visible: NDArray[np.uint8],
    scores: NDArray[np.float32],
) -> Instances:
    """Return objects and surfaces."""
    count = len(regions.values)
    boxes: list[tuple[int, int, int, int]] = regions.boxes.tolist()
    values: list[int] = regions.values.tolist()
    masks = Masks(
        crops=LazyCrops(
            [
                LabelRegion(image=visible, value=value, box=box)
                for value, box in zip(values, boxes, strict=True)
            ]
        ),
        origins=regions.boxes[:, :2].astype(np.int32),
        image_size=things.masks.image_size,
    )
    extra = {
        name: np.concatenate([own, np.full((count, *own.shape[1:]), _nothing(own), own.dtype)])
        for name, own in things.extra.items()
    }
    track_ids = None
    if things.track_ids is not None:
        track_ids = np.concatenate([things.track_ids, np.full(count, -1, dtype=np.int32)])
    return replace(
        things,
        boxes=np.concatenate([things.boxes, regions.boxes.astype(np.float32)]),
        masks=things.masks.joined(masks),
        scores=np.concatenate([things.scores, scores]),
        class_ids=np.concatenate([things.class_ids, regions.values.astype(np.int32)]),
        track_ids=track_ids,
        extra=extra,
    )


def _nothing(values: NDArray[np.generic]) -> float:
    return np.nan if values.dtype.kind == "f" else 0
