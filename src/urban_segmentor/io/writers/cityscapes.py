"""`cityscapes/`: results as the benchmark server and the official evaluation take them.

Source: `evalInstanceLevelSemanticLabeling.py` of cityscapesScripts, which finds the text file of
a picture by its city, sequence and frame, such as `frankfurt_000000_000294_leftImg8bit.txt`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import OutputError
from urban_segmentor.io.atomic import check_free_folder, write_atomically
from urban_segmentor.io.writers.instance_records import instance_records, png_bytes, result_path
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CITYSCAPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.masks import Crop


class CityscapesWriter:
    """Writes `cityscapes/{name}.txt`, one line `masks/{name}_{k}.png labelID score` an instance.

    The masks are 8-bit pictures of the frame's size, 255 on the object; k counts the instances
    of the frame from 1, in the order of the other result files. The benchmark knows the classes
    of Cityscapes with instances; instances of other classes of the model are left out.

    Args:
        folder: Where to; made when missing.
        classes: The class list of the model; None for that of the first result.
        overwrite: True when files that are there may be replaced.

    Raises:
        OutputError: No class is one of the benchmark's, there are results already, or the
            folder cannot be written to.
    """

    def __init__(
        self, folder: str | Path, *, classes: ClassList | None = None, overwrite: bool = False
    ) -> None:
        folder = Path(folder).expanduser()
        things = [label.name for label in CITYSCAPES if label.is_thing]
        if classes is not None and set(things).isdisjoint(classes.names):
            raise OutputError(
                f"none of the model's classes ({', '.join(classes.names)}) is in the Cityscapes "
                f"instance benchmark, which has {', '.join(things)}",
                hint="choose another kind of results, such as coco",
            )
        self._classes = classes
        self._folder = folder / "cityscapes"
        self._overwrite = overwrite
        check_free_folder(self._folder, overwrite=overwrite)

    def write(self, result: Result, /) -> None:
        """Write the masks of one frame, then the text file that names them.

        Args:
            result: Its pixels are not looked at.

        Raises:
            OutputError: The disk is full or the like.
        """
        frame, instances = result.frame, result.instances
        if self._classes is None:
            self._classes = result.classes
        path = result_path(self._folder, frame.name, suffix=".txt")
        rows = instance_records(instances, self._classes)
        masks = instances.masks
        origins: list[list[int]] = masks.origins.tolist()
        scores: list[float] = instances.scores.tolist()
        lines: list[str] = []
        for i, row in enumerate(rows):
            label = BY_NAME.get(row.class_name)
            if label is None or not label.is_thing:
                continue
            # The official reader splits lines at blanks, so the name of a mask has none.
            image = f"masks/{_without_blanks(path.stem)}_{i + 1:03d}.png"
            data = _mask(masks.crops[i], origins[i], frame.size)
            write_atomically(path.parent / image, data, overwrite=self._overwrite)
            lines.append(f"{image} {label.label_id} {scores[i]:.9g}\n")
        text = "".join(lines).encode("utf-8", "surrogateescape")
        write_atomically(path, text, overwrite=self._overwrite)

    def close(self) -> None:
        """Do nothing: every file is in its place already."""


def _mask(crop: Crop, origin: Sequence[int], size: tuple[int, int]) -> bytes:
    """Return a mask as a PNG of the frame's size."""
    image = np.zeros(size, dtype=np.uint8)
    x, y = origin
    rows, cols = crop.shape
    np.copyto(image[y : y + rows, x : x + cols], np.uint8(255), where=crop)
    return png_bytes(image)


def _without_blanks(stem: str) -> str:
    """Return a name without blanks, different for different names."""
    return re.sub(r"[\s%]", lambda found: f"%{ord(found[0]):02x}", stem)
