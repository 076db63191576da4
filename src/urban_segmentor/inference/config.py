"""What a user may set about segmentation, checked where it enters."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, cast

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.runtimes.selection import RUNTIMES
from urban_segmentor.models.registry import DEFAULT_MODEL
from urban_segmentor.options import check_choices, default_of, option, parse_imgsz, parse_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.inference.runtimes.selection import Precision, RuntimeName
    from urban_segmentor.models.spec import ModelSpec
    from urban_segmentor.structures.classes import ClassList

_MAX_SIDE = 8192
_MODEL, _FIND = "Model", "What to find"


def parse_classes(texts: Sequence[str]) -> tuple[str, ...] | None:
    """Return class names and numbers out of lists with commas, or None when there are none.

    >>> parse_classes(["car,person", "8"])
    ('car', 'person', '8')
    """
    return parse_words(",".join(texts)) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Which model, and what runs it.

    Attributes:
        model: Name of an embedded model, a path to `.onnx` or `.xml`, or a hub address
            `hf://owner/repo/file.onnx`.
        device: `auto`, `cpu`, `gpu`, `cuda:0`, ...
        runtime: `auto`, `openvino` or `onnx`.
        precision: `auto` for the one the hardware is best at, or `f32`.
        streams: How many pictures may be in work at once; 1 gives the least latency.

    Raises:
        SettingError: There is no such runtime or precision.
    """

    model: str = option(
        DEFAULT_MODEL,
        help="Embedded name, path to .onnx or .xml, or hf://owner/repo/file.onnx.",
        panel=_MODEL,
    )
    device: str = option("auto", help="auto, cpu, gpu, npu, cuda or cuda:0.", panel=_MODEL)
    runtime: RuntimeName = option(
        "auto",
        help="auto, openvino or onnx.",
        panel=_MODEL,
        choices=("auto", *RUNTIMES),
    )
    precision: Precision = option(
        "auto", help="auto (the fastest) or f32.", panel=_MODEL, choices=("auto", "f32")
    )
    streams: int = 1

    def __post_init__(self) -> None:
        """Check the words."""
        check_choices(self, ("runtime", "precision"))


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
        surfaces: Let models that tell the class of each pixel give their surfaces as instances;
            False for a pipeline that changes their maps first, and calls `add_surfaces` then.

    Raises:
        SettingError: A value is out of its range.
    """

    conf: float = option(0.25, help="Lowest score, 0 to 1.", panel=_FIND, low=0, high=1, step=0.01)
    iou: float = option(
        0.7,
        help="Two boxes of one class that overlap more are one object, 0 to 1.",
        panel=_FIND,
        low=0,
        high=1,
        step=0.01,
    )
    max_det: int = option(300, help="Most instances in a picture.", panel=_FIND, low=1)
    imgsz: int | tuple[int, int] | None = option(
        None,
        help="Long side of the network input, or H,W; pixels.",
        panel=_MODEL,
        parse=parse_imgsz,
    )
    classes: tuple[str | int, ...] | None = option(
        None,
        help="Names or numbers, with commas.",
        panel=_FIND,
        parse=parse_classes,
        repeats=True,
    )
    surfaces: bool = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value in (("conf", self.conf), ("iou", self.iou)):
            if not (isinstance(value, Real) and 0 <= value <= 1):
                raise SettingError(
                    f"`{name}` is {value}, expected a number from 0 to 1",
                    hint=f"the usual value is {default_of(SegmenterConfig, name)}",
                )
        if not (isinstance(self.max_det, Integral) and self.max_det >= 1):
            raise SettingError(
                f"`max_det` is {self.max_det}, expected at least 1",
                hint=f"--max-det {default_of(SegmenterConfig, 'max_det')}",
            )
        if self.imgsz is not None:
            _check_size(self.imgsz)
        if self.classes is not None and not self.classes:
            raise SettingError("`classes` is empty, so nothing would be found", hint="name one")

    def class_ids(self, classes: ClassList) -> tuple[int, ...] | None:
        """Return the ids of the classes wanted, or None for all.

        Args:
            classes: The class list of the model.

        Raises:
            SettingError: A name or a number is not among them.
        """
        if self.classes is None:
            return None
        return tuple(class_id for name in self.classes for class_id in classes.ids_of(name))

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


MANY_STREAMS = 2
"""Frames in work at once where many come: one network a core beats one on two by a fifth."""

AP_CONF = 0.001
"""Lowest score where AP is measured, which wants weak instances too."""

USUAL_MODEL, USUAL_CONFIG = ModelOptions(), SegmenterConfig()
"""The settings when nothing is said, for signatures that name them one by one."""
