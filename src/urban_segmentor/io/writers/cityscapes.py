"""`cityscapes/`: results as the benchmark server and the official evaluation take them.

Source: `evalInstanceLevelSemanticLabeling.py` of cityscapesScripts, which finds the text file of
a picture by its city, sequence and frame, such as `frankfurt_000000_000294_leftImg8bit.txt`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import OutputError
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers.base import ResultWriter
from urban_segmentor.io.writers.instance_records import instance_records, result_path
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CITYSCAPES

if TYPE_CHECKING:
    from urban_segmentor.result import Result
    from urban_segmentor.structures.classes import ClassList


class CityscapesWriter(ResultWriter):
    """Writes `cityscapes/{name}.txt`, one line `masks/{name}_{k}.png labelID score` an instance.

    The masks are 8-bit pictures of the frame's size, 255 on the object; k counts the instances
    of the frame from 1, in the order of the other result files. The benchmark knows the classes
    of Cityscapes with instances; instances of other classes of the model are left out.
    """

    output = WRITER_PATHS["cityscapes"]

    def _check_classes(self, classes: ClassList) -> None:
        """Check that one of the classes is the benchmark's."""
        things = [label.name for label in CITYSCAPES if label.is_thing]
        if set(things).isdisjoint(classes.names):
            raise OutputError(
                f"none of the model's classes ({', '.join(classes.names)}) is in the Cityscapes "
                f"instance benchmark, which has {', '.join(things)}",
                hint="choose another kind of results, such as coco",
            )

    def _write(self, result: Result) -> None:
        """Write the masks of one frame, then the text file that names them."""
        frame, instances = result.frame, result.instances
        path = result_path(self._path, frame.name, suffix=".txt")
        rows = instance_records(instances, self._classes)
        scores: list[float] = instances.scores.tolist()
        lines: list[str] = []
        for i, row in enumerate(rows):
            label = BY_NAME.get(row.class_name)
            if label is None or not label.is_thing:
                continue
            # The official reader splits lines at blanks, so the name of a mask has none.
            image = f"masks/{_without_blanks(path.stem)}_{i + 1:03d}.png"
            mask = instances.masks[i].dense().view(np.uint8) * np.uint8(255)
            self._put(path.parent / image, encode_image(mask, suffix=".png"))
            lines.append(f"{image} {label.label_id} {scores[i]:.9g}\n")
        self._put(path, "".join(lines).encode("utf-8", "surrogateescape"))


def _without_blanks(stem: str) -> str:
    """Return a name without blanks, different for different names."""
    return re.sub(r"[\s%]", lambda found: f"%{ord(found[0]):02x}", stem)
