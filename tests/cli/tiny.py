"""A model of a few kilobytes that sees one car and one person in every picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from urban_segmentor.structures.cityscapes_labels import TRAIN_NAMES

SIDE = 64
CAR, PERSON = TRAIN_NAMES.index("car"), TRAIN_NAMES.index("person")
METADATA = {
    "task": "segment",
    "names": str(dict(enumerate(TRAIN_NAMES))),
    "imgsz": str([SIDE, SIDE]),
    "stride": "32",
    "description": "sees [bold]one[/bold] car and one person",
}


def save_tiny_model(
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    seen: tuple[int, int] = (CAR, PERSON),
    **metadata: str | None,
) -> Path:
    """Write the model; metadata replace the usual ones, None leaves one out.

    The car fills the left half of the input, the person a part of the right half.

    Args:
        path: Where to.
        class_names: None for those of Cityscapes.
        seen: Class ids of what it sees instead of the car and the person.
        metadata: As text.
    """
    if class_names is not None:
        metadata = {"names": str(dict(enumerate(class_names))), **metadata}
    classes = len(TRAIN_NAMES if class_names is None else class_names)
    head = np.zeros((1, 4 + classes + 1, 2), dtype=np.float32)
    head[0, :4, 0] = SIDE * 0.25, SIDE * 0.5, SIDE * 0.4, SIDE * 0.4
    head[0, :4, 1] = SIDE * 0.75, SIDE * 0.5, SIDE * 0.2, SIDE * 0.4
    head[0, 4 + seen[0], 0], head[0, 4 + seen[1], 1] = 0.9, 0.6
    head[0, -1] = 1
    prototypes = np.full((1, 1, SIDE // 4, SIDE // 4), -9, dtype=np.float32)
    prototypes[:, :, 6:10] = 9  # masks are flatter than their boxes
    nodes = [
        helper.make_node("ReduceSum", ["images"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Add", ["head", "nothing"], ["output0"]),
        helper.make_node("Add", ["prototypes", "nothing"], ["output1"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(head.shape)),
            helper.make_tensor_value_info("output1", TensorProto.FLOAT, list(prototypes.shape)),
        ],
        [
            numpy_helper.from_array(head, "head"),
            numpy_helper.from_array(prototypes, "prototypes"),
            numpy_helper.from_array(np.zeros((), dtype=np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    kept = {key: value for key, value in (METADATA | metadata).items() if value is not None}
    helper.set_model_props(model, kept)
    onnx.save(model, str(path))
    return path
