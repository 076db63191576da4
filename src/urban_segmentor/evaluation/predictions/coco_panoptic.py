"""Panoptic maps of a COCO panoptic file and its PNG images.

Source: https://cocodataset.org/#format-results, as panopticapi and
`evaluation/evalPanopticSemanticLabeling.py` of cityscapesScripts read it.
"""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.datasets.findings import shown
from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.metrics.mean_iou import label_ids
from urban_segmentor.evaluation.predictions.coco_index import (
    Categories,
    parse_categories,
    parse_images,
)
from urban_segmentor.evaluation.predictions.frame_names import frame_of, stem_of
from urban_segmentor.evaluation.predictions.json_values import (
    Id,
    as_id,
    as_list,
    as_number,
    as_object,
    as_score,
    as_text,
)
from urban_segmentor.evaluation.predictions.png import read_segment_ids
from urban_segmentor.evaluation.predictions.prediction import FramePrediction
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CITYSCAPES
from urban_segmentor.structures.label_maps import resize_nearest
from urban_segmentor.structures.label_regions import label_regions
from urban_segmentor.structures.panoptic import PanopticMap, Segment

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

_MAX_SEGMENT_ID = 2**24 - 1
_OFFICIAL_CATEGORIES = Categories(
    tuple(label.name for label in CITYSCAPES if label.label_id >= 0),
    {label.label_id: label.label_id for label in CITYSCAPES if label.label_id >= 0},
)
"""Categories of a file without `categories`: its category ids are label ids."""


class AnnotatedImage(NamedTuple):
    """The annotation of one image.

    Attributes:
        image: Path of the PNG with the segment ids.
        segments: Segment id, class id and score of each segment.
    """

    image: Path
    segments: tuple[tuple[int, int, float], ...]


class PanopticPredictions:
    """Predicted panoptic maps of a COCO panoptic file.

    There are no instances: a map shows only those that won by their score, and AP needs all.
    Segments without a score have 1.

    Args:
        path: The file.
        folder: The folder that all PNG images must lie in.
        class_names: Class names.
        listed: Annotation of each image by stem.
        resize: True when maps may be scaled to the ground truth.
    """

    kind = "COCO panoptic"

    def __init__(
        self,
        path: Path,
        folder: Path,
        *,
        class_names: tuple[str, ...],
        listed: dict[str, AnnotatedImage],
        resize: bool,
    ) -> None:
        self.class_names = class_names
        self.stems = frozenset(listed)
        self._path = path
        self._folder = folder
        self._listed = listed
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
        listed = self._listed.get(stem)
        if listed is None:
            raise PredictionError(
                f"`{self._path}` does not speak of `{stem}`", hint="predict all of the split"
            )
        segment_ids = read_segment_ids(
            listed.image, root=self._folder, size=size, resize=self._resize
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
        there, missing = f"`{listed.image}`", f"`{self._path}`"
        if odd := sorted(painted ^ named):
            if odd[0] in named:
                there, missing = missing, there
            raise PredictionError(
                f"segment {odd[0]} is in {there} but not in {missing}",
                hint="list every segment that the picture shows, and no other",
            )


def parse_panoptic(
    content: dict[str, Any], *, path: Path, categories: Categories | None, resize: bool
) -> PanopticPredictions:
    """Return the predicted panoptic maps of a file; the PNG images are not read yet.

    The PNG images lie in the folder that has the name of the file without its ending, such as
    `cityscapes_panoptic_val/` beside `cityscapes_panoptic_val.json`.

    Args:
        content: The parsed JSON: `annotations` with `segments_info`, and maybe `categories`
            and `images`.
        path: The file.
        categories: Those for a file that has none; label ids by default.
        resize: True when maps may be scaled to the ground truth.

    Raises:
        PredictionError: It is no such file, or there is no folder with images.
    """
    folder = path.with_suffix("")
    if folder == path or not folder.is_dir():
        raise PredictionError(
            f"there is no folder `{folder}` with the pictures of `{path}`",
            hint="put the pictures in a folder with the name of the .json file, beside it",
        )
    if content.get("categories") is not None:
        categories = parse_categories(content["categories"], path=path)
    images: dict[Id, str] = {}
    if content.get("images") is not None:
        images = {one.image_id: one.file_name for one in parse_images(content["images"], path=path)}
    parser = _Parser(folder, categories or _OFFICIAL_CATEGORIES, images)
    listed: dict[str, AnnotatedImage] = {}
    entries = as_list(content.get("annotations"), context=f"`{path}`: `annotations`")
    for position, entry in enumerate(entries):
        context = f"`{path}`: annotation {position}"
        stem, one = parser.parse(as_object(entry, context=context), context=context)
        if stem in listed:
            raise PredictionError(
                f"{context} has the picture `{stem}` a second time", hint="list every picture once"
            )
        listed[stem] = one
    return PanopticPredictions(
        path, folder, class_names=parser.categories.names, listed=listed, resize=resize
    )


class _Parser(NamedTuple):
    """Parses the annotations of a file."""

    folder: Path
    categories: Categories
    images: dict[Id, str]

    def parse(self, fields: dict[str, Any], *, context: str) -> tuple[str, AnnotatedImage]:
        """Return the stem of the image that an annotation is of, and the parsed annotation."""
        name = as_text(fields.get("file_name"), context=f"{context}: `file_name`")
        windows = PureWindowsPath(name)
        if windows.anchor or PurePosixPath(name).is_absolute() or ".." in windows.parts:
            raise PredictionError(
                f"{context} has the `file_name` {name!r}, which leads out of `{self.folder}`",
                hint="name pictures inside that folder",
            )
        segments = self._segments(fields.get("segments_info"), context=context)
        image_id = as_id(fields.get("image_id"), context=f"{context}: `image_id`")
        if isinstance(image_id, str) and (frame := frame_of(image_id)) is not None:
            stem = frame  # the official script makes ids of city, sequence and frame
        else:
            stem = stem_of(self.images.get(image_id, name))
        return stem, AnnotatedImage(self.folder / name, segments)

    def _segments(self, content: object, *, context: str) -> tuple[tuple[int, int, float], ...]:
        segments: dict[int, tuple[int, int, float]] = {}
        for position, entry in enumerate(as_list(content, context=f"{context}: `segments_info`")):
            here = f"{context}, segment {position}"
            fields = as_object(entry, context=here)
            segment_id = as_number(fields.get("id"), context=f"{here}: `id`")
            if not 1 <= segment_id <= _MAX_SEGMENT_ID or segment_id in segments:
                raise PredictionError(
                    f"{here} has the id {shown(segment_id)}, expected a new one, "
                    f"1 to {_MAX_SEGMENT_ID}",
                    hint="ids tell the segments of a picture apart, 0 is nothing",
                )
            class_id = self.categories.class_id(fields.get("category_id"), context=here)
            score = fields.get("score")
            score = 1.0 if score is None else as_score(score, context=f"{here}: `score`")
            segments[segment_id] = (segment_id, class_id, score)
        return tuple(segments.values())


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
