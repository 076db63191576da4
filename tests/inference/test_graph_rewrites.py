"""Rewritten graphs give the numbers of those that they replace."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as opset
import pytest

from urban_segmentor.inference.runtimes.graph_rewrites import fold_upsampling, gather_rows
from urban_segmentor.inference.runtimes.openvino import OpenVinoModel, core
from urban_segmentor.models.registry import resolve_model

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
CHANNELS, HIDDEN, MAPS = 5, 7, 3


def weights(*shape: int, dtype: Any = np.float32) -> Any:  # noqa: ANN401
    """Return a constant of random numbers."""
    values = np.random.default_rng(sum(shape)).standard_normal(shape)
    return opset.constant(values.astype(dtype))


def silu(node: Any) -> Any:  # noqa: ANN401
    """Return `x * sigmoid(x)` as exports write it."""
    return opset.multiply(node, opset.sigmoid(node))


def head(  # noqa: PLR0913
    height: int,
    width: int,
    *,
    strides: int = 2,
    pads: int = 1,
    between: bool = False,
    twice: bool = False,
    eight_bits: bool = False,
) -> ov.Model:
    """Return the prototypes' branch of a head, or something that looks like it."""
    small = opset.parameter([1, CHANNELS, height, width], ov.Type.f32)
    up = opset.convolution_backprop_data(
        small, weights(CHANNELS, HIDDEN, 2, 2), [strides] * 2, pads_begin=[0, 0], pads_end=[0, 0]
    )
    up = opset.add(up, weights(1, HIDDEN, 1, 1))
    up = opset.relu(up) if between else up
    kernel = weights(HIDDEN, HIDDEN, 3, 3)
    if eight_bits:
        limits = [opset.constant(np.float32(value)) for value in (-4, 4, -4, 4)]
        kernel = opset.fake_quantize(kernel, *limits, 256)
    middle = opset.convolution(up, kernel, [1, 1], [pads] * 2, [pads] * 2, [1, 1])
    middle = silu(opset.add(middle, weights(1, HIDDEN, 1, 1)))
    last = opset.convolution(middle, weights(MAPS, HIDDEN, 1, 1), [1, 1], [0, 0], [0, 0], [1, 1])
    last = silu(opset.add(last, weights(1, MAPS, 1, 1)))
    results = [last, middle] if twice else [last]
    return ov.Model([opset.result(node) for node in results], [small])


def kinds(model: ov.Model) -> list[str]:
    """Return what operations a model has."""
    return [node.get_type_name() for node in model.get_ordered_ops()]


def answers(model: ov.Model) -> list[np.ndarray[Any, Any]]:
    """Return what a model gives for a picture of noise."""
    noise = np.random.default_rng(1).standard_normal(tuple(model.input().shape))
    compiled = core().compile_model(model, "CPU", EXACT)
    outcome = compiled(noise.astype(np.float32))
    return [np.array(outcome[i]) for i in range(len(model.outputs))]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (5, 4), (9, 16)])
def test_numbers_stay_the_same_up_to_the_border(height: int, width: int) -> None:
    """Windows at the border see padding, where there is no bias either."""
    model = head(height, width)
    (before,) = answers(model.clone())
    fold_upsampling(model)
    assert "ConvolutionBackpropData" not in kinds(model)
    (after,) = answers(model)
    assert after.shape == before.shape == (1, MAPS, 2 * height, 2 * width)
    np.testing.assert_allclose(after, before, rtol=0, atol=2e-5 * np.abs(before).max())


def test_every_input_size_has_its_own_borders() -> None:
    """A graph is rewritten once, before it is known what size it will run at."""
    model = head(-1, -1)
    rewritten = model.clone()
    fold_upsampling(rewritten)
    assert "ConvolutionBackpropData" not in kinds(rewritten)
    for size in [(2, 3), (5, 4)]:
        one, two = model.clone(), rewritten.clone()
        for each in (one, two):
            each.reshape([1, CHANNELS, *size])
        np.testing.assert_allclose(answers(two)[0], answers(one)[0], rtol=0, atol=1e-3)


