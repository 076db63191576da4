"""The procedural street: the same for the same seed, and true to itself."""

from __future__ import annotations

import json
import math
from itertools import combinations, islice, pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from urban_segmentor.errors import OutputError, SettingError
from urban_segmentor.structures.cityscapes_labels import BY_NAME, TRAIN_NAMES
from urban_segmentor.synthetic import Actor, RenderedFrame, Street, save_truth

if TYPE_CHECKING:
    from pathlib import Path

SMALL = (216, 384)
VIEWS = [("fixed", "day"), ("dashcam", "day"), ("fixed", "dusk"), ("dashcam", "dusk")]
CAR, ROAD = BY_NAME["car"].train_id, BY_NAME["road"].train_id
VEHICLES = {BY_NAME[name].train_id for name in ("car", "truck", "bus")}


def shots(seconds: float = 2.0, **options: object) -> list[RenderedFrame]:
    """Return the frames of a small street."""
    settings = {"size": SMALL, "fps": 2.0, **options}
    return list(Street(**settings).shots(seconds=seconds))  # type: ignore[arg-type]


@pytest.mark.parametrize(("camera", "light"), VIEWS)
def test_same_seed_same_street(camera: str, light: str) -> None:
    """Frames and truth repeat; another seed gives another street."""
    first, again, other = (
        shots(camera=camera, light=light, seed=seed, seconds=1.0) for seed in (4, 4, 5)
    )
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.frame.image, two.frame.image)
        np.testing.assert_array_equal(one.instance_map, two.instance_map)
        assert one.objects == two.objects
    assert (first[0].class_map != other[0].class_map).mean() > 0.02


@pytest.mark.parametrize(("camera", "light"), VIEWS)
def test_maps_agree_with_objects(camera: str, light: str) -> None:
    """Every object has pixels of its class, and every id in the map is an object."""
    for shot in shots(camera=camera, light=light):
        ids = {actor.track_id for actor in shot.objects}
        assert ids == set(np.unique(shot.instance_map).tolist()) - {0}
        for actor in shot.objects:
            inside = shot.class_map[shot.instance_map == actor.track_id]
            assert set(inside.tolist()) == {actor.class_id}
        assert set(np.unique(shot.class_map).tolist()) <= set(range(len(TRAIN_NAMES)))
        instances = shot.instances()
        assert instances.class_ids.tolist() == [actor.class_id for actor in shot.objects]
        shown = instances.masks.dense()
        np.testing.assert_array_equal(shown.any(axis=0), shot.instance_map > 0)


def test_frames_have_exact_times_and_names() -> None:
    """Times are index over rate, names count."""
    clip = shots(seconds=1.0, fps=7.0)
    assert [shot.frame.time_s for shot in clip] == [i / 7.0 for i in range(7)]
    assert [shot.frame.name for shot in clip][:2] == ["street_000000", "street_000001"]
    assert {shot.frame.size for shot in clip} == {SMALL}


@pytest.mark.slow
@pytest.mark.parametrize("camera", ["fixed", "dashcam"])
def test_objects_move_at_their_speed(camera: str) -> None:
    """Between two frames everybody goes speed times time along the heading."""
    clip = shots(camera=camera, seconds=3.0, fps=10.0)
    checked = 0
    for one, two in pairwise(clip):
        before = {actor.track_id: actor for actor in one.objects}
        for actor in two.objects:
            if actor.track_id not in before:
                continue
            old = before[actor.track_id]
            step = np.subtract(actor.ground_xy_m, old.ground_xy_m)
            ahead = np.array([math.cos(actor.heading_rad), math.sin(actor.heading_rad)])
            speed = (actor.speed_mps + old.speed_mps) / 2
            np.testing.assert_allclose(step, ahead * speed * 0.1, atol=2e-3)
            assert (actor.class_id, actor.size_m) == (old.class_id, old.size_m)
            checked += actor.speed_mps > 0
    assert checked > 60


@pytest.mark.slow
@pytest.mark.parametrize("camera", ["fixed", "dashcam"])
def test_positions_are_where_the_pixels_are(camera: str) -> None:
    """A car that stands free is seen around the projection of its own middle."""
    checked = 0
    for seed in (1, 2, 3):
        for shot in shots(camera=camera, seed=seed, seconds=3.0):
            boxes = shot.instances().boxes
            for actor, box in zip(shot.objects, boxes, strict=True):
                margin = (box[:2] > 2).all() and (box[2:] < np.array(SMALL[::-1]) - 2).all()
                if actor.class_id != CAR or box[3] - box[1] < 25 or not margin:
                    continue
                middle = np.array([[*actor.ground_xy_m, actor.size_m[2] / 2]])
                x, y = shot.camera.project(middle)[0]
                assert box[0] - 4 <= x <= box[2] + 4 or _hidden(shot, actor)
                assert box[1] - 4 <= y <= box[3] + 4 or _hidden(shot, actor)
                checked += 1
    assert checked > 10


