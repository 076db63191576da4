"""ONNX export of a training's best checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.datasets.images import read_image
from urban_segmentor.exporters.export import export
from urban_segmentor.exporters.options import ExportOptions, ModelDescription

if TYPE_CHECKING:
    from urban_segmentor.exporters.export_plan import ExportProgress
    from urban_segmentor.training.fit import TrainingResult

_STRIDE = 32


def export_best(result: TrainingResult, *, progress: ExportProgress | None = None) -> Path:
    """Return the path of the ONNX export of a training's best checkpoint, verified against it.

    Args:
        result: Result of the training.
        progress: Called with the progress of the export.

    Raises:
        ModelError: The export differs from the checkpoint.
        OutputError: It cannot be written.
    """
    record = result.folder.read()
    first = (result.folder.root / "val.txt").read_text(encoding="utf-8").split("\n", 1)[0]
    image = result.folder.root / first  # absolute, or in the folder of the run
    images = record["images"]["train"]
    names = ", ".join(Path(root).name for root in record["data"])
    options = ExportOptions(
        model=str(result.best),
        format="onnx",
        imgsz=_input_size(image, long_side=int(record["settings"].get("imgsz", 640))),
        data=Path(record["data"][0]),
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


def _input_size(image: Path, *, long_side: int) -> tuple[int, int]:
    """Return height and width of the network input for the shape of an image, pixels."""
    height, width = read_image(image).shape[:2]
    scale = long_side / max(height, width)
    sides = [max(1, round(side * scale / _STRIDE)) * _STRIDE for side in (height, width)]
    return sides[0], sides[1]
