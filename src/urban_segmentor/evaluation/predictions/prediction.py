"""What saved predictions say of a picture, and who says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from urban_segmentor.structures.instances import Instances
    from urban_segmentor.structures.panoptic import PanopticMap


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FramePrediction:
    """What was predicted for one picture; None where nobody can say.

    Attributes:
        instances: N instances, masks at the size of the ground truth.
        panoptic: A map of segments, int32 (H, W).
        label_ids: uint8 (H, W), official label ids, 0 for nothing.
    """

    instances: Instances | None
    panoptic: PanopticMap | None
    label_ids: NDArray[np.uint8] | None


class SavedPredictions(Protocol):
    """Predictions of a set of pictures, as some tool saved them.

    Nothing changes after opening, so that several threads may ask at once.
    """

    @property
    def kind(self) -> str:
        """The format in words, such as `COCO instances`."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class list that `class_id` counts through; names of Cityscapes where they are."""
        ...

    @property
    def stems(self) -> frozenset[str]:
        """The pictures that the predictions speak of, such as `aachen_000000_000019`."""
        ...

    def of(self, stem: str, *, size: tuple[int, int]) -> FramePrediction:
        """Return what was predicted for a picture.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: There are no predictions of it, a file is missing or damaged, or
                masks have another size.
            MissingExtraError: Masks are polygons, and faster-coco-eval is not installed.
        """
        ...
