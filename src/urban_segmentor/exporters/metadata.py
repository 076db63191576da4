"""Metadata of an export: from the user, from the checkpoint, from the original file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from urban_segmentor.models.known_classes import are_cityscapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from urban_segmentor.exporters.checkpoint import Checkpoint
    from urban_segmentor.exporters.options import ModelDescription
    from urban_segmentor.models.spec import ModelSpec

_MASK_MAP = "metrics/mAP50-95(M)"
_OFFICIAL = ("AP", "PQ", "mIoU")


def checkpoint_metadata(checkpoint: Checkpoint, *, has_semantic: bool) -> dict[str, object]:
    """Return metadata of a checkpoint that its export lacks.

    Args:
        checkpoint: The model.
        has_semantic: True when it has a semantic branch.
    """
    args = checkpoint.train_args
    data, epochs, imgsz = (args.get(key) for key in ("data", "epochs", "imgsz"))
    training = [
        f"`{_short(str(data))}`" if data else "",
        f"{epochs} epochs" if epochs else "",
        f"{_sides(imgsz)} px" if imgsz else "",
    ]
    return {
        "description": _description(checkpoint, has_semantic=has_semantic),
        "license": _license(checkpoint.class_names),
        "training_data": ", ".join(part for part in training if part),
        "accuracy": _accuracy(checkpoint.metrics, args),
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
        "outputs": list(spec.outputs),
        "instance_classes": list(spec.instance_class_ids),
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


def _accuracy(metrics: Mapping[str, Any], args: Mapping[str, Any]) -> str:
    """Return what training measured, which only our own does by the official rules."""
    mask_map = metrics.get(_MASK_MAP)
    if isinstance(mask_map, float):
        return (
            f"mask mAP50-95 {100 * mask_map:.1f} in the validation of its training, which is not "
            "the official AP"
        )
    figures = {name: metrics.get(f"metrics/{name}", math.nan) for name in _OFFICIAL}
    found = [f"{name} {value:.1f}" for name, value in figures.items() if math.isfinite(value)]
    if not found:
        return ""
    data, images, imgsz = (args.get(key) for key in ("data", "scored_images", "imgsz"))
    source = f"{data}/val" if data else "its validation data"
    on = f"{images} frames of {source}" if images else source
    return f"{', '.join(found)} on {on}" + (f", input {_sides(imgsz)} px" if imgsz else "")


def _description(checkpoint: Checkpoint, *, has_semantic: bool) -> str:
    kind = checkpoint.base.replace("yolo", "YOLO") or "YOLO-seg"
    if has_semantic:
        kind = f"{kind.removesuffix('-seg')} with a semantic branch"
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
