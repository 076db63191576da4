"""Turns a trained checkpoint into the ONNX file that the package embeds.

    python tools/embed_model.py CHECKPOINT.pt NAME --training-data TEXT --accuracy TEXT

Needs the extra `train`. The weights are stored at half size and widened when a runtime loads
them, so that arithmetic stays in whatever precision the runtime chooses.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from ultralytics import YOLO

WEIGHTS = Path(__file__).parents[1] / "src/urban_segmentor/models/weights"
SMALLEST = 16  # values; shapes and scalars stay as they are


def halve_weights(model: onnx.ModelProto) -> None:
    """Store float32 initializers as float16, each widened by a Cast at the graph's start."""
    graph = model.graph
    kept, casts = [], []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < SMALLEST:
            kept.append(tensor)
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}_half")
        kept.append(half)
        casts.append(
            helper.make_node("Cast", [half.name], [tensor.name], to=onnx.TensorProto.FLOAT)
        )
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)


def main() -> None:
    """Export, halve, describe and check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("name")
    parser.add_argument("--description", required=True)
    parser.add_argument("--training-data", required=True)
    parser.add_argument("--accuracy", required=True)
    parser.add_argument("--imgsz", type=int, nargs=2, default=(384, 640))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(shutil.copy(args.checkpoint, folder))
        exported = YOLO(checkpoint).export(
            format="onnx", dynamic=True, simplify=False, imgsz=tuple(args.imgsz)
        )
        model = onnx.load(exported)
    halve_weights(model)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    wanted = {key: texts[key] for key in ("task", "names", "imgsz", "stride", "end2end", "version")}
    wanted |= {
        "description": args.description,
        "license": "AGPL-3.0; trained on Cityscapes: non-commercial use",
        "training_data": args.training_data,
        "accuracy": args.accuracy,
    }
    del model.metadata_props[:]
    helper.set_model_props(model, wanted)
    onnx.checker.check_model(model)
    target = WEIGHTS / f"{args.name}.onnx"
    onnx.save(model, target)
    print(json.dumps({"file": target.name, "bytes": target.stat().st_size} | wanted, indent=1))


if __name__ == "__main__":
    main()
