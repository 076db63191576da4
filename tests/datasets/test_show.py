"""Frames with their labels as pictures, and data sets looked at as a whole."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from urban_segmentor.datasets.cityscapes.layout import read_layout
from urban_segmentor.datasets.convert.options import ConversionOptions
from urban_segmentor.datasets.convert.prepare import prepare
from urban_segmentor.datasets.dataset_classes import parse_dataset_classes
from urban_segmentor.datasets.explore.class_tiles import TileCandidate, TileSampler, draw_tile
from urban_segmentor.datasets.explore.overview import sample_frames, write_overview
from urban_segmentor.datasets.explore.sample_views import draw_labels, frame_sheet
from urban_segmentor.datasets.open_dataset import open_dataset
from urban_segmentor.datasets.yolo import YoloSample
from urban_segmentor.errors import DatasetError, OutputError, SettingError
from urban_segmentor.structures.cityscapes_labels import BY_NAME

if TYPE_CHECKING:
    from random import Random

    from numpy.typing import NDArray

    from urban_segmentor.datasets.convert.options import Format
    from urban_segmentor.datasets.explore.sample_views import Sizing
    from urban_segmentor.datasets.samples import Sample, SampleSet

ALL = parse_dataset_classes("19")


def converted(data: Path, out: Path, form: Format) -> SampleSet:
    """Return what `data prepare` makes of a folder, read back."""
    how = ConversionOptions(out=out, format=form, classes=ALL)
    prepare(read_layout(data), how, splits=["val"], workers=1)
    return open_dataset(out)


def class_map(frame: Sample) -> NDArray[np.int32]:
    """Return which class each pixel shows, int32 (H, W), -1 for none."""
    segments = frame.segments(ALL)
    found = np.full(segments.masks.image_size, -1, dtype=np.int32)
    for mask, class_id in zip(segments.masks.dense(), segments.class_ids, strict=True):
        found[mask] = class_id
    return found


@pytest.mark.parametrize("form", ["yolo", "coco", "panoptic"])
def test_what_was_prepared_is_read_back(street_data: Path, tmp_path: Path, form: Format) -> None:
    """Pixel for pixel; YOLO only but for bridges. Things, groups and counts are the same."""
    source, made = open_dataset(street_data), converted(street_data, tmp_path / form, form)
    assert made.kind == form
    assert [frame.stem for frame in made.frames] == [f.stem for f in source.within("val").frames]
    for frame in made.frames:
        original = source.find(frame.stem)
        before, after = original.segments(ALL), frame.segments(ALL)
        same = (class_map(original) == class_map(frame)).mean()
        assert same == 1 if form != "yolo" else same > 0.9995
        things = [label.is_thing for label in ALL.labels]
        counts = [
            Counter(s.class_ids[np.array(things)[s.class_ids] & ~s.is_crowd].tolist())
            for s in (before, after)
        ]
        assert counts[0] == counts[1]
        assert before.is_crowd.sum() == after.is_crowd.sum()
        assert (frame.image() == original.image()).all()


def yolo_frame(folder: Path, text: str) -> YoloSample:
    """Return a frame of 40 x 20 pixels with a label file."""
    image, labels = folder / "a.png", folder / "a.txt"
    image.write_bytes(cv2.imencode(".png", np.zeros((20, 40, 3), np.uint8))[1].tobytes())
    labels.write_text(text, encoding="utf-8")
    return YoloSample(
        stem="a",
        split="train",
        group=".",
        image_path=image,
        labels=labels,
        ignored=folder / "none.txt",
        classes=parse_dataset_classes("car,road"),
        needs_labels=False,
    )


def test_yolo_lines_are_painted_as_training_does(tmp_path: Path) -> None:
    """Coordinates are cut down to pixels, the last of which belong to the mask."""
    frame = yolo_frame(tmp_path, "0 0.1 0.1 0.5 0.1 0.5 0.5 0.1 0.5\n1 1.005 1 1.01 1 1.01 1.01\n")
    segments = frame.segments(ALL)
    assert segments.class_ids.tolist() == [ALL.ids()["car"]]  # the road lies outside
    rows, columns = np.nonzero(segments.masks.dense()[0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 10, 4, 20)
    assert frame.segments(ALL, size=(200, 400)).masks.areas().tolist() == [81 * 161]


@pytest.mark.parametrize(
    "line",
    ["7 0 0 1 0 1 1", "-1 0 0 1 0 1 1", "0 0 0 1 0", "0 0 0 1 0 1", "0 a b c d e f", "0", "x",
     "0 0.5 0.5 0.2 0.2", "0 0 0 1.02 0 1 1", "0 -0.02 0 1 0 1 1", "99999999999 0 0 1 0 1 1",
     "0 nan 0 1 0 1 1", "0 inf 0 1 0 1 1", "0 0 0 1e9 0 1 1", "²  0 0 1 0 1 1", "0.5 0 0 1 0 1 1"],
)  # fmt: skip
def test_broken_yolo_lines_are_named(tmp_path: Path, line: str) -> None:
    """With the file and the number of the line."""
    frame = yolo_frame(tmp_path, f"0 0 0 1 0 1 1\n{line}\n")
    with pytest.raises(DatasetError, match=r"a\.txt:2` "):
        frame.segments(ALL)


def test_damaged_prepared_folders_are_named(street_data: Path, tmp_path: Path) -> None:
    """Files of another kind, unknown classes, names that lead out of the folder."""
    out = tmp_path / "coco"
    converted(street_data, out, "coco")
    path = out / "annotations" / "instances_val.json"
    content = json.loads(path.read_bytes())
    for text, match in (
        ("[", "cannot be read as JSON"),
        ("[]", "is no COCO file"),
        (json.dumps({"images": [], "annotations": {}, "categories": []}), "expected a list"),
        (json.dumps(content | {"images": [{"id": 1}]}), "no pictures"),
        (json.dumps(content | {"categories": []}), "lists no class names"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(DatasetError, match=match) as caught:
            open_dataset(out)
        assert str(out) in str(caught.value)
    path.unlink()
    with pytest.raises(DatasetError, match="left unfinished"):
        open_dataset(out)
    (out / "cityscapes.yaml").write_text("names: 3", encoding="ascii")
    with pytest.raises(DatasetError, match="no class names"):
        open_dataset(out)


def test_other_folders_say_what_was_looked_for(tmp_path: Path) -> None:
    """Neither Cityscapes nor prepared."""
    with pytest.raises(DatasetError, match="looked for `gtFine`"):
        open_dataset(tmp_path)


def test_unknown_frames_get_suggestions(street_data: Path) -> None:
    """Parts of names, names with a slip, and endings of files."""
    frames = open_dataset(street_data)
    stem = frames.frames[0].stem
    assert frames.find(f"x/y/{stem}_leftImg8bit.png").stem == stem
    for wrong in (stem[:-1], stem.replace("_", "-"), stem[2:]):
        with pytest.raises(SettingError, match="no frame") as caught:
            frames.find(wrong)
        assert f"`{stem}`" in str(caught.value.hint)
    with pytest.raises(SettingError, match="no split `test`") as missing:
        frames.within("test")
    assert "train, val" in str(missing.value.hint)


def test_a_frame_without_its_image_is_named(street_data: Path, tmp_path: Path) -> None:
    """It is left out, and whoever asks for it hears why."""
    root = Path(shutil.copytree(street_data, tmp_path / "half"))
    gone = next((root / "leftImg8bit" / "val").rglob("*.png"))
    gone.unlink()
    stem = gone.name.removesuffix("_leftImg8bit.png")
    frames = open_dataset(root)
    assert frames.problems == (f"`val/{gone.parent.name}/{stem}` has no picture",)
    assert frames.within("train").problems == ()
    with pytest.raises(DatasetError, match="has no picture"):
        frames.find(stem)


def test_one_frame_has_the_colors_of_its_classes_and_a_legend(street_data: Path) -> None:
    """The labels alone show official colors, and things of a class are parted by outlines."""
    frame = open_dataset(street_data).frames[0]
    image = frame.image()
    sheet = frame_sheet(frame, classes=ALL)
    assert sheet.shape[0] > image.shape[0]
    assert sheet.shape[1] > 2 * image.shape[1]
    segments = frame.segments(ALL)
    for class_id in np.unique(segments.class_ids):
        color = ALL.labels[class_id].color
        assert (sheet == color).all(axis=2).sum() >= 60, color  # a swatch at least
    absent = set(range(19)) - set(segments.class_ids.tolist())
    for class_id in absent:
        assert (sheet == ALL.labels[class_id].color).all(axis=2).sum() < 60
    assert (draw_labels(frame, classes=parse_dataset_classes("train")) == image).all()


@pytest.mark.parametrize("sizing", ["image", "labels"])
def test_either_keeps_its_size(street_data: Path, tmp_path: Path, sizing: Sizing) -> None:
    """Pictures of any size go with the labels, of any shape too."""
    root = Path(shutil.copytree(street_data, tmp_path / "small"))
    frame = open_dataset(root).frames[0]
    path = root / "leftImg8bit" / "train" / frame.stem.partition("_")[0]
    name = f"{frame.stem}_leftImg8bit.png"
    small = cv2.resize(frame.image(), (90, 61))
    (path / name).write_bytes(cv2.imencode(".png", small)[1].tobytes())
    sheet = frame_sheet(frame, classes=ALL, sizing=sizing)
    tall = {"image": 61, "labels": 256}[sizing]
    wide = {"image": 90, "labels": 512}[sizing]
    shown = (sheet == BY_NAME["road"].color).all(axis=2)
    assert shown[:, wide:].any()
    assert tall < sheet.shape[0]
    assert sheet.shape[1] >= 2 * wide
    if sizing == "image":
        assert shown.sum() < 61 * 90


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 2**20)), max_size=60),
    st.integers(0, 2),
    st.randoms(use_true_random=False),
)
def test_a_choice_is_the_same_in_whatever_order(
    rows: list[tuple[int, int]], seed: int, random: Random
) -> None:
    """Workers finish as they like; largest first; no more than wanted, and no one twice."""
    found = [
        TileCandidate("train", f"city{city}_{number:06d}_000019", 0, number, area)
        for number, (city, area) in enumerate(rows)
    ]
    shuffled = random.sample(found, len(found))
    picked = []
    for order in (found, shuffled):
        choice = TileSampler(seed=seed)
        choice.add(order)
        picked.append(choice.chosen(0, count=12))
        assert choice.offered(0) == len(found)
    assert picked[0] == picked[1]
    assert len(picked[0]) <= 12
    assert len(set(picked[0])) == len(picked[0])
    areas = [one.area_px for one in picked[0]]
    assert areas == sorted(areas, reverse=True)
    assert picked[0] or not found


def test_a_choice_is_spread_over_sizes_and_cities() -> None:
    """Though one city and one size have nearly all objects."""
    rows = [("bonn", 1000)] * 500 + [("jena", 1000), ("ulm", 1000), ("bonn", 70_000)]
    choice = TileSampler(seed=0)
    stems = (f"{city}_{number:06d}_000019" for number, (city, _) in enumerate(rows))
    pairs = zip(stems, rows, strict=True)
    choice.add(TileCandidate("train", stem, 3, 0, area) for stem, (_, area) in pairs)
    picked = choice.chosen(3, count=4)
    assert {one.city for one in picked} == {"bonn", "jena", "ulm"}
    assert picked[0].area_px == 70_000
    assert choice.chosen(4, count=4) == []


def test_another_seed_shows_others() -> None:
    """And the same seed the same."""
    found = [TileCandidate("train", f"bonn_{i:06d}_000019", 0, 0, 1000) for i in range(100)]
    chosen = []
    for seed in (0, 0, 1):
        choice = TileSampler(seed=seed)
        choice.add(found)
        chosen.append(choice.chosen(0, count=3))
    assert chosen[0] == chosen[1] != chosen[2]


def test_a_tile_shows_the_object_where_it_is(tmp_path: Path) -> None:
    """The outline lies on the object's edge, though labels and picture differ in size."""
    image = np.full((100, 200, 3), 60, dtype=np.uint8)
    image[40:60, 90:130] = 200
    frame = yolo_frame(tmp_path, "0 0.4505 0.405 0.6445 0.405 0.6445 0.595 0.4505 0.595\n")
    frame.image_path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    tile = draw_tile(frame, TileCandidate("train", "a", ALL.ids()["car"], 0, 800), classes=ALL)
    assert tile.caption.startswith("39 x 20  a")
    bright = tile.image.min(axis=2) > 190
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    share = np.ptp(columns) / tile.image.shape[1]
    assert share == pytest.approx(40 / 68, abs=0.03)  # 35 % of it are shown on either side
    assert np.ptp(rows) / np.ptp(columns) == pytest.approx(0.5, abs=0.06)
    with pytest.raises(DatasetError, match="have changed"):
        draw_tile(frame, TileCandidate("train", "a", ALL.ids()["car"], 9, 800), classes=ALL)


