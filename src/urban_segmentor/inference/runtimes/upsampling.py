"""Folding of the prototype upsampling into the convolution after it.

YOLO heads double the resolution of their prototypes by a transposed convolution of 2 x 2, and
convolve the result by 3 x 3 with nothing between. Both are linear. A window of 2 x 2 small pixels
holds all that four large ones depend on, so one convolution of 2 x 2 with four times the channels
gives the same numbers for 4/9 of the products, and the large map appears only at the very end,
with half as many channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino.opset13 as opset
from openvino.passes import ConstantFolding, Manager

if TYPE_CHECKING:
    import openvino as ov
    from numpy.typing import NDArray

_PHASES = 4  # large pixels of a window


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
    """Fold the prototype upsampling of a model of fixed input size, if it has one.

    Args:
        model: Changed in place; results differ by rounding alone. An INT8 model is left
            unchanged.
    """
    # A node with a Python reference counts as used, so none may be kept across the folding.
    if "FakeQuantize" in {node.get_type_name() for node in model.get_ordered_ops()}:
        return  # folding constants would undo the eight bits of weights
    folding = Manager()
    folding.register_pass(ConstantFolding())  # biases come out of chains that ask for shapes
    folding.run_passes(model)
    for node in model.get_ordered_ops():
        if node.get_type_name() == "ConvolutionBackpropData":
            _fold(node)


def _fold(node: Any) -> None:  # noqa: ANN401
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
    height, width = (int(side) for side in tuple(small.get_shape())[2:])
    merged = opset.convolution(
        small, _constant(_merged_weights(up, middle)), [1, 1], [1, 1], [1, 1], [1, 1]
    )
    hidden = _silu(merged, _merged_bias(up, middle, height=height, width=width))
    groups = np.broadcast_to(end.weights, (_PHASES, *end.weights.shape))
    last = opset.group_convolution(hidden, _constant(groups), [1, 1], [0, 0], [0, 0], [1, 1])
    small_maps = _silu(last, np.tile(end.bias, _PHASES).reshape(1, -1, 1, 1))
    large = opset.depth_to_space(small_maps, "blocks_first", 2)
    # The windows begin one large pixel before the picture, and end one behind it.
    one, axes = opset.constant(np.array([1, 1])), opset.constant(np.array([2, 3]))
    stop = opset.constant(np.array([2 * height + 1, 2 * width + 1]))
    inside = opset.slice(large, one, stop, one, axes)
    for target in list(end.last.output(0).get_target_inputs()):
        target.replace_source_output(inside.output(0))


def _merged_weights(up: _Layer, middle: _Layer) -> NDArray[np.float64]:
    """Return float64 (4 * C, I, 2, 2): rows and columns of a window, for each of its pixels."""
    outputs, inputs = len(middle.weights), len(up.weights)
    merged = np.zeros((2, 2, outputs, inputs, 2, 2))
    for below, right, row, column in np.ndindex(2, 2, 3, 3):
        (down, upper), (across, left) = divmod(below + row, 2), divmod(right + column, 2)
        taps = middle.weights[:, :, row, column] @ up.weights[:, :, upper, left].T
        merged[below, right, :, :, down, across] += taps
    return merged.reshape(_PHASES * outputs, inputs, 2, 2)


def _merged_bias(up: _Layer, middle: _Layer, *, height: int, width: int) -> NDArray[np.float64]:
    """Return float64 (1, 4 * C, height + 1, width + 1): at borders taps fall on padding."""
    large = (2 * height + 2, 2 * width + 2)
    inside = np.pad(np.ones((2 * height, 2 * width)), 2)
    taps = np.einsum("omyx,m->oyx", middle.weights, up.bias)
    bias = np.broadcast_to(middle.bias[:, None, None], (len(taps), *large)).copy()
    for row, column in np.ndindex(3, 3):
        valid = inside[row : row + large[0], column : column + large[1]]
        bias += taps[:, row, column, None, None] * valid
    windows = bias.reshape(len(taps), height + 1, 2, width + 1, 2).transpose(2, 4, 0, 1, 3)
    return windows.reshape(1, -1, height + 1, width + 1)


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
    return [target.get_node() for target in node.output(0).get_target_inputs()]


def _single_consumer(node: Any) -> Any:  # noqa: ANN401
    consumers = _consumers(node)
    return consumers[0] if len(consumers) == 1 else None


def _values(output: Any) -> NDArray[np.float64] | None:  # noqa: ANN401
    """Return the values of a constant, float64, or None for other nodes."""
    node = output.get_node()
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    if node.get_type_name() != "Constant" or not node.output(0).get_element_type().is_real():
        return None
    return np.asarray(node.get_data(), dtype=np.float64)


def _silu(node: Any, bias: NDArray[np.float64]) -> Any:  # noqa: ANN401
    return opset.swish(opset.add(node, _constant(bias)))


def _constant(values: NDArray[np.float64]) -> Any:  # noqa: ANN401
    return opset.constant(np.ascontiguousarray(values, dtype=np.float32))
