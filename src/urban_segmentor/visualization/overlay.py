"""Masks, outlines, boxes and labels over a picture."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from urban_segmentor.errors import SettingError, ShapeError
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.label_maps import apply_lookup
from urban_segmentor.visualization.canvas import SOLID, canvas_for
from urban_segmentor.visualization.label_placement import label_anchor, label_sprite
from urban_segmentor.visualization.palette import (
    class_colors,
    lighten,
    shade_by_position,
)
from urban_segmentor.visualization.style import OverlayStyle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from urban_segmentor.result import Result
    from urban_segmentor.structures.frame import Frame, Image, Yuv420
    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.masks import Masks
    from urban_segmentor.visualization.canvas import Canvas

_LAYER = SOLID - 1  # instances that fit the map of one pass; 0 means none
_MAX_SURFACES = _LAYER // 2  # of one map; the rest of the layer is for what lies on them
_OUTLINE_WHITE = 0.35


class Overlay:
    """Draws instances over a frame, small ones over large ones; a `Renderer`.

    Args:
        style: What is drawn; None for masks, outlines, boxes and labels.
        changes: Fields of `OverlayStyle`, such as `opacity=0.3`.

    Raises:
        SettingError: There is no such field, or a value is out of its range.
    """

    def __init__(self, style: OverlayStyle | None = None, **changes: Any) -> None:  # noqa: ANN401 - fields of `OverlayStyle`
        style = OverlayStyle() if style is None else style
        unknown = sorted(set(changes) - {field.name for field in fields(style)})
        if unknown:
            known = ", ".join(field.name for field in fields(style))
            raise SettingError(f"there is no style `{unknown[0]}`", hint=f"there are {known}")
        self.style = replace(style, **changes)

    def __call__(self, frame: Frame, result: Result, /) -> Image | Yuv420:
        """Return new pixels in the size and pixel format of the frame.

        Args:
            frame: RGB uint8 (H, W, 3), or the planes of a video frame.
            result: What was found in it.

        Raises:
            ShapeError: The instances are of an image of another size.
            SettingError: A class id lies outside of the class list.
        """
        return _Drawing(frame, result.instances, self.style).pixels()

    def draw(self, result: Result) -> Image:
        """Return the frame with its instances drawn on it, uint8 (H, W, 3), RGB.

        Args:
            result: What was found in its frame.

        Raises:
            ShapeError: The instances are of an image of another size.
            SettingError: A class id lies outside of the class list.
        """
        drawn = self(replace(result.frame, pixels=result.frame.image), result)
        return np.asarray(drawn, dtype=np.uint8)


@lru_cache(maxsize=64)
def _colors(classes: ClassList, palette: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return fill and line color of each class, uint8 (C, 3) each, RGB."""
    fills = class_colors(classes, palette=palette)
    lines = [lighten(color, _OUTLINE_WHITE) for color in fills]
    shape = (-1, 3)
    return (
        np.array(fills, dtype=np.uint8).reshape(shape),
        np.array(lines, dtype=np.uint8).reshape(shape),
    )


