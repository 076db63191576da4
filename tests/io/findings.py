"""Instances to write, and how they are written and looked at."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray
from PIL import Image as PillowImage

from urban_segmentor.io.writers import WRITERS
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.result import Result
from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.structures.frame import Frame, Yuv420
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

NAMES = ("person", "rider", "car", "tram: 'new'", "bus", "road", "=cmd", "bicycle")
CLASSES = known_classes(NAMES)
THINGS = {name for name in NAMES if name in BY_NAME and BY_NAME[name].is_thing}
FORMATS = sorted(set(WRITERS) - {"frames"})  # which leaves images alone
ONE_FILE = {"jsonl": "results.jsonl", "csv": "results.csv", "coco": "coco.json"}
FILES = {
    **ONE_FILE,
    "yolo": "labels/a/b/photo.txt",
    "masks": "masks/a/b/photo.png",
    "color": "color/a/b/photo.png",
    "cutouts": "cutouts/a/b/photo/photo_001_car.png",
    "cityscapes": "cityscapes/a/b/photo.txt",
    "panoptic": "panoptic/a/b/photo.png",
    "labelids": "labelids/labelIds/a/b/photo_labelIds.png",
}

# A folder of its own for each example, so the fixture's scope does no harm.
properties = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def source_image(
    found: Instances, *, name: str = "photo", index: int = 0, source: str = ""
) -> Frame:
    """Return a black image file of the size of the masks."""
    pixels = np.zeros((*found.masks.image_size, 3), dtype=np.uint8)
    file_name = name + (Path(source).suffix or ".jpg")
    return Frame(pixels=pixels, index=index, source=source, name=name, file_name=file_name)


def video_frame(found: Instances, *, index: int) -> Frame:
    """Return a frame of a video that must not be converted to RGB."""
    pixels = np.zeros((*found.masks.image_size, 3), dtype=np.uint8)
    return Frame(
        pixels=Yuv420.from_rgb(pixels),
        index=index,
        time_s=index / 30,
        source="clips/street.mp4",
        name=f"street_{index:06d}",
    )


def example(*, size: tuple[int, int] = (40, 60)) -> Instances:
    """Return five instances: a large one, one in two parts, a hole, one pixel, an empty one."""
    dense = np.zeros((5, *size), dtype=np.bool_)
    dense[0, 5:, :] = True
    dense[1, 10:20, 3:9] = dense[1, 12:18, 20:30] = True
    dense[2, 8:30, 30:50] = True
    dense[2, 12:20, 35:40] = False
    dense[3, 0, 7] = True
    masks = Masks.from_dense(dense)
    return Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.array([0.9, 0.123456, 0.5, 1 / 3, 0], dtype=np.float32),
        class_ids=np.array([2, 0, 4, 3, 6], dtype=np.int32),
    )


def nothing(size: tuple[int, int] = (40, 60)) -> Instances:
    """Return no instances."""
    none = Masks.from_dense(np.zeros((0, *size), dtype=np.bool_))
    return Instances(
        boxes=none.rectangles(),
        masks=none,
        scores=np.zeros(0, dtype=np.float32),
        class_ids=np.zeros(0, dtype=np.int32),
    )


def write(kind: str, folder: Path, results: list[tuple[Frame, Instances]]) -> None:
    """Write results and close."""
    with WRITERS[kind](folder, classes=CLASSES) as writer:
        for frame, found in results:
            writer.write(Result(frame=frame, instances=found))


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """Return a context with an empty folder."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def pixels_of(path: Path) -> tuple[str, NDArray[np.int64]]:
    """Return the mode and the values of a picture, read by Pillow."""
    with PillowImage.open(path) as image:
        return image.mode, np.asarray(image).astype(np.int64)
