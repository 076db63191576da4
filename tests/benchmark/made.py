"""Candidates and rows made up, where no model has to run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from urban_segmentor.benchmark.models import BenchmarkModel
from urban_segmentor.benchmark.plan import BenchmarkCandidate
from urban_segmentor.benchmark.results import AccuracyFigures, BenchmarkRow, LatencyTimer
from urban_segmentor.models.spec import ModelSpec
from urban_segmentor.structures.classes import ClassList

if TYPE_CHECKING:
    from typing import Literal

    from urban_segmentor.benchmark.results import SpeedFigures

SPEC = ModelSpec(
    task="segment",
    classes=ClassList.from_names(("car", "person")),
    imgsz=(320, 640),
    stride=32,
    ends_in_nms=False,
    description="",
    license="",
    training_data="",
    accuracy="",
)


def made_file(
    name: str = "a.onnx",
    *,
    static_size: tuple[int, int] | None = None,
    is_quantized: bool = False,
    made_from: str = "",
) -> BenchmarkModel:
    """Return what could be read from a file that is not there."""
    return BenchmarkModel(
        name=name,
        path=Path("/models") / name,
        spec=SPEC,
        static_size=static_size,
        is_quantized=is_quantized,
        made_from=made_from,
    )


def made_speed(ms: float) -> SpeedFigures:
    """Return a speed of which inference takes nine tenths."""
    clock = LatencyTimer()
    clock.add({"preprocess": 0.0, "infer": 0.9 * ms, "postprocess": 0.1 * ms, "masks": 0.0})
    return clock.speed((320, 640))


def made_row(  # noqa: PLR0913 - a row has many columns
    file: BenchmarkModel,
    *,
    computes_in: str = "f32",
    runtime: Literal["openvino", "onnx"] = "openvino",
    imgsz: int = 640,
    ms: float | None = 10.0,
    ap: float | None = None,
    scored: bool = True,
    error: str = "",
) -> BenchmarkRow:
    """Return a row that nobody measured; `ap` in points."""
    fraction = None if ap is None else ap / 100
    accuracy = AccuracyFigures(ap=fraction, ap50=fraction, pq=0.3, miou=0.5, images=20)
    return BenchmarkRow(
        model=file.name,
        candidate=BenchmarkCandidate(
            file=file,
            runtime=runtime,
            device="cpu",
            precision="f32" if computes_in == "f32" else "auto",
            computes_in=computes_in,
            imgsz=imgsz,
        ),
        speed=None if ms is None else made_speed(ms),
        accuracy=accuracy if scored else None,
        error=error,
    )