def test_a_sample_has_its_size_and_order(street_data: Path) -> None:
    """Drawn by lot, the same for a seed."""
    frames = open_dataset(street_data).frames
    chosen = sample_frames(frames, limit=4, seed=1)
    assert len(chosen) == 4
    assert sorted(chosen, key=frames.index) == list(chosen)
    assert chosen == sample_frames(frames, limit=4, seed=1)
    assert len({sample_frames(frames, limit=4, seed=seed) for seed in range(5)}) > 1
    assert sample_frames(frames, limit=99, seed=1) == frames
    with pytest.raises(SettingError, match="limit"):
        sample_frames(frames, limit=0, seed=1)


def test_an_overview_is_whole_and_the_same_with_more_processes(
    street_data: Path, tmp_path: Path
) -> None:
    """Every file is as with one process; the page shows what was written."""
    pytest.importorskip("matplotlib")
    frames = open_dataset(street_data)
    classes = parse_dataset_classes("road,car,train")
    for workers in (1, 2):
        overview = write_overview(
            frames, frames.frames, tmp_path / str(workers), classes=classes, workers=workers
        )
        assert overview.problems == []
    one, two = (sorted((tmp_path / name).iterdir()) for name in ("1", "2"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert {path.name for path in two} == {path.name for path in overview.written}
    names = {path.name for path in one}
    assert {"class_road.jpg", "class_car.jpg", "plot_sizes.png", "overview.html"} <= names
    assert "class_train.jpg" not in names  # there are none
    page = (tmp_path / "1" / "overview.html").read_text(encoding="utf-8")
    images = names - {"overview.html", "statistics.json"}
    assert all(f'src="{name}"' in page for name in images)
    with pytest.raises(OutputError, match="exists already"):
        write_overview(frames, frames.frames, tmp_path / "1", classes=classes)


def test_broken_frames_are_named_and_the_rest_goes_on(street_data: Path, tmp_path: Path) -> None:
    """Polygons that are no JSON, and a picture that is none; all of them broken is an error."""
    pytest.importorskip("matplotlib")
    root = Path(shutil.copytree(street_data, tmp_path / "broken"))
    labels = sorted((root / "gtFine" / "train").rglob("*.json"))
    labels[0].write_text("{", encoding="ascii")
    for image in (root / "leftImg8bit" / "val").rglob("*.png"):
        image.write_bytes(b"no picture")
    frames = open_dataset(root)
    classes = parse_dataset_classes("car,road")
    overview = write_overview(frames, frames.frames, tmp_path / "out", classes=classes, workers=1)
    assert str(labels[0]) in overview.problems[0]
    assert all("no picture" in text for text in overview.problems[1:])
    assert len(overview.problems) > 1
    assert overview.statistics.splits["train"].frames == len(labels) - 1
    page = (tmp_path / "out" / "overview.html").read_text(encoding="utf-8")
    assert labels[0].name in page
    for path in labels:
        path.write_text("{", encoding="ascii")
    with pytest.raises(DatasetError, match="none of"):
        write_overview(
            frames,
            frames.within("train").frames,
            tmp_path / "out",
            classes=classes,
            workers=1,
            overwrite=True,
        )
