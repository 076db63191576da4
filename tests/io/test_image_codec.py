"""Images of every kind come in upright and in color, go out in their own format, and are sized."""

import ast
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

import urban_segmentor
from tests.io.clips import patches
from tests.io.image_makers import KINDS, bmp, chunk, coded, header, jpeg, layered, png, tiff, webp
from urban_segmentor.errors import OutputError, SourceError
from urban_segmentor.io import image_codec
from urban_segmentor.io.image_codec import (
    decode_image,
    decode_label_image,
    encode_image,
    image_size,
    read_image,
)
from urban_segmentor.io.image_files import write_image
from urban_segmentor.io.image_header import is_cut_off, read_header

FORMATS = ["jpg", "png", "webp", "tif", "bmp"]
LOSSLESS = {"webp": {"lossless": True}, "jpg": {"quality": 95, "subsampling": 0}}
MODES = {
    "jpg": ["RGB", "L", "CMYK"],
    "png": ["RGB", "L", "RGBA", "LA", "P", "1"],
    "webp": ["RGB", "L", "RGBA"],
    "tif": ["RGB", "L", "RGBA", "LA", "CMYK", "P", "1"],
    "bmp": ["RGB", "L", "RGBA", "P", "1"],
}
JPEG_ENDS = b"\xff\xd9" * 4000
CASES = [(suffix, mode) for suffix, modes in MODES.items() for mode in modes]


def save(path: Path, image: Pillow.Image, **options: object) -> Path:
    """Write a picture with Pillow, without loss where the format can."""
    image.save(path, **(LOSSLESS.get(path.suffix[1:], {}) | options))
    return path


@pytest.mark.parametrize(("suffix", "mode"), CASES)
def test_every_kind_is_read_as_pillow_reads_it(tmp_path: Path, suffix: str, mode: str) -> None:
    """Grey, opaque or not, with a palette or for print."""
    image = Pillow.fromarray(patches()).convert(mode)
    path = save(tmp_path / f"a.{suffix}", image)
    with Pillow.open(path) as opened:
        wanted = np.asarray(opened.convert("RGB")).astype(int)
    got = read_image(path)
    assert got.dtype == np.uint8
    assert got.shape == wanted.shape
    assert image_size(path) == got.shape[:2]
    assert np.abs(got - wanted).max() <= (2 if suffix == "jpg" else 0)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_eight(tmp_path: Path, suffix: str, channels: int) -> None:
    """By dropping the lower ones."""
    values = np.random.default_rng(0).integers(0, 2**16, (20, 30, channels), dtype=np.uint16)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), values)
    wanted = np.broadcast_to(values[..., ::-1], (20, 30, 3)) / 257
    assert np.abs(read_image(tmp_path / f"a.{suffix}") - wanted).max() <= 1.01


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_exif_rotation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    """All eight, as Pillow does it."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    image = Pillow.fromarray(patches((3, 5)))
    path = save(tmp_path / f"a.{suffix}", image, exif=exif)
    with Pillow.open(path) as opened:
        wanted = np.asarray(ImageOps.exif_transpose(opened)).astype(int)
    got = read_image(path)
    assert got.shape == wanted.shape
    assert image_size(path) == got.shape[:2]
    assert np.abs(got - wanted).max() <= (2 if suffix == "jpg" else 0)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (10_000, 3), (3, 10_000)])
def test_what_is_written_reads_back(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    """From one pixel to ten thousand, without loss where the format can."""
    image = np.full((*size, 3), (200, 100, 50), dtype=np.uint8)
    path = tmp_path / f"a.{suffix}"
    write_image(path, image, overwrite=False)
    back = read_image(path).astype(int)
    assert back.shape == image.shape
    assert np.abs(back - image).max() <= (6 if suffix in {"jpg", "webp"} else 0)
    with Pillow.open(path) as opened:
        assert opened.format == {"jpg": "JPEG", "tif": "TIFF"}.get(suffix, suffix.upper())


@given(share=st.floats(0, 1, exclude_max=True), data=st.data())
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_image_that_is_cut_off_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, share: float, data: st.DataObject
) -> None:
    """Wherever it ends: decoders would fill the rest with grey."""
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    path = tmp_path_factory.getbasetemp() / f"cut.{suffix}"
    write_image(path, noise, overwrite=True)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    for read in (read_image, image_size):
        with pytest.raises(SourceError, match=r"is cut off|is damaged or no picture|is empty"):
            read(path)
    path.write_bytes(whole + data.draw(st.binary(max_size=50)))
    assert read_image(path).shape == noise.shape
    assert image_size(path) == (24, 32)


def test_a_preview_does_not_hide_that_the_image_is_cut_off(tmp_path: Path) -> None:
    """Cameras put a whole small JPEG into the head of the large one."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    preview = cv2.imencode(".jpg", noise[:16, :16])[1].tobytes()
    image = cv2.imencode(".jpg", noise)[1].tobytes()
    segment = b"Exif\0\0" + preview
    head = b"\xff\xd8\xff\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    path = tmp_path / "a.jpg"
    path.write_bytes(head + image[2:])
    assert read_image(path).shape == (64, 64, 3)
    path.write_bytes((head + image[2:])[:-500])
    for read in (read_image, image_size):
        with pytest.raises(SourceError, match="is cut off"):
            read(path)


