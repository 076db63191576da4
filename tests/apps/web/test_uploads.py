"""Pictures from strangers: read as `predict` reads them, or refused before they cost anything."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from tests.io.clips import patches
from tests.io.image_makers import (
    bmp,
    chunk,
    coded,
    header,
    interlace,
    jpeg,
    layered,
    png,
    tiff,
    webp,
)
from tests.io.test_image_codec import CASES, FORMATS, save
from urban_segmentor.apps.web import uploads
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.uploads import decode_upload, read_upload
from urban_segmentor.errors import TooLargeError, UploadError
from urban_segmentor.io.image_codec import read_image

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = UploadLimits()


def hinted(data: bytes, limits: UploadLimits = LIMITS) -> str:
    """Return why it is refused; there is a hint, and no word of a decoder or a place."""
    with pytest.raises(UploadError) as refusal:
        decode_upload(data, limits=limits)
    assert refusal.value.hint
    said = f"{refusal.value} {refusal.value.hint}"
    assert not [word for word in ("OpenCV", "cv2", "lib", ".cpp", "/") if word in said]
    assert refusal.value.__cause__ is None
    return str(refusal.value)


@pytest.mark.parametrize(("suffix", "mode"), CASES)
def test_every_kind_is_read_as_predict_reads_it(tmp_path: Path, suffix: str, mode: str) -> None:
    """To the last bit, and whatever it is called."""
    path = save(tmp_path / f"a.{suffix}", Pillow.fromarray(patches()).convert(mode))
    wanted = read_image(path)
    np.testing.assert_array_equal(decode_upload(path.read_bytes(), limits=LIMITS), wanted)
    lying = path.rename(tmp_path / "page.html")
    np.testing.assert_array_equal(read_upload(lying, limits=LIMITS), wanted)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_turned_images_come_upright(suffix: str) -> None:
    """As EXIF says."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned = decode_upload(coded(suffix, exif=exif), limits=LIMITS)
    assert turned.shape == (80, 48, 3)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_read(suffix: str) -> None:
    """With four channels, too, which is the most that there is."""
    values = np.full((4, 6, 4), 0xC000, dtype=np.uint16)
    image = decode_upload(cv2.imencode(f".{suffix}", values)[1].tobytes(), limits=LIMITS)
    assert image.shape == (4, 6, 3)
    assert np.abs(image.astype(int) - 0xC0).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 8000), (8000, 3)])
@pytest.mark.parametrize("suffix", FORMATS)
def test_odd_shapes_are_taken(suffix: str, size: tuple[int, int]) -> None:
    """From one pixel to a thread."""
    image = decode_upload(coded(suffix, Pillow.new("RGB", size)), limits=LIMITS)
    assert image.shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    "data",
    [
        b"<!doctype html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"%PDF-1.7\n",
        b"GIF89a\1\0\1\0\0\0\0;",
        b"v/1\1\2\0\0\0",
        b"#?RADIANCE\n\n-Y 1 +X 1\n",
        b"P6\n1 1\n255\nabc",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"RIFF\x10\0\0\0AVI LIST",
        b"II+\0\x08\0\0\0",
        b"\0",
    ],
)
def test_what_is_no_image_is_told_apart_by_its_bytes(data: bytes) -> None:
    """Though OpenCV could read some of them."""
    assert hinted(data) == "this is no picture that can be read here: JPEG, PNG, WebP, TIFF or BMP"


def test_nothing_is_no_image() -> None:
    """An empty file is called so."""
    assert hinted(b"") == "the file is empty"


