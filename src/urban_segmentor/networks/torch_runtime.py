"""A panoptic network in PyTorch, as a network that a `Segmenter` runs and that ONNX is made of."""

# Ultralytics gives few types; what is used of it is checked by tests.
# pyright: basic

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from urban_segmentor.networks.panoptic import PanopticNetwork

OUTPUTS = ("instances", "prototypes", "semantic")
"""Names of what the graph of a panoptic network gives, in order."""


class PanopticGraph(nn.Module):
    """A panoptic network that gives the tensors of an export, in the order of `OUTPUTS`.

    Args:
        network: In evaluation mode.
    """

    def __init__(self, network: PanopticNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the head, the prototypes and the semantic logits.

        Args:
            images: float (B, 3, H, W), RGB in [0, 1].
        """
        given, semantic = self.network(images)
        # While exporting the head gives the pair alone, else what it was made from as well.
        head, prototypes = given if isinstance(given[0], Tensor) else given[0]
        return head, prototypes, semantic


class TorchModel:
    """A network in PyTorch in place of an exported file.

    Args:
        module: Gives the tensors of an export; in evaluation mode.
        metadata: Metadata of its export.
        amp: Compute in bfloat16.
    """

    def __init__(
        self, module: nn.Module, metadata: Mapping[str, object], *, amp: bool = False
    ) -> None:
        self.metadata = metadata
        self._module = module
        self._amp = amp

    @property
    def static_size(self) -> tuple[int, int] | None:
        """None: a network takes any input size."""
        return None

    def compile(self, input_size: tuple[int, int]) -> TorchModel:  # noqa: ARG002 - the protocol has it
        """Return itself: it runs every input size."""
        return self

    def infer(self, batch: NDArray[np.uint8]) -> Sequence[NDArray[np.float32]]:
        """Run the network.

        Args:
            batch: uint8 (B, H, W, 3), RGB.

        Returns:
            The tensors of an export, float32.
        """
        device = next(self._module.parameters()).device
        planar = torch.from_numpy(np.ascontiguousarray(batch.transpose(0, 3, 1, 2))).to(device)
        images = (planar.float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=self._amp):
            outputs: Any = self._module(images)
        return [tensor.float().cpu().numpy() for tensor in outputs]


def panoptic_metadata(network: PanopticNetwork, *, imgsz: tuple[int, int]) -> dict[str, object]:
    """Return what the export of a network says about its graph.

    Args:
        network: The network.
        imgsz: Height and width of the input, pixels.
    """
    architecture = network.architecture
    return {
        "task": "segment",
        "names": dict(enumerate(architecture.names)),
        "is_thing": [int(is_thing) for is_thing in architecture.is_thing],
        "outputs": list(OUTPUTS),
        "instance_classes": list(architecture.instance_class_ids),
        "imgsz": list(imgsz),
        "stride": network.stride,
        "end2end": network.ends_in_nms,
    }
