"""The top-k selection of end-to-end heads, removed from the graph and done in NumPy.

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
class TopKLayer:
    """Top-k selection: best anchors first, then their best classes.

    Attributes:
        count: Number of rows to select.
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
        anchors = _top_indices(scores.max(axis=1), self.count)
        pairs = _top_indices(scores[anchors].ravel(), self.count)
        rows, class_ids = anchors[pairs // self.classes], pairs % self.classes
        head_rows = head[rows]
        score_and_class = scores[rows, class_ids][:, None], class_ids[:, None].astype(np.float32)
        selected = np.hstack([head_rows[:, :4], *score_and_class, head_rows[:, 4 + self.classes :]])
        return [selected[None], *outputs[1:]]


def split_topk(model: ov.Model) -> tuple[ov.Model, TopKLayer | None]:
    """Return the model without the top-k selection at its end, and the `TopKLayer` for it.

    Args:
        model: The model; one without top-k selection is returned unchanged.
    """
    results = [result.input_value(0) for result in model.get_results()]
    head = results[0].get_partial_shape()
    if head.rank.is_dynamic or head.rank.get_length() != 3 or head[2].is_dynamic:
        return model, None
    source = _gathered_from(results[0].get_node(), depth=8)
    if source is None or head[1].is_dynamic:
        return model, None
    width = source.get_partial_shape()[2].get_length()
    select = TopKLayer(count=head[1].get_length(), classes=width - head[2].get_length() + 2)
    outputs: list[Any] = [source, *results[1:]]
    trimmed = ov.Model(outputs, model.get_parameters(), "without selection")  # pyright: ignore[reportGeneralTypeIssues] - its stubs name another Model
    return trimmed, select


def _gathered_from(node: Any, *, depth: int) -> Any:  # noqa: ANN401 - openvino types no nodes
    """Return the tensor of all anchors from which a node gathers its inputs, or None."""
    if depth == 0:
        return None
    if node.get_type_name() == "GatherElements":
        sliced = node.input_value(0).get_node()
        shape = node.input_value(0).get_partial_shape()
        if sliced.get_type_name() in _SLICES and shape.rank.get_length() == 3:
            return sliced.input_value(0)
    for value in node.input_values():
        tensor = _gathered_from(value.get_node(), depth=depth - 1)
        if tensor is not None:
            return tensor
    return None


def _top_indices(scores: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Return the indices of the highest scores, best first."""
    count = min(count, len(scores))
    top = np.argpartition(-scores, count - 1)[:count]
    return top[np.argsort(-scores[top], kind="stable")]
