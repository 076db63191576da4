"""ONNX Runtime: what models it takes, its answers to many threads, and which cards it sees."""

from __future__ import annotations

import ctypes
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from urban_segmentor.errors import ModelError
from urban_segmentor.inference.runtimes import onnx as runtime
from urban_segmentor.inference.runtimes.onnx import OnnxModel, cuda_is_available

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ANY_SIZE = (1, 3, "height", "width")


def write_model(
    path: Path,
    *shapes: Sequence[int | str],
    dtype: int = TensorProto.FLOAT,
    node: str = "Identity",
) -> Path:
    """Write a model that gives its first input back, and return its path."""
    names = [f"input{i}" for i in range(len(shapes))]
    inputs = [
        helper.make_tensor_value_info(name, dtype, list(shape))
        for name, shape in zip(names, shapes, strict=True)
    ]
    output = helper.make_tensor_value_info("output", dtype, None)
    graph = helper.make_graph(
        [helper.make_node(node, names[:1], ["output"])], "g", inputs, [output]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"task": "segment"})
    onnx.save(model, str(path))
    return path


def batch(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Return noise, uint8 (1, H, W, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (1, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("dtype", "precision"), [(TensorProto.FLOAT, 1e-7), (TensorProto.FLOAT16, 1e-3)]
)
def test_images_come_planar_and_from_0_to_1(tmp_path: Path, dtype: int, precision: float) -> None:
    """In the type that the model wants; answers are float32 whatever they were."""
    model = OnnxModel(write_model(tmp_path / "m.onnx", ANY_SIZE, dtype=dtype), device="cpu")
    assert model.metadata == {"task": "segment"}
    image = batch(4, 6)
    (output,) = model.compile((4, 6)).infer(image)
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, image.transpose(0, 3, 1, 2) / 255, atol=precision)


def test_many_threads_get_their_own_answers(tmp_path: Path) -> None:
    model = OnnxModel(write_model(tmp_path / "m.onnx", ANY_SIZE), device="cpu")
    images = [batch(8, 8 + seed % 5, seed=seed) for seed in range(64)]
    with ThreadPoolExecutor(8) as pool:
        outputs = list(pool.map(model.infer, images))
    for image, (output,) in zip(images, outputs, strict=True):
        np.testing.assert_allclose(output, image.transpose(0, 3, 1, 2) / 255, atol=1e-7)


def test_a_fixed_size_is_known_and_others_are_refused(tmp_path: Path) -> None:
    fixed = OnnxModel(write_model(tmp_path / "fixed.onnx", (1, 3, 32, 64)), device="cpu")
    assert fixed.static_size == (32, 64)
    with pytest.raises(ModelError, match=r"fixed\.onnx` cannot run at 32 x 32") as caught:
        fixed.infer(batch(32, 32))
    assert "--imgsz" in str(caught.value.hint)
    assert len(fixed.infer(batch(32, 64))) == 1
    free = OnnxModel(write_model(tmp_path / "free.onnx", ANY_SIZE), device="cpu")
    assert free.static_size is None


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([ANY_SIZE, ANY_SIZE], "has inputs [[1, 3, 'height', 'width'], [1, 3, 'height', 'width']]"),
        ([(1, 10)], "has inputs [[1, 10]], expected one (B, 3, H, W)"),
    ],
    ids=["two", "flat"],
)
def test_inputs_that_are_no_images(
    tmp_path: Path, shapes: list[Sequence[int | str]], said: str
) -> None:
    with pytest.raises(ModelError) as caught:
        OnnxModel(write_model(tmp_path / "other.onnx", *shapes), device="cpu")
    assert said in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("harm", ["noise", "empty", "cut", "gone", "operation"])
def test_a_damaged_model(tmp_path: Path, harm: str) -> None:
    """One line names the file, and what to do."""
    path = write_model(tmp_path / "m.onnx", ANY_SIZE, node="Ide" if harm == "operation" else "Abs")
    if harm == "gone":
        path.unlink()
    elif harm != "operation":
        data = path.read_bytes()
        path.write_bytes({"noise": b"no model", "empty": b"", "cut": data[: len(data) // 2]}[harm])
    with pytest.raises(ModelError, match=r"m\.onnx` is damaged or not a model: ") as caught:
        OnnxModel(path, device="cpu")
    assert "\n" not in str(caught.value)
    assert "export the file again" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("init", "counted", "cards"), [(0, 2, 2), (0, 0, 0), (100, 2, 0)], ids=["two", "none", "broken"]
)
def test_cards_are_those_that_the_driver_counts(
    monkeypatch: pytest.MonkeyPatch, init: int, counted: int, cards: int
) -> None:
    """A driver that does not start has none; without ONNX Runtime none is of use."""

    def count_devices(count: Any) -> int:  # noqa: ANN401 - a reference of ctypes
        count._obj.value = counted
        return 0

    driver = SimpleNamespace(cuInit=lambda _flags: init, cuDeviceGetCount=count_devices)
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: driver)
    assert runtime._gpu_count() == cards
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not cuda_is_available()
