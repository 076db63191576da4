"""Instances as COCO annotations, and annotations of any tool as instances."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from urban_segmentor.errors import DatasetError, ShapeError
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.coco_polygons import coco_polygons_to_mask
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Crop, Masks
from urban_segmentor.structures.rle import compressed_rle, decode_rle, encode_rle

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LAYOUT = "a `segmentation` is `{'size': [height, width], 'counts': ...}` or a list of polygons"


def coco_annotations(
    instances: Instances, *, image_id: int, first_id: int = 1
) -> list[dict[str, Any]]:
    """Return COCO annotations, category ids class ids plus 1; see `Instances.to_coco`.

    Args:
        instances: N instances.
        image_id: Of the image that they belong to.
        first_id: Of the first annotation; the others count on.
    """
    rows = annotation_rows(
        instances.masks,
        boxes=instances.boxes,
        class_ids=instances.class_ids,
        is_crowd=instances.extra.get("is_crowd", np.zeros(len(instances), dtype=np.bool_)),
    )
    scores: list[float] = instances.scores.astype(np.float64).round(5).tolist()
    annotations: list[dict[str, Any]] = [
        {"id": number, "image_id": image_id, **row, "score": score}
        for number, (row, score) in enumerate(zip(rows, scores, strict=True), start=first_id)
    ]
    if instances.track_ids is not None:
        for annotation, track_id in zip(annotations, instances.track_ids.tolist(), strict=True):
            annotation["track_id"] = track_id
    return annotations


def annotation_rows(
    masks: Masks,
    *,
    boxes: NDArray[np.float32],
    class_ids: NDArray[np.int32],
    is_crowd: NDArray[Any],
) -> list[dict[str, Any]]:
    """Return what COCO annotations of objects say, without the ids of annotation and image.

    Args:
        masks: N masks.
        boxes: float32 (N, 4), `x1, y1, x2, y2`, pixels.
        class_ids: int32 (N,); category ids are one more.
        is_crowd: bool or int (N,), true for regions of several objects.
    """
    columns = zip(
        class_ids.tolist(),
        boxes.astype(np.float64).round(2).tolist(),
        masks.areas().tolist(),
        is_crowd.astype(np.int64).tolist(),
        encode_rle(masks),
        strict=True,
    )
    return [
        {
            "category_id": class_id + 1,
            "bbox": [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)],
            "area": area,
            "iscrowd": crowd,
            "segmentation": mask,
        }
        for class_id, (x1, y1, x2, y2), area, crowd, mask in columns
    ]


def coco_categories(
    classes: ClassList, *, class_ids: NDArray[np.int32] | None = None
) -> list[dict[str, Any]]:
    """Return the entries of `categories`; ids are class ids plus 1.

    Args:
        classes: The class list of the model.
        class_ids: int32 (N,), of instances; those beyond the list get entries that are called
            by their ids.
    """
    listed = [
        {"id": i, "name": c.name, "supercategory": "thing" if c.is_thing else "stuff"}
        for i, c in enumerate(classes, start=1)
    ]
    if class_ids is None:
        return listed
    beyond: list[int] = np.unique(class_ids[class_ids >= len(classes)]).tolist()
    more = [{"id": i + 1, "name": classes.name_of(i), "supercategory": "thing"} for i in beyond]
    return [*listed, *more]


class _Row(NamedTuple):
    class_id: int
    crop: Crop
    origin: tuple[int, int]
    box: list[float]
    score: float
    is_crowd: bool
    track_id: int | None


def instances_from_coco(
    annotations: Iterable[Mapping[str, Any]],
    *,
    image_size: tuple[int, int],
    classes: ClassList | None = None,
    category_ids: Mapping[int, int] | None = None,
) -> Instances:
    """Return the annotations of one image as instances; see `Instances.from_coco`.

    Args:
        annotations: N annotations.
        image_size: Height and width of the image, pixels.
        classes: The class list that class ids count in.
        category_ids: The class id of each category id; None for category ids minus 1.

    Raises:
        DatasetError: An annotation has no mask, another size, or a category that is unknown.
    """
    given = list(annotations)
    _check_one_image(given)
    rows: list[_Row] = []
    for i, annotation in enumerate(given):
        if not isinstance(annotation, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DatasetError(
                f"annotation {i} is a {type(annotation).__name__}, expected an object",
                hint='of a whole file: Instances.from_coco(content["annotations"], ...)',
            )
        class_id = _class_id(annotation, i, classes=classes, category_ids=category_ids)
        try:
            crop, origin = _mask(annotation.get("segmentation"), image_size)
        except ShapeError as error:
            raise DatasetError(f"{_name(annotation, i)}: {error}", hint=_LAYOUT) from error
        rows.append(_row(annotation, i, class_id=class_id, crop=crop, origin=origin))
    track_ids = [row.track_id for row in rows if row.track_id is not None]
    if track_ids and len(track_ids) != len(rows):
        raise DatasetError(
            f"{len(track_ids)} of {len(rows)} annotations have a `track_id`",
            hint="give every annotation of the image one, or none",
        )
    crowds = np.array([row.is_crowd for row in rows], dtype=np.bool_)
    return Instances(
        boxes=np.array([row.box for row in rows], dtype=np.float32).reshape(-1, 4),
        masks=Masks(
            crops=tuple(row.crop for row in rows),
            origins=np.array([row.origin for row in rows], dtype=np.int32).reshape(-1, 2),
            image_size=image_size,
        ),
        scores=np.array([row.score for row in rows], dtype=np.float32),
        class_ids=np.array([row.class_id for row in rows], dtype=np.int32),
        track_ids=np.array(track_ids, dtype=np.int32) if track_ids else None,
        extra={"is_crowd": crowds} if crowds.any() else {},
        classes=classes or ClassList(),
    )


def _check_one_image(annotations: Sequence[Mapping[str, Any]]) -> None:
    ids = list(dict.fromkeys(str(a["image_id"]) for a in annotations if "image_id" in a))
    if len(ids) > 1:
        raise DatasetError(
            f"the annotations belong to {len(ids)} images, first {ids[0]} and {ids[1]}",
            hint=f"take those of one: `[a for a in annotations if a['image_id'] == {ids[0]}]`",
        )


def _name(annotation: Mapping[str, Any], i: int) -> str:
    return f"annotation {annotation['id']}" if "id" in annotation else f"`annotations[{i}]`"


def _class_id(
    annotation: Mapping[str, Any],
    i: int,
    *,
    classes: ClassList | None,
    category_ids: Mapping[int, int] | None,
) -> int:
    category = _whole(annotation.get("category_id"))
    if category is None:
        raise DatasetError(
            f"{_name(annotation, i)} has the `category_id` {annotation.get('category_id')!r}, "
            "expected a whole number",
            hint="set it to the id of an entry of `categories`",
        )
    class_id = category - 1 if category_ids is None else category_ids.get(category, -1)
    if class_id < 0 or (classes and class_id >= len(classes)):
        known = f"`classes` has {len(classes)}" if classes else "they count from 1"
        if category_ids is not None:
            known = "`category_ids` leads to no class"
        raise DatasetError(
            f"{_name(annotation, i)} has the category {category}; {known}",
            hint="pass `category_ids=`: `{c['id']: k for k, c in enumerate(coco['categories'])}`",
        )
    return class_id


def _row(
    annotation: Mapping[str, Any], i: int, *, class_id: int, crop: Crop, origin: tuple[int, int]
) -> _Row:
    (x1, y1), (height, width) = origin, crop.shape
    sides = annotation.get("bbox", [x1, y1, width, height])
    score, track_id = annotation.get("score", 1.0), annotation.get("track_id")
    values: list[float] = []
    if isinstance(sides, np.ndarray):
        sides = cast("object", sides.tolist())
    if isinstance(sides, Sequence) and len(cast("Sequence[object]", sides)) == 4:
        found = map(_number, [*cast("Sequence[object]", sides), score])
        values = [value for value in found if value is not None]
    if len(values) != 5:
        raise DatasetError(
            f"{_name(annotation, i)} has the `bbox` {sides!r} and the `score` {score!r}",
            hint="a `bbox` is `[x, y, width, height]` in pixels, a `score` a number",
        )
    if track_id is not None and _whole(track_id) is None:
        raise DatasetError(
            f"{_name(annotation, i)} has the `track_id` {track_id!r}, expected a whole number",
            hint="number the tracks",
        )
    x, y, across, down, sure = values
    return _Row(
        class_id=class_id,
        crop=crop,
        origin=origin,
        box=[x, y, x + across, y + down],
        score=sure,
        is_crowd=bool(annotation.get("iscrowd", 0)),
        track_id=_whole(track_id),
    )


def _mask(segmentation: object, image_size: tuple[int, int]) -> tuple[Crop, tuple[int, int]]:
    """Return the tight crop of one segmentation, bool (h, w), and x and y of its corner."""
    if isinstance(segmentation, Mapping):
        rle = dict(cast("Mapping[str, Any]", segmentation))
        rle["size"] = _plain_size(rle.get("size"))
        rle["counts"] = _plain_counts(rle.get("counts"), image_size)
        masks = decode_rle([cast("Any", rle)], image_size=image_size)
        x, y = masks.origins[0].tolist()
        return masks.crops[0], (x, y)
    if not isinstance(segmentation, list | tuple) or not segmentation:
        raise ShapeError(
            "it has no mask: its `segmentation` is "
            f"{_shown(cast('object', segmentation))}; leave it out"
        )
    polygons = [_polygon(flat) for flat in cast("Sequence[object]", segmentation)]
    return coco_polygons_to_mask(polygons, image_size=image_size)


def _plain_size(size: object) -> object:
    """Return a size with plain numbers, as pycocotools and JSON give it."""
    if not isinstance(size, list | tuple):
        return size
    sides = cast("Sequence[object]", size)
    return [side if _whole(side) is None else _whole(side) for side in sides]


def _plain_counts(counts: object, image_size: tuple[int, int]) -> object:
    """Return run lengths as a compressed string, whether they came as one, as bytes or a list."""
    if isinstance(counts, bytes):
        return counts.decode("ascii", "replace")
    if not isinstance(counts, list | tuple | np.ndarray):
        return counts
    try:
        runs: NDArray[Any] = np.array(cast("Any", counts))
    except ValueError as error:
        raise ShapeError("`counts` must be whole numbers") from error
    pixels = image_size[0] * image_size[1]
    if runs.ndim != 1 or runs.dtype.kind not in "iu" or runs.size == 0:
        raise ShapeError("`counts` must be whole numbers, at least one")
    if runs.min() < 0 or runs.max() > pixels:
        raise ShapeError(f"`counts` must lie in 0..{pixels}, got {runs.min()} to {runs.max()}")
    return compressed_rle(runs.astype(np.int64), image_size=image_size)["counts"]


def _polygon(flat: object) -> NDArray[np.float64]:
    """Return the points of one polygon, float64 (K, 2)."""
    try:
        values = np.array(flat, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ShapeError("a polygon must be a list of numbers") from error
    if values.ndim != 1 or values.size < 6 or values.size % 2:
        raise ShapeError(
            f"a polygon must be an even number of at least 6 coordinates, got {_shown(flat)}"
        )
    return values.reshape(-1, 2)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _whole(value: object) -> int | None:
    """Return a whole number of 32 bits, or None where it is none."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        return None
    number = int(value)
    return number if -(2**31) <= number < 2**31 else None


def _number(value: object) -> float | None:
    """Return a finite number, or None where it is none."""
    return float(value) if isinstance(value, Real) and math.isfinite(value) else None