def test_half_size_stays_half_size() -> None:
    """What takes float16 gets float16, or the graph would not hold together."""
    small = opset.parameter([1, CHANNELS, 3, 4], ov.Type.f16)
    up = opset.convolution_backprop_data(
        small, weights(CHANNELS, HIDDEN, 2, 2, dtype=np.float16), [2, 2]
    )
    up = opset.add(up, weights(1, HIDDEN, 1, 1, dtype=np.float16))
    kernels = [(HIDDEN, HIDDEN, 3, 3), (MAPS, HIDDEN, 1, 1)]
    for kernel, pads in zip(kernels, ([1, 1], [0, 0]), strict=True):
        filters = weights(*kernel, dtype=np.float16)
        up = opset.convolution(up, filters, [1, 1], pads, pads, [1, 1])
        up = silu(opset.add(up, weights(1, kernel[0], 1, 1, dtype=np.float16)))
    model = ov.Model([opset.result(up)], [small])
    (before,) = answers(model.clone())
    fold_upsampling(model)
    assert "ConvolutionBackpropData" not in kinds(model)
    real = {
        output.get_element_type().get_type_name()
        for node in model.get_ordered_ops()
        for output in node.outputs()
        if output.get_element_type().is_real()
    }
    assert real == {"f16"}
    np.testing.assert_allclose(answers(model)[0], before, rtol=0, atol=0.02 * np.abs(before).max())


@pytest.mark.parametrize("cut", ["slice", "split"])
def test_rows_are_gathered_before_columns_are_cut(cut: str) -> None:
    """The best rows are the same, and nothing gathers single elements any more."""
    table = opset.parameter([-1, -1, 6], ov.Type.f32)
    two, four, one = (opset.constant(np.array([number])) for number in (2, 6, 1))
    if cut == "slice":
        columns = opset.slice(table, two, four, one, two).output(0)
    else:
        lengths = opset.constant(np.array([2, 4]))
        columns = opset.variadic_split(table, opset.constant(2), lengths).output(1)
    best = opset.topk(opset.reduce_max(columns, two), opset.constant(3), 1, "max", "value", "i64")
    number = opset.unsqueeze(best.output(1), two)
    repeated = opset.broadcast(
        number, opset.constant(np.array([1, 1, 4])), broadcast_spec="BIDIRECTIONAL"
    )
    model = ov.Model([opset.result(opset.gather_elements(columns, repeated, 1))], [table])
    gather_rows(model)
    assert "GatherElements" not in kinds(model)
    rows = np.random.default_rng(0).standard_normal((1, 9, 6)).astype(np.float32)
    found = core().compile_model(model, "CPU", EXACT)(rows)[0]
    expected = rows[:, np.argsort(-rows[0, :, 2:].max(axis=1))[:3], 2:]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "other", [{"pads": 0}, {"between": True}, {"twice": True}, {"eight_bits": True}, {"strides": 1}]
)
def test_what_is_not_the_pattern_stays(other: dict[str, Any]) -> None:
    """Other paddings or strides, something between, a second reader, eight bits."""
    model = head(4, 6, **other)
    before = answers(model.clone())
    fold_upsampling(model)
    assert "ConvolutionBackpropData" in kinds(model)
    for one, two in zip(answers(model), before, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("size", [(64, 96), (384, 640)])
def test_the_embedded_model_has_the_pattern(size: tuple[int, int]) -> None:
    """Its prototypes differ by rounding in float32, and its boxes not at all."""
    path = resolve_model("urban-n")
    model = core().read_model(path)
    rewritten = OpenVinoModel(path, device="cpu", precision="f32", streams=1)._model.clone()
    for one in (model, rewritten):
        one.reshape([1, 3, *size])
    assert "ConvolutionBackpropData" in kinds(model)
    assert "ConvolutionBackpropData" not in kinds(rewritten)
    (expected_boxes, expected), (boxes, prototypes) = answers(model), answers(rewritten)
    np.testing.assert_array_equal(boxes, expected_boxes)
    np.testing.assert_allclose(prototypes, expected, rtol=0, atol=1e-4)
