"""What a user may set about segmentation, checked where it enters."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, cast

import numpy as np

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.models.spec import ModelSpec
    from urban_segmentor.structures.classes import ClassList

_MAX_SIDE = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmenterConfig:
    """Thresholds, classes and input size.

    Attributes:
        conf: Only scores above it count, in [0, 1].
        iou: Overlap above which the weaker of two boxes of a class goes, in [0, 1].
        max_det: At most so many instances a picture.
        imgsz: Long side of the network input, or its height and width, pixels; None for what
            the model was exported for.
        classes: Names or numbers of the classes wanted; None for all.

    Raises:
        SettingError: A value is out of its range.
    """

    conf: float = 0.25
    iou: float = 0.7
    max_det: int = 300
    imgsz: int | tuple[int, int] | None = None
    classes: tuple[str | int, ...] | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value in (("conf", self.conf), ("iou", self.iou)):
            if not (isinstance(value, Real) and 0 <= value <= 1):
                raise SettingError(
                    f"`{name}` is {value}, expected a number from 0 to 1",
                    hint=f"the usual value is {0.25 if name == 'conf' else 0.7}",
                )
        if not (isinstance(self.max_det, Integral) and self.max_det >= 1):
            raise SettingError(
                f"`max_det` is {self.max_det}, expected at least 1", hint="--max-det 300"
            )
        if self.imgsz is not None:
            _check_size(self.imgsz)
        if self.classes is not None and not self.classes:
            raise SettingError("`classes` is empty, so nothing would be found", hint="name one")

    def class_ids(self, classes: ClassList) -> NDArray[np.int32] | None:
        """Return the ids of the classes wanted, int32 (K,), or None for all.

        Args:
            classes: The class list of the model.

        Raises:
            SettingError: A name or a number is not among them.
        """
        if self.classes is None:
            return None
        ids = [class_id for name in self.classes for class_id in classes.ids_of(name)]
        return np.array(ids, dtype=np.int32)

    def input_size(
        self, spec: ModelSpec, *, static_size: tuple[int, int] | None, where: str
    ) -> int | tuple[int, int]:
        """Return the long side of the network input, or its height and width, pixels.

        Args:
            spec: What the model says about itself.
            static_size: Height and width when the export fixes them, pixels.
            where: The file, for messages.

        Raises:
            SettingError: The model does not take the size that was asked for.
        """
        if static_size is not None:
            fits = self.imgsz in {None, static_size} or self.imgsz == max(static_size)
            if not fits:
                raise SettingError(
                    f"`{where}` only takes {static_size[0]} x {static_size[1]} pixels, "
                    f"`imgsz` is {self.imgsz}",
                    hint="export it with dynamic=True, or for that size",
                )
            return static_size
        wanted = max(spec.imgsz) if self.imgsz is None else self.imgsz
        sides = wanted if isinstance(wanted, tuple) else (wanted,)
        for side in sides:
            if side % spec.stride:
                near = max(round(side / spec.stride), 1) * spec.stride
                raise SettingError(
                    f"`imgsz` is {side}, expected a multiple of {spec.stride}",
                    hint=f"the nearest is {near}",
                )
        return wanted


def _check_size(imgsz: object) -> None:
    sides: tuple[object, ...] = (imgsz,)
    if isinstance(imgsz, tuple) and len(cast("tuple[object, ...]", imgsz)) == 2:
        sides = cast("tuple[object, ...]", imgsz)
    for side in sides:
        if not (isinstance(side, Integral) and 1 <= int(side) <= _MAX_SIDE):
            raise SettingError(
                f"`imgsz` is {side}, expected 32 to {_MAX_SIDE} pixels, or height and width",
                hint="--imgsz 640, or --imgsz 384,640",
            )
