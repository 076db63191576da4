"""Instance masks kept as crops, so that memory grows with object size, not image size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures._arrays import read_only
from urban_segmentor.structures.label_maps import nearest_pixels

Crop: TypeAlias = NDArray[np.bool_]
"""bool (h, w), one mask cropped to its bounding box."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LabelRegion:
    """The pixels of an image of labels that have one value; called, the mask of them.

    Attributes:
        image: uint8 (H, W), which regions of other values share.
        value: The value.
        box: `x1, y1, x2, y2` around its pixels, half-open.
    """

    image: NDArray[np.uint8]
    value: int
    box: tuple[int, int, int, int]

    def __call__(self) -> Crop:
        """Return the mask inside its box, bool (h, w)."""
        x1, y1, x2, y2 = self.box
        return self.image[y1:y2, x1:x2] == self.value


class _Deferred:
    """One crop, decoded when first read."""

    __slots__ = ("_crop", "decode")

    def __init__(self, decode: Callable[[], Crop]) -> None:
        self.decode = decode
        self._crop: Crop | None = None

    def read(self, name: str) -> Crop:
        if self._crop is None:
            self._crop = read_only(name, self.decode(), "bool", "* *")
        return self._crop


class LazyCrops(Sequence[Crop]):
    """Crops that are decoded one by one when first read, and kept.

    Args:
        decoders: N functions, each of which returns a bool (h, w) array.
    """

    def __init__(self, decoders: Sequence[Callable[[], Crop]]) -> None:
        self._deferred = tuple(_Deferred(decode) for decode in decoders)

    def __len__(self) -> int:
        """Return N."""
        return len(self._deferred)

    def __getitem__(self, index: int) -> Crop:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return one crop, decoded when first read."""
        return self._deferred[index].read(f"crops[{index}]")

    def region(self, index: int) -> LabelRegion | None:
        """Return what a crop is of an image of labels, or None where it is none."""
        decode = self._deferred[index].decode
        return decode if isinstance(decode, LabelRegion) else None

    def joined(self, others: LazyCrops) -> LazyCrops:
        """Return these crops and others; each is decoded once, whoever reads it."""
        both = LazyCrops(())
        both._deferred = self._deferred + others._deferred
        return both

    def select(self, positions: Sequence[int]) -> LazyCrops:
        """Return the crops at the given positions; each is decoded once, whoever reads it."""
        chosen = LazyCrops(())
        chosen._deferred = tuple(self._deferred[i] for i in positions)
        return chosen


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Mask:
    """One binary mask of an image.

    Attributes:
        crop: bool (h, w), the mask inside its own rectangle.
        origin: `x, y` of the top-left pixel of the crop, pixels.
        image_size: Height and width of the image, pixels.
    """

    crop: Crop
    origin: tuple[int, int]
    image_size: tuple[int, int]

    @property
    def area_px(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.crop))

    def polygons(self) -> list[NDArray[np.float32]]:
        """Return the outlines of the parts and holes, float32 (K, 2) each, x and y in pixels.

        They run through the centres of the outermost pixels; see `structures.polygons`.
        """
        from urban_segmentor.structures.polygons import mask_to_polygons  # noqa: PLC0415 - heavy

        return mask_to_polygons(self.crop, origin=self.origin)

    def dense(self) -> NDArray[np.bool_]:
        """Return the mask of the whole image, bool (H, W)."""
        mask = np.zeros(self.image_size, dtype=np.bool_)
        (x, y), (height, width) = self.origin, self.crop.shape
        mask[y : y + height, x : x + width] = self.crop
        return mask

    def resize(self, size: tuple[int, int]) -> Mask:
        """Return the mask at another size: each pixel has the value that its center lies in.

        Args:
            size: Height and width of the resized image, pixels.
        """
        if size == self.image_size:
            return self
        rows, columns = (
            nearest_pixels(*sides) for sides in zip(self.image_size, size, strict=True)
        )
        (x, y), (height, width) = self.origin, self.crop.shape
        top, bottom = np.searchsorted(rows, (y, y + height)).tolist()
        left, right = np.searchsorted(columns, (x, x + width)).tolist()
        crop = np.ascontiguousarray(self.crop[rows[top:bottom] - y][:, columns[left:right] - x])
        return Mask(crop=crop, origin=(left, top) if crop.size else (0, 0), image_size=size)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Masks:
    """N binary masks of one image.

    Attributes:
        crops: N bool arrays, each (h_i, w_i), the mask inside its own rectangle, which lies
            inside the image. Deferred crops are decoded when first read.
        origins: int32 (N, 2), pixels, `x, y` of the top-left pixel of each crop.
        image_size: Height and width of the image, pixels.
    """

    crops: Sequence[Crop]
    origins: NDArray[np.int32]
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        """Check and freeze the arrays; deferred crops are checked when they are decoded."""
        n = len(self.crops)
        object.__setattr__(self, "origins", read_only("origins", self.origins, "int32", f"{n} 2"))
        if not isinstance(self.crops, LazyCrops):
            named = enumerate(self.crops)
            crops = tuple(read_only(f"crops[{i}]", crop, "bool", "* *") for i, crop in named)
            object.__setattr__(self, "crops", crops)

    @classmethod
    def from_dense(cls, dense: NDArray[np.bool_]) -> Self:
        """Return the masks of a stack, each cropped to the pixels that it covers.

        Args:
            dense: bool (N, H, W).
        """
        crops: list[Crop] = []
        origins = np.zeros((len(dense), 2), dtype=np.int32)
        for i, mask in enumerate(dense):
            rows, cols = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            if len(rows) == 0:
                crops.append(np.zeros((0, 0), dtype=np.bool_))
                continue
            origins[i] = cols[0], rows[0]
            crops.append(mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].copy())
        height, width = dense.shape[1:]
        return cls(crops=tuple(crops), origins=origins, image_size=(height, width))

    def __len__(self) -> int:
        """Return N."""
        return len(self.crops)

    def __getitem__(self, index: int) -> Mask:
        """Return one mask."""
        x, y = self.origins[index].tolist()
        return Mask(crop=self.crops[index], origin=(x, y), image_size=self.image_size)

    def __iter__(self) -> Iterator[Mask]:
        """Yield the masks in order."""
        return (self[i] for i in range(len(self)))

    def dense(self) -> NDArray[np.bool_]:
        """Return the masks as a bool (N, H, W) stack."""
        stack = np.zeros((len(self), *self.image_size), dtype=np.bool_)
        for out, crop, (x, y) in zip(stack, self.crops, self.origins, strict=True):
            height, width = crop.shape
            out[y : y + height, x : x + width] = crop
        return stack

    def coverage(self) -> NDArray[np.bool_]:
        """Return which pixels are in one of the masks or in several, bool (H, W)."""
        covered = np.zeros(self.image_size, dtype=np.bool_)
        corners: list[list[int]] = self.origins.tolist()
        for crop, (x, y) in zip(self.crops, corners, strict=True):
            height, width = crop.shape
            covered[y : y + height, x : x + width] |= crop
        return covered

    def to_index_map(self, *, order: NDArray[np.intp] | None = None) -> NDArray[np.int32]:
        """Return which mask each pixel shows, int32 (H, W): k + 1 for mask k, 0 for none.

        Args:
            order: intp (M,), positions of the masks to show, from the lowest to the topmost;
                None for all of them, the first on top.
        """
        positions: list[int] = list(range(len(self)))[::-1] if order is None else order.tolist()
        index_map = np.zeros(self.image_size, dtype=np.int32)
        corners: list[list[int]] = self.origins.tolist()
        for i in positions:
            crop, (x, y) = self.crops[i], corners[i]
            height, width = crop.shape
            np.copyto(index_map[y : y + height, x : x + width], np.int32(i + 1), where=crop)
        return index_map

    def resize(self, size: tuple[int, int]) -> Self:
        """Return the masks at another size: each pixel has the value that its center lies in.

        Args:
            size: Height and width of the resized image, pixels.
        """
        if size == self.image_size:
            return self
        resized = [mask.resize(size) for mask in self]
        return type(self)(
            crops=tuple(mask.crop for mask in resized),
            origins=np.array([mask.origin for mask in resized], dtype=np.int32).reshape(-1, 2),
            image_size=size,
        )

    def areas(self) -> NDArray[np.int64]:
        """Return the number of pixels of each mask, int64 (N,)."""
        return np.array([np.count_nonzero(crop) for crop in self.crops], dtype=np.int64)

    def rectangles(self) -> NDArray[np.float32]:
        """Return the bounding boxes of the crops, float32 (N, 4), half-open, in pixels."""
        sizes = np.array([crop.shape[::-1] for crop in self.crops], dtype=np.int32).reshape(-1, 2)
        return np.hstack([self.origins, self.origins + sizes]).astype(np.float32)

    def region(self, index: int) -> LabelRegion | None:
        """Return what a mask is of an image of labels, or None where it is none.

        Args:
            index: Position of the mask.
        """
        return self.crops.region(index) if isinstance(self.crops, LazyCrops) else None

    def joined(self, others: Masks) -> Self:
        """Return these masks and after them others, without copying pixels.

        Args:
            others: Masks of the same image.

        Raises:
            ShapeError: Their image has another size.
        """
        if others.image_size != self.image_size:
            raise ShapeError(f"masks of {others.image_size} cannot join those of {self.image_size}")
        return type(self)(
            crops=_as_lazy(self.crops).joined(_as_lazy(others.crops)),
            origins=np.concatenate([self.origins, others.origins]),
            image_size=self.image_size,
        )

    def select(self, index: NDArray[np.intp]) -> Self:
        """Return some of the masks, without copying pixels.

        Args:
            index: intp (M,), positions of the masks to keep.
        """
        positions: list[int] = index.tolist()
        if isinstance(self.crops, LazyCrops):
            crops: Sequence[Crop] = self.crops.select(positions)
        else:
            crops = tuple(self.crops[i] for i in positions)
        return type(self)(crops=crops, origins=self.origins[index], image_size=self.image_size)


def _as_lazy(crops: Sequence[Crop]) -> LazyCrops:
    if isinstance(crops, LazyCrops):
        return crops
    return LazyCrops([partial(_given, crop) for crop in crops])


def _given(crop: Crop) -> Crop:
    return crop
