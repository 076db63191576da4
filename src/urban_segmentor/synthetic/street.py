"""A procedural street, rendered frame by frame with exact ground truth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import SettingError
from urban_segmentor.models.known_classes import known_classes
from urban_segmentor.result import Result
from urban_segmentor.structures._arrays import read_only
from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES
from urban_segmentor.structures.frame import Frame
from urban_segmentor.structures.instances import Instances
from urban_segmentor.structures.masks import Masks
from urban_segmentor.synthetic.actors import Actor, ActorAppearance, looks_of
from urban_segmentor.synthetic.camera import Camera
from urban_segmentor.synthetic.ground import Ground, sky
from urban_segmentor.synthetic.lens import Lens
from urban_segmentor.synthetic.light import LIGHTS
from urban_segmentor.synthetic.noise import cloudy
from urban_segmentor.synthetic.roadside import Roadside, StreetFixture
from urban_segmentor.synthetic.shadows import paint_shadow
from urban_segmentor.synthetic.street_options import USUAL_STREET
from urban_segmentor.synthetic.traffic import OWN_LANE, WAYS, MovingActor, TrafficStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from urban_segmentor.synthetic.sprite import SceneSprite

_CAMERA_MPS = {"fixed": 0.0, "dashcam": 9.0}
_FAR_M = 130.0
_SHADOWS_M = 90.0
_MIN_SIDE_PX, _MAX_SIDE_PX = 64, 4096
_LEADER_GAP_M, _LEADER_SWAY_M, _LEADER_RATE = 17.0, 4.0, 0.45


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RenderedFrame:
    """One frame of the street with its ground truth.

    Attributes:
        frame: The picture, RGB, with its exact time.
        class_map: uint8 (H, W), train ids; every pixel has one.
        instance_map: int32 (H, W), track ids, 0 where there is no object.
        objects: Objects of which at least one pixel is seen.
        camera: Where the frame was taken from.
    """

    frame: Frame
    class_map: NDArray[np.uint8]
    instance_map: NDArray[np.int32]
    objects: tuple[Actor, ...]
    camera: Camera

    def __post_init__(self) -> None:
        """Check and freeze the maps."""
        size = f"{self.frame.size[0]} {self.frame.size[1]}"
        object.__setattr__(self, "class_map", read_only("class_map", self.class_map, "uint8", size))
        instance_map = read_only("instance_map", self.instance_map, "int32", size)
        object.__setattr__(self, "instance_map", instance_map)

    def instances(self) -> Instances:
        """Return the objects as a perfect segmenter would, in the order of `objects`.

        Boxes go around visible pixels; scores are 1; class ids are train ids.
        """
        ids = np.array([actor.track_id for actor in self.objects], dtype=np.int32)
        masks = Masks.from_dense(self.instance_map == ids[:, None, None])
        return Instances(
            boxes=masks.rectangles(),
            masks=masks,
            scores=np.ones(len(ids), dtype=np.float32),
            class_ids=np.array([actor.class_id for actor in self.objects], dtype=np.int32),
            track_ids=ids,
            classes=known_classes(TRAIN_NAMES),
        )

    def result(self) -> Result:
        """Return the frame with its objects, as a perfect segmenter would."""
        return Result(frame=self.frame, instances=self.instances())


@dataclass(frozen=True, slots=True, kw_only=True)
class _VisibleObject:
    """A visible object: its depth, class, track id and sprite."""

    depth_m: float
    class_id: int
    track_id: int
    sprite: SceneSprite


class Street:
    """A straight street with houses, trees, parked cars and traffic.

    Axes: x right, y along the street, z up, metres; the middle of the road is x = 0. The same
    arguments give the same frames.

    Args:
        size: Height and width, pixels.
        fps: Frames a second.
        seed: Another number, another street.
        camera: `fixed` on a gantry over the road, or `dashcam` in a car.
        light: `day` or `dusk`.

    Raises:
        SettingError: An argument is not sensible.
    """

    def __init__(
        self,
        *,
        size: tuple[int, int] = USUAL_STREET.size,
        fps: float = USUAL_STREET.fps,
        seed: int = USUAL_STREET.seed,
        camera: str = USUAL_STREET.camera,
        light: str = USUAL_STREET.light,
    ) -> None:
        _check(size, fps, seed, camera, light)
        self._size, self._fps, self._seed = size, fps, seed
        self._light, self._moves = light, camera == "dashcam"
        self.camera_speed_mps = _CAMERA_MPS[camera]

    def shots(self, *, seconds: float) -> Iterator[RenderedFrame]:
        """Yield the frames of the first seconds.

        Args:
            seconds: Length of the clip.

        Raises:
            SettingError: The length is not a positive number.
        """
        if not (math.isfinite(seconds) and seconds > 0):
            raise SettingError(f"`seconds` is {seconds}, expected more than 0", hint="seconds=10")
        scene = _Scene(self._size, self._seed, self._light, moves=self._moves)
        for index in range(max(1, round(seconds * self._fps))):
            yield scene.shot(index, index / self._fps, self.camera_speed_mps)


class _Scene:
    """One run through a street; times only go on."""

    def __init__(self, size: tuple[int, int], seed: int, light: str, *, moves: bool) -> None:
        self._size, self._light, self._moves = size, LIGHTS[light], moves
        self._keys = count(1)
        speed_mps = _CAMERA_MPS["dashcam" if moves else "fixed"]
        self._ground = Ground(np.random.default_rng([seed, 4]), self._light)
        rng = np.random.default_rng([seed, 5])
        clouds = cloudy(rng, size, coarse_px=max(size) // 4, octaves=4)
        self._sky = sky(clouds, self._camera(0.0), self._light)
        self._lens = Lens(np.random.default_rng([seed, 6]), size, noise=self._light.noise)
        self._roadside = Roadside(seed, self._light, self._next_key)
        self._streams = [
            TrafficStream(
                way,
                rng=np.random.default_rng([seed, 7, i]),
                camera_mps=speed_mps,
                far_m=_FAR_M,
                next_key=self._next_key,
            )
            for i, way in enumerate(WAYS if moves else (*WAYS, OWN_LANE))
        ]
        self._leader = (self._next_key(), int(np.random.default_rng([seed, 8]).integers(1 << 31)))
        self._looks: dict[int, tuple[ActorAppearance, ...]] = {}
        self._backdrop: tuple[NDArray[np.uint8], NDArray[np.uint8]] | None = None
        self._stills: dict[tuple[object, ...], SceneSprite | None] = {}

    def _next_key(self) -> int:
        """Return a track id that is free, and whose successor is free too."""
        return 2 * next(self._keys) - 1

    def shot(self, index: int, time_s: float, speed_mps: float) -> RenderedFrame:
        """Return the frame at a time, seconds; times must not go back."""
        camera = self._camera(speed_mps * time_s)
        image, classes = self._background(camera)
        ids = np.zeros(self._size, dtype=np.int32)
        fixtures = self._roadside.fixtures(camera)
        movers = list(self._movers(time_s, speed_mps))
        actors = [actor for actor, _, _ in movers]
        actors += [fixture.actor for fixture in fixtures if fixture.actor is not None]
        for actor in actors:
            if _depth(actor.ground_xy_m, camera) < _SHADOWS_M:
                paint_shadow(image, actor, camera, self._light)
        seen = [*self._fixed(fixtures, camera), *self._moving(movers, camera)]
        for item in sorted(seen, key=lambda item: -item.depth_m):
            item.sprite.paint(image)
            item.sprite.mark(classes, item.class_id)
            item.sprite.mark(ids, item.track_id)
        present = set(np.flatnonzero(np.bincount(ids.ravel())).tolist())
        frame = Frame(
            pixels=self._lens.take(image),
            index=index,
            time_s=time_s,
            source="street",
            name=f"street_{index:06d}",
        )
        shown = tuple(actor for actor in actors if actor.track_id in present)
        return RenderedFrame(
            frame=frame, class_map=classes, instance_map=ids, objects=shown, camera=camera
        )

    def _camera(self, y_m: float) -> Camera:
        if self._moves:
            position_m, pitch, yaw = (1.75, y_m, 1.35), 0.03, 0.0
        else:
            position_m, pitch, yaw = (0.0, y_m, 3.2), 0.08, 0.0
        return Camera.looking(position_m, pitch_rad=pitch, yaw_rad=yaw, image_size=self._size)

    def _background(self, camera: Camera) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Return sky, ground and houses, and their classes; both may be drawn on."""
        if self._backdrop is None or self._moves:
            image, classes = self._sky[0].copy(), self._sky[1].copy()
            self._ground.paint(camera, image, classes)
            for wall in self._roadside.walls(camera):
                wall.paint(camera, self._light, image, classes)
            self._backdrop = image, classes
        return self._backdrop[0].copy(), self._backdrop[1].copy()

    def _movers(
        self, time_s: float, speed_mps: float
    ) -> Iterator[tuple[Actor, ActorAppearance, float]]:
        """Yield everybody who moves, how they look, and the way that they have made, metres."""
        moving = [mover for stream in self._streams for mover in stream.at(time_s)]
        present = {mover.key for mover in moving}
        self._looks = {key: looks for key, looks in self._looks.items() if key in present}
        for mover in moving:
            if mover.key not in self._looks:
                self._looks[mover.key] = looks_of(mover.kind, mover.look)
            for i, look in enumerate(self._looks[mover.key]):
                yield _actor(mover, look, mover.key + i, time_s), look, mover.speed_mps * time_s
        if self._moves:
            yield self._leading(time_s, speed_mps)

    def _leading(self, time_s: float, speed_mps: float) -> tuple[Actor, ActorAppearance, float]:
        """Return the car ahead of the dashcam, which comes nearer and goes further away."""
        key, seed = self._leader
        look = looks_of("car", seed)[0]
        sway = _LEADER_RATE * time_s
        y_m = speed_mps * time_s + _LEADER_GAP_M + _LEADER_SWAY_M * math.sin(sway)
        actor = Actor(
            track_id=key,
            class_id=look.class_id,
            ground_xy_m=(1.75, y_m),
            size_m=look.size_m,
            heading_rad=math.pi / 2,
            speed_mps=speed_mps + _LEADER_SWAY_M * _LEADER_RATE * math.cos(sway),
        )
        return actor, look, y_m

    def _moving(
        self, movers: list[tuple[Actor, ActorAppearance, float]], camera: Camera
    ) -> Iterator[_VisibleObject]:
        for actor, look, moved_m in movers:
            sprite = look.render(camera, self._light, actor, moved_m=moved_m)
            if sprite is not None:
                rides = 0.02 if look.class_name == "rider" else 0.0  # in front of the bicycle
                depth_m = _depth(actor.ground_xy_m, camera) - rides
                yield _VisibleObject(
                    depth_m=depth_m,
                    class_id=actor.class_id,
                    track_id=actor.track_id,
                    sprite=sprite,
                )

    def _fixed(self, fixtures: list[StreetFixture], camera: Camera) -> Iterator[_VisibleObject]:
        for fixture in fixtures:
            if self._moves:
                sprite = fixture.render(camera)
            else:
                if fixture.key not in self._stills:
                    self._stills[fixture.key] = fixture.render(camera)
                sprite = self._stills[fixture.key]
            if sprite is not None:
                yield _VisibleObject(
                    depth_m=_depth(fixture.at_m, camera),
                    class_id=fixture.class_id,
                    track_id=fixture.actor.track_id if fixture.actor else 0,
                    sprite=sprite,
                )


