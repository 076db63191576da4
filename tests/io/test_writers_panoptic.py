"""Panoptic results read back, also by the official evaluations."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from tests.evaluation import official, scenes
from tests.io.findings import (
    CLASSES,
    NAMES,
    example,
    fresh_folder,
    nothing,
    pixels_of,
    properties,
    source_image,
    video_frame,
    write,
)
from tests.io.test_atomic import largest_file
from tests.strategies import instances
from urban_segmentor.errors import OutputError, ShapeError
from urban_segmentor.evaluation import label_ids, mean_iou, panoptic_quality
from urban_segmentor.inference.panoptic_merge import merge_panoptic, segments_as_instances
from urban_segmentor.io.writers import WRITERS
from urban_segmentor.io.writers.coco_panoptic import panoptic_ids, panoptic_png
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.result import Result
from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_LABELS, TRAIN_NAMES
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from urban_segmentor.structures.panoptic import PanopticMap

CITY = "zurich_{:06d}_000019"


def first_on_top(found: Instances) -> np.ndarray:
    """Return the number of the first instance on each pixel, int64 (H, W), 0 for none."""
    numbers = np.zeros(found.masks.image_size, dtype=np.int64)
    for k, mask in enumerate(found.masks.dense(), start=1):
        numbers[mask & (numbers == 0)] = k
    return numbers


def content_of(folder: Path) -> dict[str, Any]:
    """Return what `panoptic.json` says."""
    return json.loads((folder / "panoptic.json").read_text())


def ids_of(path: Path) -> np.ndarray:
    """Return the ids of segments, int64 (H, W), as the format defines them."""
    mode, values = pixels_of(path)
    assert mode == "RGB"
    return values[..., 0] + 256 * values[..., 1] + 65536 * values[..., 2]


def predicted(seed: int, count: int) -> tuple[list[np.ndarray], list[PanopticMap]]:
    """Return ground truth, int32 (H, W) each, and maps that are near it."""
    rng = np.random.default_rng(seed)
    truths = [scenes.truth(rng) for _ in range(count)]
    maps: list[PanopticMap] = []
    for ids in truths:
        found = scenes.instances(rng, ids)
        known = found.select(found.class_ids < len(TRAIN_NAMES))
        maps.append(merge_panoptic(known))
    return truths, maps


def save(kind: str, folder: Path, maps: list[PanopticMap], name: str = CITY) -> None:
    """Write maps of pictures of a city."""
    sink = WRITERS[kind](folder, classes=known_classes(TRAIN_NAMES), overwrite=False)
    for i, panoptic in enumerate(maps):
        found = segments_as_instances(panoptic, classes=known_classes(TRAIN_NAMES))
        sink.write(Result(frame=source_image(found, name=name.format(i)), instances=found))
    sink.close()


@properties
@given(st.lists(instances(), max_size=3))
def test_image_and_json_agree(results: list[Instances]) -> None:
    """Each pixel has the first instance on it; hidden and empty ones are in neither file."""
    with fresh_folder() as folder:
        write(
            "panoptic", folder, [(source_image(f, name=f"p{i}"), f) for i, f in enumerate(results)]
        )
        content = content_of(folder)
        images = [ids_of(folder / "panoptic" / f"p{i}.png") for i in range(len(results))]
    assert [entry["file_name"] for entry in content["annotations"]] == [
        f"p{i}.png" for i in range(len(results))
    ]
    for entry, ids, found in zip(content["annotations"], images, results, strict=True):
        np.testing.assert_array_equal(ids, first_on_top(found))
        shown = set(np.unique(ids).tolist()) - {0}
        assert [segment["id"] for segment in entry["segments_info"]] == sorted(shown)
        for segment in entry["segments_info"]:
            k = segment["id"] - 1
            mask = ids == segment["id"]
            ((x1, y1, x2, y2),) = Masks.from_dense(mask[None]).rectangles().tolist()
            assert segment["area"] == mask.sum()
            assert segment["bbox"] == [x1, y1, x2 - x1, y2 - y1]
            assert segment["category_id"] == found.class_ids[k] + 1
            assert segment["isthing"] == int(NAMES[found.class_ids[k]] != "road")
            assert segment["iscrowd"] == 0
            assert segment["score"] == pytest.approx(found.scores[k], abs=6e-6)


@given(hnp.arrays(np.int32, (3, 5), elements=st.integers(0, 2**24 - 1)))
def test_images_hold_any_id(segment_ids: NDArray[np.int32]) -> None:
    """What a picture is made of reads back."""
    with Image.open(io.BytesIO(panoptic_png(segment_ids))) as image:
        np.testing.assert_array_equal(panoptic_ids(np.asarray(image)), segment_ids)


def test_ids_above_255_go_into_green() -> None:
    """As R + 256 G + 65536 B."""
    dense = np.zeros((300, 1, 300), dtype=np.bool_)
    dense[np.arange(300), 0, np.arange(300)] = True
    masks = Masks.from_dense(dense)
    found = Instances(
        boxes=masks.rectangles(),
        masks=masks,
        scores=np.ones(300, dtype=np.float32),
        class_ids=np.zeros(300, dtype=np.int32),
    )
    with fresh_folder() as folder:
        write("panoptic", folder, [(source_image(found), found)])
        assert ids_of(folder / "panoptic" / "photo.png")[0].tolist() == list(range(1, 301))
        with Image.open(folder / "panoptic" / "photo.png") as image:
            assert image.getpixel((299, 0)) == (300 - 256, 1, 0)


def test_categories_are_official_where_all_classes_are() -> None:
    """Else ids that differ for certain."""
    for names, ids in (
        (TRAIN_NAMES, [label.label_id for label in TRAIN_LABELS]),
        (("car", "giraffe", "sky"), [1, 2, 3]),
        (("car", "license plate"), [1, 2]),
    ):
        with fresh_folder() as folder:
            WRITERS["panoptic"](folder, classes=known_classes(names), overwrite=False).close()
            categories = content_of(folder)["categories"]
        assert [category["name"] for category in categories] == list(names)
        assert [category["id"] for category in categories] == ids
        things = [label is None or label.is_thing for label in map(BY_NAME.get, names)]
        assert [category["isthing"] for category in categories] == [int(thing) for thing in things]


def test_images_have_the_names_of_the_benchmark(tmp_path: Path) -> None:
    """City, sequence and frame; other names stay, and no two are the same."""
    names = {
        "val/zurich_000001_000019_leftImg8bit": "zurich_000001_000019",
        "zurich_000001_000019": "zurich_000001_000019_2",
        "other/zurich_000001_000019_leftImg8bit": "other/zurich_000001_000019_leftImg8bit_2",
        "zurich_000002_000019": "zurich_000002_000019",
        "a/photo_leftImg8bit": "a/photo_leftImg8bit",
        "clip_000001": "clip_000001",
    }
    write("panoptic", tmp_path, [(source_image(nothing(), name=name), nothing()) for name in names])
    content = content_of(tmp_path)
    assert [image["id"] for image in content["images"]] == list(names.values())
    assert [entry["image_id"] for entry in content["annotations"]] == list(names.values())
    for entry in content["annotations"]:
        assert (tmp_path / "panoptic" / entry["file_name"]).is_file()


def test_images_say_which_image_or_frame(tmp_path: Path) -> None:
    """As in the other COCO file."""
    found = example()
    photo = source_image(found, name="a/photo", source="in/a/photo.JPG")
    write("panoptic", tmp_path, [(photo, found), (video_frame(found, index=6), found)])
    first, second = content_of(tmp_path)["images"]
    assert first == {"id": "a/photo", "file_name": "a/photo.JPG", "width": 60, "height": 40}
    assert (second["id"], second["frame_index"], second["time_s"]) == ("street_000006", 6, 0.2)


def test_a_full_disk_leaves_the_frames_before(tmp_path: Path) -> None:
    """The JSON is valid and names no picture that is not there."""
    found = example()
    sink = WRITERS["panoptic"](tmp_path, classes=CLASSES, overwrite=False)
    sink.write(Result(frame=source_image(found, name="first"), instances=found))
    limit = (tmp_path / ".panoptic.json.partial").stat().st_size + 100
    with largest_file(limit), pytest.raises(OutputError, match=r"write .*panoptic\.json"):
        sink.write(Result(frame=source_image(found, name="second"), instances=found))
    sink.close()
    content = content_of(tmp_path)
    assert [entry["file_name"] for entry in content["annotations"]] == ["first.png"]
    assert [image["id"] for image in content["images"]] == ["first"]


def test_existing_json_is_kept(tmp_path: Path) -> None:
    """Also when the pictures are gone."""
    (tmp_path / "panoptic.json").write_text("mine")
    with pytest.raises(OutputError, match=r"panoptic\.json` exists already"):
        WRITERS["panoptic"](tmp_path, classes=CLASSES, overwrite=False)
    assert (tmp_path / "panoptic.json").read_text() == "mine"


def test_the_official_panoptic_evaluation_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the files as they lie there, with the figures of our own evaluation."""
    truths, maps = predicted(seed=5, count=6)
    official.write_panoptic(tmp_path, [], truths)
    save("panoptic", tmp_path / "out", maps, name="val/city_{:06d}_000000_leftImg8bit")
    with official._script("evalPanopticSemanticLabeling", tmp_path) as script:
        monkeypatch.setattr(
            script,
            "pq_compute_multi_core",
            lambda *words: script.pq_compute_single_core(0, *words),
        )
        theirs = script.evaluatePanoptic(
            str(tmp_path / "cityscapes_panoptic_val.json"),
            str(tmp_path / "cityscapes_panoptic_val"),
            str(tmp_path / "out" / "panoptic.json"),
            str(tmp_path / "out" / "panoptic"),
            str(tmp_path / "result.json"),
        )
    ours = panoptic_quality(maps, truths, class_names=TRAIN_NAMES)
    assert ours.pq > 0.05
    assert theirs["All"]["pq"] == pytest.approx(ours.pq, abs=1e-9)
    assert theirs["Things"]["pq"] == pytest.approx(ours.things.pq, abs=1e-9)
    assert theirs["Stuff"]["sq"] == pytest.approx(ours.stuff.sq, abs=1e-9)


