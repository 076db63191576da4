"""What is measured: each model with each runtime, precision and input size that is there."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from urban_segmentor.benchmark.hardware import native_precision
from urban_segmentor.errors import SettingError
from urban_segmentor.inference.config import SegmenterConfig
from urban_segmentor.inference.runtimes.selection import Precision, RuntimeSelection, select_runtime
from urban_segmentor.inference.segmenter import Segmenter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from urban_segmentor.benchmark.files import BenchmarkModel

RUNTIMES: tuple[Literal["openvino", "onnx"], ...] = ("openvino", "onnx")
_NO_ONNX = "`onnxruntime` is not installed: pip install 'urban-segmentor[onnx]'"
_ONE_PRECISION = "ONNX Runtime has one precision, which is measured as f32"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkCandidate:
    """One way to run a model.

    Attributes:
        file: The model.
        runtime: `openvino` or `onnx`.
        device: `cpu`, `gpu`, `cuda:0`, ...
        precision: What is asked for: `auto` or `f32`.
        computes_in: What comes of that here: `bf16`, `f16`, `f32`, or `tf32` on CUDA.
        imgsz: Long side of the network input, pixels.
    """

    file: BenchmarkModel
    runtime: Literal["openvino", "onnx"]
    device: str
    precision: Precision
    computes_in: str
    imgsz: int

    @property
    def is_exact(self) -> bool:
        """True where float weights are computed with in float32."""
        return self.computes_in == "f32" and not self.file.is_quantized

    @property
    def label(self) -> str:
        """How it is called in a line."""
        return f"{self.file.name} {self.runtime} {self.computes_in} {self.imgsz}"

    def load(self, *, conf: float, streams: int) -> Segmenter:
        """Return the model, ready to be called.

        Args:
            conf: Only scores above it count, in [0, 1].
            streams: How many pictures may be in work at once.

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
    """What is not measured, and why.

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
        """Return what it is, and why, in a line."""
        parts = (self.model, self.runtime, self.precision, self.imgsz and str(self.imgsz))
        return f"{' '.join(part for part in parts if part)}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkPlan:
    """What is measured and what is not.

    Attributes:
        candidates: In the order of models, input sizes, runtimes and precisions.
        left_out: What is not measured.
    """

    candidates: tuple[BenchmarkCandidate, ...]
    left_out: tuple[SkippedCandidate, ...]


def parse_sizes(text: str | None) -> tuple[int, ...]:
    """Return long sides of the network input, pixels; none where the model's own is meant.

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
    """Return what is to be measured.

    Args:
        files: The models.
        device: `auto`, `cpu`, `gpu`, `cuda:0`, ...
        sizes: Long sides of the network input, pixels; none for what each model was made for.

    Raises:
        SettingError: There is no such device, a model cannot take a size, or nothing is left.
    """
    select_runtime(device=device, runtime="auto", suffix=".onnx")  # refuses what is no device
    candidates: list[BenchmarkCandidate] = []
    left_out: list[SkippedCandidate] = []
    for file in files:
        choices, reasons = _choices(file, device)
        left_out += reasons
        for size in _input_sizes(file, sizes, left_out):
            candidates += [
                BenchmarkCandidate(
                    file=file,
                    runtime=choice.runtime,
                    device=choice.device,
                    precision=precision,
                    computes_in=computes_in,
                    imgsz=size,
                )
                for choice, precision, computes_in in choices
            ]
    if files and not candidates:
        raise SettingError(
            f"nothing is left to measure: {'; '.join(str(one) for one in left_out)}",
            hint="choose another --device or --imgsz",
        )
    return BenchmarkPlan(candidates=tuple(candidates), left_out=tuple(left_out))


def _choices(
    file: BenchmarkModel, device: str
) -> tuple[list[tuple[RuntimeSelection, Precision, str]], list[SkippedCandidate]]:
    """Return runtimes with their precisions, and why some are left out."""
    choices: list[tuple[RuntimeSelection, Precision, str]] = []
    left_out: list[SkippedCandidate] = []
    for runtime in RUNTIMES:
        try:
            choice = select_runtime(device=device, runtime=runtime, suffix=file.path.suffix)
        except SettingError as error:
            left_out.append(SkippedCandidate(model=file.name, runtime=runtime, reason=str(error)))
            continue
        if runtime == "onnx" and find_spec("onnxruntime") is None:
            left_out.append(SkippedCandidate(model=file.name, runtime=runtime, reason=_NO_ONNX))
            continue
        for precision, computes_in, reason in _precisions(choice):
            if reason:
                left_out.append(
                    SkippedCandidate(
                        model=file.name, runtime=runtime, precision=precision, reason=reason
                    )
                )
            else:
                choices.append((choice, precision, computes_in))
    return choices, left_out


def _precisions(choice: RuntimeSelection) -> list[tuple[Precision, str, str]]:
    """Return each precision, what it comes to, and why it is left out, or an empty string."""
    if choice.runtime == "onnx":
        # CUDA rounds factors to TF32 on cards that have it.
        computes_in = "f32" if choice.device == "cpu" else "tf32"
        return [("auto", computes_in, _ONE_PRECISION), ("f32", computes_in, "")]
    native = native_precision(choice.device)
    same = f"it is f32 as well: `{choice.device}` is best at that" if native == "f32" else ""
    return [("auto", native, same), ("f32", "f32", "")]


def _input_sizes(
    file: BenchmarkModel, sizes: Sequence[int], left_out: list[SkippedCandidate]
) -> Iterator[int]:
    """Yield the long sides that a model takes, and note those that its export rules out."""
    for size in sizes or (None,):
        try:
            taken = SegmenterConfig(imgsz=size).input_size(
                file.spec, static_size=file.static_size, where=file.name
            )
        except SettingError as error:
            if file.static_size is None:
                raise
            left_out.append(SkippedCandidate(model=file.name, imgsz=size, reason=str(error)))
        else:
            yield max(taken) if isinstance(taken, tuple) else taken
