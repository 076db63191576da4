"""Predictions of one frame, and the interface of saved predictions."""

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
    """Predictions of one frame; None for kinds that the format does not have.

    Attributes:
        instances: N instances, masks at the size of the ground truth.
        panoptic: Panoptic map, int32 (H, W).
        label_ids: uint8 (H, W), official label ids, 0 for nothing.
    """

    instances: Instances | None
    panoptic: PanopticMap | None
    label_ids: NDArray[np.uint8] | None


class SavedPredictions(Protocol):
    """Predictions of a set of frames, saved by any tool.

    Immutable after opening, so several threads may read at once.
    """

    @property
    def kind(self) -> str:
        """Name of the format, such as `COCO instances`."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names by class id, those of Cityscapes where they match."""
        ...

    @property
    def stems(self) -> frozenset[str]:
        """Stems of the frames with predictions, such as `aachen_000000_000019`."""
        ...

    def of(self, stem: str, *, size: tuple[int, int]) -> FramePrediction:
        """Return the predictions of a frame.

        Args:
            stem: Its name, one of `stems`.
            size: Height and width of the ground truth, pixels.

        Raises:
            PredictionError: There are no predictions of it, a file is missing or damaged, or
                masks have another size.
        """
        ...
