"""Instances from COCO files: a whole file with scores, or a list of results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.collector import PredictionCollector
from urban_segmentor.evaluation.predictions.json_values import as_box, as_list, as_object, as_score
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.evaluation.predictions.resizing import check_fit
from urban_segmentor.evaluation.predictions.segmentation import (
    RunLengths,
    Segmentation,
    decode_mask,
    parse_segmentation,
)
from urban_segmentor.structures.polygons import MAX_COORDINATE

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.evaluation.predictions.coco_index import CocoIndex


class _Detection(NamedTuple):
    """One prediction with its mask not decoded; `box` is x, y, width, height in pixels."""

    position: int
    class_id: int
    score: float
    box: tuple[float, float, float, float] | None
    mask: Segmentation


class CocoPredictions:
    """Predicted instances of a COCO file.

    A picture that is listed without predictions is one in which nothing was found, as everywhere
    with COCO; of a list of results the pictures of the annotations are listed.

    Args:
        index: Images and classes by id.
        detections: Predictions by stem.
        path: The file, named in messages.
        resize: True when masks may be scaled to the ground truth.
    """

    kind = "COCO instances"

    def __init__(
        self, index: CocoIndex, detections: dict[str, list[_Detection]], *, path: Path, resize: bool
    ) -> None:
        self.class_names = index.class_names
        self.stems = frozenset(index.sizes) | frozenset(detections)
        self._sizes = index.sizes
        self._detections = detections
        self._path = path
        self._resize = resize

    def of(self, stem: str, *, size: tuple[int, int]) -> FramePrediction:
        """Return the predicted instances of an image.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: The file does not list it, or masks have another size or are damaged.
            MissingExtraError: Masks are polygons, and faster-coco-eval is not installed.
        """
        if stem not in self.stems:
            raise PredictionError(
                f"`{self._path}` does not speak of `{stem}`", hint="predict all of the split"
            )
        image = f"`{stem}` in `{self._path}`"
        image_size = self._sizes.get(stem) or size
        check_fit(image_size, size, resize=self._resize, context=image)
        collector = PredictionCollector(size, context=image)
        for detection in self._detections.get(stem, ()):
            context = f"{image}: prediction {detection.position}"
            mask_size = (
                detection.mask.size if isinstance(detection.mask, RunLengths) else image_size
            )
            check_fit(mask_size, size, resize=self._resize, context=context)
            crop, origin = decode_mask(detection.mask, image_size=image_size, context=context)
            collector.add(
                crop,
                origin,
                image_size=mask_size,
                class_id=detection.class_id,
                score=detection.score,
                box=detection.box,
            )
        return FramePrediction(instances=collector.instances(), panoptic=None, label_ids=None)


def parse_coco(content: object, index: CocoIndex, *, path: Path, resize: bool) -> CocoPredictions:
    """Return the predicted instances of a COCO file or list of results.

    Args:
        content: The list of annotations or results.
        index: Images and classes of the file, or of the annotation file that ids refer to.
        path: The file, named in messages.
        resize: True when masks may be scaled to the ground truth.

    Raises:
        PredictionError: An annotation is damaged, has no score or mask, or ids do not exist.
    """
    detections: dict[str, list[_Detection]] = {}
    for position, entry in enumerate(as_list(content, context=f"`{path}`: `annotations`")):
        context = f"`{path}`: prediction {position}"
        fields = as_object(entry, context=context)
        if fields.get("score") is None:
            raise PredictionError(
                f"{context} has no score: the file seems to be ground truth",
                hint="give the file that the tool wrote for its predictions",
            )
        stem = index.stem(fields.get("image_id"), context=context)
        box = fields.get("bbox")
        detections.setdefault(stem, []).append(
            _Detection(
                position,
                index.class_id(fields.get("category_id"), context=context),
                as_score(fields["score"], context=f"{context}: `score`"),
                None
                if box is None
                else as_box(box, max_value=MAX_COORDINATE, context=f"{context}: `bbox`"),
                parse_segmentation(fields.get("segmentation"), context=context),
            )
        )
    return CocoPredictions(index, detections, path=path, resize=resize)
