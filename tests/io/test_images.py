"""Pictures of every kind come in upright and in color, and go out in their own format."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from tests.io.clips import patches, result_of
from tests.io.test_atomic import HINT, largest_file, names
from urban_segmentor.errors import OutputError, SourceError
from urban_segmentor.io.images import ImageReader, ImageWriter, read_image, write_image
from urban_segmentor.structures.frame import Frame, Yuv420

FORMATS = ["jpg", "png", "webp", "tif", "bmp"]
LOSSLESS = {"webp": {"lossless": True}, "jpg": {"quality": 95, "subsampling": 0}}
MODES = {
    "jpg": ["RGB", "L", "CMYK"],
    "png": ["RGB", "L", "RGBA", "LA", "P", "1"],
    "webp": ["RGB", "L", "RGBA"],
    "tif": ["RGB", "L", "RGBA", "LA", "CMYK", "P", "1"],
    "bmp": ["RGB", "L", "RGBA", "P", "1"],
}
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
    with pytest.raises(SourceError, match=r"is cut off|is damaged or no picture|is empty"):
        read_image(path)
    path.write_bytes(whole + data.draw(st.binary(max_size=50)))
    assert read_image(path).shape == noise.shape


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
    with pytest.raises(SourceError, match="is cut off"):
        read_image(path)


def test_a_film_behind_a_image_does_no_harm(tmp_path: Path) -> None:
    """Phones append a second of video, longer than any tail one would look at."""
    for suffix in FORMATS:
        path = tmp_path / f"a.{suffix}"
        write_image(path, patches(), overwrite=False)
        path.write_bytes(path.read_bytes() + bytes(300_000))
        assert read_image(path).shape == patches().shape


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


@pytest.mark.parametrize(
    ("content", "error"),
    [(b"", "is empty"), (b"Once upon a time", "no picture"), (b"\xff\xd8\xff", "is cut off")],
)
def test_what_is_no_image(tmp_path: Path, content: bytes, error: str) -> None:
    """Each is named, with a hint."""
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=error) as caught:
        read_image(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    with pytest.raises(SourceError, match="No such file"):
        read_image(tmp_path / "no.jpg")


def test_a_source_goes_on_after_what_it_cannot_read(tmp_path: Path) -> None:
    """Positions keep the gap."""
    for name in ("a.png", "c.png"):
        write_image(tmp_path / name, patches(), overwrite=False)
    (tmp_path / "b.png").write_bytes(b"broken")
    source = ImageReader([(tmp_path / f"{name}.png", name) for name in "abc"])
    frames = list(source)
    source.close()
    assert len(source) == 3
    assert [(frame.index, frame.name) for frame in frames] == [(0, "a"), (2, "c")]
    assert frames[0].source == str(tmp_path / "a.png")
    (problem,) = source.problems
    assert "b.png` is damaged or no picture" in problem


@pytest.mark.parametrize(
    ("source", "target"),
    [("in/x.JPG", "x.jpg"), ("in/x.webp", "x.webp"), ("in/x.gif", "x.png"), ("in/x", "x.png")],
)
def test_a_sink_keeps_the_format(tmp_path: Path, source: str, target: str) -> None:
    """What cannot be written becomes PNG; planes become RGB."""
    sink = ImageWriter(tmp_path, overwrite=False)
    pixels = Yuv420.from_rgb(patches())
    sink.write(result_of(Frame(pixels=pixels, source=source, name="x")))
    sink.close()
    assert sink.written == tmp_path / target
    assert (
        np.abs(
            read_image(tmp_path / target)[4::16, 4::16] - patches()[4::16, 4::16].astype(int)
        ).mean()
        < 20
    )


def test_existing_images_are_kept(tmp_path: Path) -> None:
    """Unless they may be overwritten; a source never is."""
    (tmp_path / "x.png").write_bytes(b"old")
    (tmp_path / "y.png").symlink_to(tmp_path / "source.png")
    (tmp_path / "source.png").write_bytes(b"source")
    frame = Frame(pixels=patches(), source="in/x.png", name="x")
    with pytest.raises(OutputError, match=r"x\.png` exists already") as caught:
        ImageWriter(tmp_path, overwrite=False).write(result_of(frame))
    assert caught.value.hint == HINT
    assert (tmp_path / "x.png").read_bytes() == b"old"
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.png").write_bytes(b"other")
    frame = Frame(pixels=patches(), source=str(tmp_path / "in" / "x.png"), name="x")
    ImageWriter(tmp_path, overwrite=True).write(result_of(frame))
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), patches())
    with pytest.raises(OutputError, match="would replace its own source"):
        ImageWriter(tmp_path, overwrite=True).target(str(tmp_path / "source.png"), "y")


def test_a_image_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    """Neither in its place nor beside it."""
    with largest_file(100), pytest.raises(OutputError, match=r"cannot write `.*a\.png`"):
        write_image(tmp_path / "a.png", patches(), overwrite=False)
    assert names(tmp_path) == []
    with pytest.raises(OutputError, match=r"as `\.xyz`") as caught:
        write_image(tmp_path / "a.xyz", patches(), overwrite=False)
    assert ".png" in (caught.value.hint or "")
