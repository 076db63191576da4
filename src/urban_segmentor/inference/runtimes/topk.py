"""The selection at the end of heads without NMS, taken out of the graph.

OpenVINO 2026.4 removes the slices in front of the `GatherElements` that selects the best anchors:
compiling then fails, or reads wrong memory. So the graph is cut before the selection, which costs
nothing in NumPy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SLICES = frozenset({"Slice", "StridedSlice", "VariadicSplit", "Split"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TopK:
    """Selects as the graph did: best anchors first, then their best classes.

    Attributes:
        count: Rows to select.
        classes: Length of the class list.
    """

    count: int
    classes: int

    def __call__(self, outputs: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return the outputs with the head selected.

        Args:
            outputs: The head, float32 (1, A, 4 + classes + M), and the rest.

        Returns:
            The head, float32 (1, N, 6 + M): box, score, class, mask coefficients; and the rest.
        """
        head = outputs[0][0]
        scores = head[:, 4 : 4 + self.classes]
        anchors = _best(scores.max(axis=1), self.count)
        pairs = _best(scores[anchors].ravel(), self.count)
        rows, class_ids = anchors[pairs // self.classes], pairs % self.classes
        chosen = head[rows]
        picked = scores[rows, class_ids][:, None], class_ids[:, None].astype(np.float32)
        selected = np.hstack([chosen[:, :4], *picked, chosen[:, 4 + self.classes :]])
        return [selected[None], *outputs[1:]]


def split_topk(model: ov.Model) -> tuple[ov.Model, TopK | None]:
    """Return the model without the selection at its end, and what selects instead.

    Args:
        model: As it was read; one whose head does not select is returned as it is.
    """
    results = [result.input_value(0) for result in model.get_results()]
    head = results[0].get_partial_shape()
    if head.rank.is_dynamic or head.rank.get_length() != 3 or head[2].is_dynamic:
        return model, None
    source = _gathered_from(results[0].get_node(), depth=8)
    if source is None or head[1].is_dynamic:
        return model, None
    width = source.get_partial_shape()[2].get_length()
    select = TopK(count=head[1].get_length(), classes=width - head[2].get_length() + 2)
    outputs: list[Any] = [source, *results[1:]]
    cut = ov.Model(outputs, model.get_parameters(), "without selection")  # pyright: ignore[reportGeneralTypeIssues] - its stubs name another Model
    return cut, select


def _gathered_from(node: Any, *, depth: int) -> Any:  # noqa: ANN401 - openvino types no nodes
    """Return the tensor of all anchors that a node's inputs were gathered from, or None."""
    if depth == 0:
        return None
    if node.get_type_name() == "GatherElements":
        sliced = node.input_value(0).get_node()
        shape = node.input_value(0).get_partial_shape()
        if sliced.get_type_name() in _SLICES and shape.rank.get_length() == 3:
            return sliced.input_value(0)
    for value in node.input_values():
        found = _gathered_from(value.get_node(), depth=depth - 1)
        if found is not None:
            return found
    return None


def _best(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the positions of the highest scores, best first."""
    count = min(count, len(scores))
    top = np.argpartition(-scores, count - 1)[:count]
    return top[np.argsort(-scores[top], kind="stable")]
