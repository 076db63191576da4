"""A model whose outputs are said beforehand, for a segmenter that runs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.inference.runtimes.selection import USUAL_SELECTION
from urban_segmentor.inference.segmenter import Segmenter
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Outputs = Sequence[NDArray[np.float32]]

CLASSES = ClassList.from_names(
    ["road", "sky", "person", "car"], is_thing=[False, False, True, True]
)
ROAD, SKY, PERSON, CAR = range(4)
INPUT_SIZE = (64, 128)
"""Height and width of the input, pixels; maps have a quarter of it."""


class FakeModelFile:
    """A model file whose network answers what a function says.

    Args:
        answer: Returns the output tensors for a batch, uint8 (1, H, W, 3).
    """

    metadata: dict[str, object]
    static_size = INPUT_SIZE

    def __init__(self, answer: Callable[[NDArray[np.uint8]], Outputs]) -> None:
        self.metadata = {}
        self._answer = answer

    def compile(self, input_size: tuple[int, int]) -> FakeModelFile:
        """Return itself: it runs at its one size."""
        assert input_size == INPUT_SIZE
        return self

    def infer(self, batch: NDArray[np.uint8]) -> Outputs:
        """Return the answer."""
        assert batch.shape == (1, *INPUT_SIZE, 3)
        return self._answer(batch)


def fake_segmenter(
    answer: Outputs | Callable[[NDArray[np.uint8]], Outputs],
    *,
    has_semantic: bool = True,
    instance_class_ids: tuple[int, ...] = (CAR, PERSON),
    ends_in_nms: bool = True,
    config: SegmenterConfig | None = None,
) -> Segmenter:
    """Return a segmenter of the four classes.

    Args:
        answer: What the network says, always or for a batch.
        has_semantic: Whether its metadata tell of a map of classes.
        instance_class_ids: What the class rows of its head mean.
        ends_in_nms: Which layout its metadata tell of.
        config: Thresholds and classes.
    """
    known = ("instances", "prototypes", "semantic")
    spec = ModelSpec(
        task="segment",
        classes=CLASSES,
        imgsz=INPUT_SIZE,
        stride=32,
        ends_in_nms=ends_in_nms,
        description="",
        license="",
        training_data="",
        accuracy="",
        outputs=known if has_semantic else known[:2],
        instance_class_ids=instance_class_ids,
    )
    return Segmenter.from_model_file(
        FakeModelFile(answer if callable(answer) else lambda _: answer),
        spec=spec,
        selection=USUAL_SELECTION,
        config=config or SegmenterConfig(),
        path="fake.onnx",
    )


def final_head(*rows: tuple[float, float, float, float, float, int]) -> NDArray[np.float32]:
    """Return a head that ends in NMS, float32 (1, N, 7), whose masks fill their boxes.

    Args:
        rows: `x1, y1, x2, y2` in input pixels, score, class row.
    """
    head = np.array([(*row, 1) for row in rows], dtype=np.float32).reshape(1, -1, 7)
    return np.ascontiguousarray(head)


def prototypes() -> NDArray[np.float32]:
    """Return a prototype that is positive everywhere, float32 (1, 1, h, w)."""
    return np.ones((1, 1, INPUT_SIZE[0] // 4, INPUT_SIZE[1] // 4), dtype=np.float32)


def semantic_logits(labels: NDArray[np.integer], margin: float = 8.0) -> NDArray[np.float32]:
    """Return logits that say a map of classes, float32 (1, 4, h, w).

    Args:
        labels: Class ids, (h, w).
        margin: By which the class of a pixel leads.
    """
    one_hot = np.arange(len(CLASSES))[:, None, None] == labels
    return (one_hot * np.float32(margin))[None].astype(np.float32)
