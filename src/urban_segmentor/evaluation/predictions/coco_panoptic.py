"""Panoptic maps of a COCO panoptic file and its PNG images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.metrics.mean_iou import label_ids
from urban_segmentor.evaluation.predictions.png import read_segment_ids
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.structures.label_maps import resize_nearest
from urban_segmentor.structures.label_regions import label_regions
from urban_segmentor.structures.panoptic import PanopticMap, Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.evaluation.predictions.panoptic_json import AnnotatedImage, PanopticJson


class PanopticPredictions:
    """Predicted panoptic maps of a COCO panoptic file.

    There are no instances: a map shows only those that won by their score, and AP needs all.
    Segments without a score have 1.

    Args:
        file: The parsed JSON file.
        resize: True when maps may be scaled to the ground truth.
    """

    kind = "COCO panoptic"

    def __init__(self, file: PanopticJson, *, resize: bool) -> None:
        self.class_names = file.class_names
        self.stems = frozenset(file.listed)
        self._file = file
        self._resize = resize

    def of(self, stem: str, *, size: tuple[int, int]) -> FramePrediction:
        """Return the panoptic map of an image, and its label ids.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: The file does not list it, its PNG is missing, damaged, or of
                another size, or its segments differ from the list.
        """
        listed = self._file.listed.get(stem)
        if listed is None:
            raise PredictionError(
                f"`{self._file.path}` does not speak of `{stem}`", hint="predict all of the split"
            )
        segment_ids = read_segment_ids(
            listed.image, root=self._file.folder, size=size, resize=self._resize
        )
        areas = _areas(segment_ids)
        self._check_same(set(areas), listed)
        ids = resize_nearest(segment_ids, size)
        panoptic = _map(ids, areas if ids is segment_ids else _areas(ids), listed, self.class_names)
        labels = label_ids(panoptic, class_names=self.class_names)
        return FramePrediction(instances=None, panoptic=panoptic, label_ids=labels)

    def _check_same(self, painted: set[int], listed: AnnotatedImage) -> None:
        """Check that the PNG has exactly the segments of the list."""
        named = {segment_id for segment_id, _, _ in listed.segments}
        there, missing = f"`{listed.image}`", f"`{self._file.path}`"
        if odd := sorted(painted ^ named):
            if odd[0] in named:
                there, missing = missing, there
            raise PredictionError(
                f"segment {odd[0]} is in {there} but not in {missing}",
                hint="list every segment that the picture shows, and no other",
            )


def _areas(ids: NDArray[np.int32]) -> dict[int, int]:
    """Return the area of each segment in a map, int32 (H, W), pixels by segment id."""
    regions = label_regions(ids)
    areas = dict(zip(regions.values.tolist(), regions.pixels.tolist(), strict=True))
    areas.pop(0, None)
    return areas


def _map(
    ids: NDArray[np.int32],
    areas: dict[int, int],
    listed: AnnotatedImage,
    class_names: tuple[str, ...],
) -> PanopticMap:
    """Return the panoptic map of segment ids, int32 (H, W), without segments lost by scaling."""
    labels = [BY_NAME.get(name) for name in class_names]
    is_thing = [label is None or label.is_thing for label in labels]
    segments = tuple(
        Segment(
            segment_id=segment_id,
            class_id=class_id,
            is_thing=is_thing[class_id],
            score=score,
            area_px=areas[segment_id],
        )
        for segment_id, class_id, score in listed.segments
        if segment_id in areas
    )
    return PanopticMap(segment_ids=ids, segments=segments)