@pytest.mark.parametrize(
    "make",
    [partial(png, data=b""), tiff, bmp, webp, jpeg],
    ids=["png", "tiff", "bmp", "webp", "jpeg"],
)
@pytest.mark.parametrize("size", [(50_000, 50_000), (9000, 1), (1, 9000), (6001, 6001)])
def test_bombs_are_refused_unopened(
    make: Callable[..., bytes], size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few bytes that say that they are a huge picture never reach a decoder."""
    monkeypatch.setattr(uploads, "decode_image", lambda *_, **__: pytest.fail("it was opened"))
    width, height = size
    data = make(width=width, height=height)
    with pytest.raises(TooLargeError, match=f"{width} x {height} pixels") as refusal:
        decode_upload(data, limits=LIMITS)
    assert LIMITS.image_text in (refusal.value.hint or "")


BUSY: dict[str, Callable[[], bytes]] = {
    "second header": lambda: png(8, 8, before=header(30_000, 30_000)),
    "header behind the pixels": lambda: (
        png(8, 8)[:-12] + header(30_000, 30_000) + chunk(b"IEND", b"")
    ),
    "notes": lambda: png(
        8, 8, before=chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(99_999))) * 101
    ),
    "tail": lambda: png(8, 8, data=zlib.compress(bytes(300_000_000), 1)),
    "parts": lambda: png(8, 8, before=chunk(b"tEXt", b"") * 100_000),
    "animation": lambda: png(
        8, 8, before=chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 60_000, 9, 0, 0, 1, 1, 0, 0))
    ),
    "tile": lambda: tiff((322, 4, 1, 60_000), (323, 4, 1, 60_000)),
    "tile in words": lambda: tiff((322, 2, 9, 1), (323, 2, 9, 1)),
    "two tiles": lambda: tiff((322, 4, 2, 1), (323, 4, 2, 1)),
    "two widths": lambda: tiff((256, 4, 1, 60_000)),
    "profiles": lambda: png(
        8, 8, before=chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(999_999))) * 5000
    ),
    "depth": lambda: tiff((258, 3, 60_000, 1)),
    "channels": lambda: tiff((277, 3, 1, 60_000)),
    "layers": lambda: layered(200),
    "segments": lambda: b"\xff\xd8\xff" + b"\xfe\0\2\xff" * 10_000 + coded("jpg")[3:],
    "no PNG": lambda: png(0, 0, data=b""),
    "no TIFF": lambda: tiff(width=0),
    "no BMP": lambda: bmp(0, 9),
    "no JPEG": lambda: jpeg(9, 0),
}


@pytest.mark.parametrize("name", BUSY)
def test_busy_work_is_refused_unopened(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Second headers, endless layers, notes and tails, and tiles larger than the picture."""
    monkeypatch.setattr(uploads, "decode_image", lambda *_, **__: pytest.fail("it was opened"))
    assert hinted(BUSY[name]())


def test_a_large_png_is_unpacked_in_full() -> None:
    """What is looked through for a tail has none, whether its rows are interlaced or not."""
    noise = np.random.default_rng(0).integers(0, 256, (600, 701, 3), dtype=np.uint8)
    plain = coded("png", Pillow.fromarray(noise))
    assert len(plain) > 1_200_000
    np.testing.assert_array_equal(decode_upload(plain, limits=LIMITS), noise)
    interlaced = interlace(noise)
    np.testing.assert_array_equal(decode_upload(interlaced, limits=LIMITS), noise)


def test_a_film_behind_a_image_does_no_harm() -> None:
    """Phones append one, in which any bytes may come, those of a layer among them."""
    data = coded("jpg")
    with_film = data + bytes(8) + b"\xff\xda\0\2" * 5000 + jpeg(60_000, 60_000)
    np.testing.assert_array_equal(
        decode_upload(with_film, limits=LIMITS), decode_upload(data, limits=LIMITS)
    )


def test_layers_as_cameras_make_them_are_taken() -> None:
    """Progressive pictures are usual."""
    assert decode_upload(coded("jpg", progressive=True), limits=LIMITS).shape == (48, 80, 3)


def test_the_first_page_counts() -> None:
    """Of a TIFF with several."""
    pages = [Pillow.new("RGB", size, color) for size, color in (((5, 4), 7), ((9, 9), 8))]
    data = coded("tif", pages[0], save_all=True, append_images=pages[1:])
    assert decode_upload(data, limits=LIMITS).shape == (4, 5, 3)


def test_a_tiff_may_have_its_bytes_in_either_order() -> None:
    """Both are read, and both are refused when they are too large."""
    for order in "<>":
        assert decode_upload(tiff(order=order), limits=LIMITS).shape == (8, 8, 3)
        assert "9000 x 8 pixels" in hinted(tiff(width=9000, order=order))


def test_large_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their size is enough."""
    path = tmp_path / "secret name.png"
    path.write_bytes(coded("png") + bytes(10_000))
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(TooLargeError, match="the picture has 0 MB") as refusal:
        read_upload(path, limits=UploadLimits(image_bytes=10_000))
    assert "secret" not in f"{refusal.value}{refusal.value.hint}"
    monkeypatch.undo()
    assert read_upload(path, limits=LIMITS).shape == (48, 80, 3)


@pytest.mark.parametrize("name", ["nothing.png", "folder"])
def test_files_that_are_gone_are_called_so(tmp_path: Path, name: str) -> None:
    """Without their names, and whatever stands in their place."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(UploadError, match="the picture is gone") as refusal:
        read_upload(tmp_path / name, limits=LIMITS)
    assert name not in f"{refusal.value}{refusal.value.hint}"


@given(
    suffix=st.sampled_from(FORMATS),
    progressive=st.booleans(),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
    share=st.floats(0, 1),
)
def test_damage_is_refused_or_harmless(
    suffix: str, changes: list[tuple[int, int]], share: float, *, progressive: bool
) -> None:
    """Whatever bytes are wrong, there is a sentence, or a picture within the limits."""
    options = {"progressive": progressive, "lossless": progressive}
    known = {"jpg": {"progressive"}, "webp": {"lossless"}}.get(suffix, set())
    data = bytearray(coded(suffix, **{name: options[name] for name in known}))
    for at, value in changes:
        data[at % len(data)] = value
    if share > 0.5:
        data = data[: int(len(data) * share)]
    small = UploadLimits(image_pixels=1_000_000)
    with suppress(UploadError):
        image = decode_upload(bytes(data), limits=small)
        assert image.dtype == np.uint8
        assert image.shape[0] * image.shape[1] <= small.image_pixels
