"""ONNX export of a training's best checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.exporters.export import export
from urban_segmentor.exporters.export_images import validation_frames
from urban_segmentor.exporters.options import ExportOptions, ModelDescription
from urban_segmentor.structures.boxes import rectangular_size

if TYPE_CHECKING:
    from urban_segmentor.exporters.export_plan import ExportProgress
    from urban_segmentor.training.run_folder import TrainingResult

_STRIDE = 32


def export_best(result: TrainingResult, *, progress: ExportProgress | None = None) -> Path:
    """Return the path of the ONNX export of a training's best checkpoint, verified against it.

    Args:
        result: Result of the training.
        progress: Called with the progress of the export.

    Raises:
        DatasetError: The data set of the training is gone.
        ModelError: The export differs from the checkpoint.
        OutputError: It cannot be written.
    """
    record = result.folder.read()
    data = Path(record["data"][0])
    height, width = validation_frames(data)[0].image().shape[:2]
    long_side = -(-int(record["settings"].get("imgsz", 640)) // _STRIDE) * _STRIDE
    images = record["images"]["train"]
    names = ", ".join(Path(root).name for root in record["data"])
    options = ExportOptions(
        model=str(result.best),
        format="onnx",
        imgsz=rectangular_size((height, width), long_side=long_side, stride=_STRIDE),
        data=data,
        output=result.best.with_suffix(".onnx"),
        overwrite=True,
        description=ModelDescription(
            training_data=f"{names}: {images} pictures, {format_epochs(result.epochs)}"
        ),
    )
    export(options, progress=progress)
    return result.best.with_suffix(".onnx")


def format_epochs(epochs: int) -> str:
    """Return a number of epochs as text."""
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"
