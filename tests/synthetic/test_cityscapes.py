"""Drawn data sets: the polygons give the truth back, and the folder is an official one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from urban_segmentor.datasets.check import check
from urban_segmentor.datasets.cityscapes.annotation import parse_annotation, read_annotation
from urban_segmentor.datasets.cityscapes.layout import cityscapes_set, read_layout
from urban_segmentor.datasets.cityscapes.visible_objects import draw_objects
from urban_segmentor.datasets.sample_images import read_sample_image
from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_LABELS
from urban_segmentor.synthetic import RenderedFrame, Street, cityscapes, save_cityscapes
from urban_segmentor.synthetic.cityscapes import CITIES, polygons_json
from urban_segmentor.synthetic.tracing import Polygon, trace, with_solid_trees

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

SMALL = (128, 256)
CAR, PERSON, ROAD, TREE = (
    BY_NAME[name].train_id or 0 for name in ("car", "person", "road", "vegetation")
)
STUFF = [label.train_id for label in TRAIN_LABELS if not label.is_thing]


def drawn(polygons: list[Polygon], size: tuple[int, int]) -> tuple[NDArray, NDArray]:
    """Return train ids and track ids that the reader of data sets makes of polygons."""
    objects = [{"label": one.label, "polygon": one.points.tolist()} for one in polygons]
    content = {"imgHeight": size[0], "imgWidth": size[1], "objects": objects}
    found = draw_objects(parse_annotation(content))
    assert len(found.objects) == len(polygons)
    classes = np.array([255, *(item.label.train_id for item in found.objects)])
    tracks = np.array([0, *(one.track_id for one in polygons)])
    return classes[found.numbers], tracks[found.numbers]


@pytest.fixture(scope="module")
def views() -> list[RenderedFrame]:
    """Return crowded frames, by day and at dusk, from a gantry and from a car."""
    shots = []
    for camera, light in (("fixed", "day"), ("dashcam", "dusk")):
        street = Street(size=(512, 1024), fps=0.25, seed=2, camera=camera, light=light)
        shots += list(street.shots(seconds=12))[1:]
    return shots


@pytest.mark.parametrize("leaf_gaps", [True, False])
def test_polygons_give_the_truth_back(views: list[RenderedFrame], *, leaf_gaps: bool) -> None:
    """Drawn in order they show the class and the object of every pixel."""
    parts = 0
    for shot in views:
        classes = shot.class_map
        if not leaf_gaps:
            classes = with_solid_trees(classes, shot.instance_map)
        polygons = trace(classes, shot.instance_map)
        found_classes, found_tracks = drawn(polygons, shot.frame.size)
        np.testing.assert_array_equal(found_classes, classes)
        np.testing.assert_array_equal(found_tracks, shot.instance_map)
        tracks = [one.track_id for one in polygons if one.track_id]
        assert sorted(tracks) == sorted(actor.track_id for actor in shot.objects)
        for track in tracks:
            mask = (shot.instance_map == track).astype(np.uint8)
            parts += cv2.connectedComponents(mask)[0] > 2
    assert parts > 10  # objects that others cut into parts


def test_order_counts(views: list[RenderedFrame]) -> None:
    """Whoever draws them in another order sees something else, as with official polygons."""
    shot = views[0]
    polygons = trace(shot.class_map, shot.instance_map)
    classes, tracks = drawn(polygons[::-1], shot.frame.size)
    assert (classes != shot.class_map).mean() > 0.02
    assert (tracks != shot.instance_map).mean() > 0.003


def test_the_gaps_between_leaves(views: list[RenderedFrame]) -> None:
    """They become tree and nothing else does; objects stay; a crown is one region, not hundreds."""
    for shot in views:
        solid = with_solid_trees(shot.class_map, shot.instance_map)
        changed = solid != shot.class_map
        assert set(solid[changed].tolist()) == {TREE}
        assert not (shot.instance_map[changed] > 0).any()
        before, after = (
            cv2.connectedComponents((one == TREE).astype(np.uint8))[0]
            for one in (shot.class_map, solid)
        )
        assert after < before / 3
        content = polygons_json(shot)
        assert len(content["objects"]) < len(polygons_json(shot, leaf_gaps=True)["objects"])


def test_a_knot_of_two_objects() -> None:
    """Either one lies between the parts of the other, so that a bridge has to go around."""
    classes = np.full((14, 24), ROAD, dtype=np.uint8)
    tracks = np.zeros((14, 24), dtype=np.int32)
    for track, columns, rows in (
        (1, (0, 5), 9),
        (2, (5, 10), 5),
        (1, (10, 15), 5),
        (2, (15, 20), 5),
    ):
        tracks[:rows, columns[0] : columns[1]] = track
    classes[tracks == 1], classes[tracks == 2] = CAR, PERSON
    polygons = trace(classes, tracks)
    assert sorted(one.track_id for one in polygons if one.track_id) == [1, 2]
    found_classes, found_tracks = drawn(polygons, (14, 24))
    np.testing.assert_array_equal(found_classes, classes)
    np.testing.assert_array_equal(found_tracks, tracks)


@given(
    arrays.arrays(np.uint8, (12, 16), elements=st.sampled_from(STUFF)),
    arrays.arrays(np.int32, (12, 16), elements=st.sampled_from([0, 0, 0, 1, 2, 3])),
)
def test_any_maps(classes: NDArray[np.uint8], tracks: NDArray[np.int32]) -> None:
    """Noise, too, has a polygon for each object, and all stuff is where it was."""
    classes = np.where(tracks > 0, np.uint8(CAR), classes)
    polygons = trace(classes, tracks)
    found_classes, found_tracks = drawn(polygons, (12, 16))
    stuff = tracks == 0
    np.testing.assert_array_equal(found_classes[stuff], classes[stuff])
    assert not found_tracks[stuff].any()
    present = sorted(set(np.unique(tracks).tolist()) - {0})
    assert sorted(one.track_id for one in polygons if one.track_id) == present


class Remembered(Street):
    """A street that is drawn once for all tests: its surfaces take most of the time."""

    known: ClassVar[dict[str, list[RenderedFrame]]] = {}

    def __init__(self, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._options = str(sorted(options.items()))

    def shots(self, *, seconds: float) -> Iterator[RenderedFrame]:
        """Yield the frames of the first seconds."""
        if len(self.known.get(self._options, ())) < seconds / 4:
            self.known[self._options] = list(super().shots(seconds=seconds))
        yield from self.known[self._options][: round(seconds / 4)]


@pytest.fixture(scope="module", autouse=True)
def _remembering() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cityscapes, "Street", Remembered)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of two frames a city in `train`, and one in `val`."""
    path = tmp_path_factory.mktemp("drawn") / "data"
    done = save_cityscapes(path, frames=10, size=SMALL, seed=3, workers=1)
    assert (done.frames, done.resumed) == ({"train": 8, "val": 2}, 0)
    assert done.objects > 20
    return path