def test_a_comment_does_not_look_like_the_end(tmp_path: Path) -> None:
    """Whatever stands in the head, in which there may be the bytes of the end."""
    whole = coded("jpg", comment=JPEG_ENDS)
    path = tmp_path / "a.jpg"
    for length in (200, 4000, 8020, len(whole) - 200, len(whole) - 3):
        path.write_bytes(whole[:length])
        for read in (read_image, image_size):
            with pytest.raises(SourceError, match=r"is cut off|is damaged or no picture"):
                read(path)
    path.write_bytes(whole)
    assert image_size(path) == read_image(path).shape[:2] == (48, 80)


def test_a_film_behind_a_image_does_no_harm(tmp_path: Path) -> None:
    """Phones append a second of video, longer than any tail one would look at."""
    for suffix in FORMATS:
        path = tmp_path / f"a.{suffix}"
        write_image(path, patches(), overwrite=False)
        path.write_bytes(path.read_bytes() + bytes(300_000))
        assert read_image(path).shape == patches().shape
        assert image_size(path) == patches().shape[:2]


@pytest.mark.parametrize("suffix", ["JPG", "Png", "TIFF", "jpeg"])
def test_suffixes_may_be_large(tmp_path: Path, suffix: str) -> None:
    """The content counts when reading, the suffix when writing."""
    path = tmp_path / f"ü [1] 道.{suffix}"
    write_image(path, patches(), overwrite=False)
    assert read_image(path).shape == patches().shape


def test_a_suffix_that_lies(tmp_path: Path) -> None:
    """A PNG that is called JPEG is read as what it is."""
    write_image(tmp_path / "a.png", patches(), overwrite=False)
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), patches())
    assert image_size(tmp_path / "a.jpg") == patches().shape[:2]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", r"is empty|no picture"),
        (b"Once upon a time", "no picture"),
        (b"\xff\xd8\xff", r"is cut off|no picture"),
        (b"\0\0\0\x1cftypavif" + bytes(300), "no picture"),
        (b"\0\0\0\x1cftypheic" + bytes(300), "no picture"),
        (bytes(5000), "no picture"),
        (b"BMW is a maker of cars", "no picture"),
    ],
)
def test_what_is_no_image(tmp_path: Path, content: bytes, error: str) -> None:
    """Each is named, with a hint; newer formats that phones write as JPEG are no images either."""
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    for read in (read_image, image_size):
        with pytest.raises(SourceError, match=error) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert caught.value.hint
        with pytest.raises(SourceError, match=r"cannot read `.*no\.jpg`: No such file"):
            read(tmp_path / "no.jpg")
        with pytest.raises(SourceError, match="cannot read"):
            read(tmp_path)
    assert not is_cut_off(b"text")


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
        stated = read_header(one, name="it")
        assert (stated.format, stated.size) == (KINDS[suffix], size[::-1])
        assert decode_image(one, name="it").shape[:2] == stated.size


