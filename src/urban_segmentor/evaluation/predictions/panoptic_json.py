"""Parsing of COCO panoptic JSON files; the PNG images are not read here.

Source: https://cocodataset.org/#format-results, as panopticapi and
`evaluation/evalPanopticSemanticLabeling.py` of cityscapesScripts read it.
"""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.coco_index import parse_categories
from urban_segmentor.evaluation.predictions.frame_names import frame_of, stem_of
from urban_segmentor.evaluation.predictions.json_values import (
    Id,
    as_id,
    as_list,
    as_number,
    as_object,
    as_score,
    as_text,
    describe,
)
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

_MAX_SEGMENT_ID = 2**24 - 1


class CategoryTable(NamedTuple):
    """Categories of a panoptic file.

    Attributes:
        names: Class names.
        class_ids: Class id, the position in `names`, by category id.
    """

    names: tuple[str, ...]
    class_ids: dict[int, int]


OFFICIAL_CATEGORIES = CategoryTable(
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


class PanopticJson(NamedTuple):
    """A parsed panoptic file.

    Attributes:
        path: The file.
        folder: The folder that all PNG images must lie in.
        class_names: Class names.
        listed: Annotation of each image by stem.
    """

    path: Path
    folder: Path
    class_names: tuple[str, ...]
    listed: dict[str, AnnotatedImage]


def parse_panoptic(
    content: dict[str, Any], *, path: Path, classes: CategoryTable | None
) -> PanopticJson:
    """Return the parsed content of a panoptic file.

    The PNG images lie in the folder that has the name of the file without its ending, such as
    `cityscapes_panoptic_val/` beside `cityscapes_panoptic_val.json`.

    Args:
        content: The parsed JSON: `annotations` with `segments_info`, and maybe `categories`
            and `images`.
        path: The file.
        classes: Categories for a file that has none; label ids by default.

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
        classes = CategoryTable(*parse_categories(content["categories"], path=path))
    parser = _Parser(
        folder, classes or OFFICIAL_CATEGORIES, _image_names(content.get("images"), path=path)
    )
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
    return PanopticJson(path, folder, parser.classes.names, listed)


class _Parser(NamedTuple):
    folder: Path
    classes: CategoryTable
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
            category_id = as_number(fields.get("category_id"), context=f"{here}: `category_id`")
            if not 1 <= segment_id <= _MAX_SEGMENT_ID or segment_id in segments:
                raise PredictionError(
                    f"{here} has the id {describe(segment_id)}, expected a new one, "
                    f"1 to {_MAX_SEGMENT_ID}",
                    hint="ids tell the segments of a picture apart, 0 is nothing",
                )
            if category_id not in self.classes.class_ids:
                raise PredictionError(
                    f"{here} has the category id {describe(category_id)}, which does not exist",
                    hint="category ids are official label ids, or those of `categories`",
                )
            score = fields.get("score")
            score = 1.0 if score is None else as_score(score, context=f"{here}: `score`")
            segments[segment_id] = (segment_id, self.classes.class_ids[category_id], score)
        return tuple(segments.values())


def _image_names(content: object, *, path: Path) -> dict[Id, str]:
    """Return the file names of `images` by image id; none where the file lacks `images`."""
    names: dict[Id, str] = {}
    images = [] if content is None else as_list(content, context=f"`{path}`: `images`")
    for position, entry in enumerate(images):
        context = f"`{path}`: image {position}"
        fields = as_object(entry, context=context)
        image_id = as_id(fields.get("id"), context=f"{context}: `id`")
        names[image_id] = as_text(fields.get("file_name"), context=f"{context}: `file_name`")
    return names
