"""What stands along the street: houses, trees, lamps, signs, lights and parked cars."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.structures.cityscapes_labels import BY_NAME
from urban_segmentor.synthetic import furniture
from urban_segmentor.synthetic.actors import Actor, ActorAppearance, looks_of
from urban_segmentor.synthetic.ground import FRONT_X_M
from urban_segmentor.synthetic.houses import house
from urban_segmentor.synthetic.plants import Tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from urban_segmentor.synthetic.camera import Camera
    from urban_segmentor.synthetic.light import Light
    from urban_segmentor.synthetic.mesh import Mesh
    from urban_segmentor.synthetic.plane import Wall
    from urban_segmentor.synthetic.sprite import SceneSprite

_LOT_M = 15.0
_BLOCK_M = 6.0
_PARKED_X_M = 4.65
_AHEAD_M = 210.0
_SIDES = (-1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetFixture:
    """Something that stands still.

    Attributes:
        key: Unique on the street.
        at_m: x and y, metres.
        class_id: Train id.
        render: Returns it as a camera sees it.
        actor: The truth, for parked cars.
        look: Looks of a parked car, for its shadow.
    """

    key: tuple[object, ...]
    at_m: tuple[float, float]
    class_id: int
    render: Callable[[Camera], SceneSprite | None]
    actor: Actor | None = None
    look: ActorAppearance | None = None


class Roadside:
    """Both sides of an endless street; every place looks the same whenever it comes into view.

    Args:
        seed: Another number, another street.
        light: Sun, sky and haze.
        next_key: Gives track ids to parked cars.
    """

    def __init__(self, seed: int, light: Light, next_key: Callable[[], int]) -> None:
        self._seed, self._light, self._next_key = seed, light, next_key
        rng = np.random.default_rng([seed, 1])
        self._trees = [Tree.grown(rng, light) for _ in range(5)]
        self._walls: dict[tuple[int, int], tuple[Wall, Wall]] = {}
        self._fixtures: dict[int, list[StreetFixture]] = {}

    def walls(self, camera: Camera) -> Iterator[Wall]:
        """Yield walls from far to near."""
        first = int(np.floor((camera.position_m[1] - _LOT_M) / _LOT_M))
        lots = range(first, first + int(_AHEAD_M / _LOT_M))
        self._walls = {key: pair for key, pair in self._walls.items() if key[1] >= first}
        for lot in reversed(lots):
            for side in _SIDES:
                if (side, lot) not in self._walls:
                    rng = np.random.default_rng([self._seed, 2, lot + 1000, side + 1])
                    front = side * (FRONT_X_M + float(rng.choice([0.0, 0.0, 0.6, 1.4])))
                    span = (lot * _LOT_M, (lot + 1) * _LOT_M)
                    self._walls[side, lot] = house(rng, self._light, front_x_m=front, y_m=span)
                front_wall, side_wall = self._walls[side, lot]
                yield side_wall
                yield front_wall

    def fixtures(self, camera: Camera) -> list[StreetFixture]:
        """Return what stands near enough to be seen, in no order."""
        first = int(np.floor((camera.position_m[1] - _BLOCK_M) / _BLOCK_M))
        blocks = range(first, first + int(_AHEAD_M / _BLOCK_M))
        self._fixtures = {block: row for block, row in self._fixtures.items() if block >= first}
        for block in blocks:
            if block not in self._fixtures:
                self._fixtures[block] = list(self._block(block))
        return [fixture for block in blocks for fixture in self._fixtures[block]]

    def _block(self, block: int) -> Iterator[StreetFixture]:
        for side in _SIDES:
            rng = np.random.default_rng([self._seed, 3, block + 1000, side + 1])
            y_m = (block + 0.5) * _BLOCK_M
            parked, planted, signed = rng.random(3)
            if parked < 0.62:
                yield self._parked(rng, block, side, y_m)
            if (block + side) % 2 == 0 and planted < 0.55:
                yield self._tree(rng, block, side, y_m)
            elif (block + 2 * side) % 5 == 0:
                lamp = furniture.lantern(height_m=6.5)
                yield self._still("pole", lamp, (side * 6.3, y_m), (block, side), side)
            elif signed < 0.25:
                yield from self._sign(rng, block, side, y_m)

    def _parked(self, rng: np.random.Generator, block: int, side: int, y_m: float) -> StreetFixture:
        look = looks_of("car", int(rng.integers(1 << 31)))[0]
        heading = np.pi / 2 * (1 if side > 0 else -1) + float(rng.normal(0, 0.015))
        position_m = (
            side * _PARKED_X_M + float(rng.normal(0, 0.06)),
            y_m + float(rng.normal(0, 0.2)),
        )
        actor = Actor(
            track_id=self._next_key(),
            class_id=look.class_id,
            ground_xy_m=position_m,
            size_m=look.size_m,
            heading_rad=float(heading),
            speed_mps=0.0,
        )
        return StreetFixture(
            key=("car", block, side),
            at_m=position_m,
            class_id=look.class_id,
            render=partial(look.render, light=self._light, actor=actor, moved_m=0.0),
            actor=actor,
            look=look,
        )

    def _tree(self, rng: np.random.Generator, block: int, side: int, y_m: float) -> StreetFixture:
        tree = self._trees[int(rng.integers(len(self._trees)))]
        position_m = (side * 6.6, y_m + float(rng.uniform(-1, 1)))
        return StreetFixture(
            key=("tree", block, side),
            at_m=position_m,
            class_id=BY_NAME["vegetation"].train_id or 0,
            render=partial(tree.render, light=self._light, at_m=position_m),
        )

    def _sign(
        self, rng: np.random.Generator, block: int, side: int, y_m: float
    ) -> Iterator[StreetFixture]:
        position_m = (side * 6.1, y_m)
        key = (block, side)
        if rng.random() < 0.35:
            post = furniture.pole(height_m=3.0)
            lamp = furniture.traffic_light(lit=int(rng.integers(3)))
            yield self._still("pole", post, position_m, key, -1, toward_camera=True)
            yield self._still("traffic light", lamp, position_m, key, -1, toward_camera=True)
            return
        post = furniture.pole(height_m=2.9, width_m=0.07)
        board = furniture.sign(kind=int(rng.integers(4)))
        yield self._still("pole", post, position_m, key, -1, toward_camera=True)
        yield self._still("traffic sign", board, position_m, key, -1, toward_camera=True)

    def _still(  # noqa: PLR0913 - what, where and which way
        self,
        name: str,
        mesh: Mesh,
        position_m: tuple[float, float],
        key: tuple[int, int],
        side: int,
        *,
        toward_camera: bool = False,
    ) -> StreetFixture:
        heading = -np.pi / 2 if toward_camera else (0.0 if side < 0 else np.pi)
        return StreetFixture(
            key=(name, *key),
            # A board hangs before its pole.
            at_m=(position_m[0], position_m[1] - (0.0 if name == "pole" else 0.1)),
            class_id=BY_NAME[name].train_id or 0,
            render=partial(
                mesh.render, light=self._light, at_m=position_m, heading_rad=float(heading)
            ),
        )
