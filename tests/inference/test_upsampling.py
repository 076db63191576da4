"""The folded up-sampling gives the numbers of the operations that it replaces."""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov
import openvino.opset13 as opset
import pytest

from urban_segmentor.inference.runtimes.openvino import OpenVinoModel, core
from urban_segmentor.inference.runtimes.upsampling import fold_upsampling
from urban_segmentor.models.registry import resolve_model

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}
CHANNELS, HIDDEN, MAPS = 5, 7, 3


def weights(*shape: int) -> Any:  # noqa: ANN401
    """Return a constant of random numbers."""
    values = np.random.default_rng(sum(shape)).standard_normal(shape)
    return opset.constant(values.astype(np.float32))


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
    read = OpenVinoModel(path, device="cpu", precision="f32", streams=1)
    model = read._model.clone()
    model.reshape([1, 3, *size])
    before = answers(model.clone())
    fold_upsampling(model)
    assert "ConvolutionBackpropData" not in kinds(model)
    boxes, prototypes = answers(model)
    np.testing.assert_array_equal(boxes, before[0])
    np.testing.assert_allclose(prototypes, before[1], rtol=0, atol=1e-4)
