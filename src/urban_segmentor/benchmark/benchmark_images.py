"""Images on which speed is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.datasets.samples import spread
from urban_segmentor.errors import DatasetError
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from collections.abc import Sequence

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.structures.frame import Image

MAX_IMAGES = 8
_STREET_SIZE, _STREET_SEED = (1080, 1920), 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BenchmarkImages:
    """Images in memory.

    Attributes:
        images: uint8 (H, W, 3), RGB.
        source: Their source, for people.
    """

    images: tuple[Image, ...]
    source: str

    @property
    def sizes(self) -> tuple[str, ...]:
        """Their width and height, pixels, such as `768x384`, each once."""
        shapes = dict.fromkeys(image.shape[:2] for image in self.images)
        return tuple(f"{width}x{height}" for height, width in shapes)


def images_of_split(frames: Sequence[CityscapesFrame], *, source: str) -> BenchmarkImages:
    """Return up to `MAX_IMAGES` images of a split, evenly spread.

    Args:
        frames: Frames of the split; those without an image are skipped.
        source: Their source, for people.

    Raises:
        DatasetError: There is none, or one cannot be read.
    """
    with_images = [frame for frame in frames if frame.image_path is not None]
    if not with_images:
        raise DatasetError(
            f"none of {len(frames)} frames has a picture",
            hint="unpack `leftImg8bit_trainvaltest.zip` there",
        )
    images = tuple(frame.image() for frame in spread(with_images, MAX_IMAGES))
    return BenchmarkImages(images=images, source=source)


def street_images() -> BenchmarkImages:
    """Return images of the procedural street, seen from a car, one each second."""
    street = Street(size=_STREET_SIZE, fps=1.0, seed=_STREET_SEED, camera="dashcam")
    shots = street.shots(seconds=float(MAX_IMAGES))
    return BenchmarkImages(
        images=tuple(shot.frame.image for shot in shots),
        source=f"procedural street, seed {_STREET_SEED}",
    )
