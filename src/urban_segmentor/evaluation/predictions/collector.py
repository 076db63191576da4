"""Builder of an image's predicted instances, at the size of the ground truth."""

from __future__ import annotations

import numpy as np

from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions.resizing import MAX_MASK_PIXELS
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Crop, Mask, Masks


class PredictionCollector:
    """Collects the predicted instances of an image.

    Args:
        size: Height and width of the ground truth, pixels.
        context: The image, subject of error messages.
    """

    def __init__(self, size: tuple[int, int], *, context: str) -> None:
        self._size = size
        self._context = context
        self._crops: list[Crop] = []
        self._origins: list[tuple[int, int]] = []
        self._boxes: list[tuple[float, float, float, float]] = []
        self._scores: list[float] = []
        self._class_ids: list[int] = []
        self._pixels = 0

    def add(  # noqa: PLR0913
        self,
        crop: Crop,
        origin: tuple[int, int],
        *,
        image_size: tuple[int, int],
        class_id: int,
        score: float,
        box: tuple[float, float, float, float] | None = None,
    ) -> None:
        """Add one instance.

        Args:
            crop: bool (h, w), the cropped mask.
            origin: x and y of the crop's first pixel.
            image_size: Height and width of the image that the mask is of, pixels.
            class_id: Position in the class list.
            score: In [0, 1].
            box: x, y, width and height, pixels; by default the bounding box of the mask.

        Raises:
            PredictionError: The masks of the image take too much memory.
        """
        mask = Mask(crop=crop, origin=origin, image_size=image_size).resize(self._size)
        crop, (x, y) = mask.crop, mask.origin
        self._pixels += crop.size
        if self._pixels > MAX_MASK_PIXELS:
            raise PredictionError(
                f"{self._context} has masks of more than {MAX_MASK_PIXELS} pixels together",
                hint="keep the best 100 predictions of each picture",
            )
        if box is None:
            x1, y1, x2, y2 = x, y, x + crop.shape[1], y + crop.shape[0]
        else:
            down, right = (to / of for to, of in zip(self._size, image_size, strict=True))
            x1, y1 = box[0] * right, box[1] * down
            x2, y2 = (box[0] + box[2]) * right, (box[1] + box[3]) * down
        self._crops.append(crop)
        self._origins.append((x, y))
        self._boxes.append((x1, y1, x2, y2))
        self._scores.append(score)
        self._class_ids.append(class_id)

    def instances(self) -> Instances:
        """Return the instances in the order in which they were added."""
        return Instances(
            boxes=np.array(self._boxes, dtype=np.float32).reshape(-1, 4),
            masks=Masks(
                crops=tuple(self._crops),
                origins=np.array(self._origins, dtype=np.int32).reshape(-1, 2),
                image_size=self._size,
            ),
            scores=np.array(self._scores, dtype=np.float32),
            class_ids=np.array(self._class_ids, dtype=np.int32),
        )
