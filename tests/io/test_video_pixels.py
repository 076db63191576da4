"""Pixels of all formats, ranges and rotations come out as they went in."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.io.clips import (
    FPS,
    numbered_image,
    patch_colors,
    patches,
    read_clip,
    set_display_matrix,
    write_clip,
)
from urban_segmentor.structures.frame import Yuv420

PIXEL_FORMATS = [
    ("yuv420p", "ffv1"),
    ("yuv444p", "ffv1"),
    ("yuv422p", "ffv1"),
    ("yuv420p10le", "ffv1"),
    ("yuv422p10le", "ffv1"),
    ("yuva420p", "ffv1"),
    ("yuvj420p", "mjpeg"),
    ("yuvj422p", "mjpeg"),
    ("yuvj444p", "mjpeg"),
    ("nv12", "rawvideo"),
    ("rgb24", "rawvideo"),
    ("bgr0", "ffv1"),
    ("gbrp10le", "ffv1"),
    ("gbrp16le", "ffv1"),
]


@pytest.mark.parametrize(("pix_fmt", "codec"), PIXEL_FORMATS)
def test_pixel_formats(tmp_path: Path, pix_fmt: str, codec: str) -> None:
    """Colors come out as they went in."""
    image = patches()
    path = write_clip(
        tmp_path / ("clip.nut" if codec == "rawvideo" else "clip.mkv"),
        images=[image] * 2,
        codec=codec,
        pix_fmt=pix_fmt,
        options={"qmin": "1", "qmax": "1"} if codec == "mjpeg" else None,
    )
    frames, _ = read_clip(path)
    assert np.abs(patch_colors(frames[0].image) - patch_colors(image)).max() <= 4


@pytest.mark.parametrize("light", [0, 1, 2], ids=["unsaid", "limited", "full"])
@pytest.mark.parametrize(("pix_fmt", "bits"), [("gray", 8), ("gray10le", 10), ("gray16le", 16)])
def test_grey_stays_grey(tmp_path: Path, pix_fmt: str, bits: int, light: int) -> None:
    """As bright as it was, whichever range the stream says."""
    values = patches()[..., 0]
    deep = values if bits == 8 else values.astype(np.uint16) << (bits - 8)
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("ffv1", rate=FPS, options={"color_range": str(light)})
        stream.height, stream.width, stream.pix_fmt = *values.shape, pix_fmt
        frame = av.VideoFrame.from_ndarray(deep, format=pix_fmt)
        frame.color_range = light
        file.mux([*stream.encode(frame), *stream.encode(None)])
    (frame,), _ = read_clip(path)
    assert isinstance(frame.pixels, Yuv420)
    assert np.abs(frame.pixels.y.astype(int) - values).max() <= (bits > 8)
    assert (frame.pixels.u == 128).all()
    assert frame.pixels.full_range == (light != 1)


@pytest.mark.parametrize(("light", "full_range"), [(1, False), (2, True)])
@pytest.mark.parametrize(("code", "matrix"), [(1, "bt709"), (6, "bt601"), (9, "bt2020")])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_range_and_matrix(  # noqa: PLR0913, PLR0917
    tmp_path: Path,
    pix_fmt: str,
    code: int,
    matrix: str,
    light: int,
    full_range: bool,  # noqa: FBT001
) -> None:
    """The stream's word counts, and the values are the ones it is about."""
    image = patches()
    path = write_clip(
        tmp_path / "clip.mkv",
        images=[image],
        codec="ffv1",
        pix_fmt=pix_fmt,
        colors=(code, light),
    )
    (frame,), _ = read_clip(path)
    assert isinstance(frame.pixels, Yuv420)
    assert (frame.pixels.matrix, frame.pixels.full_range) == (matrix, full_range)
    truth = Yuv420.from_rgb(image, matrix=matrix, full_range=full_range)  # pyright: ignore[reportArgumentType]
    for plane in "yuv":
        mine, wanted = getattr(frame.pixels, plane), getattr(truth, plane)
        side = 16 if plane == "y" else 8
        inner = np.s_[side // 2 :: side, side // 2 :: side]
        assert np.abs(mine[inner].astype(int) - wanted[inner]).max() <= 2


@pytest.mark.parametrize(("height", "matrix"), [(480, "bt601"), (720, "bt709")])
def test_streams_that_name_no_matrix(tmp_path: Path, height: int, matrix: str) -> None:
    """Players go by the height."""
    image = numbered_image(9, (height, 32))
    path = write_clip(tmp_path / "clip.mp4", images=[image])
    (frame,), _ = read_clip(path)
    assert isinstance(frame.pixels, Yuv420)
    assert frame.pixels.matrix == matrix


TURNS = {  # a, b, c, d of x' = a x + c y, y' = b x + d y; y points down
    "none": ((1, 0, 0, 1), lambda image: image),
    "clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "half": ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "counterclockwise": ((0, -1, 1, 0), np.rot90),
    "left-right": ((-1, 0, 0, 1), np.fliplr),
    "up-down": ((1, 0, 0, -1), np.flipud),
    "transposed": ((0, 1, 1, 0), lambda image: image.transpose(1, 0, 2)),
    "transverse": ((0, -1, -1, 0), lambda image: np.rot90(image, 2).transpose(1, 0, 2)),
}


@pytest.mark.parametrize("turn", TURNS)
def test_rotated_video_comes_upright(tmp_path: Path, turn: str) -> None:
    """Phones write how they were held, and mirrors, instead of turning pixels."""
    matrix, expected = TURNS[turn]
    image = patches((4, 6))
    path = write_clip(
        tmp_path / "clip.mp4", images=[image], options={"crf": "1"}, aspect=Fraction(4, 3)
    )
    set_display_matrix(path, matrix)
    (frame,), source = read_clip(path)
    wanted = expected(image)
    assert frame.size == wanted.shape[:2]
    assert np.abs(patch_colors(frame.image) - patch_colors(wanted)).max() < 8
    assert source.aspect == (Fraction(4, 3) if matrix[0] else Fraction(3, 4))
