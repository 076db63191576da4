"""Decoded frames: RGB pixels or the planes of a video decoder, with index and time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures._arrays import read_only
from urban_segmentor.structures.color import (
    ColorMatrix,
    rgb_to_yuv_matrix,
    transform_colors,
    yuv_to_rgb_matrix,
)

Image: TypeAlias = NDArray[np.uint8]
"""uint8 (H, W, 3), RGB, row 0 at the top."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Yuv420:
    """A picture as video decoders hand it out: luma in full, chroma at half size.

    Attributes:
        y: uint8 (H, W), luma.
        u: uint8 (ceil(H/2), ceil(W/2)), blue difference.
        v: uint8, shape of `u`, red difference.
        matrix: Luma weights that the stream states, or bt601/bt709 by its height.
        full_range: True when luma uses 0..255, False when it uses 16..235.
    """

    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]
    matrix: ColorMatrix = "bt709"
    full_range: bool = False

    def __post_init__(self) -> None:
        """Check that the planes fit together, and freeze them."""
        object.__setattr__(self, "y", read_only("y", self.y, "uint8", "* *"))
        height, width = self.y.shape
        half = f"{(height + 1) // 2} {(width + 1) // 2}"
        object.__setattr__(self, "u", read_only("u", self.u, "uint8", half))
        object.__setattr__(self, "v", read_only("v", self.v, "uint8", half))

    @classmethod
    def from_rgb(
        cls, image: Image, *, matrix: ColorMatrix = "bt709", full_range: bool = False
    ) -> Self:
        """Return an RGB picture as planes; chroma is the mean of 2 x 2 pixels.

        Args:
            image: uint8 (H, W, 3), RGB.
            matrix: Luma weights to use.
            full_range: True to use 0..255 for luma.
        """
        height, width = image.shape[:2]
        even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        weights = rgb_to_yuv_matrix(matrix, full_range=full_range)
        planes = transform_colors(np.asarray(even, dtype=np.uint8), weights)
        size = ((width + 1) // 2, (height + 1) // 2)
        chroma = np.asarray(cv2.resize(planes[..., 1:], size, interpolation=cv2.INTER_AREA))
        return cls(
            y=np.ascontiguousarray(planes[:height, :width, 0]),
            u=np.ascontiguousarray(chroma[..., 0], dtype=np.uint8),
            v=np.ascontiguousarray(chroma[..., 1], dtype=np.uint8),
            matrix=matrix,
            full_range=full_range,
        )

    def resized_rgb(self, width: int, height: int) -> Image:
        """Return the picture at another size as uint8 (height, width, 3), RGB, bilinear.

        Args:
            width: Pixels across.
            height: Pixels down.
        """
        size = (width, height)
        planes = cv2.merge([cv2.resize(plane, size) for plane in (self.y, self.u, self.v)])
        weights = yuv_to_rgb_matrix(self.matrix, full_range=self.full_range)
        return transform_colors(np.asarray(planes, dtype=np.uint8), weights)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Frame:
    """One decoded picture and when it was shown.

    Attributes:
        pixels: RGB as uint8 (H, W, 3), or the planes of a video frame.
        index: 0-based position in the source; dropped frames leave gaps.
        time_s: Presentation time, seconds after the first frame of the source.
        source: What the frame came from, as the user named it, without secrets.
        name: Unique among the frames of a run, without suffix; output files are named after it.
        file_name: The image file that it is, such as `city/photo.jpg`, below the folder of the
            inputs; empty for frames of videos and streams, and for arrays.
        captured_s: When it arrived here, by `time.monotonic`, seconds; None where nobody waits.
    """

    pixels: Image | Yuv420
    index: int = 0
    time_s: float = 0.0
    source: str = ""
    name: str = "frame"
    file_name: str = ""
    captured_s: float | None = None

    def __post_init__(self) -> None:
        """Check and freeze the pixels."""
        if not isinstance(self.pixels, Yuv420):
            frozen = read_only("pixels", self.pixels, "uint8", "* * 3")
            object.__setattr__(self, "pixels", frozen)

    @classmethod
    def from_bgr(  # noqa: PLR0913 - the fields of a frame
        cls,
        image: Image,
        *,
        index: int = 0,
        time_s: float = 0.0,
        source: str = "",
        name: str = "frame",
        file_name: str = "",
    ) -> Self:
        """Return a frame of an image as OpenCV gives it.

        Args:
            image: uint8 (H, W, 3), BGR, or (H, W), grey, such as `cv2.imread` and
                `cv2.VideoCapture` return.
            index: 0-based position in the source.
            time_s: Presentation time, seconds after the first frame of the source.
            source: What the frame came from.
            name: Output files are named after it.
            file_name: The image file that it is; empty for frames of videos.

        Raises:
            ShapeError: The image has another dtype or shape.
        """
        if image is None:  # pyright: ignore[reportUnnecessaryComparison] - what OpenCV answers
            raise ShapeError("there is no image; OpenCV could not read it and returned None")
        if image.ndim == 2:
            gray = read_only("image", image, "uint8", "* *")
            image = np.repeat(gray[..., None], 3, axis=2)
        bgr = read_only("image", image, "uint8", "* * 3")
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) if bgr.size else bgr
        pixels = np.asarray(rgb, dtype=np.uint8)
        return cls(
            pixels=pixels,
            index=index,
            time_s=time_s,
            source=source,
            name=name,
            file_name=file_name,
        )

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        plane = self.pixels.y if isinstance(self.pixels, Yuv420) else self.pixels
        return plane.shape[0], plane.shape[1]

    @property
    def image(self) -> Image:
        """The picture as uint8 (H, W, 3), RGB; computed anew for video frames."""
        if isinstance(self.pixels, Yuv420):
            height, width = self.size
            return self.pixels.resized_rgb(width, height)
        return self.pixels
