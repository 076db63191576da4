"""ONNX files with float16 weights and metadata of their own."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from urban_segmentor.exporters.ultralytics_env import require_modules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SMALLEST = 16  # values; shapes and scalars stay as they are


def to_fp16_weights(model: Any) -> None:
    """Convert float32 weights to float16, each widened by a Cast at the graph's start.

    Arithmetic so stays in whatever precision the runtime chooses. Weights that float16 cannot
    hold stay as they are.

    Args:
        model: The `onnx.ModelProto`, which is changed.
    """
    onnx: Any = import_module("onnx")
    graph = model.graph
    kept: list[Any] = []
    casts: list[Any] = []
    largest = float(np.finfo(np.float16).max)
    for tensor in graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        is_weight = values.dtype == np.float32 and values.size >= _SMALLEST
        if not is_weight or not np.abs(values).max() <= largest:
            kept.append(tensor)
            continue
        name = f"{tensor.name}_half"
        kept.append(onnx.numpy_helper.from_array(values.astype(np.float16), name))
        casts.append(
            onnx.helper.make_node("Cast", [name], [tensor.name], to=onnx.TensorProto.FLOAT)
        )
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)


def rewrite_onnx(source: Path, target: Path, *, half: bool, metadata: Mapping[str, object]) -> None:
    """Write an ONNX model with other metadata, checked for validity.

    Args:
        source: The model.
        target: Output path.
        half: True for float16 weights.
        metadata: The complete metadata.

    Raises:
        MissingExtraError: The library onnx is not installed.
    """
    require_modules("onnx")
    onnx: Any = import_module("onnx")
    model = onnx.load(str(source))
    if half:
        to_fp16_weights(model)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(target))
