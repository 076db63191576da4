"""The COCO panoptic format: what its file lists, and the pictures that hold ids of segments.

Source: the format of https://cocodataset.org/#format-results, as panopticapi and
`evalPanopticSemanticLabeling.py` of cityscapesScripts read it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from urban_segmentor.io.image_codec import encode_image

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.structures.classes import ClassList
    from urban_segmentor.structures.label_regions import LabelRegions


def panoptic_png(segment_ids: NDArray[np.int32]) -> bytes:
    """Return a map of segments as a PNG file, of which R + 256 G + 65536 B is the id.

    Args:
        segment_ids: int32 (H, W), from 0 to 2 ** 24 - 1.
    """
    low_first = np.ascontiguousarray(segment_ids, dtype="<i4").view(np.uint8)
    rgba = low_first.reshape(*segment_ids.shape, 4)
    rgb = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), dtype=np.uint8)
    return encode_image(rgb, suffix=".png")


def panoptic_ids(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the ids of segments that such a picture holds, int32 (H, W).

    Args:
        image: uint8 (H, W, C), RGB or RGBA.
    """
    red, green, blue = (image[..., i].astype(np.int32) for i in range(3))
    return red | green << 8 | blue << 16


def segments_info(
    regions: LabelRegions, *, category_ids: Mapping[int, int], crowds: Container[int] = ()
) -> list[dict[str, Any]]:
    """Return the entries of `segments_info`, one for each id but 0.

    Args:
        regions: Areas and boxes of the ids.
        category_ids: The category of each id.
        crowds: Ids of regions of several objects.
    """
    values: list[int] = regions.values.tolist()
    areas: list[int] = regions.pixels.tolist()
    boxes: list[list[int]] = regions.boxes.tolist()
    return [
        {
            "id": value,
            "category_id": category_ids[value],
            "area": area,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "iscrowd": int(value in crowds),
        }
        for value, area, (x1, y1, x2, y2) in zip(values, areas, boxes, strict=True)
        if value
    ]


def panoptic_annotation(
    image_id: str, file_name: str, segments: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the entry of `annotations` of one image.

    Args:
        image_id: As in its entry of `images`.
        file_name: The map of segments, PNG.
        segments: The entries of `segments_info`.
    """
    return {"image_id": image_id, "file_name": file_name, "segments_info": segments}


def panoptic_categories(
    classes: ClassList, *, category_ids: Sequence[int], colors: bool = False
) -> list[dict[str, Any]]:
    """Return the entries of `categories`, in the order of the class list.

    Args:
        classes: C classes.
        category_ids: The id of each.
        colors: True to tell the colors of the classes too.
    """
    return [
        {
            "id": category_id,
            "name": info.name,
            **({"color": list(info.color)} if colors else {}),
            "supercategory": "thing" if info.is_thing else "stuff",
            "isthing": int(info.is_thing),
        }
        for category_id, info in zip(category_ids, classes, strict=True)
    ]