class _Drawing:
    """One frame being drawn on."""

    def __init__(self, frame: Frame, instances: Instances, style: OverlayStyle) -> None:
        self._frame, self._instances, self._style = frame, instances, style
        self._classes = _named_classes(instances)
        self._stuff = ~self._classes.is_thing
        self._fills, self._lines = _colors(self._classes, style.palette)
        self._check(frame, instances)

    def pixels(self) -> Image | Yuv420:
        """Return the drawing in the pixel format of the frame."""
        instances, style = self._instances, self._style
        canvas = canvas_for(self._frame.pixels)
        order = self._painting_order(instances)
        if style.masks or style.outlines:
            self._paint(canvas, order)
        scale = max(min(self._frame.size) / 720, 0.5)
        if style.boxes:
            self._draw_boxes(canvas, instances.select(order), thickness=max(round(2 * scale), 1))
        if style.labels:
            self._write_labels(canvas, instances.select(order), scale=scale)
        return canvas.result()

    def _check(self, frame: Frame, instances: Instances) -> None:
        if instances.masks.image_size != frame.size:
            sizes = [f"{h} x {w}" for h, w in (instances.masks.image_size, frame.size)]
            raise ShapeError(
                f"the instances are of an image of {sizes[0]}, the frame has {sizes[1]}"
            )
        count = len(self._classes)
        unknown = [i for i in set(instances.class_ids.tolist()) if not 0 <= i < count]
        if unknown:
            raise SettingError(
                f"there is no name for class {unknown[0]} among {count} class names",
                hint="make the instances with the class list of the model that found them",
            )

    def _painting_order(self, instances: Instances) -> NDArray[np.intp]:
        """Return positions: stuff before things, each from large to small."""
        sides = instances.boxes[:, 2:] - instances.boxes[:, :2]
        is_thing = ~self._stuff[instances.class_ids]
        return np.lexsort((-np.prod(sides, axis=1), is_thing))

    def _paint(self, canvas: Canvas, order: NDArray[np.intp]) -> None:
        """Fill and trace all masks in as few passes as there are layers of 127 of them."""
        surfaces, above = self._surfaces(order)
        first = _LAYER - len(surfaces)
        passes = [above[:first], *(above[i : i + _LAYER] for i in range(first, len(above), _LAYER))]
        for number, positions in enumerate(passes):
            below = surfaces if number == 0 else surfaces[:0]
            if len(below) or len(positions):
                self._paint_layer(canvas, below, positions)

    def _surfaces(self, order: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the positions of stuff that is cut from one map of classes, and of the others."""
        masks = self._instances.masks
        found: list[int] = []
        image: NDArray[np.uint8] | None = None
        for i in order[self._stuff[self._instances.class_ids[order]]].tolist():
            region = masks.region(i)
            if region is not None and (image is None or region.image is image):
                image = region.image
                found.append(i)
        surfaces = np.array(found[:_MAX_SURFACES], dtype=np.intp)
        return surfaces, order[~np.isin(order, surfaces)]

    def _paint_layer(
        self, canvas: Canvas, surfaces: NDArray[np.intp], positions: NDArray[np.intp]
    ) -> None:
        """Fill at most 127 masks, the later over the earlier, and trace those on the surfaces.

        Surfaces fill the picture without a gap, and only have lines where they are not filled.
        """
        style = self._style
        below, above = (self._instances.select(which) for which in (surfaces, positions))
        ground = _ground(below.masks)
        index_map = _index_map(above.masks, start=len(below) + 1)
        if ground is not None and not style.masks:
            np.maximum(index_map, ground, out=index_map)
        if style.outlines:
            index_map = _with_edges(index_map)
        if ground is not None and style.masks:
            np.maximum(index_map, ground, out=index_map)
        shown = self._instances.select(np.concatenate([surfaces, positions]))
        colors = np.zeros((2 * SOLID, 3), dtype=np.uint8)
        fills = self._fills[shown.class_ids]
        if style.segments:
            is_thing = ~self._stuff[shown.class_ids]
            shades = shade_by_position(fills, shown.boxes, shown.image_size)
            fills[is_thing] = shades[is_thing]
        colors[1 : len(shown) + 1] = fills
        colors[SOLID + 1 : SOLID + len(shown) + 1] = self._lines[shown.class_ids]
        canvas.blend(index_map, colors, opacity=style.opacity if style.masks else 0.0)

    def _draw_boxes(self, canvas: Canvas, instances: Instances, *, thickness: int) -> None:
        boxes: list[list[int]] = np.rint(instances.boxes).astype(np.int32).tolist()
        for (x1, y1, x2, y2), class_id in zip(boxes, instances.class_ids, strict=True):
            if not self._stuff[class_id]:
                color = self._lines[class_id][None, None]
                canvas.rectangle((x1, y1, x2, y2), color, thickness=thickness)

    def _write_labels(self, canvas: Canvas, instances: Instances, *, scale: float) -> None:
        class_ids: list[int] = instances.class_ids.tolist()
        scores: list[float] = instances.scores.tolist()
        for i, (class_id, score) in enumerate(zip(class_ids, scores, strict=True)):
            text = self._classes[class_id].name + (f" {score:.2f}" if self._style.scores else "")
            red, green, blue = self._fills[class_id].tolist()
            sprite = label_sprite(text, (red, green, blue), round(scale, 2))
            inside = self._style.segments or bool(self._stuff[class_id])
            x, y = label_anchor(instances, i, sprite.image.shape[:2], inside=inside)
            canvas.paste(sprite, x, y)


def _named_classes(instances: Instances) -> ClassList:
    """Return the class list, or numbers where nobody said."""
    if len(instances.classes) or not len(instances):
        return instances.classes
    return ClassList.from_names([str(i) for i in range(int(instances.class_ids.max()) + 1)])


def _index_map(masks: Masks, *, start: int) -> NDArray[np.uint8]:
    """Return a map of masks by their numbers from `start` on, the later over the earlier."""
    index_map = np.zeros(masks.image_size, dtype=np.uint8)
    corners: list[list[int]] = masks.origins.tolist()
    for number, (crop, (x, y)) in enumerate(zip(masks.crops, corners, strict=True), start=start):
        height, width = crop.shape
        region = index_map[y : y + height, x : x + width]
        np.maximum(region, crop.view(np.uint8) * np.uint8(number), out=region)
    return index_map


def _ground(masks: Masks) -> NDArray[np.uint8] | None:
    """Return a map of surfaces by their numbers from 1 on, all at once; None without any."""
    regions = [masks.region(i) for i in range(len(masks))]
    table = np.zeros(256, dtype=np.uint8)
    image: NDArray[np.uint8] | None = None
    for number, region in enumerate(regions, start=1):
        if region is not None:
            table[region.value], image = number, region.image
    return None if image is None else apply_lookup(table, image)


def _with_edges(index_map: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the map with the front one's solid number where it changes."""
    side = 2 * max(round(min(index_map.shape) / 1440), 1) + 1
    kernel = np.ones((side, side), dtype=np.uint8)
    front = np.asarray(cv2.dilate(index_map, kernel), dtype=np.uint8)
    changes = cv2.compare(front, cv2.erode(index_map, kernel), cv2.CMP_NE)
    cv2.copyTo(front | np.uint8(SOLID), changes, index_map)
    return index_map
