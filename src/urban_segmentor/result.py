"""What was found in one frame: what segmenters return and what flows through the pipeline."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, Self, overload

import numpy as np

from urban_segmentor.errors import OutputError, ShapeError
from urban_segmentor.structures.instances import Instances

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.frame import Frame, Image
    from urban_segmentor.structures.instances import Index, Instance
    from urban_segmentor.structures.panoptic import PanopticMap, SemanticMap
    from urban_segmentor.visualization.style import OverlayStyle

_HABITS = {
    "boxes": "instances.boxes",
    "masks": "instances.masks",
    "scores": "instances.scores",
    "probs": "instances.scores",
    "class_ids": "instances.class_ids",
    "class_names": "instances.class_names",
    "orig_img": "frame.image",
    "image": "frame.image",
    "orig_shape": "frame.size",
    "path": "frame.source",
    "speed": "milliseconds",
    "show": "plot()",
    "xyxy": "instances.boxes",
    "mask": "instances.masks.dense()",
    "confidence": "instances.scores",
    "class_id": "instances.class_ids",
    "tracker_id": "instances.track_ids",
    "save_txt": "save('out.txt')",
    "tojson": "to_json()",
    "to_df": "to_dataframe()",
}
"""What others call it, and what it is here."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Result:
    """What was found in one frame.

    `for instance in result`, `result[0]`, `result[result.instances.scores > 0.5]` and
    `len(result)` are those of its instances.

    Attributes:
        frame: The frame as it came.
        instances: The objects; of a model that tells the class of each pixel, its surfaces too.
        panoptic: One segment a pixel, where that was asked for.
        semantic: The class of each pixel, where the model says so.
        events: What stages noted, such as a line that was crossed.
        milliseconds: What each stage took for this frame.
        drawn: The frame as renderers drew on it; None where nothing was drawn.
    """

    frame: Frame
    instances: Instances
    panoptic: PanopticMap | None = None
    semantic: SemanticMap | None = None
    events: tuple[Any, ...] = ()
    milliseconds: Mapping[str, float] = field(default_factory=dict[str, float])
    drawn: Frame | None = None

    @property
    def rendered(self) -> Frame:
        """The frame as renderers drew on it; as it came where nothing was drawn."""
        return self.frame if self.drawn is None else self.drawn

    @property
    def classes(self) -> ClassList:
        """The class list of the model."""
        return self.instances.classes

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id."""
        return self.instances.classes.names

    def __len__(self) -> int:
        """Return the number of instances."""
        return len(self.instances)

    def __iter__(self) -> Iterator[Instance]:
        """Yield each instance, in order."""
        return iter(self.instances)

    @overload
    def __getitem__(self, index: int | np.integer) -> Instance: ...
    @overload
    def __getitem__(self, index: Index) -> Self: ...
    def __getitem__(self, index: int | np.integer | Index) -> Instance | Self:
        """Return one instance, or the result with some of its instances."""
        if isinstance(index, int | np.integer):
            return self.instances[index]
        return self.with_instances(self.instances[index])

    if not TYPE_CHECKING:  # type checkers say so by themselves

        def __getattr__(self, name: str) -> Never:
            """Name the right word for what users of other tools type by habit."""
            own = _HABITS.get(name)
            hint = f"; it is `result.{own}`" if own else ""
            raise AttributeError(f"a Result has no `{name}`{hint}", name=name, obj=self)

    def __repr__(self) -> str:
        """Return one line: the frame, its size, and what was found."""
        height, width = self.frame.size
        return f"<Result {self.frame.name!r} {width}x{height} {self.instances!r}>"

    def _repr_png_(self) -> bytes:
        """Return the picture for a notebook."""
        from urban_segmentor.io.image_codec import encode_image  # noqa: PLC0415 - heavy, or above in the layers

        return encode_image(self.plot(), suffix=".png")

    def with_instances(self, instances: Instances) -> Self:
        """Return the result with other instances.

        Args:
            instances: N instances of the same frame.
        """
        if not isinstance(instances, Instances):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ShapeError(f"expected Instances, got {type(instances).__name__}")
        return replace(self, instances=instances)

    def plot(self, style: OverlayStyle | None = None, **changes: Any) -> Image:  # noqa: ANN401 - fields of `OverlayStyle`
        """Return the frame with what was found drawn on it, uint8 (H, W, 3), RGB.

        Args:
            style: What is drawn; None for masks, outlines, boxes and labels.
            changes: Fields of `OverlayStyle`, such as `boxes=False`.

        Raises:
            SettingError: There is no such field, or a value is out of its range.
        """
        from urban_segmentor.visualization.overlay import Overlay  # noqa: PLC0415 - heavy, or above in the layers

        return Overlay(style, **changes).draw(self)

    def save(self, path: str | Path, *, overwrite: bool = True) -> Path:
        """Write the result to a file, and return its path.

        Args:
            path: An image such as `out.jpg` gets what `plot` draws; `.json` the COCO JSON of
                `to_coco`, `.txt` the lines of `Instances.to_yolo`, `.csv` a row an instance.
            overwrite: False to refuse a file that exists.

        Raises:
            OutputError: The file cannot be written, or its suffix names no format.
        """
        from urban_segmentor.io.atomic import write_atomically  # noqa: PLC0415 - heavy, or above in the layers
        from urban_segmentor.io.image_codec import IMAGE_SUFFIXES  # noqa: PLC0415 - heavy, or above in the layers
        from urban_segmentor.io.image_files import write_image  # noqa: PLC0415 - heavy, or above in the layers

        path = Path(path).expanduser()
        suffix = path.suffix.lower()
        if suffix in _TEXTS:
            write_atomically(path, _TEXTS[suffix](self).encode(), overwrite=overwrite)
        elif suffix in IMAGE_SUFFIXES:
            write_image(path, self.plot(), overwrite=overwrite)
        else:
            known = ", ".join(sorted({*IMAGE_SUFFIXES, *_TEXTS}))
            found = f"`{suffix}`" if suffix else "a name without suffix"
            raise OutputError(
                f"cannot write `{path}`: {found} names no format",
                hint=f"the suffix must be one of {known}",
            )
        return path

    def to_coco(self) -> dict[str, Any]:
        """Return the result as a COCO object: `images`, `annotations`, `categories`.

        Masks are compressed RLE, boxes `x, y, width, height` in pixels, category ids class ids
        plus 1. A class that the class list does not have is called by its id. The rest is as
        `CocoWriter` has it.
        """
        from urban_segmentor.io.writers.coco_json import image_entry  # noqa: PLC0415 - heavy, or above in the layers
        from urban_segmentor.structures.coco_annotations import coco_categories  # noqa: PLC0415 - heavy, or above in the layers

        return {
            "images": [image_entry(self.frame, image_id=1)],
            "annotations": self.instances.to_coco(image_id=1),
            "categories": coco_categories(self.classes, class_ids=self.instances.class_ids),
        }

    def to_json(self) -> str:
        """Return the result as one line of JSON, as in `results.jsonl`.

        A class that the class list does not have is called by its id.
        """
        from urban_segmentor.io.writers.jsonl import result_record  # noqa: PLC0415 - heavy, or above in the layers

        return json.dumps(result_record(self), ensure_ascii=False, allow_nan=False)

    def to_dataframe(self) -> pd.DataFrame:
        """Return a pandas data frame with one row an instance.

        The columns are `source`, `name`, `frame_index` and `time_s` of the frame, and those of
        `Instances.to_dataframe`; `pandas.concat` makes one table of many results.

        Raises:
            MissingLibraryError: pandas is not installed.
            SettingError: An extra column has the name of another one.
        """
        from urban_segmentor.structures.conversions import instance_table  # noqa: PLC0415 - heavy, or above in the layers

        frame = self.frame
        columns: dict[str, str | float] = {"source": frame.source, "name": frame.name}
        columns |= {"frame_index": frame.index, "time_s": frame.time_s}
        return instance_table(self.instances, before=columns)


def _coco_text(result: Result) -> str:
    return json.dumps(result.to_coco(), ensure_ascii=False, allow_nan=False) + "\n"


def _yolo_text(result: Result) -> str:
    return "".join(f"{line}\n" for line in result.instances.to_yolo())


def _csv_text(result: Result) -> str:
    from urban_segmentor.io.writers.csv_table import csv_text  # noqa: PLC0415 - heavy, or above in the layers

    return csv_text(result)


_TEXTS: Mapping[str, Callable[[Result], str]] = {
    ".json": _coco_text,
    ".txt": _yolo_text,
    ".csv": _csv_text,
}
"""What a file of each suffix has in it; other suffixes are those of images."""
