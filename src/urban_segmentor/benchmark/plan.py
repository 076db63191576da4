"""Plan of a benchmark: each model with each runtime, precision and input size available."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.inference.runtimes.openvino import native_precision
from urban_segmentor.inference.runtimes.selection import (
    RUNTIMES,
    Precision,
    RuntimeKey,
    RuntimeSelection,
    select_runtime,
)
from urban_segmentor.inference.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from urban_segmentor.benchmark.models import BenchmarkModel

_NO_ONNX = "`onnxruntime` is not installed: pip install 'urban-segmentor[onnx]'"
_ONE_PRECISION = "ONNX Runtime has one precision, which is measured as f32"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkCandidate:
    """A model with a runtime, device, precision and input size.

    Attributes:
        file: The model.
        runtime: Key of `RUNTIMES`.
        device: `cpu`, `gpu`, `cuda:0`, ...
        precision: Requested precision: `auto` or `f32`.
        computes_in: Actual precision: `bf16`, `f16`, `f32`, or `tf32` on CUDA.
        imgsz: Long side of the network input, pixels.
    """

    file: BenchmarkModel
    runtime: RuntimeKey
    device: str
    precision: Precision
    computes_in: str
    imgsz: int

    @property
    def is_exact(self) -> bool:
        """True for float weights that are computed in float32."""
        return self.computes_in == "f32" and not self.file.is_quantized

    @property
    def label(self) -> str:
        """Name of the candidate in one line."""
        return f"{self.file.name} {self.runtime} {self.computes_in} {self.imgsz}"

    def load(self, *, conf: float, streams: int) -> Segmenter:
        """Return a segmenter of the candidate.

        Args:
            conf: Minimum score, in [0, 1].
            streams: Number of images that may be in work at once.

        Raises:
            ModelError: It cannot be loaded.
            SettingError: The device is not there.
        """
        return Segmenter(
            self.file.path,
            device=self.device,
            runtime=self.runtime,
            precision=self.precision,
            imgsz=self.imgsz,
            conf=conf,
            streams=streams,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedCandidate:
    """A combination that is not measured, and why.

    Attributes:
        model: As the user named it.
        runtime: `openvino` or `onnx`; empty for all.
        precision: `auto` or `f32`; empty for all.
        imgsz: Long side of the network input, pixels; None for all.
        reason: A sentence.
    """

    model: str
    runtime: str = ""
    precision: str = ""
    imgsz: int | None = None
    reason: str

    def __str__(self) -> str:
        """Return the combination and the reason in one line."""
        parts = (self.model, self.runtime, self.precision, self.imgsz and str(self.imgsz))
        return f"{' '.join(part for part in parts if part)}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkPlan:
    """Candidates of a benchmark, and skipped combinations.

    Attributes:
        candidates: In the order of models, input sizes, runtimes and precisions.
        skipped: Combinations that are not measured.
    """

    candidates: tuple[BenchmarkCandidate, ...]
    skipped: tuple[SkippedCandidate, ...]


def parse_sizes(text: str | None) -> tuple[int, ...]:
    """Return long sides of the network input, pixels; none for the model's own.

    Raises:
        SettingError: It is no list of numbers, one is out of range, or given twice.

    >>> parse_sizes("640,1024")
    (640, 1024)
    """
    if text is None:
        return ()
    try:
        sizes = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise SettingError(
            f"`imgsz` is `{text}`, expected long sides with commas", hint="--imgsz 640,768,1024"
        ) from None
    for size in sizes:
        SegmenterConfig(imgsz=size)
    if len(set(sizes)) < len(sizes):
        raise SettingError(f"`imgsz` is `{text}`, which has a size twice", hint="--imgsz 640,1024")
    return sizes


def make_plan(
    files: Sequence[BenchmarkModel], *, device: str, sizes: Sequence[int]
) -> BenchmarkPlan:
    """Return the plan of a benchmark.

    Args:
        files: The models.
        device: `auto`, `cpu`, `gpu`, `cuda:0`, ...
        sizes: Long sides of the network input, pixels; none for each model's own.

    Raises:
        SettingError: There is no such device, a model cannot take a size, or nothing is left.
    """
    select_runtime(device=device, runtime="auto", suffix=".onnx")  # refuses what is no device
    candidates: list[BenchmarkCandidate] = []
    skipped: list[SkippedCandidate] = []
    for file in files:
        selections, reasons = _runtimes(file, device)
        skipped += reasons
        for size in _input_sizes(file, sizes, skipped):
            candidates += [
                BenchmarkCandidate(
                    file=file,
                    runtime=selection.runtime,
                    device=selection.device,
                    precision=precision,
                    computes_in=computes_in,
                    imgsz=size,
                )
                for selection, precision, computes_in in selections
            ]
    if files and not candidates:
        raise SettingError(
            f"nothing is left to measure: {'; '.join(str(candidate) for candidate in skipped)}",
            hint="choose another --device or --imgsz",
        )
    return BenchmarkPlan(candidates=tuple(candidates), skipped=tuple(skipped))


def _runtimes(
    file: BenchmarkModel, device: str
) -> tuple[list[tuple[RuntimeSelection, Precision, str]], list[SkippedCandidate]]:
    """Return runtimes with their precisions, and skipped ones with the reason."""
    selections: list[tuple[RuntimeSelection, Precision, str]] = []
    skipped: list[SkippedCandidate] = []
    for runtime in RUNTIMES:
        try:
            selection = select_runtime(device=device, runtime=runtime, suffix=file.path.suffix)
        except SettingError as error:
            skipped.append(SkippedCandidate(model=file.name, runtime=runtime, reason=str(error)))
            continue
        if runtime == "onnx" and find_spec("onnxruntime") is None:
            skipped.append(SkippedCandidate(model=file.name, runtime=runtime, reason=_NO_ONNX))
            continue
        for precision, computes_in, reason in _precisions(selection):
            if reason:
                skipped.append(
                    SkippedCandidate(
                        model=file.name, runtime=runtime, precision=precision, reason=reason
                    )
                )
            else:
                selections.append((selection, precision, computes_in))
    return selections, skipped


def _precisions(selection: RuntimeSelection) -> list[tuple[Precision, str, str]]:
    """Return each precision, the actual one, and why it is skipped, or an empty string."""
    if selection.runtime == "onnx":
        # CUDA rounds factors to TF32 on cards that have it.
        computes_in = "f32" if selection.device == "cpu" else "tf32"
        return [("auto", computes_in, _ONE_PRECISION), ("f32", computes_in, "")]
    native = native_precision(selection.device)
    same = f"it is f32 as well: `{selection.device}` is best at that" if native == "f32" else ""
    return [("auto", native, same), ("f32", "f32", "")]


def _input_sizes(
    file: BenchmarkModel, sizes: Sequence[int], skipped: list[SkippedCandidate]
) -> Iterator[int]:
    """Yield the long sides that a model takes, and add those it cannot take to `skipped`."""
    for size in sizes or (None,):
        try:
            imgsz = SegmenterConfig(imgsz=size).input_size(
                file.spec, static_size=file.static_size, where=file.name
            )
        except SettingError as error:
            if file.static_size is None:
                raise
            skipped.append(SkippedCandidate(model=file.name, imgsz=size, reason=str(error)))
        else:
            yield max(imgsz) if isinstance(imgsz, tuple) else imgsz
