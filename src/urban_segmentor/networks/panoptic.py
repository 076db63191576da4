"""One network for things and surfaces: a YOLO segmentation network with a semantic branch.

The branch computes at stride 8, where its convolutions cost a quarter, and gives the four pixels
of stride 4 in every place as channels of their own, which are sorted at the very end. What is
thin comes from P2, folded from stride 4 to 8 by a strided convolution; P4, P5 and the pooled P5
say what kind of place it is.
"""

# Ultralytics gives few types; what is used of it is checked by tests.
# pyright: basic, reportArgumentType=false, reportCallIssue=false, reportGeneralTypeIssues=false
# pyright: reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false
# pyright: reportIndexIssue=false, reportOptionalIterable=false, reportOptionalSubscript=false
# pyright: reportOptionalMemberAccess=false

from __future__ import annotations

import copy
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from ultralytics.cfg import get_cfg
from ultralytics.nn.modules import Conv
from ultralytics.nn.modules.block import Proto26
from ultralytics.nn.tasks import SegmentationModel
from ultralytics.utils.torch_utils import fuse_conv_and_bn

from urban_segmentor.errors import ModelError
from urban_segmentor.networks.class_rows import class_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DETAIL_STRIDE, _OUTPUT_STRIDE = 4, 4
_LEVELS = 3  # P3, P4 and P5
_PROBE = 64  # pixels
_PRIOR_OBJECTS = 5.0  # an image, of a class that begins afresh


@dataclass(frozen=True, slots=True, kw_only=True)
class PanopticArchitecture:
    """All that a panoptic network is built from, besides its weights.

    Attributes:
        base: Name of the base network, such as `yolov8n-seg`.
        layers: Ultralytics' description of the base network.
        base_classes: Number of classes that the head was laid out for; inner widths go by it.
        names: Names of all classes, by class id.
        is_thing: Of each class, whether it has instances.
        width: Channels of the semantic branch.
    """

    base: str
    layers: dict[str, Any]
    base_classes: int
    names: tuple[str, ...]
    is_thing: tuple[bool, ...]
    width: int = 64

    @property
    def instance_class_ids(self) -> tuple[int, ...]:
        """The class ids of things, which are the rows of the instance head."""
        return tuple(i for i, is_thing in enumerate(self.is_thing) if is_thing)

    @classmethod
    def parsed(cls, values: Mapping[str, Any]) -> PanopticArchitecture:
        """Return the architecture of plain values.

        Raises:
            TypeError: There is no such value, or one is missing.
        """
        table = dict(values)
        for key in ("names", "is_thing"):
            table[key] = tuple(table[key])
        return cls(**table)

    def as_dict(self) -> dict[str, Any]:
        """Return the architecture as plain values."""
        return asdict(self)


