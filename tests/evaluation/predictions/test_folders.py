"""Folders in the layouts of the benchmark, and all that can be wrong with them."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.evaluation.predictions.results import SIZE, STEM, as_json, mask, png
from urban_segmentor.errors import PredictionError
from urban_segmentor.evaluation.predictions import open_predictions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

OTHER = "ulm_000000_000020"


def _texts(folder: Path, text: str) -> Path:
    """Write a text file with a mask beside it, and return the folder."""
    results = folder / "results"
    png(results / "masks" / "0.png", mask().astype(np.uint8))
    (results / f"{STEM}_pred.txt").write_text(text)
    return results


def _labels(folder: Path, *images: NDArray[Any]) -> Path:
    """Write pictures of labels and return the folder."""
    for i, pixels in enumerate(images):
        png(folder / "results" / f"ulm_000000_{i:06d}_pred.png", pixels)
    return folder / "results"


def _refused(folder: Path, message: str, *, stem: str = STEM) -> None:
    with pytest.raises(PredictionError, match=message) as refusal:
        open_predictions(folder).of(stem, size=SIZE)
    assert refusal.value.hint


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _claiming(width: int, height: int) -> bytes:
    """Return a small PNG that claims a size."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [_chunk(b"IHDR", head), _chunk(b"IDAT", pixels), _chunk(b"IEND", b"")]
    )


def test_a_text_file_means_what_it_says(tmp_path: Path) -> None:
    """Every pixel that is not black; label ids may be written as 26.0, lines may be empty."""
    saved = open_predictions(_texts(tmp_path, "masks/0.png 26.0 0.25\r\n\n"))
    found = saved.of(STEM, size=SIZE).instances

    assert saved.stems == {STEM}
    assert found is not None
    np.testing.assert_array_equal(found.masks.dense(), mask()[None])
    assert saved.class_names[found.class_ids[0]] == "car"
    assert found.scores.tolist() == [0.25]
    np.testing.assert_array_equal(found.boxes, found.masks.rectangles())


def test_an_empty_text_file_is_a_image_without_objects(tmp_path: Path) -> None:
    """It is not the same as a picture of which nothing is said."""
    folder = _texts(tmp_path, "")
    saved = open_predictions(folder)
    found = saved.of(STEM, size=SIZE).instances
    assert found is not None
    assert len(found) == 0
    _refused(folder, f"no text file of `{OTHER}`", stem=OTHER)


def test_stuff_is_kept_when_somebody_writes_it(tmp_path: Path) -> None:
    """The meters decide what counts."""
    text = "masks/0.png 26 0.25\nmasks/1.png 7 0.25\n"
    folder = _texts(tmp_path, text)
    png(folder / "masks" / "1.png", np.zeros(SIZE, dtype=np.uint8))

    saved = open_predictions(folder)

    assert saved.class_names[-1] == "road"
    assert len(saved.class_names) == 11
    assert saved.of(STEM, size=SIZE).instances is not None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("masks/0.png 26", "line 1 has 2 words, expected 3"),
        ("masks/0.png 26 0.5\n0 0.5 0.5 0.6 0.5 0.6", "line 2 has 6 words, expected 3"),
        ("masks/0.png car 0.5", "the label id 'car', expected a whole number"),
        ("masks/0.png 34 0.5", "the label id '34'"),
        ("masks/0.png -1 0.5", "the label id '-1'"),
        ("masks/0.png 26.5 0.5", "the label id '26.5'"),
        ("masks/0.png nan 0.5", "the label id 'nan'"),
        ("masks/0.png inf 0.5", "the label id 'inf'"),
        ("masks/0.png 26 high", "line 1: score is missing"),
        ("masks/0.png 26 nan", "line 1: score is nan"),
        ("masks/0.png 26 -1", "line 1: score is -1.0"),
        ("masks/0.png 26 1e999", "line 1: score is inf"),
        ("masks/0.png 26 0.5\nmasks/../masks/0.png 26 0.4", "line 2 names the mask .* of line 1"),
        ("masks/0.png 13 0.5", "no line .* is of a class with instances, but of fence"),
        ("../0.png 26 0.5", "which leads out of"),
        ("masks/../../0.png 26 0.5", "which leads out of"),
        ("../results-of-others/0.png 26 0.5", "which leads out of"),
        ("/etc/passwd 26 0.5", "which leads out of"),
        ("C:\\0.png 26 0.5", "which leads out of"),
        ("masks/\0.png 26 0.5", "which leads out of"),
        ("masks/9.png 26 0.5", "line 1: there is no file `.*9.png`"),
        ("masks 26 0.5", "line 1: there is no file"),
        (f"{STEM}_pred.txt 26 0.5", "line 1: .* is no PNG image"),
    ],
)
def test_every_line_is_checked(tmp_path: Path, text: str, message: str) -> None:
    """Words, ids, scores, and masks that lie outside or are none."""
    png(tmp_path / "0.png", mask().astype(np.uint8))
    png(tmp_path / "results-of-others" / "0.png", mask().astype(np.uint8))
    _refused(_texts(tmp_path, text), message)


