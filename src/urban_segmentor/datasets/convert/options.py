"""Options of a conversion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - the command line reads types of fields
from typing import TYPE_CHECKING, Literal, TypeAlias

from urban_segmentor.datasets.cityscapes.file_names import GROUND_TRUTH
from urban_segmentor.datasets.dataset_classes import ALL_CLASSES, parse_dataset_classes
from urban_segmentor.errors import SettingError
from urban_segmentor.options import argument, check_choices, option, parse_imgsz, parse_word_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.datasets.dataset_classes import DatasetClasses, Stuff
    from urban_segmentor.datasets.sample_images import Placement

Format: TypeAlias = Literal["yolo", "coco", "panoptic"]
WORK = ".prepare"
"""Folder with the records of an unfinished conversion."""
_MAX_SIDE_PX = 16384
_WHAT, _IMAGES = "Labels", "Pictures"


def parse_ground_truth(texts: Sequence[str]) -> tuple[str, ...]:
    """Return kinds of official pictures out of lists with commas, or all of them for `all`."""
    words = parse_word_lists(texts)
    return GROUND_TRUTH if "all" in words else words


def parse_classes(texts: Sequence[str]) -> DatasetClasses:
    """Return the class set that lists with commas name together."""
    return parse_dataset_classes(",".join(texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionOptions:
    """Options of a conversion.

    Attributes:
        out: Output folder.
        format: `yolo`, `coco` or `panoptic`.
        classes: The class set.
        stuff: `regions` for each connected region of stuff alone, `whole` for one a class.
        as_original: True for the original demo's labels, with its faults (YOLO only).
        ground_truth: Official label images to write too, some of `GROUND_TRUTH`.
        placement: `link` or `copy` the images that keep their size.
        imgsz: Long side, or height and width, of resized images; None to keep the size.

    Raises:
        SettingError: A value is not allowed, or two do not go together.
    """

    out: Path = argument(help="Folder for the new data set.")
    format: Format = option(
        "yolo",
        help="yolo, coco or panoptic.",
        panel=_WHAT,
        flags=("--format",),
        choices=("yolo", "coco", "panoptic"),
    )
    classes: DatasetClasses = option(
        ALL_CLASSES,
        help="19, 8 (things), or names with commas.",
        panel=_WHAT,
        typed="19",
        parse=parse_classes,
        repeats=True,
    )
    stuff: Stuff = option(
        "regions",
        help="Road, sky and the like: regions for each connected region alone, whole for one "
        "segment a class.",
        panel=_WHAT,
        choices=("regions", "whole"),
    )
    as_original: bool = option(
        default=False,
        help="As the original demo's converter, with its faults, for comparison.",
        panel=_WHAT,
        flags=("--labels-as-original",),
    )
    ground_truth: tuple[str, ...] = option(
        (),
        help="Official pictures to write too: any of labelIds,instanceIds,color, or all.",
        panel=_WHAT,
        shown="none",
        parse=parse_ground_truth,
        repeats=True,
    )
    placement: Placement = option(
        "link",
        help="link or copy.",
        panel=_IMAGES,
        flags=("--images",),
        choices=("link", "copy"),
    )
    imgsz: int | tuple[int, int] | None = option(
        None, help="Resize: long side, or H,W; pixels.", panel=_IMAGES, parse=parse_imgsz
    )

    def __post_init__(self) -> None:
        """Check the values."""
        check_choices(self, ("format", "stuff", "placement"))
        for kind in self.ground_truth:
            if kind not in GROUND_TRUTH:
                raise SettingError(
                    f"`ground-truth` is `{kind}`", hint=f"choose from {', '.join(GROUND_TRUTH)}"
                )
        sides = self.imgsz if isinstance(self.imgsz, tuple) else (self.imgsz,)
        if not all(side is None or 1 <= side <= _MAX_SIDE_PX for side in sides):
            raise SettingError(
                f"`imgsz` is {self.imgsz}, expected 1 to {_MAX_SIDE_PX}",
                hint="--imgsz 1024, or --imgsz 512,1024; pixels",
            )
        if self.as_original and self.format != "yolo":
            raise SettingError(
                f"the original demo made YOLO labels, not {self.format}",
                hint="use --labels-as-original with --format yolo",
            )

    def record(self, frame: CityscapesFrame) -> Path:
        """Return the path of a frame's record, which is written last."""
        return self.out / WORK / frame.split / f"{frame.stem}.json"