class SemanticBranch(nn.Module):
    """Logits of all classes at a quarter of the input.

    Args:
        channels: Of P2, P3, P4 and P5.
        classes: Number of classes.
        width: Channels inside.
    """

    def __init__(self, channels: Sequence[int], *, classes: int, width: int) -> None:
        super().__init__()
        p2, p3, p4, p5 = channels
        self.p2, self.p3 = Conv(p2, width, 3, 2), Conv(p3, width, 1)
        self.p4, self.p5 = Conv(p4, width, 1), Conv(p5, width, 1)
        self.scene = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(p5, width, 1), nn.SiLU(), nn.Conv2d(width, width, 1)
        )
        self.context, self.mix = Conv(width, width, 3), Conv(width, width, 3)
        phases = (_DETAIL_STRIDE * 2 // _OUTPUT_STRIDE) ** 2
        self.out = nn.Conv2d(width, classes * phases, 1)
        self.sort = nn.PixelShuffle(math.isqrt(phases))

    def forward(self, p2: Tensor, p3: Tensor, p4: Tensor, p5: Tensor) -> Tensor:
        """Return logits, float (B, C, H / 4, W / 4).

        Args:
            p2: Features of stride 4.
            p3: Of stride 8.
            p4: Of stride 16.
            p5: Of stride 32.
        """
        context = self.context(self.p4(p4) + _doubled(self.p5(p5)) + self.scene(p5))
        return self.sort(self.out(self.mix(self.p3(p3) + self.p2(p2) + _doubled(context))))


class PanopticNetwork(nn.Module):
    """A YOLO segmentation network for things, with a semantic branch for all classes.

    Args:
        architecture: What it is built from; weights are random.
    """

    def __init__(self, architecture: PanopticArchitecture) -> None:
        super().__init__()
        self.architecture = architecture
        layers = copy.deepcopy(architecture.layers)
        base = SegmentationModel(layers, nc=architecture.base_classes, verbose=False)
        base.args = get_cfg()
        things = architecture.instance_class_ids
        _keep_rows(base, [None] * len(things))
        base.names = {row: architecture.names[i] for row, i in enumerate(things)}
        self.base = base
        head = base.model[-1]
        if hasattr(head, "one2one_cv2"):
            head.end2end = True  # final boxes, which is what such networks are trained for
        if isinstance(head.proto, Proto26):
            head.proto.__class__ = _PlainProto26
            head.proto.semseg = None  # a branch for its own training, of things alone
        self._detail = _last_of_stride(base, _DETAIL_STRIDE)
        channels = _channels(base, [self._detail, *head.f[:_LEVELS]])
        self.semantic = SemanticBranch(
            channels, classes=len(architecture.names), width=architecture.width
        )

    @property
    def stride(self) -> int:
        """Sides of the input are multiples of it, pixels."""
        return max(int(self.base.stride.max()), 32)

    @property
    def ends_in_nms(self) -> bool:
        """Whether the head gives final boxes."""
        return bool(getattr(self.base.model[-1], "end2end", False))

    def forward(self, images: Tensor) -> tuple[Any, Tensor]:
        """Return what the head gives, and the semantic logits, float (B, C, H / 4, W / 4).

        Args:
            images: float (B, 3, H, W), RGB in [0, 1].
        """
        features = _features(self.base, images)
        head = self.base.model[-1]
        pyramid = [features[i] for i in head.f]
        logits = self.semantic(features[self._detail], *pyramid[:_LEVELS])
        return head(pyramid), logits

    def fused(self) -> PanopticNetwork:
        """Return a copy for inference, its normalizations folded into the convolutions."""
        other = copy.deepcopy(self).float().eval()
        other.base.fuse(verbose=False)
        for module in other.semantic.modules():
            if isinstance(module, Conv):
                module.conv = fuse_conv_and_bn(module.conv, module.bn)
                del module.bn
                module.forward = module.forward_fuse
        return other


class _PlainProto26(Proto26):
    """Prototypes without the branch that Ultralytics trains beside them."""

    def forward(self, x: Any) -> Tensor:
        return cast("Tensor", super().forward(x, return_semantic=False))


def begin_from(
    checkpoint: SegmentationModel,
    *,
    names: Sequence[str],
    is_thing: Sequence[bool],
    sources: Mapping[str, str] | None = None,
) -> PanopticNetwork:
    """Return a panoptic network with the weights of a segmentation checkpoint.

    Rows of classes are taken over by name; see `class_rows`. The branch begins afresh.

    Args:
        checkpoint: The `SegmentationModel` of Ultralytics.
        names: Names of all classes, by class id.
        is_thing: Of each, whether it has instances.
        sources: Class of the checkpoint that a class begins from, by its name.

    Raises:
        ModelError: The checkpoint is of no YOLO whose features are known.
        SettingError: `sources` names a class that there is not.
    """
    head = checkpoint.model[-1]
    known = [str(checkpoint.names[i]) for i in sorted(checkpoint.names)]
    architecture = PanopticArchitecture(
        base=str(checkpoint.yaml.get("yaml_file", "")).rsplit("/", 1)[-1].removesuffix(".yaml"),
        layers={key: value for key, value in checkpoint.yaml.items() if key != "yaml_file"},
        base_classes=int(checkpoint.yaml.get("nc", head.nc)),
        names=tuple(names),
        is_thing=tuple(is_thing),
    )
    things = [names[i] for i in architecture.instance_class_ids]
    rows = class_rows(things, known, sources=sources)
    network = PanopticNetwork(architecture)
    trained = copy.deepcopy(checkpoint).float()
    _keep_rows(trained, rows)
    state = {k: v for k, v in trained.state_dict().items() if ".proto.semseg." not in k}
    missing, unknown = network.base.load_state_dict(state, strict=False)
    if missing or unknown:
        raise ModelError(
            "the checkpoint is laid out otherwise than its own description: "
            f"{(missing + unknown)[0]}",
            hint="take a checkpoint such as yolov8n-seg, yolo11n-seg or yolo26n-seg",
        )
    return network


def _keep_rows(base: SegmentationModel, rows: Sequence[int | None]) -> None:
    """Give the head one row for each class, taken from a row that it has, or fresh."""
    head = base.model[-1]
    branches = [head.cv3, *([head.one2one_cv3] if hasattr(head, "one2one_cv3") else [])]
    for branch in branches:
        for level, layers in enumerate(branch):
            layers[-1] = _kept(layers[-1], rows, cells=(640 / float(base.stride[level])) ** 2)
    head.nc, head.no = len(rows), len(rows) + head.reg_max * 4
    base.nc = len(rows)


def _kept(old: nn.Conv2d, rows: Sequence[int | None], *, cells: float) -> nn.Conv2d:
    new = nn.Conv2d(old.in_channels, len(rows), 1)
    with torch.no_grad():
        new.bias.fill_(math.log(_PRIOR_OBJECTS / len(rows) / cells))
        for i, row in enumerate(rows):
            if row is not None:
                new.weight[i], new.bias[i] = old.weight[row], old.bias[row]
    return new


def _last_of_stride(base: SegmentationModel, stride: int) -> int:
    """Return the last layer of the backbone whose features have a stride."""
    shapes = _shapes(base)
    side = _PROBE // stride
    first = min(base.model[-1].f)
    found = [i for i, shape in enumerate(shapes[:first]) if shape[-1] == side]
    if not found:
        raise ModelError(
            f"the network has no features of stride {stride}",
            hint="take a checkpoint such as yolov8n-seg, yolo11n-seg or yolo26n-seg",
        )
    return found[-1]


def _channels(base: SegmentationModel, layers: Sequence[int]) -> list[int]:
    shapes = _shapes(base)
    return [int(shapes[i][1]) for i in layers]


@torch.inference_mode()
def _shapes(base: SegmentationModel) -> list[torch.Size]:
    """Return the shape of each layer's features for a square of 64 pixels."""
    training = base.training
    base.eval()
    features = _features(base, torch.zeros(1, 3, _PROBE, _PROBE))
    base.train(training)
    return [feature.shape for feature in features]


def _features(base: SegmentationModel, images: Tensor) -> list[Tensor]:
    """Return the features of each layer before the head."""
    features: list[Tensor] = []
    x: Any = images
    for layer in base.model[:-1]:
        if isinstance(layer.f, int):
            x = x if layer.f == -1 else features[layer.f]
        else:
            x = [x if i == -1 else features[i] for i in layer.f]
        x = layer(x)
        features.append(x)
    return features


def _doubled(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
