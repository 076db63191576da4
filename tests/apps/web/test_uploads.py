"""Pictures from strangers: read as `predict` reads them, or refused before they cost anything."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from tests.io.clips import patches
from tests.io.test_images import CASES, FORMATS, save
from urban_segmentor.apps.web import uploads
from urban_segmentor.apps.web.image_header import read_header
from urban_segmentor.apps.web.limits import UploadLimits
from urban_segmentor.apps.web.uploads import decode_upload, read_upload
from urban_segmentor.errors import SourceError, TooLargeError, UploadError
from urban_segmentor.io.images import read_image

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = UploadLimits()
KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WebP", "tif": "TIFF", "bmp": "BMP"}


def coded(suffix: str, image: Any = None, **options: object) -> bytes:  # noqa: ANN401
    """Return a picture as a file, of colored squares unless another is given."""
    out = io.BytesIO()
    source_image = image if isinstance(image, Pillow.Image) else Pillow.fromarray(patches((3, 5)))
    source_image.save(out, "JPEG" if suffix == "jpg" else KINDS[suffix], **options)
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return a part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int, height: int) -> bytes:
    """Return the first part of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def png(width: int, height: int, *, before: bytes = b"", data: bytes | None = None) -> bytes:
    """Return a black PNG, or one that says that it is one."""
    rows = zlib.compress(bytes((3 * width + 1) * height)) if data is None else data
    return (
        b"\x89PNG\r\n\x1a\n"
        + header(width, height)
        + before
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def tiff(
    *more: tuple[int, int, int, int], width: int = 8, height: int = 8, order: str = "<"
) -> bytes:
    """Return a grey TIFF; `more` are tag, type, count and value of further entries."""
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)]
    tags += [(262, 3, 1, 1), (273, 4, 1, 400), (277, 3, 1, 1), (278, 4, 1, height)]
    tags += [(279, 4, 1, 64), *more]
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(tags))
    head = start + b"".join(entry(tag, order) for tag in sorted(tags)) + bytes(4)
    return head.ljust(400, b"\0") + bytes(64)


def entry(tag: tuple[int, int, int, int], order: str) -> bytes:
    """Return an entry of a TIFF; short numbers stand on the left of their place."""
    value = struct.pack(f"{order}{'H' if tag[1] == 3 else 'I'}", tag[3])
    return struct.pack(f"{order}HHI", *tag[:3]) + value.ljust(4, b"\0")


def bmp(width: int, height: int) -> bytes:
    """Return a BMP with less in it than it says."""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + info + bytes(100)


def webp(width: int, height: int) -> bytes:
    """Return an animated WebP of that size with one small picture in it."""
    sizes = [(side - 1).to_bytes(3, "little") for side in (width, height, 4, 4)]
    small = coded("webp", Pillow.new("RGB", (4, 4)))[12:]
    frame = bytes(6) + sizes[2] + sizes[3] + bytes(4) + small
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + sizes[0] + sizes[1]
    body += b"ANIM" + struct.pack("<I", 6) + bytes(6) + b"ANMF" + struct.pack("<I", len(frame))
    return b"RIFF" + struct.pack("<I", len(body + frame)) + body + frame


def jpeg(width: int, height: int) -> bytes:
    """Return a JPEG that says that it has that size."""
    data = coded("jpg")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def layered(scans: int) -> bytes:
    """Return a progressive JPEG whose last layer comes again and again."""
    data = coded("jpg", progressive=True)
    first, last = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:last] + data[first:last] * scans + data[last:]


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


@given(
    suffix=st.sampled_from(FORMATS),
    mode=st.sampled_from(["L", "RGB"]),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    wide=st.booleans(),
    lossless=st.booleans(),
)
def test_headers_say_what_decoders_find(
    suffix: str, mode: str, size: tuple[int, int], *, wide: bool, lossless: bool
) -> None:
    """In all formats, of any size, and as Pillow and OpenCV write them."""
    size = (size[0] * 100, size[1]) if wide else size
    image = Pillow.new(mode, size, 77)
    data = coded(suffix, image, **({"lossless": lossless} if suffix == "webp" else {}))
    drawn = cv2.imencode(f".{suffix}", np.asarray(image))[1].tobytes()
    for one in (data, drawn):
        stated = read_header(one)
        assert stated is not None
        assert (stated.kind, stated.width, stated.height) == (KINDS[suffix], *size)
        assert decode_upload(one, limits=LIMITS).shape == (size[1], size[0], 3)


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


def interlace(image: np.ndarray) -> bytes:
    """Return a picture as an interlaced PNG, which neither Pillow nor OpenCV writes."""
    rows = bytearray()
    for top, left, down, right in (
        *((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4)),
        *((2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)),
    ):
        for row in image[top::down, left::right]:
            rows += b"\0" + row.tobytes()
    head = struct.pack(">IIBBBBB", image.shape[1], image.shape[0], 8, 2, 0, 0, 1)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_a_film_behind_a_image_does_no_harm() -> None:
    """Phones append one, in which any bytes may come, those of a layer among them."""
    data = coded("jpg")
    with_film = data + bytes(8) + b"\xff\xda\0\2" * 5000 + jpeg(60_000, 60_000)
    np.testing.assert_array_equal(
        decode_upload(with_film, limits=LIMITS), decode_upload(data, limits=LIMITS)
    )


def test_a_preview_in_a_image_is_not_the_image() -> None:
    """The size of what cameras put into the head does not count."""
    data, preview = coded("jpg"), coded("jpg", Pillow.new("RGB", (8, 8)))
    segment = b"Exif\0\0" + preview
    whole = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    stated = read_header(whole)
    assert stated is not None
    assert (stated.width, stated.height) == (80, 48)


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


@given(start=st.sampled_from([coded(suffix)[:16] for suffix in FORMATS]), rest=st.binary())
def test_headers_of_rubbish_are_rubbish(start: bytes, rest: bytes) -> None:
    """A header that is none is no crash."""
    with suppress(SourceError):
        stated = read_header(start[: 2 + len(rest) % 15] + rest)
        assert stated is None or min(stated.width, stated.height) >= 1
