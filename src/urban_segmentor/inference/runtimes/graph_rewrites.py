"""Rewrites of a graph that make OpenVINO faster, or that it needs to run it at all.

They hold for every input size, and leave a graph alone that has been rewritten already, as files
of `export` have.

**Prototype upsampling.** YOLO heads double the resolution of their prototypes by a transposed
convolution of 2 x 2, and convolve the result by 3 x 3 with nothing between. Both are linear. A
window of 2 x 2 small pixels holds all that four large ones depend on, so one convolution of 2 x 2
with four times the channels gives the same numbers for 4/9 of the products, and the large map
appears only at the very end, with half as many channels.

**Selection of rows.** End-to-end heads slice the best anchors' boxes, scores and coefficients out
of one tensor, and gather from each slice. OpenVINO 2026.4 removes these slices: compiling then
fails, or reads wrong memory. So whole rows are gathered first, and sliced then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino.opset13 as opset
from openvino.passes import ConstantFolding, Manager
from openvino.utils.node_factory import NodeFactory

if TYPE_CHECKING:
    import openvino as ov
    from numpy.typing import NDArray

_PHASES = 4  # large pixels of a window
_SLICES = frozenset({"Slice", "StridedSlice", "VariadicSplit", "Split"})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Layer:
    """A convolution with its bias, and SiLU where there is one.

    Attributes:
        weights: float64, as the operation lays them out.
        bias: float64 (C,).
        last: The node that gives its result.
    """

    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    last: Any


def fold_upsampling(model: ov.Model) -> None:
    """Fold the prototype upsampling of a model, if it has one.

    Args:
        model: Changed in place, in its own element type; results differ by rounding alone.
            Eight-bit layers are left unchanged.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() == "ConvolutionBackpropData":
            _fold_upsampling(node)


def fold_constants(model: ov.Model) -> None:
    """Compute what does not depend on the image; OpenVINO itself takes three times as long.

    Args:
        model: Of a fixed input size; changed in place, and left unchanged when in INT8, as the
            eight bits of its weights would become floats.
    """
    if "FakeQuantize" not in {node.get_type_name() for node in model.get_ordered_ops()}:
        folding = Manager()
        folding.register_pass(ConstantFolding())
        folding.run_passes(model)


