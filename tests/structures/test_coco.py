"""COCO annotations of any tool are read as pycocotools reads them, and ours come back."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from tests.strategies import instances, mask_stacks
from urban_segmentor.errors import DatasetError
from urban_segmentor.structures.classes import ClassList
from urban_segmentor.structures.coco_polygons import coco_polygons_to_mask
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

CLASSES = ClassList.from_names([*"abcdefgh"])
SQUARE = [0, 0, 3, 0, 3, 3, 0, 3]
SIZE = (4, 5)

# pycocotools itself is behind NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@st.composite
def tracked(draw: st.DrawFn) -> Instances:
    """Instances with all that COCO can hold; boxes in hundredths of a pixel."""
    found = draw(instances())
    n = len(found)
    hundredths = draw(hnp.arrays(np.int32, (n, 4), elements=st.integers(-999, 9999)))
    crowds = draw(hnp.arrays(np.bool_, n))
    return replace(
        found,
        boxes=(hundredths / 100).astype(np.float32),
        track_ids=draw(st.none() | hnp.arrays(np.int32, n, elements=st.integers(0, 2**31 - 1))),
        extra={"is_crowd": crowds} if crowds.any() else {},
        classes=CLASSES,
    )


def annotation(**fields: object) -> dict[str, Any]:
    """Return an annotation of a square of 3 x 3 pixels."""
    return {"id": 7, "image_id": 1, "category_id": 2, "segmentation": [SQUARE]} | fields


def read(*annotations: dict[str, Any], **options: Any) -> Instances:  # noqa: ANN401 - of `from_coco`
    """Return annotations of a small image as instances."""
    return Instances.from_coco(annotations, image_size=SIZE, **options)


@given(tracked())
def test_annotations_and_back(found: Instances) -> None:
    """By way of a file: everything is the same, scores to five decimals."""
    annotations = json.loads(json.dumps(found.to_coco(image_id=3)))
    back = Instances.from_coco(annotations, image_size=found.image_size, classes=CLASSES)
    np.testing.assert_array_equal(back.boxes, found.boxes)
    np.testing.assert_array_equal(back.masks.dense(), found.masks.dense())
    np.testing.assert_allclose(back.scores, found.scores, atol=6e-6)
    np.testing.assert_array_equal(back.class_ids, found.class_ids)
    assert back.classes == CLASSES
    if found.track_ids is None or not len(found):
        assert back.track_ids is None
    else:
        np.testing.assert_array_equal(back.track_ids, found.track_ids)
    assert back.extra.keys() == found.extra.keys()
    for name, values in found.extra.items():
        np.testing.assert_array_equal(back.extra[name], values)
    assert back.to_coco(image_id=3) == annotations


@given(mask_stacks(), st.sampled_from(["string", "bytes", "plain"]))
def test_run_lengths_of_pycocotools_are_read(stack: NDArray[np.bool_], kind: str) -> None:
    """Compressed ones as text or bytes, and plain ones as lists."""
    annotations: list[dict[str, Any]] = []
    for mask in stack:
        rle: dict[str, Any] = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
        if kind == "string":
            rle["counts"] = rle["counts"].decode()
        elif kind == "plain":
            flat = mask.T.ravel()
            edges = np.flatnonzero(np.diff(flat, prepend=False))
            rle["counts"] = np.diff(edges, prepend=0, append=flat.size).tolist()
            same = coco_mask.decode(coco_mask.frPyObjects(rle, *mask.shape))
            np.testing.assert_array_equal(same, mask)
        annotations.append(annotation(segmentation=rle))
    found = Instances.from_coco(annotations, image_size=stack.shape[1:])
    np.testing.assert_array_equal(found.masks.dense(), stack)
    boxes = [
        coco_mask.toBbox(coco_mask.encode(np.asfortranarray(m, dtype=np.uint8))) for m in stack
    ]
    for (x1, y1, x2, y2), (x, y, width, height) in zip(found.boxes.tolist(), boxes, strict=True):
        assert [x1, y1, x2 - x1, y2 - y1] == [x, y, width, height]


@st.composite
def polygons(draw: st.DrawFn) -> list[NDArray[np.float64]]:
    """One to three polygons of 3 to 9 points: on pixel edges, halves, fifths or anywhere."""
    step = draw(st.sampled_from([1, 2, 5, 10]))
    somewhere = st.integers(-4 * step, 24 * step).map(lambda n: n / step)
    elements = somewhere if draw(st.booleans()) else st.floats(-5, 25)
    points = hnp.arrays(np.float64, st.tuples(st.integers(3, 9), st.just(2)), elements=elements)
    return draw(st.lists(points, min_size=1, max_size=3))


@given(polygons(), st.integers(1, 20), st.integers(1, 20))
def test_polygons_cover_the_pixels_of_pycocotools(
    parts: list[NDArray[np.float64]], height: int, width: int
) -> None:
    """To the pixel, inside and outside of the image, crossing themselves and one another."""
    flat: list[list[float]] = [part.ravel().tolist() for part in parts]
    wanted = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat, height, width)))
    found = Instances.from_coco([annotation(segmentation=flat)], image_size=(height, width))
    np.testing.assert_array_equal(found.masks.dense()[0], wanted)
    crop = found.masks.crops[0]
    assert crop.size == 0 or all(
        side.any() for side in (crop[0], crop[-1], crop[:, 0], crop[:, -1])
    )


def test_large_polygons_are_those_of_pycocotools_too() -> None:
    """A star over an image of 8 million pixels, whose corners lie outside."""
    angle = np.linspace(0, 8 * np.pi, 9)
    star = np.stack([1900 + 2500 * np.cos(angle * 0.7), 1000 + 1500 * np.sin(angle * 0.7)], axis=1)
    crop, (x, y) = coco_polygons_to_mask([star], image_size=(2160, 3840))
    whole = np.zeros((2160, 3840), dtype=np.bool_)
    whole[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    [rle] = coco_mask.frPyObjects([star.ravel().tolist()], 2160, 3840)
    np.testing.assert_array_equal(whole, coco_mask.decode(rle))
    assert 100_000 < whole.sum() < whole.size


def test_what_an_annotation_leaves_out_has_defaults() -> None:
    """Rectangles of the masks, scores of 1, no tracks; extras that nobody asked for are nothing."""
    found = read(annotation(keypoints=[1, 2], area=99))
    assert found.boxes.tolist() == [[0, 0, 3, 3]]
    assert found.masks.areas().tolist() == [9]
    assert found.scores.tolist() == [1]
    assert found.class_ids.tolist() == [1]
    assert found.track_ids is None
    assert dict(found.extra) == {}
    assert len(read()) == 0
    assert read(annotation(bbox=np.array([1, 1, 2.5, 2]))).boxes.tolist() == [[1, 1, 3.5, 3]]


def test_groups_stay_groups() -> None:
    """A crowd is marked, and written as one again."""
    found = read(annotation(iscrowd=1), annotation())
    assert found.extra["is_crowd"].tolist() == [True, False]
    assert [entry["iscrowd"] for entry in found.to_coco()] == [1, 0]
    assert [entry["iscrowd"] for entry in found[1:].to_coco()] == [0]


def test_categories_may_have_ids_of_their_own() -> None:
    """Those of COCO have gaps."""
    found = read(
        annotation(category_id=90), annotation(category_id=13), category_ids={13: 0, 90: 1},
        classes=CLASSES[:2],
    )  # fmt: skip
    assert found.class_names == ("b", "a")


RLE = {"size": [4, 5], "counts": [20]}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"segmentation": []}, r"annotation 7: it has no mask"),
        ({"segmentation": None}, "it has no mask: its `segmentation` is None"),
        ({"segmentation": [[0, 0, 3, 3]]}, "at least 6 coordinates"),
        ({"segmentation": [[0, 0, 3, 3, 1, 1, 2]]}, "even number"),
        ({"segmentation": SQUARE}, "even number"),
        ({"segmentation": [[*"abcdef"]]}, "list of numbers"),
        ({"segmentation": [[0, 0, 3, float("nan"), 3, 3]]}, "within 1048576 pixels"),
        ({"segmentation": [[0, 0, 3, 1e9, 3, 3]]}, "within 1048576 pixels"),
        ({"segmentation": RLE | {"size": [5, 4]}}, r"size \(5, 4\), expected \(4, 5\)"),
        ({"segmentation": RLE | {"size": None}}, "`size` must be"),
        ({"segmentation": {"size": [4, 5]}}, "compressed string"),
        ({"segmentation": RLE | {"counts": []}}, "at least one"),
        ({"segmentation": RLE | {"counts": [19]}}, "add up to 4 x 5 = 20"),
        ({"segmentation": RLE | {"counts": [21]}}, r"lie in 0\.\.20"),
        ({"segmentation": RLE | {"counts": [-1, 21]}}, r"lie in 0\.\.20"),
        ({"segmentation": RLE | {"counts": [10.0, 10.0]}}, "whole numbers"),
        ({"segmentation": RLE | {"counts": [[1], [2, 3]]}}, "whole numbers"),
        ({"segmentation": RLE | {"counts": b"\xff"}}, "does not use"),
        ({"category_id": None}, "`category_id` None"),
        ({"category_id": 1.5}, r"`category_id` 1\.5"),
        ({"category_id": True}, "`category_id` True"),
        ({"category_id": 0}, "the category 0; `classes` has 8"),
        ({"category_id": 9}, "the category 9; `classes` has 8"),
        ({"bbox": [1, 2, 3]}, r"`bbox` \[1, 2, 3\]"),
        ({"bbox": [1, 2, None, 3, 4]}, "`bbox`"),
        ({"bbox": None}, "`bbox` None"),
        ({"bbox": [1, 2, 3, float("inf")]}, "`bbox`"),
        ({"score": "high"}, "`score` 'high'"),
        ({"track_id": "a"}, "`track_id` 'a'"),
        ({"track_id": 2**31}, "`track_id`"),
    ],
)
def test_damaged_annotations_are_named(fields: dict[str, object], says: str) -> None:
    """Which one it is, what was found, and what to do."""
    with pytest.raises(DatasetError, match=says) as caught:
        read(annotation(), annotation(**fields), classes=CLASSES)
    assert "annotation 7" in str(caught.value)
    assert caught.value.hint


def test_annotations_that_do_not_belong_together_are_refused() -> None:
    """Of several images, with and without tracks, of categories that the mapping lacks."""
    with pytest.raises(DatasetError, match="belong to 2 images, first 1 and 2"):
        read(annotation(), annotation(image_id=2))
    with pytest.raises(DatasetError, match="1 of 2 annotations have a `track_id`"):
        read(annotation(track_id=1), annotation())
    with pytest.raises(DatasetError, match="category 2; `category_ids` leads to no class"):
        read(annotation(), category_ids={1: 0})
    nameless = annotation(category_id=-3)
    del nameless["id"]
    with pytest.raises(DatasetError, match=r"`annotations\[0\]` has the category -3; they count"):
        read(nameless)


def test_a_polygon_of_two_points_is_no_polygon() -> None:
    """It is refused with its place."""
    with pytest.raises(DatasetError, match="at least 6 coordinates"):
        read(annotation(segmentation=[[0, 0, 5, 5]]))


def test_annotations_can_count_on() -> None:
    """A file of many images has each id once."""
    masks = Masks.from_dense(np.ones((2, 3, 3), dtype=np.bool_))
    found = Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.ones(2, dtype=np.float32),
        class_ids=np.zeros(2, dtype=np.int32),
    )
    entries = found.to_coco(image_id=9)
    assert [(entry["id"], entry["image_id"]) for entry in entries] == [(1, 9), (2, 9)]