def content(folder: Path) -> dict[str, bytes]:
    """Return what the files of a folder hold, by name."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(paths)}


def test_layout(folder: Path) -> None:
    """What reads Cityscapes reads it, and finds nothing wrong."""
    layout = read_layout(folder)
    assert layout.splits == ("train", "val")
    assert {(one.group, one.split) for one in layout.frames} == {city[:2] for city in CITIES}
    images = []
    for sample in layout.frames:
        assert sample.polygons is not None
        assert sample.image_path is not None
        assert read_annotation(sample.polygons).image_size == SMALL
        images.append(read_sample_image(sample.image_path))
        assert images[-1].shape == (*SMALL, 3)
        city, street, number = sample.stem.split("_")
        assert (city, len(street), len(number)) == (sample.group, 6, 6)
    report = check(cityscapes_set(layout), workers=1)
    assert report.problems == []
    for i, one in enumerate(images):
        for other in images[:i]:
            assert np.abs(one.astype(int) - other).mean() > 5


def test_images_fit_their_labels(folder: Path) -> None:
    """A frame is that of its street and time, picture and polygons alike."""
    name = "alderholm_000000_000068"
    sample = cityscapes_set(read_layout(folder)).find(name)
    assert sample.polygons is not None
    assert sample.image_path is not None
    seed = np.random.SeedSequence([3, 0, 0]).generate_state(1)[0]
    street = Street(size=SMALL, fps=0.25, seed=int(seed), camera="dashcam", light="day")
    shot = list(street.shots(seconds=8))[1]
    np.testing.assert_array_equal(read_sample_image(sample.image_path), shot.frame.image)
    assert json.loads(sample.polygons.read_bytes()) == polygons_json(shot)


def test_same_seed_same_files(folder: Path, tmp_path: Path) -> None:
    """Bit for bit, in other processes too; another seed draws other streets."""
    save_cityscapes(tmp_path / "again", frames=2, size=SMALL, seed=3, workers=2)
    again, first = content(tmp_path / "again"), content(folder)
    assert len(again) == 5
    assert again == {name: first[name] for name in again}
    save_cityscapes(tmp_path / "other", frames=2, size=SMALL, seed=4, workers=1)
    name = "leftImg8bit/train/alderholm/alderholm_000000_000000_leftImg8bit.png"
    assert (tmp_path / "other" / name).read_bytes() != content(folder)[name]


def test_going_on(folder: Path, tmp_path: Path) -> None:
    """What is there is kept, what is missing is drawn, and more can be added."""
    target = tmp_path / "data"
    done = save_cityscapes(target, frames=4, size=SMALL, seed=3, workers=1)
    assert done.frames == {"train": 3, "val": 1}
    first = next(target.rglob("*alderholm*polygons.json"))
    first.unlink()
    kept = {path: path.stat().st_mtime_ns for path in target.rglob("*birkfurt*") if path.is_file()}
    steps: list[int] = []
    done = save_cityscapes(
        target,
        frames=10,
        size=SMALL,
        seed=3,
        workers=1,
        on_start=steps.append,
        on_frame=lambda: steps.append(1),
    )
    assert (done.resumed, steps) == (3, [7] + [1] * 7)
    assert content(target) == content(folder)
    before = {path: path.stat().st_mtime_ns for path in kept}
    assert before == kept


def test_camera_and_light(folder: Path, tmp_path: Path) -> None:
    """One for all cities when wished."""
    options = {"camera": "dashcam", "light": "day"}
    save_cityscapes(tmp_path / "a", frames=3, size=SMALL, seed=3, workers=1, **options)
    one, other = content(tmp_path / "a"), content(folder)
    same = {name for name in one if name.endswith(".png") and one[name] == other[name]}
    assert {name.split("/")[2] for name in same} == {"alderholm", "eschwick"}


def test_folders_of_others(folder: Path, tmp_path: Path) -> None:
    """Nothing is drawn into them, nor mixed with other settings, and nothing is removed."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match=r"something else in it: letter\.txt"):
        save_cityscapes(tmp_path / "mine", frames=2, size=SMALL, overwrite=True)
    with pytest.raises(OutputError, match="is a file"):
        save_cityscapes(tmp_path / "mine" / "letter.txt", frames=2, size=SMALL)
    before = content(folder)
    with pytest.raises(OutputError, match="with other settings"):
        save_cityscapes(folder, frames=10, size=SMALL, seed=5)
    assert content(folder) == before


