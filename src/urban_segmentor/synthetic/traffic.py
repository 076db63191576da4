"""Traffic: streams of road users at constant speeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BEHIND_M = -14.0
"""Where streams begin or end behind the camera."""
_SLOWEST_MPS = 0.6
_GAP_M = 15.0  # from middle to middle, enough for two buses


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficPath:
    """A straight way along the street that road users share.

    Attributes:
        x_m: Metres right of the middle of the street.
        direction: 1 ahead, -1 back.
        speeds_mps: Slowest and fastest.
        every_s: Mean time between two, where one watches from the side.
        kind: What goes there, a name that the street understands.
        spread_m: How far they stray to the sides.
        queued: True when nobody overtakes.
    """

    x_m: float
    direction: int
    speeds_mps: tuple[float, float]
    every_s: float
    kind: str
    spread_m: float = 0.15
    queued: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingActor:
    """A road user with a constant speed on a straight path.

    Attributes:
        key: First track id; a cyclist has the next one, too.
        kind: As in `TrafficPath`.
        x_m: Metres right of the middle of the street.
        direction: 1 ahead, -1 back.
        speed_mps: Metres a second.
        start_m: Place along the street at time 0.
        look: Seed of its looks.
    """

    key: int
    kind: str
    x_m: float
    direction: int
    speed_mps: float
    start_m: float
    look: int

    def y_m(self, time_s: float) -> float:
        """Return the place along the street, metres."""
        return self.start_m + self.direction * self.speed_mps * time_s


class TrafficStream:
    """The movers of one way, for a camera that may move along the street.

    Args:
        way: What goes there.
        rng: Where the randomness comes from.
        camera_mps: Speed of the camera along the street.
        far_m: Where streams begin or end ahead of the camera.
        next_key: Gives track ids.
    """

    def __init__(
        self,
        way: TrafficPath,
        *,
        rng: np.random.Generator,
        camera_mps: float,
        far_m: float,
        next_key: Callable[[], int],
    ) -> None:
        self._way, self._rng, self._next_key = way, rng, next_key
        self._camera_mps, self._far_m = camera_mps, far_m
        self._arrivals = self._arrive()
        self._waiting = next(self._arrivals)
        self._present: list[tuple[float, MovingActor]] = []

    def at(self, time_s: float) -> list[MovingActor]:
        """Return who is between the ends; times must not go back."""
        while self._waiting[0] <= time_s:
            self._present.append((self._waiting[1], self._waiting[2]))
            self._waiting = next(self._arrivals)
        self._present = [item for item in self._present if item[0] > time_s]
        return [mover for _, mover in self._present]

    def _arrive(self) -> Iterator[tuple[float, float, MovingActor]]:
        """Yield times of entry and exit, and the mover, in order of entry."""
        way, rng, length_m = self._way, self._rng, self._far_m - BEHIND_M
        slow = min(abs(way.direction * v - self._camera_mps) for v in way.speeds_mps)
        time_s = -length_m / max(slow, _SLOWEST_MPS)
        last_exit_s = -np.inf
        while True:
            speed = float(rng.uniform(*way.speeds_mps))
            closing = way.direction * speed - self._camera_mps
            gap_s = _GAP_M / max(slow, _SLOWEST_MPS)
            ratio = way.speeds_mps[1] / max(abs(closing), _SLOWEST_MPS)
            pause_s = float(rng.exponential(way.every_s)) * min(ratio, 1.0)
            time_s += pause_s + (gap_s if way.queued else 0.0)
            exit_s = time_s + length_m / max(abs(closing), _SLOWEST_MPS)
            if way.queued and exit_s < last_exit_s + gap_s:
                exit_s = last_exit_s + gap_s
                closing = np.sign(closing) * length_m / (exit_s - time_s)
                speed = (closing + self._camera_mps) * way.direction
            last_exit_s = exit_s
            entry_m = (BEHIND_M if closing > 0 else self._far_m) + self._camera_mps * time_s
            mover = MovingActor(
                key=self._next_key(),
                kind=way.kind,
                x_m=way.x_m + float(rng.uniform(-way.spread_m, way.spread_m)),
                direction=way.direction,
                speed_mps=float(speed),
                start_m=float(entry_m - way.direction * speed * time_s),
                look=int(rng.integers(1 << 31)),
            )
            yield time_s, exit_s, mover


WAYS = (
    TrafficPath(x_m=-1.75, direction=-1, speeds_mps=(8.0, 13.0), every_s=0.9, kind="traffic"),
    TrafficPath(
        x_m=-7.6,
        direction=1,
        speeds_mps=(1.0, 1.7),
        every_s=7.0,
        kind="walker",
        spread_m=1.3,
        queued=False,
    ),
    TrafficPath(
        x_m=-7.6,
        direction=-1,
        speeds_mps=(1.0, 1.7),
        every_s=7.0,
        kind="walker",
        spread_m=1.3,
        queued=False,
    ),
    TrafficPath(
        x_m=7.9,
        direction=-1,
        speeds_mps=(1.0, 1.7),
        every_s=6.0,
        kind="walker",
        spread_m=1.2,
        queued=False,
    ),
    TrafficPath(
        x_m=7.9,
        direction=1,
        speeds_mps=(1.0, 1.7),
        every_s=9.0,
        kind="walker",
        spread_m=1.2,
        queued=False,
    ),
    TrafficPath(x_m=-3.25, direction=-1, speeds_mps=(3.8, 5.8), every_s=9.0, kind="cyclist"),
    TrafficPath(x_m=3.25, direction=1, speeds_mps=(3.8, 5.8), every_s=9.0, kind="cyclist"),
)
"""Paths of all traffic but the car ahead in the camera's own lane."""

OWN_LANE = TrafficPath(x_m=1.75, direction=1, speeds_mps=(8.0, 13.0), every_s=0.9, kind="traffic")
