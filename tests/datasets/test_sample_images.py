"""Pictures: their sizes without decoding, what is cut off, and how they are placed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from urban_segmentor.datasets.sample_images import (
    place_image,
    read_sample_image,
    same_shape,
    sample_image_size,
)
from urban_segmentor.errors import DatasetError, OutputError
from urban_segmentor.io.image_codec import encode_image

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = np.random.default_rng(0).integers(0, 256, (37, 61, 3), dtype=np.uint8)
PNG = encode_image(PIXELS, suffix=".png")


def test_what_is_wrong_is_an_error_of_the_data_set(tmp_path: Path) -> None:
    """With a hint that says where a whole file comes from."""
    path = tmp_path / "a.png"
    for read in (read_sample_image, sample_image_size):
        with pytest.raises(DatasetError, match=r"cannot read `.*a\.png`: No such file"):
            read(path)
    path.write_bytes(PNG[:-3])
    for read in (read_sample_image, sample_image_size):
        with pytest.raises(DatasetError, match="is cut off: its end is missing") as caught:
            read(path)
        assert "unpack the archive again" in (caught.value.hint or "")
    path.write_bytes(PNG)
    assert sample_image_size(path) == read_sample_image(path).shape[:2] == (37, 61)


def test_placing(tmp_path: Path) -> None:
    """Links lead to the file from anywhere; copies are the same bytes; resized ones are smaller."""
    source = tmp_path / "a.png"
    source.write_bytes(PNG)
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
    assert target.read_bytes() == PNG
    with pytest.raises(OutputError, match="exists already"):
        place(overwrite=False)
    assert place() == (37, 61)
    assert target.is_symlink()
    assert place(placement="copy") == (37, 61)
    assert not target.is_symlink()
    assert target.read_bytes() == source.read_bytes() == PNG
    assert place() == (37, 61)
    assert place(imgsz=30) == (18, 30)
    assert not target.is_symlink()
    assert source.read_bytes() == PNG
    assert read_sample_image(target).shape == (18, 30, 3)
    assert place(imgsz=(50, 20)) == (50, 20)
    assert [path.name for path in target.parent.iterdir()] == ["b.png"]


def test_a_picture_that_is_not_there_is_not_placed(tmp_path: Path) -> None:
    """However it should be: nothing is left where it should go."""
    for placement, imgsz in (("link", None), ("copy", None), ("copy", 30)):
        with pytest.raises(DatasetError, match=r"gone\.png`.*No such file") as caught:
            place_image(
                tmp_path / "gone.png",
                tmp_path / "b.png",
                placement=placement,
                imgsz=imgsz,
                overwrite=True,
            )
        assert "check that the file is there" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


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
