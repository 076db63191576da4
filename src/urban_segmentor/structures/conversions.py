"""Instances in the forms of other tools, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.errors import (
    DatasetError,
    MissingLibraryError,
    SettingError,
    ShapeError,
)
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Crop, Masks
from urban_segmentor.structures.yolo_lines import parse_yolo_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd
    import supervision as sv
    from numpy.typing import NDArray

_MAX_CLASSES = 2**16
_CLASS_NAME = "class_name"  # as supervision has it in `data`


def instances_from_yolo(
    lines: str | Iterable[str], *, image_size: tuple[int, int], classes: ClassList | None = None
) -> Instances:
    """Return the instances of the lines of a label file; see `Instances.from_yolo`.

    Args:
        lines: `class_id x1 y1 x2 y2 ...`, or the text of a file.
        image_size: Height and width of the image, pixels.
        classes: The class list that the ids count in.

    Raises:
        DatasetError: A line is no outline, or names a class that the list does not have.
    """
    masks, class_ids = parse_yolo_lines(lines, image_size=image_size)
    beyond = class_ids[class_ids >= len(classes)] if classes else class_ids[:0]
    if len(beyond):
        raise DatasetError(
            f"the lines have the class {beyond[0]}, `classes` has 0 to {len(classes or ()) - 1}",
            hint="pass the `names` of the data set's `data.yaml`, all of them",
        )
    return Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.ones(len(masks), dtype=np.float32),
        class_ids=class_ids,
        classes=classes or ClassList(),
    )


def supervision_detections(instances: Instances) -> sv.Detections:
    """Return the instances as detections of supervision; see `Instances.to_supervision`.

    Args:
        instances: N instances.

    Raises:
        MissingLibraryError: supervision is not installed.
        SettingError: An extra column is called `class_name`.
    """
    try:
        import supervision as sv  # noqa: PLC0415 - only for those who use it
    except ImportError as error:
        raise MissingLibraryError("supervision") from error

    if _CLASS_NAME in instances.extra:
        raise _taken(_CLASS_NAME)
    track_ids = instances.track_ids
    extra = {name: np.array(values) for name, values in instances.extra.items()}
    return sv.Detections(
        xyxy=instances.boxes.copy(),
        mask=instances.masks.dense(),
        confidence=instances.scores.copy(),
        class_id=instances.class_ids.astype(np.int64),
        tracker_id=None if track_ids is None else track_ids.astype(np.int64),
        data={_CLASS_NAME: np.array(instances.class_names, dtype=np.str_), **extra},
    )


def instances_from_supervision(
    detections: sv.Detections,
    *,
    image_size: tuple[int, int] | None = None,
    classes: ClassList | None = None,
) -> Instances:
    """Return detections of supervision as instances; see `Instances.from_supervision`.

    Args:
        detections: N detections with masks and class ids.
        image_size: Height and width of the image, pixels; None for those of the masks.
        classes: The class list that the ids count in; None for the names in `data`.

    Raises:
        SettingError: There are no masks or class ids, or names do not fit the ids.
        ShapeError: The masks have another size than the image.
    """
    masks = _masks_of(detections, image_size)
    count = len(masks)
    if count and detections.class_id is None:
        raise SettingError(
            f"the {count} detections have no `class_id`",
            hint="set it: `detections.class_id = np.zeros(len(detections), dtype=int)`",
        )
    class_ids = _int32("class_id", np.zeros(0, np.int32), detections.class_id)
    scores = np.ones(count) if detections.confidence is None else detections.confidence
    track_ids = detections.tracker_id
    data = {name: _column(values) for name, values in detections.data.items()}
    names = data.pop(_CLASS_NAME, None)
    if classes is None and names is not None:
        classes = _classes_of(class_ids, [str(name) for name in names.tolist()])
    return Instances(
        boxes=np.array(detections.xyxy, dtype=np.float32).reshape(-1, 4),
        masks=masks,
        scores=np.array(scores, dtype=np.float32),
        class_ids=class_ids,
        track_ids=None if track_ids is None else _int32("tracker_id", track_ids, track_ids),
        extra=data,
        classes=classes or ClassList(),
    )


def _masks_of(detections: sv.Detections, image_size: tuple[int, int] | None) -> Masks:
    """Return the masks of detections, dense or compact ones."""
    mask = detections.mask
    if mask is None:
        if len(detections):
            raise SettingError(
                f"the {len(detections)} detections have boxes and no masks (`mask` is None)",
                hint="use a model that segments, or set it: "
                "`detections.mask = sv.xyxy_to_mask(detections.xyxy, (width, height))`",
            )
        if image_size is None:
            raise SettingError(
                "no detections to take the size of the image from",
                hint="pass `image_size=(height, width)`",
            )
        return Instances.empty(image_size).masks
    own = (int(mask.shape[1]), int(mask.shape[2]))
    if image_size not in {None, own}:
        raise ShapeError(f"the masks have the size {own}, `image_size` is {image_size}")
    if isinstance(mask, np.ndarray):
        return Masks.from_dense(mask.astype(np.bool_, copy=False))
    crops: list[Crop] = [np.array(mask.crop(i), dtype=np.bool_) for i in range(len(mask))]
    origins = np.array(mask.offsets, dtype=np.int32).reshape(-1, 2)
    return Masks(crops=tuple(crops), origins=origins, image_size=own)


def _int32(
    name: str, default: NDArray[np.integer], values: NDArray[np.integer] | None
) -> NDArray[np.int32]:
    """Return whole numbers as int32 (N,)."""
    wide = np.asarray(default if values is None else values)
    narrow = wide.astype(np.int32)
    if not np.array_equal(narrow, wide):
        raise ShapeError(f"`{name}` must be whole numbers below 2**31, got {wide[narrow != wide]}")
    return narrow


def _column(values: NDArray[Any] | Sequence[Any]) -> NDArray[Any]:
    """Return an array of N rows; lists of things of unlike lengths as objects."""
    if isinstance(values, np.ndarray):
        return np.array(values)
    try:
        return np.array(values)
    except ValueError:
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column


def _classes_of(class_ids: NDArray[np.int32], names: Sequence[str]) -> ClassList:
    """Return the class list in which each id has its name; ids are the names of the others."""
    ids: list[int] = class_ids.tolist()
    known: dict[int, str] = {}
    for class_id, name in zip(ids, names, strict=True):
        if not 0 <= class_id < _MAX_CLASSES:
            raise SettingError(
                f"there can be no list of names with the class id {class_id}",
                hint="pass `classes=`, and class ids that count in it",
            )
        if known.setdefault(class_id, name) != name:
            raise SettingError(
                f"the class {class_id} is called `{known[class_id]}` as well as `{name}`",
                hint="pass `classes=`, whose names count",
            )
    count = max(known, default=-1) + 1
    return ClassList.from_names([known.get(i, str(i)) for i in range(count)])


def instance_table(
    instances: Instances, *, before: Mapping[str, str | float] | None = None
) -> pd.DataFrame:
    """Return a data frame with one row an instance; see `Instances.to_dataframe`.

    Args:
        instances: N instances.
        before: Columns in front of the others, by name, the same value in each row.

    Raises:
        MissingLibraryError: pandas is not installed.
        SettingError: An extra column has the name of another one.
    """
    try:
        import pandas as pd  # noqa: PLC0415 - only for those who use it
    except ImportError as error:
        raise MissingLibraryError("pandas") from error

    count = len(instances)
    columns: dict[str, Any] = {}
    for name, value in (before or {}).items():
        is_text = isinstance(value, str)
        columns[name] = pd.Series([value] * count, dtype="str" if is_text else type(value))
    columns[_CLASS_NAME] = pd.Series(list(instances.class_names), dtype="str")
    columns |= {"class_id": instances.class_ids, "score": instances.scores}
    columns |= dict(zip(("x1", "y1", "x2", "y2"), instances.boxes.T, strict=True))
    columns["area_px"] = instances.masks.areas()
    if instances.track_ids is not None:
        columns["track_id"] = instances.track_ids
    for name, values in _flat_extra(instances.extra):
        if name in columns:
            raise _taken(name)
        columns[name] = values
    return pd.DataFrame(columns)


def _flat_extra(extra: Mapping[str, NDArray[Any]]) -> Iterable[tuple[str, NDArray[Any]]]:
    """Yield the columns of extra values; those of several numbers a row have numbered names."""
    for name, values in extra.items():
        if values.ndim == 1:
            yield name, values
            continue
        flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
        yield from ((f"{name}_{k}", flat[:, k]) for k in range(flat.shape[1]))


def _taken(name: str) -> SettingError:
    return SettingError(
        f"the extra column `{name}` has the name of a column that is there already",
        hint="rename it: `dataclasses.replace(instances, extra={'my_" + name + "': ...})`",
    )
