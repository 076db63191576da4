"""The result of a training as the light runtime takes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.datasets.images import read_image
from urban_segmentor.export.export import export
from urban_segmentor.export.export_metadata import ModelDescription
from urban_segmentor.export.export_options import ExportOptions, ExportProgress

if TYPE_CHECKING:
    from urban_segmentor.training.fit import TrainingResult

_STRIDE = 32


def export_best(trained: TrainingResult, *, progress: ExportProgress | None = None) -> Path:
    """Return the ONNX file of a training's best checkpoint, which answers as that does.

    Args:
        trained: What came out.
        progress: Hears how far the work is.

    Raises:
        ModelError: The export differs from the checkpoint.
        OutputError: It cannot be written.
    """
    record = trained.folder.read()
    image = Path((trained.folder.root / "val.txt").read_text(encoding="utf-8").split("\n", 1)[0])
    images = record["images"]["train"]
    names = ", ".join(Path(root).name for root in record["data"])
    wishes = ExportOptions(
        model=str(trained.best),
        format="onnx",
        imgsz=_input_size(image, long_side=int(record["settings"].get("imgsz", 640))),
        data=Path(record["data"][0]),
        output=trained.best.with_suffix(".onnx"),
        overwrite=True,
        about=ModelDescription(
            training_data=f"{names}: {images} pictures, {count(trained.epochs)}"
        ),
    )
    export(wishes, progress=progress)
    return trained.best.with_suffix(".onnx")


def count(epochs: int) -> str:
    """Return a number of epochs in words."""
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"


def _input_size(image: Path, *, long_side: int) -> tuple[int, int]:
    """Return height and width of the network input for pictures of one shape, pixels."""
    height, width = read_image(image).shape[:2]
    scale = long_side / max(height, width)
    sides = [max(1, round(side * scale / _STRIDE)) * _STRIDE for side in (height, width)]
    return sides[0], sides[1]