def _hidden(shot: RenderedFrame, actor: Actor) -> bool:
    """Return whether much of an object is covered by others."""
    corners = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0, 1)])
    sizes = (actor.size_m[1], actor.size_m[0], actor.size_m[2])  # cars stand along y
    hull = shot.camera.project(corners * sizes + (*actor.ground_xy_m, 0.0))
    area = cv2.contourArea(cv2.convexHull(hull.astype(np.float32)))
    return bool((shot.instance_map == actor.track_id).sum() < 0.6 * area)


@pytest.mark.slow
@pytest.mark.parametrize("camera", ["fixed", "dashcam"])
@pytest.mark.parametrize("seed", range(3))
def test_vehicles_never_touch(camera: str, seed: int) -> None:
    """Vehicles keep apart on the ground for a whole minute."""
    for shot in shots(camera=camera, seed=seed, seconds=60.0, fps=0.5, size=(64, 96)):
        cars = [actor for actor in shot.objects if actor.class_id in VEHICLES]
        for one, two in combinations(cars, 2):
            gap = np.abs(np.subtract(one.ground_xy_m, two.ground_xy_m))
            reach = np.add(one.size_m[:2], two.size_m[:2]) / 2
            assert gap[1] >= reach[0] - 0.2 or gap[0] >= reach[1] - 0.2


def test_a_cyclist_is_a_rider_and_a_bicycle() -> None:
    """Riders come with a bicycle whose id follows theirs, at the same place."""
    found = 0
    for shot in shots(seconds=12.0, fps=1.0):
        by_id = {actor.track_id: actor for actor in shot.objects}
        for actor in shot.objects:
            if actor.class_id == BY_NAME["rider"].train_id and actor.track_id - 1 in by_id:
                bicycle = by_id[actor.track_id - 1]
                assert bicycle.class_id == BY_NAME["bicycle"].train_id
                assert bicycle.ground_xy_m == actor.ground_xy_m
                found += 1
    assert found > 3


def test_the_camera_knows_the_ground() -> None:
    """Projection, homography and the pinhole formula say the same."""
    camera = shots(seconds=0.5)[0].camera
    np.testing.assert_allclose(camera.rotation @ camera.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(camera.rotation) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    points = np.column_stack([rng.uniform(-8, 8, 50), rng.uniform(5, 100, 50), np.zeros(50)])
    by_matrix = (points - camera.position_m) @ (camera.intrinsics @ camera.rotation).T
    by_ground = np.column_stack([points[:, :2], np.ones(50)]) @ camera.ground_homography.T
    pixels = camera.project(points)
    np.testing.assert_allclose(by_matrix[:, :2] / by_matrix[:, 2:], pixels, rtol=1e-9)
    np.testing.assert_allclose(by_ground[:, :2] / by_ground[:, 2:], pixels, rtol=1e-9)


def test_the_dashcam_drives() -> None:
    """The camera of a dashcam goes ahead at the speed that the street states."""
    street = Street(size=SMALL, fps=4.0, camera="dashcam")
    first, _, third = islice(street.shots(seconds=1.0), 3)
    moved = third.camera.position_m - first.camera.position_m
    np.testing.assert_allclose(moved, [0.0, street.camera_speed_mps * 0.5, 0.0])
    assert street.camera_speed_mps > 0
    assert Street(camera="fixed").camera_speed_mps == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": (0, 640)},
        {"size": (720, 50_000)},
        {"fps": 0.0},
        {"fps": math.nan},
        {"seed": -1},
        {"camera": "drone"},
        {"light": "fog"},
    ],
)
def test_nonsense_is_refused(wrong: dict[str, object]) -> None:
    """Arguments outside what is allowed raise, with a hint."""
    with pytest.raises(SettingError) as caught:
        Street(**wrong)  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf, math.nan])
def test_the_length_must_be_a_time(seconds: float) -> None:
    """A clip without a length, or without an end, is refused."""
    with pytest.raises(SettingError, match="seconds"):
        next(Street(size=SMALL).shots(seconds=seconds))


def test_truth_reads_back(tmp_path: Path) -> None:
    """What is saved is what the shots say."""
    clip = shots(seconds=1.0)
    for _ in range(2):  # a second run replaces the first
        for shot in clip:
            save_truth(shot, tmp_path / "truth")
    lines = (tmp_path / "truth" / "truth.jsonl").read_text().splitlines()
    assert len(lines) == len(clip)
    for shot, line in zip(clip, lines, strict=True):
        record = json.loads(line)
        stem = tmp_path / "truth" / record["frame"]
        ids = cv2.imread(f"{stem}_instances.png", cv2.IMREAD_UNCHANGED)
        classes = cv2.imread(f"{stem}_classes.png", cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(ids, shot.instance_map)
        np.testing.assert_array_equal(classes, shot.class_map)
        assert record["time_s"] == shot.frame.time_s
        assert [o["track_id"] for o in record["objects"]] == [a.track_id for a in shot.objects]
        np.testing.assert_array_equal(record["camera"]["rotation"], shot.camera.rotation)


def test_truth_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A file where the folder should be is an error with a hint."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_truth(shots(seconds=0.5)[0], tmp_path / "file")