def test_links_must_not_lead_out(tmp_path: Path) -> None:
    """Neither of a mask, nor of the text file, nor of a folder, nor in a circle."""
    outside = png(tmp_path / "0.png", mask().astype(np.uint8))
    folder = _texts(tmp_path, "masks/1.png 26 0.5")
    link = folder / "masks" / "1.png"
    link.symlink_to(outside)
    _refused(folder, "leads out of")
    link.unlink()
    link.symlink_to(link)
    _refused(folder, "leads out of|no file")
    link.unlink()
    link.symlink_to(folder / "masks" / "0.png")
    assert open_predictions(folder).of(STEM, size=SIZE).instances is not None

    (folder / "up").symlink_to(folder)
    assert open_predictions(folder).stems == {STEM}

    (tmp_path / "text").write_text("")
    (folder / f"{OTHER}.txt").symlink_to(tmp_path / "text")
    _refused(folder, "leads out of")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"GIF89a" + bytes(50), "is no PNG image"),
        (_claiming(60, 40), "is damaged"),
        (_claiming(60, 40)[:40], "is damaged"),
        (_claiming(0, 40), "is damaged or no picture"),
        (_claiming(30_000, 30_000), "has 30000 x 30000 pixels, the ground truth 60 x 40"),
        (_claiming(60, 40) + bytes(2**21), "more than 1070176 bytes"),
    ],
)
def test_masks_are_checked_before_they_are_decoded(
    tmp_path: Path, data: bytes, message: str
) -> None:
    """Damaged ones, and those that claim to be, or are, too large."""
    folder = _texts(tmp_path, "masks/0.png 26 0.5")
    (folder / "masks" / "0.png").write_bytes(data)
    _refused(folder, f"line 1: .*{message}")


def test_two_files_of_a_frame_are_refused(tmp_path: Path) -> None:
    """As the official script refuses them."""
    folder = _texts(tmp_path, "")
    (folder / "more").mkdir()
    (folder / "more" / f"{STEM}.txt").write_text("")
    _refused(folder, f"two files of `{STEM}`")


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    """With a word on what may be meant."""
    _refused(tmp_path, "no text file and no PNG picture of a Cityscapes frame")
    (tmp_path / "README.txt").write_text("as the benchmark wants it")
    png(tmp_path / "plot.png", np.zeros(SIZE, dtype=np.uint8))
    as_json(tmp_path / "coco.json", {})
    with pytest.raises(PredictionError) as refusal:
        open_predictions(tmp_path)
    assert refusal.value.hint == f"did you mean `{tmp_path / 'coco.json'}`?"


def test_images_of_label_ids_mean_what_they_show(tmp_path: Path) -> None:
    """One value a pixel."""
    labels = np.full(SIZE, 7, dtype=np.uint8)
    labels[:20] = 23
    saved = open_predictions(_labels(tmp_path, labels, labels))
    found = saved.of("ulm_000000_000001", size=SIZE)

    assert saved.stems == {"ulm_000000_000000", "ulm_000000_000001"}
    np.testing.assert_array_equal(found.label_ids, labels)


def _filled(*values: int) -> NDArray[np.uint8]:
    return np.resize(np.array(values, dtype=np.uint8), SIZE)


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (_filled(*range(19), 255), "holds train ids: its values are 0 to 18 and 255"),
        (_filled(0, 1, 2, 8, 10, 13), "seem to hold train ids"),
        (_filled(7, 34), "has the value 34, label ids are 0 to 33"),
        (_filled(7, 26, 255), "has the value 255, label ids are 0 to 33"),
        (np.zeros((*SIZE, 3), dtype=np.uint8), "no 8-bit grey picture of label ids, but colored"),
        (np.zeros(SIZE, dtype=np.uint16), "no 8-bit grey picture of label ids, but 16-bit"),
        (np.full((20, 30), 7, dtype=np.uint8), "30 x 20 pixels, the ground truth 60 x 40"),
    ],
)
def test_images_that_are_no_label_ids_are_refused(
    tmp_path: Path, pixels: NDArray[Any], message: str
) -> None:
    """Train ids above all, which would be scored as something else."""
    _refused(_labels(tmp_path, pixels), message, stem="ulm_000000_000000")


def test_some_images_may_have_small_values(tmp_path: Path) -> None:
    """A copy of ground truth may show static things and roads only, in some of its pictures."""
    folder = _labels(tmp_path, _filled(4, 7), _filled(7, 23, 26))
    assert open_predictions(folder).of("ulm_000000_000000", size=SIZE).label_ids is not None


def test_every_image_is_checked_when_it_is_read(tmp_path: Path) -> None:
    """Not only those that are looked at when the folder is opened."""
    images = [_filled(7, 23)] * 30
    images[28] = _filled(1, 2, 255)
    folder = _labels(tmp_path, *images)
    _refused(folder, "ulm_000000_000028.* holds train ids", stem="ulm_000000_000028")
    _refused(folder, "has no picture of `a_000000_000000`", stem="a_000000_000000")
    (folder / "ulm_000000_000000_pred.png").write_bytes(_claiming(30_000, 30_000))
    _refused(folder, "claims 30000 x 30000 pixels", stem="ulm_000000_000000")
