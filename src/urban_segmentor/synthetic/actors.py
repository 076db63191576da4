"""Appearance and ground truth of road users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.synthetic import people, vehicles

if TYPE_CHECKING:
    from urban_segmentor.synthetic.camera import Camera
    from urban_segmentor.synthetic.light import Light
    from urban_segmentor.synthetic.mesh import Mesh
    from urban_segmentor.synthetic.sprite import SceneSprite


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Ground truth of one object of a frame.

    Attributes:
        track_id: The same in every frame.
        class_id: Train id.
        ground_xy_m: Middle of the object on the ground, x and y, metres.
        size_m: Length, width, height, metres.
        heading_rad: Where it looks, radians from the street's x axis to y.
        speed_mps: Metres a second along the heading.
    """

    track_id: int
    class_id: int
    ground_xy_m: tuple[float, float]
    size_m: tuple[float, float, float]
    heading_rad: float
    speed_mps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorAppearance:
    """Appearance of one road user.

    Attributes:
        class_name: Cityscapes name.
        size_m: Length, width, height, metres.
        mesh: The body, for vehicles.
        build: For people: height, coat and trousers.
    """

    class_name: str
    size_m: tuple[float, float, float]
    mesh: Mesh | None = None
    build: tuple[float, tuple[float, float, float], tuple[float, float, float]] | None = None

    def render(
        self, camera: Camera, light: Light, actor: Actor, *, moved_m: float
    ) -> SceneSprite | None:
        """Return the road user as the camera sees it, or None when it does not.

        Args:
            camera: Where the frame is taken from.
            light: Sun, sky and haze.
            actor: Where it is.
            moved_m: Way since the start, which says where feet and pedals are.
        """
        at_m, heading = actor.ground_xy_m, actor.heading_rad
        if self.mesh is not None:
            return self.mesh.render(camera, light, at_m=at_m, heading_rad=heading)
        height_m, coat, trousers = self.build or (1.75, people.CLOTHES[0], people.CLOTHES[1])
        discs = None
        if self.class_name == "bicycle":
            limbs, discs = people.bicycle(paint=coat), people.wheel_discs()
        elif self.class_name == "rider":
            limbs = people.rider(coat=coat, trousers=trousers, ridden_m=moved_m)
        else:
            limbs = people.walker(height_m=height_m, coat=coat, trousers=trousers, walked_m=moved_m)
        return people.render_limbs(
            limbs, camera, light, at_m=at_m, heading_rad=heading, discs=discs
        )

    @property
    def class_id(self) -> int:
        """Train id."""
        return BY_NAME[self.class_name].train_id or 0


def looks_of(kind: str, look: int) -> tuple[ActorAppearance, ...]:
    """Return the looks of a mover; a cyclist is a bicycle and a rider.

    Args:
        kind: `traffic`, `car`, `walker` or `cyclist`.
        look: Seed of its looks.
    """
    rng = np.random.default_rng(look)
    if kind == "walker":
        return (_person(rng),)
    if kind == "cyclist":
        build = _build(rng)
        bike = (1.0, people.CLOTHES[int(rng.integers(len(people.CLOTHES)))], build[2])
        return (
            ActorAppearance(class_name="bicycle", size_m=(1.74, 0.56, 1.07), build=bike),
            ActorAppearance(class_name="rider", size_m=(0.8, 0.5, 1.75), build=build),
        )
    return (_vehicle(rng, anything=kind == "traffic"),)


def _vehicle(rng: np.random.Generator, *, anything: bool) -> ActorAppearance:
    paint = vehicles.PAINTS[int(rng.integers(len(vehicles.PAINTS)))]
    chance = rng.random()
    if anything and chance < 0.07:
        mesh = vehicles.bus((0.66, 0.55, 0.12) if rng.random() < 0.5 else (0.55, 0.12, 0.12))
        return ActorAppearance(class_name="bus", size_m=(11.8, 2.54, 3.05), mesh=mesh)
    if anything and chance < 0.15:
        return ActorAppearance(
            class_name="truck", size_m=(7.9, 2.46, 3.5), mesh=vehicles.truck(paint)
        )
    body = vehicles.BODIES[int(rng.integers(len(vehicles.BODIES)))]
    size_m = (body.length_m, body.width_m, body.height_m)
    return ActorAppearance(class_name="car", size_m=size_m, mesh=vehicles.car(body, paint))


def _build(
    rng: np.random.Generator,
) -> tuple[float, tuple[float, float, float], tuple[float, float, float]]:
    coat, trousers = (people.CLOTHES[int(i)] for i in rng.integers(len(people.CLOTHES), size=2))
    return float(rng.uniform(1.58, 1.92)), coat, trousers


def _person(rng: np.random.Generator) -> ActorAppearance:
    build = _build(rng)
    return ActorAppearance(class_name="person", size_m=(0.6, 0.55, build[0]), build=build)
