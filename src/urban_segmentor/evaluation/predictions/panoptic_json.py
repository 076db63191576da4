"""What a COCO panoptic file says, before any picture is looked at.

Source: https://cocodataset.org/#format-results, as panopticapi and
`evaluation/evalPanopticSemanticLabeling.py` of cityscapesScripts read it.
"""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, NamedTuple

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.coco_index import parse_categories
from urban_segmentor.evaluation.predictions.names import frame_of, stem_of
from urban_segmentor.evaluation.predictions.parsing import (
    Id,
    as_id,
    as_list,
    as_number,
    as_object,
    as_score,
    as_text,
    shown,
)
from urban_segmentor.structures.cityscapes_labels import CITYSCAPES

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

_MOST_ID = 2**24 - 1


class CategoryTable(NamedTuple):
    """The classes of a panoptic file.

    Attributes:
        names: The class list.
        class_ids: Position in it by category id.
    """

    names: tuple[str, ...]
    class_ids: dict[int, int]


OFFICIAL = CategoryTable(
    tuple(label.name for label in CITYSCAPES if label.label_id >= 0),
    {label.label_id: label.label_id for label in CITYSCAPES if label.label_id >= 0},
)
"""What category ids mean in a file without categories: they are label ids."""


class AnnotatedSegment(NamedTuple):
    """What the file says of a picture.

    Attributes:
        image: The picture of its segments.
        segments: Id, class id and score of each.
    """

    image: Path
    segments: tuple[tuple[int, int, float], ...]


class PanopticJson(NamedTuple):
    """What a file says.

    Attributes:
        path: The file.
        folder: Where the pictures are, which none may leave.
        class_names: The class list.
        listed: What it says of each picture.
    """

    path: Path
    folder: Path
    class_names: tuple[str, ...]
    listed: dict[str, AnnotatedSegment]


def parse_panoptic(
    content: dict[str, Any], *, path: Path, classes: CategoryTable | None
) -> PanopticJson:
    """Return what a panoptic file says.

    The pictures lie in the folder that has the name of the file without its ending, such as
    `cityscapes_panoptic_val/` beside `cityscapes_panoptic_val.json`.

    Args:
        content: What the file holds: `annotations` with `segments_info`, and maybe `categories`
            and `images`.
        path: The file.
        classes: The classes of a file that has no categories; label ids by default.

    Raises:
        PredictionError: It is no such file, or there is no folder with pictures.
    """
    folder = path.with_suffix("")
    if folder == path or not folder.is_dir():
        raise PredictionError(
            f"there is no folder `{folder}` with the pictures of `{path}`",
            hint="put the pictures in a folder with the name of the .json file, beside it",
        )
    if content.get("categories") is not None:
        classes = CategoryTable(*parse_categories(content["categories"], path=path))
    parser = _Parser(folder, classes or OFFICIAL, _image_names(content.get("images"), path=path))
    listed: dict[str, AnnotatedSegment] = {}
    entries = as_list(content.get("annotations"), where=f"`{path}`: `annotations`")
    for place, entry in enumerate(entries):
        where = f"`{path}`: annotation {place}"
        stem, one = parser.parse(as_object(entry, where=where), where=where)
        if stem in listed:
            raise PredictionError(
                f"{where} has the picture `{stem}` a second time", hint="list every picture once"
            )
        listed[stem] = one
    return PanopticJson(path, folder, parser.classes.names, listed)


class _Parser(NamedTuple):
    """Reads the annotations of a file."""

    folder: Path
    classes: CategoryTable
    images: dict[Id, str]

    def parse(self, fields: dict[str, Any], *, where: str) -> tuple[str, AnnotatedSegment]:
        """Return the picture that an annotation is of, and what it says."""
        name = as_text(fields.get("file_name"), where=f"{where}: `file_name`")
        windows = PureWindowsPath(name)
        if windows.anchor or PurePosixPath(name).is_absolute() or ".." in windows.parts:
            raise PredictionError(
                f"{where} has the `file_name` {name!r}, which leads out of `{self.folder}`",
                hint="name pictures inside that folder",
            )
        segments = self._segments(fields.get("segments_info"), where=where)
        image_id = as_id(fields.get("image_id"), where=f"{where}: `image_id`")
        if isinstance(image_id, str) and (frame := frame_of(image_id)) is not None:
            stem = frame  # the official script makes ids of city, sequence and frame
        else:
            stem = stem_of(self.images.get(image_id, name))
        return stem, AnnotatedSegment(self.folder / name, segments)

    def _segments(self, content: object, *, where: str) -> tuple[tuple[int, int, float], ...]:
        segments: dict[int, tuple[int, int, float]] = {}
        for place, entry in enumerate(as_list(content, where=f"{where}: `segments_info`")):
            here = f"{where}, segment {place}"
            fields = as_object(entry, where=here)
            segment_id = as_number(fields.get("id"), where=f"{here}: `id`")
            category_id = as_number(fields.get("category_id"), where=f"{here}: `category_id`")
            if not 1 <= segment_id <= _MOST_ID or segment_id in segments:
                raise PredictionError(
                    f"{here} has the id {shown(segment_id)}, expected a new one, 1 to {_MOST_ID}",
                    hint="ids tell the segments of a picture apart, 0 is nothing",
                )
            if category_id not in self.classes.class_ids:
                raise PredictionError(
                    f"{here} has the category id {shown(category_id)}, which does not exist",
                    hint="category ids are official label ids, or those of `categories`",
                )
            score = fields.get("score")
            score = 1.0 if score is None else as_score(score, where=f"{here}: `score`")
            segments[segment_id] = (segment_id, self.classes.class_ids[category_id], score)
        return tuple(segments.values())


def _image_names(content: object, *, path: Path) -> dict[Id, str]:
    """Return the file names of `images` by their ids, of a file that has them."""
    names: dict[Id, str] = {}
    images = [] if content is None else as_list(content, where=f"`{path}`: `images`")
    for place, entry in enumerate(images):
        where = f"`{path}`: image {place}"
        fields = as_object(entry, where=where)
        image_id = as_id(fields.get("id"), where=f"{where}: `id`")
        names[image_id] = as_text(fields.get("file_name"), where=f"{where}: `file_name`")
    return names