def test_a_preview_in_a_image_is_not_the_image() -> None:
    """The size of what cameras put into the head does not count."""
    data, preview = coded("jpg"), coded("jpg", Pillow.new("RGB", (8, 8)))
    segment = b"Exif\0\0" + preview
    whole = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    assert read_header(whole, name="it").size == (48, 80)


@pytest.mark.parametrize("make", [png, tiff, bmp, webp, jpeg])
@pytest.mark.parametrize("size", [(50_000, 40_000), (9000, 1), (1, 9000)])
def test_a_huge_size_is_stated_and_nothing_decoded(
    make: Callable[..., bytes], size: tuple[int, int]
) -> None:
    """Without a warning, which Pillow would give of its own."""
    more = {"data": b""} if make is png else {}
    stated = read_header(make(width=size[0], height=size[1], **more), name="it")
    assert stated.size == size[::-1]


def test_a_size_beyond_all_reason_is_an_error() -> None:
    """OpenCV's own limit is told as any damage is."""
    with pytest.raises(SourceError, match=r"cannot be decoded|is damaged"):
        decode_image(png(2**31 - 1, 2**31 - 1, data=b""), name="it")


@pytest.mark.parametrize("size", [(0, 0), (0, 9), (9, 0)])
@pytest.mark.parametrize("make", [png, tiff, bmp, jpeg])
def test_no_pixels_are_no_image(make: Callable[..., bytes], size: tuple[int, int]) -> None:
    """A header that states none is damaged."""
    more = {"data": b""} if make is png else {}
    with pytest.raises(SourceError, match="is damaged or no picture"):
        read_header(make(width=size[0], height=size[1], **more), name="it")


def test_the_header_is_enough(tmp_path: Path) -> None:
    """What ends as it should is not decoded for its size; of other formats the end is not known."""
    for suffix in FORMATS:
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(coded(suffix))
        with patch.object(image_codec, "decode_image", side_effect=SourceError("decoded")):
            if suffix in {"jpg", "png"}:
                assert image_size(path) == (48, 80)
            else:
                with pytest.raises(SourceError, match="decoded"):
                    image_size(path)


def test_layers_do_not_change_the_size() -> None:
    """Progressive images, and those with a layer again and again."""
    for data in (coded("jpg", progressive=True), layered(200)):
        assert read_header(data, name="it").size == (48, 80)
        assert not is_cut_off(data)


def test_damaged_notes_leave_an_image_upright() -> None:
    """EXIF that is none says nothing of how the image is turned."""
    data = coded("jpg", exif=b"Exif\0\0MM" + bytes(range(40)))
    assert read_header(data, name="it").size == (48, 80)
    assert decode_image(data, name="it").shape == (48, 80, 3)


def test_a_second_header_counts_as_pillow_counts() -> None:
    """It never hides the larger size from who asks."""
    assert read_header(png(8, 8, before=header(300, 400)), name="it").size == (400, 300)
    fields = struct.pack(">IIIIIHHBB", 0, 60_000, 9, 0, 0, 1, 1, 0, 0)
    with pytest.raises(SourceError, match="is damaged"):  # a step of an animation, too wide
        read_header(png(8, 8, before=chunk(b"fcTL", fields)), name="it")


def test_tiles_are_stated() -> None:
    """They may be larger than the image; what is no number is damage."""
    assert read_header(tiff((322, 4, 1, 600), (323, 4, 1, 500)), name="it").tile_px == 300_000
    assert read_header(tiff(), name="it").tile_px == 0
    with pytest.raises(SourceError, match="is damaged"):
        read_header(tiff((322, 2, 9, 1), (323, 2, 9, 1)), name="it")


