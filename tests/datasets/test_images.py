"""Pictures: their sizes without decoding, what is cut off, and how they are placed."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from urban_segmentor.datasets.image_header import is_cut_off, jpeg_size, png_size
from urban_segmentor.datasets.images import image_size, place_image, read_image, same_shape
from urban_segmentor.errors import DatasetError, OutputError

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.random.default_rng(0).integers(0, 256, (37, 61, 3), dtype=np.uint8)


def encoded(kind: str, **options: object) -> bytes:
    """Return a picture of 61 x 37 pixels as a file."""
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, kind, **options)
    return data.getvalue()


FILES = {
    "a.png": encoded("PNG"),
    "a.jpg": encoded("JPEG"),
    "progressive.jpg": encoded("JPEG", progressive=True),
    "comment.jpeg": encoded("JPEG", comment=b"\xff\xd9" * 4000),
    "grey.png": encoded("PNG", pnginfo=None, compress_level=0),
}


@pytest.mark.parametrize("name", FILES)
def test_sizes(tmp_path: Path, name: str) -> None:
    """From the head, which is short of the data; after a long head all of the file is read."""
    path = tmp_path / name
    path.write_bytes(FILES[name])
    assert image_size(path) == (37, 61)
    assert read_image(path).shape == (37, 61, 3)
    known = png_size(FILES[name]) or jpeg_size(FILES[name])
    assert known == (37, 61)


def test_images_that_are_to_be_turned(tmp_path: Path) -> None:
    """Sizes are those that decoders, and so training, hand out."""
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("JPEG", exif=exif))
    assert jpeg_size(path.read_bytes()) is None
    assert image_size(path) == read_image(path).shape[:2] == (61, 37)


@pytest.mark.parametrize("name", FILES)
def test_what_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    """Wherever that is, by both ways of reading; decoders alone would fill it up with grey."""
    whole = FILES[name]
    path = tmp_path / name
    for length in [0, 1, 8, 20, 200, len(whole) // 3, len(whole) // 2, len(whole) - 3]:
        path.write_bytes(whole[:length])
        for read in (read_image, image_size):
            with pytest.raises(DatasetError, match=r"cut off|no picture") as caught:
                read(path)
            assert caught.value.hint
    assert not is_cut_off(whole)
    assert not is_cut_off(b"text")


def test_garbage_behind_the_end(tmp_path: Path) -> None:
    """Some cameras pad their files."""
    path = tmp_path / "a.jpg"
    path.write_bytes(FILES["a.jpg"] + b"\0" * 5000)
    assert image_size(path) == (37, 61)


def test_no_images(tmp_path: Path) -> None:
    """Neither is there, nor a file, nor a picture, nor of a size that there can be."""
    path = tmp_path / "a.png"
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        image_size(path)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_image(tmp_path)
    huge = bytearray(FILES["a.png"])
    huge[16:24] = b"\x7f\xff\xff\xff" * 2
    path.write_bytes(huge)
    with pytest.raises(DatasetError, match="no picture that can be decoded"):
        read_image(path)


def test_placing(tmp_path: Path) -> None:
    """Links lead to the file from anywhere; copies are the same bytes; resized ones are smaller."""
    source = tmp_path / "a.png"
    source.write_bytes(FILES["a.png"])
    target = tmp_path / "out" / "b.png"

    def place(**options: object) -> tuple[int, int]:
        rest: dict[str, Any] = {"placement": "link", "imgsz": None, "overwrite": True}
        return place_image(source, target, **(rest | options))

    before = os.getcwd()  # noqa: PTH109
    os.chdir(tmp_path)
    try:
        assert place_image(
            type(source)("a.png"), target, placement="link", imgsz=None, overwrite=False
        ) == (37, 61)
    finally:
        os.chdir(before)
    assert target.readlink().is_absolute()
    assert target.read_bytes() == FILES["a.png"]
    with pytest.raises(OutputError, match="exists already"):
        place(overwrite=False)
    assert place() == (37, 61)
    assert target.is_symlink()
    assert place(placement="copy") == (37, 61)
    assert not target.is_symlink()
    assert target.read_bytes() == source.read_bytes() == FILES["a.png"]
    assert place() == (37, 61)
    assert place(imgsz=30) == (18, 30)
    assert not target.is_symlink()
    assert source.read_bytes() == FILES["a.png"]
    assert read_image(target).shape == (18, 30, 3)
    assert place(imgsz=(50, 20)) == (50, 20)
    assert [path.name for path in target.parent.iterdir()] == ["b.png"]


def test_resized_images_are_means(tmp_path: Path) -> None:
    """Halved, each pixel is the mean of four; nothing shifts."""
    source = tmp_path / "a.png"
    assert cv2.imwrite(str(source), PIXELS[:36, :60])
    place_image(source, tmp_path / "b.png", placement="link", imgsz=30, overwrite=False)
    mean = PIXELS[:36, :60].reshape(18, 2, 30, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(cv2.imread(str(tmp_path / "b.png")), mean, atol=1)


def test_shapes() -> None:
    """The same but for rounding to whole pixels."""
    assert same_shape((384, 768), (1024, 2048))
    assert same_shape((33, 65), (1024, 2048))
    assert not same_shape((640, 640), (1024, 2048))
    assert not same_shape((1024, 2000), (1024, 2048))
