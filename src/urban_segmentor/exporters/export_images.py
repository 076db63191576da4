"""Images for the comparison, calibration and accuracy gate of an export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.datasets.sample_images import read_sample_image
from urban_segmentor.datasets.samples import spread
from urban_segmentor.errors import DatasetError, SettingError
from urban_segmentor.exporters.verify_export import NamedImage
from urban_segmentor.inference.preprocess import network_input
from urban_segmentor.structures.boxes import Letterbox, rectangular_size
from urban_segmentor.synthetic import Street

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.datasets.cityscapes.frame import CityscapesFrame
    from urban_segmentor.datasets.samples import Sample

STREET = "procedural street"
_IMAGES = 4
_STREET_PX = (512, 1024)


class NetworkInputs:
    """Letterboxed network inputs, decoded anew in each iteration.

    Args:
        images: Image files.
        imgsz: Long side of the network's input, pixels.
        stride: Its sides are multiples of it, pixels.
        static_size: Height and width where the network fixes them, pixels.
        on_image: Called after each image.
    """

    def __init__(
        self,
        images: Sequence[Path],
        *,
        imgsz: int,
        stride: int,
        static_size: tuple[int, int] | None = None,
        on_image: Callable[[], None] = lambda: None,
    ) -> None:
        self.images = images
        self._imgsz, self._stride, self._static_size = imgsz, stride, static_size
        self._on_image = on_image

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Yield each image in its letterbox, uint8 (1, H, W, 3), RGB."""
        for path in self.images:
            image = read_sample_image(path)
            size = (image.shape[0], image.shape[1])
            yield network_input(image, Letterbox.fit(size, self.input_size(size)))
            self._on_image()

    def input_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return height and width of the network input for an image size, pixels."""
        if self._static_size is not None:
            return self._static_size
        return rectangular_size(image_size, long_side=self._imgsz, stride=self._stride)


def comparison_images(data: Path | None) -> tuple[str, list[NamedImage]]:
    """Return the source of a handful of images, and the images.

    Args:
        data: A Cityscapes folder, or one that `data prepare` made; None for the
            procedural street.

    Raises:
        DatasetError: It is neither, or an image cannot be read.
    """
    if data is None:
        return STREET, _street_images()
    chosen = spread(validation_frames(data), _IMAGES)
    return str(data), [NamedImage(frame.stem, frame.image()) for frame in chosen]


def validation_frames(data: Path) -> Sequence[Sample]:
    """Return the frames of the split `val` of a data set; all frames where there is none.

    Args:
        data: A Cityscapes folder, or one that `data prepare` made.

    Raises:
        DatasetError: It is neither, or has no frames.
    """
    frames = open_dataset(data).frames
    chosen = [frame for frame in frames if frame.split == "val"] or frames
    if not chosen:
        raise DatasetError(
            f"`{data}` has no frame with a picture and labels",
            hint=f"urban-segmentor data check {data}",
        )
    return chosen


def calibration_images(data: Path, count: int) -> list[Path]:
    """Return calibration images, paths of the split `train`, spread evenly.

    Args:
        data: A Cityscapes folder.
        count: How many.

    Raises:
        SettingError: There is no such split, or the count is not at least 1.
        DatasetError: It is no Cityscapes folder, or has no images.
    """
    _check_count(count, "calibration", minimum=1)
    images = [
        frame.image_path
        for frame in _frames_of_split(data, "train")
        if frame.image_path is not None
    ]
    if not images:
        raise DatasetError(
            f"`{data}` has no pictures in the split `train`",
            hint=f"urban-segmentor data check {data}",
        )
    return list(spread(images, count))


def gate_frames(data: Path, count: int) -> tuple[Sequence[CityscapesFrame], int]:
    """Return frames of the split `val` with ground truth, and how many there are in all.

    Args:
        data: A Cityscapes folder.
        count: How many, spread evenly; 0 for all.

    Raises:
        SettingError: There is no such split, or the count is negative.
        DatasetError: It is no Cityscapes folder, or no frame has an image and ground
            truth.
    """
    _check_count(count, "gate_images", minimum=0)
    scorable = [
        frame
        for frame in _frames_of_split(data, "val")
        if frame.image_path is not None
        and (frame.polygons is not None or frame.ground_truth("instanceIds") is not None)
    ]
    if not scorable:
        raise DatasetError(
            f"`{data}` has no frame with a picture and labels in the split `val`",
            hint=f"urban-segmentor data check {data}",
        )
    return spread(scorable, count or None), len(scorable)


def _frames_of_split(data: Path, split: str) -> Sequence[CityscapesFrame]:
    layout = read_layout(data)
    if split not in layout.splits:
        raise SettingError(
            f"`{data}` has no split `{split}`, which quantizing needs",
            hint=f"it has {', '.join(layout.splits)}; give a folder with both train and val",
        )
    return layout.of_split(split)


def _check_count(count: int, name: str, *, minimum: int) -> None:
    if count < minimum:
        usual = 200 if name == "calibration" else 100
        raise SettingError(
            f"`{name}` is {count}, expected at least {minimum}",
            hint=f"--{name.replace('_', '-')} {usual}",
        )


def _street_images() -> list[NamedImage]:
    """Return images of procedural streets by day, from a car and from a gantry."""
    images: list[NamedImage] = []
    for camera in ("dashcam", "fixed"):
        street = Street(size=_STREET_PX, fps=0.25, seed=7, camera=camera)
        for shot in street.shots(seconds=8.0):
            images.append(NamedImage(f"{camera} {len(images)}", shot.frame.image))
    return images
