"""Maps that give each pixel a segment, or a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures._arrays import read_only

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One object, or all of one class of stuff, in a panoptic map.

    Attributes:
        segment_id: Its value in the map, from 1.
        class_id: Position in the class list of the model.
        is_thing: True where single objects are told apart.
        score: In [0, 1].
        area_px: Pixels of the map that have its id.
    """

    segment_id: int
    class_id: int
    is_thing: bool
    score: float
    area_px: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PanopticMap:
    """A picture cut into segments, each pixel in one of them or in none.

    Attributes:
        segment_ids: int32 (H, W), the id of a segment, or 0 for void.
        segments: Every segment, none of them empty.
    """

    segment_ids: NDArray[np.int32]
    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        """Check and freeze the map; ids must be positive and differ."""
        frozen = read_only("segment_ids", self.segment_ids, "int32", "* *")
        object.__setattr__(self, "segment_ids", frozen)
        ids = [segment.segment_id for segment in self.segments]
        if len(set(ids)) != len(ids) or min(ids, default=1) < 1:
            raise ShapeError(f"ids of segments must be positive and differ, got {ids}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SemanticMap:
    """The class of each pixel.

    Attributes:
        class_ids: int32 (H, W), positions in the class list of the model; -1 for none.
        scores: float32 (H, W), in [0, 1], of the class; None where nobody knows.
    """

    class_ids: NDArray[np.int32]
    scores: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        """Check and freeze the maps."""
        class_ids = read_only("class_ids", self.class_ids, "int32", "* *")
        object.__setattr__(self, "class_ids", class_ids)
        if self.scores is not None:
            height, width = class_ids.shape
            scores = read_only("scores", self.scores, "float32", f"{height} {width}")
            object.__setattr__(self, "scores", scores)