def _actor(mover: MovingActor, look: ActorAppearance, track_id: int, time_s: float) -> Actor:
    return Actor(
        track_id=track_id,
        class_id=look.class_id,
        ground_xy_m=(mover.x_m, mover.y_m(time_s)),
        size_m=look.size_m,
        heading_rad=mover.direction * math.pi / 2,
        speed_mps=mover.speed_mps,
    )


def _depth(at_m: tuple[float, float], camera: Camera) -> float:
    return float(camera.to_camera(np.array([[*at_m, 0.0]]))[0, 2])


def _check(size: tuple[int, int], fps: float, seed: int, camera: str, light: str) -> None:
    if not all(_MIN_SIDE_PX <= side <= _MAX_SIDE_PX for side in size):
        raise SettingError(
            f"`size` is {size[1]}x{size[0]}, expected sides of {_MIN_SIDE_PX} to {_MAX_SIDE_PX}",
            hint=f"size={USUAL_STREET.size} is height and width in pixels",
        )
    if not (math.isfinite(fps) and 0 < fps <= 1000):
        raise SettingError(
            f"`fps` is {fps}, expected more than 0, at most 1000", hint=f"fps={USUAL_STREET.fps:g}"
        )
    if seed < 0:
        raise SettingError(
            f"`seed` is {seed}, expected 0 or more", hint=f"seed={USUAL_STREET.seed}"
        )
    if camera not in _CAMERA_MPS:
        raise SettingError(f"`camera` is `{camera}`", hint=f"one of {', '.join(_CAMERA_MPS)}")
    if light not in LIGHTS:
        raise SettingError(f"`light` is `{light}`", hint=f"one of {', '.join(LIGHTS)}")
