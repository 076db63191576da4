"""One picture: segmented, and laid out as files that a page can show."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections import Counter
from typing import TYPE_CHECKING, TypedDict

import cv2
import numpy as np

from urban_segmentor.apps.web.segment_options import SegmentOptions
from urban_segmentor.apps.web.uploads import read_upload
from urban_segmentor.io.atomic import output_errors, write_atomically
from urban_segmentor.io.image_codec import encode_image
from urban_segmentor.io.output_options import WRITER_PATHS
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.io.writers.coco_panoptic import panoptic_png
from urban_segmentor.result import Result
from urban_segmentor.structures.classes import first_ids
from urban_segmentor.structures.frame import Frame, Image

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from urban_segmentor.apps.web.limits import UploadLimits
    from urban_segmentor.apps.web.model_pool import ModelPool
    from urban_segmentor.apps.web.temp_files import SavedResult
    from urban_segmentor.structures.instances import Instances

_SHOWN_SIDE = 1920  # pixels: what a page shows; the files to keep have the picture's own size
_MAP_SIDE = 1024  # pixels: fine enough to point at something
_QUALITY = 88  # of JPEG
_SAVED = ("coco", "csv")
IMAGE_PNG = "picture.png"
"""Made when it is asked for: it takes as long as all the rest."""

_UPLOAD, _CHOICES = ".upload", ".choices"  # names that no address can have


class NamedInstance(TypedDict):
    """One instance, as the page names it when it is pointed at.

    Attributes:
        name: The class.
        score: In [0, 1].
        share: Part of the picture that it covers, in [0, 1].
        box: `x1, y1, x2, y2` as parts of width and height, in [0, 1].
    """

    name: str
    score: float
    share: float
    box: list[float]


class ClassRow(TypedDict):
    """Summary of a class in an image.

    Attributes:
        name: Name of the class.
        count: Number of instances.
        score: Mean score, in [0, 1].
        share: Covered fraction of the image, in [0, 1].
    """

    name: str
    count: int
    score: float
    share: float


class ImageResult(TypedDict):
    """What the page shows; addresses are relative to its own.

    Attributes:
        title: What the picture is called.
        before: Address of the picture, JPEG.
        after: Address of the overlay, JPEG.
        ids: Address of a map, PNG: red plus 256 green is the number of an instance from 1, or 0.
        size: Width and height of the picture, pixels.
        instances: What the numbers of the map mean, in order.
        classes: Class by class.
        files: Names and addresses of what can be kept.
        ms: How long it took, milliseconds.
    """

    title: str
    before: str
    after: str
    ids: str
    size: list[int]
    instances: list[NamedInstance]
    classes: list[ClassRow]
    files: dict[str, str]
    ms: int


def segment_image(  # noqa: PLR0913
    path: Path,
    *,
    title: str,
    engine: ModelPool,
    choices: SegmentOptions,
    limits: UploadLimits,
    answer: SavedResult,
) -> ImageResult:
    """Return what the page shows of a picture, after writing the files for it.

    Args:
        path: What was uploaded; checked here.
        title: What the visitor calls it; stands in the results, where a path never does.
        engine: Has the models.
        choices: The controls.
        limits: The most that is taken.
        answer: Where the files go.

    Raises:
        UploadError: It is no picture, or too large.
        SettingError: The model has no such class.
    """
    since_s = time.perf_counter()
    image = read_upload(path, limits=limits)
    instances, drawn = _drawn(image, engine=engine, choices=choices)
    names = engine.class_names(choices.model)
    frame = Frame(
        pixels=image, source=title, name=title.rpartition(".")[0] or title, file_name=title
    )
    for kind in _SAVED:
        with WRITERS[kind](answer.folder, classes=instances.classes, overwrite=True) as writer:
            writer.write(Result(frame=frame, instances=instances))
    _write_jpeg(answer.folder / "before.jpg", image)
    _write_jpeg(answer.folder / "after.jpg", drawn)
    write_atomically(answer.folder / "ids.png", _id_map(instances), overwrite=True)
    with output_errors(answer.folder):  # as when the page was closed, and its files deleted
        _link(path, answer.folder / _UPLOAD)
        (answer.folder / _CHOICES).write_text(json.dumps(choices.as_query()), encoding="utf-8")
    height, width = image.shape[:2]
    return {
        "title": title,
        "before": answer.url("before.jpg"),
        "after": answer.url("after.jpg"),
        "ids": answer.url("ids.png"),
        "size": [width, height],
        "instances": _named(instances, names),
        "classes": _class_rows(instances, class_names=names),
        "files": {
            "PNG": answer.url(IMAGE_PNG),
            "COCO JSON": answer.url(WRITER_PATHS["coco"]),
            "CSV": answer.url(WRITER_PATHS["csv"]),
        },
        "ms": round(1000 * (time.perf_counter() - since_s)),
    }


def make_png(folder: Path, *, engine: ModelPool, limits: UploadLimits) -> Path:
    """Return the overlay in the picture's own size, without loss, made from what was uploaded.

    Args:
        folder: Of the answer.
        engine: Has the models.
        limits: The most that is taken.
    """
    target = folder / IMAGE_PNG
    if not target.exists():
        query = json.loads((folder / _CHOICES).read_text(encoding="utf-8"))
        image = read_upload(folder / _UPLOAD, limits=limits)
        _, drawn = _drawn(image, engine=engine, choices=SegmentOptions.from_query(query))
        write_atomically(target, encode_image(drawn, suffix=".png"), overwrite=True)
    return target


def _drawn(image: Image, *, engine: ModelPool, choices: SegmentOptions) -> tuple[Instances, Image]:
    """Return what was found in a picture, and the picture with it drawn."""
    result = engine.segmenter_for(choices)(image)
    return result.instances, engine.overlay(choices).draw(result)


def _named(instances: Instances, class_names: Sequence[str]) -> list[NamedInstance]:
    height, width = instances.masks.image_size
    scale = np.array([width, height, width, height], dtype=np.float64)
    boxes: list[list[float]] = (instances.boxes / scale).round(4).tolist()
    areas: list[int] = instances.masks.areas().tolist()
    ids: list[int] = instances.class_ids.tolist()
    scores: list[float] = instances.scores.astype(np.float64).round(3).tolist()
    return [
        {
            "name": class_names[class_id],
            "score": score,
            "share": round(area / max(1, height * width), 5),
            "box": box,
        }
        for class_id, score, area, box in zip(ids, scores, areas, boxes, strict=True)
    ]


def _class_rows(instances: Instances, *, class_names: Sequence[str]) -> list[ClassRow]:
    """Return one row per class, the most frequent first.

    Args:
        instances: Predictions of an image; where masks of a class overlap, a pixel counts once.
        class_names: Names by class id.
    """
    first = np.array(first_ids(class_names), dtype=np.int32)[instances.class_ids]
    ids: list[int] = first.tolist()
    height, width = instances.masks.image_size
    rows: list[ClassRow] = []
    for class_id, count in Counter(ids).most_common():
        mine = instances.select(first == class_id)
        covered = int(np.count_nonzero(mine.masks.coverage()))
        rows.append(
            {
                "name": class_names[class_id],
                "count": count,
                "score": round(float(mine.scores.mean()), 3),
                "share": round(covered / max(1, height * width), 5),
            }
        )
    return rows


def _id_map(instances: Instances) -> bytes:
    """Return a PNG of the number of the instance at each place; small over large."""
    height, width = instances.masks.image_size
    scale = min(1.0, _MAP_SIDE / max(height, width))
    size = (max(round(height * scale), 1), max(round(width * scale), 1))
    large_first = np.argsort(-instances.masks.areas(), kind="stable")
    return panoptic_png(instances.masks.resize(size).to_index_map(order=large_first))


def _write_jpeg(path: Path, image: Image) -> None:
    """Write a picture as the page shows it."""
    height, width = image.shape[:2]
    scale = _SHOWN_SIDE / max(height, width)
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    data = encode_image(image, suffix=".jpg", quality=_QUALITY)
    write_atomically(path, data, overwrite=True)


def _link(path: Path, target: Path) -> None:
    """Keep a file, without a copy where the system can."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)
