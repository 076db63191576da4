"""What `data prepare` wrote, read back: YOLO polygons, COCO run lengths, panoptic pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import cv2
import numpy as np
import yaml

from urban_segmentor.datasets.cityscapes.layout import IMAGE_SUFFIXES, IMAGES, read_layout
from urban_segmentor.datasets.cityscapes.segments import Segments
from urban_segmentor.datasets.class_set import ClassSet
from urban_segmentor.datasets.convert.convert_frame import panoptic_folder
from urban_segmentor.datasets.convert.options import WORK
from urban_segmentor.datasets.convert.output_folder import YAML
from urban_segmentor.datasets.images import path_bytes, read_image
from urban_segmentor.datasets.samples import SampleSet, cityscapes_frames
from urban_segmentor.errors import DatasetError, ShapeError
from urban_segmentor.structures.cityscapes_labels import BY_NAME, CITYSCAPES
from urban_segmentor.structures.label_regions import label_regions, masks_of
from urban_segmentor.structures.masks import Crop, Masks
from urban_segmentor.structures.polygons import MAX_COORDINATE
from urban_segmentor.structures.rle import Rle, decode_rle

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.frame import Image

_REMAKE = "make the folder anew with: urban-segmentor data prepare ... --overwrite"
_BY_ID = {label.label_id: label for label in CITYSCAPES}


class _Found(NamedTuple):
    crop: Crop
    origin: tuple[int, int]
    name: str
    is_crowd: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloSample:
    """A frame whose labels are a YOLO file, painted as training paints them.

    Attributes:
        stem: City, sequence and frame.
        split: Its split.
        image_path: The picture.
        labels: The file with objects and regions.
        ignored: The same for groups; need not be there.
        names: The classes by their number.
    """

    stem: str
    split: str
    image_path: Path
    labels: Path
    ignored: Path
    names: tuple[str, ...]

    def image(self) -> Image:
        """Return the picture, uint8 (H, W, 3), RGB."""
        return read_image(self.image_path)

    def segments(self, classes: ClassSet, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the labels; see `LabeledFrame`."""
        size = size or self.image().shape[:2]
        found = list(_painted(self.labels, self.names, size, is_crowd=False))
        if self.ignored.is_file():
            found += _painted(self.ignored, self.names, size, is_crowd=True)
        return _segments(found, classes, size)


