"""Panoptic networks as ONNX, laid out as Ultralytics lays out its segmentation networks."""

# Ultralytics gives few types; what is used of it is checked by tests.
# pyright: basic, reportIndexIssue=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx
import torch
import ultralytics
from ultralytics.nn.modules import C2f
from ultralytics.utils.export.engine import best_onnx_opset, torch2onnx

from urban_segmentor.networks.torch_runtime import PanopticGraph, panoptic_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from urban_segmentor.networks.panoptic import PanopticNetwork

_MAX_DET = 300  # boxes of a head that ends in a selection
_AXES = {
    "images": {0: "batch", 2: "height", 3: "width"},
    "output0": {0: "batch", 2: "anchors"},
    "output1": {0: "batch", 2: "mask_height", 3: "mask_width"},
    "semantic": {0: "batch", 2: "map_height", 3: "map_width"},
}


def export_panoptic(
    network: PanopticNetwork, path: Path, *, imgsz: tuple[int, int]
) -> dict[str, object]:
    """Write a network as ONNX in float32, and return what it says about its graph.

    Batch, height and width stay open.

    Args:
        network: The network, which stays as it is.
        path: The file.
        imgsz: Height and width that the file names, pixels.
    """
    fused = network.fused().requires_grad_(requires_grad=False)
    head: Any = fused.base.model[-1]
    anchors = sum((imgsz[0] // int(s)) * (imgsz[1] // int(s)) for s in fused.base.stride)
    head.export, head.format, head.dynamic = True, "onnx", True
    head.max_det = min(_MAX_DET, anchors)
    for module in fused.modules():
        if isinstance(module, C2f):
            module.forward = module.forward_split  # a plainer graph
    torch2onnx(
        PanopticGraph(fused),
        torch.zeros(1, 3, *imgsz),
        path,
        opset=best_onnx_opset(onnx),
        input_names=["images"],
        output_names=[name for name in _AXES if name != "images"],
        dynamic=_AXES,
    )
    return panoptic_metadata(network, imgsz=imgsz) | {"version": ultralytics.__version__}
