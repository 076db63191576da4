"""What an export says about itself: from the user, from the checkpoint, from the file it was."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from urban_segmentor.structures.cityscapes_labels import BY_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from urban_segmentor.export.checkpoint import Checkpoint
    from urban_segmentor.models.spec import ModelSpec

_MASK_MAP = "metrics/mAP50-95(M)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDescription:
    """What the user says about a model; None where something sensible is to be found.

    Attributes:
        description: One line about the model.
        training_data: What it was trained on.
        accuracy: Measured accuracy with the frames it was measured on.
        license: License of the weights.
    """

    description: str | None = None
    training_data: str | None = None
    accuracy: str | None = None
    license: str | None = None


def of_checkpoint(checkpoint: Checkpoint) -> dict[str, object]:
    """Return what can be told from a checkpoint and not from its export.

    Args:
        checkpoint: The model.
    """
    args = checkpoint.train_args
    data, epochs, imgsz = (args.get(key) for key in ("data", "epochs", "imgsz"))
    told = [
        f"`{_short(str(data))}`" if data else "",
        f"{epochs} epochs" if epochs else "",
        f"{_sides(imgsz)} px" if imgsz else "",
    ]
    mask_map = checkpoint.metrics.get(_MASK_MAP)
    return {
        "description": _description(checkpoint),
        "license": _license(checkpoint.class_names),
        "training_data": ", ".join(part for part in told if part),
        "accuracy": f"mask mAP50-95 {100 * mask_map:.1f} in the validation of its training, which "
        "is not the official AP"
        if isinstance(mask_map, float)
        else "",
    }


def of_file(spec: ModelSpec, metadata: Mapping[str, object]) -> dict[str, object]:
    """Return what another form of an exported file says, all but what the user says better.

    Args:
        spec: What the file says, read.
        metadata: The same, as it stands there.
    """
    return {
        "task": spec.task,
        "names": dict(enumerate(spec.class_names)),
        "imgsz": list(spec.imgsz),
        "stride": spec.stride,
        "end2end": spec.ends_in_nms,
        "version": str(metadata.get("version", "")),
        "description": spec.description,
        "license": spec.license,
        "training_data": spec.training_data,
        "accuracy": spec.accuracy,
    }


def told_by(about: ModelDescription) -> dict[str, object]:
    """Return what the user says, as metadata."""
    said = {
        "description": about.description,
        "training_data": about.training_data,
        "accuracy": about.accuracy,
        "license": about.license,
    }
    return {key: " ".join(text.split()) for key, text in said.items() if text is not None}


def _description(checkpoint: Checkpoint) -> str:
    kind = checkpoint.base.replace("yolo", "YOLO") or "YOLO-seg"
    count = len(checkpoint.class_names)
    of_cityscapes = "Cityscapes " if _is_cityscapes(checkpoint.class_names) else ""
    return f"{kind}, {count} {of_cityscapes}{'class' if count == 1 else 'classes'}"


def _license(class_names: Sequence[str]) -> str:
    if _is_cityscapes(class_names):
        return "AGPL-3.0; for non-commercial use if trained on Cityscapes, as its terms say"
    return "AGPL-3.0"


def _sides(imgsz: object) -> str:
    if isinstance(imgsz, list | tuple):
        return " x ".join(str(side) for side in cast("Sequence[Any]", imgsz))
    return str(imgsz)


def _is_cityscapes(class_names: Sequence[str]) -> bool:
    return all(name in BY_NAME for name in class_names)


def _short(data: str) -> str:
    """Return a data set by the end of its path; the rest is nobody's business."""
    return "/".join(Path(data).parts[-2:])