@dataclass(frozen=True, slots=True, kw_only=True)
class CocoSample:
    """A frame whose labels are annotations of a COCO file.

    Attributes:
        stem: City, sequence and frame.
        split: Its split.
        image_path: The picture.
        size: Height and width of the labels, pixels.
        annotations: Class name, whether it is a crowd, and run lengths.
    """

    stem: str
    split: str
    image_path: Path
    size: tuple[int, int]
    annotations: tuple[tuple[str, bool, Rle], ...]

    def image(self) -> Image:
        """Return the picture, uint8 (H, W, 3), RGB."""
        return read_image(self.image_path)

    def segments(self, classes: ClassSet, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the labels; see `LabeledFrame`."""
        _check_size(self.stem, size, self.size)
        try:
            masks = decode_rle([rle for _, _, rle in self.annotations], image_size=self.size)
        except ShapeError as error:
            raise DatasetError(f"`{self.stem}`: {error}", hint=_REMAKE) from error
        corners: list[tuple[int, int]] = masks.origins.tolist()
        rows = zip(masks.crops, corners, self.annotations, strict=True)
        found = [_Found(crop, origin, name, crowd) for crop, origin, (name, crowd, _) in rows]
        return _segments(found, classes, self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticSample:
    """A frame whose labels are a panoptic picture of official `instanceIds` values.

    Attributes:
        stem: City, sequence and frame.
        split: Its split.
        image_path: The picture.
        labels: The panoptic picture.
    """

    stem: str
    split: str
    image_path: Path
    labels: Path

    def image(self) -> Image:
        """Return the picture, uint8 (H, W, 3), RGB."""
        return read_image(self.image_path)

    def segments(self, classes: ClassSet, *, size: tuple[int, int] | None = None) -> Segments:
        """Return the labels; see `LabeledFrame`."""
        image_path = read_image(self.labels).astype(np.int32)
        ids = image_path @ np.array([1, 256, 65536], dtype=np.int32)
        own = (ids.shape[0], ids.shape[1])
        _check_size(self.stem, size, own)
        regions = label_regions(ids)
        masks = masks_of(ids, regions)
        corners: list[tuple[int, int]] = masks.origins.tolist()
        found: list[_Found] = []
        for value, crop, origin in zip(regions.values.tolist(), masks.crops, corners, strict=True):
            label = _BY_ID.get(value // 1000 if value >= 1000 else value)
            if label is None:
                raise DatasetError(f"`{self.labels}` has the unknown id {value}", hint=_REMAKE)
            if value:
                is_crowd = label.is_thing and value < 1000
                found.append(_Found(crop, origin, label.name, is_crowd))
        return _segments(found, classes, own)


def open_frames(root: Path) -> SampleSet:
    """Return the frames of a Cityscapes folder, or of one that `data prepare` made.

    Args:
        root: The folder.

    Raises:
        DatasetError: It is neither, or damaged.
    """
    if (root / "images").is_dir():
        if (root / YAML).is_file():
            return _yolo_frames(root)
        if files := sorted((root / "annotations").glob("instances_*.json")):
            return _coco_frames(root, files)
        if files := sorted(root.glob(f"{panoptic_folder('*')}.json")):
            return _panoptic_frames(root, files)
        if (root / WORK).is_dir():
            raise DatasetError(
                f"`{root}` is being made by `data prepare`, or was left unfinished",
                hint="repeat the command that began it, it goes on where it was",
            )
    return cityscapes_frames(read_layout(root))


def _yolo_frames(root: Path) -> SampleSet:
    classes = _class_set(root / YAML, _yaml_names(root / YAML))
    frames: list[YoloSample] = []
    problems: list[str] = []
    for split in sorted(path for path in (root / "images").iterdir() if path.is_dir()):
        for image_path in _images(split):
            name = f"{image_path.stem}.txt"
            stem = _stem(image_path)
            labels = root / "labels" / split.name / name
            if not labels.is_file():
                problems.append(f"`{split.name}/{stem}` has no label file")
                continue
            frame = YoloSample(
                stem=stem,
                split=split.name,
                image_path=image_path,
                labels=labels,
                ignored=root / "ignored" / split.name / name,
                names=classes.names,
            )
            frames.append(frame)
    return SampleSet(
        root=root, kind="yolo", frames=tuple(frames), classes=classes, problems=tuple(problems)
    )


def _coco_frames(root: Path, files: Sequence[Path]) -> SampleSet:
    frames: list[CocoSample] = []
    names: dict[str, None] = {}
    for path in files:
        split = path.stem.removeprefix("instances_")
        content = _read_json(path)
        try:
            by_id: dict[Any, str] = {row["id"]: row["name"] for row in content["categories"]}
            of_image: dict[Any, list[tuple[str, bool, Rle]]] = {}
            for row in content["annotations"]:
                entry = (by_id[row["category_id"]], bool(row["iscrowd"]), row["segmentation"])
                of_image.setdefault(row["image_id"], []).append(entry)
            for image in content["images"]:
                image_path = _inside(root / "images" / split, image["file_name"])
                frame = CocoSample(
                    stem=_stem(image_path),
                    split=split,
                    image_path=image_path,
                    size=(int(image["height"]), int(image["width"])),
                    annotations=tuple(of_image.get(image["id"], ())),
                )
                frames.append(frame)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError(f"`{path}` is no COCO file: {error!r}", hint=_REMAKE) from error
        names |= dict.fromkeys(by_id.values())
    classes = _class_set(files[0], list(names))
    return SampleSet(root=root, kind="coco", frames=tuple(frames), classes=classes)


def _panoptic_frames(root: Path, files: Sequence[Path]) -> SampleSet:
    frames: list[PanopticSample] = []
    names: dict[str, None] = {}
    for path in files:
        split = path.stem.removeprefix(panoptic_folder(""))
        content = _read_json(path)
        try:
            names |= {row["name"]: None for row in content["categories"]}
            images = {row["id"]: row["file_name"] for row in content["images"]}
            for row in content["annotations"]:
                image_path = _inside(root / "images" / split, images[row["image_id"]])
                frame = PanopticSample(
                    stem=_stem(image_path),
                    split=split,
                    image_path=image_path,
                    labels=_inside(root / panoptic_folder(split), row["file_name"]),
                )
                frames.append(frame)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError(
                f"`{path}` is no panoptic COCO file: {error!r}", hint=_REMAKE
            ) from error
    classes = _class_set(files[0], list(names))
    return SampleSet(root=root, kind="panoptic", frames=tuple(frames), classes=classes)


def _painted(
    path: Path, names: Sequence[str], size: tuple[int, int], *, is_crowd: bool
) -> Iterator[_Found]:
    """Yield the masks of a label file, filled as training fills them, bridges included."""
    for number, line in enumerate(path_bytes(path).splitlines(), start=1):
        fields = line.split()
        try:
            values = np.array(fields[1:], dtype=np.float64).reshape(-1, 2)
            name = names[int(fields[0])] if fields[0].isdigit() else None
        except (ValueError, IndexError):
            values, name = np.zeros((0, 2)), None
        ring = values * size[::-1]
        if name is None or len(ring) < 3 or not np.abs(ring).max() <= MAX_COORDINATE:
            raise DatasetError(
                f"line {number} of `{path}` is no class with at least 3 points", hint=_REMAKE
            )
        if (filled := _filled(np.floor(ring).astype(np.int32), size)) is not None:
            yield _Found(*filled, name, is_crowd)


def _filled(ring: NDArray[np.int32], size: tuple[int, int]) -> tuple[Crop, tuple[int, int]] | None:
    """Return the pixels of a ring, int32 (K, 2), that lie in the picture, and where they begin."""
    first = np.clip(ring.min(axis=0), 0, size[::-1])
    last = np.clip(ring.max(axis=0) + 1, 0, size[::-1])
    (x1, y1), (x2, y2) = first.tolist(), last.tolist()
    if x1 >= x2 or y1 >= y2:
        return None
    crop = np.zeros((y2 - y1, x2 - x1), dtype=np.uint8)
    cv2.fillPoly(crop, [ring - first], (1,))
    return (crop.view(np.bool_), (x1, y1)) if crop.any() else None


def _segments(found: Iterable[_Found], classes: ClassSet, size: tuple[int, int]) -> Segments:
    """Return what is of the classes wanted; numbers go up by class."""
    ids = classes.ids()
    kept = [one for one in found if one.name in ids and one.crop.size]
    numbers: dict[str, int] = {}
    instance_ids: list[int] = []
    for one in kept:
        label = BY_NAME[one.name]
        single = label.is_thing and not one.is_crowd
        number = numbers.get(one.name, 0)
        numbers[one.name] = number + single
        instance_ids.append(label.label_id * 1000 + number if single else label.label_id)
    return Segments(
        masks=Masks(
            crops=tuple(one.crop for one in kept),
            origins=np.array([one.origin for one in kept], dtype=np.int32).reshape(-1, 2),
            image_size=size,
        ),
        class_ids=np.array([ids[one.name] for one in kept], dtype=np.int32),
        is_crowd=np.array([one.is_crowd for one in kept], dtype=np.bool_),
        instance_ids=np.array(instance_ids, dtype=np.int32),
        hidden=0,
    )


def _check_size(stem: str, wanted: tuple[int, int] | None, own: tuple[int, int]) -> None:
    if wanted is not None and wanted != own:
        sizes = [f"{width} x {height}" for height, width in (own, wanted)]
        raise DatasetError(
            f"the labels of `{stem}` have {sizes[0]} pixels, its picture {sizes[1]}", hint=_REMAKE
        )


def _yaml_names(path: Path) -> list[str]:
    try:
        content: Any = yaml.safe_load(path_bytes(path))
        names = content["names"]
        return [names[number] for number in range(len(names))]
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"`{path}` lists no class names: {error!r}", hint=_REMAKE) from error


def _class_set(path: Path, names: Sequence[object]) -> ClassSet:
    unknown = [name for name in names if not isinstance(name, str) or name not in BY_NAME]
    if unknown or not names:
        raise DatasetError(
            f"`{path}` has {f'the unknown class {unknown[0]!r}' if unknown else 'no classes'}",
            hint=_REMAKE,
        )
    return ClassSet(labels=tuple(BY_NAME[cast("str", name)] for name in names))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: object = json.loads(path_bytes(path))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"`{path}` cannot be read as JSON: {error}", hint=_REMAKE) from error
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _inside(folder: Path, name: str) -> Path:
    """Return a file in a folder; names that lead elsewhere are refused."""
    if name in {"", ".", ".."} or Path(name).name != name:
        raise ValueError(name)
    return folder / name


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)


def _stem(image_path: Path) -> str:
    return image_path.stem.removesuffix(f"_{IMAGES}")
