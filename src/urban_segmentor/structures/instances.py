"""The objects found in one image, as arrays of equal length that can be iterated and indexed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Never, Self, TypeAlias, overload

import numpy as np

from urban_segmentor.errors import SettingError, ShapeError
from urban_segmentor.structures._arrays import read_only
from urban_segmentor.structures.classes import ClassList, ClassNames, as_class_list
from urban_segmentor.structures.instance import Instance, unknown_attribute
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    import supervision as sv
    from numpy.typing import NDArray

Index: TypeAlias = (
    "slice | Sequence[int] | Sequence[bool] | NDArray[np.bool_] | NDArray[np.integer]"
)
"""What selects several instances: a slice, positions, or true where an instance stays."""

_UNNAMED = ClassList()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Instances:
    """The N objects found in one image, as arrays of equal length.

    `for instance in instances` yields each as an `Instance`; `instances[0]` is one, and
    `instances[:5]`, `instances[instances.scores > 0.5]` and `instances[[2, 0]]` are some.

    Attributes:
        boxes: float32 (N, 4), pixels, `x1, y1, x2, y2`, half-open, so width is `x2 - x1`.
        masks: N masks in image coordinates.
        scores: float32 (N,), in [0, 1].
        class_ids: int32 (N,), positions in `classes`.
        track_ids: int32 (N,), or None where nobody tracks.
        extra: More values of each object by name, arrays of N rows, such as speeds.
        classes: The class list of the model; empty when nobody said.
    """

    boxes: NDArray[np.float32]
    masks: Masks
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    track_ids: NDArray[np.int32] | None = None
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, "NDArray[Any]"])
    classes: ClassList = _UNNAMED

    def __post_init__(self) -> None:
        """Check that every array has N rows, and freeze it."""
        n = len(self.masks)
        object.__setattr__(self, "boxes", read_only("boxes", self.boxes, "float32", f"{n} 4"))
        object.__setattr__(self, "scores", read_only("scores", self.scores, "float32", f"{n}"))
        class_ids = read_only("class_ids", self.class_ids, "int32", f"{n}")
        object.__setattr__(self, "class_ids", class_ids)
        if self.track_ids is not None:
            track_ids = read_only("track_ids", self.track_ids, "int32", f"{n}")
            object.__setattr__(self, "track_ids", track_ids)
        if self.extra:
            object.__setattr__(self, "extra", _frozen_extra(self.extra, n))

    @classmethod
    def empty(cls, image_size: tuple[int, int], *, classes: ClassNames | None = None) -> Self:
        """Return no instances.

        Args:
            image_size: Height and width of the image, pixels.
            classes: The class list of the model.
        """
        return cls(
            boxes=np.zeros((0, 4), dtype=np.float32),
            masks=Masks(crops=(), origins=np.zeros((0, 2), np.int32), image_size=image_size),
            scores=np.zeros(0, dtype=np.float32),
            class_ids=np.zeros(0, dtype=np.int32),
            classes=_class_list(classes) or _UNNAMED,
        )

    def __len__(self) -> int:
        """Return N."""
        return len(self.boxes)

    def __iter__(self) -> Iterator[Instance]:
        """Yield each object, in order."""
        return (self[i] for i in range(len(self)))

    @overload
    def __getitem__(self, index: int | np.integer) -> Instance: ...
    @overload
    def __getitem__(self, index: Index) -> Self: ...
    def __getitem__(self, index: int | np.integer | Index) -> Instance | Self:
        """Return one object, or the objects that a slice, positions or a bool (N,) array select.

        Raises:
            IndexError: There are not so many, or a bool array has another length than N.
            SettingError: It is no index, such as a text.
        """
        if isinstance(index, str | bool | np.bool_):  # `class_names == "car"` is False
            raise _no_index(index)
        if isinstance(index, int | np.integer):
            return self._instance(_position(int(index), len(self)))
        return self.select(np.arange(len(self))[_as_index(index)])

    def __repr__(self) -> str:
        """Return one line: how many there are of each class."""
        names, counts = np.unique(np.array(self.class_names, dtype=object), return_counts=True)
        order = np.argsort(-counts, kind="stable")
        listed = ", ".join(f"{counts[i]} {names[i]}" for i in order)
        return f"<Instances {len(self)}{': ' if listed else ''}{listed}>"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each object's class, N of them; its id as text where nobody said."""
        ids: list[int] = self.class_ids.tolist()
        return tuple(self.classes.name_of(class_id) for class_id in ids)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the image, pixels."""
        return self.masks.image_size

    def is_class(self, *names: str | int) -> NDArray[np.bool_]:
        """Return which objects are of some classes, bool (N,).

        Args:
            names: Names or ids of classes.

        Raises:
            SettingError: There is no such class.
        """
        ids = [class_id for name in names for class_id in self.classes.ids_of(name)]
        return np.isin(self.class_ids, ids)

    if not TYPE_CHECKING:  # type checkers say so by themselves

        def __getattr__(self, name: str) -> Never:
            """Name the right word for what users of other tools type by habit."""
            raise unknown_attribute(self, name, _HABITS)

    def select(self, keep: NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return some of the instances, as indexing does, without its checks.

        Args:
            keep: bool (N,), true where an instance stays, or intp positions, (M,).
        """
        index = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep.astype(np.intp)
        return replace(
            self,
            boxes=self.boxes[index],
            masks=self.masks.select(index),
            scores=self.scores[index],
            class_ids=self.class_ids[index],
            track_ids=None if self.track_ids is None else self.track_ids[index],
            extra={name: values[index] for name, values in self.extra.items()},
        )

    def polygons(self) -> list[list[NDArray[np.float32]]]:
        """Return the outlines of each object's parts and holes, float32 (K, 2), x and y in pixels.

        N lists, as `Mask.polygons` gives them; an object without pixels has an empty one.
        """
        return [mask.polygons() for mask in self.masks]

    def to_coco(self, *, image_id: int = 1) -> list[dict[str, Any]]:
        """Return the COCO annotations: compressed RLE, boxes `x, y, width, height`, scores.

        Ids count from 1, category ids are class ids plus 1. Boxes have two decimals and scores
        five. `track_id` is there where objects are tracked; of `extra`, only `is_crowd` is kept.

        Args:
            image_id: Of the image that they belong to.
        """
        from urban_segmentor.structures.coco_annotations import coco_annotations  # noqa: PLC0415 - heavy, or above in the layers

        return coco_annotations(self, image_id=image_id)

    @staticmethod
    def from_coco(
        annotations: Iterable[Mapping[str, Any]],
        *,
        image_size: tuple[int, int],
        classes: ClassNames | None = None,
        category_ids: Mapping[int, int] | None = None,
    ) -> Instances:
        """Return the COCO annotations of one image as instances.

        Masks may be run lengths, compressed or not, or polygons, which become the pixels that
        pycocotools makes of them. Without a `bbox` the rectangle of the mask counts, without a
        `score` 1. Groups (`iscrowd`) are marked in `extra["is_crowd"]` where there are any.

        Args:
            annotations: Of one image, in order.
            image_size: Height and width of the image, pixels.
            classes: The class list that class ids count in.
            category_ids: The class id of each category id; None for category ids minus 1.

        Raises:
            DatasetError: An annotation has no mask, another size, or a category that is unknown.
        """
        from urban_segmentor.structures.coco_annotations import instances_from_coco  # noqa: PLC0415 - heavy, or above in the layers

        return instances_from_coco(
            annotations,
            image_size=image_size,
            classes=_class_list(classes),
            category_ids=category_ids,
        )

    def to_yolo(self) -> list[str]:
        """Return the lines of a YOLO label file, `class_id x1 y1 x2 y2 ...`, without their ends.

        Coordinates are parts of the width and height. Scores and tracks are no part of the
        format, and objects without pixels have no line.
        """
        from urban_segmentor.structures.yolo_lines import instance_lines  # noqa: PLC0415 - heavy, or above in the layers

        return [line.decode("ascii").rstrip("\n") for line in instance_lines(self)]

    @staticmethod
    def from_yolo(
        lines: str | Iterable[str],
        *,
        image_size: tuple[int, int],
        classes: ClassNames | None = None,
    ) -> Instances:
        """Return the instances of a YOLO label file, their scores 1.

        Masks are as `to_yolo` was given them, to the pixel; those of others as training fills
        them. Boxes are the rectangles of the masks.

        Args:
            lines: The lines, or the text of the file.
            image_size: Height and width of the image, pixels.
            classes: The class list that the ids count in.

        Raises:
            DatasetError: A line is no outline, or names a class that the list does not have.
        """
        from urban_segmentor.structures.conversions import instances_from_yolo  # noqa: PLC0415 - heavy, or above in the layers

        return instances_from_yolo(
            lines,
            image_size=image_size,
            classes=_class_list(classes),
        )

    def to_supervision(self) -> sv.Detections:
        """Return the instances as detections of supervision, masks dense, bool (N, H, W).

        `data` has the `class_name` of each, and what `extra` has.

        Raises:
            MissingLibraryError: supervision is not installed.
            SettingError: An extra column is called `class_name`.
        """
        from urban_segmentor.structures.conversions import supervision_detections  # noqa: PLC0415 - heavy, or above in the layers

        return supervision_detections(self)

    @staticmethod
    def from_supervision(
        detections: sv.Detections,
        *,
        image_size: tuple[int, int] | None = None,
        classes: ClassNames | None = None,
    ) -> Instances:
        """Return detections of supervision as instances; their scores are 1 where they have none.

        Args:
            detections: N detections with masks, dense or compact, and class ids; what `data`
                has becomes `extra`, `metadata` is left out.
            image_size: Height and width of the image, pixels; None for those of the masks.
            classes: The class list that the ids count in; None for the names in `data`.

        Raises:
            SettingError: There are no masks or class ids, or names do not fit the ids.
            ShapeError: The masks have another size than the image.
        """
        from urban_segmentor.structures.conversions import instances_from_supervision  # noqa: PLC0415 - heavy, or above in the layers

        return instances_from_supervision(
            detections,
            image_size=image_size,
            classes=_class_list(classes),
        )

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas data frame with one row an instance.

        The columns are `class_name`, `class_id`, `score`, `x1`, `y1`, `x2`, `y2`, `area_px`,
        `track_id` where objects are tracked, and those of `extra`; of an extra array (N, K)
        each column by itself, such as `position_0`.

        Raises:
            MissingLibraryError: pandas is not installed.
            SettingError: An extra column has the name of another one.
        """
        from urban_segmentor.structures.conversions import instance_table  # noqa: PLC0415 - heavy, or above in the layers

        return instance_table(self)

    def _instance(self, i: int) -> Instance:
        x1, y1, x2, y2 = self.boxes[i].tolist()
        class_id = int(self.class_ids[i])
        return Instance(
            class_id=class_id,
            class_name=self.classes.name_of(class_id),
            score=float(self.scores[i]),
            box=(x1, y1, x2, y2),
            mask=self.masks[i],
            track_id=None if self.track_ids is None else int(self.track_ids[i]),
            extra={name: values[i] for name, values in self.extra.items()},
        )


_HABITS = {
    "xyxy": "boxes",
    "conf": "scores",
    "confidence": "scores",
    "cls": "class_ids",
    "class_id": "class_ids",
    "labels": "class_names",
    "names": "classes.names",
    "mask": "masks.dense()",
    "tracker_id": "track_ids",
    "id": "track_ids",
    "data": "extra",
}
"""What others call it, and what it is here."""


def _class_list(classes: ClassNames | None) -> ClassList | None:
    return None if classes is None else as_class_list(classes)


def _as_index(index: Index) -> Any:  # noqa: ANN401 - what NumPy takes
    """Return an index for NumPy; an empty list selects nothing."""
    if isinstance(index, slice):
        return index
    array = np.asarray(index)
    if array.ndim != 1:
        raise _no_index(index)
    return array.astype(np.intp) if array.size == 0 and array.dtype != np.bool_ else array


def _no_index(index: object) -> SettingError:
    return SettingError(
        f"instances cannot be indexed by {index!r}",
        hint='for a class: instances[instances.is_class("car")]',
    )


def _position(index: int, n: int) -> int:
    """Return a position from 0; negative ones count from the end."""
    if not -n <= index < n:
        raise IndexError(f"there is no instance {index} among {n}")
    return index % n


def _frozen_extra(extra: Mapping[str, NDArray[Any]], n: int) -> Mapping[str, NDArray[Any]]:
    frozen: dict[str, NDArray[Any]] = {}
    for name, values in extra.items():
        if not isinstance(values, np.ndarray) or values.shape[:1] != (n,):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ShapeError(
                f"`extra[{name!r}]` must be an array of {n} rows, got {np.shape(values)}"
            )
        frozen[name] = values.view()
        frozen[name].flags.writeable = False
    return MappingProxyType(frozen)