def test_labels_come_as_they_are_stored() -> None:
    """Values of 8 and 16 bits, and indices of a palette, not its colors."""
    rng = np.random.default_rng(0)
    for dtype, top in ((np.uint8, 256), (np.uint16, 2**16)):
        values = rng.integers(0, top, (20, 30), dtype=dtype)
        back = decode_label_image(encode_image(values, suffix=".png"), name="it")
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, values)
    values = rng.integers(0, 9, (20, 30), dtype=np.uint8)
    palette = Pillow.fromarray(values, "P")
    palette.putpalette(bytes(range(100, 127)))
    data = coded("png", palette)
    assert read_header(data, name="it").mode == "P"
    np.testing.assert_array_equal(decode_label_image(data, name="it"), values)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    turned = coded("png", Pillow.fromarray(values), exif=exif)
    np.testing.assert_array_equal(decode_label_image(turned, name="it"), np.rot90(values, -1))
    bits = decode_label_image(coded("png", Pillow.new("1", (4, 3), 1)), name="it")
    assert (bits.dtype, bits.shape, int(bits.sum())) == (np.uint8, (3, 4), 12)


@pytest.mark.parametrize("cut", [0, 1, 20, 40, 60, -1, -13])
def test_labels_that_are_cut_off_are_noticed(cut: int) -> None:
    """And so are other files."""
    data = encode_image(np.arange(600, dtype=np.uint16).reshape(20, 30), suffix=".png")
    with pytest.raises(SourceError, match=r"is empty|is cut off|is damaged") as caught:
        decode_label_image(data[:cut], name="it")
    assert caught.value.hint
    with pytest.raises(SourceError, match="is damaged"):
        decode_label_image(coded("bmp"), name="it")


def test_grey_opacity_and_depth_are_written() -> None:
    """As Pillow reads them; 16 bits where the format holds them."""
    image = patches()
    opaque = np.dstack([image, image[..., 0]])
    for values, mode in ((image[..., 0], "L"), (image, "RGB"), (opaque, "RGBA")):
        data = encode_image(values, suffix=".png")
        assert read_header(data, name="it").mode == mode
        np.testing.assert_array_equal(decode_label_image(data, name="it"), values)
    deep = image[..., 0].astype(np.uint16) * 257
    with pytest.raises(OutputError, match=r"`\.jpg` holds 8 bits, got uint16") as caught:
        encode_image(deep, suffix=".jpg")
    assert ".png" in (caught.value.hint or "")


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_the_quality_is_the_size(suffix: str) -> None:
    """More of it, more bytes; the usual one lies high."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    low, usual, high = (
        len(encode_image(noise, suffix=f".{suffix}", quality=q)) for q in (30, None, 99)
    )
    assert low < usual < high


@given(start=st.sampled_from([coded(suffix)[:16] for suffix in FORMATS]), rest=st.binary())
def test_headers_of_rubbish_are_rubbish(start: bytes, rest: bytes) -> None:
    """A header that is none is no crash."""
    with suppress(SourceError):
        stated = read_header(start[: 2 + len(rest) % 15] + rest, name="it")
        assert min(stated.size) >= 1


def test_stills_have_one_home() -> None:
    """Nothing else decodes or encodes one, whether with OpenCV or with Pillow."""
    package = Path(urban_segmentor.__file__).parent
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if is_codec_call(node)
    }
    assert found == {"io/image_codec.py", "io/image_header.py"}


def is_codec_call(node: ast.AST) -> bool:
    """Return whether code calls a codec of OpenCV, opens an image, or loads a reader of Pillow."""
    match node:
        case ast.Call(func=ast.Attribute(attr="imencode" | "imdecode" | "imread" | "imwrite")):
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="open" | "save")):
            return name in {"Image", "PilImage", "Pillow", "Drawing", "Picture"}
        case ast.ImportFrom(module=str(module)):
            return module.startswith("PIL.") and module.endswith("ImagePlugin")
    return False
