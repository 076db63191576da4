"""Settings of a panoptic training."""

from __future__ import annotations

import difflib
import math
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from urban_segmentor.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRIDE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticSettings:
    """Settings of a panoptic training.

    Attributes:
        epochs: Passes over the data; the learning rate falls to its end over them.
        minutes: Of training, in place of epochs; None for epochs.
        imgsz: Long side that images are brought to before they are scaled at random, pixels.
        shapes: Heights and widths of batches with their weights, shares of `imgsz`.
        batch: Images in a batch.
        lr: Highest learning rate of AdamW.
        lrf: Share of it that is left at the end; 1 keeps it.
        cosine: True for a rate that falls along a cosine, else along a line.
        warmup: Steps until the rate is at its highest.
        weight_decay: Of weights, not of biases and normalizations.
        ema: Decay of the mean of weights that is scored and kept.
        clip: Highest norm of the gradients.
        scale: Lowest and highest factor of random scaling.
        bars: Share of images with grey bars at two borders, as letterboxes have.
        paste: Share of images that get objects of rare classes from others.
        rare: Things in less than this share of images are rare, and repeated.
        points: Pixels of an image that the branch learns from in a step.
        dice: Weight of the Dice loss beside the cross entropy.
        semantic: Weight of the branch's loss.
        class_rows: Class of the checkpoint that a class begins from, by its name.
        save_minutes: Between checkpoints.
        score_minutes: Between scores.
        score_images: Validation images of a score before the end.
        seed: Of all chance.
        workers: Processes that load images.
        threads: Of PyTorch on a CPU; None for all cores.
        amp: Compute in bfloat16 where that is fast.
        device: `cpu`, `0` for a GPU; None for a GPU if there is one.

    Raises:
        SettingError: A value is out of its range.
    """

    epochs: int = 50
    minutes: float | None = None
    imgsz: int = 768
    shapes: tuple[tuple[float, float, float], ...] = (
        (0.5, 1.0, 4),
        (0.584, 0.875, 3),
        (0.625, 0.8334, 2),
        (0.8334, 0.584, 1),
    )
    batch: int = 8
    lr: float = 5e-4
    lrf: float = 0.02
    cosine: bool = True
    warmup: int = 200
    weight_decay: float = 5e-4
    ema: float = 0.9998
    clip: float = 10.0
    scale: tuple[float, float] = (0.5, 2.0)
    bars: float = 0.4
    paste: float = 0.4
    rare: float = 0.15
    points: int = 6144
    dice: float = 0.5
    semantic: float = 1.0
    class_rows: Mapping[str, str] = field(default_factory=dict[str, str])
    save_minutes: float = 5.0
    score_minutes: float = 60.0
    score_images: int = 40
    seed: int = 0
    workers: int = 1
    threads: int | None = None
    amp: bool = True
    device: str | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        positive = ("epochs", "batch", "lr", "clip", "points", "save_minutes", "score_minutes")
        for name in (*positive, "score_images"):
            _check(name, getattr(self, name), low=0, above=True)
        for name in ("lrf", "ema", "bars", "paste", "rare"):
            _check(name, getattr(self, name), low=0, high=1)
        for name in ("warmup", "weight_decay", "dice", "semantic", "workers"):
            _check(name, getattr(self, name), low=0)
        if self.minutes is not None:
            _check("minutes", self.minutes, low=0, above=True)
        if self.threads is not None:
            _check("threads", self.threads, low=1)
        _check("imgsz", self.imgsz, low=64, high=8192)
        low, high = self.scale
        if not 0.05 <= low <= high <= 20:
            raise SettingError(
                f"`scale` is {list(self.scale)}, expected two factors", hint="scale: [0.5, 2]"
            )
        if not self.shapes or any(
            not 0.05 <= side <= 4 for shape in self.shapes for side in shape[:2]
        ):
            raise SettingError(
                f"`shapes` is {self.shapes}, expected rows of height, width and weight",
                hint="shapes: [[0.5, 1, 1]]",
            )

    @classmethod
    def parsed(cls, settings: Mapping[str, Any]) -> Self:
        """Return settings from plain values, as recipes and `--set` have them.

        Raises:
            SettingError: There is no such setting, or it has no such value.
        """
        known = {one.name: one for one in fields(cls)}
        for name in settings:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                raise SettingError(
                    f"`{name}` is no setting of a panoptic training",
                    hint=f"did you mean `{near[0]}`?" if near else f"there are {', '.join(known)}",
                )
        try:
            return cls(**{name: _value(name, value) for name, value in settings.items()})
        except (TypeError, ValueError) as error:
            if isinstance(error, SettingError):
                raise
            raise SettingError(
                f"a setting has no such value: {error}", hint="docs/training.md has them all"
            ) from error

    def batch_shapes(self) -> list[tuple[tuple[int, int], float]]:
        """Return heights and widths of batches, multiples of 32 pixels, with their weights."""
        sides = [
            (_multiple(height * self.imgsz), _multiple(width * self.imgsz), float(weight))
            for height, width, weight in self.shapes
        ]
        return [((height, width), weight) for height, width, weight in sides]

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return asdict(self)


def _multiple(side: float) -> int:
    return max(round(side / _STRIDE), 1) * _STRIDE


def _value(name: str, value: Any) -> Any:
    if name == "shapes":
        return tuple((float(h), float(w), float(weight)) for h, w, weight in value)
    if name == "scale":
        low, high = value
        return float(low), float(high)
    if name == "class_rows":
        return {str(key): str(row) for key, row in dict(value).items()}
    return value


def _check(
    name: str, value: object, *, low: float, high: float = float("inf"), above: bool = False
) -> None:
    number = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    if low <= number <= high and not (above and number == low):
        return
    ends = (
        f"from {low} to {high}"
        if high < float("inf")
        else f"{'over' if above else 'at least'} {low}"
    )
    raise SettingError(f"`{name}` is {value}, expected a number {ends}", hint=f"--set {name}=...")