def test_overwrite(tmp_path: Path) -> None:
    """Draws it anew, and leaves nothing of the former one; files of others stay."""
    save_cityscapes(tmp_path / "a", frames=7, size=SMALL, seed=3, workers=1)
    (tmp_path / "a" / "letter.txt").write_text("dear")
    save_cityscapes(tmp_path / "a", frames=2, size=SMALL, seed=4, workers=1, overwrite=True)
    save_cityscapes(tmp_path / "b", frames=2, size=SMALL, seed=4, workers=1)
    assert content(tmp_path / "a") == content(tmp_path / "b") | {"letter.txt": b"dear"}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"frames": 1}, "`frames` is 1"),
        ({"frames": 10**7}, "`frames`"),
        ({"seed": -1}, "`seed`"),
        ({"size": (10, 10)}, "`size`"),
        ({"camera": "drone"}, "`camera`"),
        ({"light": "night"}, "`light`"),
        ({"workers": 0}, "`workers`"),
    ],
)
def test_wishes_that_are_not_sensible(tmp_path: Path, wish: dict[str, object], words: str) -> None:
    """They are refused."""
    with pytest.raises(SettingError, match=words):
        save_cityscapes(tmp_path / "a", **({"size": SMALL} | wish))  # type: ignore[arg-type]
    assert not list(tmp_path.rglob("*.png"))
