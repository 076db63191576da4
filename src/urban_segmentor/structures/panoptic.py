"""Maps that give each pixel a segment, or a class."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from urban_segmentor.errors import ShapeError
from urban_segmentor.structures._arrays import ScalarT, read_only
from urban_segmentor.structures.class_maps import (
    best_classes,
    class_map,
    enlarge_map,
    softmax,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from urban_segmentor.structures.boxes import Letterbox

_MAX_CLASSES = 255
_LEAST = np.float32(1e-12)  # a probability of 0 has no logarithm


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
    """The class of each pixel of an image, kept as small as the network gave it.

    What has the size of the image is computed when it is first read, and kept.

    Attributes:
        logits: float32 (C, h, w), over the whole network input; the class of a pixel has the
            highest. At most 255 classes, as those of pixels are bytes.
        letterbox: How the image lies in the network input.
    """

    logits: NDArray[np.float32]
    letterbox: Letterbox
    _computed: dict[str, NDArray[Any]] = field(
        default_factory=dict[str, "NDArray[Any]"], init=False, repr=False
    )

    def __post_init__(self) -> None:
        """Check and freeze the logits."""
        logits = read_only("logits", self.logits, "float32", "* * *")
        if not logits.size or len(logits) > _MAX_CLASSES:
            raise ShapeError(f"`logits` must be of 1 to {_MAX_CLASSES} classes, got {logits.shape}")
        object.__setattr__(self, "logits", logits)

    @classmethod
    def of_probabilities(cls, probabilities: NDArray[np.float32], letterbox: Letterbox) -> Self:
        """Return the map whose classes have these probabilities.

        Args:
            probabilities: float32 (C, h, w), which add up to 1, over the whole network input.
            letterbox: How the image lies in the network input.
        """
        logits = np.log(np.maximum(probabilities, _LEAST))
        semantic = cls(logits=logits, letterbox=letterbox)
        semantic._once("probabilities", lambda: probabilities)
        return semantic

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the image, pixels."""
        return self.letterbox.image_size

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """The softmax of the logits, float32 (C, h, w)."""
        return self._once("probabilities", lambda: softmax(self.logits))

    @property
    def coarse_class_ids(self) -> NDArray[np.uint8]:
        """The class of each pixel of the logits, uint8 (h, w)."""
        return self._once("coarse_class_ids", lambda: best_classes(self.logits))

    @property
    def coarse_scores(self) -> NDArray[np.float32]:
        """The probability of that class, float32 (h, w)."""
        return self._once("coarse_scores", lambda: self.probabilities.max(axis=0))

    @property
    def class_ids(self) -> NDArray[np.uint8]:
        """The class of each pixel of the image, uint8 (H, W): positions in the class list.

        It has the highest of the logits as they are interpolated there; see
        `structures.class_maps`.
        """
        return self._once(
            "class_ids", lambda: class_map(self.logits, self.coarse_class_ids, self.letterbox)
        )

    @property
    def scores(self) -> NDArray[np.float32]:
        """About the probability of that class, float32 (H, W), in [0, 1].

        That of the best class at each pixel of the logits, interpolated. Along a border between
        two classes, each pixel has what the classes left and right of it have on average.
        """
        return self._once("scores", lambda: enlarge_map(self.coarse_scores, self.letterbox))

    def _once(self, name: str, compute: Callable[[], NDArray[ScalarT]]) -> NDArray[ScalarT]:
        """Return a computed map; when two threads are the first, both get that of one of them."""
        if name not in self._computed:
            array = compute()
            array.flags.writeable = False
            self._computed.setdefault(name, array)
        return self._computed[name]
