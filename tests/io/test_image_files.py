"""Image files as a source of frames and as a sink of results."""

from pathlib import Path

import numpy as np
import pytest

from tests.io.clips import patches, result_of
from tests.io.test_atomic import HINT, largest_file, names
from urban_segmentor.errors import OutputError
from urban_segmentor.io.image_codec import read_image
from urban_segmentor.io.image_files import ImageReader, ImageWriter, write_image
from urban_segmentor.structures.frame import Frame, Yuv420


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
