"""Instances from COCO files: a whole file with scores, or a list of results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.datasets.coco_outlines import Outline, decode_outline, parse_outline
from urban_segmentor.datasets.findings import WrongEntryError
from urban_segmentor.errors import PredictionError, ShapeError
from urban_segmentor.evaluation.predictions.collector import PredictionCollector
from urban_segmentor.evaluation.predictions.json_values import as_box, as_list, as_object, as_score
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.evaluation.predictions.resizing import check_fit
from urban_segmentor.structures.polygons import MAX_COORDINATE

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.evaluation.predictions.coco_index import CocoIndex


class _Detection(NamedTuple):
    """One prediction with its mask not decoded; `box` is x, y, width, height in pixels.

    The mask is of `mask_size`, height and width in pixels, or of the size of its image.
    """

    position: int
    class_id: int
    score: float
    box: tuple[float, float, float, float] | None
    mask: Outline
    mask_size: tuple[int, int] | None


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
        self.class_names = index.categories.names
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
            mask_size = detection.mask_size or image_size
            check_fit(mask_size, size, resize=self._resize, context=context)
            try:
                crop, origin = decode_outline(detection.mask, image_size=mask_size)
            except ShapeError as error:
                raise PredictionError(
                    f"{context} has a damaged mask: {error}", hint="save the predictions again"
                ) from error
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
                index.categories.class_id(fields.get("category_id"), context=context),
                as_score(fields["score"], context=f"{context}: `score`"),
                None
                if box is None
                else as_box(box, max_value=MAX_COORDINATE, context=f"{context}: `bbox`"),
                *_outline(fields.get("segmentation"), context=context),
            )
        )
    return CocoPredictions(index, detections, path=path, resize=resize)


def _outline(value: object, *, context: str) -> tuple[Outline, tuple[int, int] | None]:
    """Return a mask that is not decoded yet, and the height and width that it is of."""
    try:
        return parse_outline(value)
    except WrongEntryError as error:
        raise PredictionError(
            f"{context} {error.text}",
            hint="save masks as pycocotools does, `counts` as text; boxes alone cannot be scored",
        ) from error