@pytest.mark.parametrize("name", ["city_{:06d}_000000_leftImg8bit", "city_{:06d}_000000"])
def test_the_official_pixel_evaluation_finds_the_labels(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One picture for each ground truth, with the figures of our own evaluation."""
    truths, maps = predicted(seed=6, count=4)
    paths = [path.replace("instance", "label") for path in official.write_truth(tmp_path, truths)]
    save("labelids", tmp_path / "out", maps, name="val/city/" + name)
    with official._script("evalPixelLevelSemanticLabeling", tmp_path) as script:
        monkeypatch.setattr(script.args, "predictionWalk", None)
        monkeypatch.setattr(
            script.args, "predictionPath", str(tmp_path / "out" / "labelids" / "labelIds")
        )
        found = [script.getPrediction(script.args, path) for path in paths]
    assert len(set(found)) == len(paths)
    theirs = official.mean_iou(tmp_path, found, paths)
    ours = mean_iou([label_ids(one, class_names=TRAIN_NAMES) for one in maps], truths)
    assert theirs["averageScoreClasses"] == pytest.approx(ours.miou, abs=1e-9)


def test_label_images_say_what_the_official_ones_say(tmp_path: Path) -> None:
    """Ids of labels, of instances from 0 in each class, and colors."""
    car, road = TRAIN_NAMES.index("car"), TRAIN_NAMES.index("road")
    dense = np.zeros((3, 4, 6), dtype=np.bool_)
    dense[0, :2, :2] = dense[1, :2, 2:4] = dense[2, 2:] = True
    found = scenes.of_masks(dense, [car, car, road], np.array([0.9, 0.8, 0.7], dtype=np.float32))
    sink = WRITERS["labelids"](tmp_path, classes=known_classes(TRAIN_NAMES), overwrite=False)
    sink.write(Result(frame=source_image(found), instances=found))
    folder = tmp_path / "labelids"
    mode, values = pixels_of(folder / "labelIds" / "photo_labelIds.png")
    assert mode == "L"
    assert values.tolist() == [[26] * 4 + [0] * 2] * 2 + [[7] * 6] * 2
    mode, values = pixels_of(folder / "instanceIds" / "photo_instanceIds.png")
    assert mode == "I;16"
    assert values.tolist() == [[26000] * 2 + [26001] * 2 + [0] * 2] * 2 + [[7] * 6] * 2
    mode, values = pixels_of(folder / "color" / "photo_color.png")
    assert mode == "RGB"
    assert [tuple(values[y, x].tolist()) for y, x in ((0, 0), (0, 5), (3, 0))] == [
        (0, 0, 142),
        (0, 0, 0),
        (128, 64, 128),
    ]


@properties
@given(instances())
def test_label_images_agree_with_one_another(found: Instances) -> None:
    """Each pixel is of the class of the first instance on it, or 0 if Cityscapes lacks it."""
    with fresh_folder() as folder:
        write("labelids", folder, [(source_image(found), found)])
        labels, ids, colors = (
            pixels_of(folder / "labelids" / kind / f"photo_{kind}.png")[1]
            for kind in ("labelIds", "instanceIds", "color")
        )
    rows = [BY_NAME.get(NAMES[i]) for i in found.class_ids]
    table = np.array([0, *(0 if row is None else row.label_id for row in rows)])
    numbers = first_on_top(found)
    np.testing.assert_array_equal(labels, table[numbers])
    np.testing.assert_array_equal(np.where(ids < 1000, ids, ids // 1000), labels)
    paint = np.array([(0, 0, 0), *((0, 0, 0) if row is None else row.color for row in rows)])
    np.testing.assert_array_equal(colors, paint[numbers])
    for number, row in enumerate(rows, start=1):
        if row is not None and row.is_thing and (numbers == number).any():
            values = np.unique(ids[numbers == number])
            assert len(values) == 1
            np.testing.assert_array_equal(ids == values[0], numbers == number)


def test_label_images_want_a_cityscapes_class(tmp_path: Path) -> None:
    """Pictures of nothing but 0 help nobody."""
    with pytest.raises(OutputError, match=r"\(giraffe, unlabeled\) is a Cityscapes class"):
        WRITERS["labelids"](tmp_path, classes=known_classes(("giraffe", "unlabeled")))
    assert list(tmp_path.iterdir()) == []


def test_instance_ids_tell_a_thousand_things_apart(tmp_path: Path) -> None:
    """One more would be of the next class."""
    many = 1001
    none = np.zeros((0, 0), dtype=np.bool_)
    masks = Masks(
        crops=(none,) * many, origins=np.zeros((many, 2), dtype=np.int32), image_size=(4, 4)
    )
    found = Instances(
        boxes=np.zeros((many, 4), dtype=np.float32),
        masks=masks,
        scores=np.zeros(many, dtype=np.float32),
        class_ids=np.zeros(many, dtype=np.int32),
    )
    sink = WRITERS["labelids"](tmp_path, classes=CLASSES, overwrite=False)
    frame = Frame(pixels=np.zeros((4, 4, 3), dtype=np.uint8))
    with pytest.raises(ShapeError, match="1000 of `person`"):
        sink.write(Result(frame=frame, instances=found))
    sink.write(Result(frame=frame, instances=found.select(np.arange(1000))))
