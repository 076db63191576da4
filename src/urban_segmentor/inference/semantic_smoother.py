"""Maps of classes that do not flicker: a mean of the last frames, which follows what changes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.surfaces import with_surfaces
from urban_segmentor.structures.panoptic import SemanticMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from urban_segmentor.result import Result

_USUAL_TIME_CONSTANT_S = 0.2
_NOISE, _MOTION = 0.4, 0.8  # share of the probability that moved: up to, and from
_CUT = 0.35  # the same, as a mean over the picture


class SemanticSmoother:
    """A `Stage` that smooths the maps of classes of a video over time.

    Each pixel has the exponential mean of its probabilities by the time stamps of the frames. What
    clearly changes, as where a car comes, is taken over at once, pixel by pixel, and a cut begins
    anew; so do frames that are not later than the one before, such as stills.

    The segmenter in front should leave surfaces out, `segmenter.with_config(surfaces=False)`, as
    they are those of the smoothed map; `segmenter.for_video()` gives both.

    Args:
        finish: Makes instances of the smoothed map; None for `with_surfaces`, of all classes.
        time_constant_s: After so many seconds a former frame counts for a third of what it did.

    Raises:
        SettingError: The time constant is not positive.
    """

    def __init__(
        self,
        *,
        finish: Callable[[Result], Result] | None = None,
        time_constant_s: float = _USUAL_TIME_CONSTANT_S,
    ) -> None:
        if not time_constant_s > 0:
            raise SettingError(
                f"`time_constant_s` is {time_constant_s}, expected seconds above 0",
                hint=f"the usual value is {_USUAL_TIME_CONSTANT_S}",
            )
        self._finish = with_surfaces if finish is None else finish
        self._time_constant_s = time_constant_s
        self._before: SemanticMap | None = None
        self._before_s = 0.0

    def __call__(self, result: Result, /) -> Result:
        """Return the result with the smoothed map, and the instances that are made of it."""
        if result.semantic is not None:
            passed_s = result.frame.time_s - self._before_s
            semantic = self._smoothed(result.semantic, passed_s)
            self._before, self._before_s = semantic, result.frame.time_s
            result = replace(result, semantic=semantic)
        return self._finish(result)

    def reset(self) -> None:
        """Forget the frames that were seen."""
        self._before = None

    def _smoothed(self, semantic: SemanticMap, passed_s: float) -> SemanticMap:
        before = self._before
        if before is None or passed_s <= 0 or not _is_alike(before, semantic):
            return semantic
        change = semantic.probabilities - before.probabilities
        moved: NDArray[np.float32] = np.abs(change).sum(axis=0) / np.float32(2)
        if moved.mean() > _CUT:
            return semantic
        rate = np.float32(-math.expm1(-passed_s / self._time_constant_s))
        is_motion = np.clip((moved - np.float32(_NOISE)) / np.float32(_MOTION - _NOISE), 0, 1)
        change *= rate + (1 - rate) * is_motion
        change += before.probabilities
        return SemanticMap.of_probabilities(change, semantic.letterbox)


def _is_alike(one: SemanticMap, other: SemanticMap) -> bool:
    """Return whether two maps lie the same in images of one size."""
    return one.letterbox == other.letterbox and one.logits.shape == other.logits.shape
