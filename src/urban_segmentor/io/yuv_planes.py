"""Conversion of decoded FFmpeg frames to upright YUV 4:2:0 planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import cv2
import numpy as np
from av.sidedata.sidedata import Type as SideDataType

from urban_segmentor.structures.frame import Yuv420

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import av
    from av.sidedata.sidedata import SideData
    from numpy.typing import NDArray

    from urban_segmentor.structures.color import ColorMatrix

_MATRICES: dict[int, ColorMatrix] = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}  # H.273
_SWS_SPACES: dict[ColorMatrix, int] = {"bt709": 1, "bt601": 5, "bt2020": 9}  # swscale's names
_LIMITED, _FULL = 1, 2  # H.273
_HD_LINES = 576  # players take a stream that says nothing for BT.601 up to this height
_NEUTRAL_CHROMA = 128  # chroma without color


class Orientation(NamedTuple):
    """Display orientation: how to make a decoded frame upright, transposed first, then mirrored."""

    transposed: bool = False
    left_right: bool = False
    up_down: bool = False


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Return the orientation that the display matrix of a frame asks for, in quarter turns.

    A frame that was asked for its side data holds itself, and its pixels, until Python collects
    cycles, so this is for few frames.

    Args:
        frame: As decoded.

    Source: ISO/IEC 14496-12, 8.3.2: `x' = a x + c y`, `y' = b x + d y`, rows `a b u`, `c d v`.
    """
    for data in cast("Iterable[SideData]", frame.side_data):
        if data.type == SideDataType.DISPLAYMATRIX:
            a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
            if abs(b) > abs(a):
                return Orientation(transposed=True, left_right=c < 0, up_down=b < 0)
            return Orientation(left_right=a < 0, up_down=d < 0)
    return Orientation()


def planes_of(frame: av.VideoFrame, orientation: Orientation) -> Yuv420:
    """Return the upright YUV 4:2:0 planes of a decoded frame, without copying where possible.

    Args:
        frame: Of any pixel format; more than 8 bits become 8, alpha is dropped.
        orientation: Its display orientation.
    """
    name = frame.format.name
    default: ColorMatrix = "bt601" if frame.height <= _HD_LINES else "bt709"
    matrix = _MATRICES.get(int(frame.colorspace), default)
    full_range = frame.color_range == _FULL or name.startswith("yuvj")
    colors = [part for part in frame.format.components if not part.is_alpha]
    if frame.format.is_rgb or frame.format.has_palette:
        planes, full_range = _from_rgb(frame, matrix), False
    elif len(colors) == 1:
        full_range = frame.color_range != _LIMITED  # grey that says nothing is taken so by FFmpeg
        planes = _from_grey(frame, full_range=full_range)
    else:
        if name not in {"yuv420p", "yuvj420p"}:
            frame = _in_420(frame, matrix, full_range=full_range)
        planes = _cropped(frame, range(3))
    if any(orientation):
        planes = [_oriented(plane, orientation) for plane in planes]
    y, u, v = planes
    return Yuv420(y=y, u=u, v=v, matrix=matrix, full_range=full_range)


def _from_rgb(frame: av.VideoFrame, matrix: ColorMatrix) -> list[NDArray[np.uint8]]:
    """Return the planes of an RGB frame; the range must be given, or RGB's full range is kept."""
    converted = frame.reformat(
        format="yuv420p",
        dst_colorspace=_SWS_SPACES[matrix],
        src_color_range=_FULL,
        dst_color_range=_LIMITED,
    )
    return _cropped(converted, range(3))


def _from_grey(frame: av.VideoFrame, *, full_range: bool) -> list[NDArray[np.uint8]]:
    """Return the planes of a frame without color; its values stay as they are."""
    if frame.format.name != "gray":
        same = _FULL if full_range else _LIMITED
        frame = frame.reformat(format="gray", src_color_range=same, dst_color_range=same)
    (y,) = _cropped(frame, range(1))
    height, width = y.shape
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), _NEUTRAL_CHROMA, dtype=np.uint8)
    return [y, chroma, chroma]


def _in_420(frame: av.VideoFrame, matrix: ColorMatrix, *, full_range: bool) -> av.VideoFrame:
    """Return a frame with 8 bits and half chroma, of the same matrix and range."""
    space, same = _SWS_SPACES[matrix], _FULL if full_range else _LIMITED
    return frame.reformat(
        format="yuv420p",
        src_colorspace=space,
        dst_colorspace=space,
        src_color_range=same,
        dst_color_range=same,
    )


def _cropped(frame: av.VideoFrame, clip_range: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Return planes without the row padding of decoders; they share the frame's memory."""
    half = ((frame.height + 1) // 2, (frame.width + 1) // 2)
    sizes = ((frame.height, frame.width), half, half)
    planes: list[NDArray[np.uint8]] = []
    for number in clip_range:
        plane, (height, width) = frame.planes[number], sizes[number]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        planes.append(rows[:height, :width])
    return planes


def _oriented(plane: NDArray[np.uint8], orientation: Orientation) -> NDArray[np.uint8]:
    oriented = cv2.transpose(plane) if orientation.transposed else plane
    if orientation.left_right:
        oriented = cv2.flip(oriented, 1)
    if orientation.up_down:
        oriented = cv2.flip(oriented, 0)
    return np.asarray(oriented, dtype=np.uint8)
