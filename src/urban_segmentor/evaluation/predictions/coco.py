"""Instances from COCO files: a whole file with scores, or a list of results."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.collector import MaskCollector
from urban_segmentor.evaluation.predictions.parsing import as_box, as_list, as_object, as_score
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.evaluation.predictions.resizing import check_fit
from urban_segmentor.evaluation.predictions.segmentation import (
    RunLengths,
    Segmentation,
    decode,
    parse_segmentation,
)
from urban_segmentor.structures.polygons import MAX_COORDINATE

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.evaluation.predictions.coco_index import CocoIndex


class _Found(NamedTuple):
    """One prediction, its mask not decoded yet; `box` is x, y, width, height in pixels."""

    place: int
    class_id: int
    score: float
    box: tuple[float, float, float, float] | None
    mask: Segmentation


class CocoPredictions:
    """Instances of a COCO file.

    A picture that is listed without predictions is one in which nothing was found, as everywhere
    with COCO; of a list of results the pictures of the annotations are listed.

    Args:
        index: The pictures and classes.
        found: Predictions by picture.
        path: The file, named in messages.
        resize: True when masks may be scaled to the ground truth.
    """

    kind = "COCO instances"

    def __init__(
        self, index: CocoIndex, found: dict[str, list[_Found]], *, path: Path, resize: bool
    ) -> None:
        self.class_names = index.class_names
        self.stems = frozenset(index.sizes) | frozenset(found)
        self._sizes = index.sizes
        self._found = found
        self._path = path
        self._resize = resize

    def of(self, stem: str, *, size: tuple[int, int]) -> FramePrediction:
        """Return the instances of a picture.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: There are no predictions of it, masks have another size or are
                damaged.
            MissingExtraError: Masks are polygons, and faster-coco-eval is not installed.
        """
        if stem not in self.stems:
            raise PredictionError(
                f"`{self._path}` does not speak of `{stem}`", hint="predict all of the split"
            )
        image = f"`{stem}` in `{self._path}`"
        drawn_on = self._sizes.get(stem) or size
        check_fit(drawn_on, size, resize=self._resize, where=image)
        collector = MaskCollector(size, where=image)
        for found in self._found.get(stem, ()):
            where = f"{image}: prediction {found.place}"
            own = found.mask.size if isinstance(found.mask, RunLengths) else drawn_on
            check_fit(own, size, resize=self._resize, where=where)
            crop, origin = decode(found.mask, drawn_on=drawn_on, where=where)
            collector.add(
                crop, origin, found=own, class_id=found.class_id, score=found.score, box=found.box
            )
        return FramePrediction(instances=collector.instances(), panoptic=None, label_ids=None)


def parse_coco(content: object, index: CocoIndex, *, path: Path, resize: bool) -> CocoPredictions:
    """Return the instances of a COCO file with scores.

    Args:
        content: The list of its annotations.
        index: Its pictures and classes, or those of the annotations that the ids refer to.
        path: The file, named in messages.
        resize: True when masks may be scaled to the ground truth.

    Raises:
        PredictionError: An annotation is damaged, has no score or mask, or ids do not exist.
    """
    found: dict[str, list[_Found]] = {}
    for place, entry in enumerate(as_list(content, where=f"`{path}`: `annotations`")):
        where = f"`{path}`: prediction {place}"
        fields = as_object(entry, where=where)
        if fields.get("score") is None:
            raise PredictionError(
                f"{where} has no score: the file seems to be ground truth",
                hint="give the file that the tool wrote for its predictions",
            )
        stem = index.stem(fields.get("image_id"), where=where)
        box = fields.get("bbox")
        found.setdefault(stem, []).append(
            _Found(
                place,
                index.class_id(fields.get("category_id"), where=where),
                as_score(fields["score"], where=f"{where}: `score`"),
                None if box is None else as_box(box, most=MAX_COORDINATE, where=f"{where}: `bbox`"),
                parse_segmentation(fields.get("segmentation"), where=where),
            )
        )
    return CocoPredictions(index, found, path=path, resize=resize)
