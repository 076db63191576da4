"""What a lens and a sensor add to a picture: blur, darker corners, noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPARE_PX = 61


class Lens:
    """Makes drawn frames look taken.

    Args:
        rng: Where the noise comes from.
        image_size: Height and width, pixels.
        noise: Standard deviation, 0..255.
    """

    def __init__(
        self, rng: np.random.Generator, image_size: tuple[int, int], *, noise: float
    ) -> None:
        height, width = image_size
        self._rng = rng
        shape = (height + _SPARE_PX, width + _SPARE_PX)
        grain = rng.normal(0, noise, (*shape, 1)) + rng.normal(0, noise / 3, (*shape, 3))
        self._grain = np.rint(np.clip(grain + 128, 0, 255)).astype(np.uint8)
        y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        fall = 255 * (1 - 0.10 * (x * x + y * y) ** 1.5)
        self._fall = np.repeat(np.rint(np.clip(fall, 0, 255)).astype(np.uint8)[..., None], 3, 2)

    def take(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture as a camera would have taken it, uint8 (H, W, 3), RGB.

        Args:
            image: uint8 (H, W, 3), RGB.
        """
        height, width = image.shape[:2]
        row, col = (int(v) for v in self._rng.integers(_SPARE_PX, size=2))
        grain = self._grain[row : row + height, col : col + width]
        blurred = cv2.GaussianBlur(image, (3, 3), 0.65)
        shaded = cv2.multiply(blurred, self._fall, scale=1 / 255)
        return np.asarray(cv2.addWeighted(shaded, 1.0, grain, 1.0, -128.0), dtype=np.uint8)
