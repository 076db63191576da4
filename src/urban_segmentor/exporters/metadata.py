"""Metadata of an export: from the user, from the checkpoint, from the original file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from urban_segmentor.models.known_classes import are_cityscapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from urban_segmentor.exporters.checkpoint import Checkpoint
    from urban_segmentor.exporters.options import ModelDescription
    from urban_segmentor.models.spec import ModelSpec

_MASK_MAP = "metrics/mAP50-95(M)"


def checkpoint_metadata(checkpoint: Checkpoint) -> dict[str, object]:
    """Return metadata of a checkpoint that its export lacks.

    Args:
        checkpoint: The model.
    """
    args = checkpoint.train_args
    data, epochs, imgsz = (args.get(key) for key in ("data", "epochs", "imgsz"))
    training = [
        f"`{_short(str(data))}`" if data else "",
        f"{epochs} epochs" if epochs else "",
        f"{_sides(imgsz)} px" if imgsz else "",
    ]
    mask_map = checkpoint.metrics.get(_MASK_MAP)
    return {
        "description": _description(checkpoint),
        "license": _license(checkpoint.class_names),
        "training_data": ", ".join(part for part in training if part),
        "accuracy": f"mask mAP50-95 {100 * mask_map:.1f} in the validation of its training, which "
        "is not the official AP"
        if isinstance(mask_map, float)
        else "",
    }


def file_metadata(spec: ModelSpec, metadata: Mapping[str, object]) -> dict[str, object]:
    """Return the metadata of an exported file that stays in another format.

    Args:
        spec: The parsed metadata.
        metadata: The raw metadata of the file.
    """
    return {
        "task": spec.task,
        "names": dict(enumerate(spec.class_names)),
        "is_thing": [info.is_thing for info in spec.classes],
        "colors": [list(info.color) for info in spec.classes],
        "imgsz": list(spec.imgsz),
        "stride": spec.stride,
        "end2end": spec.ends_in_nms,
        "version": str(metadata.get("version", "")),
        "description": spec.description,
        "license": spec.license,
        "training_data": spec.training_data,
        "accuracy": spec.accuracy,
    }


def user_metadata(given: ModelDescription) -> dict[str, object]:
    """Return the user's description as metadata, without what is None."""
    metadata = {
        "description": given.description,
        "training_data": given.training_data,
        "accuracy": given.accuracy,
        "license": given.license,
    }
    return {key: " ".join(text.split()) for key, text in metadata.items() if text is not None}


def _description(checkpoint: Checkpoint) -> str:
    kind = checkpoint.base.replace("yolo", "YOLO") or "YOLO-seg"
    count = len(checkpoint.class_names)
    of_cityscapes = "Cityscapes " if are_cityscapes(checkpoint.class_names) else ""
    return f"{kind}, {count} {of_cityscapes}{'class' if count == 1 else 'classes'}"


def _license(class_names: Sequence[str]) -> str:
    if are_cityscapes(class_names):
        return "AGPL-3.0; for non-commercial use if trained on Cityscapes, as its terms say"
    return "AGPL-3.0"


def _sides(imgsz: object) -> str:
    if isinstance(imgsz, list | tuple):
        return " x ".join(str(side) for side in cast("Sequence[Any]", imgsz))
    return str(imgsz)


def _short(data: str) -> str:
    """Return the last two parts of a data set's path; the rest would tell of the machine."""
    return "/".join(Path(data).parts[-2:])
