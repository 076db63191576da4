"""Panoptic maps: what a COCO panoptic file lists, and the pictures beside it show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.metrics.mean_iou import label_ids
from urban_segmentor.evaluation.predictions.png import read_segment_ids
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.evaluation.predictions.resizing import scaled_map
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.structures.label_regions import label_regions
from urban_segmentor.structures.panoptic import PanopticMap, Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.evaluation.predictions.panoptic_json import AnnotatedSegment, PanopticJson


class PanopticPredictions:
    """Panoptic maps of a file.

    There are no instances: which of them a map shows was decided by a score, and AP needs all.
    Segments without a score have 1.

    Args:
        file: What the file says.
        resize: True when maps may be scaled to the ground truth.
    """

    kind = "COCO panoptic"

    def __init__(self, file: PanopticJson, *, resize: bool) -> None:
        self.class_names = file.class_names
        self.stems = frozenset(file.listed)
        self._file = file
        self._resize = resize

    def of(self, stem: str, *, size: tuple[int, int]) -> FramePrediction:
        """Return the map of a picture, and its label ids.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: There are no predictions of it, its picture is missing, damaged, or
                of another size, or does not show the segments that are listed.
        """
        listed = self._file.listed.get(stem)
        if listed is None:
            raise PredictionError(
                f"`{self._file.path}` does not speak of `{stem}`", hint="predict all of the split"
            )
        found = read_segment_ids(
            listed.image, root=self._file.folder, size=size, resize=self._resize
        )
        areas = _areas(found)
        self._check_same(set(areas), listed)
        ids = scaled_map(found, wanted=size)
        panoptic = _map(ids, areas if ids is found else _areas(ids), listed, self.class_names)
        labels = label_ids(panoptic, class_names=self.class_names)
        return FramePrediction(instances=None, panoptic=panoptic, label_ids=labels)

    def _check_same(self, painted: set[int], listed: AnnotatedSegment) -> None:
        """Refuse a picture that shows other segments than are listed."""
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
    """Return the pixels of each id in a map, int32 (H, W), that is not 0."""
    regions = label_regions(ids)
    areas = dict(zip(regions.values.tolist(), regions.pixels.tolist(), strict=True))
    areas.pop(0, None)
    return areas


def _map(
    ids: NDArray[np.int32],
    areas: dict[int, int],
    listed: AnnotatedSegment,
    class_names: tuple[str, ...],
) -> PanopticMap:
    """Return a map, int32 (H, W), with its segments; those that scaling has lost are left out."""
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
