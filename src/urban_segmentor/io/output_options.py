"""What is written, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from urban_segmentor.errors import SettingError
from urban_segmentor.io.encoding import EncodingOptions
from urban_segmentor.options import option, parse_word_lists

USUAL_FOLDER = Path("urban-out")
"""Where results go when nothing is said; those of most commands in a folder in it."""
OVERLAY = "overlay"
FRAMES = "frames"
"""The kind of output that keeps the frames of videos, and its folder."""
WRITER_PATHS: dict[str, str] = {
    "coco": "coco.json",
    "yolo": "labels",
    "jsonl": "results.jsonl",
    "csv": "results.csv",
    "masks": "masks",
    "color": "color",
    "cutouts": "cutouts",
    FRAMES: FRAMES,
    "cityscapes": "cityscapes",
    "panoptic": "panoptic.json",
    "labelids": "labelids",
}
"""The file or folder of each format, below the folder of the results."""
PANOPTIC_FORMATS = ("panoptic", "labelids")
"""Those in which a pixel has one segment, so that they want segments rather than instances."""
KINDS = (OVERLAY, *WRITER_PATHS)
"""All that can be written, by the names that users give."""

_WRITE = "Results"


def wanted_kinds(kinds: tuple[str, ...] | None, *, panoptic: bool) -> tuple[tuple[str, ...], bool]:
    """Return the kinds of output, and whether they hold segments of panoptic maps.

    Args:
        kinds: What was asked for, or None for the usual ones.
        panoptic: True when panoptic maps are asked for; some kinds imply it.

    >>> wanted_kinds(None, panoptic=True)
    (('overlay', 'panoptic', 'labelids'), True)
    >>> wanted_kinds(("overlay", "labelids"), panoptic=False)
    (('overlay', 'labelids'), True)
    """
    if kinds is None:
        return (OVERLAY, *PANOPTIC_FORMATS) if panoptic else (OVERLAY,), panoptic
    return kinds, panoptic or not set(kinds).isdisjoint(PANOPTIC_FORMATS)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputOptions:
    """What is written, and where.

    Attributes:
        folder: Everything goes below it.
        kinds: Some of `KINDS`.
        overwrite: False to refuse when a result exists.
        encoding: How videos are compressed.

    Raises:
        SettingError: There is no such kind, or none at all.
    """

    folder: Path = option(
        USUAL_FOLDER,
        help="Folder for the results.",
        panel=_WRITE,
        flags=("-o", "--output"),
    )
    kinds: tuple[str, ...] = option(
        (OVERLAY,),
        help=f"Any of {', '.join(KINDS)}, with commas; the last two imply --panoptic.",
        panel=_WRITE,
        flags=("--save",),
        shown=OVERLAY,
        parse=parse_word_lists,
        repeats=True,
    )
    overwrite: bool = option(default=False, help="Replace results.", panel=_WRITE)
    encoding: EncodingOptions = field(default_factory=EncodingOptions)

    def __post_init__(self) -> None:
        """Check the kinds."""
        unknown = [kind for kind in self.kinds if kind not in KINDS]
        if unknown or not self.kinds:
            raise SettingError(
                f"there is no output `{unknown[0]}`" if unknown else "no output is chosen",
                hint=f"choose from {', '.join(KINDS)}",
            )