def gather_rows(model: ov.Model) -> None:
    """Select whole rows of a model that ends in a selection, in place of parts of rows.

    Args:
        model: Changed in place; results stay the same.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() == "GatherElements":
            _gather_rows(node)


def _gather_rows(node: Any) -> None:  # noqa: ANN401
    """Gather whole rows, and slice them then, in place of gathering from a slice of columns."""
    columns, numbers = node.input_value(0), node.input_value(1).get_node()
    sliced = columns.get_node()
    if sliced.get_type_name() not in _SLICES or numbers.get_type_name() != "Broadcast":
        return
    table, number = sliced.input_value(0), numbers.input_value(0)
    whole, part, index = (one.get_partial_shape() for one in (table, columns, number))
    ranks = {shape.rank.get_length() for shape in (whole, part, index)}
    is_row = ranks == {3} and whole[1] == part[1] and index[2] == 1
    if not is_row or node.get_attributes()["axis"] != 1:
        return
    last, second = opset.constant(np.array([2])), opset.constant(np.array(1))
    rows = opset.gather(table, opset.squeeze(number, last), second, batch_dims=1)
    inputs = [rows.output(0), *sliced.input_values()[1:]]
    again = NodeFactory().create(sliced.get_type_name(), inputs, sliced.get_attributes())
    _replace(node, again.output(columns.get_index()))


def _fold_upsampling(node: Any) -> None:  # noqa: ANN401
    up = _layer(node, kernel=2, strides=2, pads=0, silu=False)
    middle = None if up is None else _layer(_single_consumer(up.last), kernel=3, pads=1, silu=True)
    end = (
        None
        if middle is None
        else _layer(_single_consumer(middle.last), kernel=1, pads=0, silu=True)
    )
    if up is None or middle is None or end is None:
        return
    small = node.input_value(0)
    dtype = small.get_element_type()
    beta = opset.constant(1.0, dtype)
    weights = _constant(_merged_weights(up, middle), dtype)
    merged = opset.convolution(small, weights, [1, 1], [1, 1], [1, 1], [1, 1])
    bias: Any = _constant(_merged_bias(up, middle), dtype)
    for axis in (2, 3):
        bias = opset.gather(bias, _border_kinds(small, axis), opset.constant(np.array(axis)))
    hidden = opset.swish(opset.add(merged, bias), beta)
    groups = _constant(np.broadcast_to(end.weights, (_PHASES, *end.weights.shape)), dtype)
    last = opset.group_convolution(hidden, groups, [1, 1], [0, 0], [0, 0], [1, 1])
    end_bias = _constant(np.tile(end.bias, _PHASES).reshape(1, -1, 1, 1), dtype)
    small_maps = opset.swish(opset.add(last, end_bias), beta)
    large = opset.depth_to_space(small_maps, "blocks_first", 2)
    # The windows begin one large pixel before the image, and end one behind it.
    start, stop, axes = (opset.constant(np.array(pair)) for pair in ((1, 1), (-1, -1), (2, 3)))
    _replace(end.last, opset.slice(large, start, stop, start, axes).output(0))


def _merged_weights(up: _Layer, middle: _Layer) -> NDArray[np.float64]:
    """Return float64 (4 * C, I, 2, 2): rows and columns of a window, for each of its pixels."""
    outputs, inputs = len(middle.weights), len(up.weights)
    merged = np.zeros((2, 2, outputs, inputs, 2, 2))
    for below, right, row, column in np.ndindex(2, 2, 3, 3):
        (down, upper), (across, left) = divmod(below + row, 2), divmod(right + column, 2)
        taps = middle.weights[:, :, row, column] @ up.weights[:, :, upper, left].T
        merged[below, right, :, :, down, across] += taps
    return merged.reshape(_PHASES * outputs, inputs, 2, 2)


def _merged_bias(up: _Layer, middle: _Layer) -> NDArray[np.float64]:
    """Return float64 (1, 4 * C, 3, 3): for windows at the first border, inside, and at the last.

    At borders taps fall on padding, where there is no bias of the upsampling.
    """
    side = 4  # large pixels of three windows, less the one that lies outside at either end
    large = side + 2
    inside = np.pad(np.ones((side, side)), 2)
    taps = np.einsum("omyx,m->oyx", middle.weights, up.bias)
    bias = np.broadcast_to(middle.bias[:, None, None], (len(taps), large, large)).copy()
    for row, column in np.ndindex(3, 3):
        valid = inside[row : row + large, column : column + large]
        bias += taps[:, row, column, None, None] * valid
    windows = bias.reshape(len(taps), 3, 2, 3, 2).transpose(2, 4, 0, 1, 3)
    return windows.reshape(1, -1, 3, 3)


def _border_kinds(small: Any, axis: int) -> Any:  # noqa: ANN401
    """Return the node with 0, 1, ..., 1, 2: which windows of an axis lie at its borders."""
    first, inside, last = (opset.constant(np.array([kind])) for kind in range(3))
    sides = opset.gather(opset.shape_of(small), opset.constant(np.array([axis])), first)
    between = opset.broadcast(inside, opset.subtract(sides, inside))
    return opset.concat([first, between, last], 0)


def _layer(node: Any, *, kernel: int, pads: int, silu: bool, strides: int = 1) -> _Layer | None:  # noqa: ANN401
    """Return a node and those after it as a layer, or None when they are no such layer."""
    if node is None or "Convolution" not in node.get_type_name():
        return None
    attributes: dict[str, Any] = node.get_attributes()
    weights = _values(node.input_value(1))
    expected = {"strides": strides, "pads_begin": pads, "pads_end": pads, "dilations": 1}
    is_plain = all(
        list(attributes.get(name, ())) == [value] * 2 for name, value in expected.items()
    )
    is_plain = is_plain and not any(attributes.get("output_padding", ()))
    if weights is None or weights.shape[2:] != (kernel, kernel) or not is_plain:
        return None
    add_node = _single_consumer(node)
    if add_node is None or add_node.get_type_name() != "Add":
        return None
    bias = _values(add_node.input_value(1))
    channels = weights.shape[1] if strides == 2 else weights.shape[0]
    if bias is None or bias.size != channels:
        return None
    last = _silu_of(add_node) if silu else add_node
    return None if last is None else _Layer(weights=weights, bias=bias.ravel(), last=last)


def _silu_of(node: Any) -> Any:  # noqa: ANN401
    """Return the node that computes the SiLU of another, or None."""
    consumers = {consumer.get_type_name(): consumer for consumer in _consumers(node)}
    if set(consumers) == {"Swish"}:
        return consumers["Swish"]
    if set(consumers) != {"Sigmoid", "Multiply"}:
        return None
    consumer = _single_consumer(
        consumers["Sigmoid"]
    )  # nodes compared by `==` would become an operation
    is_same = consumer is not None and consumer.get_name() == consumers["Multiply"].get_name()
    return consumers["Multiply"] if is_same else None


def _consumers(node: Any) -> list[Any]:  # noqa: ANN401
    """Return the nodes that take the values of a node; biases of ONNX ask for its shape too."""
    targets = [target.get_node() for target in node.output(0).get_target_inputs()]
    return [target for target in targets if target.get_type_name() != "ShapeOf"]


def _single_consumer(node: Any) -> Any:  # noqa: ANN401
    consumers = _consumers(node)
    return consumers[0] if len(consumers) == 1 else None


def _values(output: Any) -> NDArray[np.float64] | None:  # noqa: ANN401
    """Return the values of a constant, float64, in the shape it is kept in, or None."""
    node = output.get_node()
    while node.get_type_name() in {"Convert", "Reshape"}:  # halved weights, and biases of ONNX
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant" or not node.output(0).get_element_type().is_real():
        return None
    return np.asarray(node.get_data(), dtype=np.float64)


def _replace(node: Any, output: Any) -> None:  # noqa: ANN401
    """Hand a new output to all that take the output of an old node."""
    for target in list(node.output(0).get_target_inputs()):
        target.replace_source_output(output)


def _constant(values: NDArray[np.float64], dtype: ov.Type) -> Any:  # noqa: ANN401
    return opset.constant(np.ascontiguousarray(values), dtype)
