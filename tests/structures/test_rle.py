"""Run lengths agree with pycocotools byte for byte, both ways, and refuse what is none."""

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from tests.strategies import masks
from urban_segmentor.errors import ShapeError
from urban_segmentor.structures.masks import Masks
from urban_segmentor.structures.rle import Rle, decode_rle, encode_rle, rle_areas


def _official(found: Masks) -> list[str]:
    """Return the strings of pycocotools."""
    encoded = [
        cast("Any", coco_mask.encode(np.asfortranarray(mask.view(np.uint8))))
        for mask in found.dense()
    ]
    return [rle["counts"].decode() for rle in encoded]


@given(masks())
def test_strings_equal_those_of_pycocotools(found: Masks) -> None:
    """Crops with and without borders, at edges, empty and full give the official bytes."""
    rles = encode_rle(found)
    assert [rle["counts"] for rle in rles] == _official(found)
    assert all(rle["size"] == list(found.image_size) for rle in rles)


@given(masks())
def test_decoding_gives_the_mask_back(found: Masks) -> None:
    """Pixels are the same, crops are tight, and areas agree."""
    rles = encode_rle(found)
    back = decode_rle(rles, image_size=found.image_size)
    np.testing.assert_array_equal(back.dense(), found.dense())
    tight = Masks.from_dense(found.dense())
    assert [crop.shape for crop in back.crops] == [crop.shape for crop in tight.crops]
    np.testing.assert_array_equal(back.origins, tight.origins)
    np.testing.assert_array_equal(rle_areas(rles), found.areas())


def test_large_images_agree_too() -> None:
    """Long runs need several characters, and differences of counts can be negative."""
    rng = np.random.default_rng(3)
    dense = np.zeros((3, 700, 900), dtype=np.bool_)
    dense[0] = rng.random((700, 900)) < 0.5
    dense[1, 300:, :] = True
    dense[2, :, 100:800] = True
    found = Masks.from_dense(dense)
    rles = encode_rle(found)
    assert [rle["counts"] for rle in rles] == _official(found)
    np.testing.assert_array_equal(decode_rle(rles).dense(), dense)


@given(st.lists(st.integers(0, 20), max_size=12))
def test_runs_of_no_length_are_read(cuts: list[int]) -> None:
    """Other writers leave runs of length 0 in; they end one run and begin the next."""
    counts = np.diff(sorted(cuts), prepend=0, append=20).tolist()
    rle = cast("Any", coco_mask).frPyObjects({"size": [4, 5], "counts": counts}, 4, 5)
    mine: Rle = {"size": [4, 5], "counts": rle["counts"].decode()}
    want = np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(5, 4).T
    np.testing.assert_array_equal(decode_rle([mine]).dense()[0], want)
    assert rle_areas([mine]).tolist() == [want.sum()]


def test_no_masks_need_a_size() -> None:
    """An empty list does not tell the size of the image."""
    assert decode_rle([], image_size=(4, 5)).dense().shape == (0, 4, 5)
    with pytest.raises(ShapeError, match="image_size"):
        decode_rle([])


_GOOD = encode_rle(Masks.from_dense(np.eye(6, dtype=np.bool_)[None]))[0]["counts"]


@pytest.mark.parametrize(
    ("size", "counts", "says"),
    [
        ([6, 7], _GOOD, "add up to 6 x 7 = 42"),
        ([6, 6], _GOOD[:-1], "add up"),
        ([6, 6], "", "middle"),
        ([6, 6], "o", "middle"),
        ([6, 6], "T1 ", "byte 32"),
        ([6, 6], "T1é", "byte"),
        ([6, 6], "\udcff", "byte"),
        ([6, 6], "P" * 9 + "0", "more than 7"),
        ([6, 6], "O" + _GOOD, "smallest of -1"),
        ([6, 6], [36], "string"),
        ([6, 6], None, "string"),
        ([2**17, 2**17], "0", r"2\*\*31"),
        ([-6, -6], _GOOD, "at least 0"),
        ([6], _GOOD, "height, width"),
        (None, _GOOD, "height, width"),
        ([6.0, 6.0], _GOOD, "whole"),
        ([True, 36], _GOOD, "whole"),
    ],
)
def test_what_is_no_run_length_code_is_refused(size: object, counts: object, says: str) -> None:
    """Hostile input ends in `ShapeError`, not in a wrong mask or a large array."""
    rle = cast("Rle", {"size": size, "counts": counts})
    with pytest.raises(ShapeError, match=says):
        decode_rle([rle])


# pycocotools itself is behind NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@given(masks(), st.data())
def test_a_changed_string_is_read_or_refused(found: Masks, data: st.DataObject) -> None:
    """A string with one character exchanged is refused, or decodes as pycocotools decodes it."""
    for rle in encode_rle(found):
        chars = list(rle["counts"])
        at = data.draw(st.integers(0, len(chars) - 1))
        chars[at] = chr(data.draw(st.integers(48, 111)))
        changed: Rle = {"size": rle["size"], "counts": "".join(chars)}
        try:
            back = decode_rle([changed])
        except ShapeError:
            continue
        official = {"size": rle["size"], "counts": changed["counts"].encode()}
        want = cast("Any", coco_mask.decode(cast("Any", official))).astype(np.bool_)
        np.testing.assert_array_equal(back.dense()[0], want)


def test_sizes_that_differ_are_refused() -> None:
    """One `Masks` is of one picture."""
    small: Rle = {"size": [1, 1], "counts": "01"}
    with pytest.raises(ShapeError, match=r"`rles\[1\]` has the size \(1, 1\)"):
        decode_rle([{"size": [6, 6], "counts": _GOOD}, small])


def test_an_absurd_image_is_not_encoded() -> None:
    """Counts beyond 32 bits could not be read by others."""
    none = Masks(crops=(), origins=np.zeros((0, 2), dtype=np.int32), image_size=(2**16, 2**16))
    with pytest.raises(ShapeError, match=r"2\*\*31"):
        encode_rle(none)
